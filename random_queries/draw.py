"""The random decisions that make one query."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


class Draw:
    """Decisions that depend on the seed and on the query's number alone, not on queries before it."""

    def __init__(self, seed: int, number: int):
        self.random = random.Random(f"{seed}/{number}")
        self.names: Counter[str] = Counter()

    def chance(self, probability: float) -> bool:
        """True as often as that."""
        return self.random.random() < probability

    def choice(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return self.random.choice(items)

    def several(self, items: Sequence[Item], most: int, least: int = 0) -> list[Item]:
        """Different ones of the items, fewer if there are not so many."""
        count = self.random.randint(least, most)
        return self.random.sample(items, min(count, len(items)))

    def number(self, least: int, most: int) -> int:
        """A whole number between the two, or one of them."""
        return self.random.randint(least, most)

    def name(self, prefix: str) -> str:
        """A name that the query does not have yet."""
        self.names[prefix] += 1
        return f"{prefix}{self.names[prefix]}"
