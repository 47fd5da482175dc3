"""The comparator finds what is wrong, and only that."""

from decimal import Decimal

import pytest

from tpch import compare
from tpch.compare import Status
from tpch.verify import ACCEPTED, confirm_ties


def result(rows, order=None, limited=False, kind="integer"):
    schema = {"fields": [{"name": "a", "type": kind, "nullable": True, "metadata": {}},
                         {"name": "b", "type": "string", "nullable": True, "metadata": {}}]}
    return {"rows": rows, "schema": schema, "order": order, "limited": limited}


ROWS = [(1, "x"), (1, "y"), (2, "z")]


def status(expected, actual):
    return compare.compare(expected, actual).status


def test_equal():
    assert status(result(ROWS), result(ROWS)) is Status.EQUAL
    assert status(result(ROWS), result(ROWS[::-1])) is Status.EQUAL


@pytest.mark.parametrize("rows", [
    [(1, "x"), (1, "y"), (2, "w")], [(1, "x"), (1, "x"), (2, "z")], [(1, "x"), (1, "y"), (2, None)],
    [(1, "x"), (1, "y"), (2.0, "z")], [(1, "x"), (1, "y"), (True, "z")],
])
def test_a_wrong_row(rows):
    assert status(result(ROWS), result(rows)) is Status.ROWS


def test_a_row_too_few_or_too_many():
    assert status(result(ROWS), result(ROWS[:2])) is Status.COUNT
    assert status(result(ROWS), result([*ROWS, ROWS[0]])) is Status.COUNT


def test_a_wrong_type():
    assert status(result(ROWS), result(ROWS, kind="long")) is Status.SCHEMA


def test_order_counts_as_far_as_it_is_decided():
    assert status(result(ROWS, order=[0]), result([ROWS[1], ROWS[0], ROWS[2]], order=[0])) \
        is Status.EQUAL
    assert status(result(ROWS, order=[0]), result(ROWS[::-1], order=[0])) is Status.ORDER
    assert status(result(ROWS, order=[0, 1]), result([ROWS[1], ROWS[0], ROWS[2]], order=[0, 1])) \
        is Status.ORDER


def test_decimals_have_a_scale():
    one = [(Decimal("1.0"), "x")]
    assert status(result(one), result([(Decimal("1.00"), "x")])) is Status.ROWS
    assert status(result(one), result([(Decimal("1.0"), "x")])) is Status.EQUAL


def test_doubles():
    third = 0.1 + 0.2
    assert status(result([(third, "x")]), result([(0.3, "x")])) is Status.ROUNDING
    assert status(result([(third, "x")]), result([(0.3001, "x")])) is Status.ROWS
    assert status(result([(0.0, "x")]), result([(-0.0, "x")])) is not Status.EQUAL
    assert status(result([(float("nan"), "x")]), result([(float("nan"), "x")])) is Status.EQUAL
    assert status(result([(float("nan"), "x")]), result([(1.0, "x")])) is Status.ROWS


def test_ties_at_a_limit_need_the_unlimited_result():
    expected = result([(1, "x"), (2, "y")], order=[0], limited=True)
    other = result([(1, "x"), (2, "z")], order=[0], limited=True)
    tied = compare.compare(expected, other)
    assert tied.status is Status.TIES
    assert confirm_ties(tied, result([(1, "x"), (2, "y"), (2, "z")]), other).status is Status.TIES
    assert confirm_ties(tied, result([(1, "x"), (2, "y"), (2, "w")]), other).status is Status.ROWS
    assert status({**expected, "limited": False}, other) is Status.ROWS
    before_the_tie = result([(1, "w"), (2, "y")], order=[0], limited=True)
    assert status(expected, before_the_tie) is Status.ROWS


def test_errors():
    overflow = {"error": "ArithmeticException: [ARITHMETIC_OVERFLOW]", "error_class": "ARITHMETIC_OVERFLOW"}
    bare = {"error": "SparkException: overflow", "error_class": "SparkException"}
    crash = {"error": "exit code 134", "error_class": "WorkerFailed"}
    syntax = {"error": "ParseException: [X]", "error_class": "PARSE_SYNTAX_ERROR"}
    assert status(overflow, overflow) is Status.SAME_ERROR
    for expected, actual in ((overflow, bare), (overflow, result(ROWS)), (result(ROWS), overflow),
                             (crash, crash), (syntax, syntax)):
        assert status(expected, actual) is Status.ERROR


def test_nothing_wrong_is_accepted():
    assert ACCEPTED.isdisjoint({Status.SCHEMA, Status.COUNT, Status.ROWS, Status.ORDER, Status.ERROR})
