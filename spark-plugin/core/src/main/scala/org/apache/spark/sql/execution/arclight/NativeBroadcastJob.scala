package org.apache.spark.sql.execution.arclight

import java.util.concurrent.{CancellationException, Future, TimeoutException, TimeUnit}
import java.util.concurrent.TimeUnit.NANOSECONDS

import scala.concurrent.Promise
import scala.util.control.NonFatal

import org.apache.spark.SparkException
import org.apache.spark.broadcast.Broadcast
import org.apache.spark.rdd.RDD
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.{UnsafeProjection, UnsafeRow}
import org.apache.spark.sql.catalyst.plans.logical.Statistics
import org.apache.spark.sql.catalyst.plans.physical.{BroadcastMode, BroadcastPartitioning, Partitioning}
import org.apache.spark.sql.errors.QueryExecutionErrors
import org.apache.spark.sql.execution.{FileSourceScanExec, SQLExecution}
import org.apache.spark.sql.execution.exchange.{BroadcastExchangeExec, BroadcastExchangeLike}
import org.apache.spark.sql.execution.joins.{HashedRelation, HashedRelationBroadcastMode, HashedRelationWithAllNullKeys}
import org.apache.spark.sql.execution.metric.{SQLMetric, SQLMetrics}
import org.apache.spark.sql.types.LongType
import org.apache.spark.unsafe.map.BytesToBytesMap
import org.apache.spark.util.SparkFatalException

import org.arclight.spark.execution.{CollectedFrames, CollectKeysExec, KeyExchange, KeySet}

/**
 * The part of a native broadcast that deals with what is private to Spark: as
 * [[BroadcastExchangeExec]] it collects the rows in a job that can be found by its tag, within
 * Spark's limits and time, and fails with Spark's errors.
 *
 * What is broadcast are the rows in frames. Native joins take these; for a consumer in the JVM
 * what its mode makes of them is built when the first one asks, and is broadcast too. Rows with a
 * NULL key for a null-aware join are broadcast beside the value by which AQE knows that they leave
 * nothing of the join.
 */
trait NativeBroadcastJob extends BroadcastExchangeLike with KeyExchange {

  def mode: BroadcastMode

  /** Runs the job. */
  protected def collectFrames(): Array[CollectedFrames]

  private def rows(frames: Array[Array[Byte]]): Iterator[UnsafeRow] =
    CollectedFrames.rows(frames, output)

  override lazy val metrics: Map[String, SQLMetric] = Map(
    "dataSize" -> SQLMetrics.createSizeMetric(sparkContext, "data size"),
    "numOutputRows" -> SQLMetrics.createMetric(sparkContext, "number of output rows"),
    "collectTime" -> SQLMetrics.createTimingMetric(sparkContext, "time to collect"),
    "buildTime" -> SQLMetrics.createTimingMetric(sparkContext, "time to build"),
    "broadcastTime" -> SQLMetrics.createTimingMetric(sparkContext, "time to broadcast"))

  override def outputPartitioning: Partitioning = BroadcastPartitioning(mode)

  // AQE drops what it believes to be empty.
  override def runtimeStatistics: Statistics =
    Statistics(metrics("dataSize").value, Some(metrics("numOutputRows").value))

  // It isn't materialized again.
  override def resetMetrics(): Unit = {}

  @transient private lazy val promise = Promise[Broadcast[Any]]()

  @transient override lazy val completionFuture: scala.concurrent.Future[Broadcast[Any]] =
    promise.future

  @transient private lazy val timeout: Long = conf.broadcastTimeout

  @transient private lazy val maxBroadcastRows: Long = mode match {
    case HashedRelationBroadcastMode(key, _)
        if !(key.length == 1 && key.head.dataType == LongType) =>
      (BytesToBytesMap.MAX_CAPACITY / 1.5).toLong
    case _ => 512000000L
  }

  @transient override lazy val relationFuture: Future[Broadcast[Any]] =
    SQLExecution.withThreadLocalCaptured[Broadcast[Any]](
      session, BroadcastExchangeExec.executionContext) {
      try {
        sparkContext.addJobTag(jobTag)
        sparkContext.setInterruptOnCancel(true)
        collects.foreach(_.begin())
        awaits.foreach(_.await(() => relationFuture.isCancelled || sparkContext.isStopped))
        if (relationFuture.isCancelled) throw new CancellationException
        val beforeCollect = System.nanoTime()
        val collected = collectFrames()
        val frames = collected.flatMap(_.frames)
        val rowCount = collected.map(_.count).sum
        val dataSize = collected.map(_.bytes).sum
        collecting.foreach(settle(_, frames, rowCount))
        longMetric("numOutputRows") += rowCount
        if (rowCount >= maxBroadcastRows) {
          throw QueryExecutionErrors.cannotBroadcastTableOverMaxTableRowsError(
            maxBroadcastRows, rowCount)
        }
        longMetric("collectTime") += millisSince(beforeCollect)
        longMetric("dataSize") += dataSize
        checkSize(dataSize)
        val beforeBroadcast = System.nanoTime()
        val broadcasted = broadcast(frames, rowCount)
        longMetric("broadcastTime") += millisSince(beforeBroadcast)
        postMetrics()
        promise.trySuccess(broadcasted)
        broadcasted
      } catch {
        case failure: Throwable =>
          collects.foreach(_.giveUp())
          val wrapped = wrap(failure)
          promise.tryFailure(wrapped)
          throw wrapped
      }
    }

