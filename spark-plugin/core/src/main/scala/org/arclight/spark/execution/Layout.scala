package org.arclight.spark.execution

import org.apache.spark.SparkException
import org.apache.spark.sql.catalyst.plans.physical.UnknownPartitioning
import org.apache.spark.sql.execution.{SparkPlan, UnionExec}
import org.apache.spark.sql.execution.joins.CartesianProductExec

/** A task's part of an input, and where it would best be read. */
final case class PlacedSplit(split: InputSplit, preferredLocations: Seq[String])

/**
 * What each task of a stage reads.
 *
 * @param tasks how many tasks there are; None if nothing says so
 * @param inputs what each task reads of the inputs, by the inputs' numbers, given the task's number
 */
private[execution] final case class Layout private (
    tasks: Option[Int],
    inputs: Map[Int, Int => PlacedSplit]) {

  def taskCount: Int = tasks.getOrElse(0)

  /** What each task reads of an input. */
  def splitOf(input: Int): Int => PlacedSplit = inputs.getOrElse(input, _ => Layout.ABSENT)

  /** For `count` other tasks: each reads what one of these does, by its number, or nothing. */
  private def of(count: Int)(numberOf: Int => Option[Int]): Layout = Layout(
    Some(count),
    inputs.map { case (input, splitOf) =>
      input -> ((task: Int) => numberOf(task).fold(Layout.ABSENT)(splitOf))
    })
}

private[execution] object Layout {

  private val ABSENT = PlacedSplit(AbsentSplit, Nil)

  /** Each task reads its own part of an input. */
  def perTask(input: Int, splits: Seq[PlacedSplit]): Layout = {
    val indexed = splits.toIndexedSeq
    Layout(Some(indexed.length), Map(input -> indexed))
  }

  /** Every task reads the same. */
  def everywhere(input: Int, split: PlacedSplit): Layout =
    Layout(None, Map(input -> (_ => split)))

  /** Which parts of an operator's inputs come together in a task. */
  def together(operator: SparkPlan, layouts: Seq[Layout]): Layout = operator match {
    case union: UnionExec if union.outputPartitioning.isInstanceOf[UnknownPartitioning] =>
      oneAfterOther(layouts)
    case _: UnionExec => zip(layouts.filter(_.taskCount > 0))
    case _: CartesianProductExec => pairs(layouts)
    case _ => zip(layouts)
  }

  private def oneAfterOther(layouts: Seq[Layout]): Layout = {
    val starts = layouts.scanLeft(0)((count, layout) => Math.addExact(count, layout.taskCount))
    zip(layouts.zip(starts).map { case (layout, start) =>
      layout.of(starts.last)(task =>
        Some(task - start).filter(number => number >= 0 && number < layout.taskCount))
    })
  }

  /** As Spark's CartesianRDD numbers the pairs. */
  private def pairs(layouts: Seq[Layout]): Layout = {
    val Seq(left, right) = layouts
    val count = Math.multiplyExact(left.taskCount, right.taskCount)
    zip(Seq(
      left.of(count)(task => Some(task / right.taskCount)),
      right.of(count)(task => Some(task % right.taskCount))))
  }

  private def zip(layouts: Seq[Layout]): Layout =
    if (layouts.length == 1) layouts.head else zipAll(layouts)

  private def zipAll(layouts: Seq[Layout]): Layout = {
    val counts = layouts.flatMap(_.tasks).distinct
    if (counts.length > 1) {
      throw SparkException.internalError(
        s"The inputs of a native stage have ${counts.mkString(" and ")} partitions.")
    }
    Layout(counts.headOption, layouts.flatMap(_.inputs).toMap)
  }
}
