"""Runs queries by Spark alone and by Arclight in one session, and says how the outcomes compare.

Started by `random_queries.run` through spark-submit: `worker.py JOB.json`. Events on the standard
output, one JSON object a line:

    {"event": "opened"}
    {"event": "begin", "query": 6}
    {"event": "compared", "query": 6, "status": "equal", "details": [], "native": true}
    {"event": "closed"}
"""

import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types

from random_queries.comparison import Comparison, Outcome, Status, compare
from random_queries.queries import Query
from random_queries.tables import TABLES, column_expressions
from tpch.worker import emit, error_class

SWITCH = "spark.arclight.enabled"

#: A condition as it stands in the text of an error.
CONDITION = re.compile(r"\[([A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)*)\]")

#: How much of an error's text is told.
ERROR_LENGTH = 300


def main() -> None:
    """Runs the job named on the command line."""
    job = json.loads(Path(sys.argv[1]).read_text())
    keep_days_and_instants()
    spark = SparkSession.builder.appName("random queries").getOrCreate()
    if spark.conf.get("spark.sql.extensions", None) is None:
        raise RuntimeError("Arclight is off: the log says why")
    folder = Path(job["tables"])
    if not folder.exists():
        make_tables(spark, folder)
    for table in TABLES:
        spark.read.parquet(str(folder / table.name)).createOrReplaceTempView(table.name)
    emit(event="opened")
    for each in job["queries"]:
        query = Query(**each)
        emit(event="begin", query=query.number)
        comparison, native = run(spark, query)
        emit(event="compared", query=query.number, status=comparison.status.value,
             details=comparison.details, native=native)
    spark.stop()
    emit(event="closed")


def keep_days_and_instants() -> None:
    """Has dates and timestamps stay the numbers that Spark has: Python has not all of its years."""
    for kind in (types.DateType, types.TimestampType, types.TimestampNTZType):
        kind.fromInternal = lambda self, number: number


def make_tables(spark: SparkSession, folder: Path) -> None:
    """Makes the tables beside their place, by Spark alone, and then moves them there."""
    spark.conf.set(SWITCH, "false")
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for table in TABLES:
            rows = spark.range(0, table.rows, 1, table.files)
            rows.selectExpr(*column_expressions(table)).write.parquet(str(scratch / table.name))
        os.rename(scratch, folder)
    except OSError:
        # Somebody else may have put the same tables there meanwhile.
        if not folder.exists():
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def run(spark: SparkSession, query: Query) -> tuple[Comparison, bool]:
    """Compares the outcomes of a query; also says whether an operator of it was native."""
    for key, value in query.settings.items():
        spark.conf.set(key, value)
    expected, _ = outcome(spark, query.sql, "false")
    actual, frame = outcome(spark, query.sql, "true")
    native = frame is not None and has_native_operator(spark, frame)
    without_aqe = query.settings["spark.sql.adaptive.enabled"] == "false"
    comparison = compare(expected, actual, ordered=query.ordered, limited=query.limited,
                         may_skip_errors=without_aqe and query.joins)
    if comparison.status is Status.DIFFERENT:
        again = [f"a second time {name}: {outcome(spark, query.sql, enabled)[0].summary()}"
                 for name, enabled in (("Spark", "false"), ("Arclight", "true"))]
        comparison = Comparison(comparison.status, (*comparison.details, *again))
    return comparison, native


def outcome(spark: SparkSession, sql: str, enabled: str) -> tuple[Outcome, DataFrame | None]:
    """What a query gives with Arclight enabled or not, and its frame if it was analysed."""
    spark.conf.set(SWITCH, enabled)
    frame = None
    try:
        frame = spark.sql(sql)
        rows = [tuple(row) for row in frame.collect()]
        return Outcome(rows, schema=frame.schema.json()), frame
    except Exception as error:  # noqa: BLE001: whatever Spark raises is the outcome
        if not jvm_lives(spark):
            raise
        text = " ".join(str(error).split())[:ERROR_LENGTH]
        return Outcome(condition=condition(error), error=text, rejected=frame is None), frame


def condition(error: Exception) -> str:
    """An error's condition, also where Spark has it in another error; else the error's class."""
    name = error_class(error)
    if name != type(error).__name__:
        return name
    inner = CONDITION.search(str(error))
    return inner.group(1) if inner else name


def jvm_lives(spark: SparkSession) -> bool:
    """Whether the process that has the engine still answers."""
    try:
        return bool(spark._jvm.java.lang.System.nanoTime())
    except Exception:  # noqa: BLE001: py4j raises errors of many classes
        return False


def has_native_operator(spark: SparkSession, frame: DataFrame) -> bool:
    """Whether the plan that was made has any; one that could not be made has none."""
    try:
        plan = frame._jdf.queryExecution().executedPlan()
    except Exception:  # noqa: BLE001: a constant may raise whatever an expression may
        return False
    return spark._jvm.org.arclight.spark.explain.NativePlans.natives(plan).size() > 0


if __name__ == "__main__":
    main()
