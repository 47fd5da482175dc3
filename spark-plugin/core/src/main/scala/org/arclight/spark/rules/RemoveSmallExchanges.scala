package org.arclight.spark.rules

import org.apache.spark.sql.catalyst.plans.physical.{RangePartitioning, SinglePartition}
import org.apache.spark.sql.execution.{FilterExec, GlobalLimitExec, LocalLimitExec, ProjectExec, SortExec, SparkPlan}
import org.apache.spark.sql.execution.adaptive.ShuffleQueryStageExec
import org.apache.spark.sql.execution.aggregate.BaseAggregateExec
import org.apache.spark.sql.execution.exchange.{ENSURE_REQUIREMENTS, ShuffleExchangeExec}
import org.apache.spark.sql.execution.window.{WindowExec, WindowGroupLimitExec}
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.execution.{NativeShuffleExchangeExec, SinglePartitionReadExec}

/**
 * Removes an exchange that orders rows or gathers them all, where one task has all of them anyway:
 * {{{
 *   Sort                              Sort
 *   +- Exchange rangepartitioning     +- HashAggregate
 *      +- HashAggregate           =>     +- SinglePartitionRead
 *         +- ShuffleQueryStage              +- ShuffleQueryStage
 * }}}
 * That is so where a native shuffle stage has run and is so small that AQE's
 * `CoalesceShufflePartitions` would make one partition of it, and what is above gives no more rows
 * than it gets. Saves the job that samples the keys, a stage, and planning once more: most of the
 * time of a query over little data. Where Spark would not make one partition, nothing changes.
 */
private[rules] object RemoveSmallExchanges extends PreparationStep {

  /** Whether AQE makes larger partitions of small ones, in a query's last stage too. */
  override def isOn: Boolean = conf.coalesceShufflePartitionsEnabled &&
    conf.getConf(SQLConf.ADAPTIVE_EXECUTION_APPLY_FINAL_STAGE_SHUFFLE_OPTIMIZATIONS) &&
    conf.getConf(SQLConf.COALESCE_PARTITIONS_MIN_PARTITION_NUM).forall(_ <= 1)

  override def prepare(survey: PlanSurvey): SparkPlan =
    if (survey.shuffles.exists(withoutExchange(_).isDefined)) {
      survey.plan.transformUp {
        case exchange: ShuffleExchangeExec => withoutExchange(exchange).getOrElse(exchange)
      }
    } else {
      survey.plan
    }

  /** What an exchange reads, if it need not be there. */
  private def withoutExchange(exchange: ShuffleExchangeExec): Option[SparkPlan] =
    if (isRemovable(exchange)) inOnePartition(exchange.child) else None

  private def isRemovable(exchange: ShuffleExchangeExec): Boolean =
    exchange.shuffleOrigin == ENSURE_REQUIREMENTS && (exchange.outputPartitioning match {
      // One partition is in every order of partitions.
      case SinglePartition | _: RangePartitioning => true
      case _ => false
    })

  /** The plan over one partition; None where Spark would have several, or may. */
  private def inOnePartition(plan: SparkPlan): Option[SparkPlan] = plan match {
    case read: SinglePartitionReadExec => Some(read)
    case stage: ShuffleQueryStageExec =>
      if (isSmall(stage)) Some(SinglePartitionReadExec(stage)) else None
    case _: ProjectExec | _: FilterExec | _: BaseAggregateExec | _: WindowExec |
        _: WindowGroupLimitExec | _: SortExec | _: LocalLimitExec | _: GlobalLimitExec =>
      inOnePartition(plan.children.head).map(child => plan.withNewChildren(Seq(child)))
    case _ => None
  }

  private def isSmall(stage: ShuffleQueryStageExec): Boolean =
    stage.isMaterialized && (stage.shuffle match {
      case native: NativeShuffleExchangeExec =>
        native.shuffleOrigin == ENSURE_REQUIREMENTS &&
          stage.mapStats.exists(_.bytesByPartitionId.sum <= smallestPartition)
      case _ => false
    })

  /** Spark makes no partition of more than one that is smaller, in bytes. */
  private def smallestPartition: Long = math.min(
    conf.getConf(SQLConf.COALESCE_PARTITIONS_MIN_PARTITION_SIZE),
    conf.getConf(SQLConf.ADVISORY_PARTITION_SIZE_IN_BYTES))
}
