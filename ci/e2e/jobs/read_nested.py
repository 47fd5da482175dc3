"""Reads a Parquet table of nested columns with the engine and without, and prints rows and plan."""

import json
import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
table = spark.read.parquet(sys.argv[2])


def answer(enabled):
    spark.conf.set("spark.arclight.enabled", enabled)
    rows = spark.read.parquet(sys.argv[2]).orderBy("id")
    exploded = rows.selectExpr("id", "explode_outer(structs) AS x").selectExpr("id", "x.number")
    return {
        "rows": [row.asDict(recursive=True) for row in rows.collect()],
        "exploded": [[row.id, row.number] for row in exploded.orderBy("id").collect()],
        "plan": rows._jdf.queryExecution().executedPlan().toString(),
    }


print("RESULT " + json.dumps({"native": answer("true"), "spark": answer("false")}, default=str))
spark.stop()
