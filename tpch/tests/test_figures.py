"""The report's arithmetic and its files."""

import json

import pytest

from tpch import figures, report
from tpch.run import Plan


def timed_run(engine, query, seconds, **others):
    return {"engine": engine, "round": 0, "query": query, "timed": True, "seconds": seconds,
            "cpu_seconds": seconds, "peak_resident_bytes": 2**20, "rows": 1, "digest": "same",
            **others}


RUNS = [
    timed_run("spark", 1, 8.0), timed_run("spark", 1, 9.0), timed_run("spark", 1, 100.0),
    {**timed_run("spark", 1, 1000.0), "timed": False},
    timed_run("spark", 6, 1.0),
    timed_run("arclight", 1, 4.5, native_operators=3, operators=4, shuffle_bytes=5),
    timed_run("arclight", 6, 2.0, native_operators=2, operators=2, shuffle_bytes=None),
]


def results(runs=RUNS, failures=()):
    return {
        "benchmark": "tpch", "scale": 0.01, "engines": ["arclight", "spark"], "queries": [1, 6],
        "repetitions": 3, "warmup": 1, "rounds": 3, "cores": 2, "memory_bytes": 2**30,
        "machine": {"cpu": "a|b", "processors": 2, "memory_bytes": 2**34, "system": "Linux",
                    "jdk": ["17"], "commit": "c", "time": "t", "command": "python -m tpch"},
        "versions": {}, "configuration": {}, "failures": list(failures), "runs": runs,
    }


def test_medians_leave_warm_ups_out():
    cells = figures.cells(RUNS)
    assert cells["spark"][1].seconds == 9.0
    assert cells["spark"][1].timed_runs == 3
    assert cells["arclight"][1].native_share == 0.75
    assert cells["arclight"][1].shuffle_bytes == 5
    assert cells["arclight"][6].shuffle_bytes is None
    assert cells["spark"][1].native_share is None


def test_planning_is_shown_with_its_share(tmp_path):
    planned = [timed_run("spark", 1, 2.0), timed_run("arclight", 1, 0.5, planning_seconds=0.01,
                                                     allocator_peak_bytes=3 * 2**20),
               timed_run("spark", 6, 2.0), timed_run("arclight", 6, 1.5, planning_seconds=0.05)]
    assert figures.cells(planned)["arclight"][1].planning_seconds == 0.01
    text = report.markdown(results(planned))
    assert "0.0100 (2.0%)" in text
    assert "|total|0.0600(3.0%)|" in text.replace(" ", "")
    assert "## Allocator's peak" in text
    assert "## Planning" not in report.markdown(results())


def test_summary_has_geometric_mean_and_minimum():
    cells = figures.cells(RUNS)
    assert figures.ratios(cells["spark"], cells["arclight"]) == {1: 2.0, 6: 0.5}
    summary = figures.summary(cells["spark"], cells["arclight"])
    assert summary.geometric_mean == pytest.approx(1.0)
    assert (summary.minimum, summary.minimum_query) == (0.5, 6)
    assert summary.total_seconds == 6.5
    assert figures.summary({}, cells["arclight"]) is None


def test_report_writes_three_files_that_say_the_same(tmp_path):
    files = report.write(results(), tmp_path / "sf0.01")
    assert [file.name for file in files] == ["sf0.01.json", "sf0.01.md", "sf0.01.svg"]
    written = json.loads(files[0].read_text())
    assert written["summary"]["arclight"]["overall"]["minimum"] == 0.5
    text = files[1].read_text()
    assert "|q1|9.00±511%|4.50|2.00|" in text.replace(" ", "")
    assert "0.50 (q6)" in text
    assert files[2].read_text().startswith("<?xml")
    first = files[2].read_bytes()
    report.chart(results(), files[2])
    assert files[2].read_bytes() == first


def test_report_shows_failures_and_rows_that_differ():
    runs = [*RUNS[:-1], timed_run("arclight", 6, 2.0, rows=2)]
    failure = {"engine": "arclight", "query": 1, "error": "Boom: it broke\nstack"}
    text = report.markdown(results(runs, [failure]))
    assert "Boom: it broke" in text
    assert "2 rows instead of 1" in text
    other_values = [*RUNS[:-1], timed_run("arclight", 6, 2.0, digest="other")]
    assert report.differing_rows(results(other_values)) == {6: {"arclight": "other values"}}
    assert report.differing_rows(results()) == {}


def test_a_query_without_a_time_is_failed_not_fast():
    text = report.times_table(results(RUNS[:-1]))
    row = next(line for line in text.splitlines() if line.startswith("| q6"))
    assert "failed" in row and "–" in row
    assert "4.5 (1 queries)" in text


def test_repetitions_spread_over_rounds():
    plan = Plan("tpch", 1, {}, [], ["a", "b"], repetitions=5, warmup=1, rounds=2, cores=2,
                memory_bytes=1)
    assert [plan.timed_in(number) for number in range(2)] == [2, 3]
    assert (plan.order(0), plan.order(1)) == (["a", "b"], ["b", "a"])


def test_disturbed_runs_are_counted():
    runs = [timed_run("spark", 1, 2.0, other_cpu_seconds=1.0),
            timed_run("spark", 1, 2.0, other_cpu_seconds=0.1),
            timed_run("spark", 6, 0.1, other_cpu_seconds=0.1)]
    assert figures.disturbed(runs) == (1, 2)
    assert "in 1 of 2 timed runs" in report.heading(results(runs))
