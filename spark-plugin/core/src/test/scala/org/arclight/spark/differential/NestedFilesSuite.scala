package org.arclight.spark.differential

import scala.jdk.CollectionConverters._

import org.apache.hadoop.fs.Path
import org.apache.parquet.example.data.Group
import org.apache.parquet.example.data.simple.SimpleGroup
import org.apache.parquet.hadoop.example.ExampleParquetWriter
import org.apache.parquet.schema.{MessageType, MessageTypeParser}
import org.apache.spark.SparkThrowable
import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types.StructType

import org.arclight.spark.{ArclightConf, FilesSuite}

/** Nested columns of Parquet files in all layouts, read natively and by Spark. */
class NestedFilesSuite extends FilesSuite {

  private var files = 0

  private def newPath(): String = {
    files += 1
    s"$folder/files-$files"
  }

  /** Values of every type, NULL at every level, and lists and maps that are empty. */
  private val EVERYTHING: Seq[String] = Seq(
    "id",
    "CASE WHEN id % 5 = 0 THEN NULL ELSE named_struct(" +
      "'b', CASE WHEN id % 3 = 0 THEN NULL ELSE id % 2 = 0 END, " +
      "'i1', CAST(id % 100 AS TINYINT), 'i2', CAST(id AS SMALLINT), 'i4', CAST(id AS INT), " +
      "'i8', CASE WHEN id % 7 = 0 THEN NULL ELSE id * 1000000007 END, " +
      "'f4', CAST(id / 3 AS FLOAT), 'f8', id / 7, " +
      "'d9', CAST(id / 100 AS DECIMAL(9,2)), 'd18', CAST(id / 100 AS DECIMAL(18,2)), " +
      "'d38', CASE WHEN id % 4 = 1 THEN NULL ELSE CAST(-id * 1000000007 AS DECIMAL(38,4)) END, " +
      "'s', CASE WHEN id % 6 = 0 THEN NULL ELSE concat('value ', id % 10) END, " +
      "'long', repeat('x', CAST(id % 300 AS INT)), 'bin', unhex(hex(id)), " +
      "'date', date_add(DATE '1900-01-01', CAST(id * 37 AS INT)), " +
      "'ts', timestamp_micros(id * 86400000001L - 3000000000), " +
      "'ntz', CAST(timestamp_micros(id * 86400000001L) AS TIMESTAMP_NTZ), " +
      "'inner', CASE WHEN id % 4 = 0 THEN NULL ELSE named_struct('x', id, 'y', CAST(id AS STRING)) END, " +
      "'list', CASE id % 4 WHEN 0 THEN NULL WHEN 1 THEN array() ELSE array(id, NULL, -id) END, " +
      "'map', CASE id % 4 WHEN 1 THEN NULL WHEN 2 THEN map() ELSE map(concat('k', id), id, 'z', NULL) END" +
      ") END AS s",
    "CASE id % 4 WHEN 0 THEN NULL WHEN 1 THEN CAST(array() AS ARRAY<STRING>) " +
      "ELSE transform(sequence(1, id % 9 + 1), x -> CASE WHEN x % 3 = 0 THEN NULL ELSE concat('e', x) END) " +
      "END AS strings",
    "CASE id % 5 WHEN 3 THEN NULL ELSE transform(sequence(0, id % 4), x -> " +
      "CASE WHEN x = 2 THEN NULL ELSE named_struct('n', x, 't', concat('t', x), 'l', array(x, id)) END) " +
      "END AS structs",
    "CASE id % 5 WHEN 3 THEN NULL ELSE transform(sequence(0, id % 4), x -> " +
      "CASE WHEN x = 2 THEN NULL WHEN x = 3 THEN array() ELSE array(x, NULL) END) END AS lists",
    "CASE id % 6 WHEN 0 THEN NULL WHEN 1 THEN map() ELSE " +
      "map(id, named_struct('p', id, 'q', array(concat('q', id))), -id - 1, NULL) END AS structs_by_key",
    "CASE id % 6 WHEN 0 THEN NULL ELSE array(map('a', array(map(id, 1.5BD))), NULL, map()) END AS maps",
    "map(named_struct('k', id, 'l', CAST(id AS STRING)), CAST(id AS INT)) AS by_struct",
    "array(CAST(id / 8 AS DECIMAL(25,3)), NULL) AS decimals",
    "array(named_struct('one', id)) AS ones",
    "array(array(id, id + 1), array(id)) AS full_lists",
    "array(map(id, id), map(id, 0L)) AS full_maps")

  private def write(rows: Int, conf: (String, String)*): String = writeFiles(rows, 2, conf)

