package org.apache.spark.arclight

import java.io.File

import org.apache.spark.{SparkContext, SparkEnv}

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

  /** How many tasks run. */
  def runningTasks(context: SparkContext): Int =
    context.statusTracker.getExecutorInfos.map(_.numRunningTasks()).sum

  /** Waits until all events so far have reached the listeners. */
  def drainListeners(context: SparkContext): Unit = context.listenerBus.waitUntilEmpty()
}
