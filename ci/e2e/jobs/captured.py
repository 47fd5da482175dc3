"""Runs queries of TPC-H while stages are captured, and counts the rows their filters let through."""

import json
import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
queries = json.loads(sys.argv[2])
for table, folder in queries["tables"].items():
    spark.read.parquet(folder).createOrReplaceTempView(table)

rows = {name: len(spark.sql(sql).collect()) for name, sql in queries["captured"].items()}
spark.conf.unset("spark.arclight.capture.directory")
counts = {name: spark.sql(sql).first()[0] for name, sql in queries["counted"].items()}
print("RESULT " + json.dumps({"rows": rows, "counts": counts}))
spark.stop()
