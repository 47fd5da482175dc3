"""Runs the same steps without the engine and with it, and says where they differ."""

import json

from pyspark.sql import SparkSession


def show(rows):
    """Rows as sorted texts."""
    return sorted(str(row) for row in rows)


def outcome(run):
    """What a step gave, or the end of its error's text."""
    try:
        return {"rows": show(run())}
    except Exception as error:  # whatever Spark raises is the outcome
        return {"error": str(error)}


def natives(frame):
    """How many native operators a plan that has run has."""
    plan = frame._jdf.queryExecution().executedPlan()
    return frame.sparkSession._jvm.org.arclight.spark.explain.NativePlans.natives(plan).size()


def differences(spark: SparkSession, steps) -> list[str]:
    """Runs steps, by name, without the engine and with it. A step gives rows."""
    found = []
    for name, step in steps.items():
        outcomes = []
        for enabled in ("false", "true"):
            spark.conf.set("spark.arclight.enabled", enabled)
            outcomes.append(outcome(step))
        spark_outcome, arclight_outcome = outcomes
        if "error" in spark_outcome:
            found.append(f"{name}: Spark itself fails: {spark_outcome['error'][:2000]}")
        elif spark_outcome != arclight_outcome:
            found.append(f"{name}: {str(arclight_outcome)[:2000]} instead of "
                         f"{str(spark_outcome)[:2000]}")
    return found


def report(**result) -> None:
    """The line that the test reads."""
    print("RESULT " + json.dumps(result))
