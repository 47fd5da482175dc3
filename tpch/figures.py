"""The figures of a report: medians, ratios to the baseline, geometric mean, minimum."""

import math
from dataclasses import dataclass
from statistics import median
from typing import Any


#: A run is disturbed when other processes used more than this many processors meanwhile.
DISTURBANCE = 0.2


@dataclass(frozen=True)
class Cell:
    """One query on one engine: medians over the timed runs. A figure an engine does not give is
    None."""

    seconds: float
    #: (slowest − fastest) / median of the timed runs.
    spread: float
    timed_runs: int
    cpu_seconds: float
    peak_resident_bytes: float
    allocator_peak_bytes: float | None
    shuffle_bytes: float | None
    #: In the engine's own rules and serialisation of plans.
    planning_seconds: float | None
    #: Operators native / all operators, of the last run.
    native_share: float | None
    rows: int
    digest: str


@dataclass(frozen=True)
class Summary:
    """One engine against the baseline, over the queries both completed."""

    queries: int
    total_seconds: float
    geometric_mean: float
    minimum: float
    minimum_query: int


def cells(runs: list[dict[str, Any]]) -> dict[str, dict[int, Cell]]:
    """Engine → query → figures, of the timed runs."""
    grouped: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for run in runs:
        if run["timed"]:
            grouped.setdefault((run["engine"], run["query"]), []).append(run)
    result: dict[str, dict[int, Cell]] = {}
    for (engine, query), group in grouped.items():
        result.setdefault(engine, {})[query] = cell(group)
    return result


def cell(group: list[dict[str, Any]]) -> Cell:
    """The figures of one query's timed runs on one engine."""
    seconds = [run["seconds"] for run in group]
    last = group[-1]
    native, operators = last.get("native_operators"), last.get("operators")
    return Cell(
        seconds=median(seconds),
        spread=(max(seconds) - min(seconds)) / median(seconds),
        timed_runs=len(group),
        cpu_seconds=median(run["cpu_seconds"] for run in group),
        peak_resident_bytes=median(run["peak_resident_bytes"] for run in group),
        allocator_peak_bytes=optional_median(group, "allocator_peak_bytes"),
        shuffle_bytes=optional_median(group, "shuffle_bytes"),
        planning_seconds=optional_median(group, "planning_seconds"),
        native_share=None if native is None or not operators else native / operators,
        rows=last["rows"],
        digest=last["digest"],
    )


def disturbed(runs: list[dict[str, Any]]) -> tuple[int, int]:
    """(disturbed, all) timed runs of at least half a second; shorter ones say too little."""
    long_runs = [run for run in runs if run["timed"] and run["seconds"] >= 0.5]
    count = sum(run.get("other_cpu_seconds", 0.0) > DISTURBANCE * run["seconds"]
                for run in long_runs)
    return count, len(long_runs)


def optional_median(group: list[dict[str, Any]], field: str) -> float | None:
    """The median where every run has the figure, else None."""
    values = [run.get(field) for run in group]
    return None if any(value is None for value in values) else median(values)


def ratios(baseline: dict[int, Cell], engine: dict[int, Cell]) -> dict[int, float]:
    """Query → how many times faster than the baseline, over the queries both have."""
    return {query: baseline[query].seconds / engine[query].seconds
            for query in sorted(baseline.keys() & engine.keys())}


def summary(baseline: dict[int, Cell], engine: dict[int, Cell]) -> Summary | None:
    """The engine's summary; None if there is no query both have."""
    by_query = ratios(baseline, engine)
    if not by_query:
        return None
    slowest = min(by_query, key=lambda query: by_query[query])
    return Summary(
        queries=len(by_query),
        total_seconds=sum(engine[query].seconds for query in by_query),
        geometric_mean=geometric_mean(list(by_query.values())),
        minimum=by_query[slowest],
        minimum_query=slowest,
    )


def geometric_mean(values: list[float]) -> float:
    """exp of the mean of logarithms. The values are positive and there is at least one."""
    return math.exp(sum(map(math.log, values)) / len(values))
