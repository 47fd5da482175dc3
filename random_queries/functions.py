"""Aggregate and window functions as templates, with the types they give.

None depends on the order in which rows come: lists are sorted, sums are of whole numbers or of fractions
that doubles hold exactly, a sum of longs is of one sign (where it overflows, it does in any order), and
the lesser of doubles has no sign where it is zero. `{filter}` is a FILTER clause or nothing, `{over}` a
window.
"""

from random_queries.values import Type

#: Aggregate functions, each with its type or the variable that is.
AGGREGATES: tuple[tuple[str, Type | str], ...] = (
    ("count(*){filter}", Type.LONG),
    ("count(*){filter}", Type.LONG),
    ("count({any}){filter}", Type.LONG),
    ("count_if({boolean})", Type.LONG),
    ("sum({int}){filter}", Type.LONG),
    ("sum({int}){filter}", Type.LONG),
    ("sum({short})", Type.LONG),
    ("sum({long} % 1000){filter}", Type.LONG),
    ("sum(greatest({long}, 0L)){filter}", Type.LONG),
    ("try_sum(greatest({long}, 0L)){filter}", Type.LONG),
    ("sum({int} * 0.25D){filter}", Type.DOUBLE),
    ("sum(if({boolean}, CAST('NaN' AS DOUBLE), {byte} * 0.5D))", Type.DOUBLE),
    ("CAST(sum({decimal}){filter} AS DECIMAL(25,4))", Type.WIDE),
    ("try_cast(sum({wide}) AS DECIMAL(25,4))", Type.WIDE),
    ("CAST(avg({decimal}){filter} AS DECIMAL(25,4))", Type.WIDE),
    ("avg({int}){filter}", Type.DOUBLE),
    ("avg({byte} * 0.5D)", Type.DOUBLE),
    ("round(stddev_samp({byte}), 3)", Type.DOUBLE),
    ("round(var_pop({short}){filter}, 3)", Type.DOUBLE),
    ("min({exact}){filter}", "exact"),
    ("max({exact}){filter}", "exact"),
    ("max({exact})", "exact"),
    ("(max({double}){filter} + 0.0D)", Type.DOUBLE),
    ("(min({double}) + 0.0D)", Type.DOUBLE),
    ("(min({float}) + CAST(0 AS FLOAT))", Type.FLOAT),
    ("bool_or({boolean}){filter}", Type.BOOLEAN),
    ("bool_and({boolean})", Type.BOOLEAN),
    ("bit_xor({int}){filter}", Type.INT),
    ("bit_and({long})", Type.LONG),
    ("count(DISTINCT {comparable}){filter}", Type.LONG),
    ("count(DISTINCT {comparable}, {other})", Type.LONG),
    ("sum(DISTINCT {int}){filter}", Type.LONG),
    ("avg(DISTINCT {short})", Type.DOUBLE),
    ("approx_count_distinct({scalar})", Type.LONG),
    ("percentile({int}, 0.25D)", Type.DOUBLE),
    ("sort_array(collect_list({int}){filter})", Type.INTS),
    ("sort_array(collect_set({int}){filter})", Type.INTS),
    ("sort_array(collect_set({string}))", Type.STRINGS),
)

#: Window functions whose value depends on a row's place among its peers.
RANKS: tuple[tuple[str, Type | str], ...] = (
    ("rank(){over}", Type.INT),
    ("dense_rank(){over}", Type.INT),
    ("percent_rank(){over}", Type.DOUBLE),
    ("cume_dist(){over}", Type.DOUBLE),
)

#: Window functions of rows in an order that leaves nothing open.
PLACES: tuple[tuple[str, Type | str], ...] = (
    ("row_number(){over}", Type.INT),
    ("ntile(3){over}", Type.INT),
    ("lag({any:leaf}){over}", "any"),
    ("lag({any:leaf}, 2, {any:literal}){over}", "any"),
    ("lead({any:leaf}){over}", "any"),
)

#: Aggregate functions over a frame.
FRAMED: tuple[tuple[str, Type | str], ...] = (
    ("count(*){over}", Type.LONG),
    ("count({any:leaf}){over}", Type.LONG),
    ("sum({int:leaf}){over}", Type.LONG),
    ("avg({short:leaf}){over}", Type.DOUBLE),
    ("min({exact:leaf}){over}", "exact"),
    ("max({exact:leaf}){over}", "exact"),
    ("CAST(sum({decimal:leaf}){over} AS DECIMAL(25,4))", Type.WIDE),
)

#: Functions over a frame that take one of its rows, which need an order that leaves nothing open.
ROWS_OF_FRAMES: tuple[tuple[str, Type | str], ...] = (
    ("first_value({any:leaf}){over}", "any"),
    ("last_value({any:leaf}){over}", "any"),
    ("nth_value({any:leaf}, 2){over}", "any"),
    ("collect_list({int:leaf}){over}", Type.INTS),
)

#: Frames that do not part rows that are peers.
PEER_FRAMES = ("", "", " RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
               " RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
               " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING")

#: Frames that do.
ROW_FRAMES = (" ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", " ROWS UNBOUNDED PRECEDING",
              " ROWS BETWEEN 2 FOLLOWING AND 3 FOLLOWING", " ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING",
              " ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING")