  /** The frames where they are not what [[relationFuture]] has. Set before that is done. */
  @transient @volatile private var framesApart: Option[Broadcast[Array[Array[Byte]]]] = None

  private def broadcast(frames: Array[Array[Byte]], rowCount: Long): Broadcast[Any] =
    if (haveNullKey(frames, rowCount)) {
      framesApart = Some(sparkContext.broadcastInternal(frames, serializedOnly = true))
      // AQEPropagateEmptyRelation looks for it.
      sparkContext.broadcastInternal[Any](HashedRelationWithAllNullKeys, serializedOnly = true)
    } else {
      sparkContext.broadcastInternal[Any](frames, serializedOnly = true)
    }

  /** Whether a key is NULL that is for a null-aware join, if the rows are not too many. */
  private def haveNullKey(frames: Array[Array[Byte]], rowCount: Long): Boolean = mode match {
    case HashedRelationBroadcastMode(Seq(key), true) if rowCount <= NativeBroadcastJob.MAX_KEY_ROWS =>
      val keyOf = UnsafeProjection.create(Seq(key))
      rows(frames).exists(keyOf(_).isNullAt(0))
    case _ => false
  }

  /** Takes the keys from the rows, if these are not too many. */
  private def settle(
      collecting: CollectKeysExec,
      frames: Array[Array[Byte]],
      rowCount: Long): Unit =
    if (rowCount > NativeBroadcastJob.MAX_KEY_ROWS) {
      collecting.keys.giveUp()
    } else {
      val sets = collecting.columns.map { column =>
        val position = child.output.indexWhere(_.exprId == column.exprId)
        KeySet.of(rows(frames), position, column.dataType)
      }
      collecting.keys.settle(sets.map(set => Some(Seq(set))).toIndexedSeq)
    }

  private def millisSince(nanos: Long): Long = NANOSECONDS.toMillis(System.nanoTime() - nanos)

  private def checkSize(bytes: Long): Unit = {
    val maximum = conf.maxBroadcastTableSizeInBytes
    if (bytes >= maximum) {
      throw QueryExecutionErrors.cannotBroadcastTableOverMaxTableBytesError(maximum, bytes)
    }
  }

  private def postMetrics(): Unit = SQLMetrics.postDriverMetricUpdates(
    sparkContext,
    sparkContext.getLocalProperty(SQLExecution.EXECUTION_ID_KEY),
    metrics.values.toSeq)

  // Fatal errors don't come through a Scala future as they are.
  private def wrap(failure: Throwable): Throwable = failure match {
    case outOfMemory: OutOfMemoryError =>
      val tables = child.collect { case scan: FileSourceScanExec => scan.tableIdentifier }.flatten
      new SparkFatalException(
        QueryExecutionErrors.notEnoughMemoryToBuildAndBroadcastTableError(outOfMemory, tables))
    case fatal if !NonFatal(fatal) => new SparkFatalException(fatal)
    case other => other
  }

  override protected def doPrepare(): Unit = relationFuture

  override protected def doExecute(): RDD[InternalRow] =
    throw QueryExecutionErrors.executeCodePathUnsupportedError("NativeBroadcastExchange")

  /** The frames, once they are there. */
  protected def broadcastFrames(): Broadcast[Array[Array[Byte]]] =
    try {
      val broadcasted = relationFuture.get(timeout, TimeUnit.SECONDS)
      framesApart.getOrElse(broadcasted.asInstanceOf[Broadcast[Array[Array[Byte]]]])
    } catch {
      case late: TimeoutException =>
        logError(s"Could not execute broadcast in $timeout secs.", late)
        if (!relationFuture.isDone) {
          sparkContext.cancelJobsWithTag(jobTag, "The corresponding broadcast query has failed.")
          relationFuture.cancel(true)
        }
        throw QueryExecutionErrors.executeBroadcastTimeoutError(timeout, Some(late))
    }

  // Not a lazy value, which would be made under the lock of this plan's other lazy values: the
  // job that is waited for asks for them.
  @transient private val relationLock = new Object
  @transient private var relation: Option[Broadcast[Any]] = None

  /** What the mode makes of the rows. */
  private def makeRelation(): Broadcast[Any] = {
    val frames = broadcastFrames()
    val beforeBuild = System.nanoTime()
    val relation =
      try {
        mode.transform(rows(frames.value), Some(metrics("numOutputRows").value))
      } catch {
        case outOfMemory: OutOfMemoryError => throw wrap(outOfMemory)
      }
    relation match {
      case hashed: HashedRelation => checkSize(hashed.estimatedSize)
      case _: Array[InternalRow] =>
      case other =>
        throw SparkException.internalError(s"A broadcast mode gave ${other.getClass.getName}.")
    }
    longMetric("buildTime") += millisSince(beforeBuild)
    val beforeBroadcast = System.nanoTime()
    val broadcasted = sparkContext.broadcastInternal[Any](relation, serializedOnly = true)
    longMetric("broadcastTime") += millisSince(beforeBroadcast)
    postMetrics()
    broadcasted
  }

  /** For consumers in the JVM. */
  override protected[sql] def doExecuteBroadcast[T](): Broadcast[T] =
    relationLock.synchronized {
      val made = relation.getOrElse(makeRelation())
      relation = Some(made)
      made.asInstanceOf[Broadcast[T]]
    }
}

private object NativeBroadcastJob {

  /** The most rows whose keys are taken: it is done on the driver. */
  private val MAX_KEY_ROWS = 1L << 18
}
