"""Expressions as templates: for each type, the forms that give a value of it.

A hole `{int}` takes an expression of that type, `{same}` one of the type that the whole has, and a
variable (`{comparable}`) one of a type drawn for it, the same in the whole template. `{int:literal}`
takes a literal, `{int:leaf}` a column or a literal. What else stands in braces is drawn from `TEXTS`.

Each form has one value, whatever order rows come in and whatever day it is.
"""

from random_queries.values import Type

#: Holes that take one of some texts.
TEXTS: dict[str, tuple[str, ...]] = {
    "comparison": ("=", "=", "<", ">", "<=", ">=", "<>", "<=>"),
    "days": ("1", "-1", "30", "365"),
    "extreme": ("greatest", "least"),
    "from": ("1", "2", "-1", "-2"),
    "index": ("1", "1", "2", "-1", "4"),
    "interval": ("INTERVAL '1' DAY", "INTERVAL '24' HOUR", "INTERVAL '1' MONTH", "INTERVAL '-7' MINUTE"),
    "not": ("", "", "NOT "),
    "pattern": ("'a%'", "'%b%'", "'_'", "'%'", "'abc'", "'%\\\\_%'", "'%é'"),
    "position": ("1", "0", "2", "-2", "-4"),
    "regexp": ("'[a-z]+'", "'^a'", "'(.)b'", "'\\\\d$'", "'x|1'"),
    "unit": ("'YEAR'", "'QUARTER'", "'MONTH'", "'WEEK'", "'DAY'", "'HOUR'", "'MINUTE'"),
    "date_unit": ("'YEAR'", "'QUARTER'", "'MM'", "'WEEK'"),
}

#: Forms of every type.
GENERAL = (
    "coalesce({same}, {same})",
    "if({boolean}, {same}, {same})",
    "CASE WHEN {boolean} THEN {same} WHEN {boolean} THEN {same} ELSE {same} END",
    "CASE WHEN {boolean} THEN {same} END",
    "CASE {scalar} WHEN {scalar:literal} THEN {same} WHEN {scalar:literal} THEN {same} ELSE {same} END",
    "nvl2({any}, {same}, {same})",
)

#: Forms of every type whose values can be compared.
COMPARABLE = ("nullif({same}, {same})", "{extreme}({same}, {same})")

