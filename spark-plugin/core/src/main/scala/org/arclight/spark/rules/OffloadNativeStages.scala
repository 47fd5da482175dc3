package org.arclight.spark.rules

import org.apache.spark.SparkEnv
import org.apache.spark.arclight.TaskInternals
import org.apache.spark.internal.Logging
import org.apache.spark.sql.catalyst.expressions.SortOrder
import org.apache.spark.sql.catalyst.plans.physical.{HashPartitioning, RangePartitioning, RoundRobinPartitioning, SinglePartition}
import org.apache.spark.sql.catalyst.rules.Rule
import org.apache.spark.sql.execution.{ColumnarRule, LocalLimitExec, SparkPlan, TakeOrderedAndProjectExec}
import org.apache.spark.sql.execution.adaptive.{AQEShuffleReadExec, ExchangeQueryStageExec}
import org.apache.spark.sql.execution.exchange.{BroadcastExchangeExec, REQUIRED_BY_STATEFUL_OPERATOR, ReusedExchangeExec, ShuffleExchangeExec}

import org.arclight.spark.{ArclightConf, PlanningTime}
import org.arclight.spark.execution._
import org.arclight.spark.plan.expressions.{ExpressionSupport, Native, SupportLevel, Unsupported}
import org.arclight.spark.rules.OperatorVerdict.JvmOperator
import org.arclight.spark.shuffle.ArclightShuffleManager

/** The rule, where Spark wants it: before it inserts transitions. */
object ArclightColumnarRule extends ColumnarRule {
  override def preColumnarTransitions: Rule[SparkPlan] = OffloadNativeStages
}

/**
 * Makes native stages of neighbours that are tagged native, and native exchanges above them:
 * {{{
 *   Exchange                      NativeExchange
 *   +- HashAggregate              +- NativeStage
 *      +- Filter           =>        +- HashAggregate
 *         +- Generate                   +- Filter
 *                                          +- NativeInput
 *                                             +- Generate
 * }}}
 * A stage that reads rows of the JVM must save more than that costs, or else it stays in the JVM.
 */
object OffloadNativeStages extends Rule[SparkPlan] with Logging {

  /** What an input of JVM rows costs, in units of what a cheap operator saves. */
  private val ROWS_INPUT_COST = 2.0

  override def apply(plan: SparkPlan): SparkPlan =
    if (ArclightConf.isEnabled(conf) && !isStreaming(plan)) {
      RuleDefect.guarded(ruleName, conf, _ => plan) {
        PlanningTime.measure {
          val whole = BroadcastOperators.convertSubqueries(plan, conf)
          TagNativePlans.tag(whole, conf)
          RequiredOrderings.note(whole, conf)
          RequiredOrderings.restore(convert(whole), conf)
        }
      }
    } else {
      plan
    }

  private def isStreaming(plan: SparkPlan): Boolean =
    plan.exists(_.getClass.getName.startsWith("org.apache.spark.sql.execution.streaming."))

  /**
   * @param mayDrop whether what reads `plan`, in the JVM, may drop a row before its columns are
   *     evaluated
   */
  private def convert(plan: SparkPlan, mayDrop: Boolean = false): SparkPlan = plan match {
    case stage: NativeStageExec => stage
    case exchange: ShuffleExchangeExec => convertExchange(exchange)
    case broadcast: BroadcastExchangeExec => convertBroadcast(broadcast)
    case take: TakeOrderedAndProjectExec if OperatorVerdict.isNative(take) => convertTopN(take)
    case operator if isFusible(operator) => convertRegion(operator, mayDrop)
    case operator => convertInputs(operator)
  }

  /** An operator that stays in the JVM. */
  private def convertInputs(operator: SparkPlan): SparkPlan = {
    val dropping = DeferredProjections.droppingInputs(operator, conf)
    operator.mapChildren(child => convert(child, dropping.exists(_ eq child)))
  }

