package org.arclight.spark.rules

import org.apache.spark.sql.catalyst.expressions.SortOrder
import org.apache.spark.sql.catalyst.trees.TreeNodeTag
import org.apache.spark.sql.execution.{ExpandExec, SortExec, SparkPlan, UnionExec}
import org.apache.spark.sql.execution.aggregate.BaseAggregateExec
import org.apache.spark.sql.execution.exchange.Exchange
import org.apache.spark.sql.execution.joins.{BroadcastHashJoinExec, ShuffledJoin}
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.execution.{NativeInputExec, NativeStageExec}

/**
 * Orders that operators relied on, in plans where native joins took the place of joins that gave
 * their rows in order.
 *
 * What an operator needs of its inputs it says. What a user asked for, SORT BY or ORDER BY, is a
 * sort in the plan, unless Spark's own rule removed it because a join below gives the order anyway.
 * The plugin switches that rule off when the application starts, and removes such sorts here. Where
 * a session has it on again, joins whose order may be a user's keep it.
 */
private[rules] object RequiredOrderings {

  /** Notes which joins' order a user may have asked for; before they are replaced. */
  def note(plan: SparkPlan, conf: SQLConf): Unit =
    if (conf.getConf(SQLConf.REMOVE_REDUNDANT_SORTS_ENABLED)) noteWanted(plan)

  private def noteWanted(plan: SparkPlan): Unit = plan match {
    case _: Exchange | _: BaseAggregateExec | _: SortExec | _: ExpandExec | _: UnionExec =>
    case join: ShuffledJoin => if (join.outputOrdering.nonEmpty) join.setTagValue(WANTED, ())
    case join: BroadcastHashJoinExec if join.outputOrdering.nonEmpty =>
      join.setTagValue(RELIED, ())
      join.children.foreach(noteWanted)
    case other => other.children.foreach(noteWanted)
  }

  private val WANTED = TreeNodeTag[Unit]("arclight.orderWanted")

  /** The order that what takes a join's place must give. */
  def wanted(join: SparkPlan): Seq[SortOrder] =
    if (join.getTagValue(WANTED).isDefined) join.outputOrdering else Nil

  /**
   * The plan with a sort wherever an operator's input lost the order that the operator needs, and
   * without sorts of what is in order.
   */
  def restore(plan: SparkPlan, conf: SQLConf): SparkPlan = {
    val restored = restore(plan, inStage = false, conf)
    // A user may see it.
    if (restored.outputOrdering.nonEmpty) rely(restored)
    restored
  }

  private val RELIED = TreeNodeTag[Unit]("arclight.orderRelied")

  /** Whether something relies on a broadcast join to give rows in the order it got them. */
  def isRelied(join: SparkPlan): Boolean = join.getTagValue(RELIED).isDefined

  /** Notes the joins between an order that something relies on and what made it. */
  private def rely(plan: SparkPlan): Unit = plan match {
    case _: SortExec | _: Exchange =>
    // An order above is of its parent's own making.
    case operator if operator.outputOrdering.isEmpty =>
    case join: BroadcastHashJoinExec =>
      join.setTagValue(RELIED, ())
      join.children.foreach(rely)
    case operator => operator.children.foreach(rely)
  }

  private def restore(plan: SparkPlan, inStage: Boolean, conf: SQLConf): SparkPlan = {
    val childrenInStage = plan match {
      case _: NativeStageExec => true
      case _: NativeInputExec => false
      case _ => inStage
    }
    plan.mapChildren(restore(_, childrenInStage, conf)) match {
      case sort: SortExec if isRedundant(sort) =>
        rely(sort.child)
        sort.child
      case operator if operator.requiredChildOrdering.forall(_.isEmpty) => operator
      case operator =>
        val ordered = operator.children.zip(operator.requiredChildOrdering).map {
          // What is ordered how is found out only where it matters.
          case (child, required) if required.isEmpty => child
          case (child, required)
              if SortOrder.orderingSatisfies(child.outputOrdering, required) =>
            rely(child)
            child
          case (child, required) => sorted(child, required, childrenInStage, conf)
        }
        val changed = operator.children.zip(ordered).exists { case (one, other) => one ne other }
        if (changed) operator.withNewChildren(ordered) else operator
    }
  }

  private def isRedundant(sort: SortExec): Boolean =
    SortOrder.orderingSatisfies(sort.child.outputOrdering, sort.sortOrder) &&
      sort.child.outputPartitioning.satisfies(sort.requiredChildDistribution.head)

  /** A local sort of a native operator's rows, natively if it can be. */
  def sorted(
      plan: SparkPlan,
      order: Seq[SortOrder],
      inStage: Boolean,
      conf: SQLConf): SparkPlan = {
    def sort(child: SparkPlan): SortExec = {
      val sort = SortExec(order, global = false, child)
      child.logicalLink.foreach(sort.setLogicalLink)
      OperatorVerdict.put(sort, OperatorRegistry.verdict(sort, conf))
      sort
    }
    plan match {
      case stage: NativeStageExec if OperatorVerdict.isNative(sort(stage.child)) =>
        val ordered = NativeStageExec(sort(stage.child))
        ordered.copyTagsFrom(stage)
        ordered
      case operator if inStage && !OperatorVerdict.isNative(sort(operator)) =>
        NativeInputExec(sort(NativeStageExec(operator)))
      case operator =>
        val ordered = sort(operator)
        if (!inStage) OperatorVerdict.putObstacle(ordered, "what it sorts is not native")
        ordered
    }
  }
}