TEMPLATES: dict[Type, tuple[str, ...]] = {
    Type.BYTE: (
        "try_cast({int} AS TINYINT)", "CAST({short} AS TINYINT)", "CAST({double} AS TINYINT)",
        "({byte} + {byte})", "try_add({byte}, {byte})", "({byte} % {byte})", "abs({byte})",
        "({byte} & {byte})",
    ),
    Type.SHORT: (
        "try_cast({int} AS SMALLINT)", "CAST({long} AS SMALLINT)", "CAST({byte} AS SMALLINT)",
        "({short} - {short})", "try_add({short}, {short})", "({short} % {short})", "negative({short})",
        "({short} | {short})",
    ),
    Type.INT: (
        "({int} + {int})", "({int} - {int})", "({int} * {int})", "({int} % {int})", "abs({int})",
        "negative({int})", "try_add({int}, {int})", "try_subtract({int}, {int})", "pmod({int}, {int})",
        "try_multiply({int}, {int})", "({int} & {int})", "({int} ^ {int})", "shiftleft({int}, 3)",
        "bit_count({long})", "CAST({string} AS INT)", "try_cast({string} AS INT)",
        "CAST({decimal} AS INT)", "try_cast({wide} AS INT)", "CAST({double} AS INT)",
        "try_cast({long} AS INT)", "CAST({boolean} AS INT)", "CAST({short} AS INT)", "length({string})",
        "octet_length({binary})", "instr({string}, {string})", "ascii({string})",
        "locate({string}, {string}, 2)", "levenshtein({string}, {string})",
        "hash({comparable}, {other})", "year({date})", "month({date})", "dayofmonth({date})",
        "dayofweek({date})", "quarter({date})", "weekofyear({date})", "dayofyear({date})",
        "datediff({date}, {date})", "hour({timestamp})", "minute({timestamp})", "second({local})",
        "hour({local})", "unix_date({date})", "size({array})", "size({map})",
        "element_at({ints}, {index})", "try_element_at({ints}, {index})", "get({ints}, {position})",
        "({ints})[0]", "({struct}).a", "array_max({ints})", "array_min({ints})",
        "element_at({map}, {string})", "({map})[{string}]",
        "aggregate({ints}, 0, (x, y) -> try_add(x, coalesce(y, 1)))",
    ),
    Type.LONG: (
        "({long} + {long})", "({long} - {long})", "({long} * {long})", "({long} div {long})",
        "({int} div {int})", "({long} % {long})", "pmod({long}, {long})", "abs({long})",
        "try_add({long}, {long})", "try_multiply({long}, {long})", "shiftright({long}, 3)",
        "CAST({int} AS BIGINT)", "CAST({string} AS BIGINT)", "try_cast({double} AS BIGINT)",
        "CAST({wide} AS BIGINT)", "CAST({timestamp} AS BIGINT)", "unix_micros({timestamp})",
        "unix_seconds({timestamp})", "floor({double})", "ceil({double})", "crc32({binary})",
        "xxhash64({comparable}, {other})", "array_position({ints}, {int})", "({long} | {long})",
    ),
    Type.DECIMAL: (
        "CAST({int} AS DECIMAL(10,2))", "CAST({double} AS DECIMAL(10,2))",
        "try_cast({string} AS DECIMAL(10,2))", "CAST({string} AS DECIMAL(10,2))",
        "try_cast({wide} AS DECIMAL(10,2))", "try_cast({decimal} + {decimal} AS DECIMAL(10,2))",
        "CAST({decimal} * {decimal} AS DECIMAL(10,2))", "CAST({decimal} % {decimal} AS DECIMAL(10,2))",
        "CAST(round({decimal}, 1) AS DECIMAL(10,2))", "CAST({decimal} - {int} AS DECIMAL(10,2))",
        "abs({decimal})", "negative({decimal})",
    ),
    Type.WIDE: (
        "CAST({wide} + {decimal} AS DECIMAL(25,4))", "try_cast({wide} * {decimal} AS DECIMAL(25,4))",
        "CAST({wide} / {decimal} AS DECIMAL(25,4))",
        "CAST(try_divide({wide}, {decimal}) AS DECIMAL(25,4))",
        "CAST({wide} % {wide} AS DECIMAL(25,4))", "CAST({long} AS DECIMAL(25,4))",
        "CAST({decimal} AS DECIMAL(25,4))", "CAST({double} AS DECIMAL(25,4))",
        "CAST(ceil({wide}) AS DECIMAL(25,4))", "CAST(bround({wide}, 1) AS DECIMAL(25,4))",
        "abs({wide})",
    ),
    Type.FLOAT: (
        "CAST({double} AS FLOAT)", "CAST({int} AS FLOAT)", "CAST({string} AS FLOAT)",
        "CAST({decimal} AS FLOAT)", "({float} * {float})", "({float} + {float})", "abs({float})",
        "negative({float})",
    ),
    Type.DOUBLE: (
        "({double} + {double})", "({double} - {double})", "({double} * {double})",
        "({double} / {double})", "({int} / {int})", "try_divide({double}, {double})",
        "({double} % {double})", "abs({double})", "negative({double})", "sqrt({double})",
        "round({double}, 2)", "exp({double})", "ln({double})", "sign({double})",
        "nanvl({double}, {double})", "pow({double}, 2D)", "CAST({float} AS DOUBLE)",
        "CAST({long} AS DOUBLE)", "CAST({decimal} AS DOUBLE)", "CAST({wide} AS DOUBLE)",
        "CAST({string} AS DOUBLE)", "try_cast({string} AS DOUBLE)", "CAST({timestamp} AS DOUBLE)",
        "months_between({date}, {date})", "get({doubles}, 0)", "array_max({doubles})",
    ),
    Type.STRING: (
        "concat({string}, {string})", "({string} || {string})", "upper({string})", "lower({string})",
        "initcap({string})", "trim({string})", "ltrim({string})", "reverse({string})",
        "substring({string}, {position}, 2)", "left({string}, 2)", "right({string}, 1)",
        "replace({string}, {string}, {string})", "translate({string}, 'abc', 'xy')",
        "lpad({string}, 4, {string})", "rpad({string}, 6, {string})", "repeat({string}, 2)",
        "substring_index({string}, 'b', 1)", "split_part({string}, 'b', {from})",
        "concat_ws(',', {strings}, {string})", "array_join({strings}, '|', '-')", "get({strings}, 0)",
        "element_at({strings}, {index})", "({struct}).b", "regexp_replace({string}, {regexp}, '-')",
        "regexp_extract({string}, '([a-z])(.)', 1)", "md5({binary})", "sha2({binary}, 256)",
        "hex({binary})", "base64({binary})", "date_format({timestamp}, 'yyyy-MM-dd HH')",
        "CAST({comparable} AS STRING)", "CAST({scalar} AS STRING)", "CAST({scalar} AS STRING)",
    ),
    Type.BINARY: (
        "CAST({string} AS BINARY)", "concat({binary}, {binary})", "substring({binary}, {position}, 2)",
        "unhex(hex({binary}))", "encode({string}, 'UTF-8')", "unbase64(base64({binary}))",
    ),
    Type.BOOLEAN: (
        "({boolean} AND {boolean})", "({boolean} AND {boolean})", "({boolean} OR {boolean})",
        "({boolean} OR {boolean})", "(NOT {boolean})", "({any} IS {not}NULL)",
        "({comparable} {comparison} {comparable})", "({scalar} {comparison} {scalar})",
        "({scalar} {comparison} {scalar:leaf})", "({scalar} {comparison} {scalar:literal})",
        "({scalar} BETWEEN {scalar:leaf} AND {scalar:leaf})",
        "({scalar} {not}IN ({scalar:literal}, {scalar:literal}, {scalar:literal}))",
        "({comparable} {not}IN ({comparable:leaf}, {comparable:leaf}))",
        "({string} {not}LIKE {pattern})", "({string} RLIKE {regexp})",
        "startswith({string}, {string:leaf})", "contains({string}, {string:leaf})",
        "endswith({string}, {string:leaf})", "isnan({double})", "({boolean} IS {not}TRUE)",
        "try_cast({string} AS BOOLEAN)", "CAST({string} AS BOOLEAN)", "array_contains({ints}, {int})",
        "array_contains({doubles}, {double})", "arrays_overlap({ints}, {ints})",
        "exists({ints}, x -> x > 1)", "forall({strings}, x -> x < 'b')",
        "map_contains_key({map}, {string})",
    ),
    Type.DATE: (
        "date_add({date}, {days})", "date_sub({date}, {days})", "add_months({date}, 1)",
        "last_day({date})", "trunc({date}, {date_unit})", "next_day({date}, 'MON')",
        "CAST({timestamp} AS DATE)", "CAST({local} AS DATE)", "try_cast({string} AS DATE)",
        "CAST({string} AS DATE)", "make_date({short}, 2, 28)",
    ),
    Type.TIMESTAMP: (
        "CAST({date} AS TIMESTAMP)", "CAST({local} AS TIMESTAMP)", "date_trunc({unit}, {timestamp})",
        "({timestamp} + {interval})", "timestampadd(HOUR, 24, {timestamp})", "timestamp_seconds({int})",
        "try_cast(concat('2020-', {string}) AS TIMESTAMP)",
        "to_utc_timestamp({timestamp}, 'America/Los_Angeles')",
    ),
    Type.LOCAL: (
        "CAST({date} AS TIMESTAMP_NTZ)", "CAST({timestamp} AS TIMESTAMP_NTZ)", "({local} + {interval})",
        "try_cast(concat('2020-', {string}) AS TIMESTAMP_NTZ)",
    ),
    Type.INTS: (
        "array({int}, {int})", "sort_array({ints})", "array_sort({ints})", "array_distinct({ints})",
        "transform({ints}, x -> x % 3)", "transform({ints}, (x, i) -> coalesce(x, i))",
        "filter({ints}, x -> x > 1)", "filter({ints}, x -> x <= {int:leaf})",
        "slice({ints}, {from}, 2)", "concat({ints}, {ints})", "array_union({ints}, {ints})",
        "array_except({ints}, {ints})", "array_intersect({ints}, {ints})",
        "array_remove({ints}, {int})", "array_compact({ints})", "array_append({ints}, {int})",
        "flatten(array({ints}, {ints}))", "array_repeat({int}, 2)", "map_values({map})",
        "zip_with({ints}, {ints}, (x, y) -> coalesce(x, y))", "reverse({ints})",
    ),
    Type.STRINGS: (
        "array({string}, {string})", "split({string}, 'b')", "split({string}, {regexp})",
        "transform({strings}, x -> upper(x))", "filter({strings}, x -> x IS NOT NULL)",
        "array_distinct({strings})", "sort_array({strings}, false)", "map_keys({map})",
        "concat({strings}, {strings})", "array_except({strings}, {strings})",
    ),
    Type.DOUBLES: (
        "array({double}, {double})", "sort_array({doubles})", "transform({doubles}, x -> x * 2)",
        "array_distinct({doubles})", "concat({doubles}, {doubles})", "filter({doubles}, x -> isnan(x))",
    ),
    Type.STRUCT: ("named_struct('a', {int}, 'b', {string})",),
    Type.MAP: (
        "map(coalesce({string}, 'k'), {int})", "map_from_arrays(array('a', 'b'), array({int}, {int}))",
        "map_filter({map}, (k, v) -> v > 0)", "transform_values({map}, (k, v) -> v % 5)",
        "map_concat({map}, map('new', {int}))",
    ),
}
