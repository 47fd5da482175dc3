"""A Spark Connect server that has the plugin, and its client in a process of its own."""

import json
import os
import subprocess
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F


def serve(path: str, port: str) -> None:
    """Starts the server, as one of the application's plugins, and the client."""
    spark = SparkSession.builder.getOrCreate()
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("PYSPARK_GATEWAY", "SPARK_", "MASTER"))}
    client = subprocess.run(
        [sys.executable, __file__, path, port, "client"],
        env=environment, capture_output=True, text=True, timeout=200)
    print(client.stdout)
    print(client.stderr, file=sys.stderr)
    client.check_returncode()
    spark.stop()


def ask(path: str, port: str) -> None:
    """What a user does."""
    spark = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()
    spark.range(0, 1000).select("id", (F.col("id") % 5).alias("k")).write.mode(
        "overwrite").parquet(path)

    def frame():
        return spark.read.parquet(path).groupBy("k").agg(
            F.sum("id").alias("s"), F.count("*").alias("n")).orderBy("k")

    plus_one = F.udf(lambda value: value + 1, "long")

    def plan():
        # An adaptive plan has its native stages only once it runs.
        spark.conf.set("spark.sql.adaptive.enabled", "false")
        try:
            return frame()._explain_string(mode="formatted")
        finally:
            spark.conf.unset("spark.sql.adaptive.enabled")

    def answers():
        return {
            "rows": [list(row) for row in frame().collect()],
            "pandas": frame().toPandas().values.tolist(),
            "udf": [list(row) for row in frame().select("k", plus_one("s")).collect()],
            "plan": plan(),
        }

    result = {"client": type(spark).__module__, "on": answers()}
    spark.conf.set("spark.arclight.enabled", "false")
    result["off"] = answers()
    spark.conf.set("spark.arclight.enabled", "true")
    try:
        spark.range(3).select(F.expr("CAST(concat('x', id) AS INT)")).collect()
    except Exception as error:  # what the client raises is the outcome
        result["error"] = f"{type(error).__name__}: {error}"
    print("RESULT " + json.dumps(result))
    spark.stop()


(ask if sys.argv[3:] == ["client"] else serve)(sys.argv[1], sys.argv[2])
