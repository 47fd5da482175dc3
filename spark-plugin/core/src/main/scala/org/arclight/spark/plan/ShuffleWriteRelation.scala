package org.arclight.spark.plan

import scala.jdk.CollectionConverters._

import com.google.protobuf.ByteString
import org.apache.spark.sql.catalyst.expressions.{Expression, SortOrder}
import org.arclight.proto.{BlockCompression, ShuffleWrite}

/** How rows find their partition. */
sealed trait ShufflePartitioning

object ShufflePartitioning {

  /** All to one. */
  case object Single extends ShufflePartitioning

  /** By the hash of expressions. */
  final case class Hash(expressions: Seq[Expression]) extends ShufflePartitioning

  /**
   * By order.
   *
   * @param bounds UnsafeRows of the keys' values, ascending
   */
  final case class Range(order: Seq[SortOrder], bounds: Seq[Array[Byte]])
    extends ShufflePartitioning

  /** One after the other. */
  case object RoundRobin extends ShufflePartitioning
}

/** ExtensionSingleRel with ShuffleWrite: the end of a stage below an exchange. */
private[plan] trait ShuffleWriteRelation { this: StageBuilder =>

  /** Writes the rows of `input` into blocks of `partitions` partitions. */
  def shuffleWrite(
      input: Relation,
      partitioning: ShufflePartitioning,
      partitions: Int,
      compression: BlockCompression,
      compressionLevel: Int = 0,
      operator: String = "Exchange"): Relation = {
    val write = ShuffleWrite.newBuilder()
      .setPartitions(partitions)
      .setCompression(compression)
      .setCompressionLevel(compressionLevel)
    partitioning match {
      case ShufflePartitioning.Single => write.setSingle(ShuffleWrite.Single.newBuilder())
      case ShufflePartitioning.RoundRobin =>
        write.setRoundRobin(ShuffleWrite.RoundRobin.newBuilder())
      case ShufflePartitioning.Hash(keys) =>
        val writer = expressions(input.output)
        write.setHash(ShuffleWrite.Hash.newBuilder()
          .addAllExpressions(keys.map(writer.root).asJava))
      case ShufflePartitioning.Range(order, bounds) =>
        write.setRange(ShuffleWrite.Range.newBuilder()
          .addAllSorts(sortFields(order, input.output).asJava)
          .addAllBounds(bounds.map(ByteString.copyFrom(_)).asJava))
    }
    extensionSingle(input, operator, write.build(), input.output)
  }
}
