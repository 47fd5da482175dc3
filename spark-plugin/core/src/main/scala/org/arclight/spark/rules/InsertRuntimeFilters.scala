package org.arclight.spark.rules

import java.util.IdentityHashMap

import scala.annotation.tailrec
import scala.collection.mutable
import scala.jdk.CollectionConverters._

import org.apache.spark.sql.catalyst.expressions.{Attribute, DynamicPruning, ExprId, Expression}
import org.apache.spark.sql.execution.{FileSourceScanExec, SparkPlan}
import org.apache.spark.sql.execution.adaptive.{QueryStageExec, ShuffleQueryStageExec}
import org.apache.spark.sql.execution.exchange.{BroadcastExchangeLike, Exchange, ShuffleExchangeLike}

import org.arclight.spark.ArclightConf
import org.arclight.spark.execution.{CollectedKeys, CollectKeysExec, FilterByKeysExec}
import org.arclight.spark.rules.OperatorVerdict.NativeOperator

/**
 * Where one side of a join is filtered and below the other side's exchanges there is a scan worth
 * filtering, has the first side's stage collect its keys and the stage of that scan wait for them
 * (see [[CollectedKeys]]). After every adaptive stage, when the exchanges that are no stages yet have
 * been planned anew, it puts the operators in again, and gives up keys that a stage waits for but
 * nobody will collect any more.
 *
 * Stages never wait for each other in a circle: keys of one join all go to the same side.
 */
