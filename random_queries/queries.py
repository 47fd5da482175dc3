"""Makes whole queries."""

import re
from dataclasses import dataclass

from random_queries.draw import Draw
from random_queries.expressions import Expressions
from random_queries.functions import AGGREGATES
from random_queries.relations import Relations
from random_queries.scopes import Body, Column, Scope
from random_queries.settings import draw_settings
from random_queries.subqueries import Subqueries
from random_queries.values import VARIABLES, Type
from random_queries.windows import DIRECTIONS, Windows

#: What becomes a join in a plan.
JOINING = re.compile(r"\b(JOIN|EXISTS|IN \(SELECT|INTERSECT|EXCEPT)\b")

SET_OPERATIONS = ("UNION ALL", "UNION ALL", "UNION ALL", "UNION", "UNION", "INTERSECT", "EXCEPT",
                  "INTERSECT ALL", "EXCEPT ALL")

GROUPINGS = ("ROLLUP({keys})", "CUBE({keys})", "GROUPING SETS(({keys}), ({first}), ())")


@dataclass(frozen=True)
class Query:
    """A query, and what a comparison of its rows must know."""

    seed: int
    number: int
    sql: str
    settings: dict[str, str]
    #: Whether rows are ordered by all of their columns.
    ordered: bool
    #: Whether some of them are left out at a limit or an offset.
    limited: bool

    @property
    def joins(self) -> bool:
        """Whether it has a join."""
        return JOINING.search(self.sql) is not None


