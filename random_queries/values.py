"""The types of columns, and the values that tables and literals have of them.

Values are those at which engines differ: the ends of ranges, NaN and the zeros, texts that parse oddly,
bytes that are no UTF-8, days around changes of calendars and clocks. Dates stay within years 1 to 9999.
"""

from enum import Enum


class Type(Enum):
    """A type, by its name in SQL."""

    BYTE = "TINYINT"
    SHORT = "SMALLINT"
    INT = "INT"
    LONG = "BIGINT"
    #: As wide as a long, and wider.
    DECIMAL = "DECIMAL(10,2)"
    WIDE = "DECIMAL(25,4)"
    FLOAT = "FLOAT"
    DOUBLE = "DOUBLE"
    STRING = "STRING"
    BINARY = "BINARY"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    TIMESTAMP = "TIMESTAMP"
    LOCAL = "TIMESTAMP_NTZ"
    INTS = "ARRAY<INT>"
    STRINGS = "ARRAY<STRING>"
    DOUBLES = "ARRAY<DOUBLE>"
    STRUCT = "STRUCT<a: INT, b: STRING>"
    MAP = "MAP<STRING, INT>"


#: Type → its values in SQL, which a cast gives the type. NULL belongs to each.
VALUES: dict[Type, tuple[str, ...]] = {
    Type.BYTE: ("0", "1", "-1", "2", "5", "127", "-128"),
    Type.SHORT: ("0", "1", "-1", "3", "5", "100", "32767", "-32768"),
    Type.INT: ("0", "1", "-1", "2", "3", "5", "7", "42", "100", "2147483647", "-2147483648"),
    Type.LONG: ("0L", "1L", "-1L", "2L", "3L", "42L", "100L", "4294967296L", "9223372036854775807L",
                "-9223372036854775808L"),
    Type.DECIMAL: ("0.00", "0.05", "1.50", "-1.50", "2.00", "3.25", "99999999.99", "-99999999.99"),
    Type.WIDE: ("0.0000", "0.0005", "1.5000", "2.0000", "-99999999999999999.9999",
                "123456789012345678.1234", "999999999999999999999.9999"),
    Type.FLOAT: ("0.0D", "-0.0D", "1.5D", "-2.25D", "1.1D", "16777217D", "1.17549435E-38D", "'NaN'",
                 "'Infinity'", "'-Infinity'"),
    Type.DOUBLE: ("0.0D", "-0.0D", "1.5D", "-2.25D", "3.0D", "1.005D", "9.99E-4D", "1E7D", "2E23D",
                  "1E300D", "4.9E-324D", "9007199254740993D", "9.223372036854775807E18D", "'NaN'",
                  "'Infinity'", "'-Infinity'"),
    Type.STRING: ("''", "' '", "'a'", "'b'", "'abc'", "'ABC'", "' x '", "'zz'", "'ab_%'", "'é'",
                  "'e\u0301'", "'ß'", "'İ'", "'ΑΣ'", "'😀'", "'0'", "'12'", "' 7 '", "'1.5'", "'1e3'",
                  "'.'", "'2147483648'", "'true'", "'nan'", "'2020-01-01'", "'2020-1'",
                  "'2020-01-01 12:30:00'", "repeat('long ', 20)"),
    Type.BINARY: ("X''", "X'00'", "X'FF'", "X'E282'", "X'616263'", "X'6162'", "X'C3A9'"),
    Type.BOOLEAN: ("true", "false"),
    Type.DATE: ("'2020-01-01'", "'2020-03-08'", "'1999-12-31'", "'2024-02-29'", "'1970-01-01'",
                "'1969-12-31'", "'1582-10-04'", "'1582-10-15'", "'0001-01-01'", "'9999-12-31'"),
    Type.TIMESTAMP: ("'2020-01-01 00:00:00'", "'2020-03-08 02:30:00'", "'2020-11-01 01:30:00'",
                     "'2024-02-29 12:30:00'", "'1999-12-31 23:59:59.999999'",
                     "'1970-01-01 00:00:00'", "'1969-12-31 23:59:59.5'", "'1900-01-01 00:00:00'",
                     "'1883-11-18 12:03:58'", "'2101-07-01 06:00:00'", "'0001-01-03 00:00:00'"),
    Type.LOCAL: ("'2020-01-01 00:00:00'", "'2020-03-08 02:30:00'", "'2024-02-29 12:30:00'",
                 "'1969-12-31 23:59:59.999999'", "'1582-10-10 01:00:00'", "'9999-12-31 23:59:59'"),
    Type.INTS: ("array()", "array(1)", "array(NULL)", "array(1, NULL, 3)", "array(5, 4, 3, 3, 1)",
                "array(2147483647, -2147483648)"),
    Type.STRINGS: ("array()", "array('a')", "array('a', NULL, '')", "array('zz', 'b', 'b')"),
    Type.DOUBLES: ("array()", "array(1.5D)", "array(NULL, 2D)",
                   "array(CAST('NaN' AS DOUBLE), -0.0D, 0.0D)"),
    Type.STRUCT: ("named_struct('a', 1, 'b', 'x')", "named_struct('a', NULL, 'b', 'y')",
                  "named_struct('a', 2, 'b', NULL)", "named_struct('a', NULL, 'b', NULL)"),
    Type.MAP: ("map()", "map('a', 1)", "map('b', NULL, 'c', 3)", "map('', -1, 'zz', 2147483647)"),
}

#: Type → values that only tables have. Spark gives Parquet another text than a literal that is no UTF-8
#: to look for, and leaves out rows that have it.
STORED: dict[Type, tuple[str, ...]] = {Type.STRING: ("X'E282'",)}

#: Variables of templates → the types that each may stand for. All that are named the same in a template
#: stand for the same type.
VARIABLES: dict[str, tuple[Type, ...]] = {
    "any": tuple(Type),
    "comparable": tuple(kind for kind in Type if kind is not Type.MAP),
    "other": tuple(kind for kind in Type if kind is not Type.MAP),
    #: Those of which equal values are the same value: not 0.0 and -0.0.
    "exact": tuple(kind for kind in Type
                   if kind not in (Type.MAP, Type.FLOAT, Type.DOUBLE, Type.DOUBLES)),
    "scalar": (Type.INT, Type.LONG, Type.STRING, Type.DECIMAL, Type.DATE, Type.SHORT, Type.WIDE,
               Type.DOUBLE, Type.TIMESTAMP, Type.LOCAL, Type.BINARY, Type.BYTE),
    "integer": (Type.BYTE, Type.SHORT, Type.INT),
    "array": (Type.INTS, Type.STRINGS, Type.DOUBLES),
}


def sql_value(kind: Type, value: str) -> str:
    """A value, or NULL, as an expression of just that type."""
    return f"CAST({value} AS {kind.value})"
