"""Writes files of testdata/: what Spark itself computes of calls on text, dates and timestamps.

Needs PySpark 4.1.3 and Java: `python write_calls.py ../../testdata`. One line a call, fields between
tabs: function, mode (A: ANSI, N: legacy), type and text of the result, and `type=text` of
each argument. NULL is `\\N`, an exception `ERROR`; bytes may be `\\xHH`. Dates are days,
timestamps microseconds.
"""

import sys
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import types as T

EXCLUDED_RULES = ",".join(
    f"org.apache.spark.sql.catalyst.optimizer.{rule}"
    for rule in ("ConvertToLocalRelation", "ConstantFolding")
)
HEAD = "# Spark 4.1.3's results, a call a line: function, mode, result type, result, arguments (type=value)."
ZONE = "America/Los_Angeles"
WALL_EPOCH = "TIMESTAMP_NTZ'1970-01-01 00:00:00'"

#: How a value travels to Spark and back: its type, SQL that makes it of a column, SQL of a result.
CARRIERS = {
    "boolean": (T.BooleanType(), "{}", "{}"),
    "tinyint": (T.ByteType(), "{}", "{}"),
    "smallint": (T.ShortType(), "{}", "{}"),
    "int": (T.IntegerType(), "{}", "{}"),
    "bigint": (T.LongType(), "{}", "{}"),
    "float": (T.FloatType(), "{}", "{}"),
    "double": (T.DoubleType(), "{}", "{}"),
    "string": (T.BinaryType(), "CAST({} AS string)", "CAST({} AS binary)"),
    "binary": (T.BinaryType(), "{}", "{}"),
    "date": (T.IntegerType(), "date_from_unix_date({})", "unix_date({})"),
    "timestamp": (T.LongType(), "timestamp_micros({})", "unix_micros({})"),
    # Spark does not read back the text of the last wall-clock times: these results say ERROR, and
    # are put right by hand.
    "timestamp_ntz": (
        T.LongType(),
        f"timestampadd(MICROSECOND, {{}}, {WALL_EPOCH})",
        "unix_micros(CAST(concat(CAST({} AS string), ' UTC') AS timestamp))",
    ),
}


def carrier(data_type):
    if data_type in CARRIERS:
        return CARRIERS[data_type]
    precision, scale = map(int, data_type[8:-1].split(","))
    return T.DecimalType(precision, scale), "{}", "{}"


def escape(data):
    return "".join(
        "\\\\" if b == 0x5C else chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02x}" for b in bytes(data)
    )


