"""Verifies an engine's rows against Spark's on every query of a benchmark."""

import difflib
import pickle
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tpch import compare, report
from tpch.compare import Comparison, Status
from tpch.engines import ENGINES
from tpch.engines.base import Job
from tpch.processes import WorkerFailed, events
from tpch.queries import Query, without_limit

#: Statuses that pass: also ties that the unlimited result confirms, and an error that Spark raises
#: alike while it runs the query. The table shows each.
ACCEPTED = {Status.EQUAL, Status.ROUNDING, Status.TIES, Status.SAME_ERROR}

#: Statuses that pass where doubles must be equal to the bit.
EXACT = ACCEPTED - {Status.ROUNDING}

#: How far DuckDB's values may lie from Spark's, relatively. Where Spark divides decimals or averages
#: them it rounds to a scale of 6 or 4; DuckDB computes doubles.
SECOND_OPINION_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Verdict:
    """What came of a query."""

    query: int
    status: Status
    detail: str
    rows: int | None
    #: Native and all operators of the candidate's plan, if it says.
    native: str
    #: Whether DuckDB agrees with the candidate; None if not asked.
    second_opinion: str | None = None
    #: The candidate's final plan with its marks, if it says.
    plan: str | None = None
    #: Files it left in its local folder, where it had one of its own.
    left: tuple[str, ...] = ()


def verify(benchmark: str, tables: dict[str, str], chosen: list[Query], engine: str, cores: int,
           memory_bytes: int, second_opinion: bool, settings: dict[str, str] | None = None,
           memory_share: float | None = None) -> list[Verdict]:
    """Runs the queries on Spark and on the engine, each in its own process; compares the rows.

    With a memory share the engine runs each query once more, alone, with that share of the off-heap
    memory that it took freely, and those rows count.
    """

    def results(name: str, queries: list[Query],
                more: dict[str, str] | None = None) -> dict[int, dict[str, Any]]:
        job = Job(engine=name, benchmark=benchmark, tables=tables,
                  queries=[(query.number, query.sql) for query in queries], warmup=0,
                  repetitions=1, cores=cores, memory_bytes=memory_bytes,
                  settings={**(settings or {}), **(more or {})})
        return rows_of(job)

    expected = results("spark", chosen)
    ENGINES[engine].prepare()
    actual = results(engine, chosen)
    if memory_share is not None:
        for query in [query for query in chosen if "error" not in actual[query.number]]:
            with tempfile.TemporaryDirectory(prefix="arclight-tpch-") as local:
                granted = round(peak_bytes(actual[query.number]) * memory_share)
                tight = {"spark.memory.offHeap.size": str(granted), "spark.local.dir": local}
                actual.update(results(engine, [query], tight))
                actual[query.number]["left"] = left_behind(Path(local))
    comparisons = {query.number: compare.compare(expected[query.number], actual[query.number])
                   for query in chosen}
    tied = [Query(query.number, without_limit(query.sql)) for query in chosen
            if comparisons[query.number].status is Status.TIES]
    if tied:
        for number, unlimited in results("spark", tied).items():
            comparisons[number] = confirm_ties(comparisons[number], unlimited, actual[number])
    opinions = results("duckdb", chosen) if second_opinion else {}
    return [verdict(number, comparisons[number], actual[number], opinions.get(number))
            for number in comparisons]


def peak_bytes(result: dict[str, Any]) -> int:
    """What the engine's allocator held at once during a query. Raises if the engine doesn't say."""
    peak = result["measured"].get("allocator_peak_bytes")
    if peak is None:
        raise ValueError("there is no share of a query's memory where the engine doesn't count it")
    return int(peak)


def left_behind(folder: Path) -> list[str]:
    """The files below a folder."""
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def confirm_ties(comparison: Comparison, unlimited: dict[str, Any],
                 actual: dict[str, Any]) -> Comparison:
    """TIES stays if the candidate's rows are all among the unlimited result's; else ROWS."""
    if "error" in unlimited:
        return Comparison(Status.ROWS, f"without LIMIT: {unlimited['error']}")
    if compare.contains(unlimited["rows"], actual["rows"]):
        return comparison
    return Comparison(Status.ROWS, "a row that ties at the limit is not in the unlimited result")


