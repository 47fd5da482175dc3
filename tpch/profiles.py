"""The page of profiles: where each query's processor time goes, Arclight beside DuckDB.

An engine has `cores` processors for as long as a query takes. What its operators took of that is told
apart by kind of work; what no task used is idle.
"""

from typing import Any

from tpch.report import TITLES, table
from tpch.run import Outcome, Plan

ENGINES = ["arclight", "duckdb"]

#: Kind of work → what the page says of it.
KINDS = {
    "scan": "reading and decoding files; for DuckDB also the filters it evaluates in its scans",
    "filter": "filters, projections and all operators that are not named here; for Arclight also the "
              "reading of shuffled blocks",
    "aggregate": "aggregations",
    "join": "joins, their tables included",
    "sort": "sorts and first rows in order",
    "exchange": "writing shuffled blocks",
    "jvm": "in Spark's tasks, outside native operators",
    "idle": "no task ran: planning, starting tasks, broadcasts, waiting for the last task of a stage",
}


def page(plan: Plan, outcome: Outcome, where: dict[str, Any]) -> str:
    """The page as Markdown."""
    versions = ", ".join(
        f"{component} {version}" for name in ENGINES
        for component, version in outcome.versions.get(name, {}).items() if component != "jdk")
    return "\n".join([
        "# Where the time goes",
        "",
        f"{TITLES[plan.benchmark]} at scale {plan.scale:g}, {plan.cores} cores and {plan.memory_bytes / 2**30:g} GiB for "
        f"each engine ({versions}). `time` is in seconds; the rest is processor seconds, of "
        f"{plan.cores} for each second of time:",
        "",
        *(f"- **{kind}**: {meaning}" for kind, meaning in KINDS.items()),
        "",
        f"Each query's middle one of {plan.repetitions} runs after a warm-up. One engine ran after the "
        "other: figures to find work by, not a comparison of speed, which the "
        "[reports](../benches/results) are.",
        "",
        f"- Machine: {where['cpu']}, {where['processors']} processors, {where['system']}",
        f"- Commit: {where['commit']}",
        f"- Command: `{where['command']}`",
        "",
        work_table(plan, outcome),
        "",
    ])


def work_table(plan: Plan, outcome: Outcome) -> str:
    """A row a query and engine, and the sums of each engine."""
    rows = []
    sums = {name: dict.fromkeys(["time", *KINDS], 0.0) for name in ENGINES}
    for query in plan.queries:
        for name in ENGINES:
            found = middle_run(outcome, name, query.number)
            if found is None:
                rows.append([f"q{query.number}", name, "failed", *("" for _ in KINDS)])
                continue
            spent = {"time": found["seconds"], **found["work"],
                     "idle": idle(found, plan.cores)}
            for kind, seconds in spent.items():
                sums[name][kind] += seconds
            rows.append([f"q{query.number}", *row(name, spent)])
    rows += [["sum", *row(name, sums[name])] for name in ENGINES]
    return table(["query", "engine", "time", *KINDS], rows)


def row(engine: str, spent: dict[str, float]) -> list[str]:
    """The cells of an engine; what it doesn't have or hardly needs stays empty."""
    shown = [spent.get(kind, 0.0) for kind in ["time", *KINDS]]
    return [engine, *(f"{seconds:.2f}" if seconds >= 0.005 else "" for seconds in shown)]


def middle_run(outcome: Outcome, engine: str, query: int) -> dict[str, Any] | None:
    """The timed run that took the median, or the shorter of the two in the middle."""
    runs = sorted(
        (run for run in outcome.runs
         if run["timed"] and run["engine"] == engine and run["query"] == query),
        key=lambda run: run["seconds"])
    return runs[(len(runs) - 1) // 2] if runs else None


def idle(run: dict[str, Any], cores: int) -> float:
    """Processor seconds that no task of the run used."""
    return max(0.0, run["seconds"] * cores - sum(run["work"].values()))