def show(value, data_type):
    if value is None:
        return "\\N"
    if isinstance(value, (bytes, bytearray)):
        return escape(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if data_type.startswith("decimal"):
        scale = int(data_type[:-1].split(",")[1])
        return str(int(value.scaleb(scale)))
    return repr(value) if isinstance(value, float) else str(value)


class Writer:
    def __init__(self, spark, out):
        self.spark, self.out = spark, out
        out.write(HEAD + "\n")

    def results(self, sql, schema, rows):
        """The results, ERROR where Spark raises: halves what fails until each row is alone."""
        try:
            frame = self.spark.createDataFrame(rows, schema)
            return [row[0] for row in frame.selectExpr(f"{sql} AS r").collect()]
        except Exception:
            if len(rows) == 1:
                return ["ERROR"]
        middle = len(rows) // 2
        return self.results(sql, schema, rows[:middle]) + self.results(sql, schema, rows[middle:])

    def case(self, modes, name, sql, arguments, output, rows):
        """`sql` has `{0}`, `{1}`… for the arguments."""
        fields = [T.StructField(f"c{i}", carrier(a)[0], True) for i, a in enumerate(arguments)]
        schema = T.StructType(fields)
        values = [carrier(a)[1].format(f"c{i}") for i, a in enumerate(arguments)]
        call = carrier(output)[2].format(sql.format(*values))
        rows = [tuple(row) if isinstance(row, (tuple, list)) else (row,) for row in rows]
        for mode in modes:
            ansi = "false" if mode == "N" else "true"
            self.spark.conf.set("spark.sql.ansi.enabled", ansi)
            for row, result in zip(rows, self.results(call, schema, rows)):
                shown = [f"{a}={show(v, a)}" for v, a in zip(row, arguments)]
                result = result if result == "ERROR" else show(result, output)
                self.out.write("\t".join([name, mode, output, result, *shown]) + "\n")


def encoded(texts):
    return [None if text is None else text.encode("utf-8") for text in texts]


NUMBER_TEXTS = encoded(
    ["", " ", "0", "-0", "1", "-1.5", "1.", ".5", ".", "+.5", "1e3", "1E-3", "1e", "1d", "1D", "1f"]
    + ["1.5F", "d", "0x1p3", "inf", "-Inf", "+INFINITY", "Infinity", "-Infinity", "NaN", "nan"]
    + ["+NaN", "-NaN", "-nan", "+nan", " 1.5 ", "\t2\n", "\x7f1", "1 2", "1_000", "٣", "\u00a01"]
    + ["1e400", "-1e400", "1e-400", "4.9e-324", "2.4703282292062327e-324", "1e99999999999999999999"]
    + ["0e99999999999999999999", "2.2250738585072012e-308", "9007199254740993", "16777217"]
    + ["1.17549435e-38", "3.4028236e38", "1" * 400, "0." + "0" * 330 + "1e331", "--1", "1e+", "1dd"]
    + ["0.1", "123456789.123456789", "true", None]
)
DOUBLES = [0.0, -0.0, float("nan"), float("inf"), float("-inf"), 1.0, -1.5, 0.001, 9.99e-4, 1e7]
DOUBLES += [9999999.0, 1234567.25, 0.1, 1.005, 1e-300, 123456789.123, 4.9e-324, 2e23, 100.0, 0.25]
DOUBLES += [9007199254740991.0, 9007199254740992.0, 1e15, 5e-5, 2.0**-44, 1.1, 3.3333333333333335]
DOUBLES += [None]
FLOATS = [0.0, -0.0, float("nan"), float("inf"), 1.5, 1.100000023841858, 16777216.0, 16777215.0]
FLOATS += [0.00390625, 0.001953125, 9.999999974752427e-7, 3.4028234663852886e38, -123.25, 1e7, None]
TIME_TEXTS = encoded(
    ["", " ", "2020", "2020-1", "2020-01-05", "2020-01-05 ", "2020-01-05T", "2020-01-05 1"]
    + ["2020-01-05 10:", "2020-01-05 10:5", "2020-01-05 10:05:7", "2020-01-05T10:05:07.5"]
    + ["2020-01-05 10:05:07.", "2020-01-05 10:05:07.123456789", "2020-01-05 10:05:07Z"]
    + ["2020-01-05 10:05:07 UTC", "2020-01-05 10:05:07+01:00", "2020-01-05 10:05:07.5-8"]
    + ["2020-01-05 10:05:07 +1:0", "2020-01-05 10:05:07+17:59", "2020-01-05 10:05:07+18:00"]
    + ["2020-01-05 10:05:07+19:00", "2020-01-05 10:05:07PST", "2020-01-05 10:05:07 Europe/Paris"]
    + ["2020-01-05 10:05+01:00", "2020-01-05 24:00:00", "2020-01-05 10:60:00", "2021-02-29 00:00:00"]
    + ["2020-13-01", "2019-03-10 02:30:00", "2019-11-03 01:30:00", "+10000-01-01 00:00:00"]
    + ["-0001-01-01 00:00:00", "294247-01-10 04:00:54.775807", "294247-01-10 04:00:54.775807Z"]
    + ["294247-01-10 04:00:54.775808Z", "-290308-12-21 19:59:05.224192Z", "300000-01-01", "1000000"]
    + ["-290308-12-21 19:59:05.224191Z", "0001-01-01", "1883-11-18 12:00:00", "2150-07-01 00:00:00"]
    + ["2020-01-05 x", "12:34", "T12:34:56", "12:34:56.789", "25:00", " T12:00", "+12:34"]
    + ["2020/01/05", "\x7f2020-01-05", "2020-01-05 10:05:07é", "2020-001-05", "20200105", None]
)
MICROS = [0, 1, -1, 999999, 500000, -500000, 1552211999000000, 1552212000000000, 1572764400000000]
MICROS += [1572768000000000, 1572771600000000, -62135596800000000, 951782399000000, None]
MICROS += [-2717640422000000, 4149273600000000, 253402300799999999, 253402329600000000, 1600000000]
FAR = [9223372036854775807, -9223372036854775808]
LEVELS = ["MICROSECOND", "millisecond", "Second", "MINUTE", "HOUR", "DAY", "DD", "WEEK", "MON"]
LEVELS += ["QUARTER", "YEAR", "century", None]
UNITS = ["MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH"]
UNITS += ["QUARTER", "YEAR"]
DAYS = [0, -1, 1, 17000, 18320, 18321, 18383, -719162, 2932896, 11016, None]


def casts(case):
    for to in ("float", "double"):
        case("NA", "cast", f"CAST({{0}} AS {to})", ["string"], to, NUMBER_TEXTS)
    case("NA", "cast", "CAST({0} AS string)", ["double"], "string", DOUBLES)
    case("NA", "cast", "CAST({0} AS string)", ["float"], "string", FLOATS)
    for to in ("timestamp", "timestamp_ntz"):
        case("NA", "cast", f"CAST({{0}} AS {to})", ["string"], to, TIME_TEXTS)
        case("N", "cast", "CAST({0} AS string)", [to], "string", MICROS + (FAR if to == "timestamp" else []))
    for to in ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal(20,6)"):
        case("NA", "cast", f"CAST({{0}} AS {to})", ["timestamp"], to, MICROS + FAR)
    for to in ("decimal(12,2)", "decimal(38,20)", "decimal(3,0)"):
        case("N", "cast", f"CAST({{0}} AS {to})", ["timestamp"], to, MICROS + FAR)
    case("N", "cast", "CAST({0} AS boolean)", ["timestamp"], "boolean", MICROS)
    case("N", "cast", "CAST({0} AS timestamp)", ["boolean"], "timestamp", [True, False, None])
    doubles = DOUBLES + [9.3e12, -9.3e12, 9223372036854.775, 1e300]
    case("NA", "cast", "CAST({0} AS timestamp)", ["double"], "timestamp", doubles)
    case("N", "cast", "CAST({0} AS timestamp)", ["float"], "timestamp", FLOATS)
    case("N", "cast", "CAST({0} AS timestamp)", ["tinyint"], "timestamp", [-128, 0, 127, None])
    longs = [0, -1, 9223372036854, 9223372036855, -9223372036855, 2**63 - 1, None]
    case("N", "cast", "CAST({0} AS timestamp)", ["bigint"], "timestamp", longs)


def dates(case):
    names = ["Mon", "tuesday", "WE", "thu", "FRI", "sa", "Sunday", "x", "", None]
    rows = [(d, n) for d in DAYS + [2147483647, -2147483648] for n in encoded(names)]
    case("N", "next_day", "next_day({0}, {1})", ["date", "string"], "date", rows)
    case("A", "next_day", "next_day({0}, {1})", ["date", "string"], "date", rows[:10])
    parts = [(2020, 2, 29), (2021, 2, 29), (2020, 13, 1), (2020, 0, 1), (2020, 1, 0), (-1, 1, 1)]
    parts += [(5881580, 7, 11), (5881580, 7, 12), (1000000000, 1, 1), (0, 12, 31), (None, 1, 1)]
    case("NA", "make_date", "make_date({0}, {1}, {2})", ["int"] * 3, "date", parts)
    shifts = [(0, 0), (1, 0), (-1, 0), (0, 31), (13, -1), (-25, 400), (12 * 9000, 0)]
    rows = [(d, m, n) for d in DAYS for m, n in shifts]
    shift = "{0} + make_interval(0, {1}, 0, {2})"
    case("N", "date_add_interval", shift, ["date", "int", "int"], "date", rows)
    for name, sql in (
        ("year_of_week", "extract(YEAROFWEEK FROM {0})"),
        ("month_name", "monthname({0})"),
        ("day_name", "dayname({0})"),
    ):
        output = "int" if name == "year_of_week" else "string"
        case("N", name, sql, ["date"], output, DAYS + [17532, 17896, 19357] + list(range(20000, 20366, 29)))


def timestamps(case):
    shifts = [(0, 0, 0), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 86_400_000_000)]
    shifts += [(0, 0, -3_600_000_000), (5, 3, 1), (-8, -1, -1), (12, 0, 1_800_000_000)]
    for t in ("timestamp", "timestamp_ntz"):
        rows = [(m, *s) for m in MICROS for s in shifts]
        interval = "make_interval(0, {1}, 0, {2}, 0, 0, CAST({3} AS decimal(18,6)) / 1000000)"
        types = [t, "int", "int", "bigint"]
        case("N", "timestamp_add_interval", f"{{0}} + {interval}", types, t, rows)
    for unit in UNITS:
        rows = [(q, m) for m in MICROS for q in (0, 1, -7)]
        literal = ["bigint", "timestamp"]
        case("N", f"timestamp_add:{unit}", f"timestampadd({unit}, {{0}}, {{1}})", literal, "timestamp", rows)
        rows = [(a, b) for a in MICROS[:16] for b in MICROS[3:18]]
        types = ["timestamp", "timestamp"]
        case("N", f"timestamp_diff:{unit}", f"timestampdiff({unit}, {{0}}, {{1}})", types, "bigint", rows)
    rows = [(a, b, r) for a in MICROS for b in MICROS for r in (True, False)]
    types = ["timestamp", "timestamp", "boolean"]
    case("N", "months_between", "months_between({0}, {1}, {2})", types, "double", rows)
    rows = [(level, m) for level in encoded(LEVELS) for m in MICROS]
    case("N", "trunc_timestamp", "date_trunc({0}, {1})", ["string", "timestamp"], "timestamp", rows)
    for t in ("timestamp", "timestamp_ntz"):
        case("N", "second_with_fraction", "extract(SECOND FROM {0})", [t], "decimal(8,6)", MICROS)
        case("N", "unix_timestamp", "unix_timestamp({0})", [t], "bigint", MICROS)
    case("N", "unix_timestamp", "unix_timestamp({0})", ["date"], "bigint", DAYS)
    for t in ("timestamp_seconds", "timestamp_millis", "timestamp_micros"):
        for kind, rows in (("bigint", MICROS + FAR), ("tinyint", [-128, 0, 127, None])):
            case("N", t, f"{t}({{0}})", [kind], "timestamp", rows)
    case("N", "timestamp_seconds", "timestamp_seconds({0})", ["double"], "timestamp", DOUBLES)
    case("N", "timestamp_seconds", "timestamp_seconds({0})", ["float"], "timestamp", FLOATS)


def main():
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", ZONE)
        .config("spark.sql.optimizer.excludedRules", EXCLUDED_RULES)
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    folder = Path(sys.argv[1])
    for name, group in (("time_casts", casts), ("more_dates", dates), ("more_timestamps", timestamps)):
        with open(folder / f"{name}.tsv", "w", encoding="utf-8") as out:
            group(Writer(spark, out).case)
    spark.stop()


if __name__ == "__main__":
    main()
