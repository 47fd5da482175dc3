package org.arclight.spark.differential

import java.time.{Instant, LocalDate, LocalDateTime}

import org.apache.spark.sql.{DataFrame, Row, SparkSession}
import org.apache.spark.sql.types._

/**
 * Tables of the values where engines differ from Spark, written as Parquet by Spark. Each value
 * meets each other one of its type: a table of a type has columns `a` and `b` with all pairs, NULL
 * included, and `id`.
 */
object EdgeTables {

  private val BYTES = Seq[Any](
    Byte.MinValue, (Byte.MinValue + 1).toByte, -1.toByte, 0.toByte, 1.toByte, Byte.MaxValue, null)
  private val SHORTS = Seq[Any](
    Short.MinValue, -1.toShort, 0.toShort, 1.toShort, 300.toShort, Short.MaxValue, null)
  private val INTEGERS =
    Seq[Any](Int.MinValue, Int.MinValue + 1, -7, -1, 0, 1, 3, 1000, Int.MaxValue, null)
  private val LONGS = Seq[Any](
    Long.MinValue, Long.MinValue + 1, -1L, 0L, 1L, 10L, (1L << 53) + 1, 3000000000L, Long.MaxValue,
    null)
  private val FLOATS = Seq[Any](
    0.0f, -0.0f, Float.NaN, Float.PositiveInfinity, Float.NegativeInfinity, 1.1f, -2.5f, 16777217f,
    1.17549435e-38f, 3e9f, null)
  private val DOUBLES = Seq[Any](
    0.0, -0.0, Double.NaN, java.lang.Double.longBitsToDouble(0xfff8000000000001L),
    Double.PositiveInfinity, Double.NegativeInfinity, 4.9e-324, 1.005, -0.5, 2.5,
    9007199254740993.0, 9.223372036854775807e18, 1e7, 9.99e-4, 2e23, null)
  private val SMALL_DECIMALS = decimals("-99999.99", "-1.01", "-0.01", "0.00", "0.05", "1.25",
    "2.50", "99999.99")
  private val LONG_DECIMALS = decimals("-9999999999999999.99", "-1.005", "0.00", "0.01", "3.33",
    "123456789012345.67", "9999999999999999.99")
  private val WIDE_DECIMALS = decimals("-99999999999999999999999999999999999999", "-1", "0", "1",
    "7", "10000000000000000000", "99999999999999999999999999999999999999")
  private val STRINGS = Seq[Any](
    "", " ", "a", "abc", "aaa", "ABC", "  abc  ", "abcabc", "a%b_c", "é", "e\u0301", "😀", "ß", "İ",
    "ΑΣ", "\uffff", "x" * 70, "0", "-1", "1.9", ".", "1.", "+.5", "1e3", "1d", "inf", "NaN", "true",
    "t", "no", "2020-1", "2020-01-01 x", "+10000-01-01", "2021-02-29", "12:34",
    "2020-02-29 23:59:59.999999", "\u0661", "\u00a01", "\u007f1", "2147483648", null)
  private val DATES = Seq[Any](
    LocalDate.of(1, 1, 1), LocalDate.of(1582, 10, 4), LocalDate.of(1582, 10, 15),
    LocalDate.of(1969, 12, 31), LocalDate.of(1970, 1, 1), LocalDate.of(2000, 2, 29),
    LocalDate.of(2019, 12, 30), LocalDate.of(2020, 1, 31), LocalDate.of(2024, 12, 31),
    LocalDate.of(9999, 12, 31), null)
  private val TIMESTAMPS = Seq[Any](
    Instant.parse("0001-01-03T00:00:00Z"), Instant.parse("1883-11-18T12:00:00Z"),
    Instant.parse("1969-12-31T23:59:59.5Z"), Instant.parse("1970-01-01T00:00:00.000001Z"),
    Instant.parse("2019-03-10T09:59:59.999999Z"), Instant.parse("2019-03-10T10:00:00Z"),
    Instant.parse("2019-11-03T08:30:00Z"), Instant.parse("2019-11-03T09:30:00Z"),
    Instant.parse("2101-07-01T00:00:00Z"), null)
  private val WALL_TIMES = Seq[Any](
    LocalDateTime.parse("0001-01-03T00:00:00"), LocalDateTime.parse("1969-12-31T23:59:59.500"),
    LocalDateTime.parse("2019-03-10T02:30:00"), LocalDateTime.parse("2019-11-03T01:30:00.000001"),
    LocalDateTime.parse("2101-07-01T00:00:00"), null)
  private val BOOLEANS = Seq[Any](true, false, null)
  private val BINARIES = Seq[Any](
    Array.emptyByteArray, Array[Byte](-1), Array[Byte](-30, -126), "abc".getBytes, null)

