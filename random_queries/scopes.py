"""What can be named in a place of a query: columns, with what is known of the rows they are in."""

from dataclasses import dataclass

from random_queries.draw import Draw
from random_queries.values import VALUES, Type, sql_value


@dataclass(frozen=True)
class Column:
    """A column by the text that names it."""

    sql: str
    type: Type
    #: About how many rows share a value of it; None if they may be many.
    rows_each: int | None = None


@dataclass(frozen=True)
class Scope:
    """The columns of what a FROM clause gives."""

    columns: tuple[Column, ...]
    #: Columns that no two rows have equal, not even where all are NULL; none of a single row. None if
    #: there are no such columns.
    key: tuple[str, ...] | None
    #: About how many rows there may be at most.
    rows: int

    def of(self, *kinds: Type) -> list[Column]:
        """The columns of some types."""
        return [column for column in self.columns if column.type in kinds]

    def selective(self, kind: Type) -> list[Column]:
        """The columns of a type by which a join stays small."""
        return [column for column in self.of(kind) if column.rows_each is not None]


@dataclass(frozen=True)
class Relation:
    """What stands in FROM, with what it gives."""

    sql: str
    scope: Scope


@dataclass(frozen=True)
class Body:
    """A query without the order of its rows; its columns and its key are names that it gives."""

    sql: str
    scope: Scope

    def named(self, alias: str) -> Scope:
        """Its columns as columns of what has that alias."""
        columns = tuple(Column(f"{alias}.{column.sql}", column.type, column.rows_each)
                        for column in self.scope.columns)
        key = self.scope.key
        return Scope(columns, None if key is None else tuple(f"{alias}.{name}" for name in key),
                     self.scope.rows)


#: How often an expression without parts is a column, if there is one of its type.
COLUMN_SHARE = 0.8

#: How often a literal is NULL.
NULL_SHARE = 0.1


def literal(draw: Draw, kind: Type) -> str:
    """A literal of a type."""
    return sql_value(kind, "NULL" if draw.chance(NULL_SHARE) else draw.choice(VALUES[kind]))


def column_or_literal(draw: Draw, scope: Scope, kind: Type) -> str:
    """An expression without parts."""
    columns = scope.of(kind)
    if columns and draw.chance(COLUMN_SHARE):
        return draw.choice(columns).sql
    return literal(draw, kind)
