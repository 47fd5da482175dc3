package org.arclight.spark.execution

import org.apache.spark.SparkException
import org.apache.spark.arclight.{KeySets, NativeShuffleDependency}
import org.apache.spark.rdd.RDD
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.Alias
import org.apache.spark.sql.catalyst.plans.logical.Statistics
import org.apache.spark.sql.catalyst.plans.physical.{HashPartitioning, Partitioning, RangePartitioning, RoundRobinPartitioning, SinglePartition}
import org.apache.spark.sql.execution.{CoalescedPartitionSpec, ProjectExec, ShufflePartitionSpec, SparkPlan, SQLExecution}
import org.apache.spark.sql.execution.arclight.NativeShuffleJob
import org.apache.spark.sql.execution.exchange.{ENSURE_REQUIREMENTS, ShuffleExchangeExec, ShuffleOrigin}
import org.apache.spark.sql.execution.metric.{SQLMetric, SQLMetrics, SQLShuffleReadMetricsReporter, SQLShuffleWriteMetricsReporter}

import org.arclight.spark.plan.ShufflePartitioning

/**
 * An exchange whose blocks the engine writes: the stage below it runs to the end inside the
 * library. It takes the place of [[ShuffleExchangeExec]], and AQE treats it alike.
 */
final case class NativeShuffleExchangeExec(
    override val outputPartitioning: Partitioning,
    child: SparkPlan,
    shuffleOrigin: ShuffleOrigin = ENSURE_REQUIREMENTS,
    advisoryPartitionSize: Option[Long] = None)
  extends NativeShuffleJob {

  private lazy val writeMetrics: Map[String, SQLMetric] =
    SQLShuffleWriteMetricsReporter.createShuffleWriteMetrics(sparkContext)

  private lazy val readMetrics: Map[String, SQLMetric] =
    SQLShuffleReadMetricsReporter.createShuffleReadMetrics(sparkContext)

  override lazy val metrics: Map[String, SQLMetric] = Map(
    "dataSize" -> SQLMetrics.createSizeMetric(sparkContext, "data size"),
    "numPartitions" -> SQLMetrics.createMetric(sparkContext, "number of partitions")
  ) ++ readMetrics ++ writeMetrics

  override def nodeName: String = "NativeExchange"

  /** The stage below; rows of anything else are taken as they come. */
  private def stage: NativeStageExec = child match {
    case native: NativeStageExec => native
    case other => NativeStageExec(NativeInputExec(other))
  }

  @transient override lazy val shuffleDependency: NativeShuffleDependency = {
    val (partitioning, partitions) = resolvePartitioning()
    val compression = ShuffleCompression.current
    val written = stage.compile(
      tasks => {
        val collected = collecting.map(_.columns)
        val limit = NativeShuffleExchangeExec.keyLimit(tasks)
        StageTop(
          Seq(collected.map(_ -> limit), partitioning, partitions, compression),
          (builder, relation) => builder.shuffleWrite(
            collected.fold(relation)(builder.collectKeys(relation, _, limit)),
            partitioning, partitions, compression.compression, compression.level))
      },
      // Which row goes where depends on the order in which rows come.
      indeterminate = partitioning == ShufflePartitioning.RoundRobin && partitions > 1)
    val dependency = new NativeShuffleDependency(
      written,
      partitions,
      ShuffleExchangeExec.createShuffleWriteProcessor(writeMetrics),
      metrics("dataSize"),
      collecting.map { collect =>
        KeySets.register(sparkContext, collect.columns.length, () => collect.keys.giveUp())
      })
    metrics("numPartitions").set(partitions)
    SQLMetrics.postDriverMetricUpdates(
      sparkContext,
      sparkContext.getLocalProperty(SQLExecution.EXECUTION_ID_KEY),
      metrics("numPartitions") :: Nil)
    dependency
  }

  private def resolvePartitioning(): (ShufflePartitioning, Int) = outputPartitioning match {
    case SinglePartition => (ShufflePartitioning.Single, 1)
    case HashPartitioning(expressions, partitions) =>
      (ShufflePartitioning.Hash(expressions), partitions)
    case RoundRobinPartitioning(partitions) => (ShufflePartitioning.RoundRobin, partitions)
    case RangePartitioning(order, partitions) =>
      val keys = order.zipWithIndex.map { case (key, index) => Alias(key.child, s"key$index")() }
      val keyRows = NativeStageExec(ProjectExec(keys, stage.child)).execute()
      val bounds = RangeBounds.sample(
        keyRows, order, partitions, conf.rangeExchangeSampleSizePerPartition)
      // As RangePartitioner, which has no more partitions than it found bounds for.
      (ShufflePartitioning.Range(order, bounds), bounds.length + 1)
    case other =>
      throw SparkException.internalError(s"A native exchange can't partition by $other.")
  }

  override def numMappers: Int = shuffleDependency.rdd.getNumPartitions

  override def numPartitions: Int = shuffleDependency.partitioner.numPartitions

  override def shuffleId: Int = shuffleDependency.shuffleId

  override def getShuffleRDD(partitionSpecs: Array[ShufflePartitionSpec]): RDD[InternalRow] =
    new StageCompiler(sparkContext, conf).compileShuffleRead(
      NativeShuffleSource(shuffleDependency, partitionSpecs.toSeq, readMetrics, output))

  // AQE drops what it believes to be empty, and broadcasts what it believes to be small.
  override def runtimeStatistics: Statistics = Statistics(
    metrics("dataSize").value,
    Some(metrics(SQLShuffleWriteMetricsReporter.SHUFFLE_RECORDS_WRITTEN).value))

  override protected def doExecute(): RDD[InternalRow] =
    getShuffleRDD(Array.tabulate(numPartitions)(i => CoalescedPartitionSpec(i, i + 1)))

  // As the exchange it replaces: AQE looks finished stages up by Spark's own.
  override protected def doCanonicalize(): SparkPlan =
    ShuffleExchangeExec(outputPartitioning, child, shuffleOrigin, advisoryPartitionSize).canonicalized

  override protected def withNewChildInternal(newChild: SparkPlan): NativeShuffleExchangeExec =
    copy(child = newChild)
}

object NativeShuffleExchangeExec {

  /** The most keys of a stage that are collected: filters of more would not stay in a cache. */
  private val MAX_KEYS = 4 << 20

  /** The most keys of one of a stage's tasks: twice its share. */
  private def keyLimit(tasks: Int): Int = 2 * MAX_KEYS / math.max(tasks, 2)
}
