"""Spark, unchanged, through the real spark-submit; and what Spark's other engines share.

A worker is a PySpark script in client mode. The driver's JVM, which is also the executor of
`local[N]`, is the process measured.
"""

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from tpch.engines.base import WORKER, Engine, Job, Result, Session
from tpch.engines.plans import count_operators, elements, marked_plan, result_order
from tpch.queries import SPARK_CONFIGURATION


def mebibytes(count: int) -> str:
    """A size in Spark's notation."""
    return f"{count // 2**20}m"


def off_heap_memory(job: Job) -> dict[str, str]:
    """The job's memory split between heap and off-heap, for engines that use both."""
    half = job.memory_bytes // 2
    return {
        "spark.driver.memory": mebibytes(half),
        "spark.memory.offHeap.enabled": "true",
        "spark.memory.offHeap.size": mebibytes(half),
    }


class PySparkSession(Session):
    """A Spark session of the application spark-submit started."""

    def __init__(self, job: Job, native_packages: tuple[str, ...],
                 additional_versions: dict[str, str]):
        from pyspark.sql import SparkSession

        self.spark = SparkSession.builder.appName(f"{job.benchmark} {job.engine}").getOrCreate()
        self.native_packages = native_packages
        self.additional_versions = additional_versions
        self.jvm = self.spark._jvm
        self.process = int(self.jvm.java.lang.ProcessHandle.current().pid())
        self.context = self.spark.sparkContext._jsc.sc()
        self.last_stage = -1
        #: Of the run that was measured last.
        self.task_seconds = 0.0
        for table, folder in job.tables.items():
            self.spark.read.parquet(folder).createOrReplaceTempView(table)

    def versions(self) -> dict[str, str]:
        property_of = self.jvm.java.lang.System.getProperty
        return {
            "spark": self.spark.version,
            "jdk": f"{property_of('java.vm.name')} {property_of('java.runtime.version')}",
            **self.additional_versions,
        }

    def execute(self, sql: str) -> Result:
        frame = self.spark.sql(sql)
        return Result([tuple(row) for row in frame.collect()], frame)

    def settle(self) -> None:
        self.jvm.java.lang.System.gc()

    def measures(self, result: Result) -> dict[str, Any]:
        native, total = count_operators(
            result.handle._jdf.queryExecution().executedPlan(), self.native_packages)
        stages = self._stages_since_last_asked()
        self.task_seconds = sum(stage.executorRunTime() for stage in stages) / 1000
        return {
            "shuffle_bytes": sum(stage.shuffleWriteBytes() for stage in stages),
            # Where nothing can be native, no share is meant.
            "native_operators": native if self.native_packages else None,
            "operators": total,
        }

    def _stages_since_last_asked(self) -> list[Any]:
        """What Spark knows of the stages that started since the last question."""
        self.context.listenerBus().waitUntilEmpty()
        empty = self.jvm.java.util.ArrayList()
        quantiles = self.spark.sparkContext._gateway.new_array(self.jvm.double, 0)
        stages = self.context.statusStore().stageList(empty, False, False, quantiles, empty)
        new = [stage for stage in elements(stages) if stage.stageId() > self.last_stage]
        self.last_stage = max((stage.stageId() for stage in new), default=self.last_stage)
        return new

    def description(self, result: Result) -> dict[str, Any]:
        analyzed = result.handle._jdf.queryExecution().analyzed()
        order, limited = result_order(analyzed)
        schema = json.loads(result.handle.schema.json())
        plan = marked_plan(result.handle._jdf.queryExecution().simpleString())
        return {"schema": schema, "order": order, "limited": limited, "plan": plan}

    def close(self) -> None:
        self.spark.stop()


class SparkEngine(Engine):
    """Spark's defaults, all memory as heap."""

    name = "spark"

    #: Packages whose operators count as native.
    native_packages: tuple[str, ...] = ()

    def missing(self) -> str | None:
        if importlib.util.find_spec("pyspark") is None:
            return "pyspark is not installed: see tpch/requirements.txt"
        if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
            return "there is no JDK on PATH"
        return None

    def jars(self) -> list[Path]:
        """Jars for --jars."""
        return []

    def additional_versions(self) -> dict[str, str]:
        """Component → version beside Spark's."""
        return {}

    def configuration(self, job: Job) -> dict[str, str]:
        return {
            "spark.master": f"local[{job.cores}]",
            "spark.driver.memory": mebibytes(job.memory_bytes),
            **SPARK_CONFIGURATION[job.benchmark],
        }

    def command(self, job: Job, job_file: Path) -> list[str]:
        command = [str(spark_home() / "bin" / "spark-submit")]
        if self.jars():
            command += ["--jars", ",".join(map(str, self.jars()))]
        for key, value in {**self.configuration(job), **job.settings}.items():
            command += ["--conf", f"{key}={value}"]
        return [*command, str(WORKER), str(job_file)]

    def environment(self) -> dict[str, str]:
        home = spark_home()
        return {
            **super().environment(),
            "SPARK_HOME": str(home),
            "PATH": f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
            # Nobody else's settings: only the command line counts.
            "SPARK_CONF_DIR": str(Path(__file__).parent / "spark-conf"),
        }

    def open(self, job: Job) -> Session:
        return PySparkSession(job, self.native_packages, self.additional_versions())


def spark_home() -> Path:
    """The pyspark package, which is a whole Spark distribution."""
    spec = importlib.util.find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise RuntimeError("pyspark is not installed: see tpch/requirements.txt")
    return Path(spec.origin).parent
