package org.arclight.spark.rules

import org.apache.spark.sql.execution.{RangeExec, SparkPlan}
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.execution.{PlacedSplit, RangeSlices, RangeSplit}
import org.arclight.spark.plan.StageBuilder
import org.arclight.spark.plan.expressions.{Native, SupportLevel}

/** Consecutive integers. */
object RangeOperator extends LeafOperator {
  override def operatorClass: Class[_ <: SparkPlan] = classOf[RangeExec]

  // Spark's generated code makes integers as fast.
  override def saving: Double = 0.0

  override def check(plan: SparkPlan, conf: SQLConf): SupportLevel = Native

  override def open(plan: SparkPlan, input: Int, builder: StageBuilder): OpenedLeaf = {
    val range = classOf[RangeExec].cast(plan)
    val relation = builder.rangeInput(
      input, range.start, range.step, range.numElements, range.numSlices, range.output)
    val slices = if (range.numElements == 0) 0 else range.numSlices
    OpenedLeaf(
      relation,
      RangeSlices(relation.operator),
      (0 until slices).map(index => PlacedSplit(RangeSplit(index), Nil)))
  }
}
