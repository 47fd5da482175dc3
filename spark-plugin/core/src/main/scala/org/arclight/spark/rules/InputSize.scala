package org.arclight.spark.rules

import org.apache.spark.sql.catalyst.expressions.Attribute
import org.apache.spark.sql.catalyst.optimizer.{BuildLeft, BuildRight, BuildSide}
import org.apache.spark.sql.catalyst.plans._
import org.apache.spark.sql.catalyst.plans.logical.statsEstimation.EstimationUtils
import org.apache.spark.sql.execution.{SparkPlan, UnaryExecNode, UnionExec}
import org.apache.spark.sql.execution.adaptive.QueryStageExec
import org.apache.spark.sql.execution.exchange.ReusedExchangeExec
import org.apache.spark.sql.execution.joins.{BaseJoinExec, BroadcastHashJoinExec, BroadcastNestedLoopJoinExec}

import org.arclight.spark.execution.NativeInputExec

/**
 * How many bytes an operator gives, as UnsafeRows.
 *
 * @param isMeasured whether all it reads comes from stages that have run; else leaves are estimated
 *   by Spark
 */
private[rules] final case class InputSize(bytes: BigInt, isMeasured: Boolean) {

  private def +(other: InputSize): InputSize =
    InputSize(bytes + other.bytes, isMeasured && other.isMeasured)

  /** The size of as many rows of other columns. */
  private def resized(from: Seq[Attribute], to: Seq[Attribute]): InputSize =
    copy(bytes = bytes * EstimationUtils.getSizePerRow(to) / EstimationUtils.getSizePerRow(from))
}

private[rules] object InputSize {

  /**
   * The size of a plan's output. Joins are taken to find one partner for each row of the larger
   * side; filters and aggregations, to keep all rows.
   */
  def of(plan: SparkPlan): InputSize = plan match {
    case stage: QueryStageExec =>
      stage.computeStats()
        .map(found => InputSize(found.sizeInBytes, isMeasured = true))
        .getOrElse(estimated(stage))
    case ReusedExchangeExec(_, exchange) => of(exchange)
    case NativeInputExec(child) => of(child)
    case join: BaseJoinExec => ofJoin(join)
    case union: UnionExec => union.children.map(of).reduce(_ + _)
    case unary: UnaryExecNode => of(unary.child).resized(unary.child.output, unary.output)
    case other if other.children.isEmpty => estimated(other)
    case other => other.children.map(of).reduce(_ + _)
  }

  /**
   * The side to build the table of: the smaller one. Without measured sizes the side that was
   * planned stays.
   */
  def buildSide(left: SparkPlan, right: SparkPlan, planned: Option[BuildSide]): BuildSide = {
    val (leftSize, rightSize) = (of(left), of(right))
    planned match {
      case Some(side) if !(leftSize.isMeasured && rightSize.isMeasured) => side
      case _ => if (leftSize.bytes < rightSize.bytes) BuildLeft else BuildRight
    }
  }

  private def ofJoin(join: BaseJoinExec): InputSize = {
    lazy val left = of(join.left).resized(join.left.output, join.output)
    lazy val right = of(join.right).resized(join.right.output, join.output)
    val streamed = join match {
      case broadcast: BroadcastHashJoinExec => Some(broadcast.buildSide)
      case loop: BroadcastNestedLoopJoinExec => Some(loop.buildSide)
      case _ => None
    }
    (join.joinType, streamed) match {
      case (LeftSemi | LeftAnti | _: ExistenceJoin, _) => left
      case (FullOuter, _) => left + right
      case (_, Some(BuildRight)) => left
      case (_, Some(BuildLeft)) => right
      case _ => if (left.bytes < right.bytes) right else left
    }
  }

  private def estimated(plan: SparkPlan): InputSize =
    InputSize(plan.logicalLink.fold(UNKNOWN)(_.stats.sizeInBytes), isMeasured = false)

  private val UNKNOWN = BigInt(Long.MaxValue)
}
