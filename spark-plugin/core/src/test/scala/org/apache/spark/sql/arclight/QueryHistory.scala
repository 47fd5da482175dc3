package org.apache.spark.sql.arclight

import org.apache.spark.sql.SparkSession
import org.apache.spark.sql.execution.ui.SparkPlanGraphNode

/** What the SQL tab knows of the queries that ran, for tests. */
object QueryHistory {

  /** Waits until all that happened is known. */
  def settle(spark: SparkSession): Unit = spark.sparkContext.listenerBus.waitUntilEmpty()

  /** The operators of the newest query: their names and the metrics that have values, by name. */
  def newest(spark: SparkSession): Seq[(String, Map[String, String])] = {
    settle(spark)
    val store = spark.sharedState.statusStore
    val execution = store.executionsList().maxBy(_.executionId).executionId
    val values = store.executionMetrics(execution)
    store.planGraph(execution).allNodes.toSeq.map { node: SparkPlanGraphNode =>
      node.name.trim -> node.metrics.flatMap { metric =>
        values.get(metric.accumulatorId).map(metric.name -> _)
      }.toMap
    }
  }
}