  private def writeFiles(rows: Int, count: Int, conf: Seq[(String, String)]): String = {
    val path = newPath()
    withSQLConf(conf :+ (ArclightConf.ENABLED.key -> "false"): _*) {
      spark.range(0, rows, 1, count).selectExpr(EVERYTHING: _*).write.parquet(path)
    }
    path
  }

  private def outcome(enabled: Boolean, conf: Seq[(String, String)])(query: => DataFrame): Outcome =
    withSQLConf(conf :+ (ArclightConf.ENABLED.key -> enabled.toString): _*)(Outcome.of(query))

  /** Compares a query on both engines; the scan must be native. */
  private def compare(conf: (String, String)*)(query: => DataFrame): Unit = {
    val spark = outcome(enabled = false, conf)(query)
    val native = outcome(enabled = true, conf)(query)
    Outcome.difference(spark, native).foreach(found => fail(s"$found\nby Spark: $spark"))
    native match {
      case rows: Outcome.Rows =>
        assert(natives(rows.plan).exists(_.startsWith("Scan parquet")), rows.plan)
      case _ =>
    }
  }

  /** That a query's scan stays Spark's, with the reason. */
  private def refused(reason: String, conf: (String, String)*)(query: => DataFrame): Unit =
    withSQLConf(conf: _*) {
      val frame = query
      frame.collect()
      assert(fallbacks(frame).exists(_._2.contains(reason)), fallbacks(frame))
    }

  private def all(path: String): DataFrame = spark.read.parquet(path)

  Seq(
    "as Spark writes them" -> Nil,
    "in Spark's legacy layout" -> Seq(SQLConf.PARQUET_WRITE_LEGACY_FORMAT.key -> "true"),
    "with timestamps as INT96" -> Seq(SQLConf.PARQUET_OUTPUT_TIMESTAMP_TYPE.key -> "INT96"),
    "with timestamps in milliseconds" ->
      Seq(SQLConf.PARQUET_OUTPUT_TIMESTAMP_TYPE.key -> "TIMESTAMP_MILLIS"),
    "in version 2 pages" -> Seq("parquet.writer.version" -> "v2"),
    "without dictionaries, in small pages" ->
      Seq("parquet.enable.dictionary" -> "false", "parquet.page.size" -> "512"),
    "with dates in the old calendar" -> Seq(
      SQLConf.PARQUET_REBASE_MODE_IN_WRITE.key -> "LEGACY",
      SQLConf.PARQUET_INT96_REBASE_MODE_IN_WRITE.key -> "LEGACY")
  ).foreach { case (layout, settings) =>
    test(s"values of every type $layout") {
      val path = write(500, settings: _*)
      compare()(all(path))
      compare(ArclightConf.BATCH_SIZE.key -> "3")(all(path))
    }
  }

  // Clocks before 1900 had a zone's own time to the second; Apia changed the day, too.
  for {
    zone <- Seq(
      "UTC", "America/Los_Angeles", "Europe/Amsterdam", "Asia/Kolkata", "Pacific/Apia", "+05:30")
    outputType <- Seq("INT96", "TIMESTAMP_MICROS", "TIMESTAMP_MILLIS")
  } test(s"dates and timestamps of long ago in the old calendar, $outputType of $zone") {
    val path = newPath()
    withSQLConf(
      SQLConf.SESSION_LOCAL_TIMEZONE.key -> zone,
      ArclightConf.ENABLED.key -> "false",
      SQLConf.PARQUET_OUTPUT_TIMESTAMP_TYPE.key -> outputType,
      SQLConf.PARQUET_REBASE_MODE_IN_WRITE.key -> "LEGACY",
      SQLConf.PARQUET_INT96_REBASE_MODE_IN_WRITE.key -> "LEGACY") {
      val times = Seq(
        "-0044-03-15 12:00:00", "0001-01-01 00:00:00", "1582-10-04 23:59:59.999",
        "1582-10-15 00:00:00", "1883-11-18 11:59:59", "1892-07-04 12:00:00",
        "1899-12-31 23:59:59.5", "1900-01-01 00:00:00", "2026-11-29 12:34:56")
        .map(time => s"TIMESTAMP_LTZ'$time'").mkString(", ")
      spark.range(1200).selectExpr(
        "id", "date_add(DATE '1500-02-27', CAST(id AS INT)) AS day",
        s"IF(id % 10 = 9, NULL, array($times)[id % 10]) AS time",
        "array(date_add(DATE '1500-02-27', CAST(id AS INT)), NULL) AS dates",
        "named_struct('t', timestamp_seconds(-15000000000L + id * 8640000)) AS s").write.parquet(path)
    }
    for (readIn <- Seq("UTC", "Asia/Tokyo")) {
      compare(SQLConf.SESSION_LOCAL_TIMEZONE.key -> readIn)(all(path))
      compare(SQLConf.SESSION_LOCAL_TIMEZONE.key -> readIn)(
        all(path).where("time < TIMESTAMP_LTZ'1890-01-01 00:00:00'").groupBy("time").count())
    }
  }