  private def convertRegion(root: SparkPlan, mayDrop: Boolean): SparkPlan = {
    val deferred = DeferredProjections.defer(root, conf)
    val left = if (mayDrop) DeferredProjections.forTheJvm(deferred, conf) else None
    left match {
      case Some(project) =>
        root.logicalLink.foreach(project.setLogicalLink)
        OperatorVerdict.put(
          project, JvmOperator("it may raise for rows that an operator of the JVM above it drops"))
        convertInputs(project)
      case None =>
        val stage = NativeStageExec(grow(deferred))
        if (isWorthwhile(stage)) {
          root.logicalLink.foreach(stage.setLogicalLink)
          stage
        } else {
          OperatorVerdict.putObstacle(
            root, "carrying rows between it and the JVM costs more than it saves")
          convertInputs(root)
        }
    }
  }

  /** The native operators from `plan` downwards, with what they read behind borders. */
  private def grow(plan: SparkPlan): SparkPlan =
    if (isFusible(plan)) {
      standIn(plan)
    } else {
      NativeInputExec(convert(plan))
    }

  private def isFusible(plan: SparkPlan): Boolean =
    OperatorVerdict.isNative(plan) && OperatorRegistry.isFusible(plan)

  /** What runs for an operator that is native: itself, or what its entry has in its place. */
  private def standIn(plan: SparkPlan): SparkPlan = OperatorRegistry.entry(plan) match {
    case Some(replaced: ReplacedOperator) =>
      val other = replaced.replace(plan)
      other.copyTagsFrom(plan)
      val grown = other.mapChildren(grow)
      val order = RequiredOrderings.wanted(plan)
      if (order.isEmpty) grown
      else RequiredOrderings.sorted(grown, order, inStage = true, conf)
    case _ => plan.mapChildren(grow)
  }

  private def isWorthwhile(stage: NativeStageExec): Boolean = {
    val saving = savingOf(stage.child)
    val inputsOfRows = stage.inputs.count(input => !isNativeResult(input.child))
    val cost = inputsOfRows * ROWS_INPUT_COST * ArclightConf.TRANSITION_COST.get(conf)
    saving > 0 && (cost == 0 || saving > cost)
  }

  private def savingOf(operator: SparkPlan): Double = operator match {
    case _: NativeInputExec => 0
    case _ =>
      operator.children.foldLeft(OperatorRegistry.entry(operator).fold(0.0)(_.saving))(
        _ + savingOf(_))
  }

  /** Whether a native stage above reads a plan's rows without the JVM between. */
  private def isNativeResult(plan: SparkPlan): Boolean = plan match {
    case _: NativeShuffleExchangeExec | _: NativeBroadcastExchangeExec |
        _: NativeTakeOrderedAndProjectExec => true
    case ReusedExchangeExec(_, child) => isNativeResult(child)
    case stage: ExchangeQueryStageExec => isNativeResult(stage.plan)
    case AQEShuffleReadExec(child, _) => isNativeResult(child)
    case SinglePartitionReadExec(child) => isNativeResult(child)
    case _ => false
  }

  private def convertBroadcast(broadcast: BroadcastExchangeExec): SparkPlan =
    BroadcastOperators.obstacle(broadcast, conf) match {
      case None =>
        val native = NativeBroadcastExchangeExec.of(broadcast.mode, convert(broadcast.child))
        native.copyTagsFrom(broadcast)
        native
      case Some(reason) =>
        OperatorVerdict.putObstacle(broadcast, reason)
        withoutKeys(broadcast.child)
        broadcast.mapChildren(convert(_))
    }

  /**
   * An exchange is native if what it reads is. Rows of the JVM become columns before it if they
   * would behind it: that costs the same, and the blocks are smaller.
   */
  private def convertExchange(exchange: ShuffleExchangeExec): SparkPlan = {
    val child = convert(exchange.child)
    lazy val why = obstacle(exchange)
    child match {
      case stage: NativeStageExec if why.isEmpty => nativeExchange(exchange, stage)
      case rows if why.isEmpty &&
          (isNativeResult(rows) || OperatorVerdict.hasNativeConsumer(exchange)) =>
        nativeExchange(exchange, NativeStageExec(NativeInputExec(rows)))
      case _: NativeStageExec =>
        why.foreach(OperatorVerdict.putObstacle(exchange, _))
        withoutKeys(exchange.child)
        exchange.withNewChildren(Seq(child))
      case _ =>
        OperatorVerdict.putObstacle(
          exchange, why.getOrElse("neither what it reads nor what reads it is native"))
        exchange.withNewChildren(Seq(child))
    }
  }

