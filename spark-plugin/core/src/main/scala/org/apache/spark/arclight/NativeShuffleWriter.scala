package org.apache.spark.arclight

import java.io.File

import org.apache.spark.{SparkEnv, SparkException, TaskContext}
import org.apache.spark.scheduler.MapStatus
import org.apache.spark.shuffle.{IndexShuffleBlockResolver, ShuffleWriteMetricsReporter, ShuffleWriter}
import org.apache.spark.util.collection.OpenHashSet

/** A task that hasn't started and whose plan ends in a shuffle write. */
trait UnstartedShuffleWrite {
  /** Runs the task to its end. */
  def writeShuffle(dataFile: File): ShuffleWritten
}

/** What a shuffle write reports of itself. */
final case class ShuffleWritten(
    partitionLengths: Array[Long],
    rows: Long,
    unsafeRowBytes: Long,
    writeNanos: Long,
    collectedKeys: Seq[Option[Array[Byte]]])

/**
 * Has the engine write a map task's blocks into one file, and commits it as Spark does: a data file
 * and an index file, which external shuffle services and decommissioning know.
 */
private[spark] final class NativeShuffleWriter(
    handle: NativeShuffleHandle,
    mapId: Long,
    resolver: IndexShuffleBlockResolver,
    metrics: ShuffleWriteMetricsReporter)
  extends ShuffleWriter[Any, Any] {

  private var partitionLengths: Array[Long] = Array.emptyLongArray
  private var status: Option[MapStatus] = None
  private var temporaryFile: Option[File] = None

  override def write(records: Iterator[Product2[Any, Any]]): Unit =
    (records: Any) match {
      case task: UnstartedShuffleWrite => run(task)
      case other =>
        throw SparkException.internalError(
          s"A native shuffle was given ${other.getClass.getName} to write.", category = "SHUFFLE")
    }

  private def run(task: UnstartedShuffleWrite): Unit = {
    val temporary = resolver.createTempFile(resolver.getDataFile(handle.shuffleId, mapId))
    temporaryFile = Some(temporary)
    val written = task.writeShuffle(temporary)
    partitionLengths = written.partitionLengths
    metrics.incRecordsWritten(written.rows)
    metrics.incBytesWritten(partitionLengths.sum)
    metrics.incWriteTime(written.writeNanos)
    handle.nativeDependency.dataSize.add(written.unsafeRowBytes)
    handle.nativeDependency.keySets.foreach(
      _.add(TaskContext.getPartitionId() -> written.collectedKeys))
    // An earlier attempt's files win; their lengths replace ours.
    resolver.writeMetadataFileAndCommit(
      handle.shuffleId, mapId, partitionLengths, Array.emptyLongArray, temporary)
    status = Some(MapStatus(SparkEnv.get.blockManager.shuffleServerId, partitionLengths, mapId))
  }

  override def stop(success: Boolean): Option[MapStatus] = {
    temporaryFile.filter(_.exists()).foreach(_.delete())
    if (success) status else None
  }

  override def getPartitionLengths(): Array[Long] = partitionLengths
}

private[spark] object NativeShuffleWriter {

  /** Notes that a map task writes files, which are removed with the shuffle. */
  def track(resolver: IndexShuffleBlockResolver, shuffleId: Int, mapId: Long): Unit = {
    val maps =
      resolver.taskIdMapsForShuffle.computeIfAbsent(shuffleId, _ => new OpenHashSet[Long](16))
    maps.synchronized { maps.add(mapId) }
  }
}
