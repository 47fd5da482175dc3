package org.arclight.spark

import org.apache.spark.SparkConf
import org.apache.spark.arclight.ExecutorState
import org.apache.spark.scheduler.SparkListener
import org.apache.spark.sql.{DataFrame, QueryTest, Row}
import org.apache.spark.sql.arclight.QueryHistory
import org.apache.spark.sql.execution.SparkPlan
import org.apache.spark.sql.test.SharedSparkSession
import org.scalatest.concurrent.PatienceConfiguration.{Interval, Timeout}
import org.scalatest.time.{Milliseconds, Seconds, Span}

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
    .set(ArclightConf.TEST_WRITE_AGAIN.key, "true")

  /** How long a task may go on when its job is over; it looks once a batch. */
  protected val promptly: Timeout = timeout(Span(10, Seconds))

  /** How long a busy machine may take to plan a job and start its tasks. */
  protected val patiently: Timeout = timeout(Span(120, Seconds))
  protected val often: Interval = interval(Span(20, Milliseconds))

  /** No task runs, those that outlive a failed job for a moment included, and nothing is held. */
  protected def checkIdle(): Unit = eventually(promptly, often) {
    assert(ExecutorState.runningTasks(spark.sparkContext) == 0)
    assert(ExecutorState.executionMemoryUsed == 0)
  }

  /** An error, what caused it, and so on. */
  protected def causes(error: Throwable): Seq[Throwable] =
    Iterator.iterate(error)(_.getCause).takeWhile(_ != null).toSeq

  /** Runs something as Spark does without the plugin. */
  protected def ofSpark[T](work: => T): T = withSQLConf(ArclightConf.ENABLED.key -> "false")(work)

  /** Has a listener hear all that happens while something runs. */
  protected def listening(listener: SparkListener)(work: => Unit): Unit = {
    QueryHistory.settle(spark)
    spark.sparkContext.addSparkListener(listener)
    try {
      work
      QueryHistory.settle(spark)
    } finally {
      spark.sparkContext.removeSparkListener(listener)
    }
  }

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
    val expected: Seq[Row] = ofSpark(spark.sql(query).collect().toSeq)
    val native = spark.sql(query)
    checkAnswer(native, expected)
    val left = fallbacks(native).filterNot { case (name, _) => inJvm.exists(name.startsWith) }
    assert(left.isEmpty, NativePlans.describe(native.queryExecution.executedPlan))
    assert(NativePlans.natives(native.queryExecution.executedPlan).nonEmpty)
    native
  }
}