class Queries:
    """Makes one query of its decisions."""

    def __init__(self, draw: Draw):
        self.draw = draw
        self.relations = Relations(draw, self.body)
        self.subqueries = Subqueries(draw, self.relations)

    def text(self) -> tuple[str, bool, bool]:
        """A whole query, and whether its rows are ordered and limited."""
        depth = self.draw.choice((0, 1, 1, 2, 2))
        body = self.body(depth, top=True)
        sql, ordered, limited = body.sql, False, False
        if self.draw.chance(0.3) and not body.scope.of(Type.MAP):
            sql, limited = self.in_order(body, limit_share=0.5)
            ordered = True
        common = ", ".join(f"{name} AS ({each.sql})" for name, each in self.relations.common.items())
        return f"WITH {common} {sql}" if common else sql, ordered, limited

    def in_order(self, body: Body, limit_share: float) -> tuple[str, bool]:
        """The rows in the order of all columns, and perhaps a part of them."""
        keys = [f"{place + 1}{self.draw.choice(DIRECTIONS)}" for place in range(len(body.scope.columns))]
        sql = f"SELECT * FROM ({body.sql}) ORDER BY {', '.join(keys)}"
        if not self.draw.chance(limit_share):
            return sql, False
        sql += f" LIMIT {self.draw.choice((0, 1, 5, 50, 50))}"
        return (sql + " OFFSET 2" if self.draw.chance(0.2) else sql), True

    def body(self, depth: int, top: bool = False) -> Body:
        """A query of any kind, to a depth."""
        kind = self.draw.random.random()
        if kind < 0.1 and depth > 0:
            return self.set_operation(depth)
        if kind < 0.45:
            return self.aggregation(depth)
        if kind < 0.48 and depth > 0:
            return self.first_of_groups(depth)
        if kind < 0.52 and not top:
            return self.first_rows(depth)
        return self.selection(depth, top, windows=self.draw.number(1, 2) if kind < 0.66 else 0)

    def selection(self, depth: int, top: bool, windows: int) -> Body:
        """Expressions over rows, window functions too."""
        source = self.relations.source(depth)
        scope, expressions = source.scope, Expressions(self.draw, source.scope)
        distinct = not windows and self.draw.chance(0.1)
        columns: list[tuple[str, Column]] = []

        def add(text: str, kind: Type, rows_each: int | None = None) -> None:
            columns.append((text, Column(f"c{len(columns)}", kind, rows_each)))

        kinds = VARIABLES["comparable" if distinct else "any"]
        for _ in range(self.draw.number(1, 5)):
            kind = expressions.kind(kinds)
            add(expressions.make(kind, self.draw.choice((0, 1, 2, 2, 3))), kind)
        if not distinct and self.draw.chance(0.05):
            kind = self.draw.choice((Type.INT, Type.STRING, Type.DATE, Type.DOUBLE))
            value = self.subqueries.in_group(scope, kind)
            if value is not None:
                add(value, kind)
        key = None
        if not top and scope.key is not None and self.draw.chance(0.7):
            key = tuple(f"c{len(columns) + place}" for place in range(len(scope.key)))
            for name in scope.key:
                [column] = [column for column in scope.columns if column.sql == name]
                add(name, column.type, column.rows_each)
        for _ in range(windows):
            add(*Windows(self.draw, scope).make())
        names = tuple(column.sql for _, column in columns)
        sql = f"SELECT {'DISTINCT ' if distinct else ''}{aliased(columns)} FROM {source.sql}" \
              f"{self.subqueries.where(scope)}"
        return Body(sql, Scope(tuple(column for _, column in columns), names if distinct else key,
                               scope.rows))

    def aggregation(self, depth: int) -> Body:
        """Groups, or all rows as one."""
        source = self.relations.source(depth)
        scope, expressions = source.scope, Expressions(self.draw, source.scope)
        known = {column.sql: column for column in scope.columns}
        columns: list[tuple[str, Column]] = []
        grouping = self.draw.choice(GROUPINGS) if self.draw.chance(0.2) else None
        if grouping is not None:
            # Spark knows a key's expression again only where it is a column.
            of = self.draw.several(scope.of(*VARIABLES["comparable"]), 3, least=2)
            keys = [(column.sql, column.type) for column in of]
        else:
            kinds = [expressions.kind(VARIABLES["comparable"])
                     for _ in range(self.draw.choice((0, 1, 1, 2, 3)))]
            keys = [(expressions.make(kind, self.draw.choice((0, 0, 1))), kind) for kind in kinds]
        for place, (text, kind) in enumerate(keys):
            rows_each = known[text].rows_each if grouping is None and text in known else None
            columns.append((text, Column(f"k{place}", kind, rows_each)))
        for place in range(self.draw.number(0 if keys else 1, 4)):
            text, kind = self.aggregate(expressions)
            columns.append((text, Column(f"m{place}", kind)))
        if grouping is not None and self.draw.chance(0.4):
            columns.append(("grouping_id()", Column("sets", Type.LONG)))
        sql = f"SELECT {aliased(columns)} FROM {source.sql}{self.subqueries.where(scope)}"
        if grouping is not None:
            texts = [text for text, _ in keys]
            sql += f" GROUP BY {grouping.format(keys=', '.join(texts), first=texts[0])}"
        elif keys:
            sql += f" GROUP BY {', '.join(str(place + 1) for place in range(len(keys)))}"
        if keys and self.draw.chance(0.2):
            sql += self.having(expressions)
        key = None if grouping else tuple(f"k{place}" for place in range(len(keys)))
        rows = scope.rows if keys else 1
        return Body(sql, Scope(tuple(column for _, column in columns), key, rows))

    def aggregate(self, expressions: Expressions) -> tuple[str, Type]:
        """An aggregate function with its type."""
        template, kind = self.draw.choice(AGGREGATES)
        clause = ""
        if self.draw.chance(0.15):
            clause = f" FILTER (WHERE {expressions.condition(1)})"
        return expressions.fill(template, self.draw.choice((0, 1, 2)), filter=clause).typed(kind)

    def having(self, expressions: Expressions) -> str:
        """A condition on groups."""
        count = f"count(*) {self.draw.choice(('>', '<', '>='))} {self.draw.number(1, 5)}"
        other = expressions.fill("max({scalar:leaf}) {comparison} {scalar:literal}", 0).sql
        return f" HAVING {self.draw.choice((count, count, other, f'{count} OR {other}'))}"

    def set_operation(self, depth: int) -> Body:
        """Queries with columns of the same types, one after the other."""
        operations = [self.draw.choice(SET_OPERATIONS) for _ in range(self.draw.number(1, 2))]
        all_rows = set(operations) == {"UNION ALL"}
        kinds = [self.draw.choice(VARIABLES["any" if all_rows else "comparable"])
                 for _ in range(self.draw.number(1, 4))]
        sql, rows = "", 0
        for operation in ("", *operations):
            source = self.relations.source(depth - 1)
            expressions = Expressions(self.draw, source.scope)
            columns = [(expressions.make(kind, 1), Column(f"u{place}", kind))
                       for place, kind in enumerate(kinds)]
            part = f"(SELECT {aliased(columns)} FROM {source.sql}{self.subqueries.where(source.scope)})"
            sql += f" {operation} {part}" if operation else part
            rows += source.scope.rows
        columns_out = tuple(Column(f"u{place}", kind) for place, kind in enumerate(kinds))
        return Body(f"SELECT * FROM ({sql})", Scope(columns_out, None, rows))

    def first_of_groups(self, depth: int) -> Body:
        """The rows whose place in their group is low."""
        inner = self.selection(depth - 1, top=False, windows=0)
        alias = self.draw.name("q")
        windows = Windows(self.draw, inner.named(alias))
        whole = inner.scope.key is not None
        function = self.draw.choice(("rank()", "dense_rank()", *(["row_number()"] * 2 if whole else [])))
        over = windows.window(windows.whole_order() if whole else windows.order() or "1")
        sql = f"SELECT * FROM (SELECT *, {function}{over} AS place FROM ({inner.sql}) {alias}) " \
              f"WHERE place <= {self.draw.number(1, 3)}"
        place = Column("place", Type.INT)
        return Body(sql, Scope((*inner.scope.columns, place), inner.scope.key, inner.scope.rows))

    def first_rows(self, depth: int) -> Body:
        """The first rows in the order of all columns, if rows equal in it are the same."""
        body = self.body(max(0, depth - 1))
        if len(body.scope.of(*VARIABLES["exact"])) < len(body.scope.columns):
            return body
        sql, _ = self.in_order(body, limit_share=1)
        return Body(sql, Scope(body.scope.columns, body.scope.key, min(50, body.scope.rows)))


def aliased(columns: list[tuple[str, Column]]) -> str:
    """A SELECT list."""
    return ", ".join(f"{text} AS {column.sql}" for text, column in columns)


def query(seed: int, number: int) -> Query:
    """The query of a seed that has a number."""
    draw = Draw(seed, number)
    settings = draw_settings(draw)
    sql, ordered, limited = Queries(draw).text()
    return Query(seed, number, sql, settings, ordered, limited)
