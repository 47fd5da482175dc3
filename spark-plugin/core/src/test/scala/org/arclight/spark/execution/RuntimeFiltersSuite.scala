package org.arclight.spark.execution

import java.net.URI
import java.nio.file.{Files, Path}

import scala.concurrent.{Await, ExecutionContext, Future}
import scala.concurrent.duration._

import org.apache.spark.arclight.ExecutorState
import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.catalyst.expressions.NamedExpression
import org.apache.spark.sql.execution.SparkPlan
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanHelper
import org.apache.spark.sql.execution.exchange.ReusedExchangeExec
import org.apache.spark.sql.execution.metric.SQLShuffleWriteMetricsReporter
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, FilesSuite}

/** Keys of one side of a shuffled join in the scan of the other. */
class RuntimeFiltersSuite extends FilesSuite with AdaptiveSparkPlanHelper {

  override def beforeAll(): Unit = {
    super.beforeAll()
    withSQLConf(ArclightConf.ENABLED.key -> "false") {
      spark.range(0, 20000, 1, 4).selectExpr(
        "id", "id % 1000 AS k", "IF(id % 9 = 0, NULL, CAST(id % 300 AS INT)) AS n",
        "CAST(id % 500 AS DECIMAL(12, 2)) AS d", "DATE'2020-01-01' + CAST(id % 400 AS INT) AS day")
        .write.parquet(s"$folder/facts")
      spark.range(0, 1000, 1, 2).selectExpr(
        "id AS k", "IF(id % 11 = 0, NULL, CAST(id AS INT)) AS n", "id % 20 AS part",
        "CAST(id AS DECIMAL(12, 2)) AS d", "DATE'2020-01-01' + CAST(id AS INT) AS day")
        .write.parquet(s"$folder/names")
    }
    Seq("facts", "names").foreach { table =>
      spark.read.parquet(s"$folder/$table").createOrReplaceTempView(table)
    }
  }

  private def filtering(settings: (String, String)*)(test: => Unit): Unit = withSQLConf(
    Seq(
      SQLConf.AUTO_BROADCASTJOIN_THRESHOLD.key -> "-1",
      ArclightConf.STAGE_FILTERS_MINIMUM.key -> "0") ++ settings: _*)(test)

  private def exchanges(frame: DataFrame): Seq[NativeShuffleExchangeExec] =
    collectWithSubqueries(frame.queryExecution.executedPlan) {
      case exchange: NativeShuffleExchangeExec => exchange
    }

  private def rowsWritten(exchange: SparkPlan): Long =
    exchange.metrics(SQLShuffleWriteMetricsReporter.SHUFFLE_RECORDS_WRITTEN).value

  /** The rows that exchanges wrote whose stages filter by keys. */
  private def filteredRows(frame: DataFrame): Seq[Long] =
    exchanges(frame).filter(_.awaits.nonEmpty).map(rowsWritten)

  test("the other side's scan leaves out rows without a partner") {
    filtering() {
      val frame = checkNative(
        "SELECT f.id, s.k FROM names s JOIN facts f ON s.k = f.k WHERE s.part = 3")
      // 50 of 1000 keys; a filter of so few is exact.
      assert(filteredRows(frame) == Seq(1000L))
    }
  }

  test("keys of every type that has a filter") {
    filtering() {
      Seq("n", "d", "day", "k").foreach { key =>
        val frame = checkNative(
          s"SELECT f.id, s.k FROM names s JOIN facts f ON s.$key = f.$key WHERE s.part < 5")
        assert(filteredRows(frame).exists(_ < 10000), key)
      }
    }
  }

  test("several keys, each with its own filter") {
    filtering() {
      val frame = checkNative(
        "SELECT f.id, s.k FROM names s JOIN facts f ON s.k = f.k AND s.n = f.n WHERE s.part = 3")
      assert(filteredRows(frame).exists(_ < 1000))
    }
  }

