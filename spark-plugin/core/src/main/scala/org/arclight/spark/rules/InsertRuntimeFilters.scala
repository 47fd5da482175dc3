package org.arclight.spark.rules

import java.util.IdentityHashMap

import scala.collection.mutable
import scala.util.control.NonFatal

import org.apache.spark.internal.Logging
import org.apache.spark.sql.catalyst.expressions.{Attribute, ExprId}
import org.apache.spark.sql.catalyst.rules.Rule
import org.apache.spark.sql.execution.{FileSourceScanExec, SparkPlan}
import org.apache.spark.sql.execution.adaptive.ShuffleQueryStageExec
import org.apache.spark.sql.execution.exchange.{Exchange, ShuffleExchangeExec}
import org.apache.spark.sql.execution.joins.ShuffledJoin

import org.arclight.spark.{ArclightConf, PlanningTime}
import org.arclight.spark.execution.{CollectedKeys, CollectKeysExec, FilterByKeysExec}
import org.arclight.spark.rules.OperatorVerdict.NativeOperator

/**
 * Where one side of a shuffled join is filtered and the other side's exchange reads a scan worth
 * filtering, has the first side's stage collect its keys and the other's wait for them (see
 * [[CollectedKeys]]). As a rule of query-stage preparation it sees the whole plan before and after
 * every adaptive stage, with the exchanges that are no stages yet planned anew: it puts the
 * operators in again, and gives up keys that a stage waits for but nobody will collect any more.
 */
object InsertRuntimeFilters extends Rule[SparkPlan] with Logging {

  override def apply(plan: SparkPlan): SparkPlan =
    if (ArclightConf.isEnabled(conf) && ArclightConf.STAGE_FILTERS.get(conf)) {
      PlanningTime.measure(PlanningTime.Tagging) {
        try {
          insert(plan)
        } catch {
          case NonFatal(defect) =>
            awaited(plan).foreach(_.giveUp())
            RuleDefect.handle(ruleName, defect, conf)
            plan
        }
      }
    } else {
      plan
    }

  private def insert(plan: SparkPlan): SparkPlan = {
    val waitedFor = awaited(plan)
    val minimum = ArclightConf.STAGE_FILTERS_MINIMUM.get(conf)
    val hasLargeScan = plan.exists {
      case scan: FileSourceScanExec => JoinSides.scanSize(scan) >= minimum
      case _ => false
    }
    if (waitedFor.isEmpty && !hasLargeScan) {
      plan
    } else {
      // Those of lower joins first.
      val links = plan.collect { case join: ShuffledJoin => KeyLink.of(join, minimum) }.reverse
      new Insertion(plan, waitedFor, links).result
    }
  }

  /** The keys that stages wait for. */
  private def awaited(plan: SparkPlan): Seq[CollectedKeys] = plan.collect {
    case stage: ShuffleQueryStageExec if !stage.isMaterialized =>
      StartedSide.of(stage).flatMap(_.exchange.awaits)
  }.flatten.filterNot(_.isSettled)

