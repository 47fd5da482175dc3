"""Python and pandas functions over native operators and below them."""

import sys

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import LongType

from compare import differences, natives, report

spark = SparkSession.builder.getOrCreate()
spark.conf.set("spark.sql.shuffle.partitions", "2")
path = sys.argv[1]
spark.range(0, 5000, numPartitions=2).select(
    "id", (F.col("id") % 10).alias("k"), F.concat(F.lit("t"), "id").alias("text")
).write.mode("overwrite").parquet(path)


@F.udf("long")
def plus_one(value):
    return None if value % 7 == 0 else value + 1


@F.pandas_udf("long")
def doubled(values: pd.Series) -> pd.Series:
    return values * 2


@F.pandas_udf("double")
def mean(values: pd.Series) -> float:
    return float(values.mean())


def centred(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(id=frame.id - int(frame.id.min()))


def evens(batches):
    for batch in batches:
        yield batch[batch.id % 2 == 0]


@F.udtf(returnType="n: long")
class Repeat:
    def eval(self, n: int):
        for _ in range(n):
            yield (n,)


def table():
    return spark.read.parquet(path)


def python_above():
    return table().where("k > 2").groupBy("k").agg(F.sum("id").alias("s")).select(
        "k", plus_one("s"))


def pandas_below():
    return table().select("k", doubled("id").alias("d")).groupBy("k").agg(
        F.sum("d"), F.count("*"))


spark.udf.register("plus_one", plus_one)
frames = {
    "Python above an aggregation": python_above,
    "Python below an aggregation": lambda: table().select(
        "k", plus_one("id").alias("p")).groupBy("k").agg(F.sum("p")),
    "Python in a condition": lambda: table().where(plus_one("id") > 4000).groupBy("k").count(),
    "Python in SQL": lambda: spark.sql(
        f"SELECT k, max(plus_one(id)) FROM parquet.`{path}` GROUP BY k"),
    "pandas below an aggregation": pandas_below,
    "pandas aggregates": lambda: table().groupBy("k").agg(mean("id")),
    "pandas over groups": lambda: table().groupBy("k").applyInPandas(
        centred, "id long, k long, text string").groupBy("k").agg(F.max("id")),
    "pandas over batches": lambda: table().mapInPandas(
        evens, "id long, k long, text string").groupBy("k").agg(F.sum("id")),
    "arrow over batches": lambda: table().select("id").mapInArrow(
        lambda batches: batches, "id long").agg(F.sum("id")),
    "a table function": lambda: table().where("id < 5").lateralJoin(
        Repeat(F.col("id").cast(LongType()).outer())).groupBy("n").count(),
    "to pandas and back": lambda: spark.createDataFrame(
        table().where("id < 50").toPandas()).groupBy("k").agg(F.max("text")),
    "an RDD of rows": lambda: spark.createDataFrame(
        table().where("id < 50").rdd.map(lambda row: (row.id * 2, row.text)), "a long, b string"
    ).agg(F.sum("a"), F.max("b")),
    "a cache": lambda: table().groupBy("k").agg(F.sum("id").alias("s")).cache().where("s % 2 = 0"),
}
found = differences(spark, {name: (lambda f=frame: f().collect())
                            for name, frame in frames.items()})
counts = {}
for name in ("Python above an aggregation", "Python below an aggregation",
             "pandas below an aggregation"):
    frame = frames[name]()
    frame.collect()
    counts[name] = natives(frame)

# Native arrow conversion of a native plan is Spark's.
spark.conf.set("spark.sql.execution.arrow.pyspark.enabled", "true")
arrow = python_above().toPandas().sort_values("k").to_string()
spark.conf.set("spark.arclight.enabled", "false")
if arrow != python_above().toPandas().sort_values("k").to_string():
    found.append("toPandas through Arrow differs")
report(differences=found, natives=counts, steps=len(frames))
spark.stop()
