"""Real engines on small real data."""

import pytest

from tpch import data, profiles, queries, run, verify
from tpch.compare import Status, compare
from tpch.engines import ENGINES
from tpch.engines.base import Job
from tpch.queries import Query

MEMORY = 2**30


@pytest.fixture(scope="session")
def tables(tmp_path_factory):
    return data.tables(data.make("tpch", 0.001, tmp_path_factory.mktemp("data") / "tpch"))


@pytest.fixture(scope="session")
def spark_rows(tables):
    """What Spark says of queries that differ from each other in one thing each."""
    texts = {
        1: "SELECT n_nationkey, n_name FROM nation ORDER BY n_nationkey",
        2: "SELECT n_nationkey, n_name FROM nation ORDER BY n_nationkey DESC",
        3: "SELECT n_nationkey, IF(n_nationkey = 7, 'other', n_name) AS n_name FROM nation "
           "ORDER BY n_nationkey",
        4: "SELECT CAST(n_nationkey AS INT) AS n_nationkey, n_name FROM nation ORDER BY n_nationkey",
        5: "SELECT r_name, count(*) FROM nation, region WHERE n_regionkey = r_regionkey "
           "GROUP BY r_name LIMIT 2",
        6: "SELECT n_nationkey / (n_nationkey - n_nationkey) FROM nation",
        7: "SELECT n_nationkey, n_name FROM nation ORDER BY n_nationkey + n_regionkey, n_name",
    }
    job = Job(engine="spark", benchmark="tpch", tables=tables, queries=list(texts.items()),
              warmup=0, repetitions=1, cores=2, memory_bytes=MEMORY)
    return verify.rows_of(job)


def test_wrong_order_row_and_type_are_found(spark_rows):
    assert compare(spark_rows[1], spark_rows[1]).status is Status.EQUAL
    assert compare(spark_rows[1], spark_rows[2]).status is Status.ORDER
    wrong_row = {**spark_rows[3], "schema": spark_rows[1]["schema"]}
    assert compare(spark_rows[1], wrong_row).status is Status.ROWS
    assert compare(spark_rows[1], spark_rows[4]).status is Status.SCHEMA


def test_order_and_limit_are_read_from_the_plan(spark_rows):
    assert (spark_rows[1]["order"], spark_rows[1]["limited"]) == ([0], False)
    assert (spark_rows[5]["order"], spark_rows[5]["limited"]) == (None, True)
    # The first key is no output column, so no column decides the order.
    assert spark_rows[7]["order"] == []


def test_sparks_error_condition_is_kept(spark_rows):
    assert spark_rows[6]["error_class"] == "DIVIDE_BY_ZERO"


def test_measures_of_a_run(spark_rows):
    measured = spark_rows[5]["measured"]
    assert measured["shuffle_bytes"] > 0
    assert measured["operators"] >= 5
    assert measured["native_operators"] is None
    assert measured["peak_resident_bytes"] > 50 * 2**20
    assert measured["cpu_seconds"] > 0


@pytest.mark.parametrize("engine", ["datafusion", "duckdb"])
def test_every_tpch_query_runs(engine, tables):
    chosen = queries.load("tpch")
    outcome = run.Outcome()
    plan = run.Plan("tpch", 0.001, tables, chosen, [engine], repetitions=1, warmup=0, rounds=1,
                    cores=2, memory_bytes=MEMORY)
    run.run(plan, outcome, lambda: None)
    assert outcome.failures == []
    assert [entry["query"] for entry in outcome.runs] == list(range(1, 23))


@pytest.mark.parametrize("engine", profiles.ENGINES)
def test_engines_say_where_their_time_goes(engine):
    assert ENGINES[engine].missing() is None
    outcome = run.Outcome()
    # Spark counts whole milliseconds a task: enough rows for some.
    tables = data.tables(data.make("tpch", 0.01))
    plan = run.Plan("tpch", 0.01, tables, queries.load("tpch", "3"), [engine], repetitions=1,
                    warmup=0, rounds=1, cores=2, memory_bytes=MEMORY, profile=True)
    run.run(plan, outcome, lambda: None)
    assert outcome.failures == []
    work = outcome.runs[0]["work"]
    assert set(work) <= set(profiles.KINDS)
    assert work["scan"] > 0
    assert sum(work.values()) < 2 * outcome.runs[0]["seconds"] + 0.1


