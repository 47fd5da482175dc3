"""Stages that are captured inside Spark and run outside of it."""

import json
import os
import subprocess
import sys

import pytest
from conftest import REPOSITORY

sys.path.insert(0, str(REPOSITORY))

from tpch import data, queries  # noqa: E402

TARGET = REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target")


def runner(*arguments: str) -> subprocess.CompletedProcess:
    """Runs the command `arclight` that the newest build left."""
    built = [TARGET / profile / "arclight" for profile in ("ci", "release")]
    built = sorted((file for file in built if file.exists()), key=lambda file: file.stat().st_mtime)
    assert built, "the command arclight is missing: run ci/build"
    return subprocess.run([str(built[-1]), *arguments], capture_output=True, text=True, timeout=120)


@pytest.fixture
def captured(submit, tmp_path):
    """Runs queries and returns the job's result and the files of the captured stages."""

    def run(captured: dict[str, str], counted: dict[str, str]):
        tables = data.tables(data.make("tpch", 0.01))
        stages = tmp_path / "stages"
        outcome = submit(
            "captured.py",
            json.dumps({"tables": tables, "captured": captured, "counted": counted}),
            conf={"spark.arclight.capture.directory": str(stages)},
        )
        return outcome.result, sorted(stages.iterdir())

    return run


@pytest.mark.parametrize(
    ("number", "condition", "groups"),
    [
        (1, "l_shipdate <= DATE '1998-09-02'", 4),
        (
            6,
            "l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1995-01-01' "
            "AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24",
            1,
        ),
    ],
)
def test_the_first_stage_runs_outside_spark(captured, number, condition, groups):
    [query] = queries.load("tpch", str(number))
    result, files = captured(
        {"query": query.sql}, {"filtered": f"SELECT count(*) FROM lineitem WHERE {condition}"}
    )
    assert result["rows"]["query"] == groups
    plans = {file: runner("explain", str(file)).stdout for file in files}
    [first] = [file for file, plan in plans.items() if "needs Spark" not in plan]
    assert "Parquet" in plans[first] and "ggregate" in plans[first], plans[first]
    assert "\n1 task(s)\n" in plans[first]

    ran = runner("run", str(first))
    assert ran.returncode == 0, ran.stderr
    assert f" {groups} rows out" in ran.stdout
    assert f": {result['counts']['filtered']} rows in" in ran.stdout, ran.stdout

    for file in files:
        if file != first:
            refused = runner("run", str(file))
            assert refused.returncode == 1
            assert f"{file} needs Spark to run: input 0 is the blocks of shuffle" in refused.stderr
