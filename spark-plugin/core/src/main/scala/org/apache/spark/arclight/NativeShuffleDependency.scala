package org.apache.spark.arclight

import org.apache.spark.{Partitioner, ShuffleDependency, SparkEnv}
import org.apache.spark.rdd.RDD
import org.apache.spark.shuffle.{BaseShuffleHandle, ShuffleWriteProcessor}
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.execution.metric.SQLMetric

/** Says of how many partitions a native shuffle consists; rows are partitioned natively. */
final class NativePartitioner(override val numPartitions: Int) extends Partitioner {
  override def getPartition(key: Any): Int = key.asInstanceOf[Int]

  override def equals(other: Any): Boolean = other match {
    case that: NativePartitioner => that.numPartitions == numPartitions
    case _ => false
  }

  override def hashCode(): Int = numPartitions
}

/**
 * The dependency on a shuffle that is written natively.
 *
 * @param stage the stage whose plan ends in the shuffle write; its elements are never looked at
 * @param dataSize the exchange's metric of the bytes its rows would take as UnsafeRows
 * @param keySets where the tasks put the keys they collect, if they do
 */
final class NativeShuffleDependency(
    stage: RDD[InternalRow],
    partitions: Int,
    writeProcessor: ShuffleWriteProcessor,
    val dataSize: SQLMetric,
    val keySets: Option[KeySets] = None)
  extends ShuffleDependency[Int, InternalRow, InternalRow](
    stage.asInstanceOf[RDD[_ <: Product2[Int, InternalRow]]],
    new NativePartitioner(partitions),
    SparkEnv.get.serializer,
    shuffleWriterProcessor = writeProcessor) {

  // Pushed and merged blocks are concatenated in chunks that the engine does not know.
  setShuffleMergeAllowed(false)
}

/** Marks a shuffle as native. */
private[spark] final class NativeShuffleHandle(
    shuffleId: Int,
    val nativeDependency: NativeShuffleDependency)
  extends BaseShuffleHandle[Int, InternalRow, InternalRow](shuffleId, nativeDependency)
