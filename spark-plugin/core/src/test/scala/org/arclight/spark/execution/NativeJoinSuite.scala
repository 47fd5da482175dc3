package org.arclight.spark.execution

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.catalyst.optimizer.{BuildLeft, BuildRight}
import org.apache.spark.sql.execution.{FileSourceScanExec, ReusedSubqueryExec, SparkPlan}
import org.apache.spark.sql.execution.adaptive.{AdaptiveSparkPlanHelper, AQEShuffleReadExec}
import org.apache.spark.sql.execution.exchange.{Exchange, ReusedExchangeExec}
import org.apache.spark.sql.execution.joins.{BaseJoinExec, BroadcastHashJoinExec}
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, EngineState, FilesSuite}

/** Joins of shuffled sides under what AQE makes of their plans, and without AQE. */
class NativeJoinSuite extends FilesSuite with AdaptiveSparkPlanHelper {

  override def beforeAll(): Unit = {
    super.beforeAll()
    assert(EngineState.unavailable.isEmpty)
    withSQLConf(ArclightConf.ENABLED.key -> "false") {
      spark.range(0, 20000, 1, 4).selectExpr(
        "id", "id % 100 AS k", "IF(id % 10 < 8, 3, id % 50) AS skewed",
        "CAST(id AS STRING) AS s", "IF(id % 9 = 0, NULL, id % 300) AS n")
        .write.parquet(s"$folder/facts")
      spark.range(0, 300, 1, 2).selectExpr("id AS k", "concat('name ', id) AS name", "id % 5 AS part")
        .write.parquet(s"$folder/names")
      spark.range(0, 1000, 1, 2).selectExpr("id", "id % 20 AS part")
        .write.partitionBy("part").parquet(s"$folder/parts")
    }
    Seq("facts", "names", "parts").foreach { table =>
      spark.read.parquet(s"$folder/$table").createOrReplaceTempView(table)
    }
  }

  private val BROADCASTS = Set("BroadcastHashJoin", "BroadcastExchange", "BroadcastNestedLoopJoin")

  private def shuffled(settings: (String, String)*)(test: => Unit): Unit =
    withSQLConf((SQLConf.AUTO_BROADCASTJOIN_THRESHOLD.key -> "-1") +: settings: _*)(test)

  private def all[T](frame: DataFrame)(pick: PartialFunction[SparkPlan, T]): Seq[T] =
    collectWithSubqueries(frame.queryExecution.executedPlan)(pick)

  private def joins(frame: DataFrame): Seq[NativeHashJoinExec] =
    all(frame) { case join: NativeHashJoinExec => join }

