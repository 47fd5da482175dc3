package org.arclight.spark

import org.apache.spark.SparkConf
import org.apache.spark.sql.{QueryTest, Row}
import org.apache.spark.sql.test.SharedSparkSession

import org.arclight.spark.explain.NativePlans

/** One setting is enough, and what the plugin sets itself brings the engine to work. */
class PluginStartSuite extends QueryTest with SharedSparkSession {
  override def sparkConf: SparkConf =
    super.sparkConf.set("spark.plugins", classOf[ArclightPlugin].getName)

  test("the engine runs a query") {
    assert(EngineState.unavailable.isEmpty)
    val frame = spark.range(10).selectExpr("id % 3 AS k").groupBy("k").count()
    checkAnswer(frame, Seq(Row(0, 4), Row(1, 3), Row(2, 3)))
    val plan = frame.queryExecution.executedPlan
    assert(NativePlans.fallbacks(plan).isEmpty, NativePlans.describe(plan))
    assert(NativePlans.natives(plan).nonEmpty)
  }
}