def rows_of(job: Job) -> dict[int, dict[str, Any]]:
    """Query → its rows with their schema, or its error."""
    measured: dict[int, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="arclight-tpch-") as scratch:
        remaining = job.queries
        described: dict[int, dict[str, Any]] = {}
        while remaining:
            rows_file = str(Path(scratch) / f"rows-{len(remaining)}")
            current = remaining[0][0]
            part = Job(**{**job.to_json(), "queries": remaining, "rows_file": rows_file})
            crash = None
            try:
                for event in events(ENGINES[job.engine], part):
                    current = event.get("query", current)
                    if event["event"] == "run":
                        measured[current] = event
                        print(f"{job.engine:<10} q{current:<3} {event['seconds']:8.2f} s  "
                              f"{event['rows']} rows", file=sys.stderr, flush=True)
                    elif event["event"] == "failed":
                        print(f"{job.engine:<10} q{current:<3} failed: {event['error']}",
                              file=sys.stderr, flush=True)
            except WorkerFailed as failure:
                crash = str(failure)
                print(f"{job.engine:<10} q{current:<3} crashed: {crash}", file=sys.stderr)
            described.update(read_rows(Path(rows_file)))
            if crash is None:
                break
            described[current] = {"error": crash, "error_class": "WorkerFailed"}
            numbers = [number for number, _ in remaining]
            remaining = remaining[numbers.index(current) + 1:]
    return {number: {**described[number], "measured": measured.get(number, {})}
            for number, _ in job.queries}


def read_rows(file: Path) -> dict[int, dict[str, Any]]:
    """The whole records of a worker's file of rows; a crash may have cut the last one."""
    found: dict[int, dict[str, Any]] = {}
    if not file.exists():
        return found
    with file.open("rb") as stream:
        while True:
            try:
                record = pickle.load(stream)
            except (EOFError, pickle.UnpicklingError):
                return found
            found[record["query"]] = record


def verdict(number: int, comparison: Comparison, actual: dict[str, Any],
            opinion: dict[str, Any] | None) -> Verdict:
    """A line of the table."""
    measured = actual["measured"]
    native = "–"
    if measured.get("native_operators") is not None:
        native = f"{measured['native_operators']}/{measured['operators']}"
    return Verdict(
        query=number, status=comparison.status, detail=comparison.detail,
        rows=len(actual["rows"]) if "rows" in actual else None, native=native,
        second_opinion=None if opinion is None else agreement(opinion, actual),
        plan=actual.get("plan"), left=tuple(actual.get("left", ())))


def agreement(opinion: dict[str, Any], actual: dict[str, Any]) -> str:
    """Whether DuckDB's rows are the candidate's by value: order aside, numbers roughly."""
    if "error" in opinion or "error" in actual:
        return "error"
    if len(opinion["rows"]) != len(actual["rows"]):
        return f"{len(opinion['rows'])} rows"
    pairs = zip(*(sorted(map(loose_row, result["rows"]), key=loose_key)
                  for result in (opinion, actual)))
    agree = all(loosely_equal(a, b) for left, right in pairs for a, b in zip(left, right))
    return "agrees" if agree else "differs"


def loose_row(row: tuple) -> tuple:
    """The row with every number as a double."""
    return tuple(float(value) if isinstance(value, (int, float, Decimal)) else value
                 for value in row)


def loose_key(row: tuple) -> tuple:
    """Sorts by text first, then by numbers to a few digits."""
    texts = [str(value) for value in row if not isinstance(value, float)]
    return texts, [float(f"{value:.3g}") for value in row if isinstance(value, float)]


def loosely_equal(left: Any, right: Any) -> bool:
    """Equal, or numbers within the second opinion's tolerance."""
    if isinstance(left, float) and isinstance(right, float):
        return abs(left - right) <= SECOND_OPINION_TOLERANCE * max(1.0, abs(left), abs(right))
    return left == right


def table(verdicts: list[Verdict]) -> str:
    """The verdicts as a Markdown table."""
    opinions = any(verdict.second_opinion is not None for verdict in verdicts)
    header = ["query", "status", "rows", "native", *(["duckdb"] if opinions else []), "detail"]
    rows = [[f"q{verdict.query}", verdict.status.value,
             "–" if verdict.rows is None else str(verdict.rows), verdict.native,
             *([verdict.second_opinion or ""] if opinions else []),
             verdict.detail.replace("\n", " ")[:300]]
            for verdict in verdicts]
    return report.table(header, rows)


def counts(verdicts: list[Verdict]) -> str:
    """How many of each status."""
    found = Counter(verdict.status.value for verdict in verdicts)
    return ", ".join(f"{count} {status}" for status, count in found.items())


def plan_file(folder: Path, query: int) -> Path:
    """Where a query's plan is kept."""
    return folder / f"q{query:02}.txt"


def write_plans(verdicts: list[Verdict], folder: Path) -> None:
    """Keeps the plans of all queries that ran."""
    folder.mkdir(parents=True, exist_ok=True)
    for verdict in verdicts:
        if verdict.plan is not None:
            plan_file(folder, verdict.query).write_text(verdict.plan)


def changed_plans(verdicts: list[Verdict], folder: Path) -> dict[int, str]:
    """Query → how its plan differs from the one that is kept, where it does."""
    changes = {}
    for verdict in verdicts:
        file = plan_file(folder, verdict.query)
        kept = file.read_text() if file.exists() else ""
        found = verdict.plan or ""
        if kept != found:
            changes[verdict.query] = "\n".join(difflib.unified_diff(
                kept.splitlines(), found.splitlines(), "kept", "found", lineterm=""))
    return changes
