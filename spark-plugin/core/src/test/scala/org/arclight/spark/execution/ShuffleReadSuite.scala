package org.arclight.spark.execution

import java.io.File

import scala.jdk.CollectionConverters._

import org.apache.commons.io.FileUtils
import org.apache.spark.arclight.TaskInternals
import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.execution.adaptive.{AQEShuffleReadExec, AdaptiveSparkPlanHelper, QueryStageExec}
import org.apache.spark.sql.execution.exchange.ReusedExchangeExec
import org.apache.spark.sql.functions.col
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.NativeSuite

/** Blocks on this executor: partition by partition, and computed again when they are lost. */
class ShuffleReadSuite extends NativeSuite with AdaptiveSparkPlanHelper {

  // Many groups of several rows each, and enough of them for a partition to be noted.
  private val ROWS = "(SELECT id * 7919 % 60000 AS k, id % 5 AS j, id AS v FROM range(0, 300000, 1, 4))"

  private def withPartitions[T](count: Int)(test: => T): T =
    withSQLConf(SQLConf.SHUFFLE_PARTITIONS.key -> count.toString)(test)

  test("groups of several partitions that a task reads") {
    Seq("64m", "100k").foreach { size =>
      withSQLConf(SQLConf.ADVISORY_PARTITION_SIZE_IN_BYTES.key -> size) {
        withPartitions(20) {
          checkNative(s"SELECT k, count(*), sum(v), min(j) FROM $ROWS GROUP BY k")
          checkNative(s"SELECT k, j, count(*) FROM $ROWS GROUP BY k, j")
          checkNative(s"SELECT k, count(DISTINCT j), sum(v) FROM $ROWS GROUP BY k")
        }
      }
    }
  }

  test("neighbouring blocks of a map task are read as one, unless that is switched off") {
    def blocks(batches: Boolean): Long =
      withSQLConf(SQLConf.FETCH_SHUFFLE_BLOCKS_IN_BATCH.key -> batches.toString) {
        withPartitions(20) {
          val frame = checkNative(s"SELECT j, count(*), sum(v) FROM $ROWS GROUP BY j ORDER BY j")
          collect(frame.queryExecution.executedPlan) { case AQEShuffleReadExec(stage: QueryStageExec, _) => stage.plan }
            .map(_.metrics("localBlocksFetched").value).head
        }
      }
    assert(blocks(batches = true) == 4)
    assert(blocks(batches = false) > 4)
  }

  test("groups by more than the shuffle's keys, and by others") {
    withPartitions(20) {
      def grouped(keys: String*): DataFrame = spark.sql(s"SELECT * FROM $ROWS").repartition(col("k"))
        .groupBy(keys.map(col): _*).count()
      Seq(Seq("k"), Seq("k", "j"), Seq("j"), Seq("v")).foreach { keys =>
        val expected = ofSpark(grouped(keys: _*).collect())
        checkAnswer(grouped(keys: _*), expected.toSeq)
      }
    }
  }

  test("few rows come in the order that they have in Spark") {
    val sets = "SELECT a, b FROM VALUES (1, 2, 3), (4, 5, 6), (7, 8, 9) AS t(a, b, c) " +
      "GROUP BY GROUPING SETS (a, b, c + 1) ORDER BY `(c + 1)`"
    val distinct = "SELECT DISTINCT id % 11 AS k FROM range(0, 100, 1, 4) LIMIT 3"
    Seq(sets, distinct, "SELECT id FROM range(0, 30, 1, 3) DISTRIBUTE BY id % 5").foreach { query =>
      withPartitions(7) {
        val expected = ofSpark(spark.sql(query).collect().toSeq)
        assert(spark.sql(query).collect().toSeq == expected, query)
      }
    }
  }

  test("a reused exchange under other names") {
    withPartitions(20) {
      val sums = s"(SELECT k, sum(v) AS s FROM $ROWS GROUP BY k)"
      val frame = checkNative(s"SELECT a.s, b.s FROM $sums a JOIN $sums b ON a.k = b.k")
      assert(collect(frame.queryExecution.executedPlan) {
        case reused: ReusedExchangeExec => reused
      }.nonEmpty)
    }
  }

  test("one side split because of skew") {
    withSQLConf(
      SQLConf.AUTO_BROADCASTJOIN_THRESHOLD.key -> "-1",
      SQLConf.SKEW_JOIN_SKEWED_PARTITION_THRESHOLD.key -> "20k",
      SQLConf.SKEW_JOIN_SKEWED_PARTITION_FACTOR.key -> "1.5",
      SQLConf.ADVISORY_PARTITION_SIZE_IN_BYTES.key -> "20k") {
      withPartitions(8) {
        checkNative("SELECT l.k, count(*), sum(l.v) FROM " +
          "(SELECT IF(id % 3 = 0, 1, id) AS k, id AS v FROM range(0, 200000, 1, 4)) l " +
          "JOIN (SELECT id AS k FROM range(0, 1000)) r ON l.k = r.k GROUP BY l.k")
      }
    }
  }

  private def shuffleFiles(suffix: String): Seq[File] =
    TaskInternals.localDirectories.map(new File(_))
      .flatMap(FileUtils.listFiles(_, Array(suffix), true).asScala)
      .filter(_.getName.startsWith("shuffle_"))

  Seq[(String, File => Unit)](
    "data" -> (_.delete()),
    "index" -> (_.delete()),
    "data" -> (FileUtils.write(_, "damaged", "UTF-8")),
    "index" -> (FileUtils.write(_, "damaged", "UTF-8"))).zipWithIndex.foreach {
    case ((suffix, damage), number) =>
      test(s"blocks whose $suffix file is lost or damaged are computed again ($number)") {
        withSQLConf(SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> "false") {
          withPartitions(5) {
            val rows = spark.sql(s"SELECT k, sum(v) FROM $ROWS GROUP BY k").queryExecution.toRdd
            val before = shuffleFiles(suffix).toSet
            assert(rows.count() == 60000)
            val written = shuffleFiles(suffix).filterNot(before.contains)
            assert(written.length == 4)
            damage(written(2))
            assert(rows.count() == 60000)
          }
        }
      }
  }
}
