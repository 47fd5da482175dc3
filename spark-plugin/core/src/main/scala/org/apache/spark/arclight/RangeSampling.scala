package org.apache.spark.arclight

import scala.collection.mutable
import scala.collection.mutable.ArrayBuffer
import scala.util.hashing.byteswap32

import org.apache.spark.{RangePartitioner, TaskContext}
import org.apache.spark.rdd.{PartitionPruningRDD, RDD}
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.util.random.SamplingUtils

/** The sampling of Spark's RangePartitioner, whose bounds are private to it. */
object RangeSampling {
  private val SAMPLE_MAXIMUM = 1e6
  private val OVERSAMPLING = 3.0

  /** The upper bounds of all partitions but the last. Runs a job over the keys. */
  def bounds(
      rows: RDD[InternalRow],
      partitions: Int,
      samplePerPartition: Int,
      ordering: Ordering[InternalRow]): Seq[InternalRow] =
    if (partitions <= 1) {
      Nil
    } else {
      // The rows are reused, and the sample keeps them.
      val keys = rows.mapPartitionsInternal(_.map(_.copy()))
      implicit val keyOrdering: Ordering[InternalRow] = ordering
      val sampleSize = math.min(samplePerPartition.toDouble * partitions, SAMPLE_MAXIMUM)
      val sizePerInput = math.ceil(OVERSAMPLING * sampleSize / math.max(keys.partitions.length, 1)).toInt
      val sketched = keys.sparkContext.runJob(keys, new SketchKeys(sizePerInput, keys.id))
      val count = sketched.map { case (_, size, _) => size }.sum
      if (count == 0L) {
        Nil
      } else {
        val fraction = math.min(sampleSize / math.max(count, 1L), 1.0)
        val candidates = ArrayBuffer.empty[(InternalRow, Float)]
        val imbalanced = mutable.Set.empty[Int]
        sketched.foreach { case (input, size, sample) =>
          if (fraction * size > sizePerInput) {
            imbalanced += input
          } else {
            val weight = (size.toDouble / sample.length).toFloat
            sample.foreach(key => candidates += ((key, weight)))
          }
        }
        if (imbalanced.nonEmpty) {
          val again = new PartitionPruningRDD(keys, imbalanced.toSet.contains)
          val seed = byteswap32(-keys.id - 1)
          val weight = (1.0 / fraction).toFloat
          again.sample(withReplacement = false, fraction, seed).collect()
            .foreach(key => candidates += ((key, weight)))
        }
        RangePartitioner.determineBounds(candidates, math.min(partitions, candidates.size)).toSeq
      }
    }
}

/**
 * Samples a partition's keys as `RangePartitioner.sketch` does; gives the partition's number, how
 * many keys it has, and the sample. A class with a name, since Spark takes closures apart before
 * each job.
 */
private final class SketchKeys(sampleSize: Int, seed: Int)
  extends ((TaskContext, Iterator[InternalRow]) => (Int, Long, Array[InternalRow]))
  with Serializable {

  override def apply(
      context: TaskContext,
      keys: Iterator[InternalRow]): (Int, Long, Array[InternalRow]) = {
    val partition = context.partitionId()
    val (sample, count) = SamplingUtils.reservoirSampleAndCount(
      keys, sampleSize, byteswap32(partition ^ (seed << 16)).toLong)
    (partition, count, sample)
  }
}
