package org.arclight.spark.rules

import scala.collection.mutable.ListBuffer

import org.apache.spark.sql.execution.{ExpandExec, FileSourceScanExec, SparkPlan}
import org.apache.spark.sql.execution.adaptive.QueryStageExec
import org.apache.spark.sql.execution.aggregate.HashAggregateExec
import org.apache.spark.sql.execution.exchange.ShuffleExchangeExec
import org.apache.spark.sql.execution.joins.BaseJoinExec

/**
 * What the rules of query-stage preparation look for in a plan, found in one walk: most plans have
 * little of it. All from above, and without what is inside stages and subqueries.
 *
 * @param shuffles exchanges that are no stages yet
 * @param expansions aggregations of rows that an Expand has multiplied
 */
private[rules] final case class PlanSurvey(
    plan: SparkPlan,
    shuffles: Seq[ShuffleExchangeExec],
    expansions: Seq[HashAggregateExec],
    joins: Seq[BaseJoinExec],
    scans: Seq[FileSourceScanExec],
    stages: Seq[QueryStageExec])

private[rules] object PlanSurvey {
  def of(plan: SparkPlan): PlanSurvey = {
    val shuffles = new ListBuffer[ShuffleExchangeExec]
    val expansions = new ListBuffer[HashAggregateExec]
    val joins = new ListBuffer[BaseJoinExec]
    val scans = new ListBuffer[FileSourceScanExec]
    val stages = new ListBuffer[QueryStageExec]
    plan.foreach {
      case stage: QueryStageExec => stages += stage
      case exchange: ShuffleExchangeExec => shuffles += exchange
      case scan: FileSourceScanExec => scans += scan
      case join: BaseJoinExec => joins += join
      case aggregate: HashAggregateExec if aggregate.child.isInstanceOf[ExpandExec] =>
        expansions += aggregate
      case _ =>
    }
    PlanSurvey(
      plan, shuffles.toList, expansions.toList, joins.toList, scans.toList, stages.toList)
  }
}
