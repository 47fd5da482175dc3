package org.arclight.spark.execution

import org.apache.spark.arclight.NativeShuffleDependency
import org.apache.spark.rdd.RDD
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.{Attribute, NamedExpression, SortOrder, UnsafeProjection}
import org.apache.spark.sql.catalyst.expressions.codegen.LazilyGeneratedOrdering
import org.apache.spark.sql.catalyst.plans.physical.{Partitioning, SinglePartition}
import org.apache.spark.sql.execution.{CoalescedPartitionSpec, OrderPreservingUnaryExecNode, SparkPlan}
import org.apache.spark.sql.execution.exchange.ShuffleExchangeExec
import org.apache.spark.sql.execution.metric._

import org.arclight.spark.plan.{Relation, ShufflePartitioning, StageBuilder}

/**
 * The first rows in order, behind `offset` of them, and a projection: TakeOrderedAndProjectExec.
 * The stage below finds each task's first rows.
 *
 *  - A stage of one task does everything.
 *  - If the rows are collected, the driver merges the tasks' few rows, as Spark's node has it.
 *  - Otherwise they go through a native shuffle of one partition into the stage that goes on.
 *
 * @param limit how many rows are taken, those that `offset` skips included
 * @param child a [[NativeStageExec]] that gives at most `limit` rows a task, in order
 */
final case class NativeTakeOrderedAndProjectExec(
    limit: Int,
    sortOrder: Seq[SortOrder],
    projectList: Seq[NamedExpression],
    child: SparkPlan,
    offset: Int)
  extends OrderPreservingUnaryExecNode {

  override def output: Seq[Attribute] = projectList.map(_.toAttribute)

  override def outputPartitioning: Partitioning = SinglePartition

  override protected def outputExpressions: Seq[NamedExpression] = projectList

  override protected def orderingExpressions: Seq[SortOrder] = sortOrder

  override def nodeName: String = "NativeTakeOrderedAndProject"

  private lazy val writeMetrics: Map[String, SQLMetric] =
    SQLShuffleWriteMetricsReporter.createShuffleWriteMetrics(sparkContext)

  private lazy val readMetrics: Map[String, SQLMetric] =
    SQLShuffleReadMetricsReporter.createShuffleReadMetrics(sparkContext)

  override lazy val metrics: Map[String, SQLMetric] = Map(
    "dataSize" -> SQLMetrics.createSizeMetric(sparkContext, "data size")
  ) ++ readMetrics ++ writeMetrics

  private def stage: NativeStageExec = child match {
    case native: NativeStageExec => native
    case other => NativeStageExec(NativeInputExec(other))
  }

  /** Each task's first rows; the result, if there is only one task. */
  private lazy val firstRows: NativeStageRDD =
    stage.compile(tasks => if (tasks == 1) result else StageTop.NOTHING)

  /** The first rows of all tasks in one partition; the result, if there is only one task. */
  private lazy val gathered: Either[NativeStageRDD, NativeShuffleSource] = {
    val compression = ShuffleCompression.current
    lazy val toOne = StageTop(
      Seq(compression),
      (builder, relation) => builder.shuffleWrite(
        relation, ShufflePartitioning.Single, 1, compression.compression, compression.level))
    val rows = stage.compile(tasks => if (tasks == 1) result else toOne)
    if (rows.getNumPartitions == 1) {
      Left(rows)
    } else {
      val dependency = new NativeShuffleDependency(
        rows, 1, ShuffleExchangeExec.createShuffleWriteProcessor(writeMetrics), metrics("dataSize"))
      Right(NativeShuffleSource(
        dependency,
        Seq(CoalescedPartitionSpec(0, 1)),
        readMetrics,
        child.output,
        StageTop(
          Seq(sortOrder, offset, limit, projectList, output.map(_.name), child.output),
          (builder, relation) => projected(builder, builder.topN(
            relation, sortOrder, offset.toLong, math.max(limit - offset, 0).toLong)))))
    }
  }

  /** Makes the result of the only task's first rows, which are in order. */
  private def result: StageTop = StageTop(
    Seq(offset, projectList, output.map(_.name), child.output),
    (builder, relation) => projected(
      builder, if (offset == 0) relation else builder.limit(relation, offset.toLong, None)))

  private def projected(builder: StageBuilder, relation: Relation): Relation =
    if (projectList == child.output) relation else builder.project(relation, projectList)

  override protected def doExecute(): RDD[InternalRow] = gathered match {
    case Left(rows) => rows
    case Right(source) if source.dependency.rdd.getNumPartitions == 0 =>
      // There is one partition in any case.
      sparkContext.parallelize(Seq.empty[InternalRow], 1)
    case Right(source) => new StageCompiler(sparkContext, conf).compileShuffleRead(source)
  }

  override def executeCollect(): Array[InternalRow] = executeQuery {
    firstRows.getNumPartitions match {
      case 0 => Array.empty[InternalRow]
      case 1 => CollectedFrames.collectRows(firstRows, output)
      case _ =>
        val order = new LazilyGeneratedOrdering(sortOrder, child.output)
        val rows = CollectedFrames.collect(firstRows).foldLeft(Array.empty[InternalRow]) {
          (first, task) =>
            // Copies, since those that stay are few. Both are in order: sorting merges them.
            val next = CollectedFrames.rows(task.frames, child.output).map(_.copy())
            (first ++ next).sorted(order).take(limit)
        }.drop(offset)
        if (projectList == child.output) {
          rows
        } else {
          val projection = UnsafeProjection.create(projectList, child.output)
          projection.initialize(0)
          rows.map(row => projection(row).copy())
        }
    }
  }

  override protected def withNewChildInternal(
      newChild: SparkPlan): NativeTakeOrderedAndProjectExec = copy(child = newChild)
}
