"""Has a worker run queries, starts it anew where one ends it, and tells what came of each."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from random_queries import tables
from random_queries.comparison import Status
from random_queries.queries import Query
from tpch.engines.spark import SparkEngine, spark_home
from tpch.paths import CACHE, REPOSITORY
from tpch.processes import WorkerFailed, worker_events

WORKER = REPOSITORY / "random_queries" / "worker.py"

CORES = 2

#: What the worker is started with beside the plugin.
CONFIGURATION = {
    "spark.master": f"local[{CORES}]",
    "spark.driver.memory": "2g",
    "spark.memory.offHeap.size": "1g",
    "spark.plugins": "org.arclight.spark.ArclightPlugin",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
}

#: A query that takes this long is taken to hang.
SILENCE_SECONDS = 240.0

#: How many workers may end early before no other is started.
MOST_WORKERS = 10


@dataclass
class Totals:
    """How many queries ended how."""

    statuses: Counter[Status] = field(default_factory=Counter)
    #: Queries of which an operator was native.
    native: int = 0

    def passed(self) -> int:
        """Those that were compared and are alike."""
        return self.statuses.total() - self.statuses[Status.INVALID] - self.statuses[Status.DIFFERENT]

    def summary(self) -> str:
        """All in a line."""
        of = self.statuses
        return (f"{of.total()} queries: {of[Status.INVALID]} invalid, {of[Status.SAME_ERROR]} with an "
                f"error on both sides, {of[Status.NOT_RAISED]} with errors not raised below an empty "
                f"join side, {self.native} with a native operator, {of[Status.DIFFERENT]} differences")


def run(queries: list[Query], jar: Path, show: Callable[[str], None]) -> Totals:
    """Runs the queries; shows each difference as it is found.

    Raises WorkerFailed if a worker ends but for a query, or if too many do.
    """
    totals = Totals()
    pending = {query.number: query for query in queries}
    for worker in range(MOST_WORKERS):
        current = None
        try:
            for event in outcomes(list(pending.values()), jar):
                if event["event"] == "begin":
                    current = pending.pop(event["query"])
                elif event["event"] == "compared":
                    status = Status(event["status"])
                    totals.statuses[status] += 1
                    totals.native += event["native"]
                    if status is Status.DIFFERENT:
                        show(report(current, event["details"]))
                    elif status is Status.INVALID:
                        print(f"invalid: query {current.number}: {event['details'][0]}", file=sys.stderr)
                    current = None
        except WorkerFailed as failure:
            if current is None or worker == MOST_WORKERS - 1:
                raise
            totals.statuses[Status.DIFFERENT] += 1
            show(report(current, [f"the process ended: {failure}"]))
        if not pending:
            break
    return totals


def outcomes(queries: list[Query], jar: Path) -> Iterator[dict[str, Any]]:
    """A worker's events."""
    job = {
        "tables": str(CACHE / "data" / f"random-{tables.digest()}"),
        "queries": [asdict(query) for query in queries],
    }
    environment = {**SparkEngine().environment(), "SPARK_LOCAL_IP": "127.0.0.1"}
    return worker_events(lambda job_file: command(jar, job_file), environment, job, CORES,
                         SILENCE_SECONDS)


def command(jar: Path, job_file: Path) -> list[str]:
    """The worker's command line."""
    parts = [str(spark_home() / "bin" / "spark-submit"), "--jars", str(jar)]
    for key, value in CONFIGURATION.items():
        parts += ["--conf", f"{key}={value}"]
    return [*parts, str(WORKER), str(job_file)]


def report(query: Query, details: list[str]) -> str:
    """A difference, with all that is needed to see it again."""
    settings = " ".join(f"{key}={value}" for key, value in query.settings.items())
    return "\n".join((f"FAILED query {query.number} of seed {query.seed}", f"  settings: {settings}",
                      f"  {query.sql}", *(f"  {line}" for line in details)))
