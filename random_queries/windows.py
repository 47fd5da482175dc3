"""Window functions over a scope."""

from random_queries.draw import Draw
from random_queries.expressions import Expressions
from random_queries.functions import FRAMED, PEER_FRAMES, PLACES, RANKS, ROW_FRAMES, ROWS_OF_FRAMES
from random_queries.scopes import Scope
from random_queries.values import VARIABLES, Type

#: Types by which a frame may have an offset.
OFFSET_TYPES = (Type.BYTE, Type.SHORT, Type.INT, Type.LONG, Type.DECIMAL)

DIRECTIONS = ("", "", " DESC", " NULLS LAST", " DESC NULLS FIRST")


class Windows:
    """Makes window functions whose values the query decides."""

    def __init__(self, draw: Draw, scope: Scope):
        self.draw = draw
        self.scope = scope
        self.expressions = Expressions(draw, scope)
        self.comparable = scope.of(*VARIABLES["comparable"])

    def make(self) -> tuple[str, Type]:
        """A window function with its type."""
        if self.scope.key is not None and self.draw.chance(0.5):
            return self.place()
        if self.draw.chance(0.35):
            return self.filled(self.draw.choice(RANKS), self.window(self.order() or "1"))
        return self.framed()

    def place(self) -> tuple[str, Type]:
        """One that needs an order in which no two rows are equal."""
        order = self.whole_order()
        if self.draw.chance(0.5):
            return self.filled(self.draw.choice(PLACES), self.window(order))
        frame = self.draw.choice((*PEER_FRAMES, *ROW_FRAMES, *ROW_FRAMES))
        return self.filled(self.draw.choice(FRAMED + ROWS_OF_FRAMES), self.window(order, frame))

    def framed(self) -> tuple[str, Type]:
        """One over rows that may be peers."""
        order = self.order()
        if order is None:
            return self.filled(self.draw.choice(FRAMED), self.window(None))
        offset = self.draw.choice(self.scope.of(*OFFSET_TYPES) or [None])
        if offset is not None and self.draw.chance(0.15):
            frame = self.draw.choice((" RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING",
                                      " RANGE BETWEEN 2 PRECEDING AND CURRENT ROW"))
            return self.filled(self.draw.choice(FRAMED), self.window(offset.sql, frame))
        return self.filled(self.draw.choice(FRAMED), self.window(order, self.draw.choice(PEER_FRAMES)))

    def filled(self, function: tuple[str, Type | str], over: str) -> tuple[str, Type]:
        """A function of the tables over a window."""
        template, kind = function
        return self.expressions.fill(template, 1, over=over).typed(kind)

    def window(self, order: str | None, frame: str = "") -> str:
        """An OVER clause."""
        columns = [column.sql for column in self.draw.several(self.comparable, 2)]
        parts = [f"PARTITION BY {', '.join(columns)}"] if columns else []
        if order is not None:
            parts.append(f"ORDER BY {order}{frame}")
        return f" OVER ({' '.join(parts)})"

    def order(self) -> str | None:
        """An order that may leave rows equal, or none."""
        columns = self.draw.several(self.comparable, 2)
        return ", ".join(column.sql + self.draw.choice(DIRECTIONS) for column in columns) or None

    def whole_order(self) -> str:
        """An order that leaves no two rows equal."""
        keys = [name + self.draw.choice(DIRECTIONS) for name in self.scope.key or ()]
        first = self.order() if self.draw.chance(0.7) else None
        return ", ".join(([first] if first else []) + keys) or "1"
