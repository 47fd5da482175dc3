"""DataFusion's Python package, in the worker's own process."""

import datafusion

from tpch.engines.base import Engine, Job, Result, Session


class DataFusionSession(Session):
    """A session context with each table registered from its Parquet files."""

    def __init__(self, job: Job):
        configuration = datafusion.SessionConfig().with_target_partitions(job.cores)
        runtime = datafusion.RuntimeEnvBuilder().with_disk_manager_os().with_fair_spill_pool(
            job.memory_bytes)
        self.context = datafusion.SessionContext(configuration, runtime)
        for table, folder in job.tables.items():
            self.context.register_parquet(table, folder)

    def versions(self) -> dict[str, str]:
        return {"datafusion": datafusion.__version__}

    def execute(self, sql: str) -> Result:
        batches = self.context.sql(sql).collect()
        rows: list[tuple] = []
        for batch in batches:
            rows.extend(zip(*(column.to_pylist() for column in batch.columns)))
        return Result(rows)


class DataFusionEngine(Engine):
    """DataFusion with the job's cores as partitions and a fair memory pool, all else default."""

    name = "datafusion"

    def open(self, job: Job) -> Session:
        return DataFusionSession(job)
