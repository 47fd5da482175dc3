"""The command line: `python -m tpch data|run|profile|verify|report`."""

import argparse
import json
import sys
from pathlib import Path

from tpch import data, machine, memory, profiles, queries, report, run, verify
from tpch.engines import ENGINES


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; returns its exit code."""
    options = parser().parse_args(arguments)
    try:
        return options.command(options)
    except (ValueError, MissingEngine) as error:
        print(f"tpch: {error}", file=sys.stderr)
        return 2


class MissingEngine(Exception):
    """An engine that was asked for cannot run here."""


def parser() -> argparse.ArgumentParser:
    """The options of all commands."""
    root = argparse.ArgumentParser(prog="python -m tpch", description=__doc__)
    commands = root.add_subparsers(required=True, metavar="command")

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--benchmark", choices=data.BENCHMARKS, default="tpch")
    common.add_argument("--scale", type=float, default=1.0,
                        help="scale factor: 1 is about 1 GB as text (default 1)")

    make = commands.add_parser("data", parents=[common], help="make the tables as Parquet")
    make.add_argument("--output", type=Path, help="folder to make them in (default: the cache)")
    make.set_defaults(command=make_data)

    selection = argparse.ArgumentParser(add_help=False, parents=[common])
    selection.add_argument("--data", type=Path, help="folder of the tables (default: the cache)")
    selection.add_argument("--queries", default="all", help="all, or such as 1,6 or 1-5 (default all)")
    selection.add_argument("--memory", type=memory.parse_bytes, default=memory.parse_bytes("8g"),
                           help="memory in all for each engine: heap and off-heap (default 8g)")
    selection.add_argument("--cores", type=int, default=2, help="cores for each engine (default 2)")

    timed = commands.add_parser("run", parents=[selection], help="time queries on engines")
    timed.add_argument("--engines", default="spark,arclight",
                       help=f"some of {','.join(ENGINES)} (default spark,arclight)")
    timed.add_argument("--repetitions", type=int, default=3, help="timed runs a query (default 3)")
    timed.add_argument("--warmup", type=int, default=1,
                       help="untimed runs before the timed ones in each process (default 1)")
    timed.add_argument("--rounds", type=int,
                       help="fresh processes an engine (default: one a timed run)")
    timed.add_argument("--passes", action="store_true",
                       help="run all queries once before any is run again, as a service does; "
                            "else each query has its runs in a row")
    timed.add_argument("--output", type=Path,
                       help="NAME of NAME.json, NAME.md and NAME.svg (default: print only)")
    timed.set_defaults(command=run_benchmark)

    where = commands.add_parser("profile", parents=[selection],
                                help="say where Arclight's time goes, beside DuckDB's")
    where.add_argument("--repetitions", type=int, default=3, help="timed runs a query (default 3)")
    where.add_argument("--output", type=Path, help="the page to write (default: print only)")
    where.set_defaults(command=write_profile)

    check = commands.add_parser("verify", parents=[selection],
                                help="compare an engine's rows with Spark's")
    check.add_argument("--engine", choices=["arclight", "comet", "spark"], default="arclight")
    check.add_argument("--second-opinion", action="store_true",
                       help="also show whether DuckDB agrees, by value")
    check.add_argument("--exact-doubles", action="store_true",
                       help="fail on doubles that differ by rounding alone")
    check.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE",
                       help="a setting of Spark for both; may be given several times")
    check.add_argument("--memory-share", type=float, metavar="SHARE",
                       help="run each query again, alone, with this share of the off-heap memory "
                            "that it took freely")
    check.add_argument("--plans", type=Path, metavar="FOLDER",
                       help="also fail where a query's plan is not the one kept in FOLDER")
    check.add_argument("--write-plans", action="store_true",
                       help="keep the plans in FOLDER anew instead of comparing them")
    check.set_defaults(command=verify_rows)

    again = commands.add_parser("report", help="write a run's table and chart again")
    again.add_argument("json", type=Path)
    again.set_defaults(command=write_report)
    return root


def make_data(options: argparse.Namespace) -> int:
    """Makes a data set."""
    print(data.make(options.benchmark, options.scale, options.output))
    return 0


def run_benchmark(options: argparse.Namespace) -> int:
    """Times queries. Fails if any query failed or gave other rows than the baseline's."""
    names = [name.strip() for name in options.engines.split(",")]
    rounds = options.rounds or options.repetitions
    plan = plan_of(options, names, warmup=options.warmup, rounds=rounds, passes=options.passes)
    outcome = run.Outcome()
    where = machine.description()

    def results() -> dict:
        return {
            "benchmark": plan.benchmark, "scale": plan.scale, "engines": names,
            "queries": [query.number for query in plan.queries], "repetitions": plan.repetitions,
            "warmup": plan.warmup, "rounds": plan.rounds, "passes": plan.passes,
            "cores": plan.cores,
            "memory_bytes": plan.memory_bytes, "machine": where, "versions": outcome.versions,
            "configuration": outcome.configuration, "failures": outcome.failures,
            "runs": outcome.runs,
        }

    def keep() -> None:
        """What is measured is kept, should the run be interrupted."""
        if options.output and outcome.runs:
            report.write(results(), options.output)

    run.run(plan, outcome, keep)
    print(report.markdown(results()))
    differ = report.differing_rows(results())
    return 1 if outcome.failures or differ else 0


