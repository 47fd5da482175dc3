package org.arclight.spark.execution

import org.apache.spark.arclight.RangeSampling
import org.apache.spark.rdd.RDD
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.{BoundReference, SortOrder, UnsafeRow}
import org.apache.spark.sql.catalyst.expressions.codegen.LazilyGeneratedOrdering

/** Where the partitions of a range partitioning begin, sampled as Spark's exchange does. */
object RangeBounds {

  /**
   * Samples keys and gives the bounds as UnsafeRows, ascending in `order`; fewer than
   * `partitions - 1` where there are fewer distinct keys.
   *
   * @param keys rows of the sort keys' values
   */
  def sample(
      keys: RDD[InternalRow],
      order: Seq[SortOrder],
      partitions: Int,
      samplePerPartition: Int): Seq[Array[Byte]] = {
    val byPosition = order.zipWithIndex.map { case (key, index) =>
      key.copy(child = BoundReference(index, key.dataType, key.nullable))
    }
    val ordering: Ordering[InternalRow] = new LazilyGeneratedOrdering(byPosition)
    RangeSampling.bounds(keys, partitions, samplePerPartition, ordering).map {
      case row: UnsafeRow => row.getBytes
      case other => throw new IllegalStateException(s"a sampled key is ${other.getClass.getName}")
    }
  }
}
