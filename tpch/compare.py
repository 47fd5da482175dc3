"""Compares an engine's rows with Spark's: schema, values, order.

- Schemas are equal: names, types, nullability.
- Values are equal exactly: a decimal with its scale, a double to the bit (-0.0 is not 0.0; any NaN
  is any NaN).
- Doubles alone may be `ROUNDING`: equal within `RELATIVE_TOLERANCE`. A sum or average of doubles
  depends on the order in which a shuffle's blocks arrive, so Spark differs from itself there. It is
  a status of its own and a table shows it.
- Under ORDER BY the sequences of sort keys are equal; rows with equal keys may change places, as
  Spark leaves their order open. Without ORDER BY rows are a multiset.
- Under LIMIT, rows that tie with the last one may be others; `TIES` says so, and whoever compares
  must then find them in the unlimited result (`contains`).
"""

import math
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

#: Orders of magnitude above the rounding of a sum of a billion doubles of one sign.
RELATIVE_TOLERANCE = 1e-12


class Status(Enum):
    """How a candidate's result stands to Spark's."""

    EQUAL = "equal"
    ROUNDING = "equal within rounding"
    TIES = "other rows tie at the limit"
    SAME_ERROR = "same error"
    SCHEMA = "schema differs"
    COUNT = "row count differs"
    ROWS = "rows differ"
    ORDER = "order differs"
    ERROR = "error"


@dataclass(frozen=True)
class Comparison:
    """A status with what shows it."""

    status: Status
    detail: str = ""


def compare(expected: dict[str, Any], actual: dict[str, Any]) -> Comparison:
    """Compares two results as `tpch.worker` describes them, Spark's first."""
    if "error" in expected or "error" in actual:
        return compare_errors(expected, actual)
    if expected["schema"] != actual["schema"]:
        return Comparison(Status.SCHEMA, schema_difference(expected["schema"], actual["schema"]))
    ours, theirs = actual["rows"], expected["rows"]
    if len(ours) != len(theirs):
        return Comparison(Status.COUNT, f"{len(ours)} instead of {len(theirs)}")
    status = compare_multisets(theirs, ours)
    order = expected["order"]
    if status is Status.ROWS:
        if expected["limited"] and differs_in_ties_only(theirs, ours, order):
            return Comparison(Status.TIES, f"{len(theirs)} rows")
        return Comparison(Status.ROWS, first_difference(theirs, ours))
    if order:
        equal = values_equal if status is Status.EQUAL else values_close
        for index, (their_row, our_row) in enumerate(zip(theirs, ours)):
            if not all(equal(their_row[column], our_row[column]) for column in order):
                return Comparison(
                    Status.ORDER, f"row {index + 1} is {our_row} instead of {their_row}")
    return Comparison(status)


#: Errors that say nothing of how a query runs: it never did, or its process died.
VOID_ERRORS = ("AnalysisException", "ParseException", "WorkerFailed")


def compare_errors(expected: dict[str, Any], actual: dict[str, Any]) -> Comparison:
    """Both must fail with the same error condition, and not before they run."""
    classes = [result.get("error_class", "no error") for result in (expected, actual)]
    text = actual.get("error") or expected.get("error") or ""
    void = "WorkerFailed" in classes or text.startswith(VOID_ERRORS)
    if classes[0] == classes[1] and not void:
        return Comparison(Status.SAME_ERROR, classes[0])
    return Comparison(Status.ERROR, f"{classes[1]}, Spark {classes[0]}: {text}")


def compare_multisets(expected: list[tuple], actual: list[tuple]) -> Status:
    """EQUAL, ROUNDING or ROWS for two lists of as many rows, order aside."""
    if Counter(map(exact, expected)) == Counter(map(exact, actual)):
        return Status.EQUAL
    # Doubles sort last, so that rounding moves no row past one that differs elsewhere.
    pairs = zip(sorted(expected, key=rounding_key), sorted(actual, key=rounding_key))
    close = all(values_close(a, b) for left, right in pairs for a, b in zip(left, right))
    return Status.ROUNDING if close else Status.ROWS


def differs_in_ties_only(expected: list[tuple], actual: list[tuple],
                         order: list[int] | None) -> bool:
    """Whether rows differ only among those whose sort keys equal the last row's."""
    if not expected:
        return False

    def key(row: tuple) -> tuple:
        return exact(tuple(row[column] for column in order or []))

    if [key(row) for row in expected] != [key(row) for row in actual]:
        return False
    last = key(expected[-1])

    def before(rows: list[tuple]) -> Counter:
        return Counter(exact(row) for row in rows if key(row) != last)

    return before(expected) == before(actual)


def contains(unlimited: list[tuple], rows: list[tuple]) -> bool:
    """Whether the rows are all among the unlimited result's, as often at most."""
    return Counter(map(exact, rows)) <= Counter(map(exact, unlimited))


def exact(value: Any) -> Any:
    """A hashable stand-in that is equal only for the very same value and type."""
    if isinstance(value, float):
        return ("double", "NaN" if math.isnan(value) else struct.pack(">d", value))
    if isinstance(value, Decimal):
        return ("decimal", value.as_tuple())
    if isinstance(value, (tuple, list)):
        return (type(value).__name__, *map(exact, value))
    if isinstance(value, dict):
        return ("map", frozenset((exact(key), exact(entry)) for key, entry in value.items()))
    if isinstance(value, (bytes, bytearray)):
        return ("binary", bytes(value))
    return (type(value).__name__, value)


def rounding_key(row: tuple) -> tuple:
    """Sorts rows by all but their doubles first, then by their doubles."""
    others = repr([exact(value) for value in row if not isinstance(value, float)])
    doubles = [(math.isnan(value), value) for value in row if isinstance(value, float)]
    return others, doubles


def values_equal(left: Any, right: Any) -> bool:
    """Exactly equal."""
    return exact(left) == exact(right)


def values_close(left: Any, right: Any) -> bool:
    """Exactly equal, or doubles equal within the tolerance."""
    if isinstance(left, float) and isinstance(right, float):
        return values_equal(left, right) or math.isclose(left, right, rel_tol=RELATIVE_TOLERANCE)
    return values_equal(left, right)


def schema_difference(expected: dict[str, Any], actual: dict[str, Any]) -> str:
    """The first field that differs."""
    fields = expected["fields"], actual["fields"]
    for theirs, ours in zip(*fields):
        if theirs != ours:
            return f"{describe(ours)} instead of {describe(theirs)}"
    return f"{len(fields[1])} columns instead of {len(fields[0])}"


def describe(schema_field: dict[str, Any]) -> str:
    """A field of a schema as name, type and nullability."""
    nullable = "" if schema_field["nullable"] else " not null"
    return f"{schema_field['name']} {schema_field['type']}{nullable}"


def first_difference(expected: list[tuple], actual: list[tuple]) -> str:
    """A row that only one side has, of each side."""
    theirs, ours = Counter(map(exact, expected)), Counter(map(exact, actual))

    def only(rows: list[tuple], own: Counter, other: Counter) -> tuple | None:
        more: Callable[[tuple], bool] = lambda row: own[exact(row)] > other[exact(row)]
        return next(filter(more, rows), None)

    return f"has {only(actual, ours, theirs)}, Spark {only(expected, theirs, ours)}"
