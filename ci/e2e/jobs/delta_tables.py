"""Delta tables written from native plans and read below native operators."""

import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from compare import differences, natives, report

spark = SparkSession.builder.getOrCreate()
spark.conf.set("spark.sql.shuffle.partitions", "2")
base = sys.argv[1]
sql = spark.sql


def table(name):
    """A table of its own for Spark and for the engine."""
    engine = "arclight" if spark.conf.get("spark.arclight.enabled") == "true" else "spark"
    return f"delta.`{base}/{name}_{engine}`"


def summary(name):
    return sql(f"SELECT k, count(*), sum(id), max(text) FROM {table(name)} GROUP BY k")


SOURCE = "SELECT id, id % 7 AS k, concat('t', id) AS text FROM range(0, 3000, 1, 2)"
VECTORS = "TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')"


def create():
    sql(f"CREATE TABLE {table('plain')} USING DELTA PARTITIONED BY (k) "
        f"TBLPROPERTIES ('delta.enableDeletionVectors' = 'false') AS {SOURCE}")
    sql(f"INSERT INTO {table('plain')} SELECT max(id), k, max(text) FROM ({SOURCE}) GROUP BY k")
    return summary("plain").collect()


def change():
    sql(f"UPDATE {table('plain')} SET text = 'changed' WHERE id % 100 = 3")
    sql(f"DELETE FROM {table('plain')} WHERE k = 2 OR id % 50 = 1")
    sql(f"MERGE INTO {table('plain')} t USING (SELECT id * 2 AS id, 6 AS k FROM range(2000)) s "
        "ON t.id = s.id AND t.k = s.k WHEN MATCHED THEN UPDATE SET text = 'merged' "
        "WHEN NOT MATCHED THEN INSERT (id, k, text) VALUES (s.id, s.k, 'new')")
    return summary("plain").collect()


def earlier_version():
    return sql(f"SELECT k, count(*), sum(id) FROM {table('plain')} VERSION AS OF 0 "
               "GROUP BY k").collect()


def deletion_vectors():
    sql(f"CREATE TABLE {table('vectors')} USING DELTA {VECTORS} AS {SOURCE}")
    sql(f"DELETE FROM {table('vectors')} WHERE id % 10 = 4")
    return summary("vectors").collect()


def overwritten():
    spark.sql(SOURCE).where("k < 3").write.format("delta").mode("overwrite").option(
        "replaceWhere", "k < 3").save(table("plain").split("`")[1])
    return summary("plain").collect()


def optimised():
    sql(f"OPTIMIZE {table('vectors')} ZORDER BY (id)")
    return summary("vectors").collect()


found = differences(spark, {
    "create and insert": create,
    "update, delete and merge": change,
    "an earlier version": earlier_version,
    "deletion vectors": deletion_vectors,
    "replaced where": overwritten,
    "optimised": optimised,
})

# With deletion vectors in use, straight after a delete.
spark.conf.set("spark.arclight.enabled", "true")
sql(f"DELETE FROM {table('vectors')} WHERE id % 10 = 5")
frame = summary("vectors")
rows = sum(row[1] for row in frame.collect())
plan = frame._jdf.queryExecution().executedPlan()
fallbacks = [
    reason._2() for reason in [
        spark._jvm.org.arclight.spark.explain.NativePlans.fallbacks(plan).apply(index)
        for index in range(
            spark._jvm.org.arclight.spark.explain.NativePlans.fallbacks(plan).size())
    ]
]
vectors = spark.read.json(f"{base}/vectors_arclight/_delta_log/*.json").where(
    "add.deletionVector IS NOT NULL").count()
report(differences=found, natives=natives(frame), fallbacks=fallbacks, rows=rows, vectors=vectors)
spark.stop()
