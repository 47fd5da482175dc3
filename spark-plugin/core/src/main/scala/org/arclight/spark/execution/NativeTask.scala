package org.arclight.spark.execution

import java.io.File
import java.util.concurrent.locks.ReentrantLock

import scala.jdk.CollectionConverters._

import org.apache.spark.{SparkException, TaskContext}
import org.apache.spark.arclight.{ShuffleWritten, TaskInternals}
import org.apache.spark.internal.Logging

import org.arclight.proto.{ShuffleWriteResult, Split, Task, TaskMetrics}
import org.arclight.spark.jni.NativeLibrary
import org.arclight.spark.memory.NativeMemoryConsumer

/**
 * One run of a stage's plan in a task of Spark: opened at its creation, closed when Spark's task
 * completes. Its native calls come from one thread at a time, usually the task's; a thread of a
 * Python worker may pull rows too, while Spark asks the task's memory to spill, hence the lock.
 */
final class NativeTask(
    program: StageProgram,
    partition: NativeStagePartition,
    context: TaskContext,
    shuffleDataFile: Option[File])
  extends Logging {

  private val lock = new ReentrantLock
  private val memory = new NativeMemoryConsumer(TaskInternals.memoryManager(context), spill)
  private val host = new TaskHost(program, partition, context, memory)
  private var handle = 0L
  private var closed = false

  // Listeners run last first: whatever the inputs register from now on is freed before this.
  context.addTaskCompletionListener[Unit](_ => close())

  exclusively {
    handle = ErrorTranslation.translating(context) {
      NativeLibrary.openTask(program.digest, program.plan, description.toByteArray, host)
    }
  }

  /** The next rows: their number, 0 at the end, and where they are. */
  def nextRows(block: Array[Long]): Int = pull(atEnd = 0)(NativeLibrary.nextRows(handle, block))

  /** The next rows as a frame, null at the end; `sizes` receives their number and their bytes. */
  def nextFrame(sizes: Array[Long]): Array[Byte] =
    pull[Array[Byte]](atEnd = null)(NativeLibrary.nextFrame(handle, sizes))

  private def pull[T](atEnd: T)(call: => T): T = exclusively {
    TaskInternals.killTaskIfInterrupted(context)
    if (closed) atEnd else ErrorTranslation.translating(context)(call)
  }

  /** Runs a task that ends in a shuffle write. */
  def shuffleWrite(): ShuffleWritten = exclusively {
    val result = ShuffleWriteResult.parseFrom(
      ErrorTranslation.translating(context)(NativeLibrary.shuffleWrite(handle)))
    ShuffleWritten(
      result.getPartitionLengthsList.asScala.map(_.longValue).toArray,
      result.getRows,
      result.getUnsafeRowBytes,
      result.getWriteNanos,
      result.getCollectedKeysList.asScala.toSeq.map { keys =>
        if (keys.hasKeySet) Some(keys.getKeySet.toByteArray) else None
      })
  }

  private def exclusively[T](call: => T): T = {
    lock.lock()
    try call
    finally lock.unlock()
  }

  // Called by Spark's memory manager under its own lock, by whichever thread asks for memory. A
  // native call of another thread can't be disturbed, and must not be waited for.
  private def spill(bytes: Long): Long =
    if (lock.tryLock()) {
      try {
        if (closed || handle == 0) 0L else NativeLibrary.spill(handle, bytes)
      } finally {
        lock.unlock()
      }
    } else {
      0L
    }

  /** Frees everything and reports the task's metrics; further calls do nothing. */
  def close(): Unit = {
    host.stop()
    exclusively {
      if (!closed) {
        closed = true
        val report = if (handle == 0) {
          TaskMetrics.getDefaultInstance
        } else {
          try {
            TaskMetrics.parseFrom(NativeLibrary.metrics(handle))
          } finally {
            NativeLibrary.closeTask(handle)
            handle = 0
          }
        }
        val left = memory.close()
        host.close(operator => OperatorMetricsReport.outputRows(report, operator))
        OperatorMetricsReport.apply(report, program, context)
        if (left > 0) reportLeak(left)
      }
    }
  }

  // The engine gives back what it reserved before it closes a task: what is left is its defect.
  private def reportLeak(bytes: Long): Unit = {
    val message = s"Arclight: a native task of stage ${context.stageId()} ended with $bytes bytes " +
      "of memory reserved"
    logWarning(message)
    if (program.failOnLeak && !context.isFailed()) throw SparkException.internalError(message)
  }

  private def description: Task = {
    val task = Task.newBuilder()
      .setPartition(context.partitionId())
      .addAllSpillDirectories(TaskInternals.localDirectories.asJava)
    partition.splits.foreach(split => task.addInputs(NativeTask.message(split)))
    shuffleDataFile.foreach(file => task.setShuffleDataFile(file.getPath))
    task.build()
  }
}

object NativeTask {

  /** A split as the engine takes it. */
  private[execution] def message(split: InputSplit): Split = {
    val message = Split.newBuilder()
    split match {
      case AbsentSplit => message.setAbsent(Split.Absent.getDefaultInstance)
      case _: RowsSplit => message.setRows(Split.Rows.getDefaultInstance)
      case _: ShuffleSplit => message.setShuffle(Split.ShuffleBlocks.getDefaultInstance)
      case FilesSplit(files) => message.setFiles(Split.Files.parseFrom(files))
      case RangeSplit(index) => message.setSlice(Split.Slice.newBuilder().setIndex(index))
      case BroadcastSplit(id) => message.setBroadcast(Split.Broadcast.newBuilder().setId(id))
    }
    message.build()
  }
}