  test("joins drop rows of the sides they may drop them of") {
    val filtered = "(SELECT * FROM names WHERE part < 4)"
    filtering() {
      for {
        (kind, toLeft, toRight) <- Seq(
          ("JOIN", true, true), ("LEFT JOIN", false, true), ("RIGHT JOIN", true, false),
          ("FULL JOIN", false, false))
      } {
        val right = checkNative(s"SELECT l.id, r.part FROM facts l $kind $filtered r ON l.k = r.k")
        assert(filteredRows(right).nonEmpty == toLeft, kind)
        val left = checkNative(s"SELECT r.id, l.part FROM $filtered l $kind facts r ON l.k = r.k")
        assert(filteredRows(left).nonEmpty == toRight, kind)
      }
      for ((kind, toLeft) <- Seq(("LEFT SEMI JOIN", true), ("LEFT ANTI JOIN", false))) {
        val right = checkNative(s"SELECT l.id FROM facts l $kind $filtered r ON l.k = r.k")
        assert(filteredRows(right).nonEmpty == toLeft, kind)
        val left = checkNative(s"SELECT l.k FROM $filtered l $kind facts r ON l.k = r.k")
        assert(filteredRows(left).nonEmpty, kind)
      }
      checkNative(
        s"SELECT k FROM $filtered l WHERE part = 0 OR EXISTS (SELECT 1 FROM facts r WHERE l.k = r.k)")
    }
  }

  test("keys go through aggregations and joins on both sides") {
    filtering() {
      val aggregated = checkNative(
        "SELECT s.k, a.c FROM names s JOIN (SELECT k, count(*) AS c FROM facts GROUP BY k) a " +
          "ON s.k = a.k WHERE s.part = 3")
      assert(filteredRows(aggregated).exists(_ < 1000))
      val chained = checkNative(
        "SELECT f.id, g.id FROM names s JOIN facts f ON s.k = f.k JOIN facts g ON f.k = g.k " +
          "WHERE s.part = 3 AND f.id < 5000")
      assert(filteredRows(chained).length == 2)
      val other = checkNative(
        "SELECT f.id, g.k FROM names s JOIN facts f ON s.k = f.k JOIN names g ON f.n = g.n " +
          "WHERE s.part = 3")
      assert(filteredRows(other).length == 2)
    }
  }

  test("a stage filters by keys and collects others") {
    filtering() {
      val frame = checkNative(
        "SELECT f.id, t.id FROM names s JOIN facts f ON s.k = f.k " +
          "JOIN facts t ON f.n = t.n WHERE s.part = 3 AND t.id < 7000")
      assert(exchanges(frame).count(_.awaits.nonEmpty) >= 1)
    }
  }

  test("keys of a broadcast reach the scans of other broadcasts, and through them further ones") {
    def broadcasts(frame: DataFrame): Seq[NativeBroadcastExchangeExec] =
      collectWithSubqueries(frame.queryExecution.executedPlan) {
        case exchange: NativeBroadcastExchangeExec => exchange
      }
    val query = "SELECT /*+ BROADCAST(n), BROADCAST(p) */ f.id, p.part FROM facts f " +
      "JOIN names n ON f.k = n.k JOIN facts g ON f.id = g.id " +
      "JOIN (SELECT DISTINCT part FROM names WHERE part = 3) p ON n.part = p.part"
    filtering() {
      // An aggregation is not quick.
      assert(broadcasts(checkNative(query)).forall(_.awaits.isEmpty))
      val frame = checkNative(
        query.replace("SELECT DISTINCT part FROM names WHERE part = 3", "SELECT part FROM names WHERE k = 3"))
      val filtered = broadcasts(frame).filter(_.awaits.nonEmpty)
      assert(filtered.map(_.metrics("numOutputRows").value) == Seq(50L))
      assert(filteredRows(frame).contains(1000L))
    }
  }

  test("no key lets no row pass") {
    filtering(SQLConf.ADAPTIVE_OPTIMIZER_EXCLUDED_RULES.key ->
        "org.apache.spark.sql.execution.adaptive.AQEPropagateEmptyRelation") {
      val frame = checkNative(
        "SELECT f.id, s.k FROM names s JOIN facts f ON s.k = f.k WHERE s.part + 1 = 0")
      assert(filteredRows(frame) == Seq(0L))
    }
  }

