"""Spark with Arclight: the jar and its one configuration line."""

from pathlib import Path

from tpch.engines.base import Job
from tpch.engines.spark import SparkEngine, off_heap_memory
from tpch.paths import ARCLIGHT_JAR, impersonal


class ArclightEngine(SparkEngine):
    """Half of the memory is heap and half off-heap; nothing else is set but the plugin."""

    name = "arclight"
    native_packages = ("org.arclight.",)

    def missing(self) -> str | None:
        if not ARCLIGHT_JAR.exists():
            return f"{impersonal(str(ARCLIGHT_JAR))} does not exist: run ci/build"
        return super().missing()

    def jars(self) -> list[Path]:
        return [ARCLIGHT_JAR]

    def configuration(self, job: Job) -> dict[str, str]:
        return {
            **super().configuration(job),
            **off_heap_memory(job),
            "spark.plugins": "org.arclight.spark.ArclightPlugin",
        }
