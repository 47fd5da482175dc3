package org.arclight.spark.rules

import org.apache.spark.sql.execution.{ExpandExec, FileSourceScanExec, SparkPlan}
import org.apache.spark.sql.execution.adaptive.QueryStageExec
import org.apache.spark.sql.execution.exchange.ShuffleExchangeExec
import org.apache.spark.sql.execution.joins.BaseJoinExec

/**
 * What the steps of [[PrepareNativePlans]] look for in a plan, found in one walk: most plans have
 * little of it. All from above, and without what is inside stages and subqueries.
 */
private[rules] final class PlanSurvey(val plan: SparkPlan) {

  private lazy val found: Seq[SparkPlan] = plan.collect {
    case node @ (_: QueryStageExec | _: ShuffleExchangeExec | _: FileSourceScanExec |
        _: BaseJoinExec | _: ExpandExec) => node
  }

  /** Shuffles that are no stages yet. */
  def shuffles: Seq[ShuffleExchangeExec] = found.collect {
    case exchange: ShuffleExchangeExec => exchange
  }

  def stages: Seq[QueryStageExec] = found.collect { case stage: QueryStageExec => stage }

  def scans: Seq[FileSourceScanExec] = found.collect { case scan: FileSourceScanExec => scan }

  def joins: Seq[BaseJoinExec] = found.collect { case join: BaseJoinExec => join }

  /** Whether rows are multiplied for several grouping sets. */
  def multiplies: Boolean = found.exists(_.isInstanceOf[ExpandExec])
}
