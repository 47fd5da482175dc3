"""Compares what Arclight gives for a query with what Spark gives: rows, schema, error condition.

- Rows are a multiset; where the query orders them by all columns, their sequences are equal too, zeros
  taken without their signs, as ORDER BY takes them. At a limit, which of two such rows is left is open.
- Doubles are equal to 12 significant digits; NaN, infinities and the sign of zero are exact.
- Of several rows that fail, Spark may raise the error of any: two conditions that the values of rows
  raise (`ROW_ERRORS`) count as one.
- A join that finds its build side empty does not read its probe side, and raises nothing of there.
  Spark reads it without AQE. This is a status of its own.
"""

import math
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

#: Digits to which doubles are compared.
DIGITS = 12

#: Conditions that a row raises by its values.
ROW_ERRORS = frozenset({
    "ARITHMETIC_OVERFLOW", "BINARY_ARITHMETIC_OVERFLOW", "DIVIDE_BY_ZERO", "REMAINDER_BY_ZERO",
    "CAST_INVALID_INPUT", "CAST_OVERFLOW", "NUMERIC_VALUE_OUT_OF_RANGE",
    "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", "NUMERIC_VALUE_OUT_OF_RANGE.WITHOUT_SUGGESTION",
    "DATETIME_FIELD_OUT_OF_BOUNDS.WITH_SUGGESTION", "DATETIME_OVERFLOW", "DUPLICATED_MAP_KEY",
    "INVALID_ARRAY_INDEX", "INVALID_ARRAY_INDEX_IN_ELEMENT_AT",
})

#: Rows shown of either side.
SAMPLE_ROWS = 3


class Status(Enum):
    """How Arclight's outcome stands to Spark's."""

    EQUAL = "equal"
    SAME_ERROR = "error on both sides"
    #: Only Spark raised, without AQE, in a query with a join.
    NOT_RAISED = "error not raised below an empty join side"
    #: Spark's analysis rejects the query.
    INVALID = "invalid"
    DIFFERENT = "difference"


@dataclass(frozen=True)
class Outcome:
    """What a query gave: rows with their schema, or an error."""

    rows: list[tuple] | None = None
    schema: str = ""
    #: An error's condition, or its class if it has none.
    condition: str = ""
    error: str = ""
    #: Whether the query was rejected before it ran.
    rejected: bool = False

    def summary(self) -> str:
        """A line that tells it."""
        return f"{len(self.rows)} rows" if self.rows is not None else f"{self.condition}: {self.error}"


@dataclass(frozen=True)
class Comparison:
    """A status, with what shows it."""

    status: Status
    details: tuple[str, ...] = ()


def compare(spark: Outcome, arclight: Outcome, *, ordered: bool = False, limited: bool = False,
            may_skip_errors: bool = False) -> Comparison:
    """Compares two outcomes of a query.

    `may_skip_errors` says that Arclight may leave out rows for which Spark raises.
    """
    if spark.rejected:
        status = Status.INVALID if spark.condition == arclight.condition else Status.DIFFERENT
        return Comparison(status, sides(spark, arclight))
    if spark.rows is None or arclight.rows is None:
        return Comparison(compare_errors(spark, arclight, may_skip_errors), sides(spark, arclight))
    if spark.schema != arclight.schema:
        return Comparison(Status.DIFFERENT, (f"schema in Spark: {spark.schema}",
                                             f"schema in Arclight: {arclight.schema}"))
    theirs = [plain(row, signs=not limited) for row in spark.rows]
    ours = [plain(row, signs=not limited) for row in arclight.rows]
    if Counter(theirs) != Counter(ours):
        return Comparison(Status.DIFFERENT, (
            *sides(spark, arclight), f"only in Spark: {sample(theirs, ours)}",
            f"only in Arclight: {sample(ours, theirs)}"))
    if ordered:
        pairs = zip(spark.rows, arclight.rows)
        for place, (their_row, our_row) in enumerate(pairs):
            if plain(their_row, signs=False) != plain(our_row, signs=False):
                return Comparison(Status.DIFFERENT, (
                    f"row {place + 1} in Spark: {their_row}", f"row {place + 1} in Arclight: {our_row}"))
    return Comparison(Status.EQUAL)


def compare_errors(spark: Outcome, arclight: Outcome, may_skip_errors: bool) -> Status:
    """Compares outcomes of which one at least is an error."""
    if spark.condition == arclight.condition:
        return Status.SAME_ERROR
    if {spark.condition, arclight.condition} <= ROW_ERRORS:
        return Status.SAME_ERROR
    if may_skip_errors and arclight.rows is not None and spark.condition in ROW_ERRORS:
        return Status.NOT_RAISED
    return Status.DIFFERENT


def sides(spark: Outcome, arclight: Outcome) -> tuple[str, str]:
    """A line for each."""
    return f"Spark: {spark.summary()}", f"Arclight: {arclight.summary()}"


def plain(value: Any, signs: bool) -> Any:
    """A value that stands for all values equal to it; zeros keep their signs if asked."""
    if isinstance(value, float):
        return double(value, signs)
    if isinstance(value, Decimal):
        return ("decimal", str(value))
    if isinstance(value, (tuple, list)):
        return (type(value).__name__, *(plain(part, signs) for part in value))
    if isinstance(value, dict):
        entries = ((plain(key, signs), plain(entry, signs)) for key, entry in value.items())
        return ("map", frozenset(entries))
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    return (type(value).__name__, value)


def double(value: float, signs: bool) -> str:
    """A double as a text that other doubles equal to it have too."""
    if math.isnan(value):
        return "NaN"
    if value == 0:
        return "-0.0" if signs and math.copysign(1, value) < 0 else "0.0"
    return f"{value:.{DIGITS}g}"


def sample(rows: list[Any], others: list[Any]) -> str:
    """Some rows of which there are more than among the others."""
    more = Counter(rows) - Counter(others)
    shown = [f"{readable(row)}{f' × {count}' if count > 1 else ''}" for row, count in more.items()]
    rest = len(shown) - SAMPLE_ROWS
    return "; ".join(shown[:SAMPLE_ROWS]) + (f"; and {rest} more" if rest > 0 else "") or "none"


def readable(value: Any) -> str:
    """A plain value as a reader wants it, without the names of types."""
    if not isinstance(value, tuple):
        return str(value)
    kind, *parts = value
    if kind in ("tuple", "list", "Row"):
        return f"({', '.join(map(readable, parts))})"
    if kind == "map":
        return f"{{{', '.join(f'{readable(key)}: {readable(entry)}' for key, entry in parts[0])}}}"
    return repr(parts[0]) if kind == "str" else str(parts[0])