private[rules] object InsertRuntimeFilters extends PreparationStep {

  /** The most exchanges that a stage waits for. */
  private val MAX_FILTERS = 3

  override def isOn: Boolean = ArclightConf.STAGE_FILTERS.get(conf)

  /** Nobody will collect keys then. */
  override def undo(survey: PlanSurvey): Unit = awaited(survey.stages).foreach(_.giveUp())

  override def prepare(survey: PlanSurvey): SparkPlan = {
    val waitedFor = awaited(survey.stages)
    val minimum = ArclightConf.STAGE_FILTERS_MINIMUM.get(conf)
    def mayPay = survey.joins.nonEmpty && survey.scans.exists(JoinSides.reads(_, minimum))
    if (waitedFor.isEmpty && !mayPay) {
      survey.plan
    } else {
      // Of equal ways those of lower joins come first.
      val links = survey.joins.reverse.flatMap(KeyLinks.of(_, minimum))
      new Insertion(survey.plan, waitedFor, links).result
    }
  }

  /** The keys that stages wait for. */
  private def awaited(stages: Seq[QueryStageExec]): Seq[CollectedKeys] =
    stages.filterNot(_.isMaterialized).flatMap(StartedSide.of).flatMap(_.awaits)
      .filterNot(_.isSettled).distinct

  /**
   * One pass over a plan.
   *
   * @param waitedFor the keys that stages wait for
   * @param links the ways that keys may go
   */
  private final class Insertion(
      plan: SparkPlan,
      waitedFor: Seq[CollectedKeys],
      links: Seq[KeyLinks]) {

    /** What exchanges that are no stages yet are to collect. */
    private val collected = new IdentityHashMap[SparkPlan, CollectedKeys]

    /** What they are to be filtered by. */
    private val filtered = new IdentityHashMap[SparkPlan, Seq[KeyLink]]

    /** Whether the keys of a join go to its left side. */
    private val directions = new IdentityHashMap[SparkPlan, Boolean]

    /** With the ways chosen so far. */
    private var selectivity: Selectivity = guess()

    private def guess(): Selectivity = new Selectivity(exchange =>
      filtered.getOrDefault(exchange, Nil).map(link => selectivity.of(link.source.exchange)).product)

    /** Exchanges that were looked at, and whether they may be others. */
    private val changeable = new IdentityHashMap[Exchange, Boolean]

    def result: SparkPlan = {
      keepWaitedFor()
      chooseWays()
      collectForChosen()
      if (collected.isEmpty && filtered.isEmpty) plan else plan.transformDown {
        case exchange: Exchange => inserted(exchange)
      }
    }

    /** Finds out who collects what stages wait for. */
    private def keepWaitedFor(): Unit = {
      val kept = mutable.Set.empty[CollectedKeys]
      for {
        KeyLinks(join, toLeft, ways) <- links
        link <- ways
        keys <- link.target.awaits if waitedFor.contains(keys)
      } {
        val isSource = link.source match {
          case StartedSide(exchange) => exchange.collects.contains(keys)
          case OpenSide(exchange) =>
            val hasAll = keys.columns.forall(columnOf(exchange, _).isDefined)
            if (hasAll) collected.put(exchange, keys)
            hasAll
        }
        if (isSource) {
          kept += keys
          directions.put(join, toLeft)
        }
      }
      waitedFor.filterNot(kept.contains).foreach(_.giveUp())
    }

    /**
     * Chooses ways until no more are useful: those from the smallest side first, which has its keys
     * soonest. A side that they filter is smaller then, and may be worth collecting keys of.
     */
    @tailrec
    private def chooseWays(): Unit = {
      val useful = links.map(links => links.copy(ways = links.ways.filter(isUseful)))
        .filter(links => links.ways.nonEmpty &&
          (!directions.containsKey(links.join) || directions.get(links.join) == links.toLeft))
      if (useful.nonEmpty) {
        val KeyLinks(join, toLeft, ways) = useful.minBy(_.ways.map(_.source).map(remaining).max)
        directions.put(join, toLeft)
        ways.foreach { link =>
          filtered.merge(link.target.exchange, Seq(link), (some, more) => some ++ more)
        }
        selectivity = guess()
        chooseWays()
      }
    }

    /** A guess of how many bytes remain of the largest table that a side's keys come from. */
    private def remaining(source: JoinSide): Double =
      source.largestScan.toDouble * selectivity.of(source.exchange)

    private def isUseful(link: KeyLink): Boolean = {
      def isSource = link.source match {
        case OpenSide(exchange) =>
          selectivity.isSelective(exchange) && mayBeChanged(exchange) &&
            Option(collected.get(exchange)).forall(hasAll(_, link))
        case StartedSide(exchange) => exchange.collects.exists { keys =>
          hasAll(keys, link) && (keys.sets.isDefined || !keys.isSettled)
        }
      }
      val isTarget = link.target match {
        case OpenSide(exchange) =>
          val already = filtered.getOrDefault(exchange, Nil)
          already.length < MAX_FILTERS &&
            !already.exists(_.source.exchange eq link.source.exchange) &&
            (!isBroadcast(exchange) || isQuick(link.source.exchange)) && mayBeChanged(exchange)
        case _: StartedSide => false
      }
      isTarget && isSource && (link.pays || (isQuick(link.source.exchange) && leadsOn(link)))
    }

    /** Whether the keys that a link leaves of its target may filter a scan that is worth it. */
    private def leadsOn(link: KeyLink): Boolean = links.exists { further =>
      further.ways.exists(way => way.pays && (way.source.exchange eq link.target.exchange))
    }

    private def isBroadcast(exchange: SparkPlan): Boolean =
      exchange.isInstanceOf[BroadcastExchangeLike]

    /** Whether little has to run before a broadcast: small tables, which have small scans. */
    private def isQuick(source: SparkPlan): Boolean = isBroadcast(source) && !source.exists {
      case _: ShuffleExchangeLike | _: ShuffleQueryStageExec => true
      case _ => false
    }

    private def hasAll(keys: CollectedKeys, link: KeyLink): Boolean =
      link.sourceKeys.forall(key => keys.columns.contains(key.exprId))

    /**
     * What is planned twice runs once, which it would not if one of the two were another: neither
     * may change, nor what is inside them. Broadcasts alone are small enough to run twice, but
     * dynamic partition pruning looks for them as Spark planned them.
     */
    private def mayBeChanged(exchange: Exchange): Boolean = {
      if (!changeable.containsKey(exchange)) changeable.put(exchange, standsAlone(exchange))
      changeable.get(exchange)
    }

    private def standsAlone(exchange: Exchange): Boolean = {
      val around = exchanges.filter(outer => (outer eq exchange) || outer.exists(_ eq exchange))
      around.forall(outer => isBroadcast(outer) || isUnique(outer)) &&
        !(isBroadcast(exchange) && prunesPartitions)
    }

    private def isUnique(exchange: SparkPlan): Boolean =
      exchanges.count(other => other.canonicalized == exchange.canonicalized ||
        withoutPruning(other) == withoutPruning(exchange)) == 1

    /** Canonical forms of exchanges. */
    private val forms = new IdentityHashMap[SparkPlan, SparkPlan]

    /** What an exchange is if no partitions are pruned: filters that serve for nothing go later. */
    private def withoutPruning(exchange: SparkPlan): SparkPlan = {
      if (!forms.containsKey(exchange)) {
        val plain = if (prunesPartitions) exchange.transform {
          case scan: FileSourceScanExec =>
            scan.copy(partitionFilters = scan.partitionFilters.filterNot(prunes))
        } else exchange
        forms.put(exchange, plain.canonicalized)
      }
      forms.get(exchange)
    }

    private lazy val parts: Seq[SparkPlan] = WholePlan.parts(plan)

    private lazy val exchanges: Seq[SparkPlan] = WholePlan.exchanges(parts)

    private lazy val prunesPartitions: Boolean = parts.exists(_.exists {
      case scan: FileSourceScanExec => scan.partitionFilters.exists(prunes)
      case _ => false
    })

    private def prunes(filter: Expression): Boolean = filter.exists(_.isInstanceOf[DynamicPruning])

    private def collectForChosen(): Unit = {
      val chosen = filtered.values.asScala.flatten.toSeq
      chosen.map(_.source).foreach {
        case OpenSide(exchange) if !collected.containsKey(exchange) =>
          val columns = chosen.filter(_.source.exchange eq exchange).flatMap(_.sourceKeys)
          collected.put(exchange, new CollectedKeys(columns.map(_.exprId).distinct))
        case _ =>
      }
    }

    private def inserted(exchange: Exchange): SparkPlan = {
      val filters = filtered.getOrDefault(exchange, Nil)
      val child = filters.foldLeft(exchange.child) { (child, link) =>
        keysOf(link.source).fold(child) { keys =>
          native(FilterByKeysExec(keys, link.targetKeys, link.sourceKeys.map(_.exprId), child))
        }
      }
      Option(collected.get(exchange)) match {
        case Some(keys) =>
          val columns = keys.columns.flatMap(columnOf(exchange, _))
          val collecting =
            exchange.withNewChildren(Seq(native(CollectKeysExec(keys, columns, child))))
          keys.expect(collecting)
          collecting
        case None if filters.nonEmpty => exchange.withNewChildren(Seq(child))
        case None => exchange
      }
    }

    private def keysOf(source: JoinSide): Option[CollectedKeys] = source match {
      case OpenSide(exchange) => Option(collected.get(exchange))
      case StartedSide(exchange) => exchange.collects
    }

    private def columnOf(exchange: Exchange, id: ExprId): Option[Attribute] =
      exchange.child.output.find(_.exprId == id)

    private def native(operator: SparkPlan): SparkPlan = {
      OperatorVerdict.put(operator, NativeOperator(None))
      operator
    }
  }
}
