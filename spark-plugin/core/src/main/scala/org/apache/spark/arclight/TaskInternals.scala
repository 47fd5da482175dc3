package org.apache.spark.arclight

import org.apache.spark.{SparkEnv, TaskContext, TaskKilledException}
import org.apache.spark.internal.config
import org.apache.spark.memory.TaskMemoryManager

/** What Spark keeps to its own packages and a native task needs of it. */
object TaskInternals {
  def memoryManager(context: TaskContext): TaskMemoryManager = context.taskMemoryManager()

  /** Raises TaskKilledException if the task was killed. */
  def killTaskIfInterrupted(context: TaskContext): Unit = context.killTaskIfInterrupted()

  /** The exception that ends a killed task. */
  def killed(context: TaskContext): Throwable =
    new TaskKilledException(context.getKillReason().getOrElse("unknown reason"))

  def addInput(context: TaskContext, bytes: Long, records: Long): Unit = {
    context.taskMetrics().inputMetrics.incBytesRead(bytes)
    context.taskMetrics().inputMetrics.incRecordsRead(records)
  }

  def addSpill(context: TaskContext, bytes: Long): Unit = {
    context.taskMetrics().incMemoryBytesSpilled(bytes)
    context.taskMetrics().incDiskBytesSpilled(bytes)
  }

  def addPeakMemory(context: TaskContext, bytes: Long): Unit =
    context.taskMetrics().incPeakExecutionMemory(bytes)

  /** Where the executor keeps its temporary files. */
  def localDirectories: Seq[String] =
    SparkEnv.get.blockManager.diskBlockManager.localDirsString.toSeq

  /** Whether shuffle files are encrypted. */
  def isIoEncrypted: Boolean = SparkEnv.get.conf.get(config.IO_ENCRYPTION_ENABLED)

  /** The settings of shuffle compression: the codec's short name, or None where it is off. */
  def shuffleCompressionCodec: Option[String] = {
    val conf = SparkEnv.get.conf
    if (conf.get(config.SHUFFLE_COMPRESS)) Some(conf.get(config.IO_COMPRESSION_CODEC)) else None
  }

  def zstandardLevel: Int = SparkEnv.get.conf.get(config.IO_COMPRESSION_ZSTD_LEVEL)
}
