"""What the harness asks of an engine: how its process starts, and how that process runs SQL.

An `Engine` lives in the coordinating process and only starts workers; a `Session` lives in a
worker and holds the engine itself. See `tpch.worker` for what passes between them.
"""

import os
import sys
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tpch.paths import REPOSITORY

WORKER = REPOSITORY / "tpch" / "worker.py"


@dataclass(frozen=True)
class Job:
    """What a worker is to do. It travels as JSON."""

    engine: str
    benchmark: str
    #: Table name → folder of Parquet files.
    tables: dict[str, str]
    #: Pairs of query number and text.
    queries: list[tuple[int, str]]
    warmup: int
    repetitions: int
    cores: int
    #: Heap and off-heap together for Spark's engines.
    memory_bytes: int
    #: Where to pickle each query's rows for a comparison; not with timed runs.
    rows_file: str | None = None
    #: Settings of Spark beside the engine's own.
    settings: dict[str, str] = field(default_factory=dict)
    #: Whether each run is to say where its time went.
    profile: bool = False
    #: Whether each query is run once before any is run again; else a query has all its runs in a row.
    passes: bool = False

    def to_json(self) -> dict[str, Any]:
        """The job as JSON's types."""
        return asdict(self)


@dataclass
class Result:
    """A query's rows as Python values, and the engine's own result object for later questions."""

    rows: list[tuple]
    handle: Any = None


class Session(ABC):
    """An engine opened in this process with the job's tables registered."""

    #: The process whose memory and CPU time count.
    process: int = os.getpid()

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Component → version, as the running engine says."""

    @abstractmethod
    def execute(self, sql: str) -> Result:
        """Runs the query and fetches all rows: what is timed."""

    def settle(self) -> None:
        """Frees what earlier queries left, before memory is measured."""

    def measures(self, result: Result) -> dict[str, Any]:
        """What the engine itself knows of the run that just ended; not timed."""
        return {}

    def work(self, result: Result) -> dict[str, float]:
        """Processor seconds of the run that just ended by kind of work (`tpch.profiles.KINDS`).

        Only for jobs with a profile, after `measures`. What the engine does not tell apart is missing.
        """
        return {}

    def description(self, result: Result) -> dict[str, Any]:
        """Schema and order of the result, for comparisons of rows."""
        return {}

    def close(self) -> None:
        """Ends the engine."""


class Engine(ABC):
    """How a worker process of an engine is started."""

    name: str

    def missing(self) -> str | None:
        """Why the engine cannot run here, or None if it can."""
        return None

    def prepare(self) -> None:
        """Fetches what the engine needs into the cache."""

    def configuration(self, job: Job) -> dict[str, str]:
        """The settings the engine runs with; they stand in the report."""
        return {"threads": str(job.cores), "memory": str(job.memory_bytes)}

    def command(self, job: Job, job_file: Path) -> list[str]:
        """The command line of a worker for the job."""
        return [sys.executable, str(WORKER), str(job_file)]

    def environment(self) -> dict[str, str]:
        """The worker's environment."""
        return {**os.environ, "PYTHONPATH": str(REPOSITORY)}

    @abstractmethod
    def open(self, job: Job) -> Session:
        """Opens the engine in this process, which is a worker's."""