  Seq("true", "false").foreach { adaptive =>
    val aqe = SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> adaptive
    val how = if (adaptive == "true") "with AQE" else "without AQE"

    test(s"all kinds of joins, $how") {
      shuffled(aqe) {
        Seq("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN").foreach { kind =>
          val frame = checkNative(
            s"SELECT l.id, l.s, r.k, r.name FROM facts l $kind names r ON l.n = r.k AND l.id > r.k")
          assert(joins(frame).length == 1)
        }
        Seq("LEFT SEMI JOIN", "LEFT ANTI JOIN").foreach { kind =>
          checkNative(s"SELECT l.id, l.s FROM facts l $kind names r ON l.n = r.k AND r.k < 50")
        }
        checkNative(
          "SELECT id FROM facts WHERE id < 10 OR EXISTS (SELECT 1 FROM names WHERE n = k + 7)")
      }
    }

    test(s"an exchange that both sides read is written once, $how") {
      shuffled(aqe) {
        val frame = checkNative(
          "WITH t AS (SELECT n, count(*) AS c FROM facts GROUP BY n) " +
            "SELECT a.n, a.c FROM t a JOIN t b ON a.c = b.c AND a.n = b.n")
        assert(all(frame) { case reused: ReusedExchangeExec => reused }.nonEmpty)
      }
    }

    test(s"an exchange above a join is reused, $how") {
      shuffled(aqe) {
        val frame = checkNative(
          "WITH t AS (SELECT l.n, count(*) AS c FROM facts l JOIN names r ON l.k = r.k GROUP BY l.n) " +
            "SELECT a.n, b.c FROM t a JOIN t b ON a.n = b.n")
        assert(all(frame) { case reused: ReusedExchangeExec => reused }.nonEmpty)
      }
    }

    test(s"a scalar subquery that is used twice runs once, $how") {
      shuffled(aqe) {
        val frame = checkNative(
          "SELECT l.id FROM facts l JOIN names r ON l.k = r.k AND l.id > (SELECT avg(id) FROM facts) " +
            "WHERE r.k + 1 < (SELECT avg(id) FROM facts)")
        assert(all(frame) { case reused: ReusedSubqueryExec => reused }.nonEmpty)
      }
    }

    test(s"buckets are joined without an exchange, $how") {
      withTable("left_buckets", "right_buckets") {
        withSQLConf(ArclightConf.ENABLED.key -> "false") {
          Seq("left_buckets", "right_buckets").foreach { table =>
            spark.table("facts").where("id % 7 <> 3").write.format("parquet")
              .bucketBy(4, "n").saveAsTable(table)
          }
        }
        shuffled(aqe, SQLConf.REQUIRE_ALL_CLUSTER_KEYS_FOR_CO_PARTITION.key -> "false") {
          val frame = checkNative(
            "SELECT l.id, r.s FROM left_buckets l JOIN right_buckets r ON l.n = r.n AND l.id = r.id")
          assert(all(frame) { case exchange: Exchange => exchange }.isEmpty)
          assert(joins(frame).length == 1)
        }
      }
    }

    test(s"partitions are pruned by what the other side has, $how") {
      withSQLConf(
          aqe,
          SQLConf.DYNAMIC_PARTITION_PRUNING_REUSE_BROADCAST_ONLY.key -> "false",
          SQLConf.DYNAMIC_PARTITION_PRUNING_USE_STATS.key -> "false",
          SQLConf.DYNAMIC_PARTITION_PRUNING_FALLBACK_FILTER_RATIO.key -> "1000") {
        Seq("-1", "10MB").foreach { threshold =>
          withSQLConf(SQLConf.AUTO_BROADCASTJOIN_THRESHOLD.key -> threshold) {
            val frame = checkNative(
              "SELECT p.id, n.name FROM parts p JOIN names n ON p.part = n.k WHERE n.name LIKE '%name 1%'",
              inJvm = BROADCASTS)
            val scan = all(frame) {
              case scan: FileSourceScanExec if scan.relation.partitionSchema.nonEmpty => scan
            }.head
            assert(scan.metrics("numPartitions").value < 20, s"broadcasts up to $threshold")
          }
        }
      }
    }

    test(s"tables of the smaller side, $how") {
      shuffled(aqe) {
        def built(query: String) = joins(checkNative(query)).map(_.buildSide)
        assert(built("SELECT l.id, r.name FROM facts l JOIN names r ON l.n = r.k") == Seq(BuildRight))
        assert(built("SELECT l.id, r.name FROM names r JOIN facts l ON l.n = r.k") == Seq(BuildLeft))
        assert(built("SELECT l.id, r.name FROM names r LEFT JOIN facts l ON l.n = r.k") == Seq(BuildLeft))
        assert(built("SELECT r.name FROM names r LEFT SEMI JOIN facts l ON l.n = r.k") == Seq(BuildLeft))
      }
    }
  }

  test("the side with less rows is built where only the stages that ran can tell") {
    shuffled() {
      val frame = checkNative(
        "SELECT l.id, r.name FROM (SELECT * FROM facts WHERE length(s) = 1) l JOIN names r ON l.n = r.k")
      assert(joins(frame).map(_.buildSide) == Seq(BuildLeft))
    }
  }

  test("partitions are coalesced on both sides alike") {
    shuffled(SQLConf.SHUFFLE_PARTITIONS.key -> "7") {
      val frame = checkNative("SELECT l.id, r.name FROM facts l JOIN names r ON l.n = r.k")
      val reads = all(frame) { case read: AQEShuffleReadExec => read }
      assert(reads.length == 2 && reads.forall(_.hasCoalescedPartition))
    }
  }

