package org.apache.spark.arclight

import java.io.{IOException, InputStream}

import scala.util.control.NonFatal

import org.apache.spark.{SparkEnv, SparkException, TaskContext}
import org.apache.spark.internal.config
import org.apache.spark.network.buffer.FileSegmentManagedBuffer
import org.apache.spark.shuffle.FetchFailedException
import org.apache.spark.sql.execution._
import org.apache.spark.sql.execution.metric.{SQLMetric, SQLShuffleReadMetricsReporter}
import org.apache.spark.storage.{BlockId, BlockManagerId, FallbackStorage, ShuffleBlockFetcherIterator, ShuffleBlockId}
import org.apache.spark.unsafe.Platform

import org.arclight.spark.jni.ShuffleBlockLocation

/**
 * The blocks that a task reads of one native shuffle: first those on this executor, as places in
 * files, then those of others, as streams. Used on the task's thread.
 */
final class ShuffleBlocks(
    dependency: NativeShuffleDependency,
    spec: ShufflePartitionSpec,
    metrics: Map[String, SQLMetric],
    context: TaskContext) {
  import ShuffleBlocks._

  private val taskMetrics = context.taskMetrics().createTempShuffleReadMetrics()
  private val reporter = new SQLShuffleReadMetricsReporter(taskMetrics, metrics)
  private val (local, remote) = locate()
  private var current: Option[Block] = None
  private var stream: InputStream = _
  private var sizes: Map[BlockId, Block] = Map.empty
  private lazy val fetched = fetch()
  private lazy val chunk = new Array[Byte](CHUNK_BYTES)

  /** The next block, or null after the last. */
  def next(): ShuffleBlockLocation = {
    closeStream()
    if (local.hasNext) {
      val block = local.next()
      current = Some(block)
      localSegment(block)
    } else if (remote.nonEmpty && fetched.hasNext) {
      val (id, opened) = fetched.next()
      current = sizes.get(id)
      stream = opened
      new ShuffleBlockLocation(null, 0, current.map(_.size).getOrElse(0L))
    } else {
      current = None
      null
    }
  }

  /** Reads of the current stream; 0 at its end. */
  def read(address: Long, length: Int): Int = {
    if (stream == null) {
      throw SparkException.internalError("No shuffle block is open.", category = "SHUFFLE")
    }
    val bytes =
      try stream.read(chunk, 0, math.min(length, chunk.length))
      catch { case failed: IOException => fail(failed.toString, failed) }
    if (bytes <= 0) {
      0
    } else {
      Platform.copyMemory(chunk, Platform.BYTE_ARRAY_OFFSET, null, address, bytes.toLong)
      bytes
    }
  }

  /** Makes Spark compute the current block's map output again. */
  def fail(reason: String): Nothing = fail(reason, null)

  private def fail(reason: String, cause: Throwable): Nothing = current match {
    case Some(Block(address, id: ShuffleBlockId, _, mapIndex)) =>
      throw new FetchFailedException(
        address, id.shuffleId, id.mapId, mapIndex, id.reduceId, reason, cause)
    case _ => throw SparkException.internalError(s"No shuffle block failed: $reason", category = "SHUFFLE")
  }

  /** Ends the reading: closes what is open and reports what was read. */
  def close(records: Long): Unit = {
    closeStream()
    reporter.incRecordsRead(records)
    context.taskMetrics().mergeShuffleReadMetrics()
  }

  private def closeStream(): Unit = if (stream != null) {
    val open = stream
    stream = null
    open.close()
  }

  private def locate(): (Iterator[Block], Seq[(BlockManagerId, Seq[Block])]) = {
    val tracker = SparkEnv.get.mapOutputTracker
    val id = dependency.shuffleId
    val byAddress = spec match {
      case CoalescedPartitionSpec(start, end, _) =>
        tracker.getMapSizesByExecutorId(id, 0, Int.MaxValue, start, end)
      case PartialReducerPartitionSpec(reducer, startMap, endMap, _) =>
        tracker.getMapSizesByExecutorId(id, startMap, endMap, reducer, reducer + 1)
      case PartialMapperPartitionSpec(map, start, end) =>
        tracker.getMapSizesByExecutorId(id, map, map + 1, start, end)
      case CoalescedMapperPartitionSpec(startMap, endMap, reducers) =>
        tracker.getMapSizesByExecutorId(id, startMap, endMap, 0, reducers)
    }
    val blocks = byAddress.toSeq.map { case (address, found) =>
      address -> found.toSeq.map { case (block, size, mapIndex) =>
        Block(address, block, size, mapIndex)
      }
    }
    val (here, elsewhere) = blocks.partition { case (address, _) => isHere(address) }
    (here.flatMap(_._2).iterator, elsewhere)
  }

  // With an external shuffle service the addresses differ, and the executor is the same.
  private def isHere(address: BlockManagerId): Boolean =
    address.executorId == SparkEnv.get.blockManager.blockManagerId.executorId &&
      address.executorId != FallbackStorage.FALLBACK_BLOCK_MANAGER_ID.executorId

  private def localSegment(block: Block): ShuffleBlockLocation = {
    val segment =
      try SparkEnv.get.shuffleManager.shuffleBlockResolver.getBlockData(block.id)
      catch { case NonFatal(failed) => fail(failed.toString, failed) }
    segment match {
      case file: FileSegmentManagedBuffer =>
        reporter.incLocalBlocksFetched(1)
        reporter.incLocalBytesRead(file.getLength)
        new ShuffleBlockLocation(file.getFile.getPath, file.getOffset, file.getLength)
      case other => fail(s"its data is ${other.getClass.getName}, not a file")
    }
  }

  private def fetch(): Iterator[(BlockId, InputStream)] = {
    sizes = remote.flatMap(_._2).map(block => block.id -> block).toMap
    val environment = SparkEnv.get
    val conf = environment.conf
    new ShuffleBlockFetcherIterator(
      context,
      environment.blockManager.blockStoreClient,
      environment.blockManager,
      environment.mapOutputTracker,
      remote.iterator.map { case (address, blocks) =>
        (address, blocks.map(block => (block.id, block.size, block.mapIndex)))
      },
      (_, input) => input,
      conf.get(config.REDUCER_MAX_SIZE_IN_FLIGHT) * 1024 * 1024,
      conf.get(config.REDUCER_MAX_REQS_IN_FLIGHT),
      conf.get(config.REDUCER_MAX_BLOCKS_IN_FLIGHT_PER_ADDRESS),
      conf.get(config.MAX_REMOTE_BLOCK_SIZE_FETCH_TO_MEM),
      conf.get(config.SHUFFLE_MAX_ATTEMPTS_ON_NETTY_OOM),
      // The streams are as they were written; the engine verifies the blocks' own checksums.
      detectCorrupt = false,
      detectCorruptUseExtraMemory = false,
      checksumEnabled = false,
      conf.get(config.SHUFFLE_CHECKSUM_ALGORITHM),
      reporter,
      doBatchFetch = false).toCompletionIterator
  }
}

object ShuffleBlocks {
  private val CHUNK_BYTES = 256 << 10

  private final case class Block(address: BlockManagerId, id: BlockId, size: Long, mapIndex: Int)
}
