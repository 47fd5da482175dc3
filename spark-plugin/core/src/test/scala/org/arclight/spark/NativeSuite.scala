package org.arclight.spark

import org.apache.spark.SparkConf
import org.apache.spark.sql.{DataFrame, QueryTest, Row}
import org.apache.spark.sql.execution.SparkPlan
import org.apache.spark.sql.test.SharedSparkSession

import org.arclight.spark.explain.NativePlans

/** A session with the plugin, in which defects and disagreements fail. */
trait NativeSuite extends QueryTest with SharedSparkSession {

  override def sparkConf: SparkConf = super.sparkConf
    .set("spark.plugins", classOf[ArclightPlugin].getName)
    .set("spark.sql.extensions", classOf[ArclightExtensions].getName)
    .set("spark.shuffle.manager", StartSettings.SHUFFLE_MANAGER_CLASS)
    .set("spark.memory.offHeap.enabled", "true")
    .set("spark.memory.offHeap.size", "512m")
    // Whatever may wait for keys does.
    .set(ArclightConf.STAGE_FILTERS_MINIMUM.key, "0")
    .set(ArclightConf.TEST_FAIL_ON_DEFECT.key, "true")
    .set(ArclightConf.TEST_FAIL_ON_DISAGREEMENT.key, "true")
    .set(ArclightConf.TEST_FAIL_ON_LEAK.key, "true")

  /** The operators of the executed plan that Spark runs, by name, with the reasons. */
  protected def fallbacks(frame: DataFrame): Seq[(String, String)] =
    NativePlans.fallbacks(frame.queryExecution.executedPlan)
      .map { case (node, reason) => node.nodeName -> reason }

  /** The operators that the engine runs, by name. */
  protected def natives(plan: SparkPlan): Seq[String] =
    NativePlans.natives(plan).map(_.nodeName.trim)

  /**
   * Runs a query natively and by Spark, compares the rows, and demands that the engine ran all
   * operators but the named ones.
   */
  protected def checkNative(query: String, inJvm: Set[String] = Set.empty): DataFrame = {
    val expected: Seq[Row] = withSQLConf(ArclightConf.ENABLED.key -> "false") {
      spark.sql(query).collect().toSeq
    }
    val native = spark.sql(query)
    checkAnswer(native, expected)
    val left = fallbacks(native).filterNot { case (name, _) => inJvm.exists(name.startsWith) }
    assert(left.isEmpty, NativePlans.describe(native.queryExecution.executedPlan))
    assert(NativePlans.natives(native.queryExecution.executedPlan).nonEmpty)
    native
  }
}