def plan_of(options: argparse.Namespace, engines: list[str], warmup: int, rounds: int,
            profile: bool = False, passes: bool = False) -> run.Plan:
    """What the options ask to run; makes the tables. Raises if it can't be run."""
    require_engines(engines)
    if options.repetitions < 1 or warmup < 0 or options.cores < 1:
        raise ValueError("--repetitions and --cores are at least 1, --warmup at least 0")
    if not 1 <= rounds <= options.repetitions:
        raise ValueError("--rounds is between 1 and --repetitions")
    chosen = queries.load(options.benchmark, options.queries)
    folder = data.make(options.benchmark, options.scale, options.data)
    return run.Plan(
        benchmark=options.benchmark, scale=options.scale, tables=data.tables(folder),
        queries=chosen, engines=engines, repetitions=options.repetitions, warmup=warmup,
        rounds=rounds, cores=options.cores, memory_bytes=options.memory, profile=profile,
        passes=passes)


def write_profile(options: argparse.Namespace) -> int:
    """Profiles queries. Fails if any query failed."""
    plan = plan_of(options, profiles.ENGINES, warmup=1, rounds=1, profile=True)
    outcome = run.Outcome()
    run.run(plan, outcome, lambda: None)
    page = profiles.page(plan, outcome, machine.description())
    print(page)
    if options.output:
        options.output.write_text(page)
    return 1 if outcome.failures else 0


def verify_rows(options: argparse.Namespace) -> int:
    """Compares rows, and plans if asked. Fails on any query that is not equal."""
    require_engines(["spark", options.engine])
    if options.write_plans and options.plans is None:
        raise ValueError("--write-plans needs --plans")
    wrong_settings = [text for text in options.settings if "=" not in text]
    if wrong_settings:
        raise ValueError(f"not KEY=VALUE: {', '.join(wrong_settings)}")
    if options.memory_share is not None and options.memory_share <= 0:
        raise ValueError("--memory-share is above 0")
    chosen = queries.load(options.benchmark, options.queries)
    folder = data.make(options.benchmark, options.scale, options.data)
    verdicts = verify.verify(
        benchmark=options.benchmark, tables=data.tables(folder), chosen=chosen,
        engine=options.engine, cores=options.cores, memory_bytes=options.memory,
        second_opinion=options.second_opinion,
        settings=dict(text.split("=", 1) for text in options.settings),
        memory_share=options.memory_share)
    print(verify.table(verdicts))
    accepted = verify.EXACT if options.exact_doubles else verify.ACCEPTED
    wrong = [verdict for verdict in verdicts if verdict.status not in accepted]
    print(f"{len(verdicts) - len(wrong)} of {len(verdicts)} as Spark: {verify.counts(verdicts)}")
    left = {verdict.query: verdict.left for verdict in verdicts if verdict.left}
    for query, files in left.items():
        print(f"q{query} left behind: {', '.join(files)}")
    changes: dict[int, str] = {}
    if options.plans and options.write_plans:
        verify.write_plans(verdicts, options.plans)
    elif options.plans:
        changes = verify.changed_plans(verdicts, options.plans)
        for query, difference in changes.items():
            print(f"the plan of q{query} is not the one kept:\n{difference}")
    return 1 if wrong or left or changes else 0


def write_report(options: argparse.Namespace) -> int:
    """Writes table and chart beside the JSON again."""
    results = json.loads(options.json.read_text())
    for file in report.write(results, options.json.with_suffix("")):
        print(file)
    return 0


def require_engines(names: list[str]) -> None:
    """Raises unless all engines are known and can run here."""
    for name in names:
        if name not in ENGINES:
            raise ValueError(f"no such engine: {name} (known: {', '.join(ENGINES)})")
        reason = ENGINES[name].missing()
        if reason:
            raise MissingEngine(f"{name} cannot run: {reason}")


if __name__ == "__main__":
    sys.exit(main())
