"""The command line: `python -m random_queries --seed N --count M`."""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from random_queries import run
from random_queries.comparison import Status
from random_queries.queries import Query, query
from tpch.paths import ARCLIGHT_JAR, impersonal
from tpch.processes import WorkerFailed


def main(arguments: list[str] | None = None) -> int:
    """Runs or shows queries; returns the exit code: 1 if anything differs."""
    options = parser().parse_args(arguments)
    try:
        queries = chosen(options)
        if options.show:
            for each in queries:
                print(f"-- {each.number}: {each.settings}\n{each.sql};")
            return 0
        if not options.jar.exists():
            raise ValueError(f"{impersonal(str(options.jar))} does not exist: run ci/build")
        return compare(queries, options.jar.resolve())
    except (ValueError, WorkerFailed) as error:
        print(f"random_queries: {error}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """The options."""
    root = argparse.ArgumentParser(prog="python -m random_queries", description=__doc__)
    root.add_argument("--seed", type=int, default=1, help="which queries to make (default 1)")
    root.add_argument("--count", type=int, default=100, help="how many (default 100)")
    root.add_argument("--only", type=int, metavar="K", help="the seed's query K alone")
    root.add_argument("--jar", type=Path, default=ARCLIGHT_JAR,
                      help="Arclight's jar (default: ci/build's)")
    root.add_argument("--show", action="store_true", help="print the queries instead of running them")
    root.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE",
                      help="a setting of Spark in place of the drawn one; may be given several times")
    root.add_argument("--sql", action="append", default=[], metavar="TEXT",
                      help="with --only: this text in place of the query's own, on its settings; may be "
                           "given several times")
    return root


def chosen(options: argparse.Namespace) -> list[Query]:
    """The queries that the options ask for."""
    wrong = [text for text in options.settings if "=" not in text]
    if wrong:
        raise ValueError(f"not KEY=VALUE: {', '.join(wrong)}")
    if options.sql and options.only is None:
        raise ValueError("--sql needs --only")
    numbers = range(options.count) if options.only is None else [options.only]
    settings = dict(text.split("=", 1) for text in options.settings)
    queries = [query(options.seed, number) for number in numbers]
    queries = [replace(each, settings={**each.settings, **settings}) for each in queries]
    return [replace(queries[0], number=place, sql=sql, ordered=False, limited=False)
            for place, sql in enumerate(options.sql)] or queries


def compare(queries: list[Query], jar: Path) -> int:
    """Runs the queries and prints what came of them; the last line is as pytest's."""
    started = time.monotonic()
    totals = run.run(queries, jar, lambda text: print(text, flush=True))
    failed, skipped = totals.statuses[Status.DIFFERENT], totals.statuses[Status.INVALID]
    print(totals.summary())
    print(f"{totals.passed()} passed, {failed} failed, {skipped} skipped "
          f"in {time.monotonic() - started:.1f}s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
