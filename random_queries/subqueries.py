"""WHERE clauses, with subqueries in them, and subqueries that give a value."""

from random_queries.draw import Draw
from random_queries.expressions import Expressions
from random_queries.relations import CHOICES, MOST_PAIRS, NAMED_TABLES, Relations
from random_queries.scopes import Relation, Scope
from random_queries.values import VARIABLES, Type


class Subqueries:
    """Conditions and values that come of other tables."""

    def __init__(self, draw: Draw, relations: Relations):
        self.draw = draw
        self.relations = relations
        #: Forms of conditions with a subquery.
        self.forms = (self.exists, self.exists, self.among, self.among, self.compared,
                      self.compared_in_group)

    def where(self, scope: Scope) -> str:
        """A WHERE clause, or nothing."""
        if self.draw.chance(0.35):
            return ""
        terms = []
        if self.draw.chance(0.8):
            terms.append(Expressions(self.draw, scope).condition(self.draw.choice((1, 2, 2, 3))))
        while not terms or self.draw.chance(0.2):
            terms.append(self.draw.choice(self.forms)(scope))
        self.draw.random.shuffle(terms)
        return " WHERE " + self.draw.choice((" AND ", " AND ", " OR ")).join(terms)

    def exists(self, scope: Scope) -> str:
        """Whether another table has rows of the same key, and of a condition."""
        inner = self.inner(scope)
        key = self.relations.selective_key(inner.scope, scope)
        if key is None:
            inner = self.relations.small_table(scope.rows)
            terms = self.relations.value_keys(inner.scope, scope) or ["true"]
        else:
            terms = [key.sql]
        if self.draw.chance(0.5):
            terms.append(Expressions(self.draw, inner.scope).condition(2))
        return f"{self.negation()}EXISTS (SELECT 1 FROM {inner.sql} WHERE {' AND '.join(terms)})"

    def among(self, scope: Scope) -> str:
        """Whether a value is among those of another table. NOT IN may look at all pairs."""
        inner, negation = self.inner(scope), self.negation()
        if negation and scope.rows * inner.scope.rows > MOST_PAIRS:
            inner = self.relations.small_table(scope.rows)
        kind = Expressions(self.draw, scope).kind(VARIABLES["scalar"])
        there = Expressions(self.draw, inner.scope)
        here = Expressions(self.draw, scope).leaf(kind)
        return f"{here} {negation}IN (SELECT {there.leaf(kind)} FROM {inner.sql} " \
               f"WHERE {there.condition(1)})"

    def compared(self, scope: Scope) -> str:
        """How a value compares with one of another table."""
        inner = self.inner(scope)
        kind = Expressions(self.draw, scope).kind(VARIABLES["scalar"])
        value = self.extreme(inner.scope, kind)
        condition = Expressions(self.draw, inner.scope).condition(1)
        return f"{Expressions(self.draw, scope).leaf(kind)} {self.draw.choice(('<', '>=', '='))} " \
               f"(SELECT {value} FROM {inner.sql} WHERE {condition})"

    def compared_in_group(self, scope: Scope) -> str:
        """How a value compares with one of the rows of another table that have the same key."""
        kind = self.draw.choice((Type.INT, Type.DATE, Type.STRING, Type.DECIMAL))
        value = self.in_group(scope, kind)
        if value is None:
            return self.compared(scope)
        comparison = self.draw.choice(("<", ">=", "<>"))
        return f"{Expressions(self.draw, scope).leaf(kind)} {comparison} {value}"

    def in_group(self, scope: Scope, kind: Type) -> str | None:
        """A value of the rows of another table that have the same key; None if there is no key."""
        inner = self.inner(scope)
        key = self.relations.selective_key(inner.scope, scope)
        if key is None:
            return None
        return f"(SELECT {self.extreme(inner.scope, kind)} FROM {inner.sql} WHERE {key.sql})"

    def extreme(self, scope: Scope, kind: Type) -> str:
        """The least or the greatest of a column, zeros without their sign."""
        function = self.draw.choice(("min", "max"))
        text = f"{function}({Expressions(self.draw, scope).leaf(kind)})"
        return f"({text} + 0.0D)" if kind is Type.DOUBLE else text

    def inner(self, scope: Scope) -> Relation:
        """A table that is not too large beside the scope."""
        name = self.draw.choice(CHOICES)
        if scope.rows > 10 * NAMED_TABLES["thousands"].rows and name == "thousands":
            name = "dozens"
        return self.relations.table(name)

    def negation(self) -> str:
        """NOT, or nothing."""
        return self.draw.choice(("", "", "NOT "))
