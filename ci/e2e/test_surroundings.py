"""What else lives in a user's application: Python, Delta, Spark Connect, and disks that fill up."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from conftest import PLUGIN
from tpch.paths import CACHE

DELTA = ("io.delta:delta-spark_4.1_2.13:4.1.0", "io.delta:delta-storage:4.1.0")


@pytest.fixture(scope="session")
def delta_jars() -> tuple[Path, ...]:
    """Delta's jars, from Maven's repository into the cache."""
    folder = CACHE / "jars"
    folder.mkdir(parents=True, exist_ok=True)
    jars = []
    for artifact in DELTA:
        _, name, version = artifact.split(":")
        jar = folder / f"{name}-{version}.jar"
        if not jar.exists():
            subprocess.run(
                [os.environ.get("MAVEN", "mvn"), "-q", "-B", "dependency:copy",
                 f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"],
                check=True, cwd=folder)
        jars.append(jar)
    return tuple(jars)


def test_python_functions(submit):
    outcome = submit("python_functions.py")
    assert outcome.is_on()
    assert outcome.result["differences"] == []
    assert outcome.result["steps"] == 13
    assert all(count > 0 for count in outcome.result["natives"].values()), outcome.result


def test_delta_tables(submit, delta_jars):
    outcome = submit(
        "delta_tables.py",
        more_jars=delta_jars,
        conf={
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            # Delta computes a snapshot in 50 tasks otherwise, after every commit.
            "spark.databricks.delta.snapshotPartitions": "2",
        },
    )
    assert outcome.is_on()
    result = outcome.result
    assert result["differences"] == []
    assert result["natives"] > 0
    # Rows that a deletion vector hides are known to Delta's own reader only.
    assert result["vectors"] > 0
    assert result["rows"] == 3000 - 300 - 300
    assert any("DeltaParquetFileFormat" in reason for reason in result["fallbacks"]), result


def test_spark_connect(submit):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    outcome = submit(
        "connect_client.py",
        str(port),
        conf={
            "spark.plugins": f"{PLUGIN['spark.plugins']},org.apache.spark.sql.connect.SparkConnectPlugin",
            "spark.connect.grpc.binding.port": str(port),
        },
    )
    assert outcome.is_on()
    result = outcome.result
    assert "connect" in result["client"]
    on, off = result["on"], result["off"]
    assert "NativeStage" in on.pop("plan")
    assert "NativeStage" not in off.pop("plan")
    assert on == off
    assert on["rows"] == [[k, sum(range(k, 1000, 5)), 200] for k in range(5)]
    assert "CAST_INVALID_INPUT" in result["error"]


def test_local_directories_that_cannot_be_written(submit, tmp_path):
    local = tmp_path / "local"
    outcome = submit(
        "local_directories.py",
        str(local),
        conf={"spark.local.dir": str(local), "spark.memory.offHeap.size": "32m"},
        environment={"SPARK_LOCAL_DIRS": str(local)},
    )
    result = outcome.result
    assert result["alive"] == [True, True, True]
    assert result["again"]
    for name, attempt in result["full"].items():
        assert attempt["error"] and "File too large" in attempt["error"], (name, attempt)
        assert str(local) in attempt["error"], (name, attempt)
        assert attempt["left"] == [], name
    for name, attempt in result["blocked"].items():
        assert attempt["error"] and str(local) in attempt["error"], (name, attempt)
        assert attempt["left"] == [], name
