"""Spark with Arclight: the jar and its one configuration line."""

from pathlib import Path
from typing import Any

from tpch.engines.base import Job, Result
from tpch.engines.plans import metric_seconds
from tpch.engines.spark import PySparkSession, SparkEngine, off_heap_memory
from tpch.paths import ARCLIGHT_JAR, impersonal

#: Metrics of operators → kind of work.
KINDS = {"scanTime": "scan", "aggTime": "aggregate", "joinTime": "join", "sortTime": "sort",
         "shuffleWriteTime": "exchange"}


class ArclightSession(PySparkSession):
    """Also asks the plugin what it counts of itself. Raises if its library isn't loaded."""

    def __init__(self, job: Job, native_packages: tuple[str, ...],
                 additional_versions: dict[str, str]):
        super().__init__(job, native_packages, additional_versions)
        self.library = self.jvm.org.arclight.spark.jni.NativeLibrary
        self.planning_time = self.jvm.org.arclight.spark.PlanningTime
        self.planned_before = self.planning_time.nanoseconds()

    def settle(self) -> None:
        super().settle()
        self.library.resetPeakAllocatedBytes()
        self.planned_before = self.planning_time.nanoseconds()

    def measures(self, result: Result) -> dict[str, Any]:
        own = {
            "planning_seconds": (self.planning_time.nanoseconds() - self.planned_before) / 1e9,
            "allocator_peak_bytes": self.library.peakAllocatedBytes(),
        }
        return {**super().measures(result), **own}

    def work(self, result: Result) -> dict[str, float]:
        plan = result.handle._jdf.queryExecution().executedPlan()
        seconds = metric_seconds(plan, [*KINDS, "nativeTime"])
        native = seconds.pop("nativeTime")
        return {
            **{KINDS[metric]: spent for metric, spent in seconds.items()},
            "filter": max(0.0, native - sum(seconds.values())),
            "jvm": max(0.0, self.task_seconds - native),
        }


class ArclightEngine(SparkEngine):
    """Half of the memory is heap and half off-heap; nothing else is set but the plugin."""

    name = "arclight"
    native_packages = ("org.arclight.",)

    def missing(self) -> str | None:
        if not ARCLIGHT_JAR.exists():
            return f"{impersonal(str(ARCLIGHT_JAR))} does not exist: run ci/build"
        return super().missing()

    def open(self, job: Job) -> ArclightSession:
        return ArclightSession(job, self.native_packages, self.additional_versions())

    def jars(self) -> list[Path]:
        return [ARCLIGHT_JAR]

    def configuration(self, job: Job) -> dict[str, str]:
        return {
            **super().configuration(job),
            **off_heap_memory(job),
            "spark.plugins": "org.arclight.spark.ArclightPlugin",
        }