  private def decimals(values: String*): Seq[Any] = values.map(BigDecimal(_).bigDecimal) :+ null

  /** The name of each table, the type of its values, and the values. */
  val TYPES: Seq[(String, DataType, Seq[Any])] = Seq(
    ("booleans", BooleanType, BOOLEANS),
    ("bytes", ByteType, BYTES),
    ("shorts", ShortType, SHORTS),
    ("integers", IntegerType, INTEGERS),
    ("longs", LongType, LONGS),
    ("floats", FloatType, FLOATS),
    ("doubles", DoubleType, DOUBLES),
    ("decimals_7_2", DecimalType(7, 2), SMALL_DECIMALS),
    ("decimals_18_2", DecimalType(18, 2), LONG_DECIMALS),
    ("decimals_19_2", DecimalType(19, 2), LONG_DECIMALS),
    ("decimals_38_0", DecimalType(38, 0), WIDE_DECIMALS),
    ("strings", StringType, STRINGS),
    ("binaries", BinaryType, BINARIES),
    ("dates", DateType, DATES),
    ("timestamps", TimestampType, TIMESTAMPS),
    ("wall_times", TimestampNTZType, WALL_TIMES))

  /**
   * Columns of the table `collections`, by name: arrays, maps and structs of which each meets each
   * position and key. NULL is everywhere, and so are empty lists.
   */
  private val COLLECTIONS: Seq[(String, String, Seq[String])] = Seq(
    ("ints", "ARRAY<INT>", Seq(
      "array()", "array(NULL)", "array(1)", "array(1, 2, 3)", "array(3, NULL, 1, 3)",
      "array(-2147483648, 2147483647)", "NULL")),
    ("texts", "ARRAY<STRING>", Seq(
      "array()", "array(NULL)", "array('a')", "array('b', 'a', 'é')", "array('c', NULL, '')",
      "array('a', repeat('a', 20))", "NULL")),
    ("reals", "ARRAY<DOUBLE>", Seq(
      "array()", "array(NULL)", "array(0.0D)", "array(-0.0D, double('NaN'), 1.5D)",
      "array(double('NaN'), NULL, 0.0D)", "array(double('Infinity'), 0.0D, -0.0D)", "NULL")),
    ("decimals", "ARRAY<DECIMAL(25,3)>", Seq(
      "array()", "array(NULL)", "array(1.5)", "array(-1.5, 1234567890123456789012.345)",
      "array(0.001, NULL)", "array(2, 2)", "NULL")),
    ("binaries", "ARRAY<BINARY>", Seq(
      "array()", "array(NULL)", "array(x'00')", "array(x'FF', x'')", "array(x'FE', NULL)",
      "array(x'61', x'6162')", "NULL")),
    ("lists", "ARRAY<ARRAY<INT>>", Seq(
      "array()", "array(NULL)", "array(array(1))", "array(array(1, NULL), array())",
      "array(array(1), NULL, array())", "array(array(1, 2), array(1))", "NULL")),
    ("structs", "ARRAY<STRUCT<a: INT, b: STRING>>", Seq(
      "array()", "array(NULL)", "array(struct(1, 'a'))", "array(struct(2, NULL), struct(NULL, 'b'))",
      "array(struct(1, 'b'), NULL, struct(1, 'a'))", "array(struct(NULL, NULL))", "NULL")),
    ("s", "STRUCT<a: INT, b: STRING, c: ARRAY<INT>, d: STRUCT<e: DOUBLE, f: DATE>>", Seq(
      "struct(1, 'a', array(1, 2), struct(0.5D, DATE '2020-01-01'))",
      "struct(NULL, 'b', array(), NULL)", "struct(3, NULL, NULL, struct(double('NaN'), NULL))",
      "struct(4, '', array(NULL), struct(-0.0D, DATE '0001-01-01'))", "struct(NULL, NULL, NULL, NULL)",
      "struct(1, 'a', array(1, 2), struct(0.5D, DATE '2020-01-01'))", "NULL")),
    ("by_int", "MAP<INT, STRING>", Seq(
      "map()", "map(1, NULL)", "map(1, 'a', 2, 'b')", "map(-1, 'x', 0, NULL, 3, 'c')",
      "map(-2147483648, 'm')", "map(4, 'd', 2147483647, 'n')", "NULL")),
    ("by_text", "MAP<STRING, INT>", Seq(
      "map()", "map('a', NULL)", "map('a', 1, 'b', 2)", "map('', 0, 'é', 3)", "map('abc', 1)",
      "map(repeat('a', 20), 4)", "NULL")),
    ("by_real", "MAP<DOUBLE, INT>", Seq(
      "map()", "map(0.0D, 1)", "map(double('NaN'), 2, 1.0D, 3)", "map(-1.5D, NULL)",
      "map(double('Infinity'), 5)", "map(2.0D, 6)", "NULL")),
    ("by_struct", "MAP<STRUCT<a: INT>, ARRAY<INT>>", Seq(
      "map()", "map(struct(1), array(1))", "map(struct(NULL), array(2), struct(0), NULL)",
      "map(struct(2), array())", "map(struct(-1), array(NULL))", "map(struct(3), array(3, 4))", "NULL")))

