package org.arclight.spark.execution

import java.util.concurrent.Executors

import scala.concurrent.{Await, ExecutionContext, Future}
import scala.concurrent.duration._

import org.apache.spark.arclight.ExecutorState
import org.apache.spark.sql.SparkSession
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, NativeSuite}
import org.arclight.spark.differential.Outcome
import org.arclight.spark.explain.NativePlans

/** Sessions with settings of their own in one application, and queries from many threads. */
class SessionsSuite extends NativeSuite {

  private def session(settings: (String, String)*): SparkSession = {
    val made = spark.newSession()
    settings.foreach { case (key, value) => made.conf.set(key, value) }
    made
  }

  private val queries = Seq(
    // ANSI raises at 'x'.
    "SELECT sum(CAST(text AS INT)) FROM {table}",
    // Hours and days are the session's.
    "SELECT hour(at), count(*) FROM {table} GROUP BY hour(at) ORDER BY 1",
    "SELECT CAST(at AS STRING), CAST(at AS DATE), number % 7 FROM {table} WHERE number < 40",
    "SELECT number % 7, max(text), sum(number) FROM {table} GROUP BY number % 7")

  test("sessions with different settings, at once") {
    withTempPath { path =>
      withSQLConf(
          ArclightConf.ENABLED.key -> "false", SQLConf.SESSION_LOCAL_TIMEZONE.key -> "UTC") {
        spark.range(0, 3000, 1, 3).selectExpr(
          "CAST(id AS INT) AS number",
          "IF(id = 1234, 'x', CAST(id AS STRING)) AS text",
          "timestamp_seconds(1700000000 + id * 3599) AS at").write.parquet(path.getPath)
      }
      def settings(ansi: Boolean, zone: String, enabled: Boolean) = Seq(
        SQLConf.ANSI_ENABLED.key -> ansi.toString,
        SQLConf.SESSION_LOCAL_TIMEZONE.key -> zone,
        SQLConf.SHUFFLE_PARTITIONS.key -> "3",
        ArclightConf.ENABLED.key -> enabled.toString)
      val variants = for {
        ansi <- Seq(true, false)
        zone <- Seq("UTC", "Asia/Kolkata")
      } yield (ansi, zone)
      val sql = queries.map(_.replace("{table}", s"parquet.`${path.getPath}`"))
      val expected = variants.map { case (ansi, zone) =>
        val plain = session(settings(ansi, zone, enabled = false): _*)
        sql.map(query => Outcome.of(plain.sql(query)))
      }
      // The settings matter.
      assert(expected.map(_.head.getClass).distinct.length == 2)
      val sessions = variants.map { case (ansi, zone) =>
        session(settings(ansi, zone, enabled = true): _*)
      }
      val off = session(settings(ansi = true, "UTC", enabled = false): _*)

      val pool = Executors.newFixedThreadPool(4)
      implicit val threads: ExecutionContext = ExecutionContext.fromExecutor(pool)
      try {
        val runs = for {
          round <- 0 until 3
          (session, outcomes) <- sessions.zip(expected)
          (query, outcome) <- sql.zip(outcomes)
        } yield Future {
          val frame = session.sql(query)
          val difference = Outcome.difference(outcome, Outcome.of(frame))
          val native = NativePlans.natives(frame.queryExecution.executedPlan).nonEmpty
          difference.orElse(if (native) None else Some("nothing ran natively"))
            .map(what => s"round $round: $query: $what")
        }
        val plain = sql.map { query => Future {
          val frame = off.sql(query)
          Outcome.of(frame)
          val found = NativePlans.natives(frame.queryExecution.executedPlan)
          if (found.isEmpty) None else Some(s"$query: native where it is off: $found")
        } }
        val found =
          Await.result(Future.sequence(runs ++ plain), 120.seconds).flatten
        assert(found.isEmpty, found.mkString("\n"))
      } finally {
        pool.shutdownNow()
      }
      assert(ExecutorState.executionMemoryUsed == 0)
    }
  }

  test("off and on again, in one session") {
    val query = "SELECT id % 3, count(*) FROM range(100) GROUP BY 1"
    def found = {
      val data = spark.sql(query)
      data.collect()
      natives(data.queryExecution.executedPlan)
    }
    assert(found.nonEmpty)
    withSQLConf(ArclightConf.ENABLED.key -> "false")(assert(found.isEmpty))
    assert(found.nonEmpty)
  }
}
