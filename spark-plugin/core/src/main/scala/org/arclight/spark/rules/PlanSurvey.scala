package org.arclight.spark.rules

import scala.collection.mutable.ListBuffer

import org.apache.spark.sql.execution.{ExpandExec, FileSourceScanExec, SparkPlan}
import org.apache.spark.sql.execution.adaptive.QueryStageExec
import org.apache.spark.sql.execution.exchange.ShuffleExchangeExec
import org.apache.spark.sql.execution.joins.BaseJoinExec

/**
 * What the steps of [[PrepareNativePlans]] look for in a plan, found in one walk: most plans have
 * little of it. All from above, and without what is inside stages and subqueries.
 *
 * @param shuffles exchanges that are no stages yet
 * @param multiplies whether rows are multiplied for several grouping sets
 */
private[rules] final class PlanSurvey private (
    val plan: SparkPlan,
    val shuffles: Seq[ShuffleExchangeExec],
    val joins: Seq[BaseJoinExec],
    val scans: Seq[FileSourceScanExec],
    val stages: Seq[QueryStageExec],
    val multiplies: Boolean)

private[rules] object PlanSurvey {
  def of(plan: SparkPlan): PlanSurvey = {
    val shuffles = new ListBuffer[ShuffleExchangeExec]
    val joins = new ListBuffer[BaseJoinExec]
    val scans = new ListBuffer[FileSourceScanExec]
    val stages = new ListBuffer[QueryStageExec]
    var multiplies = false
    plan.foreach {
      case stage: QueryStageExec => stages += stage
      case exchange: ShuffleExchangeExec => shuffles += exchange
      case scan: FileSourceScanExec => scans += scan
      case join: BaseJoinExec => joins += join
      case _: ExpandExec => multiplies = true
      case _ =>
    }
    new PlanSurvey(
      plan, shuffles.toList, joins.toList, scans.toList, stages.toList, multiplies)
  }
}
