package org.arclight.spark.rules

import org.apache.spark.sql.catalyst.trees.TreePattern.PLAN_EXPRESSION
import org.apache.spark.sql.execution.SparkPlan
import org.apache.spark.sql.execution.adaptive.{AdaptiveSparkPlanExec, ExchangeQueryStageExec}
import org.apache.spark.sql.execution.exchange.Exchange

/** A plan with its subqueries, which AQE plans and runs apart. */
private[rules] object WholePlan {

  /** The plan, then those of its subqueries as they are by now. */
  def parts(plan: SparkPlan): Seq[SparkPlan] = plan +: subqueries(plan)

  private def subqueries(plan: SparkPlan): Seq[SparkPlan] =
    if (plan.containsPattern(PLAN_EXPRESSION)) {
      plan.subqueriesAll.flatMap { subquery =>
        val inside =
          subquery.collect { case adaptive: AdaptiveSparkPlanExec => adaptive.executedPlan }
        subquery +: (inside ++ inside.flatMap(subqueries))
      }
    } else {
      Nil
    }

  /** The exchanges of a plan's parts, and the stages that exchanges have become. */
  def exchanges(parts: Seq[SparkPlan]): Seq[SparkPlan] = parts.flatMap(_.collect {
    case exchange: Exchange => exchange
    case stage: ExchangeQueryStageExec => stage
  })
}