  test("parts of nested columns") {
    val path = write(300)
    Seq(
      Seq("s.i4"), Seq("s.inner.y", "s.s"), Seq("s.list"), Seq("structs.n"), Seq("structs.l"),
      Seq("s.map"), Seq("map_keys(by_struct).l"), Seq("map_values(structs_by_key).q"), Seq("ones.one"),
      Seq("s.long", "structs.t", "id")
    ).foreach(columns => compare()(all(path).selectExpr(columns: _*)))
    compare()(all(path).where("s.i8 > 200 AND s.s IS NOT NULL").select("id", "s"))
    compare()(all(path).where("s IS NULL").select("id", "lists"))
    compare()(all(path).where("s.inner IS NOT NULL AND s.inner.x % 3 = 0").select("s.inner", "id"))
  }

  private def readAs(path: String, schema: String): DataFrame =
    spark.read.schema(StructType.fromDDL(schema)).parquet(path)

  test("fields that files lack, have in other order, other case, or other types") {
    val path = write(100)
    Seq(
      "s STRUCT<gone INT, i4 INT, lost ARRAY<STRUCT<a INT>>>",
      "s STRUCT<i8 BIGINT, i4 BIGINT, f4 DOUBLE, d9 DECIMAL(12,3), i2 INT>",
      "s STRUCT<I4 INT, INNER STRUCT<Y STRING, z INT>>",
      "s STRUCT<gone INT>, id BIGINT",
      "s STRUCT<gone STRUCT<a INT>, lost MAP<INT, INT>>",
      "s STRUCT<inner STRUCT<gone INT>>",
      "s STRUCT<i4 INT, inner STRUCT<gone INT, lost INT>>",
      "structs ARRAY<STRUCT<gone INT>>",
      "structs ARRAY<STRUCT<gone INT, t STRING>>",
      "structs_by_key MAP<BIGINT, STRUCT<gone INT>>",
      "structs_by_key MAP<BIGINT, STRUCT<q ARRAY<STRING>, gone MAP<STRING, INT>>>",
      "gone STRUCT<a INT, b ARRAY<INT>>, lost MAP<INT, INT>, id BIGINT",
      "s STRUCT<date TIMESTAMP_NTZ>",
      "s STRUCT<d18 DECIMAL(20,2), d38 DECIMAL(38,4)>",
      "full_lists ARRAY<ARRAY<DECIMAL(20,0)>>"
    ).foreach(schema => compare()(readAs(path, schema)))
    compare(SQLConf.CASE_SENSITIVE.key -> "true")(
      readAs(path, "s STRUCT<I4 INT, i4 INT, INNER STRUCT<y STRING>>"))
  }

  test("types that can't be read") {
    // An error names the file.
    val path = writeFiles(100, 1, Nil)
    Seq(
      "s STRUCT<i4 STRING>", "s STRUCT<i8 INT>", "s STRUCT<d9 DECIMAL(5,2)>", "strings ARRAY<INT>",
      "structs_by_key MAP<INT, STRUCT<p BIGINT>>", "s STRUCT<inner STRUCT<x DATE>>",
      "s INT", "strings STRING", "strings STRUCT<a INT>", "s ARRAY<INT>", "s MAP<INT, INT>",
      "s STRUCT<i4 STRUCT<a INT>>", "s STRUCT<inner INT>", "id STRUCT<a INT>", "id ARRAY<INT>",
      "structs_by_key STRUCT<a INT>", "structs_by_key ARRAY<INT>", "strings MAP<INT, INT>",
      "lists ARRAY<STRING>", "strings ARRAY<ARRAY<STRING>>"
    ).foreach(schema => withClue(schema)(compareErrors(readAs(path, schema))))
  }

  /** Both engines must fail with the same of Spark's errors, whatever caused it. */
  private def compareErrors(query: => DataFrame): Unit = {
    val found = Seq(false, true).map { enabled =>
      outcome(enabled, Nil)(query) match {
        case error: Outcome.Error =>
          Iterator.iterate(error.throwable)(_.getCause).takeWhile(_ != null).collectFirst {
            case known: SparkThrowable if known.getCondition != null =>
              (known.getCondition, known.getMessageParameters.asScala.toMap)
          }
        case rows => fail(s"no error but $rows")
      }
    }
    assert(found.head == found.last)
  }

