"""What stands in FROM: tables, ranges, queries, joins of them, and LATERAL VIEW."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from random_queries.draw import Draw
from random_queries.expressions import Expressions
from random_queries.scopes import Body, Column, Relation, Scope
from random_queries.tables import GROUP_ROWS, TABLES, VALUE_COLUMNS, Table
from random_queries.values import VARIABLES, Type

#: Tables by name, the likelier ones more than once.
CHOICES = ("nothing", "single", *["dozens"] * 5, *["hundreds"] * 7, *["thousands"] * 4)

NAMED_TABLES = {table.name: table for table in TABLES}

#: Rows of a range.
RANGE_ROWS = 40

JOINS = ("JOIN", "JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "LEFT SEMI JOIN",
         "LEFT ANTI JOIN")

#: Joins that give columns of their left side alone.
HALF_JOINS = ("LEFT SEMI JOIN", "LEFT ANTI JOIN")

#: How many pairs of rows a join may look at, and how many rows it may give.
MOST_PAIRS = 100_000

#: Types by which joins go.
KEY_TYPES = (*VARIABLES["scalar"], Type.INT, Type.LONG, Type.STRING, Type.BOOLEAN, Type.FLOAT,
             Type.STRUCT, Type.INTS)


@dataclass(frozen=True)
class Key:
    """An equality of columns of two sides, and about how many pairs of rows have it."""

    sql: str
    rows: int


class Relations:
    """Makes relations; common table expressions that they name are collected."""

    def __init__(self, draw: Draw, body: Callable[[int], Body]):
        self.draw = draw
        #: Makes a query to a depth.
        self.body = body
        #: Name → query, in the order in which they may name each other.
        self.common: dict[str, Body] = {}

    def source(self, depth: int) -> Relation:
        """All that stands in a FROM clause."""
        result = self.relation(depth)
        for _ in range(self.draw.choice((0, 0, 1, 1, 2) if depth > 0 else (0, 0, 0, 1))):
            result = self.join(result, self.relation(depth - 1))
        return self.exploded(result) if self.draw.chance(0.12) else result

    def relation(self, depth: int) -> Relation:
        """A table, a range or a query."""
        if self.common and self.draw.chance(0.3):
            return self.of_common(self.draw.choice(list(self.common)))
        if depth <= 0 or self.draw.chance(0.35):
            return self.range() if self.draw.chance(0.06) else self.table(self.draw.choice(CHOICES))
        body = self.body(depth - 1)
        if self.draw.chance(0.2):
            name = self.draw.name("common")
            self.common[name] = body
            return self.of_common(name)
        alias = self.draw.name("q")
        return Relation(f"({body.sql}) {alias}", body.named(alias))

    def of_common(self, name: str) -> Relation:
        """A common table expression once more."""
        alias = self.draw.name("q")
        return Relation(f"{name} {alias}", self.common[name].named(alias))

    def table(self, name: str) -> Relation:
        """A table."""
        alias = self.draw.name("t")
        return Relation(f"{name} {alias}", table_scope(NAMED_TABLES[name], alias))

    def small_table(self, beside: int) -> Relation:
        """The largest table of which all pairs with so many rows may be looked at."""
        fitting = [table for table in TABLES if table.rows * beside <= MOST_PAIRS]
        return self.table(fitting[-1].name)

    def range(self) -> Relation:
        """The numbers from 0."""
        alias = self.draw.name("r")
        column = Column(f"{alias}.id", Type.LONG, rows_each=1)
        return Relation(f"range(0, {RANGE_ROWS}, 1, 2) {alias}",
                        Scope((column,), (column.sql,), RANGE_ROWS))

    def join(self, left: Relation, right: Relation) -> Relation:
        """Two relations joined, by keys, by keys and a condition, or by a condition alone."""
        key = self.selective_key(left.scope, right.scope)
        if left.scope.rows * right.scope.rows > MOST_PAIRS and (key is None or key.rows > MOST_PAIRS):
            right = self.small_table(left.scope.rows)
            key = self.selective_key(left.scope, right.scope)
        pairs = left.scope.rows * right.scope.rows
        if key is not None and pairs <= MOST_PAIRS and self.draw.chance(0.15):
            key = None
        both = (*left.scope.columns, *right.scope.columns)
        condition = Expressions(self.draw, Scope(both, None, 0)).condition
        terms = [] if key is None else [key.sql]
        if self.draw.chance(0.25 if terms else 0.7):
            terms += self.value_keys(left.scope, right.scope)
        if not terms:
            terms = ["true"] if self.draw.chance(0.2) else [condition(1)]
        elif self.draw.chance(0.35):
            terms.append(condition(2))
        kind = self.draw.choice(JOINS)
        sql = f"{left.sql} {kind} {right.sql} ON {' AND '.join(terms)}"
        if kind in HALF_JOINS:
            return Relation(sql, left.scope)
        rows = pairs if key is None else min(key.rows, pairs)
        keys = left.scope.key, right.scope.key
        # A full join may give rows without either key twice.
        whole = None if kind == "FULL JOIN" or None in keys else keys[0] + keys[1]
        return Relation(sql, Scope(both, whole, max(rows, left.scope.rows + right.scope.rows)))

    def selective_key(self, left: Scope, right: Scope) -> Key | None:
        """An equality of columns of which few rows share a value; None if there are none."""
        for kind in self.draw.several((Type.LONG, Type.INT), 2, least=2):
            mine, theirs = left.selective(kind), right.selective(kind)
            if mine and theirs:
                one, other = self.draw.choice(mine), self.draw.choice(theirs)
                return Key(f"{one.sql} = {other.sql}",
                           max(left.rows, right.rows) * max(one.rows_each or 1, other.rows_each or 1))
        return None

    def value_keys(self, left: Scope, right: Scope) -> list[str]:
        """Equalities of columns with values of a type."""
        keys = []
        for _ in range(self.draw.choice((0, 1, 1, 2))):
            kind = self.draw.choice(KEY_TYPES)
            mine, theirs = left.of(kind), right.of(kind)
            if mine and theirs:
                operator = self.draw.choice(("=", "=", "=", "<=>"))
                keys.append(f"{self.draw.choice(mine).sql} {operator} {self.draw.choice(theirs).sql}")
        return keys

    def exploded(self, relation: Relation) -> Relation:
        """A row for each element of an array, or for each entry of a map."""
        alias, item = self.draw.name("v"), self.draw.name("item")
        expressions = Expressions(self.draw, relation.scope)
        outer = self.draw.choice(("", "OUTER "))
        scope = replace(relation.scope, key=None, rows=3 * relation.scope.rows)
        if self.draw.chance(0.2):
            view = f"explode({expressions.make(Type.MAP, 1)}) {alias} AS {item}_key, {item}"
            columns = (Column(f"{alias}.{item}_key", Type.STRING), Column(f"{alias}.{item}", Type.INT))
        else:
            array, element = self.draw.choice(((Type.INTS, Type.INT), (Type.STRINGS, Type.STRING),
                                               (Type.DOUBLES, Type.DOUBLE)))
            columns = (Column(f"{alias}.{item}", element),)
            text = expressions.make(array, 1)
            if self.draw.chance(0.4):
                view = f"posexplode({text}) {alias} AS {item}_place, {item}"
                columns += (Column(f"{alias}.{item}_place", Type.INT),)
                if relation.scope.key is not None:
                    scope = replace(scope, key=(*relation.scope.key, f"{alias}.{item}_place"))
            else:
                view = f"explode({text}) {alias} AS {item}"
        return Relation(f"{relation.sql} LATERAL VIEW {outer}{view}",
                        replace(scope, columns=(*scope.columns, *columns)))


def table_scope(table: Table, alias: str) -> Scope:
    """The columns of a table under an alias."""
    values = [Column(f"{alias}.{name}", kind) for name, kind in VALUE_COLUMNS.items()]
    identity = Column(f"{alias}.id", Type.LONG, rows_each=1)
    group = Column(f"{alias}.g", Type.INT, rows_each=GROUP_ROWS)
    return Scope((*values, identity, group), (identity.sql,), table.rows)
