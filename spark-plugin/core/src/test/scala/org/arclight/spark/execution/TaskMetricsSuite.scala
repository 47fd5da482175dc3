package org.arclight.spark.execution

import scala.collection.mutable.ArrayBuffer

import org.apache.spark.SparkConf
import org.apache.spark.arclight.ExecutorState
import org.apache.spark.executor.TaskMetrics
import org.apache.spark.scheduler.{SparkListener, SparkListenerTaskEnd}

import org.arclight.spark.{ArclightConf, NativeSuite}

/** The metrics of tasks, as Spark's UI and listeners have them, compared with Spark's own. */
class TaskMetricsSuite extends NativeSuite {
  import TaskMetricsSuite._

  override def sparkConf: SparkConf = super.sparkConf.set("spark.memory.offHeap.size", "64m")

  private def totals(query: String): Totals = {
    val context = spark.sparkContext
    ExecutorState.drainListeners(context)
    val tasks = ArrayBuffer.empty[TaskMetrics]
    val listener = new SparkListener {
      override def onTaskEnd(event: SparkListenerTaskEnd): Unit =
        tasks.synchronized(tasks += event.taskMetrics)
    }
    context.addSparkListener(listener)
    try {
      val data = spark.sql(query)
      data.collect()
      val native = spark.conf.get(ArclightConf.ENABLED.key, "true").toBoolean
      assert(natives(data.queryExecution.executedPlan).nonEmpty == native)
      ExecutorState.drainListeners(context)
      Totals(tasks.toSeq)
    } finally {
      context.removeSparkListener(listener)
    }
  }

  private def both(query: String): (Totals, Totals) = {
    val expected = withSQLConf(ArclightConf.ENABLED.key -> "false")(totals(query))
    (expected, totals(query))
  }

  test("input, shuffle and memory") {
    withTempPath { path =>
      withSQLConf(ArclightConf.ENABLED.key -> "false") {
        spark.range(0, 50000, 1, 3).selectExpr("id", "id % 1000 AS k", "concat('t', id) AS text")
          .write.parquet(path.getPath)
      }
      for {
        (how, conf) <- Seq(
          "natively" -> Seq("fs.file.impl" -> "org.apache.hadoop.fs.LocalFileSystem"),
          "through Hadoop" -> Nil)
        query <- Seq(
          s"SELECT k, count(*), max(text) FROM parquet.`${path.getPath}` GROUP BY k",
          s"SELECT /*+ REPARTITION(4, k) */ * FROM parquet.`${path.getPath}`")
      } withClue(s"$how: $query") {
        withSQLConf(conf: _*) {
          val (spark, native) = both(query)
          assert(spark.inputRecords == 50000)
          assert(native.inputRecords == spark.inputRecords)
          assert(native.inputBytes > 0)
          assert(native.writtenRecords == spark.writtenRecords)
          assert(native.readRecords == spark.readRecords)
          assert(native.readRecords == native.writtenRecords)
          assert(native.writtenBytes > 0)
          assert(native.readBytes == native.writtenBytes)
          assert(native.readBlocks > 0)
          assert(native.writeTime > 0)
          assert(native.diskSpilled == 0 && native.memorySpilled == 0)
        }
      }
    }
  }

  test("a range's rows are input, as Spark has it") {
    val (spark, native) = both("SELECT sum(id) FROM range(0, 10000, 1, 2)")
    assert(native.inputRecords == spark.inputRecords)
  }

  test("peak memory and spills") {
    val (spark, native) = both(
      "SELECT first(text), count(*) FROM (SELECT concat('some longer text ', id) AS text " +
        "FROM range(0, 1000000, 1, 1) SORT BY text)")
    assert(spark.diskSpilled > 0)
    assert(native.diskSpilled > 0)
    assert(native.memorySpilled > 0)
    assert(native.peakMemory > 0)
    val (_, small) = both("SELECT id % 10, count(*) FROM range(0, 1000, 1, 1) GROUP BY 1")
    assert(small.peakMemory > 0)
    assert(small.diskSpilled == 0)
  }
}

object TaskMetricsSuite {

  /** Sums over all tasks of a query. */
  private final case class Totals(tasks: Seq[TaskMetrics]) {
    def inputRecords: Long = tasks.map(_.inputMetrics.recordsRead).sum
    def inputBytes: Long = tasks.map(_.inputMetrics.bytesRead).sum
    def writtenRecords: Long = tasks.map(_.shuffleWriteMetrics.recordsWritten).sum
    def writtenBytes: Long = tasks.map(_.shuffleWriteMetrics.bytesWritten).sum
    def writeTime: Long = tasks.map(_.shuffleWriteMetrics.writeTime).sum
    def readRecords: Long = tasks.map(_.shuffleReadMetrics.recordsRead).sum
    def readBytes: Long = tasks.map(_.shuffleReadMetrics.totalBytesRead).sum
    def readBlocks: Long = tasks.map(_.shuffleReadMetrics.totalBlocksFetched).sum
    def memorySpilled: Long = tasks.map(_.memoryBytesSpilled).sum
    def diskSpilled: Long = tasks.map(_.diskBytesSpilled).sum
    def peakMemory: Long = tasks.map(_.peakExecutionMemory).sum
  }
}
