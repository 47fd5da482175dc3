"""Writes to local directories that are full, or where a file stands in a directory's place."""

import os
import resource
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from compare import natives, report

spark = SparkSession.builder.getOrCreate()
spark.conf.set("spark.sql.shuffle.partitions", "2")
local = Path(sys.argv[2])
#: The driver's JVM, which started this process.
jvm = os.getppid()

#: What writes: the blocks of an exchange, and what no longer fits in memory.
QUERIES = {
    "shuffle write": "SELECT count(*), sum(hash(text)) FROM (SELECT /*+ REPARTITION(7, id) */ * "
                     "FROM (SELECT id, concat('text ', id * 7919) AS text "
                     "FROM range(0, 1000000, 1, 1)))",
    "spill of an aggregation": "SELECT count(*), sum(hash(t)) FROM (SELECT k, max(text) AS t FROM "
                               "(SELECT id * 7919 % 1000003 AS k, concat('some text ', id) AS text "
                               "FROM range(0, 1000000, 1, 1)) GROUP BY k)",
    "spill of a sort": "SELECT first(text), count(*) FROM "
                       "(SELECT concat('some more text ', id * 7919) AS text "
                       "FROM range(0, 1000000, 1, 1) SORT BY text)",
}


def files():
    """Files in the local directories that are no finished shuffle blocks."""
    return {
        str(path) for path in local.rglob("*")
        if path.is_file() and path.suffix not in (".data", ".index", ".jar", ".py", ".checksum")
    }


def is_alive():
    frame = spark.sql("SELECT id % 3 AS k, count(*) AS n FROM range(0, 3000, 1, 2) GROUP BY k")
    return sorted(tuple(row) for row in frame.collect()) == [(0, 1000), (1, 1000), (2, 1000)] \
        and natives(frame) > 0


def attempts():
    """Every query's error, and what it left."""
    found = {}
    for name, query in QUERIES.items():
        before = files()
        try:
            spark.sql(query).collect()
            found[name] = {"error": None}
        except Exception as error:  # whatever Spark raises is the outcome
            text = getattr(error, "java_exception", None)
            found[name] = {"error": str(error) + (text.toString() if text else "")}
        found[name]["left"] = sorted(files() - before)
    return found


result = {"alive": [is_alive()]}
expected = {}
for name, query in QUERIES.items():
    expected[name] = [list(row) for row in spark.sql(query).collect()]

# As on a full disk, no file may grow beyond a mebibyte.
limits = resource.prlimit(jvm, resource.RLIMIT_FSIZE)
resource.prlimit(jvm, resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
try:
    result["full"] = attempts()
finally:
    resource.prlimit(jvm, resource.RLIMIT_FSIZE, limits)
result["alive"].append(is_alive())

# A file in the place of the directory.
folders = [path for path in local.iterdir() if path.name.startswith("blockmgr-")]
for folder in folders:
    folder.rename(folder.with_name(f"away-{folder.name}"))
    folder.write_text("")
try:
    result["blocked"] = attempts()
finally:
    for folder in folders:
        folder.unlink()
        folder.with_name(f"away-{folder.name}").rename(folder)
result["alive"].append(is_alive())

result["again"] = all(
    [list(row) for row in spark.sql(query).collect()] == expected[name]
    for name, query in QUERIES.items()
)
report(**result)
spark.stop()
