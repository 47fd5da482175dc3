"""Runs a query set on several engines and collects what each run took.

Fairness: a round is one fresh process per engine, on the same processors with the same total
memory; in it every query runs its warm-ups and then its timed runs, in a row or in passes over all
queries. Every other round goes through the engines in the opposite order, so a machine that gets
slower or faster favours nobody.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tpch.engines import ENGINES
from tpch.engines.base import Engine, Job
from tpch.paths import impersonal
from tpch.processes import WorkerFailed, events
from tpch.queries import Query


@dataclass(frozen=True)
class Plan:
    """What to run, and how often."""

    benchmark: str
    scale: float
    tables: dict[str, str]
    queries: list[Query]
    engines: list[str]
    #: Timed runs of each query on each engine, over all rounds.
    repetitions: int
    #: Untimed runs before the timed ones, in each process.
    warmup: int
    #: Fresh processes per engine.
    rounds: int
    cores: int
    memory_bytes: int
    #: Whether runs say where their time went.
    profile: bool = False
    #: Whether each query is run once before any is run again.
    passes: bool = False

    def timed_in(self, round_number: int) -> int:
        """Timed runs in a round (from 0): the repetitions spread evenly."""
        done = self.repetitions * round_number // self.rounds
        return self.repetitions * (round_number + 1) // self.rounds - done

    def order(self, round_number: int) -> list[str]:
        """The engines' order in a round."""
        return self.engines if round_number % 2 == 0 else self.engines[::-1]


@dataclass
class Outcome:
    """Everything that was measured so far."""

    #: One entry per timed or warm-up run: engine, round, and the worker's event.
    runs: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    #: Engine → component → version.
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Engine → settings.
    configuration: dict[str, dict[str, str]] = field(default_factory=dict)

    def failed(self, engine: str, number: int) -> bool:
        """Whether the query has failed on the engine."""
        return any(f["engine"] == engine and f["query"] == number for f in self.failures)

    def count(self, engine: str, round_number: int, number: int) -> int:
        """How often the query has run in a round."""
        return sum(run["engine"] == engine and run["round"] == round_number and run["query"] == number
                   for run in self.runs)

    def forget(self, engine: str, round_number: int, queries: list[Query]) -> None:
        """Leaves out a round's runs of queries, which are to begin anew."""
        numbers = {query.number for query in queries}
        self.runs = [run for run in self.runs if not (
            run["engine"] == engine and run["round"] == round_number and run["query"] in numbers)]


def run(plan: Plan, outcome: Outcome, after_process: Callable[[], None]) -> None:
    """Runs the plan into the outcome; `after_process` is called whenever a process has ended."""
    for name in plan.engines:
        ENGINES[name].prepare()
    for round_number in range(plan.rounds):
        for name in plan.order(round_number):
            run_engine(plan, outcome, ENGINES[name], round_number)
            after_process()


def run_engine(plan: Plan, outcome: Outcome, engine: Engine, round_number: int) -> None:
    """One engine's part of a round. After a crash a new process takes the remaining queries: those that
    have not failed nor had all their runs. It begins these anew."""
    remaining = [query for query in plan.queries if not outcome.failed(engine.name, query.number)]
    while remaining:
        job = Job(
            engine=engine.name, benchmark=plan.benchmark, tables=plan.tables,
            queries=[(query.number, query.sql) for query in remaining], warmup=plan.warmup,
            repetitions=plan.timed_in(round_number), cores=plan.cores,
            memory_bytes=plan.memory_bytes, profile=plan.profile, passes=plan.passes)
        outcome.configuration[engine.name] = {
            key: impersonal(value) for key, value in engine.configuration(job).items()}
        current: int | None = None
        label = f"round {round_number + 1}/{plan.rounds}  {engine.name:<10}"
        try:
            for event in events(engine, job):
                current = event.get("query", current)
                record(outcome, engine.name, round_number, event)
                show(label, event)
            return
        except WorkerFailed as failure:
            error_event = {"event": "failed", "query": current, "error": str(failure),
                           "error_class": "WorkerFailed"}
            record(outcome, engine.name, round_number, error_event)
            show(label, error_event)
            if current is None:
                for query in remaining:
                    record(outcome, engine.name, round_number,
                           {**error_event, "query": query.number})
                return
            remaining = [query for query in remaining
                         if not outcome.failed(engine.name, query.number)
                         and outcome.count(engine.name, round_number, query.number)
                         < job.warmup + job.repetitions]
            outcome.forget(engine.name, round_number, remaining)


def record(outcome: Outcome, engine: str, round_number: int, event: dict[str, Any]) -> None:
    """Keeps what the event says."""
    kind = event["event"]
    entry = {key: value for key, value in event.items() if key != "event"}
    if kind == "opened":
        outcome.versions[engine] = event["versions"]
    elif kind == "run":
        outcome.runs.append({"engine": engine, "round": round_number, **entry})
    elif kind == "failed":
        outcome.failures.append({"engine": engine, "round": round_number, **entry})


def show(label: str, event: dict[str, Any]) -> None:
    """A line of progress on the standard error."""
    clock = time.strftime("%H:%M:%S")
    if event["event"] == "run":
        kind = "" if event["timed"] else "  (warm-up)"
        print(f"{clock}  {label} q{event['query']:<3} {event['seconds']:8.2f} s  "
              f"cpu {event['cpu_seconds']:7.2f} s  "
              f"peak {event['peak_resident_bytes'] / 2**30:5.2f} GiB  "
              f"{event['rows']} rows{kind}", file=sys.stderr, flush=True)
    elif event["event"] == "failed":
        print(f"{clock}  {label} q{event['query']} FAILED: {event['error']}",
              file=sys.stderr, flush=True)
