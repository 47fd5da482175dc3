"""Micro-queries: one operator or function each, on tables of hashed values.

A scale of 1 is 10 million rows of `facts` and 1 million of `keys`. As far as functions have the same
names, every engine reads the texts.
"""

from pathlib import Path

import duckdb

FACTS_PER_SCALE = 10_000_000
KEYS_PER_SCALE = 1_000_000

#: Rows of a file: several files, so that several tasks read them.
FILE_ROWS = 1_250_000

#: Query number → what it is about and its text.
QUERIES: dict[int, tuple[str, str]] = {
    1: ("hash join", """
SELECT count(*) AS matches, sum(facts.v + keys.v) AS total
FROM facts JOIN keys ON facts.k = keys.k"""),
    2: ("collected lists", """
SELECT count(list) AS lists, max(least) AS most
FROM (SELECT k, array_agg(v) AS list, min(v) AS least FROM facts GROUP BY k)"""),
    3: ("upper case", """
SELECT count(*) AS found, max(upper(s)) AS greatest
FROM facts WHERE upper(s) > 'M'"""),
    4: ("UUIDs through a shuffle", """
SELECT count(*) AS distinct_ids, max(n) AS most
FROM (SELECT u, count(*) AS n FROM facts GROUP BY u)"""),
}

#: Values of table rows `i`; a function of `i` alone.
COLUMNS = {
    "facts": ("hashed(i) % {keys} AS k", "hashed(i + 1) % 1000 AS v",
              "'some Text of mixed case, number ' || i AS s",
              "CAST(md5(CAST(i AS VARCHAR)) AS UUID)::VARCHAR AS u"),
    "keys": ("i AS k", "hashed(i + 2) % 1000 AS v"),
}


def make(folder: Path, scale: float) -> None:
    """Makes the tables, a folder of Snappy-compressed Parquet files each, below `folder`."""
    rows = {"facts": round(FACTS_PER_SCALE * scale), "keys": round(KEYS_PER_SCALE * scale)}
    with duckdb.connect() as connection:
        # Below 2^62, and so of the type that all engines have.
        connection.execute("CREATE MACRO hashed(x) AS CAST(hash(x) >> 2 AS BIGINT)")
        for table, count in rows.items():
            (folder / table).mkdir()
            columns = ", ".join(COLUMNS[table]).format(keys=max(rows["keys"], 1))
            for part, first in enumerate(range(0, count, FILE_ROWS)):
                last = min(first + FILE_ROWS, count)
                connection.execute(
                    f"COPY (SELECT {columns} FROM range({first}, {last}) AS numbers(i)) "
                    f"TO '{folder / table / f'part-{part:03}.parquet'}' "
                    "(FORMAT parquet, COMPRESSION snappy)")
