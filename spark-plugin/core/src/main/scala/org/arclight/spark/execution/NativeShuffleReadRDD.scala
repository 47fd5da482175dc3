package org.arclight.spark.execution

import org.apache.spark.SparkContext
import org.apache.spark.arclight.NativeShuffleDependency
import org.apache.spark.sql.catalyst.expressions.Attribute
import org.apache.spark.sql.execution.ShufflePartitionSpec
import org.apache.spark.sql.execution.metric.SQLMetric

/**
 * Which parts of a native shuffle are read as which partitions, and what becomes of the rows.
 *
 * @param output the columns of the blocks
 * @param top relations over the rows of each partition, which are part of the reading stage
 */
final case class NativeShuffleSource(
    dependency: NativeShuffleDependency,
    specs: Seq[ShufflePartitionSpec],
    readMetrics: Map[String, SQLMetric],
    output: Seq[Attribute],
    top: StageTop = StageTop.NOTHING)

/**
 * The rows of a native shuffle, for consumers in the JVM. A native stage above takes the source and
 * reads the blocks itself, and no plan is written.
 */
final class NativeShuffleReadRDD(
    context: SparkContext,
    compile: () => (StageProgram, Array[NativeStagePartition]),
    @transient val source: NativeShuffleSource)
  extends NativeStageRDD(context, compile, indeterminate = false)
