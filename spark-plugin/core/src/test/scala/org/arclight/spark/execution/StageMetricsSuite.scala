package org.arclight.spark.execution

import org.apache.spark.sql.arclight.QueryHistory
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, FilesSuite}
import org.arclight.spark.jni.NativeLibrary

/** What the SQL tab shows of native stages, and what they leave behind. */
class StageMetricsSuite extends FilesSuite {

  override def beforeAll(): Unit = {
    super.beforeAll()
    withSQLConf(ArclightConf.ENABLED.key -> "false") {
      spark.range(0, 20000, 1, 3).selectExpr(
        "id",
        "CAST(id % 50 + 1 AS DECIMAL(12,2)) AS quantity",
        "CAST(id * 7 % 100000 / 100 AS DECIMAL(12,2)) AS price",
        "CASE WHEN id % 3 = 0 THEN 'A' WHEN id % 3 = 1 THEN 'N' ELSE 'R' END AS flag",
        "date_add(DATE '1994-01-01', CAST(id % 1000 AS INT)) AS day")
        .write.mode("overwrite").parquet(folder.getPath)
    }
    spark.read.parquet(folder.getPath).createOrReplaceTempView("sales")
  }

  private val revenue =
    """SELECT sum(price * quantity) FROM sales
      |WHERE day >= DATE '1994-01-01' AND day < DATE '1995-01-01' AND quantity < 24""".stripMargin

  private val pricing =
    """SELECT flag, sum(quantity), sum(price), avg(price), count(*) FROM sales
      |WHERE day <= DATE '1996-09-02' GROUP BY flag ORDER BY flag""".stripMargin

  private val ROWS = "number of output rows"

  /** Names of operators with the rows they gave. */
  private def outputRows(query: String): Seq[(String, String)] = {
    spark.sql(query).collect()
    QueryHistory.newest(spark).collect {
      // Only Spark turns columns into rows in an operator of its own.
      case (name, metrics) if metrics.contains(ROWS) && name != "ColumnarToRow" => name -> metrics(ROWS)
    }.sorted
  }

  for {
    (name, query) <- Seq("revenue" -> revenue, "pricing" -> pricing)
    adaptive <- Seq(true, false)
  } test(s"operators give as many rows as Spark's: $name, AQE $adaptive") {
    withSQLConf(
      SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> adaptive.toString,
      // What a sort samples counts twice; natively too, where the exchange stays.
      SQLConf.COALESCE_PARTITIONS_MIN_PARTITION_SIZE.key -> "1b") {
      val native = outputRows(query)
      val expected = withSQLConf(ArclightConf.ENABLED.key -> "false")(outputRows(query))
      assert(native == expected)
      assert(expected.map(_._1).count(_ == "HashAggregate") == 2)
      assert(expected.exists(_._1.startsWith("Scan parquet")))
    }
  }

  test("a stage shows its time, bytes and row groups; its operators what Spark's show") {
    spark.sql(pricing).collect()
    val nodes = QueryHistory.newest(spark)
    val stage = nodes.filter { case (name, metrics) =>
      name == "NativeStage" && metrics.get("number of row groups read").exists(_ != "0")
    }.map(_._2)
    assert(stage.length == 1, nodes)
    assert(stage.head("number of row groups read").replaceAll("\\D.*", "") == "3", stage)
    assert(stage.head("number of rows evaluated by Spark") == "0", stage)
    assert(stage.head.contains("time in native operators"))
    assert(stage.head("bytes read").nonEmpty)
    val scan = nodes.collectFirst { case (name, metrics) if name.startsWith("Scan parquet") => metrics }
    assert(scan.get("number of files read") == "3", scan)
    val aggregates = nodes.collect { case ("HashAggregate", metrics) => metrics }
    assert(aggregates.forall(_.contains("time in aggregation build")), aggregates)
    val exchange = nodes.collectFirst { case ("NativeExchange", metrics) => metrics }
    assert(exchange.get("shuffle records written") != "0", exchange)
  }

  test("pruned row groups are counted") {
    spark.sql("SELECT sum(id) FROM sales WHERE id < 10").collect()
    val pruned = QueryHistory.newest(spark).collect {
      case ("NativeStage", metrics) => metrics.getOrElse("number of row groups pruned", "0")
    }
    assert(pruned.contains("2"), pruned)
  }

  test("queries leave nothing allocated in the library") {
    def run(): Unit = {
      spark.sql(pricing).collect()
      spark.sql("SELECT id, price FROM sales ORDER BY price, id").collect()
      spark.sql("SELECT id % 5000, count(*) FROM sales GROUP BY 1").collect()
    }
    // Threads, plans and buffers that stay.
    (0 until 3).foreach(_ => run())
    val before = NativeLibrary.allocatedBytes()
    NativeLibrary.resetPeakAllocatedBytes()
    (0 until 10).foreach(_ => run())
    val left = NativeLibrary.allocatedBytes() - before
    assert(left < (4L << 20), s"$left bytes are left")
    assert(NativeLibrary.peakAllocatedBytes() > before + (64L << 10))
  }
}
