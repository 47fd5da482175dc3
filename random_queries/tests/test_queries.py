"""Queries depend on seed and number alone, and are of all kinds."""

import re
from collections import Counter
from dataclasses import replace

import pytest

from random_queries.__main__ import chosen, main, parser
from random_queries.functions import AGGREGATES, FRAMED, PLACES, RANKS, ROWS_OF_FRAMES
from random_queries.queries import query
from random_queries.settings import CHOICES
from random_queries.tables import TABLES, VALUE_COLUMNS, column_expressions
from random_queries.templates import COMPARABLE, GENERAL, TEMPLATES, TEXTS
from random_queries.values import VALUES, VARIABLES, Type

QUERIES = [query(1, number) for number in range(400)]

TEXT = "\n".join(each.sql for each in QUERIES)


def options(*arguments):
    return parser().parse_args(arguments)


def test_a_query_depends_on_seed_and_number_alone():
    assert query(1, 7) == QUERIES[7]
    assert query(2, 7).sql != QUERIES[7].sql
    assert len({each.sql for each in QUERIES}) > 0.98 * len(QUERIES)


def test_only_gives_the_query_of_a_run():
    run = chosen(options("--seed", "3", "--count", "9"))
    assert [each.number for each in run] == list(range(9))
    assert chosen(options("--seed", "3", "--only", "5")) == [run[5]]


def test_settings_and_text_may_be_given():
    [given] = chosen(options(
        "--only", "5", "--set", "spark.sql.ansi.enabled=maybe", "--sql", "SELECT 1"))
    drawn = query(1, 5)
    assert given.sql == "SELECT 1"
    assert given.settings == {**drawn.settings, "spark.sql.ansi.enabled": "maybe"}
    assert not given.ordered


@pytest.mark.parametrize("arguments", [["--sql", "SELECT 1"], ["--set", "x"], ["--jar", "missing.jar"]])
def test_wrong_options(arguments, capsys):
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("random_queries: ")


def test_show(capsys):
    assert main(["--count", "2", "--show"]) == 0
    assert f"{QUERIES[1].sql};" in capsys.readouterr().out


@pytest.mark.parametrize("kind", [
    " JOIN ", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "LEFT SEMI JOIN", "LEFT ANTI JOIN", "<=>",
    "GROUP BY 1", "ROLLUP(", "CUBE(", "GROUPING SETS(", "grouping_id()", " HAVING ", "FILTER (WHERE",
    "count(DISTINCT", "sum(DISTINCT", "collect_list", "collect_set", "OVER (PARTITION BY", "rank()",
    "row_number()", "lag(", " ROWS BETWEEN ", " RANGE BETWEEN ", "place <=", "UNION ALL", "UNION (",
    "INTERSECT", "EXCEPT", "NOT EXISTS", "WHERE EXISTS", " IN (SELECT", " NOT IN (SELECT",
    "LATERAL VIEW explode(", "LATERAL VIEW OUTER", "posexplode(", "ORDER BY 1", " LIMIT ", " OFFSET ",
    "SELECT DISTINCT", "WITH common1", "range(0, ", "CASE WHEN", "if(", "coalesce(", "try_cast(",
    "LIKE '", "transform(", "filter(", " BETWEEN ",
])
def test_queries_of_every_kind(kind):
    assert kind in TEXT


@pytest.mark.parametrize("subquery", [
    r"(<|>=|=) \(SELECT \(?(max|min)\(.*? FROM \w+ t\d+ WHERE ",
    r"\(SELECT \(?(max|min)\([^)]*\) FROM \w+ t\d+ WHERE t\d+\.(id|g) = ",
])
def test_scalar_subqueries(subquery):
    assert re.search(subquery, TEXT)


def test_every_table_and_column_is_read():
    for table in TABLES:
        assert re.search(rf"(FROM|JOIN) {table.name} t\d", TEXT)
    for column in VALUE_COLUMNS:
        assert f".{column}" in TEXT


def test_columns_have_names_of_their_own():
    for table in TABLES:
        columns = column_expressions(table)
        assert len(columns) == len(VALUE_COLUMNS) + 2 == 2 * len(Type) + 2


def test_every_setting_is_drawn():
    drawn = Counter((key, value) for each in QUERIES for key, value in each.settings.items())
    assert all(drawn[key, value] for key, values in CHOICES.items() for value in values)


def test_limits_are_below_an_order_of_all_columns():
    for each in QUERIES:
        for before in each.sql.split(" LIMIT ")[:-1]:
            assert re.search(r"ORDER BY 1[^()]*$", before)
        assert each.ordered or not each.limited


def test_nothing_stands_in_braces():
    assert "{" not in TEXT and "}" not in TEXT


def test_templates_name_what_there_is():
    functions = [template for template, _ in (*AGGREGATES, *RANKS, *PLACES, *FRAMED, *ROWS_OF_FRAMES)]
    forms = [form for forms in TEMPLATES.values() for form in forms]
    types = {kind.name.lower() for kind in Type}
    known = types | set(VARIABLES) | set(TEXTS) | {"same", "filter", "over"}
    for template in (*functions, *forms, *GENERAL, *COMPARABLE):
        assert set(re.findall(r"\{(\w+)", template)) <= known
        assert template.count("(") == template.count(")")
    assert set(TEMPLATES) == set(VALUES) == set(Type)


def test_joins_are_known():
    plain = replace(QUERIES[0], sql="SELECT 1 FROM nothing t1 WHERE t1.int1 IN (CAST(1 AS INT))")
    assert not plain.joins
    for text in ("a LEFT ANTI JOIN b ON true", "WHERE NOT EXISTS (SELECT 1", "x NOT IN (SELECT 1",
                 "(SELECT 1) EXCEPT ALL (SELECT 2)"):
        assert replace(plain, sql=text).joins
