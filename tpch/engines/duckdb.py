"""DuckDB, in the worker's own process."""

import duckdb

from tpch.engines.base import Engine, Job, Result, Session


class DuckDbSession(Session):
    """An in-memory database with a view over each table's Parquet files."""

    def __init__(self, job: Job):
        self.connection = duckdb.connect(config={
            "threads": job.cores, "memory_limit": f"{job.memory_bytes // 2**20}MiB"})
        for table, folder in job.tables.items():
            self.connection.execute(
                f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{folder}/*.parquet')")

    def versions(self) -> dict[str, str]:
        return {"duckdb": duckdb.__version__}

    def execute(self, sql: str) -> Result:
        return Result(self.connection.execute(sql).fetchall())

    def close(self) -> None:
        self.connection.close()


class DuckDbEngine(Engine):
    """DuckDB with the job's threads and memory limit, all else default."""

    name = "duckdb"

    def open(self, job: Job) -> Session:
        return DuckDbSession(job)
