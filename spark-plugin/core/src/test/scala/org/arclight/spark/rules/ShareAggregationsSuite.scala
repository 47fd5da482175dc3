package org.arclight.spark.rules

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanHelper
import org.apache.spark.sql.execution.exchange.ReusedExchangeExec
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, FilesSuite}
import org.arclight.spark.execution.NativeShuffleExchangeExec

/** An aggregation that occurs twice runs once, whatever is known of its keys' NULLs. */
class ShareAggregationsSuite extends FilesSuite with AdaptiveSparkPlanHelper {

  override def beforeAll(): Unit = {
    super.beforeAll()
    ofSpark {
      spark.range(0, 5000, 1, 3).selectExpr(
        "id", "IF(id % 9 = 0, NULL, id % 70) AS k", "IF(id % 7 = 0, NULL, id % 4) AS j", "id % 90 AS v")
        .write.parquet(s"$folder/facts")
      spark.range(0, 70).selectExpr("id AS k", "concat('name ', id) AS name")
        .write.parquet(s"$folder/names")
    }
    Seq("facts", "names").foreach { table =>
      spark.read.parquet(s"$folder/$table").createOrReplaceTempView(table)
    }
  }

  private val SUMS = "WITH sums AS (SELECT k, sum(v) AS total FROM facts WHERE v < 60 GROUP BY k) "

  private val LARGEST = SUMS + "SELECT name, total FROM names JOIN sums ON names.k = sums.k " +
    "WHERE total = (SELECT max(total) FROM sums)"

  /** The shuffles of whole tables' partial sums that ran. */
  private def aggregations(frame: DataFrame): Int =
    collectWithSubqueries(frame.queryExecution.executedPlan) {
      case exchange: NativeShuffleExchangeExec if exchange.output.length > 1 => exchange
    }.length

  private def reused(frame: DataFrame): Int =
    collectWithSubqueries(frame.queryExecution.executedPlan) {
      case exchange: ReusedExchangeExec => exchange
    }.length

  test("with a subquery over it") {
    val frame = checkNative(LARGEST)
    assert(reused(frame) == 1 && aggregations(frame) == 1, frame.queryExecution.executedPlan)
  }

  test("twice in the plan") {
    val frame = checkNative(SUMS +
      "SELECT a.k, a.total, b.total FROM sums a LEFT JOIN (SELECT * FROM sums WHERE k IS NOT NULL) b " +
      "ON a.total = b.total")
    assert(reused(frame) == 1)
  }

  test("several keys, of which some are checked") {
    val sums = "WITH sums AS (SELECT k, j, sum(v) AS total FROM facts GROUP BY k, j) "
    Seq(
      "JOIN names ON names.k = sums.k",
      "JOIN names ON names.k = sums.j",
      "JOIN names ON names.k = sums.k JOIN names b ON b.k = sums.j")
      .foreach { joins =>
        val frame = checkNative(sums + s"SELECT names.name, total FROM sums $joins " +
          "WHERE total > (SELECT avg(total) FROM sums)")
        assert(reused(frame) == 1, joins)
      }
  }

  test("keys of a joined table") {
    val sums = "WITH sums AS (SELECT f.k, n.name, sum(v) AS total FROM facts f JOIN names n " +
      "ON f.j = n.k GROUP BY f.k, n.name) "
    Seq("-1", "10m").foreach { threshold =>
      withSQLConf(SQLConf.AUTO_BROADCASTJOIN_THRESHOLD.key -> threshold) {
        val frame = checkNative(sums + "SELECT n.k, sums.name, total FROM names n JOIN sums " +
          "ON n.k = sums.k WHERE total > (SELECT avg(total) FROM sums)")
        assert(reused(frame) >= 1, threshold)
      }
    }
  }

  test("what differs by more is not shared") {
    val other = "WITH sums AS (SELECT k, sum(v) AS total FROM facts WHERE v < 60 GROUP BY k), " +
      "others AS (SELECT k, sum(v) AS total FROM facts WHERE v < 61 GROUP BY k) "
    val frame = checkNative(other + "SELECT name, total FROM names JOIN sums ON names.k = sums.k " +
      "WHERE total = (SELECT max(total) FROM others)")
    assert(reused(frame) == 0)
  }

  test("a key that is not among the columns of an exchange above") {
    withSQLConf(SQLConf.AUTO_BROADCASTJOIN_THRESHOLD.key -> "-1") {
      val counts = "WITH c AS (SELECT k, count(*) AS n FROM facts GROUP BY k) "
      val frame = checkNative(counts + "SELECT a.n, b.n FROM (SELECT n FROM c) a " +
        "JOIN (SELECT n FROM c WHERE k IS NOT NULL) b ON a.n = b.n")
      assert(reused(frame) == 1)
      checkNative(counts.replace("count(*)", "sum(v)") + "SELECT a.n, b.n FROM (SELECT n FROM c) a " +
        "FULL OUTER JOIN (SELECT n FROM c WHERE k IS NOT NULL) b ON a.n = b.n")
    }
  }

  test("rows that are numbered are not others") {
    val numbered = "SELECT k, max(m) AS m FROM " +
      "(SELECT k, monotonically_increasing_id() AS m FROM %s) GROUP BY k"
    val query = s"SELECT a.k, a.m, b.m FROM (${numbered.format("facts")}) a " +
      s"JOIN (${numbered.format("(SELECT * FROM facts WHERE k IS NOT NULL)")}) b ON a.k <=> b.k"
    val frame = spark.sql(query)
    checkAnswer(
      frame, ofSpark(spark.sql(query).collect().toSeq))
    assert(reused(frame) == 0)
  }

  test("errors are Spark's") {
    withSQLConf(SQLConf.ANSI_ENABLED.key -> "true") {
      val failing = LARGEST.replace("sum(v)", "sum(v / (k - 3))")
      def message(): String =
        intercept[Exception](spark.sql(failing).collect()).getMessage.linesIterator.next()
      val expected = ofSpark(message())
      assert(message() == expected && expected.contains("DIVIDE_BY_ZERO"))
    }
  }

  test("as Spark plans it: switched off, without AQE, without reuse") {
    Seq(
      ArclightConf.ENABLED.key -> "false",
      SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> "false",
      SQLConf.EXCHANGE_REUSE_ENABLED.key -> "false").foreach { setting =>
      withSQLConf(setting) {
        val frame = spark.sql(LARGEST)
        frame.collect()
        assert(reused(frame) == 0, setting)
      }
    }
  }
}
