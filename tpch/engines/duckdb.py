"""DuckDB, in the worker's own process."""

import json
from collections import Counter
from typing import Any

import duckdb

from tpch.engines.base import Engine, Job, Result, Session

#: DuckDB's operators → kind of work; all others are "filter".
KINDS = {
    "TABLE_SCAN": "scan", "HASH_GROUP_BY": "aggregate", "PERFECT_HASH_GROUP_BY": "aggregate",
    "UNGROUPED_AGGREGATE": "aggregate", "HASH_JOIN": "join", "NESTED_LOOP_JOIN": "join",
    "LEFT_DELIM_JOIN": "join", "RIGHT_DELIM_JOIN": "join", "BLOCKWISE_NL_JOIN": "join",
    "CROSS_PRODUCT": "join", "PIECEWISE_MERGE_JOIN": "join", "IE_JOIN": "join",
    "ORDER_BY": "sort", "TOP_N": "sort",
}


class DuckDbSession(Session):
    """An in-memory database with a view over each table's Parquet files."""

    def __init__(self, job: Job):
        self.connection = duckdb.connect(config={
            "threads": job.cores, "memory_limit": f"{job.memory_bytes // 2**20}MiB"})
        for table, folder in job.tables.items():
            self.connection.execute(
                f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{folder}/*.parquet')")
        if job.profile:
            self.connection.execute("PRAGMA enable_profiling = 'no_output'")

    def versions(self) -> dict[str, str]:
        return {"duckdb": duckdb.__version__}

    def execute(self, sql: str) -> Result:
        return Result(self.connection.execute(sql).fetchall())

    def work(self, result: Result) -> dict[str, float]:
        return work_of(json.loads(self.connection.get_profiling_information()))

    def close(self) -> None:
        self.connection.close()


def work_of(profile: dict[str, Any]) -> dict[str, float]:
    """Seconds by kind of work in a profile, which is a tree of operators."""
    seconds: Counter[str] = Counter()
    pending = [profile]
    while pending:
        node = pending.pop()
        if "operator_type" in node:
            seconds[KINDS.get(node["operator_type"], "filter")] += node["operator_timing"]
        pending.extend(node.get("children", []))
    return dict(seconds)


class DuckDbEngine(Engine):
    """DuckDB with the job's threads and memory limit, all else default."""

    name = "duckdb"

    def open(self, job: Job) -> Session:
        return DuckDbSession(job)
