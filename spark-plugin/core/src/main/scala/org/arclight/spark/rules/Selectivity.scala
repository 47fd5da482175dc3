package org.arclight.spark.rules

import java.util.IdentityHashMap

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.plans.{ExistenceJoin, FullOuter, LeftAnti, LeftOuter, RightOuter}
import org.apache.spark.sql.execution.{FilterExec, SparkPlan}
import org.apache.spark.sql.execution.adaptive.QueryStageExec
import org.apache.spark.sql.execution.exchange.{Exchange, ReusedExchangeExec}
import org.apache.spark.sql.execution.joins.BaseJoinExec

import org.arclight.spark.execution.FilterByKeysExec

/**
 * A guess of which part of its tables' rows a plan gives, for want of statistics: by the shape of
 * conditions alone. It tells which side of a join better filters the other; for a plan and its
 * filters as they are, for it remembers what it said of exchanges.
 *
 * @param filters what the filters leave that an exchange is to get
 */
private[rules] final class Selectivity(filters: SparkPlan => Double) {

  /** Those that were asked for: many joins may lie above one. */
  private val known = new IdentityHashMap[Exchange, Double]

  /** A part of the rows, from 0 to 1. */
  def of(plan: SparkPlan): Double = plan match {
    case filter: FilterExec => ofCondition(filter.condition) * of(filter.child)
    case filter: FilterByKeysExec => Selectivity.SOME * of(filter.child)
    case join: BaseJoinExec => join.joinType match {
      case LeftOuter | LeftAnti | _: ExistenceJoin => of(join.left)
      case RightOuter => of(join.right)
      case FullOuter => 1.0
      case _ => of(join.left) * of(join.right)
    }
    case stage: QueryStageExec => of(stage.plan)
    case ReusedExchangeExec(_, exchange) => of(exchange)
    case exchange: Exchange =>
      if (!known.containsKey(exchange)) known.put(exchange, filters(exchange) * of(exchange.child))
      known.get(exchange)
    case other => other.children.map(of).product
  }

  /** Whether a plan surely leaves out a part of its tables' rows worth speaking of. */
  def isSelective(plan: SparkPlan): Boolean = of(plan) <= Selectivity.SOME

  private def ofCondition(condition: Expression): Double = condition match {
    case And(left, right) => ofCondition(left) * ofCondition(right)
    case Or(left, right) => math.min(1.0, ofCondition(left) + ofCondition(right))
    case _: IsNotNull => 1.0
    case Not(_: EqualTo | _: EqualNullSafe | _: In | _: InSet | _: StringPredicate) =>
      Selectivity.MOST
    case comparison @ (_: EqualTo | _: EqualNullSafe) if comparison.references.size < 2 =>
      Selectivity.FEW
    case _: In | _: InSet | _: StringPredicate | _: LikeAll | _: LikeAny | _: Like | _: RLike |
        _: IsNull =>
      Selectivity.FEW
    case _ => Selectivity.SOME
  }
}

private[rules] object Selectivity {
  private val FEW = 0.1
  private val SOME = 0.5
  private val MOST = 0.9
}
