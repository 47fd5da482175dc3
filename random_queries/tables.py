"""The tables that queries read: of none to thousands of rows, two columns of each type in each.

A row's values follow from a hash of its number, so that a table is the same wherever it is made. Beside
them it has its number (`id`) and the group of about seven rows that it is in (`g`).
"""

import hashlib
from dataclasses import dataclass

from random_queries.values import STORED, VALUES, Type, sql_value

#: Rows that share a value of `g`.
GROUP_ROWS = 7


@dataclass(frozen=True)
class Table:
    """A table, and of how many files and rows."""

    name: str
    rows: int
    files: int


TABLES = (
    Table("nothing", 0, 1),
    Table("single", 1, 1),
    Table("dozens", 24, 2),
    Table("hundreds", 300, 3),
    Table("thousands", 3000, 4),
)

#: Columns of values: name → type.
VALUE_COLUMNS = {f"{kind.name.lower()}{copy}": kind for kind in Type for copy in (1, 2)}


def column_expressions(table: Table) -> list[str]:
    """A table's columns as expressions over `id`, for a SELECT from a range."""
    columns = []
    for name, kind in VALUE_COLUMNS.items():
        values = [sql_value(kind, value) for value in ("NULL", *VALUES[kind], *STORED.get(kind, ()))]
        chosen = f"pmod(hash(id, '{table.name} {name}'), {len(values)})"
        columns.append(f"array({', '.join(values)})[{chosen}] AS {name}")
    groups = max(1, table.rows // GROUP_ROWS)
    return [*columns, "id", f"CAST(id % {groups} AS INT) AS g"]


def digest() -> str:
    """Names this version of the tables."""
    text = repr([(table, column_expressions(table)) for table in TABLES])
    return hashlib.sha256(text.encode()).hexdigest()[:12]
