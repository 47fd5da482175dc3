package org.arclight.spark.rules

import org.apache.spark.sql.catalyst.optimizer.{BuildLeft, BuildRight, BuildSide}
import org.apache.spark.sql.catalyst.plans._
import org.apache.spark.sql.catalyst.plans.physical.IdentityBroadcastMode
import org.apache.spark.sql.catalyst.trees.TreePattern.PLAN_EXPRESSION
import org.apache.spark.sql.execution.{InSubqueryExec, SparkPlan, SubqueryBroadcastExec}
import org.apache.spark.sql.execution.exchange.{BroadcastExchangeExec, ReusedExchangeExec}
import org.apache.spark.sql.execution.joins.{BroadcastHashJoinExec, BroadcastNestedLoopJoinExec, CartesianProductExec, HashedRelationBroadcastMode}
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.ArclightConf
import org.arclight.spark.execution.NativeBroadcastExchangeExec
import org.arclight.spark.plan.JoinTerms
import org.arclight.spark.plan.expressions.{ExpressionSupport, Native, SupportLevel, Unsupported}

/**
 * Broadcasts, and what reads them. A broadcast is native whenever its columns can be: its consumer
 * isn't known where it is planned, and those in the JVM get what they want from it as well.
 */
private[rules] object BroadcastOperators {

  private val EXCHANGE = "BroadcastExchange"

  // Not a value: the registry asks for it, and it for the registry.
  def entries: Seq[OperatorEntry] = Seq(
    StreamingOperator(
      classOf[BroadcastHashJoinExec],
      OperatorRegistry.COSTLY,
      (plan, conf) => checkHashJoin(classOf[BroadcastHashJoinExec].cast(plan), conf),
      (plan, inputs, builder) => {
        val join = classOf[BroadcastHashJoinExec].cast(plan)
        val terms = JoinTerms(
          join.leftKeys, join.rightKeys, join.joinType, join.buildSide, join.condition,
          join.isNullAwareAntiJoin, RequiredOrderings.isRelied(join))
        builder.hashJoin(inputs(0), inputs(1), terms, join.output, join.nodeName)
      },
      join => Seq(RequiredOrderings.isRelied(join))),

    StreamingOperator(
      classOf[BroadcastNestedLoopJoinExec],
      OperatorRegistry.COSTLY,
      (plan, conf) => checkNestedLoopJoin(classOf[BroadcastNestedLoopJoinExec].cast(plan), conf),
      (plan, inputs, builder) => {
        val join = classOf[BroadcastNestedLoopJoinExec].cast(plan)
        builder.nestedLoopJoin(
          inputs(0), inputs(1), join.buildSide, join.joinType, join.condition, join.output,
          join.nodeName)
      }),

    StreamingOperator(
      classOf[CartesianProductExec],
      OperatorRegistry.COSTLY,
      (plan, conf) => {
        val product = classOf[CartesianProductExec].cast(plan)
        JoinOperators.checkCondition(product.condition, product.left, product.right, conf)
      },
      (plan, inputs, builder) => {
        val product = classOf[CartesianProductExec].cast(plan)
        builder.nestedLoopJoin(
          inputs(0), inputs(1), BuildRight, Inner, product.condition, product.output,
          product.nodeName)
      }))

  /** Why a broadcast stays Spark's. */
  def obstacle(exchange: BroadcastExchangeExec, conf: SQLConf): Option[String] =
    if (!ArclightConf.isOperatorEnabled(EXCHANGE, conf)) {
      Some(s"${ArclightConf.operatorKey(EXCHANGE)} is false")
    } else {
      exchange.mode match {
        case IdentityBroadcastMode | _: HashedRelationBroadcastMode =>
          ExpressionSupport.checkColumns(exchange.output) match {
            case Unsupported(reason) => Some(reason)
            case _ => None
          }
        case other => Some(s"broadcasts of mode ${other.getClass.getSimpleName} are not native")
      }
    }

  /** Whether an operator reads a broadcast. */
  def readsBroadcast(operator: SparkPlan): Boolean = operator match {
    case _: BroadcastHashJoinExec | _: BroadcastNestedLoopJoinExec => true
    case _ => false
  }

  /** Whether a native join can read one of its sides as a broadcast. */
  def checkBroadcast(side: SparkPlan, conf: SQLConf): SupportLevel = side match {
    case exchange: BroadcastExchangeExec =>
      obstacle(exchange, conf).fold[SupportLevel](Native)(Unsupported(_))
    case ReusedExchangeExec(_, exchange: BroadcastExchangeExec) => checkBroadcast(exchange, conf)
    case other if NativeBroadcastExchangeExec.behind(other).isDefined => Native
    case _ => Unsupported("what it reads as a broadcast is not native")
  }

  /** The broadcasts of dynamic partition pruning, which are to be those of the joins. */
  def convertSubqueries(plan: SparkPlan, conf: SQLConf): SparkPlan =
    plan.transformAllExpressionsWithPruning(_.containsPattern(PLAN_EXPRESSION)) {
      case in: InSubqueryExec => in.plan match {
        case subquery @ SubqueryBroadcastExec(_, _, _, exchange: BroadcastExchangeExec)
            if obstacle(exchange, conf).isEmpty =>
          // What is below has been prepared by itself, with this rule.
          in.withNewPlan(subquery.copy(
            child = NativeBroadcastExchangeExec.of(exchange.mode, exchange.child)))
        case _ => in
      }
    }

  private def checkHashJoin(join: BroadcastHashJoinExec, conf: SQLConf): SupportLevel =
    checkBroadcast(built(join, join.buildSide), conf).and(JoinOperators.checkJoin(join, conf))

  private def built(join: SparkPlan, side: BuildSide): SparkPlan =
    if (side == BuildLeft) join.children.head else join.children(1)

  private def checkNestedLoopJoin(
      join: BroadcastNestedLoopJoinExec,
      conf: SQLConf): SupportLevel = {
    val kind = (join.joinType, join.buildSide) match {
      case (_: InnerLike, _) | (LeftOuter, BuildRight) | (RightOuter, BuildLeft) |
          (LeftSemi | LeftAnti | _: ExistenceJoin, BuildRight) => Native
      case (LeftSingle, _) =>
        Unsupported("joins that demand a single match are not native")
      case _ =>
        // Which rows matched in any task is known only when all have run.
        Unsupported("which rows of its broadcast have a match is found out by all tasks together")
    }
    kind.and(checkBroadcast(built(join, join.buildSide), conf)).and(
      JoinOperators.checkCondition(join.condition, join.left, join.right, conf))
  }
}