  private val POSITIONS: Seq[(String, String, Seq[String])] = Seq(
    ("i", "INT", Seq("0", "1", "-1", "2", "3", "4", "-4", "-2147483648", "2147483647", "NULL")),
    ("l", "BIGINT", Seq("0", "1", "-1", "2", "4294967296", "4294967297", "9223372036854775807", "3",
      "-4294967296", "NULL")),
    ("t", "STRING", Seq("''", "'a'", "'b'", "'é'", "'abc'", "repeat('a', 20)", "'c'", "'A'", "'x'",
      "NULL")),
    ("r", "DOUBLE", Seq("0.0D", "-0.0D", "double('NaN')", "1.5D", "-1.5D", "1.0D", "double('Infinity')",
      "2.0D", "3.0D", "NULL")),
    ("st", "STRUCT<a: INT, b: STRING>", Seq("struct(1, 'a')", "struct(2, NULL)", "struct(NULL, 'b')",
      "struct(NULL, NULL)", "struct(1, 'b')", "struct(0, 'a')", "struct(1, '')", "struct(9, 'z')",
      "struct(-1, 'a')", "NULL")))

  /** A table of nested columns, of 70 rows. */
  private def collections(session: SparkSession): DataFrame = {
    def columns(all: Seq[(String, String, Seq[String])]): Seq[String] =
      all.map { case (name, sqlType, values) =>
        val cases = values.zipWithIndex.map { case (value, index) =>
          s"WHEN id % ${values.length} = $index THEN CAST($value AS $sqlType)"
        }
        cases.mkString("CASE ", " ", s" END AS $name")
      }
    session.range(0, 70, 1, 1)
      .selectExpr("CAST(id AS INT) AS id" +: (columns(COLLECTIONS) ++ columns(POSITIONS)): _*)
  }

  /** Writes the tables under a directory, and makes temporary views of them. */
  def create(session: SparkSession, directory: String): Unit = {
    collections(session).write.mode("overwrite").parquet(s"$directory/collections")
    session.read.parquet(s"$directory/collections").createOrReplaceTempView("collections")
    TYPES.foreach { case (name, dataType, values) =>
      val pairs = for (a <- values; b <- values) yield (a, b)
      val rows = pairs.zipWithIndex.map { case ((a, b), id) => Row(id, a, b) }
      val schema = new StructType()
        .add("id", IntegerType, nullable = false).add("a", dataType).add("b", dataType)
      write(session, s"$directory/$name", rows, schema).createOrReplaceTempView(name)
    }
  }

  private def write(
      session: SparkSession,
      path: String,
      rows: Seq[Row],
      schema: StructType): DataFrame = {
    session.createDataFrame(session.sparkContext.parallelize(rows, 1), schema)
      .write.mode("overwrite").parquet(path)
    session.read.parquet(path)
  }
}
