package org.arclight.spark.execution

import org.apache.spark.sql.{Row, SparkSession}
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanHelper
import org.apache.spark.sql.execution.exchange.Exchange
import org.apache.spark.sql.functions.{count, sum}
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.NativeSuite
import org.arclight.spark.explain.NativePlans

/** Scans whose tasks are planned when the plan executes, which may be long after it was made. */
class ScanPartitionsSuite extends NativeSuite with AdaptiveSparkPlanHelper {

  test("buckets stay those of the plan, whatever is set after it was made") {
    withTable("buckets") {
      ofSpark(spark.range(0, 1000, 1, 3).selectExpr("id % 50 AS k", "id").write
        .bucketBy(8, "k").format("parquet").saveAsTable("buckets"))
      val expected = (0L until 50L).map(k => Row(k, 20L, (0L until 20L).map(_ * 50 + k).sum))
      Seq("true", "false").foreach { later =>
        val frame = spark.table("buckets").groupBy("k").agg(count("id"), sum("id"))
        val plan = frame.queryExecution.executedPlan
        withSQLConf(
            SQLConf.BUCKETING_ENABLED.key -> later,
            SQLConf.FILES_MAX_PARTITION_BYTES.key -> "1024") {
          checkAnswer(frame, expected)
        }
        assert(NativePlans.natives(plan).nonEmpty)
        assert(collect(plan) { case exchange: Exchange => exchange }.isEmpty)
      }
    }
  }

  test("a plan executes on a thread that has no session") {
    withTempPath { path =>
      ofSpark(spark.range(0, 100, 1, 2).write.parquet(path.getPath))
      val rows = spark.read.parquet(path.getPath).where("id > 9").queryExecution
      assert(NativePlans.natives(rows.executedPlan).nonEmpty)
      SparkSession.clearActiveSession()
      try {
        assert(rows.toRdd.count() == 90)
      } finally {
        SparkSession.setActiveSession(spark)
      }
    }
  }
}
