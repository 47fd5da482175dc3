"""Writes a run's JSON, its Markdown table and its bar chart (SVG)."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tpch.engines import ENGINES
from tpch.figures import DISTURBANCE, Cell, cells, disturbed, ratios, summary

MEBIBYTE = 2**20

#: What the benchmarks are called.
TITLES = {"tpch": "TPC-H", "tpcds": "TPC-DS", "micro": "Micro-queries"}

#: One colour an engine, the same in every chart.
COLOURS = {"spark": "#9aa0a6", "arclight": "#d9480f", "comet": "#1c7ed6",
           "datafusion": "#2b8a3e", "duckdb": "#f2b705"}


def write(results: dict[str, Any], stem: Path) -> list[Path]:
    """Writes STEM.json, STEM.md and STEM.svg; returns the files."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    files = [stem.with_name(stem.name + suffix) for suffix in (".json", ".md", ".svg")]
    results = {**results, "summary": summaries(results)}
    files[0].write_text(json.dumps(results, indent=1) + "\n")
    files[1].write_text(markdown(results, chart=files[2].name))
    chart(results, files[2])
    return files


def engine_names(results: dict[str, Any]) -> list[str]:
    """The engines of the run in the order reports show them."""
    return [name for name in ENGINES if name in results["engines"]]


def baseline_name(results: dict[str, Any]) -> str:
    """Spark if it took part, else the first engine."""
    names = engine_names(results)
    return "spark" if "spark" in names else names[0]


def summaries(results: dict[str, Any]) -> dict[str, Any]:
    """Engine → its summary against the baseline, and per-query medians and ratios."""
    by_engine = cells(results["runs"])
    baseline = by_engine.get(baseline_name(results), {})
    found: dict[str, Any] = {}
    for name in engine_names(results):
        engine = by_engine.get(name, {})
        overall = summary(baseline, engine)
        found[name] = {
            "overall": asdict(overall) if overall else None,
            "queries": {query: asdict(engine[query]) for query in sorted(engine)},
            "ratios": ratios(baseline, engine),
        }
    return found


def markdown(results: dict[str, Any], chart: str | None = None) -> str:
    """The report as Markdown."""
    sections = [heading(results), times_table(results)]
    if chart:
        sections.append(f"![Times faster than {baseline_name(results)}, by query]({chart})")
    sections += [resources_tables(results), disagreements(results), failures(results),
                 settings(results)]
    return "\n\n".join(section for section in sections if section) + "\n"


def heading(results: dict[str, Any]) -> str:
    """What was run, where and how."""
    machine = results["machine"]
    title = TITLES[results["benchmark"]]
    memory = f"{results['memory_bytes'] / 2**30:g} GiB"
    machine_memory = f"{machine['memory_bytes'] / 2**30:.0f} GiB"
    disturbed_runs, long_runs = disturbed(results["runs"])
    return "\n".join([
        f"# {title} at scale {results['scale']:g}",
        "",
        f"- Machine: {machine['cpu']}, {machine['processors']} processors, {machine_memory}, "
        f"{machine['system']}",
        f"- Each engine: {results['cores']} cores, {memory} in all",
        f"- JDK: {''.join(machine['jdk'])}",
        f"- Commit: {machine['commit']}",
        f"- Time: {machine['time']}",
        f"- Command: `{machine['command']}`",
        f"- Timed runs: {results['repetitions']}, in {results['rounds']} fresh processes an "
        f"engine, each query after {results['warmup']} warm-up"
        f"{', in passes over all queries' if results.get('passes') else ''}; medians are shown",
        f"- Disturbed: in {disturbed_runs} of {long_runs} timed runs of half a second or more, other "
        f"processes used over {DISTURBANCE:g} processors",
    ])


def times_table(results: dict[str, Any]) -> str:
    """Seconds and ratios by query, with total, geometric mean and minimum."""
    by_engine = cells(results["runs"])
    names = engine_names(results)
    baseline = baseline_name(results)
    others = [name for name in names if name != baseline]
    header = ["query", f"{baseline} s"]
    for name in others:
        header += [f"{name} s", "×"]
    rows = []
    for number in results["queries"]:
        row = [f"q{number}", time_cell(by_engine, baseline, number)]
        for name in others:
            row += [time_cell(by_engine, name, number), ratio_cell(by_engine, baseline, name, number)]
        rows.append(row)
    total, geometric, minimum = ["total"], ["geometric mean"], ["minimum"]
    for name in [baseline, *others]:
        overall = summary(by_engine.get(baseline, {}), by_engine.get(name, {}))
        # Totals are over the queries both engines completed.
        total.append(
            f"{overall.total_seconds:.1f}{partial_note(overall.queries, results)}" if overall else "–")
        geometric.append("")
        minimum.append("")
        if name != baseline:
            total.append("")
            geometric.append(f"{overall.geometric_mean:.2f}" if overall else "–")
            minimum.append(f"{overall.minimum:.2f} (q{overall.minimum_query})" if overall else "–")
    rows += [total, geometric, minimum]
    text = f"## Time\n\nSeconds, and how many times faster than {baseline}.\n\n"
    return text + table(header, rows)


