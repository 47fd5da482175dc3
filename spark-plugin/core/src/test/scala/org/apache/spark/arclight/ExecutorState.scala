package org.apache.spark.arclight

import java.io.File

import org.apache.spark.{SparkContext, SparkEnv}
import org.apache.spark.scheduler.TaskSchedulerImpl

/** What a test may not see of the local executor otherwise. */
object ExecutorState {

  /** Bytes that running tasks hold. */
  def executionMemoryUsed: Long = SparkEnv.get.memoryManager.executionMemoryUsed

  /** The files in Spark's local directories. */
  def localFiles: Set[String] = {
    def files(folder: File): Seq[File] = Option(folder.listFiles).toSeq.flatten.flatMap { file =>
      if (file.isDirectory) files(file) else Seq(file)
    }
    SparkEnv.get.blockManager.diskBlockManager.localDirs.toSeq.flatMap(files).map(_.getPath).toSet
  }

  /** How many tasks run, as the scheduler knows: what Spark shows may be a heartbeat old. */
  def runningTasks(context: SparkContext): Int = context.taskScheduler match {
    case scheduler: TaskSchedulerImpl => scheduler.runningTasksByExecutors.values.sum
    case other => throw new IllegalStateException(s"${other.getClass.getName} counts no tasks")
  }

  /** Waits until all events so far have reached the listeners. */
  def drainListeners(context: SparkContext): Unit = context.listenerBus.waitUntilEmpty()
}
