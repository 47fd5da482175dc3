package org.apache.spark.arclight

import java.io.{EOFException, File, IOException, InputStream}
import java.nio.{ByteBuffer, LongBuffer}
import java.nio.file.Files

import org.apache.spark.{SparkEnv, SparkException, TaskContext}
import org.apache.spark.internal.config
import org.apache.spark.shuffle.{FetchFailedException, IndexShuffleBlockResolver}
import org.apache.spark.sql.execution._
import org.apache.spark.sql.execution.metric.{SQLMetric, SQLShuffleReadMetricsReporter}
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.storage.{BlockId, BlockManagerId, FallbackStorage, ShuffleBlockBatchId, ShuffleBlockFetcherIterator, ShuffleBlockId}
import org.apache.spark.unsafe.Platform

import org.arclight.spark.jni.ShuffleFiles

/**
 * The blocks that a task reads of one native shuffle: those on this executor as places in files, which
 * the engine reads first, and those of others as streams. Used on the task's thread.
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

  /** The blocks on this executor. */
  lazy val files: ShuffleFiles = {
    val byMap = local.groupBy(_.id.mapId).values.toIndexedSeq.sortBy(_.head.mapIndex)
    val segments = byMap.zipWithIndex.flatMap { case (blocks, file) => segmentsOf(blocks, file) }
    val bytes = segments.map(_.length).sum
    // By partition all files are open at once, which is not worth it where it says nothing; map
    // task by map task one is. That is Spark's order, too: few rows, which a user may look at, come
    // as they do there, where nothing else orders them.
    val byPartition = remote.isEmpty && isOfWholePartitions && byMap.length <= MAX_OPEN_FILES &&
      bytes > FEW_BYTES
    val ordered =
      if (byPartition) segments.sortBy(_.block.id.reduceId)
      else if (inBatches) segments.foldLeft(Vector.empty[Segment])(joined)
      else segments
    localSegments = ordered
    reporter.incLocalBlocksFetched(ordered.length)
    reporter.incLocalBytesRead(bytes)
    new ShuffleFiles(
      byMap.map(blocks => dataFile(blocks.head.id)).mkString(NUL),
      numbers(ordered),
      byPartition)
  }

  private def dataFile(id: ShuffleBlockId): String =
    resolver.getDataFile(id.shuffleId, id.mapId).getPath

  /** As [[ShuffleFiles]] has them; there may be thousands. */
  private def numbers(segments: IndexedSeq[Segment]): Array[Long] = {
    val numbers = new Array[Long](segments.length * ShuffleFiles.NUMBERS)
    segments.indices.foreach { index =>
      val segment = segments(index)
      val at = index * ShuffleFiles.NUMBERS
      numbers(at) = segment.file
      numbers(at + 1) = segment.offset
      numbers(at + 2) = segment.length
      numbers(at + 3) = segment.block.id.reduceId
    }
    numbers
  }

  private var localSegments: IndexedSeq[Segment] = IndexedSeq.empty

  /** Segments with another one, which goes on with the last one where it lies behind it. */
  private def joined(segments: Vector[Segment], next: Segment): Vector[Segment] =
    segments.lastOption match {
      case Some(last) if last.file == next.file && last.offset + last.length == next.offset =>
        segments.init :+ last.copy(length = last.length + next.length)
      case _ => segments :+ next
    }

  /**
   * Whether a map task's blocks for neighbouring partitions are read as one, which the engine can
   * always do (see BlockStoreShuffleReader.fetchContinuousBlocksInBatch).
   */
  private def inBatches: Boolean =
    SQLConf.get.fetchShuffleBlocksInBatch &&
      !SparkEnv.get.conf.get(config.SHUFFLE_USE_OLD_FETCH_PROTOCOL)

  private def isOfWholePartitions: Boolean = spec match {
    case _: CoalescedPartitionSpec => true
    case _ => false
  }

  /** Opens the next block of another executor; false after the last. */
  def nextStream(): Boolean = {
    closeStream()
    if (remote.nonEmpty && fetched.hasNext) {
      val (id, opened) = fetched.next()
      current = id match {
        case ShuffleBlockBatchId(shuffle, map, first, _) =>
          sizes.get(ShuffleBlockId(shuffle, map, first))
        case block => sizes.get(block)
      }
      stream = opened
      true
    } else {
      current = None
      false
    }
  }

  /** Reads of the current stream; 0 at its end. */
  def read(address: Long, length: Int): Int = {
    if (stream == null) {
      throw SparkException.internalError("No shuffle block is open.", category = "SHUFFLE")
    }
    val bytes =
      try stream.read(chunk, 0, math.min(length, chunk.length))
      catch { case failed: IOException => fail(current, failed.toString, failed) }
    if (bytes <= 0) {
      0
    } else {
      Platform.copyMemory(chunk, Platform.BYTE_ARRAY_OFFSET, null, address, bytes.toLong)
      bytes
    }
  }

  /** Makes Spark compute a block's map output again: one in a file, or (-1) the current stream's. */
  def fail(block: Int, reason: String): Nothing =
    fail(if (block < 0) current else localSegments.lift(block).map(_.block), reason, null)

  private def fail(block: Option[Block], reason: String, cause: Throwable): Nothing = block match {
    case Some(Block(address, id, _, mapIndex)) =>
      throw new FetchFailedException(
        address, id.shuffleId, id.mapId, mapIndex, id.reduceId, reason, cause)
    case None => throw SparkException.internalError(s"No shuffle block failed: $reason", category = "SHUFFLE")
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

  private def locate(): (Seq[Block], Seq[(BlockManagerId, Seq[Block])]) = {
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
      address -> found.toSeq.map {
        case (block: ShuffleBlockId, size, mapIndex) => Block(address, block, size, mapIndex)
        case (other, _, _) =>
          throw SparkException.internalError(s"$other is no block of a map task.", category = "SHUFFLE")
      }
    }
    val (here, elsewhere) = blocks.partition { case (address, _) => isHere(address) }
    (here.flatMap(_._2), elsewhere)
  }

  // With an external shuffle service the addresses differ, and the executor is the same.
  private def isHere(address: BlockManagerId): Boolean =
    address.executorId == SparkEnv.get.blockManager.blockManagerId.executorId &&
      address.executorId != FallbackStorage.FALLBACK_BLOCK_MANAGER_ID.executorId

  private def resolver: IndexShuffleBlockResolver =
    SparkEnv.get.shuffleManager.shuffleBlockResolver match {
      case index: IndexShuffleBlockResolver => index
      case other => throw SparkException.internalError(
        s"Native shuffles have no files with ${other.getClass.getName}.", category = "SHUFFLE")
    }

  /** Where a map task's blocks are, by its index file (see IndexShuffleBlockResolver). */
  private def segmentsOf(blocks: Seq[Block], file: Int): Seq[Segment] = {
    val first = blocks.map(_.id.reduceId).min
    val last = blocks.map(_.id.reduceId).max
    val head = blocks.head
    val offsets =
      try readIndex(resolver.getIndexFile(head.id.shuffleId, head.id.mapId), first, last + 1)
      catch { case failed: IOException => fail(Some(head), failed.toString, failed) }
    blocks.sortBy(_.id.reduceId).map { block =>
      val from = offsets.get(block.id.reduceId - first)
      val length = offsets.get(block.id.reduceId - first + 1) - from
      if (from < 0 || length < 0) fail(Some(block), "its index file is damaged", null)
      Segment(block, file, from, length)
    }
  }

  /** The offsets where partitions `first` to `last` begin. */
  private def readIndex(file: File, first: Int, last: Int): LongBuffer = {
    val bytes = ByteBuffer.allocate((last - first + 1) * java.lang.Long.BYTES)
    val channel = Files.newByteChannel(file.toPath)
    try {
      channel.position(first.toLong * java.lang.Long.BYTES)
      while (bytes.hasRemaining) {
        if (channel.read(bytes) < 0) throw new EOFException(s"$file is too short")
      }
    } finally {
      channel.close()
    }
    bytes.flip()
    bytes.asLongBuffer()
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
      doBatchFetch = inBatches).toCompletionIterator
  }
}

object ShuffleBlocks {
  private val CHUNK_BYTES = 256 << 10

  /** The most files that a task keeps open to read them partition by partition. */
  private val MAX_OPEN_FILES = 256

  /** Up to this many bytes, nothing is gained by reading partition by partition. */
  private val FEW_BYTES = 64L << 10

  private val NUL = "\u0000"

  private final case class Block(
      address: BlockManagerId,
      id: ShuffleBlockId,
      size: Long,
      mapIndex: Int)

  /** A block's place in one of the files. */
  private final case class Segment(block: Block, file: Int, offset: Long, length: Long)
}
