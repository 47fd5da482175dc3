package org.arclight.spark.execution

import org.apache.spark.Partition
import org.apache.spark.arclight.NativeShuffleDependency
import org.apache.spark.broadcast.Broadcast
import org.apache.spark.rdd.RDD
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.execution.ShufflePartitionSpec
import org.apache.spark.sql.execution.metric.SQLMetric
import org.apache.spark.sql.types.DataType
import org.apache.spark.util.SerializableConfiguration

/** What a stage reads, the same in all its tasks. It travels in the task binary. */
sealed trait StageInput extends Serializable

/** Rows that the JVM makes. */
final case class RowsInput(rdd: RDD[InternalRow], types: Array[DataType]) extends StageInput

/**
 * A shuffle that was written natively.
 *
 * @param operator the number of the operator that reads it
 */
final case class ShuffleInput(
    dependency: NativeShuffleDependency,
    readMetrics: Map[String, SQLMetric],
    operator: Int)
  extends StageInput

/**
 * Files.
 *
 * @param configuration what the JVM needs to open those that aren't local, if there are any
 */
final case class FilesInput(
    configuration: Option[Broadcast[SerializableConfiguration]],
    operator: Int) extends StageInput

/** Rows that each task has all of, in frames. */
final case class BroadcastInput(frames: Broadcast[Array[Array[Byte]]]) extends StageInput

/** Slices of a range. */
final case class RangeSlices(operator: Int) extends StageInput

/** A task's part of one input. */
sealed trait InputSplit extends Serializable

/** The input has no part in the task: another branch of a union. */
case object AbsentSplit extends InputSplit

/** @param parent a partition of the input's RDD */
final case class RowsSplit(parent: Partition) extends InputSplit

final case class ShuffleSplit(spec: ShufflePartitionSpec) extends InputSplit

/** @param files an arclight.Split.Files */
final case class FilesSplit(files: Array[Byte]) extends InputSplit

final case class RangeSplit(index: Int) extends InputSplit

/** @param id Spark's number of the broadcast */
final case class BroadcastSplit(id: Long) extends InputSplit

/** A task of a stage: its part of each input, by the input's number. */
final class NativeStagePartition(
    override val index: Int,
    val splits: Array[InputSplit],
    @transient val preferredLocations: Seq[String])
  extends Partition