  test("a skewed partition is split") {
    Seq("JOIN", "LEFT JOIN", "LEFT SEMI JOIN", "LEFT ANTI JOIN").foreach { kind =>
      shuffled(
          SQLConf.SKEW_JOIN_SKEWED_PARTITION_THRESHOLD.key -> "1000",
          SQLConf.SKEW_JOIN_SKEWED_PARTITION_FACTOR.key -> "1.5",
          SQLConf.ADVISORY_PARTITION_SIZE_IN_BYTES.key -> "1000",
          SQLConf.SHUFFLE_PARTITIONS.key -> "10") {
        val frame = checkNative(
          s"SELECT l.id, l.s FROM facts l $kind names r ON l.skewed = r.k AND r.k < 20")
        assert(joins(frame).map(_.isSkewJoin) == Seq(true), kind)
        val reads = all(frame) { case read: AQEShuffleReadExec => read }
        assert(reads.exists(_.hasSkewedPartition))
      }
    }
  }

  test("nothing is left of a side: the join is gone") {
    shuffled() {
      val query = "SELECT l.id FROM facts l JOIN (SELECT * FROM names WHERE k + 1 < 0) r ON l.n = r.k"
      val frame = spark.sql(query)
      assert(frame.collect().isEmpty)
      assert(all(frame) { case join: BaseJoinExec => join }.isEmpty)
      val outer = checkNative(query.replace("JOIN", "LEFT JOIN"), inJvm = Set("EmptyRelation"))
      assert(outer.count() == 20000)
    }
  }

  test("a side turns out small: the join becomes one by broadcast, and reads what is local") {
    withSQLConf(
        SQLConf.AUTO_BROADCASTJOIN_THRESHOLD.key -> "-1",
        SQLConf.ADAPTIVE_AUTO_BROADCASTJOIN_THRESHOLD.key -> "10000") {
      val frame = checkNative(
        "SELECT l.id, r.name FROM facts l JOIN (SELECT * FROM names WHERE k % 50 = 1) r ON l.n = r.k",
        inJvm = BROADCASTS)
      assert(all(frame) { case join: BroadcastHashJoinExec => join }.length == 1)
      assert(all(frame) { case read: AQEShuffleReadExec if read.isLocalRead => read }.nonEmpty)
    }
  }

  test("partitions turn out small: Spark itself plans a hash join") {
    shuffled(SQLConf.ADAPTIVE_MAX_SHUFFLE_HASH_JOIN_LOCAL_MAP_THRESHOLD.key -> "1GB") {
      val frame = checkNative("SELECT l.id, r.name FROM facts l JOIN names r ON l.n = r.k")
      assert(joins(frame).map(_.planned) == Seq(PlannedHashJoin(BuildRight)))
    }
  }

  test("an order that was asked for is given") {
    Seq("true", "false").foreach { removed =>
      shuffled(
          SQLConf.REMOVE_REDUNDANT_SORTS_ENABLED.key -> removed,
          SQLConf.SHUFFLE_PARTITIONS.key -> "1") {
        val frame = checkNative(
          "SELECT l.id, r.name FROM facts l JOIN facts k ON l.id = k.id JOIN names r ON k.n = r.k " +
            "ORDER BY l.id")
        val ids = frame.collect().map(_.getLong(0)).toSeq
        assert(ids == ids.sorted)
        val local = checkNative(
          "SELECT l.id FROM facts l JOIN facts r ON l.id = r.id SORT BY l.id")
        val inTask = local.collect().map(_.getLong(0)).toSeq
        assert(inTask == inTask.sorted)
      }
    }
  }

  test("memory is refused, and the rows stay the same") {
    shuffled(ArclightConf.TEST_REFUSE_RESERVATIONS.key -> "true") {
      Seq("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN").foreach { kind =>
        checkNative(
          s"SELECT l.id, l.s, r.k, r.s FROM facts l $kind facts r ON l.id = r.n AND r.id % 3 = 0")
      }
    }
  }

  test("the metrics of a join") {
    shuffled() {
      val frame = checkNative("SELECT l.id, r.name FROM facts l JOIN names r ON l.n = r.k")
      val join = joins(frame).head
      assert(join.metrics("numOutputRows").value == frame.count())
      assert(join.metrics("peakMemory").value > 0)
    }
  }

  test("UI and EXPLAIN name the join") {
    shuffled() {
      val frame = checkNative("SELECT l.id, r.name FROM facts l JOIN names r ON l.n = r.k")
      assert(frame.queryExecution.executedPlan.toString
        .contains("ShuffledHashJoin instead of SortMergeJoin [n#"))
    }
  }
}
