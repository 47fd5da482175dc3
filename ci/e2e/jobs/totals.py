"""Writes a small Parquet table, sums it by group, and prints the rows, the plan and the settings."""

import json
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.getOrCreate()
path = sys.argv[1]
table = spark.range(0, 10_000, numPartitions=4).select(
    (F.col("id") % 5).alias("key"), (F.col("id") * 1.5).alias("value"), F.col("id")
)
table.write.mode("overwrite").parquet(path)


def query():
    return (
        spark.read.parquet(path)
        .where("id >= 100")
        .groupBy("key")
        .agg(F.sum("value").alias("total"), F.count("*").alias("rows"))
        .orderBy("key")
    )


def answer():
    rows = query()
    values = [[row.key, row.total, row.rows] for row in rows.collect()]
    return {"rows": values, "plan": rows._jdf.queryExecution().executedPlan().toString()}


first = answer()
switched_off = None
if spark.conf.get("spark.arclight.enabled", "true") == "true":
    spark.conf.set("spark.arclight.enabled", "false")
    switched_off = answer()
    spark.conf.set("spark.arclight.enabled", "true")

conf = spark.sparkContext.getConf()
print(
    "RESULT "
    + json.dumps(
        {
            "first": first,
            "switched_off": switched_off,
            "again": answer(),
            "conf": dict(conf.getAll()),
            "executors": spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1,
        }
    )
)
spark.stop()
