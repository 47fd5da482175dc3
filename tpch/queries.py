"""The query texts: DuckDB's TPC-H and TPC-DS extensions carry them with the validation parameters.

They come as SQL that DuckDB, DataFusion and Spark read alike. TPC-DS names columns in double quotes, which Spark reads as such only with
`spark.sql.ansi.doubleQuotedIdentifiers=true` (see `SPARK_CONFIGURATION`).
"""

import importlib
import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tpch import micro

#: What a session needs set to read a benchmark's texts; the same for every Spark engine.
SPARK_CONFIGURATION: dict[str, dict[str, str]] = {
    "tpch": {},
    "tpcds": {"spark.sql.ansi.doubleQuotedIdentifiers": "true"},
    "micro": {},
}

@dataclass(frozen=True)
class Query:
    """One query of a benchmark: its number and the text the engines run."""

    number: int
    sql: str


def extension_file(benchmark: str) -> Path:
    """The DuckDB extension inside its PyPI package; loading it needs no network."""
    package = importlib.import_module(f"duckdb_extension_{benchmark}")
    folder = Path(package.__file__).parent / "extensions" / f"v{duckdb.__version__}"
    return folder / f"{benchmark}.duckdb_extension"


def load(benchmark: str, selection: str = "all") -> list[Query]:
    """The selected queries in ascending order; see `parse_selection` for the selection."""
    if benchmark == "micro":
        texts = {number: text.strip() for number, (_, text) in micro.QUERIES.items()}
    else:
        texts = extension_texts(benchmark)
    return [Query(number, texts[number]) for number in parse_selection(selection, list(texts))]


def extension_texts(benchmark: str) -> dict[int, str]:
    """Number → text of the queries that a DuckDB extension carries."""
    with duckdb.connect() as connection:
        connection.load_extension(str(extension_file(benchmark)))
        rows = connection.execute(
            f"SELECT query_nr, query FROM {benchmark}_queries() ORDER BY query_nr").fetchall()
    return {number: text.strip().rstrip(";").rstrip() for number, text in rows}


def parse_selection(selection: str, available: list[int]) -> list[int]:
    """`all`, or numbers and ranges such as `1,6` or `1-5,9`. Raises ValueError on any other."""
    if selection.strip().lower() == "all":
        return sorted(available)
    chosen: set[int] = set()
    for part in selection.split(","):
        match = re.fullmatch(r"\s*q?(\d+)(?:\s*-\s*q?(\d+))?\s*", part)
        if not match:
            raise ValueError(f"not a query number or range: {part!r}")
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last:
            raise ValueError(f"empty range: {part!r}")
        chosen.update(range(first, last + 1))
    unknown = chosen - set(available)
    if unknown:
        raise ValueError(f"no such query: {', '.join(map(str, sorted(unknown)))}")
    return sorted(chosen)


def without_limit(sql: str) -> str:
    """The query without the LIMIT that closes it; unchanged when it has none."""
    return re.sub(r"\s+LIMIT\s+\d+\s*$", "", sql, flags=re.IGNORECASE)
