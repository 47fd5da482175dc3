package org.arclight.spark.rules

import scala.collection.mutable.ListBuffer

import org.apache.spark.internal.Logging
import org.apache.spark.sql.catalyst.expressions.{InputFileBlockLength, InputFileBlockStart, InputFileName, SortOrder}
import org.apache.spark.sql.catalyst.expressions.aggregate.{AggregateExpression, Final, PartialMerge, TypedImperativeAggregate}
import org.apache.spark.sql.execution.{FileSourceScanExec, LeafExecNode, LimitExec, SortExec, SparkPlan, TakeOrderedAndProjectExec}
import org.apache.spark.sql.execution.adaptive.{AQEShuffleReadExec, QueryStageExec}
import org.apache.spark.sql.execution.aggregate.{BaseAggregateExec, HashAggregateExec, ObjectHashAggregateExec, SortAggregateExec}
import org.apache.spark.sql.execution.exchange.Exchange
import org.apache.spark.sql.execution.window.WindowExec
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.execution.NativeStageExec
import org.arclight.spark.plan.expressions.ErrorFreedom
import org.arclight.spark.rules.OperatorVerdict.{JvmOperator, NativeOperator}

/**
 * Says of every operator whether it can be native, or why not, in a tag; it replaces nothing. What
 * it says is found out when it is asked for, which for most operators is not before they run.
 * What is tagged already stays so, but for joins with a broadcast, which depend on what became of it.
 */
