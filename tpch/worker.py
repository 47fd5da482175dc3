"""Runs a job's queries on one engine in this process and reports each run as a line of JSON.

Started by the coordinator: `python worker.py JOB.json`, or through spark-submit. Events on the
standard output, one JSON object a line:

    {"event": "opened", "versions": {...}, "configuration": {...}}
    {"event": "begin", "query": 6, "timed": false}
    {"event": "run", "query": 6, "timed": true, "seconds": 1.2, "rows": 1, ...}
    {"event": "failed", "query": 6, "error": "...", "error_class": "..."}
    {"event": "closed"}
"""

import hashlib
import itertools
import json
import pickle
import sys
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

from tpch import memory
from tpch.engines import ENGINES
from tpch.engines.base import Job, Session


def main() -> None:
    """Runs the job named on the command line."""
    with open(sys.argv[1], encoding="utf-8") as file:
        job = Job(**json.load(file))
    session = ENGINES[job.engine].open(job)
    emit(event="opened", versions=session.versions())
    rows_file = open(job.rows_file, "wb") if job.rows_file else None
    try:
        run_queries(session, job, rows_file)
    finally:
        if rows_file:
            rows_file.close()
    session.close()
    emit(event="closed")


def run_queries(session: Session, job: Job, rows_file: BinaryIO | None) -> None:
    """The queries' warm-up and timed runs; an error ends its query only."""
    failed = set()
    for repetition, (number, sql) in runs(job):
        if number not in failed and not run_query(session, job, number, sql, repetition, rows_file):
            failed.add(number)


def runs(job: Job) -> Iterator[tuple[int, tuple[int, str]]]:
    """Each query with the number of its run (from 0), in order."""
    repetitions = range(job.warmup + job.repetitions)
    if job.passes:
        return itertools.product(repetitions, job.queries)
    return ((repetition, query) for query in job.queries for repetition in repetitions)


def run_query(session: Session, job: Job, number: int, sql: str, repetition: int,
              rows_file: BinaryIO | None) -> bool:
    """One run of a query; whether it succeeded."""
    timed = repetition >= job.warmup
    emit(event="begin", query=number, timed=timed)
    try:
        measured, description = run_once(session, job, sql)
    except Exception as error:  # noqa: BLE001: whatever an engine raises is its answer
        failure = {"query": number, "error": first_lines(error), "error_class": error_class(error)}
        emit(event="failed", **failure)
        if rows_file:
            pickle.dump(failure, rows_file)
        return False
    emit(event="run", query=number, timed=timed, **measured)
    if rows_file and repetition == 0:
        pickle.dump({"query": number, **description}, rows_file)
    return True


def run_once(session: Session, job: Job, sql: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Runs the query once; returns what was measured and, if asked, its rows with their schema."""
    process = session.process
    session.settle()
    memory.reset_peak(process)
    resident_before = memory.resident_bytes(process)
    cpu_before, busy_before = memory.cpu_seconds(process), memory.machine_busy_seconds()
    started = time.perf_counter()
    result = session.execute(sql)
    seconds = time.perf_counter() - started
    cpu_seconds = memory.cpu_seconds(process) - cpu_before
    busy_seconds = memory.machine_busy_seconds() - busy_before
    measured = {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        # What other processes took of the machine meanwhile, the time of this one's client included.
        "other_cpu_seconds": max(0.0, busy_seconds - cpu_seconds),
        "peak_resident_bytes": memory.peak_resident_bytes(process),
        "resident_before_bytes": resident_before,
        "rows": len(result.rows),
        "digest": digest(result.rows),
        **session.measures(result),
    }
    if job.profile:
        measured["work"] = session.work(result)
    description = {"rows": result.rows, **session.description(result)} if job.rows_file else {}
    return measured, description


def digest(rows: list[tuple]) -> str:
    """A digest of the rows as a multiset of exact Python values."""
    lines = sorted(repr(row) for row in rows)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def error_class(error: Exception) -> str:
    """Spark's error condition if it has one, else the exception's class."""
    for name in ("getCondition", "getErrorClass"):
        condition = getattr(error, name, None)
        if callable(condition) and condition():
            return str(condition())
    return type(error).__name__


def first_lines(error: Exception, count: int = 8) -> str:
    """The error's text without the stack below it."""
    return "\n".join(f"{type(error).__name__}: {error}".splitlines()[:count])


def emit(**event: Any) -> None:
    """Writes one event."""
    print(json.dumps(event), flush=True)


if __name__ == "__main__":
    main()
