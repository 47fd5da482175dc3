package org.arclight.spark.rules

import java.util.concurrent.atomic.AtomicInteger

import org.apache.spark.scheduler.{SparkListener, SparkListenerJobStart, SparkListenerStageCompleted}
import org.apache.spark.sql.{DataFrame, Row}
import org.apache.spark.sql.catalyst.plans.physical.RangePartitioning
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanHelper
import org.apache.spark.sql.execution.exchange.ShuffleExchangeLike
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, FilesSuite}
import org.arclight.spark.execution.SinglePartitionReadExec

/** What is left in one task is neither sampled nor shuffled again. */
class RemoveSmallExchangesSuite extends FilesSuite with AdaptiveSparkPlanHelper {

  override def beforeAll(): Unit = {
    super.beforeAll()
    ofSpark {
      spark.range(0, 20000, 1, 4).selectExpr(
        "id", "IF(id % 9 = 0, NULL, id % 700) AS k", "concat('name ', id % 30) AS s",
        "CAST(id % 50 AS DECIMAL(12, 2)) AS d")
        .write.parquet(s"$folder/facts")
    }
    spark.read.parquet(s"$folder/facts").createOrReplaceTempView("facts")
  }

  private val SORTED = "SELECT k, sum(d) AS d, count(*) AS n FROM facts GROUP BY k ORDER BY d DESC, k"

  private def reads(frame: DataFrame): Int =
    collectWithSubqueries(frame.queryExecution.executedPlan) {
      case read: SinglePartitionReadExec => read
    }.length

  private def exchanges(frame: DataFrame): Seq[ShuffleExchangeLike] =
    collectWithSubqueries(frame.queryExecution.executedPlan) {
      case exchange: ShuffleExchangeLike => exchange
    }

  private def hasRange(frame: DataFrame): Boolean =
    exchanges(frame).exists(_.outputPartitioning.isInstanceOf[RangePartitioning])

  /** Runs a query natively and by Spark; the rows must be the same, in the same order. */
  private def checkOrdered(query: String): DataFrame = {
    val frame = checkNative(query)
    assert(frame.collect().toSeq == ofSpark(spark.sql(query).collect().toSeq), query)
    frame
  }

  /** The jobs and stages that run meanwhile. */
  private def jobsAndStages(work: => Unit): (Int, Int) = {
    val (jobs, stages) = (new AtomicInteger, new AtomicInteger)
    val listener = new SparkListener {
      override def onJobStart(start: SparkListenerJobStart): Unit = jobs.incrementAndGet()
      override def onStageCompleted(end: SparkListenerStageCompleted): Unit =
        stages.incrementAndGet()
    }
    listening(listener)(work)
    (jobs.get, stages.get)
  }

  test("an order of few groups takes no exchange of its own") {
    val frame = checkOrdered(SORTED)
    assert(reads(frame) == 1 && exchanges(frame).length == 1)
    assert(jobsAndStages(spark.sql(SORTED).collect()) == ((2, 2)))
  }

  test("a limit of partitions is no obstacle") {
    val ranked = "SELECT k, d, rank() OVER (ORDER BY d DESC) AS r FROM " +
      "(SELECT k, sum(d) AS d FROM facts GROUP BY k)"
    val frame = checkNative(s"SELECT * FROM ($ranked) WHERE r <= 5")
    assert(reads(frame) == 1 && exchanges(frame).length == 1)
    assert(natives(frame.queryExecution.executedPlan).contains("WindowGroupLimit"))
  }

  test("what lies between may filter, project, aggregate and limit") {
    Seq(
      s"SELECT k + 1 AS k, d FROM ($SORTED) WHERE n > 20 ORDER BY d, k DESC",
      "SELECT n, count(*) AS c FROM (SELECT k, count(*) AS n FROM facts GROUP BY k HAVING k > 3) " +
        "GROUP BY n ORDER BY c, n",
      s"SELECT sum(d), max(k) FROM (SELECT k, sum(d) AS d FROM facts GROUP BY k)",
      "SELECT count(DISTINCT k), sum(DISTINCT d) FROM facts",
      "SELECT s, count(DISTINCT k) AS c FROM facts GROUP BY s ORDER BY s",
      s"SELECT k FROM (SELECT k FROM facts GROUP BY k ORDER BY k LIMIT 100) ORDER BY k DESC")
      .foreach(checkOrdered)
  }

