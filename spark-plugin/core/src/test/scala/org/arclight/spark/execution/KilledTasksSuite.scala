package org.arclight.spark.execution

import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.{AtomicInteger, AtomicLong}

import scala.concurrent.{Await, ExecutionContext, Future}
import scala.concurrent.duration._

import org.apache.spark.{SparkException, TaskContext}
import org.apache.spark.arclight.ExecutorState
import org.apache.spark.scheduler.{SparkListener, SparkListenerTaskEnd, SparkListenerTaskStart}
import org.apache.spark.sql.DataFrame

import org.arclight.spark.{ArclightConf, NativeSuite}

/** Tasks that are killed, and jobs that are cancelled, while the engine runs. */
class KilledTasksSuite extends NativeSuite {
  import KilledTasksSuite._

  private implicit val threads: ExecutionContext = ExecutionContext.global

  private def withNumbers(test: => Unit): Unit = withTempPath { path =>
    withSQLConf(ArclightConf.ENABLED.key -> "false") {
      spark.range(0, 20000, 1, 2).selectExpr("id", "id % 100 AS k").write.parquet(path.getPath)
    }
    withTempView("numbers") {
      spark.read.parquet(path.getPath).createOrReplaceTempView("numbers")
      spark.udf.register("slowly", slowly)
      test
    }
  }

  private def checkNothingLeft(filesBefore: Set[String]): Unit = {
    checkIdle()
    assert(ExecutorState.localFiles -- filesBefore == Set.empty)
  }

  /** Cancels a query once its tasks run, and looks at what is left. */
  private def checkCancelled(frame: => DataFrame): Unit = {
    val context = spark.sparkContext
    val before = ExecutorState.localFiles
    rows.set(0)
    val native = frame
    val result = Future {
      context.setJobGroup("cancelled", "to be cancelled", interruptOnCancel = false)
      try native.queryExecution.toRdd.count()
      finally context.clearJobGroup()
    }
    eventually(patiently, often) {
      assert(ExecutorState.runningTasks(context) > 0)
      assert(rows.get > 100 || !native.queryExecution.logical.toString.contains("slowly"))
    }
    assert(natives(native.queryExecution.executedPlan).nonEmpty)
    context.cancelJobGroup("cancelled")
    val error = intercept[Exception](Await.result(result, 10.seconds))
    val texts = causes(error).map(_.toString)
    assert(texts.exists(_.toLowerCase.contains("cancelled")), error)
    checkNothingLeft(before)
    assert(spark.sql("SELECT sum(id) FROM numbers").head().getLong(0) == 199990000L)
  }

  test("a cancelled job stops in a scan") {
    withNumbers(withSmallBatches(checkCancelled(
      spark.sql("SELECT id FROM numbers WHERE slowly(id) >= 0"))))
  }

  test("a cancelled job stops in an aggregation") {
    withNumbers(withSmallBatches(checkCancelled(
      spark.sql("SELECT k, sum(slowly(id)) FROM numbers GROUP BY k"))))
  }

  test("a cancelled job stops in a sort") {
    withNumbers(withSmallBatches(checkCancelled(
      spark.sql("SELECT id, slowly(id) AS s FROM numbers SORT BY s"))))
  }

  test("a cancelled job stops in a shuffle write") {
    withNumbers(withSmallBatches(checkCancelled(
      spark.sql("SELECT /*+ REPARTITION(20, s) */ id, slowly(id) AS s FROM numbers"))))
  }

  test("a cancelled job stops where no row comes to the JVM") {
    withNumbers(checkCancelled(
      spark.sql("SELECT sum(id % 7) FROM range(0, 4000000000000, 1, 2)")))
  }

  /** Rows come slowly, so that tasks last; batches are small, so that they look often. */
  private def withSmallBatches(test: => Unit): Unit =
    withSQLConf(ArclightConf.BATCH_SIZE.key -> "10")(test)

  test("a killed task runs again, and the rows are right") {
    withNumbers {
      val expected = withSQLConf(ArclightConf.ENABLED.key -> "false") {
        spark.sql("SELECT k, sum(id), count(*) FROM numbers GROUP BY k").collect().toSeq
      }
      val killer = new Killer
      val context = spark.sparkContext
      context.addSparkListener(killer)
      try {
        withSmallBatches {
          spark.udf.register("slowAtFirst", slowAtFirst)
          val frame = spark.sql(
            "SELECT k, sum(slowAtFirst(id)), count(*) FROM numbers GROUP BY k")
          val result = Future(frame.collect().toSeq)
          eventually(patiently, often)(assert(killer.started.get > 0))
          eventually(patiently, often)(assert(slowTasks.size > 0))
          slowTasks.forEach((task, _) => context.killTaskAttempt(task, interruptThread = false))
          assert(Await.result(result, 60.seconds).toSet == expected.toSet)
          assert(natives(frame.queryExecution.executedPlan).nonEmpty)
        }
        ExecutorState.drainListeners(context)
        assert(killer.killed.get > 0)
        checkIdle()
      } finally {
        context.removeSparkListener(killer)
        slowTasks.clear()
      }
    }
  }

  test("a task that fails half-way leaves nothing") {
    withNumbers {
      spark.udf.register("failing", (id: Long) => if (id == 7777) sys.error("no 7777") else id)
      for (query <- Seq(
          "SELECT k, sum(failing(id)) FROM numbers GROUP BY k",
          "SELECT id, failing(id) AS s FROM numbers SORT BY s",
          "SELECT /*+ REPARTITION(20, s) */ id, failing(id) AS s FROM numbers")) {
        val before = ExecutorState.localFiles
        val error = intercept[SparkException](spark.sql(query).collect())
        val conditions = causes(error)
          .collect { case known: SparkException => known.getCondition }
        assert(conditions.contains("FAILED_EXECUTE_UDF"))
        // The other task may go on for a moment, or may have ended well before.
        eventually(promptly, often) {
          val left = (ExecutorState.localFiles -- before)
            .filterNot(name => name.endsWith(".data") || name.endsWith(".index"))
          assert(left.isEmpty)
        }
        checkIdle()
      }
    }
  }
}

object KilledTasksSuite {
  /** How many rows the slow function has seen. */
  val rows = new AtomicInteger

  /** A millisecond a row: a task of 10,000 rows lasts ten seconds at least. */
  val slowly: Long => Long = { id =>
    rows.incrementAndGet()
    Thread.sleep(1)
    id
  }

  /** The first attempts that are in the function below. */
  val slowTasks = new ConcurrentHashMap[Long, Long]

  val slowAtFirst: Long => Long = { id =>
    val task = TaskContext.get()
    if (task.attemptNumber() == 0) {
      slowTasks.put(task.taskAttemptId(), id)
      Thread.sleep(1)
    }
    id
  }

  final class Killer extends SparkListener {
    val started = new AtomicLong
    val killed = new AtomicLong

    override def onTaskStart(event: SparkListenerTaskStart): Unit = started.incrementAndGet()

    override def onTaskEnd(event: SparkListenerTaskEnd): Unit =
      if (event.taskInfo.killed) killed.incrementAndGet()
  }
}