  /**
   * One pass over a plan.
   *
   * @param waitedFor the keys that stages wait for
   * @param links for each join the ways its keys may go
   */
  private final class Insertion(
      plan: SparkPlan,
      waitedFor: Seq[CollectedKeys],
      links: Seq[Seq[KeyLink]]) {

    /** What exchanges that are no stages yet are to collect. */
    private val collected = new IdentityHashMap[SparkPlan, CollectedKeys]

    /** What they are to be filtered by. */
    private val filtered = new IdentityHashMap[SparkPlan, KeyLink]

    def result: SparkPlan = {
      keepWaitedFor()
      links.foreach(choose)
      collectForChosen()
      if (collected.isEmpty && filtered.isEmpty) plan else plan.transformDown {
        case exchange: ShuffleExchangeExec => inserted(exchange)
      }
    }

    /** Finds out who collects what stages wait for. */
    private def keepWaitedFor(): Unit = {
      val kept = mutable.Set.empty[CollectedKeys]
      for {
        link <- links.flatten
        keys <- link.target.awaits if waitedFor.contains(keys)
      } link.source match {
        case StartedSide(exchange) => kept ++= exchange.collects.filter(_ == keys)
        case OpenSide(exchange, _) if keys.columns.forall(columnOf(exchange, _).isDefined) =>
          collected.put(exchange, keys)
          kept += keys
        case _ =>
      }
      waitedFor.filterNot(kept.contains).foreach(_.giveUp())
    }

    /** Of the two ways between a join's sides the one to the larger scan, if there are two. */
    private def choose(ways: Seq[KeyLink]): Unit =
      ways.filter(isUseful).sortBy(-_.target.scanBytes).headOption.foreach { link =>
        filtered.put(link.target.exchange, link)
      }

    private def isUseful(link: KeyLink): Boolean = {
      val isSource = link.source match {
        case OpenSide(exchange, _) =>
          JoinSides.isSelective(exchange.child) && isUnique(exchange) &&
            Option(collected.get(exchange)).forall(hasAll(_, link))
        case StartedSide(exchange) => exchange.collects.exists { keys =>
          hasAll(keys, link) && (keys.sets.isDefined || !keys.isSettled)
        }
      }
      def isTarget = link.target match {
        case OpenSide(exchange, _) => !filtered.containsKey(exchange) && isUnique(exchange)
        case _: StartedSide => false
      }
      isSource && isTarget
    }

    private def hasAll(keys: CollectedKeys, link: KeyLink): Boolean =
      link.sourceKeys.forall(key => keys.columns.contains(key.exprId))

    /** What is planned twice runs once, which it would not if one of the two were another. */
    private def isUnique(exchange: ShuffleExchangeExec): Boolean =
      exchanges.count(_.canonicalized == exchange.canonicalized) == 1

    private lazy val exchanges: Seq[SparkPlan] = (plan +: plan.subqueriesAll).flatMap(_.collect {
      case exchange: Exchange => exchange
      case stage: ShuffleQueryStageExec => stage
    })

    private def collectForChosen(): Unit = {
      val chosen = links.flatten.filter(link => filtered.get(link.target.exchange) eq link)
      chosen.groupBy(link => System.identityHashCode(link.source.exchange)).values.foreach { same =>
        same.head.source match {
          case OpenSide(exchange, _) if !collected.containsKey(exchange) =>
            collected.put(exchange, new CollectedKeys(same.flatMap(_.sourceKeys.map(_.exprId)).distinct))
          case _ =>
        }
      }
    }

    private def inserted(exchange: ShuffleExchangeExec): SparkPlan = {
      val filter = for {
        link <- Option(filtered.get(exchange))
        keys <- keysOf(link.source)
      } yield native(FilterByKeysExec(
        keys, link.targetKeys, link.sourceKeys.map(_.exprId), exchange.child))
      val child = filter.getOrElse(exchange.child)
      Option(collected.get(exchange)) match {
        case Some(keys) =>
          val columns = keys.columns.flatMap(columnOf(exchange, _))
          val collecting =
            exchange.withNewChildren(Seq(native(CollectKeysExec(keys, columns, child))))
          keys.expect(collecting)
          collecting
        case None if filter.isDefined => exchange.withNewChildren(Seq(child))
        case None => exchange
      }
    }

    private def keysOf(source: JoinSide): Option[CollectedKeys] = source match {
      case OpenSide(exchange, _) => Option(collected.get(exchange))
      case StartedSide(exchange) => exchange.collects
    }

    private def columnOf(exchange: ShuffleExchangeExec, id: ExprId): Option[Attribute] =
      exchange.child.output.find(_.exprId == id)

    private def native(operator: SparkPlan): SparkPlan = {
      OperatorVerdict.put(operator, NativeOperator(None))
      operator
    }
  }
}
