"""Writes numbers.txt: what Spark itself computes, for kernels to be compared with.

Needs PySpark 4.1.3 and Java: `python write_numbers.py numbers.txt`. One line a case:
MODE function types -> type : values = result, with decimals unscaled and floats as bits.
"""

import random
import struct
import sys
from decimal import Decimal, getcontext

from pyspark.sql import SparkSession
from pyspark.sql import types as T

getcontext().prec = 80
random.seed(11)

# What would compute results without generated code.
EXCLUDED_RULES = ",".join(
    f"org.apache.spark.sql.catalyst.optimizer.{rule}"
    for rule in ("ConvertToLocalRelation", "ConstantFolding")
)


def bits(value, data_type):
    if value != value:
        return "NaN"
    if data_type == "double":
        return format(struct.unpack(">Q", struct.pack(">d", value))[0], "016x")
    return format(struct.unpack(">I", struct.pack(">f", value))[0], "08x")


def show(value, data_type):
    if value is None:
        return "NULL"
    if data_type in ("double", "float"):
        return bits(value, data_type)
    if data_type.startswith("decimal"):
        scale = int(data_type[:-1].split(",")[1])
        return str(int(value.scaleb(scale)))
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def decimals(precision, scale):
    largest = 10**precision - 1

    def value():
        kind = random.random()
        if kind < 0.1:
            return None
        if kind < 0.2:
            return Decimal(random.choice([0, largest, -largest, 1, -1, 5, -5])).scaleb(-scale)
        limit = largest if kind < 0.6 else 10 ** random.randint(1, precision) - 1
        return Decimal(random.randint(-limit, limit)).scaleb(-scale)

    return value


def edges(values, generate):
    """NULL sometimes, an edge case half of the time, else a generated value."""

    def value():
        if random.random() < 0.1:
            return None
        return random.choice(values) if random.random() < 0.5 else generate()

    return value


def single(value):
    return struct.unpack(">f", struct.pack(">f", value))[0]


def integers(width):
    low, high = -(2 ** (width - 1)), 2 ** (width - 1) - 1
    return edges(
        [low, low + 1, -1, 0, 1, high - 1, high],
        lambda: random.randint(*random.choice([(low, high), (-100, 100)])),
    )


NAN, INFINITY = float("nan"), float("inf")
DOUBLES = edges(
    [0.0, -0.0, NAN, INFINITY, -INFINITY, 1.005, 2.675, 0.5, 1.5, 2.5, -2.5, 300.0, 1e10]
    + [9.223372036854775e18, 2.0**63, -129.0, -128.5, 127.99, 2e23, 4.9e-324, 1e7, 9.99e-4]
    + [0.1, 1e-7, 123456789.125, 2147483647.5],
    lambda: random.choice(
        [
            random.uniform(-10, 10),
            random.uniform(-1e6, 1e6),
            round(random.uniform(-1000, 1000), 3),
            random.uniform(-1e19, 1e19),
        ]
    ),
)
FLOATS = edges(
    [0.0, -0.0, NAN, INFINITY, single(1.1), 2.0**24, single(1.17549435e-38), 2.5, -0.5]
    + [single(1.15), 300.0],
    lambda: single(random.uniform(-1000, 1000)),
)
TYPES = {
    "boolean": (T.BooleanType(), lambda: random.choice([True, False, None])),
    "tinyint": (T.ByteType(), integers(8)),
    "smallint": (T.ShortType(), integers(16)),
    "int": (T.IntegerType(), integers(32)),
    "bigint": (T.LongType(), integers(64)),
    "float": (T.FloatType(), FLOATS),
    "double": (T.DoubleType(), DOUBLES),
}


def of(data_type):
    """Spark's type and a generator of its values."""
    if data_type in TYPES:
        return TYPES[data_type]
    precision, scale = map(int, data_type[8:-1].split(","))
    return T.DecimalType(precision, scale), decimals(precision, scale)


class Writer:
    def __init__(self, spark, out):
        self.spark, self.out = spark, out

    def results(self, sql, schema, rows):
        """The results, FAIL where Spark raises: then each row is computed alone."""

        def compute(some):
            frame = self.spark.createDataFrame(some, schema)
            return [row[0] for row in frame.selectExpr(f"{sql} AS r").collect()]

        try:
            return compute(rows)
        except Exception:
            pass
        results = []
        for row in rows:
            try:
                results += compute([row])
            except Exception:
                results.append("FAIL")
        return results

    def case(self, mode, name, sql, types, count=14, literal=None):
        fields = [T.StructField(f"c{i}", of(t)[0], True) for i, t in enumerate(types)]
        schema = T.StructType(fields)
        rows = [tuple(of(t)[1]() for t in types) for _ in range(count)]
        self.spark.conf.set("spark.sql.ansi.enabled", "true" if mode == "ANSI" else "false")
        empty = self.spark.createDataFrame([], schema).selectExpr(f"{sql} AS r")
        output = empty.schema["r"].dataType.simpleString()
        for row, result in zip(rows, self.results(sql, schema, rows)):
            values = [show(value, t) for value, t in zip(row, types)]
            values += [] if literal is None else [str(literal)]
            result = result if result == "FAIL" else show(result, output)
            head = f"{mode} {name} {' '.join(types)} -> {output}"
            self.out.write(f"{head} : {' '.join(values)} = {result}\n")