def partial_note(count: int, results: dict[str, Any]) -> str:
    """What a total over `count` queries says when these are not all."""
    return f" ({count} queries)" if count < len(results["queries"]) else ""


def time_cell(by_engine: dict[str, dict[int, Cell]], name: str, number: int) -> str:
    """Seconds; marked when the timed runs differ by over a fifth."""
    found = by_engine.get(name, {}).get(number)
    if found is None:
        return "failed"
    return f"{found.seconds:.2f}" + (f" ±{found.spread / 2:.0%}" if found.spread > 0.2 else "")


def ratio_cell(by_engine: dict[str, dict[int, Cell]], baseline: str, name: str,
               number: int) -> str:
    """How many times faster than the baseline."""
    base, own = (by_engine.get(engine, {}).get(number) for engine in (baseline, name))
    return f"{base.seconds / own.seconds:.2f}" if base and own else "–"


def resources_tables(results: dict[str, Any]) -> str:
    """Peak memory, CPU time, shuffle and native share: a table each, engines side by side."""
    by_engine = cells(results["runs"])
    sections = []
    for title, resource in RESOURCES.items():
        value = resource.value
        names = [name for name in engine_names(results)
                 if any(value(found) is not None for found in by_engine.get(name, {}).values())]
        if not names:
            continue
        rows = []
        for number in results["queries"]:
            found = [by_engine.get(name, {}).get(number) for name in names]
            shown = [value(cell) if cell else None for cell in found]
            rows.append([f"q{number}", *(text or "–" for text in shown)])
        if resource.total:
            rows.append(["total", *(total_cell(resource, by_engine[name], results) for name in names)])
        sections.append(f"## {title}\n\n{resource.explanation}\n\n" + table(["query", *names], rows))
    return "\n\n".join(sections)


def total_cell(resource: "Resource", found: dict[int, Cell], results: dict[str, Any]) -> str:
    """The total of the queries of which an engine gives the figure."""
    known = [cell for cell in found.values() if resource.value(cell) is not None]
    return resource.total(known) + partial_note(len(known), results)


def in_mebibytes(count: float | None) -> str | None:
    """A size with three significant digits, without exponent."""
    if count is None:
        return None
    value = count / MEBIBYTE
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.4f}"


def planning_text(planned: float, seconds: float) -> str:
    """Seconds of planning, and their share of the time they are part of."""
    return f"{planned:.4f} ({planned / seconds:.1%})"


def planning_cell(cell: Cell) -> str | None:
    """A query's planning."""
    return None if cell.planning_seconds is None else planning_text(cell.planning_seconds, cell.seconds)


def planning_total(found: list[Cell]) -> str:
    """That of queries whose planning is known."""
    return planning_text(
        sum(cell.planning_seconds for cell in found), sum(cell.seconds for cell in found))


@dataclass(frozen=True)
class Resource:
    """A table of the report.

    `value` gives a cell's text, or None where the engine does not give the figure; `total` that of
    all cells with the figure.
    """

    explanation: str
    value: Callable[[Cell], str | None]
    total: Callable[[list[Cell]], str] | None = None


#: Title → table.
RESOURCES: dict[str, Resource] = {
    "Peak memory": Resource(
        "MiB resident in the engine's process, the highest during the query (VmHWM, reset before).",
        lambda cell: in_mebibytes(cell.peak_resident_bytes)),
    "Allocator's peak": Resource(
        "MiB, as the engine's own allocator counts.",
        lambda cell: in_mebibytes(cell.allocator_peak_bytes)),
    "CPU": Resource(
        "Seconds, user and system, of the engine's process and its children.",
        lambda cell: f"{cell.cpu_seconds:.2f}"),
    "Shuffle": Resource("MiB written.", lambda cell: in_mebibytes(cell.shuffle_bytes)),
    "Planning": Resource(
        "Seconds in the engine's own rules and serialisation of plans, and their share of the query's "
        "time.",
        planning_cell,
        planning_total),
    "Native": Resource(
        "Share of the executed plan's operators, subqueries included.",
        lambda cell: None if cell.native_share is None else f"{cell.native_share:.0%}"),
}


#: Engines whose values have Spark's types.
SPARK_ENGINES = ("spark", "arclight", "comet")