def test_a_failing_query_fails_alone(tables):
    outcome = run.Outcome()
    chosen = [Query(1, "SELECT * FROM nowhere"), Query(2, "SELECT count(*) FROM nation")]
    plan = run.Plan("tpch", 0.001, tables, chosen, ["duckdb"], repetitions=2, warmup=1, rounds=2,
                    cores=1, memory_bytes=MEMORY)
    run.run(plan, outcome, lambda: None)
    assert [failure["query"] for failure in outcome.failures] == [1]
    assert [(entry["query"], entry["timed"]) for entry in outcome.runs] == [(2, False), (2, True)] * 2


def test_in_passes_every_query_runs_before_any_runs_again(tables):
    outcome = run.Outcome()
    chosen = [Query(1, "SELECT * FROM nowhere"), Query(2, "SELECT 2"), Query(3, "SELECT 3")]
    plan = run.Plan("tpch", 0.001, tables, chosen, ["duckdb"], repetitions=2, warmup=1, rounds=1,
                    cores=1, memory_bytes=MEMORY, passes=True)
    run.run(plan, outcome, lambda: None)
    assert [failure["query"] for failure in outcome.failures] == [1]
    assert [(entry["query"], entry["timed"]) for entry in outcome.runs] == [
        (2, False), (3, False), (2, True), (3, True), (2, True), (3, True)]


class CrashingEngine(type(ENGINES["duckdb"])):
    """DuckDB whose worker dies where a query asks for it."""

    name = "duckdb"

    def command(self, job, job_file):
        worker = ("import os, sys; sys.argv.pop(0); from tpch import worker; once = worker.run_query\n"
                  "worker.run_query = lambda s, j, n, q, r, f: (worker.emit(event='begin', query=n), "
                  "os._exit(9)) if q == 'crash' else once(s, j, n, q, r, f)\n"
                  "worker.main()")
        command = super().command(job, job_file)
        return [command[0], "-c", worker, "worker", command[-1]]


@pytest.mark.parametrize("passes", [False, True])
def test_a_crash_fails_its_query_and_the_rest_runs(tables, monkeypatch, passes):
    monkeypatch.setitem(ENGINES, "duckdb", CrashingEngine())
    outcome = run.Outcome()
    chosen = [Query(1, "SELECT 1"), Query(2, "SELECT * FROM nowhere"), Query(3, "crash"),
              Query(4, "SELECT 4")]
    plan = run.Plan("tpch", 0.001, tables, chosen, ["duckdb"], repetitions=1, warmup=0, rounds=1,
                    cores=1, memory_bytes=MEMORY, passes=passes)
    run.run(plan, outcome, lambda: None)
    assert [failure["query"] for failure in outcome.failures] == [2, 3]
    assert "exit code 9" in outcome.failures[1]["error"]
    assert [entry["query"] for entry in outcome.runs] == [1, 4]


def test_after_a_crash_in_passes_queries_without_all_their_runs_begin_anew(tables, monkeypatch):
    monkeypatch.setitem(ENGINES, "duckdb", CrashingEngine())
    outcome = run.Outcome()
    chosen = [Query(1, "SELECT 1"), Query(2, "crash"), Query(3, "SELECT 3")]
    plan = run.Plan("tpch", 0.001, tables, chosen, ["duckdb"], repetitions=2, warmup=0, rounds=1,
                    cores=1, memory_bytes=MEMORY, passes=True)
    run.run(plan, outcome, lambda: None)
    assert [failure["query"] for failure in outcome.failures] == [2]
    assert [entry["query"] for entry in outcome.runs] == [1, 3, 1, 3]