def decimal(precision, scale):
    return f"decimal({precision},{scale})"


SUMS = [("add", "+"), ("subtract", "-"), ("multiply", "*")]
QUOTIENTS = [("divide", "/"), ("remainder", "%"), ("integral_divide", "div")]
COMPARISONS = [
    ("equal", "="),
    ("less_than", "<"),
    ("less_than_or_equal", "<="),
    ("greater_than", ">"),
    ("greater_than_or_equal", ">="),
    ("equal_null_safe", "<=>"),
]
PAIRS = [
    (decimal(10, 2), decimal(10, 2)),
    (decimal(15, 2), decimal(16, 2)),
    (decimal(38, 0), decimal(38, 0)),
    (decimal(38, 38), decimal(38, 38)),
    (decimal(38, 10), decimal(38, 10)),
    (decimal(20, 10), decimal(5, 0)),
    (decimal(1, 0), decimal(38, 37)),
    (decimal(38, 2), decimal(18, 6)),
    (decimal(7, 7), decimal(12, 0)),
    (decimal(38, 18), decimal(3, 1)),
]


def arithmetic(case):
    for left, right in PAIRS:
        for name, operator in SUMS + QUOTIENTS:
            case("LEGACY", name, f"c0 {operator} c1", [left, right])
        case("LEGACY", "pmod", "pmod(c0, c1)", [left, right])
    wide = decimal(38, 10)
    for name, operator in SUMS + QUOTIENTS:
        case("ANSI", name, f"c0 {operator} c1", [wide, wide], count=6)
    for t in ("tinyint", "smallint", "int", "bigint", "double", "float"):
        for name, operator in SUMS + [("remainder", "%")]:
            case("LEGACY", name, f"c0 {operator} c1", [t, t], count=20)
        case("LEGACY", "pmod", "pmod(c0, c1)", [t, t], count=20)
        case("LEGACY", "negate", "-c0", [t], count=10)
        case("LEGACY", "abs", "abs(c0)", [t], count=10)
        if t not in ("double", "float"):
            for name, operator in SUMS:
                case("ANSI", name, f"c0 {operator} c1", [t, t], count=5)
    case("LEGACY", "integral_divide", "c0 div c1", ["bigint", "bigint"], count=20)
    case("LEGACY", "divide", "c0 / c1", ["double", "double"], count=20)


def casts(case):
    types = ["boolean", "tinyint", "smallint", "int", "bigint", "float", "double"]
    types += [decimal(5, 2), decimal(18, 0), decimal(18, 9), decimal(38, 0), decimal(38, 18)]
    types += [decimal(3, 3)]
    for source in types:
        for target in types:
            if source != target:
                case("LEGACY", "cast", f"CAST(c0 AS {target})", [source], count=20)
                case("TRY", "cast", f"TRY_CAST(c0 AS {target})", [source], count=20)
    for source, target in (
        ("double", "int"),
        ("bigint", "tinyint"),
        (decimal(38, 18), "int"),
        (decimal(18, 9), "smallint"),
        ("double", decimal(5, 2)),
        (decimal(38, 18), decimal(5, 2)),
        ("double", "bigint"),
    ):
        case("ANSI", "cast", f"CAST(c0 AS {target})", [source], count=10)


def mathematics(case):
    for scale in (-3, -1, 0, 1, 2, 5):
        for t in ("double", "float", "int", "tinyint", "bigint", decimal(10, 4), decimal(38, 18)):
            for name in ("round", "bround"):
                case("LEGACY", name, f"{name}(c0, {scale})", [t], count=20, literal=scale)
    for name in ("floor", "ceil"):
        for t in ("double", "bigint", decimal(10, 4), decimal(38, 37), decimal(18, 0)):
            case("LEGACY", name, f"{name}(c0)", [t], count=15)
    for name in ("sqrt", "signum"):
        case("LEGACY", name, f"{name}(c0)", ["double"], count=20)


def pairs(case):
    for name in ("greatest", "least"):
        for t in ("double", "int", decimal(20, 3)):
            case("LEGACY", name, f"{name}(c0, c1)", [t, t], count=20)
    hashed = ["boolean", "tinyint", "smallint", "int", "bigint", "float", "double"]
    for name in ("hash", "xxhash64"):
        for t in hashed + [decimal(18, 2), decimal(38, 4)]:
            case("LEGACY", name, f"{name}(c0, c1)", [t, t], count=15)
    for name, operator in COMPARISONS:
        for t in ("double", "float", "bigint", "boolean", decimal(38, 2)):
            case("LEGACY", name, f"c0 {operator} c1", [t, t], count=20)


def main():
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.optimizer.excludedRules", EXCLUDED_RULES)
        .getOrCreate()
    )
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        out.write("# MODE function argument types -> result type : arguments = result.")
        out.write(" Decimals unscaled, floats as bits.\n")
        case = Writer(spark, out).case
        for group in (arithmetic, casts, mathematics, pairs):
            group(case)
    spark.stop()


if __name__ == "__main__":
    main()
