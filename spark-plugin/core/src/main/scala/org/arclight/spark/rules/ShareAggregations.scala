package org.arclight.spark.rules

import org.apache.spark.sql.catalyst.expressions.{And, Attribute, Expression, IsNotNull, PredicateHelper}
import org.apache.spark.sql.catalyst.plans.{InnerLike, LeftExistence, LeftOuter}
import org.apache.spark.sql.execution.{FileSourceScanExec, FilterExec, ProjectExec, SortExec, SparkPlan}
import org.apache.spark.sql.execution.aggregate.BaseAggregateExec
import org.apache.spark.sql.execution.exchange.{ENSURE_REQUIREMENTS, ShuffleExchangeExec}
import org.apache.spark.sql.execution.joins.BaseJoinExec

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
private[rules] object ShareAggregations extends PreparationStep with PredicateHelper {

  /** The most conditions of an exchange that are tried; all combinations of them are. */
  private val MAX_CHECKS = 3

  override def isOn: Boolean = conf.exchangeReuseEnabled

  override def prepare(survey: PlanSurvey): SparkPlan = {
    lazy val all = WholePlan.exchanges(WholePlan.parts(survey.plan))
    val shares = for {
      exchange <- survey.shuffles
      keys = checks(exchange) if keys.nonEmpty
      other <- shared(exchange, keys.take(MAX_CHECKS), all)
    } yield exchange -> other
    if (shares.isEmpty) survey.plan else survey.plan.transformDown {
      case exchange: ShuffleExchangeExec =>
        shares.collectFirst { case (same, other) if same eq exchange => other }.getOrElse(exchange)
    }
  }

  /** The keys of an exchanged partial aggregation that are known not to be NULL. */
  private def checks(exchange: ShuffleExchangeExec): Seq[Attribute] = exchange.child match {
    case aggregate: BaseAggregateExec
        if exchange.shuffleOrigin == ENSURE_REQUIREMENTS && isPartial(aggregate) =>
      aggregate.groupingExpressions.collect {
        case key: Attribute
            if JoinSides.has(aggregate, key) && isChecked(aggregate.child, key) => key
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
    def from = JoinSides.below(plan, key)
    val found = plan match {
      case _: ProjectExec | _: FilterExec | _: SortExec | _: ShuffleExchangeExec => from
      case join: BaseJoinExec => join.joinType match {
        case _: InnerLike => from
        case LeftOuter | LeftExistence(_) => from.filter(_ eq join.left)
        case _ => None
      }
      case _ => None
    }
    // Other rows would have other random numbers.
    found.filter(_ => plan.expressions.forall(_.deterministic))
  }

  /** What gives the same rows, of an exchange that the query has anyway. */
  private def shared(
      exchange: ShuffleExchangeExec,
      keys: Seq[Attribute],
      all: Seq[SparkPlan]): Option[SparkPlan] = {
    val types = exchange.output.map(_.dataType)
    val others = all.filter(other => (other ne exchange) && other.output.map(_.dataType) == types)
    val combinations = if (others.isEmpty) Iterator.empty else keys.toSet.subsets()
    combinations.filter(_.nonEmpty)
      .map(lifted => (lifted, exchange.mapChildren(_.mapChildren(without(_, lifted)))))
      .collectFirst {
        case (lifted, unchecked) if others.exists(_.canonicalized == unchecked.canonicalized) =>
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