  test("names that differ by case only") {
    val path = newPath()
    withSQLConf(SQLConf.CASE_SENSITIVE.key -> "true", ArclightConf.ENABLED.key -> "false") {
      spark.range(0, 10, 1, 1).selectExpr("named_struct('a', id, 'A', -id) AS s").write.parquet(path)
    }
    compare(SQLConf.CASE_SENSITIVE.key -> "true")(all(path))
    compare(SQLConf.CASE_SENSITIVE.key -> "true")(readAs(path, "s STRUCT<A BIGINT>"))
    compareErrors(readAs(path, "s STRUCT<a BIGINT>"))
  }

  test("files of other schemas in one table") {
    val path = newPath()
    withSQLConf(ArclightConf.ENABLED.key -> "false") {
      spark.range(20).selectExpr("id", "named_struct('a', id) AS s", "array(named_struct('x', id)) AS l")
        .write.parquet(path)
      spark.range(20).selectExpr(
        "id", "named_struct('b', id, 'a', -id) AS s", "array(named_struct('y', id)) AS l")
        .write.mode("append").parquet(path)
    }
    compare()(spark.read.option("mergeSchema", "true").parquet(path))
  }

  /** Writes one file of a layout that Spark does not write; `fill` makes each row. */
  private def writeLayout(schema: String, rows: Int)(fill: (Group, Int) => Unit): String = {
    val path = newPath()
    val message: MessageType = MessageTypeParser.parseMessageType(s"message m { $schema }")
    val writer = ExampleParquetWriter.builder(new Path(path, "f.parquet"))
      .withType(message).withConf(spark.sessionState.newHadoopConf()).build()
    try {
      (0 until rows).foreach { row =>
        val group = new SimpleGroup(message)
        fill(group, row)
        writer.write(group)
      }
    } finally {
      writer.close()
    }
    path
  }

  test("files of an unknown writer that are said to have the old calendar") {
    val path = writeLayout(
      "required int32 d (DATE); optional int64 t (TIMESTAMP(MICROS,true));" +
        " required int64 m (TIMESTAMP(MILLIS,true));",
      rows = 200) { (group, row) =>
      group.add("d", row * 1000 - 200000)
      if (row % 7 != 0) {
        group.add("t", row * 400000000000000L - 70000000000000000L)
      }
      group.add("m", row * 400000000000L - 70000000000000L)
    }
    Seq("LEGACY", "CORRECTED").foreach { mode =>
      compare(SQLConf.PARQUET_REBASE_MODE_IN_READ.key -> mode)(all(path))
      compare()(spark.read.option("datetimeRebaseMode", mode).parquet(path))
    }
    // Spark wants it in capitals, and raises when it comes to the file.
    def unknown = spark.read.option("datetimeRebaseMode", "legacy").parquet(path)
    compare()(unknown)
    val reasons = fallbacks(unknown).map(_._2)
    assert(reasons.exists(_.contains("old dates and timestamps are to raise an exception")), reasons)
  }

