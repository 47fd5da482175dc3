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

  /** Writes the tables under a directory, and makes temporary views of them. */
  def create(session: SparkSession, directory: String): Unit =
    TYPES.foreach { case (name, dataType, values) =>
      val pairs = for (a <- values; b <- values) yield (a, b)
      val rows = pairs.zipWithIndex.map { case ((a, b), id) => Row(id, a, b) }
      val schema = new StructType()
        .add("id", IntegerType, nullable = false).add("a", dataType).add("b", dataType)
      write(session, s"$directory/$name", rows, schema).createOrReplaceTempView(name)
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
