package org.arclight.spark.plan

import scala.collection.mutable.ArrayBuffer

import org.apache.spark.sql.catalyst.optimizer.BuildRight
import org.apache.spark.sql.catalyst.plans.physical.{HashPartitioning, SinglePartition}
import org.apache.spark.sql.execution._
import org.apache.spark.sql.execution.aggregate.BaseAggregateExec
import org.apache.spark.sql.execution.exchange.ShuffleExchangeExec
import org.apache.spark.sql.execution.joins.ShuffledJoin
import org.apache.spark.sql.internal.SQLConf
import org.arclight.proto.BlockCompression

/** Writes the stages of a whole physical plan (adaptive execution off), for tests. */
final class PhysicalPlans(conf: SQLConf) {
  private val finished = ArrayBuffer.empty[StagePlan]

  /** The plans of all stages, the last one at the end. */
  def stages(plan: SparkPlan): Seq[StagePlan] = {
    val builder = new StageBuilder(conf)
    val root = relation(plan, builder)
    finished += builder.build(root)
    finished.toSeq
  }

  private def relation(plan: SparkPlan, builder: StageBuilder): Relation = plan match {
    case codegen: WholeStageCodegenExec => relation(codegen.child, builder)
    case adapter: InputAdapter => relation(adapter.child, builder)
    case transition: ColumnarToRowExec => relation(transition.child, builder)
    case scan: FileSourceScanExec =>
      builder.parquetScan(
        builder.newInput(), scan.output, scan.requiredSchema.length, scan.dataFilters,
        ParquetScanOptions(conf.caseSensitiveAnalysis))
    case filter: FilterExec =>
      builder.filter(
        relation(filter.child, builder), FilterTerms.inOrder(filter.condition), filter.output)
    case project: ProjectExec => builder.project(relation(project.child, builder), project.projectList)
    case aggregate: BaseAggregateExec =>
      builder.aggregate(relation(aggregate.child, builder), aggregate)
    case sort: SortExec => builder.sort(relation(sort.child, builder), sort.sortOrder)
    case top: TakeOrderedAndProjectExec =>
      val first = builder.topN(
        relation(top.child, builder), top.sortOrder, top.offset, top.limit.toLong)
      builder.project(first, top.projectList)
    case expand: ExpandExec =>
      builder.expand(relation(expand.child, builder), expand.projections, expand.output)
    case generate: GenerateExec => builder.generate(relation(generate.child, builder), generate)
    case union: UnionExec =>
      builder.union(union.children.map(relation(_, builder)), union.output)
    case limit: BaseLimitExec =>
      builder.limit(relation(limit.child, builder), 0, Some(limit.limit.toLong))
    case range: RangeExec =>
      builder.rangeInput(
        builder.newInput(), range.start, range.step, range.numElements, range.numSlices,
        range.output)
    case join: ShuffledJoin =>
      val terms = JoinTerms(
        join.leftKeys, join.rightKeys, join.joinType, BuildRight, join.condition)
      builder.hashJoin(
        relation(join.left, builder), relation(join.right, builder), terms, join.output,
        join.nodeName)
    case exchange: ShuffleExchangeExec =>
      val below = new StageBuilder(conf)
      val child = relation(exchange.child, below)
      val partitioning = exchange.outputPartitioning match {
        case hash: HashPartitioning => ShufflePartitioning.Hash(hash.expressions)
        case SinglePartition => ShufflePartitioning.Single
        case _ => ShufflePartitioning.RoundRobin
      }
      finished += below.build(below.shuffleWrite(
        child, partitioning, exchange.numPartitions, BlockCompression.BLOCK_COMPRESSION_LZ4))
      builder.shuffleRead(builder.newInput(), exchange.output)
    case other => builder.rowsInput(builder.newInput(), other.output)
  }
}
