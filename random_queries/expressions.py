"""Makes expressions of templates."""

import re
from dataclasses import dataclass

from random_queries.draw import Draw
from random_queries.scopes import Scope, column_or_literal, literal
from random_queries.templates import COMPARABLE, GENERAL, TEMPLATES, TEXTS
from random_queries.values import VARIABLES, Type

HOLE = re.compile(r"\{(\w+)(?::(\w+))?\}")

#: Names of types in holes.
TYPES = {kind.name.lower(): kind for kind in Type}

#: How often a type is drawn of those only that there is a column of.
KNOWN_SHARE = 0.7

#: How often an expression that might have parts has none.
LEAF_SHARE = 0.25

#: How often a form that every type has is taken rather than one of the type's own.
GENERAL_SHARE = 0.2


@dataclass(frozen=True)
class Filled:
    """A template's text with all holes filled, and the types that its variables stand for."""

    sql: str
    variables: dict[str, Type]

    def typed(self, kind: Type | str) -> tuple[str, Type]:
        """The text with its type, given that or the variable that is."""
        return self.sql, kind if isinstance(kind, Type) else self.variables[kind]


class Expressions:
    """Expressions over the columns of a scope."""

    def __init__(self, draw: Draw, scope: Scope):
        self.draw = draw
        self.scope = scope

    def make(self, kind: Type, depth: int) -> str:
        """An expression of a type, with parts to a depth at most."""
        if depth <= 0 or self.draw.chance(LEAF_SHARE):
            return self.leaf(kind)
        return self.fill(self.template(kind), depth - 1, kind).sql

    def condition(self, depth: int) -> str:
        """A condition that is no constant, if there are columns."""
        return self.fill(self.draw.choice(TEMPLATES[Type.BOOLEAN]), depth - 1, Type.BOOLEAN).sql

    def kind(self, kinds: tuple[Type, ...]) -> Type:
        """One of the types, rather one that there is a column of."""
        known = [kind for kind in kinds if self.scope.of(kind)]
        return self.draw.choice(known if known and self.draw.chance(KNOWN_SHARE) else kinds)

    def leaf(self, kind: Type) -> str:
        """A column or a literal."""
        return column_or_literal(self.draw, self.scope, kind)

    def template(self, kind: Type) -> str:
        """A form that gives a value of the type."""
        if not self.draw.chance(GENERAL_SHARE):
            return self.draw.choice(TEMPLATES[kind])
        comparable = kind in VARIABLES["comparable"]
        return self.draw.choice(GENERAL + COMPARABLE if comparable else GENERAL)

    def fill(self, template: str, depth: int, same: Type | None = None, **texts: str) -> Filled:
        """Fills a template's holes with expressions to a depth, or with the texts given for them."""
        variables = {} if same is None else {"same": same}

        def hole(match: re.Match) -> str:
            name, form = match.groups()
            if name in texts:
                return texts[name]
            if name in TEXTS:
                return self.draw.choice(TEXTS[name])
            if name in VARIABLES and name not in variables:
                variables[name] = self.kind(VARIABLES[name])
            kind = variables.get(name) or TYPES[name]
            if form == "literal":
                return literal(self.draw, kind)
            return self.leaf(kind) if form == "leaf" else self.make(kind, depth)

        return Filled(HOLE.sub(hole, template), variables)
