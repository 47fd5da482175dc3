package org.arclight.spark.execution

import org.apache.spark.SparkException
import org.apache.spark.rdd.RDD
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.Attribute
import org.apache.spark.sql.catalyst.plans.physical.{Partitioning, SinglePartition}
import org.apache.spark.sql.execution.{CoalescedPartitionSpec, SparkPlan, UnaryExecNode}
import org.apache.spark.sql.execution.adaptive.{AQEShuffleReadExec, ShuffleQueryStageExec}

/**
 * All rows of a shuffle stage, in one partition. Like AQEShuffleReadExec, but to Spark what it gives
 * is one partition, not some partitions of which there happens to be one.
 *
 * @param child the stage, or AQE's read of it
 */
final case class SinglePartitionReadExec(child: SparkPlan) extends UnaryExecNode {

  override def output: Seq[Attribute] = child.output

  override def outputPartitioning: Partitioning = SinglePartition

  override def nodeName: String = "SinglePartitionRead"

  override protected def doExecute(): RDD[InternalRow] = child match {
    case read: AQEShuffleReadExec if read.partitionSpecs.length == 1 => read.execute()
    case AQEShuffleReadExec(stage: ShuffleQueryStageExec, _) => whole(stage)
    case stage: ShuffleQueryStageExec => whole(stage)
    case other => throw SparkException.internalError(s"${other.nodeName} is no shuffle stage.")
  }

  private def whole(stage: ShuffleQueryStageExec): RDD[InternalRow] = stage.shuffle
    .getShuffleRDD(Array(CoalescedPartitionSpec(0, stage.shuffle.numPartitions)))
    .asInstanceOf[RDD[InternalRow]]

  override protected def withNewChildInternal(newChild: SparkPlan): SinglePartitionReadExec =
    copy(child = newChild)
}
