package org.arclight.spark.rules

import org.apache.spark.sql.execution.{RangeExec, SparkPlan}
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.execution.{PlacedSplit, RangeSlices, RangeSplit, StageSource}
import org.arclight.spark.plan.expressions.{Native, SupportLevel}

/** Consecutive integers. */
object RangeOperator extends LeafOperator {
  override def operatorClass: Class[_ <: SparkPlan] = classOf[RangeExec]

  // Spark's generated code makes integers as fast.
  override def saving: Double = 0.0

  override def check(plan: SparkPlan, conf: SQLConf): SupportLevel = Native

  override def open(plan: SparkPlan, conf: SQLConf): OpenedLeaf = {
    val range = classOf[RangeExec].cast(plan)
    val slices = if (range.numElements == 0) 0 else range.numSlices
    OpenedLeaf(
      StageSource(
        range.output,
        Seq(operatorClass, range.start, range.step, range.numElements, range.numSlices),
        _.rangeInput(
          _, range.start, range.step, range.numElements, range.numSlices, range.output),
        RangeSlices(_)),
      (0 until slices).map(index => PlacedSplit(RangeSplit(index), Nil)))
  }
}
