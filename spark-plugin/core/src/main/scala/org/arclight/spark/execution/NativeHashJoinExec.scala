package org.arclight.spark.execution

import org.apache.spark.SparkException
import org.apache.spark.rdd.RDD
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.{Ascending, Attribute, Expression, SortOrder}
import org.apache.spark.sql.catalyst.optimizer.BuildSide
import org.apache.spark.sql.catalyst.plans.JoinType
import org.apache.spark.sql.catalyst.plans.physical.{Distribution, Partitioning}
import org.apache.spark.sql.execution.{SortExec, SparkPlan}
import org.apache.spark.sql.execution.joins.{BaseJoinExec, ShuffledHashJoinExec, ShuffledJoin, SortMergeJoinExec}
import org.apache.spark.sql.execution.metric.{SQLMetric, SQLMetrics}

/** What Spark planned where a native hash join stands. */
sealed trait PlannedJoin

/**
 * @param leftSorted whether the left input was sorted for this join alone
 * @param rightSorted whether the right input was
 */
final case class PlannedMergeJoin(leftSorted: Boolean, rightSorted: Boolean) extends PlannedJoin

/** @param buildSide the side that Spark would have built the table of */
final case class PlannedHashJoin(buildSide: BuildSide) extends PlannedJoin

/**
 * A hash join of two sides that are partitioned alike, inside a native stage. It takes the place of
 * Spark's merge joins, without the sorts that these need, and of its shuffled hash joins.
 *
 * Its rows are in no order: when the table does not fit in memory, both sides are partitioned
 * further.
 *
 * @param planned what it takes the place of; plans that Spark takes for equal stay so
 */
final case class NativeHashJoinExec(
    leftKeys: Seq[Expression],
    rightKeys: Seq[Expression],
    joinType: JoinType,
    buildSide: BuildSide,
    condition: Option[Expression],
    planned: PlannedJoin,
    isSkewJoin: Boolean,
    left: SparkPlan,
    right: SparkPlan)
  extends BaseJoinExec {

  override lazy val metrics: Map[String, SQLMetric] = Map(
    "numOutputRows" -> SQLMetrics.createMetric(sparkContext, "number of output rows"),
    "joinTime" -> SQLMetrics.createTimingMetric(sparkContext, "time in join"),
    "peakMemory" -> SQLMetrics.createSizeMetric(sparkContext, "peak memory"),
    "spillSize" -> SQLMetrics.createSizeMetric(sparkContext, "spill size"))

  override def nodeName: String = {
    val name = planned match {
      case _: PlannedMergeJoin => "ShuffledHashJoin instead of SortMergeJoin"
      case _: PlannedHashJoin => "ShuffledHashJoin"
    }
    if (isSkewJoin) s"$name(skew=true)" else name
  }

  override def stringArgs: Iterator[Any] =
    Iterator[Any](leftKeys, rightKeys, joinType, buildSide) ++ condition

  @transient private lazy val sparksJoin = sparks(left, right)

  override def output: Seq[Attribute] = sparksJoin.output

  override def outputPartitioning: Partitioning = sparksJoin.outputPartitioning

  override def outputOrdering: Seq[SortOrder] = Nil

  override def requiredChildDistribution: Seq[Distribution] =
    sparksJoin.requiredChildDistribution

  /** Spark's join over inputs. */
  private def sparks(left: SparkPlan, right: SparkPlan): ShuffledJoin = planned match {
    case _: PlannedMergeJoin =>
      SortMergeJoinExec(leftKeys, rightKeys, joinType, condition, left, right, isSkewJoin)
    case PlannedHashJoin(side) =>
      ShuffledHashJoinExec(
        leftKeys, rightKeys, joinType, side, condition, left, right, isSkewJoin)
  }

  /** As Spark's join over the same inputs. */
  override protected def doCanonicalize(): SparkPlan = {
    def sorted(input: SparkPlan, keys: Seq[Expression], was: Boolean): SparkPlan =
      if (was) SortExec(keys.map(SortOrder(_, Ascending)), global = false, input) else input
    val asPlanned = planned match {
      case PlannedMergeJoin(leftSorted, rightSorted) =>
        sparks(sorted(left, leftKeys, leftSorted), sorted(right, rightKeys, rightSorted))
      case _: PlannedHashJoin => sparksJoin
    }
    asPlanned.canonicalized
  }

  override protected def doExecute(): RDD[InternalRow] =
    throw SparkException.internalError(s"$nodeName runs inside a native stage.")

  override protected def withNewChildrenInternal(
      newLeft: SparkPlan,
      newRight: SparkPlan): NativeHashJoinExec =
    copy(left = newLeft, right = newRight)
}
