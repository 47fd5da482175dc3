"""Where a query's time went adds up."""

from tpch import profiles
from tpch.engines.duckdb import work_of
from tpch.queries import Query
from tpch.run import Outcome, Plan

PLAN = Plan(
    benchmark="tpch", scale=1.0, tables={}, queries=[Query(6, "SELECT 6")],
    engines=profiles.ENGINES, repetitions=3, warmup=1, rounds=1, cores=2, memory_bytes=2**33,
    profile=True)

WHERE = {"cpu": "a CPU", "processors": 2, "system": "Linux", "commit": "abc", "command": "python"}


def run(engine, seconds, timed=True, **work):
    return {"engine": engine, "query": 6, "seconds": seconds, "timed": timed, "work": work}


def cells_of(page, engine):
    line = next(line for line in page.splitlines() if line.startswith("| q6") and engine in line)
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_middle_run_is_shown_and_the_rest_is_idle():
    runs = [run("arclight", 9.0, timed=False, scan=1.0), run("arclight", 3.0, scan=1.0),
            run("arclight", 1.0, scan=1.2, jvm=0.3), run("arclight", 0.5, scan=0.5),
            run("duckdb", 0.5, scan=0.8, filter=0.001)]
    page = profiles.page(PLAN, Outcome(runs=runs), WHERE)
    kinds = ["time", *profiles.KINDS]
    arclight = dict(zip(kinds, cells_of(page, "arclight")[2:], strict=True))
    assert arclight["time"] == "1.00" and arclight["scan"] == "1.20" and arclight["jvm"] == "0.30"
    assert arclight["idle"] == "0.50" and arclight["join"] == ""
    duckdb = dict(zip(kinds, cells_of(page, "duckdb")[2:], strict=True))
    assert duckdb["scan"] == "0.80" and duckdb["filter"] == "" and duckdb["idle"] == "0.20"


def test_a_query_that_failed_is_said_to_have():
    page = profiles.page(PLAN, Outcome(runs=[run("duckdb", 0.5, scan=0.8)]), WHERE)
    assert cells_of(page, "arclight")[2] == "failed"


def test_duckdbs_operators_have_kinds():
    tree = {"latency": 1.0, "children": [
        {"operator_type": "TOP_N", "operator_timing": 0.5, "children": [
            {"operator_type": "PROJECTION", "operator_timing": 0.25, "children": [
                {"operator_type": "TABLE_SCAN", "operator_timing": 2.0},
                {"operator_type": "TABLE_SCAN", "operator_timing": 1.0}]}]}]}
    assert work_of(tree) == {"sort": 0.5, "filter": 0.25, "scan": 3.0}
