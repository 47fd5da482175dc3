"""Query texts, selections, data folders and measures."""

import os
import subprocess
import sys

import duckdb
import pytest

from tpch import data, memory, queries


@pytest.mark.parametrize(("benchmark", "count"), [("tpch", 22), ("tpcds", 99), ("micro", 4)])
def test_loads_all_queries(benchmark, count):
    loaded = queries.load(benchmark)
    assert [query.number for query in loaded] == list(range(1, count + 1))
    assert not any(query.sql.endswith(";") for query in loaded)


def test_selection():
    available = list(range(1, 23))
    assert queries.parse_selection("6,1", available) == [1, 6]
    assert queries.parse_selection("q3-5, 22", available) == [3, 4, 5, 22]
    assert queries.parse_selection("ALL", available) == available
    for wrong in ("0", "23", "5-3", "x", "", "1,,2"):
        with pytest.raises(ValueError):
            queries.parse_selection(wrong, available)


def test_without_limit_takes_only_the_closing_one():
    assert queries.without_limit("SELECT 1 LIMIT 5) LIMIT\n 100") == "SELECT 1 LIMIT 5)"
    assert queries.without_limit("SELECT 1") == "SELECT 1"


def test_sizes():
    assert memory.parse_bytes("8g") == 8 * 2**30
    assert memory.parse_bytes("512MB") == 512 * 2**20
    assert memory.parse_bytes("7") == 7
    for wrong in ("", "g", "1.5g", "8x"):
        with pytest.raises(ValueError):
            memory.parse_bytes(wrong)


def test_peak_memory_is_reset():
    process = os.getpid()
    block = bytearray(b"x") * (200 * 2**20)
    with_block = memory.peak_resident_bytes(process)
    del block
    memory.reset_peak(process)
    assert memory.peak_resident_bytes(process) < with_block - 100 * 2**20


def test_cpu_time_counts_children():
    before, busy_before = memory.cpu_seconds(os.getpid()), memory.machine_busy_seconds()
    subprocess.run([sys.executable, "-c", "for i in range(10_000_000): pass"], check=True)
    used = memory.cpu_seconds(os.getpid()) - before
    assert used > 0.05
    # Ticks of either clock may round a little differently.
    assert memory.machine_busy_seconds() - busy_before > used - 0.1


def test_data_is_made_whole_or_not_at_all(tmp_path, monkeypatch):
    folder = data.make("tpch", 0.001, tmp_path / "made")
    assert set(data.tables(folder)) == {"customer", "lineitem", "nation", "orders", "part",
                                        "partsupp", "region", "supplier"}
    before = (folder / "_description.json").stat().st_mtime_ns
    assert data.make("tpch", 0.001, folder) == folder
    assert (folder / "_description.json").stat().st_mtime_ns == before
    with pytest.raises(ValueError):
        data.make("tpch", 1, folder)

    monkeypatch.setattr(data, "generator", lambda: "false")
    with pytest.raises(subprocess.CalledProcessError):
        data.make("tpch", 0.001, tmp_path / "failed")
    assert [entry.name for entry in tmp_path.iterdir()] == ["made"]


def test_makes_the_tables_of_micro_queries(tmp_path):
    folder = data.make("micro", 0.001, tmp_path / "made")
    tables = data.tables(folder)
    with duckdb.connect() as connection:
        for name, files in tables.items():
            connection.execute(f"CREATE VIEW {name} AS FROM '{files}/*.parquet'")
        results = [connection.execute(query.sql).fetchall() for query in queries.load("micro")]
    (matches, _), (lists, _), (found, _), (ids, most) = (rows[0] for rows in results)
    assert (matches, lists, found, ids, most) == (10_000, 1000, 10_000, 10_000, 1)