def differing_rows(results: dict[str, Any]) -> dict[int, dict[str, str]]:
    """Query → engine → how its rows differ from the baseline's.

    Spark's engines must give the very same values; of others, whose types differ, only the number
    of rows is compared.
    """
    by_engine = cells(results["runs"])
    baseline = baseline_name(results)
    found: dict[int, dict[str, str]] = {}
    for name in engine_names(results):
        for number, own in by_engine.get(name, {}).items():
            base = by_engine.get(baseline, {}).get(number)
            if base is None or name == baseline:
                continue
            if own.rows != base.rows:
                found.setdefault(number, {})[name] = f"{own.rows} rows instead of {base.rows}"
            elif own.digest != base.digest and baseline == "spark" and name in SPARK_ENGINES:
                found.setdefault(number, {})[name] = "other values"
    return found


def disagreements(results: dict[str, Any]) -> str:
    """Queries whose rows differ."""
    found = differing_rows(results)
    if not found:
        return ""
    rows = [[f"q{number}", name, how]
            for number, engines in sorted(found.items()) for name, how in engines.items()]
    return "## Rows that differ from the baseline's\n\n" + table(["query", "engine", "how"], rows)


def failures(results: dict[str, Any]) -> str:
    """Queries that did not complete."""
    if not results["failures"]:
        return ""
    rows = [[f"q{failure['query']}", failure["engine"], failure["error"].splitlines()[0]]
            for failure in results["failures"]]
    return "## Failures\n\n" + table(["query", "engine", "error"], rows)


def settings(results: dict[str, Any]) -> str:
    """Each engine's versions and settings."""
    rows = []
    for name in engine_names(results):
        versions = ", ".join(f"{k} {v}" for k, v in results["versions"].get(name, {}).items())
        configuration = "<br>".join(
            f"`{k}={v}`" for k, v in results["configuration"].get(name, {}).items())
        rows.append([name, versions, configuration])
    return "## Engines\n\n" + table(["engine", "versions", "settings"], rows)


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table whose columns line up; numbers to the right."""
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in [header, *rows]]
    widths = [max(3, *(len(row[column]) for row in escaped)) for column in range(len(header))]
    numeric = [any(row[column] for row in escaped[1:])
               and all(is_numeric(row[column]) for row in escaped[1:])
               for column in range(len(header))]

    def line(row: list[str]) -> str:
        shown = [cell.rjust(width) if right else cell.ljust(width)
                 for cell, width, right in zip(row, widths, numeric)]
        return "| " + " | ".join(shown) + " |"

    rule = "|" + "|".join(
        "-" * (width + 1) + (":" if right else "-") for width, right in zip(widths, numeric)) + "|"
    return "\n".join([line(escaped[0]), rule, *map(line, escaped[1:])])


def is_numeric(text: str) -> bool:
    """Whether a cell belongs to the right."""
    return text in ("", "–", "failed") or text[0].isdigit()


def chart(results: dict[str, Any], file: Path) -> None:
    """A bar chart of the ratios by query on a logarithmic axis, the baseline at 1."""
    import matplotlib

    matplotlib.use("Agg")
    # The same figures give the same file.
    matplotlib.rcParams["svg.hashsalt"] = "arclight"
    from matplotlib import pyplot

    by_engine = cells(results["runs"])
    baseline = baseline_name(results)
    others = [name for name in engine_names(results) if name != baseline] or [baseline]
    numbers = results["queries"]
    figure, axes = pyplot.subplots(
        figsize=(max(6.0, 1.5 + len(numbers) * (0.25 + 0.14 * len(others))), 4.2))
    width = 0.8 / len(others)
    for index, name in enumerate(others):
        by_query = ratios(by_engine.get(baseline, {}), by_engine.get(name, {}))
        overall = summary(by_engine.get(baseline, {}), by_engine.get(name, {}))
        label = f"{name} (mean {overall.geometric_mean:.2f}×)" if overall else name
        positions = [numbers.index(query) + (index - (len(others) - 1) / 2) * width
                     for query in by_query]
        # Bars start at the baseline: up is faster, down slower.
        heights = [ratio - 1 for ratio in by_query.values()]
        axes.bar(positions, heights, width, bottom=1, label=label, color=COLOURS[name])
    axes.axhline(1, color="#333333", linewidth=0.8)
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    axes.set_xticks(range(len(numbers)), [f"q{number}" for number in numbers])
    axes.set_ylabel(f"times faster than {baseline}")
    axes.margins(x=0.01)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=len(others), loc="lower center", bbox_to_anchor=(0.5, 1.0))
    figure.tight_layout()
    figure.savefig(file, format="svg", metadata={"Date": None})
    pyplot.close(figure)