  /** Layouts of lists and maps, with what makes the row of a number in 0, 1, 2. */
  private val LAYOUTS: Seq[(String, (Group, Int) => Unit)] = Seq(
    ("optional group l (LIST) { repeated int32 element; }",
      (g, n) => if (n > 0) { val l = g.addGroup(0); (1 until n).foreach(l.add(0, _)) }),
    ("optional group l (LIST) { repeated group element { required int32 a; optional int32 b; } }",
      (g, n) => if (n > 0) {
        val l = g.addGroup(0)
        (1 until n).foreach { i => val e = l.addGroup(0); e.add(0, i); if (i % 2 == 0) e.add(1, i) }
      }),
    ("optional group l (LIST) { repeated group array { required int32 a; } }",
      (g, n) => if (n > 0) { val l = g.addGroup(0); (1 until n).foreach(l.addGroup(0).add(0, _)) }),
    ("optional group l (LIST) { repeated group l_tuple { optional int32 a; } }",
      (g, n) => if (n > 0) {
        val l = g.addGroup(0)
        (1 until n).foreach { i => val e = l.addGroup(0); if (i % 2 == 0) e.add(0, i) }
      }),
    ("optional group l (LIST) { repeated group bag { optional int32 array_element; } }",
      (g, n) => if (n > 0) {
        val l = g.addGroup(0)
        (1 until n).foreach { i => val e = l.addGroup(0); if (i % 2 == 0) e.add(0, i) }
      }),
    ("repeated int32 l;", (g, n) => (0 until n).foreach(g.add(0, _))),
    ("repeated group l { required int32 a; repeated int32 b; }",
      (g, n) => (0 until n).foreach { i => val e = g.addGroup(0); e.add(0, i); e.add(1, i); e.add(1, -i) }),
    ("optional group m (MAP_KEY_VALUE) { repeated group map { required int32 k; optional int32 v; } }",
      (g, n) => if (n > 0) {
        val m = g.addGroup(0)
        (1 until n).foreach { i => val e = m.addGroup(0); e.add(0, i); if (i % 2 == 0) e.add(1, i) }
      }),
    ("optional group m (MAP) { repeated group map (MAP_KEY_VALUE) { required int32 key; required int32 value; } }",
      (g, n) => if (n > 0) {
        val m = g.addGroup(0)
        (1 until n).foreach { i => val e = m.addGroup(0); e.add(0, i); e.add(1, i) }
      }),
    ("optional group l (LIST) { repeated group array (LIST) { repeated int32 array; } }",
      (g, n) => if (n > 0) {
        val l = g.addGroup(0)
        (1 until n).foreach { i => val e = l.addGroup(0); (1 until i).foreach(e.add(0, _)) }
      }),
    ("optional group l (LIST) { repeated group array (MAP) { repeated group key_value { required int32 key; optional int32 value; } } }",
      (g, n) => if (n > 0) {
        val l = g.addGroup(0)
        (1 until n).foreach { i => val e = l.addGroup(0); (1 until i).foreach(e.addGroup(0).add(0, _)) }
      }),
    ("optional group s { required group inner { repeated int32 r; } optional int32 v; }",
      (g, n) => if (n > 0) { val i = g.addGroup(0).addGroup(0); (1 until n).foreach(i.add(0, _)) }))

  LAYOUTS.foreach { case (layout, fill) =>
    test(s"the layout $layout") {
      val path = writeLayout(layout, 40)((group, row) => fill(group, row % 6))
      compare()(all(path))
      compare(ArclightConf.BATCH_SIZE.key -> "3")(all(path))
    }
  }

  test("structs of which a file has nothing that was asked for, but lists and maps") {
    Seq(
      "optional group m (MAP) { repeated group key_value { required int32 key; optional int32 value; } }",
      "optional group l (LIST) { repeated group list { optional int32 element; } }",
      "repeated int32 r; optional int32 v;",
      "optional group i { optional group j { optional int32 v; } }"
    ).foreach { fields =>
      val path = writeLayout(s"optional group s { $fields }", 10)((group, row) =>
        if (row % 3 > 0) group.addGroup(0))
      compare()(readAs(path, "s STRUCT<gone INT>"))
    }
  }

  test("the position of rows in their file") {
    val path = newPath()
    withSQLConf(ArclightConf.ENABLED.key -> "false", "parquet.block.size" -> "4096") {
      spark.range(0, 5000, 1, 2).selectExpr("id", "array(id, NULL) AS l").write
        .option("parquet.block.size", "4096").option("parquet.page.size", "512").parquet(path)
    }
    compare()(all(path).selectExpr("id", "_metadata.row_index", "_metadata.file_name"))
    compare()(all(path).where("id % 7 = 3 AND id > 4000").selectExpr("l", "_metadata.row_index"))
    compare()(all(path).selectExpr("_metadata.row_index AS i").where("i > 2400"))
    compare()(all(path).where("_metadata.row_index = 17").selectExpr("id"))
    compare("spark.sql.files.maxPartitionBytes" -> "8000")(
      all(path).selectExpr("id", "_metadata.row_index", "_metadata.file_block_start"))
  }

  test("what stays Spark's") {
    val path = write(10)
    Seq("id", "1").foreach { column =>
      refused("vectorized reader", SQLConf.PARQUET_VECTORIZED_READER_ENABLED.key -> "false")(
        all(path).selectExpr(column))
    }
    refused("vectorized reader", SQLConf.PARQUET_VECTORIZED_READER_NESTED_COLUMN_ENABLED.key -> "false")(
      all(path))
    refused("returnNullStructIfAllFieldsMissing",
      SQLConf.LEGACY_PARQUET_RETURN_NULL_STRUCT_IF_ALL_FIELDS_MISSING.key -> "true")(all(path))
    // Flat columns of the same file don't mind.
    val flat = withSQLConf(SQLConf.PARQUET_VECTORIZED_READER_NESTED_COLUMN_ENABLED.key -> "false") {
      val frame = all(path).select("id")
      frame.collect()
      frame
    }
    assert(fallbacks(flat).isEmpty)
  }
}
