package org.arclight.spark.explain

import org.apache.spark.sql.execution._
import org.apache.spark.sql.execution.adaptive.{AdaptiveSparkPlanExec, AQEShuffleReadExec, QueryStageExec}
import org.apache.spark.sql.execution.command.DataWritingCommandExec
import org.apache.spark.sql.execution.datasources.WriteFilesExec
import org.apache.spark.sql.execution.exchange.ReusedExchangeExec

import org.arclight.spark.execution.{NativeBroadcastExchangeExec, NativeInputExec, NativeShuffleExchangeExec, NativeStageExec, NativeTakeOrderedAndProjectExec, SinglePartitionReadExec}
import org.arclight.spark.rules.OperatorVerdict
import org.arclight.spark.rules.OperatorVerdict.{JvmOperator, NativeOperator}

/** How an operator of a plan runs. */
sealed abstract class OperatorMark(val symbol: Char)

object OperatorMark {
  /** By the engine alone. */
  case object NativeMark extends OperatorMark('*')

  /** By the engine, with an expression that Spark's own code evaluates. */
  final case class ThroughJvmMark(reason: String) extends OperatorMark('@')

  /** By Spark. */
  final case class JvmMark(reason: String) extends OperatorMark('!')

  /** Nothing runs: the node only frames others. */
  case object Frame extends OperatorMark(' ')
}

/** Reads plans: what of them is native, and why the rest is not. */
object NativePlans {
  import OperatorMark._

  /** A node, how it runs, and how deep it stands. */
  final case class MarkedOperator(node: SparkPlan, mark: OperatorMark, depth: Int)

  /** Every node of a plan that was prepared or has run, through AQE's stages and into subqueries. */
  def operators(plan: SparkPlan): Seq[MarkedOperator] = walk(plan, 0, native = false)

  /** The operators that Spark runs, and why. */
  def fallbacks(plan: SparkPlan): Seq[(SparkPlan, String)] = operators(plan).collect {
    case MarkedOperator(node, JvmMark(reason), _) => (node, reason)
  }

  /** The operators that the engine runs. */
  def natives(plan: SparkPlan): Seq[SparkPlan] = operators(plan).collect {
    case MarkedOperator(node, NativeMark | _: ThroughJvmMark, _) => node
  }

  private def walk(plan: SparkPlan, depth: Int, native: Boolean): Seq[MarkedOperator] = {
    def below(children: Seq[SparkPlan], native: Boolean): Seq[MarkedOperator] =
      children.flatMap(walk(_, depth + 1, native)) ++
        plan.subqueries.flatMap(walk(_, depth + 1, native = false))

    plan match {
      // Frames take no room in the tree.
      case adaptive: AdaptiveSparkPlanExec => walk(adaptive.executedPlan, depth, native = false)
      case stage: QueryStageExec => walk(stage.plan, depth, native = false)
      case stage: NativeStageExec => walk(stage.child, depth, native = true)
      case input: NativeInputExec => walk(input.child, depth, native = false)
      case generated: WholeStageCodegenExec => walk(generated.child, depth, native)
      case InputAdapter(child) => walk(child, depth, native)
      case _: AQEShuffleReadExec | _: SinglePartitionReadExec | _: SubqueryExec |
          _: ReusedSubqueryExec | _: SubqueryBroadcastExec | _: DataWritingCommandExec |
          _: WriteFilesExec | _: CommandResultExec | _: ColumnarToRowExec =>
        MarkedOperator(plan, Frame, depth) +: below(plan.children, native = false)
      // What is reused was marked where it runs.
      case reused: ReusedExchangeExec => Seq(MarkedOperator(reused, Frame, depth))
      case exchange @ (_: NativeShuffleExchangeExec | _: NativeBroadcastExchangeExec) =>
        MarkedOperator(exchange, NativeMark, depth) +: below(exchange.children, native = false)
      case top: NativeTakeOrderedAndProjectExec =>
        MarkedOperator(top, mark(top, native = true), depth) +: below(top.children, native = false)
      case operator =>
        MarkedOperator(operator, mark(operator, native), depth) +: below(operator.children, native)
    }
  }

  private def mark(operator: SparkPlan, native: Boolean): OperatorMark =
    if (native) {
      OperatorVerdict.of(operator) match {
        case Some(NativeOperator(Some(reason))) => ThroughJvmMark(reason)
        case _ => NativeMark
      }
    } else {
      OperatorVerdict.of(operator) match {
        case Some(JvmOperator(reason)) => JvmMark(reason)
        case _ => JvmMark(OperatorVerdict.obstacle(operator)
          .getOrElse(s"there is no native ${operator.nodeName}"))
      }
    }

  /** The tree as text: a line a node, with its mark and, where it isn't native, the reason. */
  def describe(plan: SparkPlan, onlyFallbacks: Boolean = false): String =
    operators(plan)
      .filter(marked => !onlyFallbacks || marked.mark.isInstanceOf[JvmMark])
      .map { case MarkedOperator(node, mark, depth) =>
        val indent = if (onlyFallbacks) "" else "  " * depth
        val reason = mark match {
          case JvmMark(why) => s" [$why]"
          case ThroughJvmMark(why) => s" [through the JVM: $why]"
          case _ => ""
        }
        s"${mark.symbol} $indent${node.nodeName}$reason"
      }
      .mkString("\n")
}
