package org.arclight.spark.plan

import com.google.protobuf.Message
import io.substrait.proto.{ExtensionLeafRel, Rel}
import org.apache.spark.sql.catalyst.expressions.Attribute
import org.arclight.proto.{BroadcastInput, RangeInput, RowsInput, ShuffleReadInput}

/** The leaves that are not files: rows of the JVM, broadcasts, shuffle blocks, ranges. */
private[plan] trait InputRelations { this: StageBuilder =>

  /** Rows that the JVM produces. */
  def rowsInput(input: Int, output: Seq[Attribute], operator: String = "Rows"): Relation =
    leaf(operator, output, RowsInput.newBuilder()
      .setInput(input)
      .setSchema(SparkTypes.namedStruct(output))
      .build())

  /** Rows that every task has all of. */
  def broadcastInput(
      input: Int,
      output: Seq[Attribute],
      operator: String = "BroadcastInput"): Relation =
    leaf(operator, output, BroadcastInput.newBuilder()
      .setInput(input)
      .setSchema(SparkTypes.namedStruct(output))
      .build())

  /** Batches of a native shuffle. */
  def shuffleRead(
      input: Int,
      output: Seq[Attribute],
      operator: String = "ShuffleRead"): Relation =
    leaf(operator, output, ShuffleReadInput.newBuilder()
      .setInput(input)
      .setSchema(SparkTypes.namedStruct(output))
      .build())

  /** `count` integers from `start` by `step`, cut into `slices`. */
  def rangeInput(
      input: Int,
      start: Long,
      step: Long,
      count: BigInt,
      slices: Int,
      output: Seq[Attribute],
      operator: String = "Range"): Relation =
    leaf(operator, output, RangeInput.newBuilder()
      .setInput(input)
      .setStart(start)
      .setStep(step)
      .setSlices(slices)
      .setCountLow(count.toLong)
      .setCountHigh((count >> 64).toLong)
      .build())

  private def leaf(operator: String, output: Seq[Attribute], detail: Message): Relation = {
    val (id, common) = this.common(operator)
    val rel = ExtensionLeafRel.newBuilder().setCommon(common).setDetail(any(detail))
    Relation(Rel.newBuilder().setExtensionLeaf(rel).build(), output, id)
  }
}