  test("a stage goes on when the other side becomes a broadcast") {
    filtering(SQLConf.ADAPTIVE_AUTO_BROADCASTJOIN_THRESHOLD.key -> "10m") {
      checkNative(
        "SELECT f.id, t.k FROM (SELECT a.part, b.k FROM names a JOIN names b ON a.k = b.k " +
          "WHERE a.part = 3) t JOIN facts f ON t.part = f.k")
      checkNative(
        "SELECT f.id, t.part FROM (SELECT part, count(*) AS c FROM names WHERE k < 100 GROUP BY part) t " +
          "JOIN facts f ON t.c = f.id")
    }
  }

  test("a stage goes on when the other side runs in the JVM") {
    filtering(ArclightConf.operatorKey("Filter") -> "false") {
      checkNative(
        "SELECT f.id, s.k FROM names s JOIN facts f ON s.k = f.k WHERE s.part = 3", Set("Filter", "Project"))
    }
    filtering(ArclightConf.TRANSITION_COST.key -> "100", ArclightConf.SCAN_ENABLED.key -> "false") {
      val query = "SELECT f.id, s.k FROM names s JOIN facts f ON s.k = f.k WHERE s.part = 3"
      checkAnswer(spark.sql(query), withSQLConf(ArclightConf.ENABLED.key -> "false") {
        spark.sql(query).collect().toSeq
      })
    }
  }

  test("what is planned twice is written once, and not filtered for one of its readers") {
    filtering() {
      val frame = checkNative(
        "SELECT f.id FROM names s JOIN facts f ON s.k = f.k WHERE s.part = 3 " +
          "UNION ALL SELECT f.id FROM names s RIGHT JOIN facts f ON s.k = f.k AND s.part = 3")
      assert(collectWithSubqueries(frame.queryExecution.executedPlan) {
        case reused: ReusedExchangeExec => reused
      }.nonEmpty)
      assert(filteredRows(frame).isEmpty)
    }
  }

  test("an error of the side with the keys is Spark's") {
    filtering(SQLConf.ANSI_ENABLED.key -> "true") {
      val query = "SELECT f.id, s.k FROM names s JOIN facts f ON s.k = f.k WHERE 10 / (s.part - 3) > 1"
      assert(conditions(query).contains("DIVIDE_BY_ZERO"))
    }
  }

  test("rows that Spark would raise for are not left out") {
    filtering(SQLConf.ANSI_ENABLED.key -> "true") {
      Seq(
        // Only rows without a partner raise.
        "SELECT /*+ BROADCAST(s) */ f.id FROM names s JOIN facts f ON s.k = f.k " +
          "WHERE s.part = 3 AND 10 / (f.id - 7) < 100",
        "SELECT f.id, f.q FROM names s JOIN (SELECT k, id, 10 / (id - 7) AS q FROM facts) f " +
          "ON s.k = f.k WHERE s.part = 3",
        "SELECT f.id FROM names s JOIN (SELECT k, id FROM facts WHERE 10 / (id - 7) < 100) f " +
          "ON s.k = f.k WHERE s.part = 3",
        "SELECT f.k FROM names s JOIN (SELECT k, sum(10 / (id - 7)) AS q FROM facts GROUP BY k) f " +
          "ON s.k = f.k WHERE s.part = 3 AND f.q > 0",
        "SELECT f.k FROM names s JOIN (SELECT k, 10 / (min(id) - 7) AS q FROM facts GROUP BY k) f " +
          "ON s.k = f.k WHERE s.part = 3 AND f.q < 100").foreach { query =>
        val (native, spark) = (conditions(query), withSQLConf(ArclightConf.ENABLED.key -> "false") {
          conditions(query)
        })
        assert(native.contains("DIVIDE_BY_ZERO") && spark.contains("DIVIDE_BY_ZERO"), query)
      }
    }
  }

