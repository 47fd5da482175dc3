package org.apache.spark.arclight

import scala.collection.mutable
import scala.collection.mutable.ArrayBuffer
import scala.util.hashing.byteswap32

import org.apache.spark.RangePartitioner
import org.apache.spark.rdd.{PartitionPruningRDD, RDD}
import org.apache.spark.sql.catalyst.InternalRow

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
      val (count, sketched) = RangePartitioner.sketch(keys, sizePerInput)
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
