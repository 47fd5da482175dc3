"""Spark with Apache DataFusion Comet: its published jar and its documented configuration."""

import subprocess
from pathlib import Path

from tpch.engines.base import Job
from tpch.engines.spark import SparkEngine, off_heap_memory
from tpch.paths import CACHE

VERSION = "1.2.0"
ARTIFACT = "comet-spark-spark4.1_2.13"
JAR = CACHE / "jars" / f"{ARTIFACT}-{VERSION}.jar"


class CometEngine(SparkEngine):
    """Half of the memory is heap and half off-heap, as for Arclight."""

    name = "comet"
    native_packages = ("org.apache.spark.sql.comet.", "org.apache.comet.")

    def prepare(self) -> None:
        if not JAR.exists():
            JAR.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(
                ["mvn", "-q", "-B", "dependency:copy",
                 f"-Dartifact=org.apache.datafusion:{ARTIFACT}:{VERSION}",
                 f"-DoutputDirectory={JAR.parent}"],
                check=True, cwd=JAR.parent)

    def jars(self) -> list[Path]:
        return [JAR]

    def configuration(self, job: Job) -> dict[str, str]:
        return {
            **super().configuration(job),
            **off_heap_memory(job),
            "spark.plugins": "org.apache.spark.CometPlugin",
            "spark.shuffle.manager":
                "org.apache.spark.sql.comet.execution.shuffle.CometShuffleManager",
            "spark.comet.enabled": "true",
            "spark.comet.exec.enabled": "true",
            "spark.comet.exec.shuffle.enabled": "true",
            "spark.driver.extraClassPath": str(JAR),
            "spark.executor.extraClassPath": str(JAR),
        }

    def additional_versions(self) -> dict[str, str]:
        return {"comet": VERSION}
