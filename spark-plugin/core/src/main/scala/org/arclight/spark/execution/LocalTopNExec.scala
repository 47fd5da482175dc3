package org.arclight.spark.execution

import org.apache.spark.SparkException
import org.apache.spark.rdd.RDD
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.{Attribute, SortOrder}
import org.apache.spark.sql.catalyst.plans.physical.Partitioning
import org.apache.spark.sql.execution.{SparkPlan, UnaryExecNode}
import org.apache.spark.sql.execution.metric.{SQLMetric, SQLMetrics}

/**
 * The first rows of each partition in an order: what is native of TakeOrderedAndProjectExec, which
 * stays above and merges the partitions' few rows. Only inside a [[NativeStageExec]].
 */
final case class LocalTopNExec(limit: Int, sortOrder: Seq[SortOrder], child: SparkPlan)
  extends UnaryExecNode {

  override def output: Seq[Attribute] = child.output

  override def outputPartitioning: Partitioning = child.outputPartitioning

  override def outputOrdering: Seq[SortOrder] = sortOrder

  override def nodeName: String = "LocalTopN"

  override lazy val metrics: Map[String, SQLMetric] = Map(
    "numOutputRows" -> SQLMetrics.createMetric(sparkContext, "number of output rows"),
    "sortTime" -> SQLMetrics.createTimingMetric(sparkContext, "sort time"),
    "peakMemory" -> SQLMetrics.createSizeMetric(sparkContext, "peak memory"))

  override protected def doExecute(): RDD[InternalRow] =
    throw SparkException.internalError(s"$nodeName is not executed outside a native stage.")

  override protected def withNewChildInternal(newChild: SparkPlan): LocalTopNExec =
    copy(child = newChild)
}
