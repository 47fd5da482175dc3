"""The comparison finds what is wrong, and only that."""

from decimal import Decimal

import pytest

from random_queries.comparison import Outcome, Status, compare

NAN, INFINITY = float("nan"), float("inf")


def rows(*values, schema="a"):
    return Outcome([(value,) for value in values], schema=schema)


def error(condition):
    return Outcome(condition=condition, error="text")


def status(spark, arclight, **options):
    return compare(spark, arclight, **options).status


def test_rows_are_a_multiset():
    assert status(rows(1, 2, 2), rows(2, 1, 2)) is Status.EQUAL
    assert status(rows(1, 2, 2), rows(1, 1, 2)) is Status.DIFFERENT
    assert status(rows(1), rows(1, 1)) is Status.DIFFERENT
    assert status(rows(), rows()) is Status.EQUAL


def test_order_counts_where_it_is_asked_for():
    assert status(rows(1, 2), rows(2, 1), ordered=True) is Status.DIFFERENT
    assert status(rows(1, 2), rows(1, 2), ordered=True) is Status.EQUAL


@pytest.mark.parametrize(("one", "other"), [
    (1, 2), (1, None), (1, True), (0.0, -0.0), (NAN, 1.0), (NAN, None), (INFINITY, -INFINITY),
    (INFINITY, 1e308), (1.0, 1.00000001), (Decimal("1.0"), Decimal("1.00")), ("1", 1), ("", None),
    (b"a", b"b"), ([1, None], [1]), ([0.0], [-0.0]), ((1, "x"), (1, None)), ({"a": 1}, {"a": 2}),
    ({}, None),
])
def test_other_values_differ(one, other):
    assert status(rows(one), rows(other)) is Status.DIFFERENT
    assert status(rows(other), rows(one)) is Status.DIFFERENT
    assert status(rows(one), rows(one)) is Status.EQUAL


def test_doubles_are_equal_to_twelve_digits():
    assert status(rows(0.1 + 0.2), rows(0.3)) is Status.EQUAL
    assert status(rows([(0.1 + 0.2, NAN)]), rows([(0.3, NAN)])) is Status.EQUAL
    assert status(rows({"a": -NAN}), rows({"a": NAN})) is Status.EQUAL


def test_zeros_are_peers():
    ordered, other = rows(0.0, -0.0), rows(-0.0, 0.0)
    assert status(ordered, other, ordered=True) is Status.EQUAL
    assert status(ordered, rows(0.0, 0.0), ordered=True) is Status.DIFFERENT
    # Which of them is left at a limit is open.
    assert status(rows(0.0), rows(-0.0), ordered=True, limited=True) is Status.EQUAL


def test_schema():
    found = compare(rows(1), rows(1, schema="b"))
    assert found.status is Status.DIFFERENT
    assert found.details == ("schema in Spark: a", "schema in Arclight: b")


def test_errors():
    overflow, cast = error("ARITHMETIC_OVERFLOW"), error("CAST_INVALID_INPUT")
    bare = error("SparkException")
    assert status(overflow, overflow) is Status.SAME_ERROR
    assert status(bare, bare) is Status.SAME_ERROR
    assert status(overflow, cast) is Status.SAME_ERROR
    assert status(overflow, bare) is Status.DIFFERENT
    assert status(overflow, rows(1)) is Status.DIFFERENT
    assert status(rows(1), overflow, may_skip_errors=True) is Status.DIFFERENT


def test_errors_below_an_empty_join_side():
    overflow = error("ARITHMETIC_OVERFLOW")
    assert status(overflow, rows(), may_skip_errors=True) is Status.NOT_RAISED
    assert status(error("SparkException"), rows(), may_skip_errors=True) is Status.DIFFERENT


def test_what_analysis_rejects():
    rejected = Outcome(condition="DATATYPE_MISMATCH", rejected=True)
    assert status(rejected, rejected) is Status.INVALID
    assert status(rejected, rows(1)) is Status.DIFFERENT
    assert status(rows(1), rejected) is Status.DIFFERENT


def test_a_difference_shows_rows_of_either_side():
    found = compare(rows(1, 2, 2, [None, "x"]), rows(1, 3))
    assert found.details[2:] == ("only in Spark: (2) × 2; ((None, 'x'))", "only in Arclight: (3)")
    many = compare(rows(*range(9)), rows()).details
    assert many[2].endswith("; and 6 more")
    assert many[3] == "only in Arclight: none"
