package org.arclight.spark.rules

import org.apache.spark.internal.Logging
import org.apache.spark.sql.catalyst.expressions.{And, Attribute, Expression, IsNotNull, PredicateHelper}
import org.apache.spark.sql.catalyst.plans.{InnerLike, LeftExistence, LeftOuter}
import org.apache.spark.sql.catalyst.rules.Rule
import org.apache.spark.sql.execution.{FileSourceScanExec, FilterExec, ProjectExec, SortExec, SparkPlan}
import org.apache.spark.sql.execution.aggregate.BaseAggregateExec
import org.apache.spark.sql.execution.exchange.{ENSURE_REQUIREMENTS, ShuffleExchangeExec}
import org.apache.spark.sql.execution.joins.BaseJoinExec

import org.arclight.spark.{ArclightConf, PlanningTime}

/**
 * Lets an aggregation that occurs twice in a query run once, where its occurrences differ only by a
 * condition that a key is not NULL: Spark infers such a condition from a join above one of them, and
 * pushes it through the aggregation into the scan.
 * {{{
 *   HashAggregate                              HashAggregate
 *   +- Exchange                                +- Filter isnotnull(k)
 *      +- HashAggregate by k             =>       +- Exchange
 *         +- Filter isnotnull(k) AND c               +- HashAggregate by k
 *            +- Scan                                    +- Filter c
 *                                                          +- Scan
 * }}}
 * is done where the exchange is then another one of the query, in a subquery also: AQE runs such an
 * exchange once. Rows with a NULL key are aggregated for the other one in any case, errors included.
 */
object ShareAggregations extends Rule[SparkPlan] with PredicateHelper with Logging {

  /** The most conditions of an exchange that are tried; all combinations of them are. */
  private val MAX_CHECKS = 3

  override def apply(plan: SparkPlan): SparkPlan =
    if (ArclightConf.isEnabled(conf) && conf.exchangeReuseEnabled) {
      RuleDefect.guarded(ruleName, conf, _ => plan) {
        PlanningTime.measure(PlanningTime.Tagging)(share(plan))
      }
    } else {
      plan
    }

  private def share(plan: SparkPlan): SparkPlan = {
    val checked = plan.collect {
      case exchange: ShuffleExchangeExec if checks(exchange).nonEmpty => exchange
    }
    if (checked.isEmpty) {
      plan
    } else {
      val others = WholePlan.exchanges(WholePlan.parts(plan))
      plan.transformDown {
        case exchange: ShuffleExchangeExec if checked.exists(_ eq exchange) =>
          shared(exchange, others).getOrElse(exchange)
      }
    }
  }

  /** The keys of an exchanged partial aggregation that are known not to be NULL. */
  private def checks(exchange: ShuffleExchangeExec): Seq[Attribute] = exchange.child match {
    case aggregate: BaseAggregateExec
        if exchange.shuffleOrigin == ENSURE_REQUIREMENTS && isPartial(aggregate) =>
      aggregate.groupingExpressions.collect {
        case key: Attribute
            if aggregate.outputSet.contains(key) && isChecked(aggregate.child, key) => key
      }
    case _ => Nil
  }

  /** Whether another aggregation merges the groups, and so finds their keys in the output. */
  private def isPartial(aggregate: BaseAggregateExec): Boolean =
    aggregate.requiredChildDistributionExpressions.isEmpty

  private def isChecked(plan: SparkPlan, key: Attribute): Boolean = plan match {
    case FilterExec(condition, child) =>
      splitConjunctivePredicates(condition).exists(isCheck(_, key)) || isChecked(child, key)
    case other => source(other, key).exists(isChecked(_, key))
  }

  private def isCheck(condition: Expression, key: Attribute): Boolean = condition match {
    case IsNotNull(attribute: Attribute) => attribute.exprId == key.exprId
    case _ => false
  }

  /** The child whose rows with a NULL key give a plan's rows with a NULL key, and no others. */
  private def source(plan: SparkPlan, key: Attribute): Option[SparkPlan] = {
    val from = plan.children.find(_.outputSet.contains(key))
    plan match {
      // Other rows would have other random numbers.
      case _ if !plan.expressions.forall(_.deterministic) => None
      case _: ProjectExec | _: FilterExec | _: SortExec | _: ShuffleExchangeExec => from
      case join: BaseJoinExec => join.joinType match {
        case _: InnerLike => from
        case LeftOuter | LeftExistence(_) => from.filter(_ eq join.left)
        case _ => None
      }
      case _ => None
    }
  }

  /** What gives the same rows, of an exchange that the query has anyway. */
  private def shared(exchange: ShuffleExchangeExec, others: Seq[SparkPlan]): Option[SparkPlan] = {
    val types = exchange.output.map(_.dataType)
    val alike = others.filter(other => (other ne exchange) && other.output.map(_.dataType) == types)
    val keys = checks(exchange).take(MAX_CHECKS)
    val combinations = if (alike.isEmpty) Iterator.empty else keys.toSet.subsets()
    combinations.filter(_.nonEmpty)
      .map(lifted => (lifted, exchange.mapChildren(_.mapChildren(without(_, lifted)))))
      .collectFirst {
        case (lifted, unchecked) if alike.exists(_.canonicalized == unchecked.canonicalized) =>
          val conditions = keys.filter(lifted.contains).map(IsNotNull(_): Expression)
          val filter = FilterExec(conditions.reduce(And), unchecked)
          exchange.logicalLink.foreach(filter.setLogicalLink)
          filter
      }
  }

  /** A plan without the conditions that keys are not NULL. */
  private def without(plan: SparkPlan, keys: Set[Attribute]): SparkPlan = plan match {
    case filter: FilterExec =>
      val child = without(filter.child, keys)
      unchecked(splitConjunctivePredicates(filter.condition), keys).reduceOption(And)
        .fold(child)(condition => tagged(filter.copy(condition, child), filter))
    case scan: FileSourceScanExec =>
      tagged(scan.copy(dataFilters = unchecked(scan.dataFilters, keys)), scan)
    case other => other.mapChildren { child =>
      val inside = keys.filter(source(other, _).exists(_ eq child))
      if (inside.isEmpty) child else without(child, inside)
    }
  }

  private def unchecked(conditions: Seq[Expression], keys: Set[Attribute]): Seq[Expression] =
    conditions.filterNot(condition => keys.exists(isCheck(condition, _)))

  private def tagged(copy: SparkPlan, original: SparkPlan): SparkPlan = {
    copy.copyTagsFrom(original)
    copy
  }
}