private[rules] object TagNativePlans extends PreparationStep with Logging {

  override def prepare(survey: PlanSurvey): SparkPlan = {
    tag(survey.plan, conf)
    survey.plan
  }

  def tag(plan: SparkPlan, conf: SQLConf): Unit = {
    val phases = new ListBuffer[BaseAggregateExec]
    tagOperators(plan, conf, Reader(), phases)
    if (phases.nonEmpty) tagOwnBuffers(phases.toList)
  }

  /**
   * What the operators above, up to the next exchange, do with an operator's rows.
   *
   * @param wantsFileName whether one asks for the name of the file a row is from: only a scan
   *     without a verdict wants to know
   * @param stopsEarly whether one may leave rows unread
   */
  private final case class Reader(
      wantsFileName: () => Boolean = () => false,
      stopsEarly: Boolean = false)

  /** @param phases gets the aggregations whose buffers are the engine's own, from above */
  private def tagOperators(
      plan: SparkPlan,
      conf: SQLConf,
      reader: Reader,
      phases: ListBuffer[BaseAggregateExec]): Unit = plan match {
    case _: NativeStageExec | _: QueryStageExec =>
    case exchange: Exchange => exchange.children.foreach(tagOperators(_, conf, Reader(), phases))
    case operator =>
      lazy val fileNameWanted = reader.wantsFileName() || asksFileName(operator)
      if (!OperatorVerdict.isTagged(operator) || BroadcastOperators.readsBroadcast(operator)) {
        OperatorVerdict.put(operator, guarded(conf)(operator match {
          case _: FileSourceScanExec if fileNameWanted =>
            JvmOperator("an operator above asks for the name of the file a row is from")
          case window: WindowExec
              if reader.stopsEarly && !ErrorFreedom.ofWindow(window.windowExpression, conf) =>
            JvmOperator(MAY_STAY_UNREAD)
          case aggregation: SortAggregateExec if reader.stopsEarly && mayRaise(aggregation, conf) =>
            JvmOperator(MAY_STAY_UNREAD)
          case _ => OperatorRegistry.verdict(operator, conf)
        }))
      }
      val stopsEarly = operator match {
        case _: LimitExec => true
        // Of rows that are in order it takes the first.
        case take: TakeOrderedAndProjectExec =>
          SortOrder.orderingSatisfies(take.child.outputOrdering, take.sortOrder)
        case _: SortExec | _: HashAggregateExec | _: ObjectHashAggregateExec => false
        case _ => reader.stopsEarly
      }
      operator match {
        case aggregation: BaseAggregateExec if hasOwnBuffers(aggregation) => phases += aggregation
        case _ =>
      }
      val further = Reader(() => fileNameWanted, stopsEarly)
      operator.children.foreach { child =>
        // An exchange does not see what reads it when it becomes native.
        if (child.isInstanceOf[Exchange]) {
          OperatorVerdict.putConsumer(child, OperatorVerdict.isNative(operator))
        }
        tagOperators(child, conf, further, phases)
      }
  }

  /** A verdict; what none can be found of stays Spark's. It may be asked for outside a rule. */
  private def guarded(conf: SQLConf)(verdict: => OperatorVerdict): OperatorVerdict =
    RuleDefect.guarded[OperatorVerdict](
      name, conf, defect => JvmOperator(s"whether it can be native was not found out: $defect"))(
      verdict)

  /**
   * Whether what Spark evaluates while it takes in sorted groups may raise; the engine takes in all
   * of them first.
   */
  private def mayRaise(plan: SparkPlan, conf: SQLConf): Boolean = plan match {
    case _: SortExec | _: HashAggregateExec | _: ObjectHashAggregateExec | _: Exchange |
        _: QueryStageExec | _: LeafExecNode => false
    case groups: SortAggregateExec =>
      !ErrorFreedom.ofAggregation(groups, conf) || mayRaise(groups.child, conf)
    case window: WindowExec =>
      !ErrorFreedom.ofWindow(window.windowExpression, conf) || mayRaise(window.child, conf)
    case other =>
      !other.expressions.forall(ErrorFreedom.of(_, conf)) || other.children.exists(mayRaise(_, conf))
  }

  private val MAY_STAY_UNREAD = "it may raise for a row that a limit above leaves unread"

  /** Only Spark's own scans say which file they read. */
  private def asksFileName(operator: SparkPlan): Boolean = operator.expressions.exists(_.exists {
    case _: InputFileName | _: InputFileBlockStart | _: InputFileBlockLength => true
    case _ => false
  })

  /**
   * Functions whose buffer is one binary column have another format in the engine than in Spark:
   * an aggregation with such functions is native in all its phases or in none. A phase that has run
   * binds those above it.
   */
  private def tagOwnBuffers(phases: Seq[BaseAggregateExec]): Unit = {
    // From above: a phase and what it merges.
    phases.foreach { node =>
      below(node).foreach {
        case FinishedPhase(native) =>
          if (!native) refuse(node, "an earlier phase of it ran in the JVM")
          else if (!OperatorVerdict.isNative(node)) {
            logWarning(s"${node.nodeName} merges buffers of a native phase in the JVM")
          }
        case OpenPhase(earlier) =>
          if (!OperatorVerdict.isNative(node)) refuse(earlier, "a later phase of it is not native")
      }
    }
    // From below: what became of the earlier phases holds for the later.
    phases.reverse.foreach { node =>
      below(node).foreach {
        case OpenPhase(earlier) if !OperatorVerdict.isNative(earlier) =>
          refuse(node, "an earlier phase of it is not native")
        case _ =>
      }
    }
  }

  private sealed trait Phase
  private final case class OpenPhase(node: BaseAggregateExec) extends Phase
  private final case class FinishedPhase(native: Boolean) extends Phase

  private def hasOwnBuffers(node: BaseAggregateExec): Boolean = node.aggregateExpressions
    .exists(_.aggregateFunction.isInstanceOf[TypedImperativeAggregate[_]])

  /** The phase whose buffers a node merges. */
  private def below(node: BaseAggregateExec): Option[Phase] = {
    def search(plan: SparkPlan): Option[Phase] = plan match {
      case earlier: BaseAggregateExec =>
        if (hasOwnBuffers(earlier)) Some(OpenPhase(earlier)) else None
      case stage: QueryStageExec => finished(stage.plan)
      case AQEShuffleReadExec(child, _) => search(child)
      case unary if unary.children.length == 1 => search(unary.children.head)
      case _ => None
    }
    def finished(plan: SparkPlan): Option[Phase] = plan match {
      case stage: NativeStageExec =>
        stage.operators.collectFirst {
          case earlier: BaseAggregateExec if hasOwnBuffers(earlier) => FinishedPhase(native = true)
        }.orElse(stage.inputs.headOption.flatMap(input => finished(input.child)))
      case earlier: BaseAggregateExec if hasOwnBuffers(earlier) => Some(FinishedPhase(native = false))
      case unary if unary.children.length == 1 => finished(unary.children.head)
      case _ => None
    }
    if (node.aggregateExpressions.exists(merges)) search(node.child) else None
  }

  private def merges(function: AggregateExpression): Boolean =
    function.mode == Final || function.mode == PartialMerge

  private def refuse(node: SparkPlan, reason: String): Unit = OperatorVerdict.of(node) match {
    case Some(_: NativeOperator) => OperatorVerdict.put(node, JvmOperator(reason))
    case _ =>
  }
}
