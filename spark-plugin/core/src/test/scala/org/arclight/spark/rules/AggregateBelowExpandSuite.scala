package org.arclight.spark.rules

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.catalyst.expressions.aggregate.PartialMerge
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanHelper
import org.apache.spark.sql.execution.aggregate.HashAggregateExec
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, FilesSuite}

/** Rows are aggregated before they are multiplied for several grouping sets. */
class AggregateBelowExpandSuite extends FilesSuite with AdaptiveSparkPlanHelper {

  override def beforeAll(): Unit = {
    super.beforeAll()
    ofSpark {
      spark.range(0, 20000, 1, 3).selectExpr(
        "id", "IF(id % 9 = 0, NULL, id % 7) AS a", "IF(id % 5 = 0, NULL, concat('b', id % 11)) AS b",
        "CAST(id % 3 AS DECIMAL(9, 2)) AS c", "CAST(id % 1000 AS INT) AS i", "id / 7 AS f",
        "IF(id % 4 = 0, NULL, CAST(id AS DECIMAL(12, 2))) AS d",
        "DATE'2020-01-01' + CAST(id % 90 AS INT) AS day")
        .write.parquet(s"$folder/facts")
    }
    spark.read.parquet(s"$folder/facts").createOrReplaceTempView("facts")
  }

  private def merges(frame: DataFrame): Int =
    collectWithSubqueries(frame.queryExecution.executedPlan) {
      case merge: HashAggregateExec if merge.aggregateExpressions.exists(_.mode == PartialMerge) => merge
    }.length

  private val FUNCTIONS = "count(*), count(b), sum(i), avg(CAST(i AS SMALLINT)), sum(d), avg(d), min(day), max(c), " +
    "max(d) FILTER (WHERE i > 500), sum(CAST(i + id % 3 AS INT)), grouping_id()"

  for {
    (keys, sets) <- Seq(
      "a, b" -> "ROLLUP (a, b)",
      "a, b, c" -> "CUBE (a, b, c)",
      "a, b" -> "GROUPING SETS ((a), (b, a), (b, a), ())",
      "a, b, day" -> "a, ROLLUP (b, day)")
    batch <- Seq("8192", "3")
  } test(s"by $sets, in batches of $batch rows") {
    withSQLConf(ArclightConf.BATCH_SIZE.key -> batch) {
      val frame = checkNative(s"SELECT $keys, $FUNCTIONS FROM facts GROUP BY $sets")
      assert(merges(frame) == 1, frame.queryExecution.executedPlan)
    }
  }

  test("of a row, in one of several tasks") {
    val frame = checkNative(
      "SELECT a, b, count(*), sum(i) FROM facts WHERE id = 7 GROUP BY CUBE (a, b)")
    assert(merges(frame) == 1)
  }

  test("sums that depend on the order stay above") {
    Seq("sum(f)", "sum(id)", "avg(f)", "first(i)", "stddev(i)", "max(f)").foreach { function =>
      val frame = spark.sql(s"SELECT a, b, $function FROM facts GROUP BY ROLLUP (a, b)")
      frame.collect()
      assert(merges(frame) == 0, function)
    }
    // Its groups by both keys nobody wants.
    val apart = checkNative("SELECT a, b, count(*) FROM facts GROUP BY GROUPING SETS ((a), (b))")
    assert(merges(apart) == 0)
    // Groups by floating-point numbers are made of numbers that are made equal first.
    val frame = checkNative("SELECT f, count(*) FROM facts GROUP BY ROLLUP (f)")
    assert(merges(frame) == 0)
  }

  test("averages of integers, which Spark adds up as doubles, of several tasks only") {
    Seq("1g" -> 0, "1k" -> 1).foreach { case (bytes, expected) =>
      withSQLConf(SQLConf.FILES_MAX_PARTITION_BYTES.key -> bytes) {
        val frame = checkNative("SELECT a, b, avg(i) FROM facts GROUP BY ROLLUP (a, b)")
        assert(merges(frame) == expected, bytes)
      }
    }
  }

  test("memory refused, and without adaptive execution") {
    withSQLConf(ArclightConf.TEST_REFUSE_RESERVATIONS.key -> "true") {
      checkNative("SELECT a, b, count(*), avg(d) FROM facts GROUP BY ROLLUP (a, b)")
    }
    withSQLConf(SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> "false") {
      assert(merges(checkNative("SELECT a, b, count(*) FROM facts GROUP BY ROLLUP (a, b)")) == 0)
    }
  }
}
