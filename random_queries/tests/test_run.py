"""What a worker says becomes totals and reports."""

from pathlib import Path

import pytest

from random_queries import run
from random_queries.comparison import Status
from random_queries.queries import query
from tpch.processes import WorkerFailed

QUERIES = [query(1, number) for number in range(4)]


def compared(number, status, native=True):
    return [{"event": "begin", "query": number},
            {"event": "compared", "query": number, "status": status.value, "details": ["a detail"],
             "native": native}]


@pytest.fixture
def workers(monkeypatch):
    """Gives workers that say what a test has them say, and fail where it says None."""
    says, asked = [], []

    def outcomes(queries, jar):
        asked.append([query.number for query in queries])
        for event in says.pop(0):
            if event is None:
                raise WorkerFailed("exit code 134")
            yield event

    monkeypatch.setattr(run, "outcomes", outcomes)
    return says, asked


def test_totals(workers):
    says, _ = workers
    says.append(compared(0, Status.EQUAL) + compared(1, Status.DIFFERENT) +
                compared(2, Status.INVALID, native=False) + compared(3, Status.SAME_ERROR))
    shown = []
    totals = run.run(QUERIES, Path("a.jar"), shown.append)
    assert totals.passed() == 2
    assert totals.native == 3
    assert totals.summary().startswith("4 queries: 1 invalid, 1 with an error on both sides, 0 with")
    assert totals.summary().endswith("1 differences")
    [report] = shown
    assert report.startswith("FAILED query 1 of seed 1\n")
    assert QUERIES[1].sql in report and "a detail" in report
    assert "spark.sql.ansi.enabled=" in report


def test_a_query_that_ends_the_worker_is_a_difference(workers):
    says, asked = workers
    says.append([*compared(0, Status.EQUAL), {"event": "begin", "query": 1}, None])
    says.append(compared(2, Status.EQUAL) + compared(3, Status.EQUAL))
    shown = []
    totals = run.run(QUERIES, Path("a.jar"), shown.append)
    assert asked == [[0, 1, 2, 3], [2, 3]]
    assert totals.statuses == {Status.EQUAL: 3, Status.DIFFERENT: 1}
    assert "the process ended: exit code 134" in shown[0]


def test_a_worker_that_does_not_start_is_an_error(workers):
    says, _ = workers
    says.append([None])
    with pytest.raises(WorkerFailed):
        run.run(QUERIES, Path("a.jar"), print)


def test_the_worker_is_started_with_one_line_for_the_plugin():
    command = run.command(Path("arclight.jar"), Path("job.json"))
    assert command[1:3] == ["--jars", "arclight.jar"]
    assert "spark.plugins=org.arclight.spark.ArclightPlugin" in command
    assert command[-2:] == [str(run.WORKER), "job.json"]
    assert run.WORKER.exists()