  /** Only native exchanges have keys collected. */
  private def withoutKeys(plan: SparkPlan): Unit = plan match {
    case collect: CollectKeysExec => collect.keys.giveUp()
    case _ =>
  }

  private def nativeExchange(exchange: ShuffleExchangeExec, stage: NativeStageExec): SparkPlan = {
    val native = NativeShuffleExchangeExec(
      exchange.outputPartitioning, stage, exchange.shuffleOrigin, exchange.advisoryPartitionSize)
    native.copyTagsFrom(exchange)
    native
  }

  private def obstacle(exchange: ShuffleExchangeExec): Option[String] =
    if (!ArclightConf.isOperatorEnabled(EXCHANGE, conf)) {
      Some(s"${ArclightConf.operatorKey(EXCHANGE)} is false")
    } else if (shuffleObstacle.isDefined) {
      shuffleObstacle
    } else if (exchange.shuffleOrigin == REQUIRED_BY_STATEFUL_OPERATOR) {
      Some("a stateful operator needs it")
    } else {
      val inputs = exchange.child.output
      val partitioning: SupportLevel = exchange.outputPartitioning match {
        case SinglePartition | _: RoundRobinPartitioning => Native
        case hash: HashPartitioning if hash.getClass == classOf[HashPartitioning] =>
          ExpressionSupport.checkAll(hash.expressions, inputs, conf)
        case range: RangePartitioning =>
          ExpressionSupport.checkAll(range.ordering.map(_.child), inputs, conf)
        case other => Unsupported(s"partitioning by ${other.getClass.getSimpleName} is not native")
      }
      ExpressionSupport.checkColumns(inputs).and(partitioning) match {
        case Unsupported(reason) => Some(reason)
        case _ => None
      }
    }

  private val EXCHANGE = "ShuffleExchange"

  /** Why no shuffle can be native. */
  private def shuffleObstacle: Option[String] =
    if (!ArclightConf.SHUFFLE_ENABLED.get(conf)) {
      Some(s"${ArclightConf.SHUFFLE_ENABLED.key} is false")
    } else if (!SparkEnv.get.shuffleManager.isInstanceOf[ArclightShuffleManager]) {
      Some(s"the shuffle manager is ${SparkEnv.get.shuffleManager.getClass.getName}")
    } else if (TaskInternals.isIoEncrypted) {
      Some("spark.io.encryption.enabled is true")
    } else {
      None
    }

  /**
   * Each task's first rows are found in the stage below; they are merged natively too, if their
   * shuffle can be:
   * {{{
   *   TakeOrderedAndProject        NativeTakeOrderedAndProject
   *   +- Filter              =>    +- NativeStage
   *                                   +- LocalTopN
   *                                      +- Filter
   * }}}
   */
  private def convertTopN(take: TakeOrderedAndProjectExec): SparkPlan = {
    // A verdict is found out later.
    val conf = this.conf
    val first = LocalTopNExec(take.limit, take.sortOrder, take.child)
    take.logicalLink.foreach(first.setLogicalLink)
    OperatorVerdict.put(first, OperatorRegistry.verdict(first, conf))
    (withoutSorting(convert(first)), shuffleObstacle) match {
      case (stage: NativeStageExec, None) =>
        val native = NativeTakeOrderedAndProjectExec(
          take.limit, take.sortOrder, take.projectList, stage, take.offset)
        native.copyTagsFrom(take)
        native
      case (stage: NativeStageExec, Some(reason)) =>
        OperatorVerdict.putObstacle(take, reason)
        take.withNewChildren(Seq(stage))
      case _ =>
        OperatorVerdict.obstacle(first).foreach(OperatorVerdict.putObstacle(take, _))
        take.mapChildren(convert(_))
    }
  }

  /** Of rows that are in order the first ones are taken as they are; joins may have lost an order. */
  private def withoutSorting(plan: SparkPlan): SparkPlan = plan match {
    case stage @ NativeStageExec(top: LocalTopNExec)
        if SortOrder.orderingSatisfies(top.child.outputOrdering, top.sortOrder) =>
      val conf = this.conf
      val limit = LocalLimitExec(top.limit, top.child)
      limit.copyTagsFrom(top)
      OperatorVerdict.put(limit, OperatorRegistry.verdict(limit, conf))
      val limited = NativeStageExec(limit)
      limited.copyTagsFrom(stage)
      limited
    case other => other
  }
}
