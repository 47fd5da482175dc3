package org.arclight.spark.execution

import org.apache.spark.SparkContext
import org.apache.spark.arclight.NativeShuffleDependency
import org.apache.spark.sql.catalyst.expressions.Attribute
import org.apache.spark.sql.execution.ShufflePartitionSpec
import org.apache.spark.sql.execution.metric.SQLMetric

/** Which parts of a native shuffle are read as which partitions. */
final case class NativeShuffleSource(
    dependency: NativeShuffleDependency,
    specs: Seq[ShufflePartitionSpec],
    readMetrics: Map[String, SQLMetric],
    output: Seq[Attribute])

/**
 * The rows of a native shuffle, for consumers in the JVM. A native stage above takes the source,
 * and reads the blocks itself.
 */
final class NativeShuffleReadRDD(
    context: SparkContext,
    program: StageProgram,
    partitions: Array[NativeStagePartition],
    @transient val source: NativeShuffleSource)
  extends NativeStageRDD(context, program, partitions, indeterminate = false)