  test("nothing to order") {
    // AQE leaves nothing of such plans, once it has seen that there are no rows.
    Seq(
      "SELECT k, count(*) FROM facts WHERE id < 0 GROUP BY k ORDER BY k",
      "SELECT sum(n) FROM (SELECT k, count(*) AS n FROM facts WHERE id < 0 GROUP BY k)")
      .foreach { query =>
        checkAnswer(spark.sql(query), ofSpark(spark.sql(query).collect().toSeq))
      }
    Seq(
      "SELECT k, count(*) AS n FROM facts GROUP BY k HAVING n > 1000000 ORDER BY k",
      "SELECT sum(n) FROM (SELECT k, count(*) AS n FROM facts GROUP BY k HAVING n < 0)")
      .foreach(query => assert(reads(checkOrdered(query)) == 1, query))
  }

  test("a window between") {
    val query = "SELECT s, rank() OVER (ORDER BY n DESC, s) AS r " +
      "FROM (SELECT s, count(*) AS n FROM facts GROUP BY s) ORDER BY r, s"
    assert(reads(checkOrdered(query)) == 1)
    withSQLConf(ArclightConf.operatorKey("Window") -> "false") {
      val frame = checkNative(query, inJvm = Set("Window", "Sort"))
      assert(frame.collect().toSeq == ofSpark(spark.sql(query).collect().toSeq))
      assert(reads(frame) == 1)
    }
  }

  test("operators of the JVM read the one partition too") {
    withSQLConf(
      ArclightConf.operatorKey("Sort") -> "false",
      ArclightConf.operatorKey("HashAggregate") -> "true") {
      val frame = checkNative(SORTED, inJvm = Set("Sort"))
      assert(reads(frame) == 1)
      assert(frame.collect().toSeq == ofSpark(spark.sql(SORTED).collect().toSeq))
    }
  }

  test("subqueries") {
    val frame = checkOrdered(
      "SELECT s, count(*) AS n FROM facts WHERE k > " +
        "(SELECT avg(m) FROM (SELECT max(k) - 400 AS m FROM facts GROUP BY s)) GROUP BY s ORDER BY s")
    assert(reads(frame) == 2)
  }

  test("as many partitions as Spark gives, in files too") {
    def partitions: Int = spark.sql(SORTED).rdd.getNumPartitions
    assert(partitions == ofSpark(partitions))
    val target = s"$folder/sorted"
    spark.sql(SORTED).write.parquet(target)
    checkAnswer(spark.read.parquet(target), ofSpark(spark.sql(SORTED).collect().toSeq))
    assert(spark.read.parquet(target).inputFiles.length == 1)
  }

  test("a cached order") {
    val cached = spark.sql(SORTED).cache()
    try {
      val expected = ofSpark(spark.sql(SORTED).collect().toSeq)
      assert(cached.collect().toSeq == expected)
      assert(cached.where("k < 10").count() == expected.count(row => !row.isNullAt(0) && row.getLong(0) < 10))
    } finally {
      cached.unpersist(blocking = true)
    }
  }

  test("where Spark has several partitions, or would, the exchange stays") {
    Seq(
      SQLConf.COALESCE_PARTITIONS_MIN_PARTITION_SIZE.key -> "1b",
      SQLConf.ADVISORY_PARTITION_SIZE_IN_BYTES.key -> "1b",
      SQLConf.COALESCE_PARTITIONS_ENABLED.key -> "false",
      SQLConf.COALESCE_PARTITIONS_MIN_PARTITION_NUM.key -> "2",
      SQLConf.ADAPTIVE_EXECUTION_APPLY_FINAL_STAGE_SHUFFLE_OPTIMIZATIONS.key -> "false",
      SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> "false").foreach { setting =>
      withSQLConf(setting) {
        val frame = checkOrdered(SORTED)
        assert(reads(frame) == 0 && hasRange(frame), setting)
      }
    }
  }

  test("partitions that a user asked for stay") {
    val grouped = spark.sql("SELECT k, count(*) AS n FROM facts GROUP BY k")
    assert(reads(run(grouped.repartitionByRange(3, grouped("k")))) == 0)
    val asked = run(spark.table("facts").repartition(3, grouped("k")).groupBy("k").count().sort("k"))
    assert(reads(asked) == 0 && hasRange(asked))
    val rebalanced = run(grouped.repartition(3).sortWithinPartitions("n"))
    assert(rebalanced.rdd.getNumPartitions == 3)
  }

  private def run(frame: DataFrame): DataFrame = {
    frame.collect()
    frame
  }

  test("switched off, plans are Spark's") {
    val rows: Seq[Row] = ofSpark {
      val frame = run(spark.sql(SORTED))
      assert(reads(frame) == 0 && hasRange(frame))
      frame.collect().toSeq
    }
    assert(rows.length == 701)
  }
}
