package org.arclight.spark.rules

import org.apache.spark.sql.catalyst.expressions.Expression
import org.apache.spark.sql.catalyst.plans.LeftSingle
import org.apache.spark.sql.execution.{SortExec, SparkPlan}
import org.apache.spark.sql.execution.joins.{BaseJoinExec, ShuffledHashJoinExec, SortMergeJoinExec}
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.ArclightConf
import org.arclight.spark.execution.{NativeHashJoinExec, PlannedHashJoin, PlannedMergeJoin}
import org.arclight.spark.plan.{JoinTerms, SparkTypes}
import org.arclight.spark.plan.expressions.{ExpressionSupport, Native, SupportLevel, Unsupported}

/** Joins of two sides that are partitioned alike. */
private[rules] object JoinOperators {

  // Not a value: the registry asks for it, and it for the registry.
  def entries: Seq[OperatorEntry] = Seq(
    ReplacedOperator(
      classOf[SortMergeJoinExec],
      (plan, conf) => {
        val join = classOf[SortMergeJoinExec].cast(plan)
        if (ArclightConf.REPLACE_MERGE_JOIN.get(conf)) checkJoin(join, conf)
        else Unsupported(s"${ArclightConf.REPLACE_MERGE_JOIN.key} is false")
      },
      plan => fromMergeJoin(classOf[SortMergeJoinExec].cast(plan))),

    ReplacedOperator(
      classOf[ShuffledHashJoinExec],
      (plan, conf) => checkJoin(classOf[ShuffledHashJoinExec].cast(plan), conf),
      plan => fromHashJoin(classOf[ShuffledHashJoinExec].cast(plan))),

    StreamingOperator(
      classOf[NativeHashJoinExec],
      // A merge join's two sorts are saved as well.
      saving = 2 * OperatorRegistry.COSTLY,
      (plan, conf) => checkJoin(classOf[NativeHashJoinExec].cast(plan), conf),
      (plan, inputs, builder) => {
        val join = classOf[NativeHashJoinExec].cast(plan)
        val terms = JoinTerms(
          join.leftKeys, join.rightKeys, join.joinType, join.buildSide, join.condition)
        builder.hashJoin(inputs(0), inputs(1), terms, join.output, join.nodeName)
      }))

  /** Whether a join by keys can be native: the same for every way of bringing its sides together. */
  def checkJoin(join: BaseJoinExec, conf: SQLConf): SupportLevel = {
    def kind: SupportLevel = join.joinType match {
      case LeftSingle => Unsupported("joins that raise on a second partner are not native")
      case _ => Native
    }
    def keys: SupportLevel = join.leftKeys.map(_.dataType).find(SparkTypes.hasMap) match {
      case Some(dataType) => Unsupported(s"joins by ${dataType.sql} are not native")
      case None => Native
    }
    kind.and(keys)
      .and(ExpressionSupport.checkAll(join.leftKeys, join.left.output, conf))
      .and(ExpressionSupport.checkAll(join.rightKeys, join.right.output, conf))
      .and(checkCondition(join.condition, join.left, join.right, conf))
  }

  /** Whether a join's condition beside its keys, if it has one, can be evaluated natively. */
  def checkCondition(
      condition: Option[Expression],
      left: SparkPlan,
      right: SparkPlan,
      conf: SQLConf): SupportLevel =
    condition.fold[SupportLevel](Native)(
      ExpressionSupport.check(_, left.output ++ right.output, conf))

  /** A hash join in place of a merge join, without the sorts below that exist only for it. */
  private def fromMergeJoin(join: SortMergeJoinExec): SparkPlan = {
    val left = unsorted(join.left)
    val right = unsorted(join.right)
    NativeHashJoinExec(
      join.leftKeys,
      join.rightKeys,
      join.joinType,
      InputSize.buildSide(left, right, planned = None),
      join.condition,
      PlannedMergeJoin(leftSorted = left ne join.left, rightSorted = right ne join.right),
      join.isSkewJoin,
      left,
      right)
  }

  private def fromHashJoin(join: ShuffledHashJoinExec): SparkPlan =
    NativeHashJoinExec(
      join.leftKeys,
      join.rightKeys,
      join.joinType,
      InputSize.buildSide(join.left, join.right, planned = Some(join.buildSide)),
      join.condition,
      PlannedHashJoin(join.buildSide),
      join.isSkewJoin,
      join.left,
      join.right)

  private def unsorted(input: SparkPlan): SparkPlan = input match {
    case sort: SortExec if !sort.global => sort.child
    case other => other
  }
}