  private def conditions(query: String): Seq[String] = {
    val error = intercept[Exception](spark.sql(query).collect())
    causes(error).collect {
      case known: org.apache.spark.SparkThrowable => known.getCondition
    }
  }

  test("without adaptive execution nothing waits") {
    filtering(SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> "false") {
      val frame = checkNative(
        "SELECT f.id, s.k FROM names s JOIN facts f ON s.k = f.k WHERE s.part = 3")
      assert(filteredRows(frame).isEmpty)
    }
  }

  test("small scans and sessions that don't want it do not wait") {
    filtering(ArclightConf.STAGE_FILTERS_MINIMUM.key -> "1g") {
      assert(filteredRows(checkNative(
        "SELECT f.id, s.k FROM names s JOIN facts f ON s.k = f.k WHERE s.part = 3")).isEmpty)
    }
    filtering(ArclightConf.STAGE_FILTERS.key -> "false") {
      assert(filteredRows(checkNative(
        "SELECT f.id, s.k FROM names s JOIN facts f ON s.k = f.k WHERE s.part = 3")).isEmpty)
    }
  }

  test("a small scan waits for a broadcast if its keys then filter a large one") {
    def query(hint: String) =
      s"SELECT /*+ $hint */ f.id, p.part FROM facts f JOIN names n ON f.k = n.k " +
        "JOIN (SELECT part, k FROM names WHERE k = 3) p ON n.part = p.part"
    def bytes(table: String) = spark.table(table).inputFiles
      .map(file => Files.size(Path.of(new URI(file)))).sum
    val minimum = bytes("names") + 1
    assert(bytes("facts") > 3 * minimum)
    filtering(ArclightConf.STAGE_FILTERS_MINIMUM.key -> minimum.toString) {
      // 50 names of 1000, and the facts of these.
      assert(filteredRows(checkNative(query("BROADCAST(p)"))).sorted == Seq(50L, 1000L))
      // A shuffle is not quick.
      assert(filteredRows(checkNative(query("MERGE(p)"))).isEmpty)
    }
  }

  test("a cancelled query leaves no stage waiting") {
    implicit val threads: ExecutionContext = ExecutionContext.global
    spark.udf.register("sleeping", (value: Long) => { Thread.sleep(20); value })
    filtering(ArclightConf.BATCH_SIZE.key -> "10") {
      val frame = spark.sql(
        "SELECT f.id, s.k FROM names s JOIN facts f ON s.k = f.k WHERE sleeping(s.part) = 3")
      val context = spark.sparkContext
      val result = Future {
        context.setJobGroup("cancelled", "to be cancelled", interruptOnCancel = false)
        try frame.queryExecution.toRdd.count()
        finally context.clearJobGroup()
      }
      eventually(patiently, often)(assert(exchanges(frame).exists(_.awaits.nonEmpty)))
      eventually(patiently, often)(assert(ExecutorState.runningTasks(context) > 0))
      context.cancelJobGroup("cancelled")
      intercept[Exception](Await.result(result, 60.seconds))
      checkIdle()
      eventually(promptly, often)(assert(!Thread.getAllStackTraces.values().stream().anyMatch(
        _.exists(_.getClassName == classOf[CollectedKeys].getName))))
    }
  }

  test("keys that nobody will collect are given up") {
    val keys = new CollectedKeys(Seq(NamedExpression.newExprId))
    keys.expect(spark.range(1).queryExecution.sparkPlan)
    keys.await(() => false)
    assert(keys.isSettled && keys.sets.isEmpty)
    keys.settle(IndexedSeq(Some(Nil)))
    assert(keys.sets.isEmpty)
  }

  test("waiting ends when it is cancelled") {
    val keys = new CollectedKeys(Seq(NamedExpression.newExprId))
    keys.begin()
    keys.await(() => true)
    assert(!keys.isSettled)
    keys.settle(IndexedSeq(Some(Seq(Array[Byte](1)))))
    keys.await(() => false)
    assert(keys.sets.isDefined)
  }
}
