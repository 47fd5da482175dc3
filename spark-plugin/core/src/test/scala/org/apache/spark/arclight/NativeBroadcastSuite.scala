package org.apache.spark.arclight

import org.scalatest.concurrent.Eventually
import org.scalatest.time.{Millis, Seconds, Span}

import org.apache.spark.{SparkConf, SparkEnv, SparkThrowable}
import org.apache.spark.memory.MemoryMode
import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.catalyst.expressions.DynamicPruningExpression
import org.apache.spark.sql.execution.{FileSourceScanExec, InSubqueryExec, SubqueryBroadcastExec}
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanHelper
import org.apache.spark.sql.execution.exchange.ReusedExchangeExec
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.storage.TestBlockId

import org.arclight.spark.{ArclightConf, NativeSuite}
import org.arclight.spark.execution.NativeBroadcastExchangeExec
import org.arclight.spark.explain.NativePlans
import org.arclight.spark.jni.NativeLibrary

/** Native broadcasts: who shares their tables, when these go, and what Spark still gets of them. */
class NativeBroadcastSuite extends NativeSuite with AdaptiveSparkPlanHelper with Eventually {

  implicit override val patienceConfig: PatienceConfig =
    PatienceConfig(Span(10, Seconds), Span(20, Millis))

  override def sparkConf: SparkConf = super.sparkConf
    .set(SQLConf.AUTO_BROADCASTJOIN_THRESHOLD.key, "10m")

  private def withTables(test: => Unit): Unit = withTempPath { path =>
    withSQLConf(ArclightConf.ENABLED.key -> "false") {
      spark.range(1000).selectExpr("id", "id % 100 AS k", "CAST(id AS STRING) AS s")
        .repartition(4).write.parquet(s"$path/facts")
      spark.range(50).selectExpr("id AS k", "concat('name of ', id) AS name")
        .coalesce(1).write.parquet(s"$path/names")
      spark.range(200).selectExpr("id", "id % 10 AS part")
        .write.partitionBy("part").parquet(s"$path/parts")
    }
    withTempView("facts", "names", "parts") {
      Seq("facts", "names", "parts").foreach { name =>
        spark.read.parquet(s"$path/$name").createOrReplaceTempView(name)
      }
      test
    }
  }

  private def broadcasts(frame: DataFrame): Seq[NativeBroadcastExchangeExec] =
    collectWithSubqueries(frame.queryExecution.executedPlan) {
      case broadcast: NativeBroadcastExchangeExec => broadcast
    }.distinct

  private def release(frame: DataFrame): Unit =
    broadcasts(frame).foreach(_.executeNativeBroadcast().destroy())

  private def storageUsed: Long = SparkEnv.get.memoryManager.offHeapStorageMemoryUsed

  private val JOIN = "SELECT /*+ BROADCAST(n) */ f.id, n.name FROM facts f JOIN names n ON f.k < n.k"

  for (adaptive <- Seq("true", "false")) {
    test(s"tasks share one table, which goes with the broadcast (AQE $adaptive)") {
      withTables {
        withSQLConf(SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> adaptive) {
          val (tables, storage) = (NativeLibrary.tables(), storageUsed)
          val frame = spark.sql(JOIN)
          assert(frame.rdd.getNumPartitions > 1)
          frame.collect()
          assert(NativePlans.fallbacks(frame.queryExecution.executedPlan).isEmpty)
          assert(NativeLibrary.tables() == tables + 1)
          assert(storageUsed > storage)
          release(frame)
          eventually(assert(NativeLibrary.tables() == tables))
          eventually(assert(storageUsed == storage))
        }
      }
    }
  }

  test("a table that Spark evicts is built again") {
    withTables {
      val tables = NativeLibrary.tables()
      val frame = spark.sql(JOIN)
      val rows = frame.collect().toSet
      assert(NativeLibrary.tables() == tables + 1)
      val freed = SparkEnv.get.blockManager.memoryStore
        .evictBlocksToFreeSpace(None, 1, MemoryMode.OFF_HEAP)
      assert(freed > 0)
      assert(NativeLibrary.tables() == tables)
      assert(frame.collect().toSet == rows)
      assert(NativeLibrary.tables() == tables + 1)
      release(frame)
      eventually(assert(NativeLibrary.tables() == tables))
    }
  }

  test("without storage memory each task has a table of its own") {
    withTables {
      val memory = SparkEnv.get.memoryManager
      val tables = NativeLibrary.tables()
      // Less than Spark asks for before it stores a block.
      val taken = memory.maxOffHeapStorageMemory - storageUsed - (900 << 10)
      assert(memory.acquireStorageMemory(TestBlockId("all"), taken, MemoryMode.OFF_HEAP))
      try {
        checkNative(JOIN)
        assert(NativeLibrary.tables() == tables)
      } finally {
        memory.releaseStorageMemory(taken, MemoryMode.OFF_HEAP)
      }
    }
  }

  for (adaptive <- Seq("true", "false")) {
    test(s"a broadcast that is used twice is made once (AQE $adaptive)") {
      withTables {
        withSQLConf(SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> adaptive) {
          val frame = checkNative(
            """SELECT /*+ BROADCAST(a), BROADCAST(b) */ f.id, a.name, b.name FROM facts f
              |JOIN names a ON f.k = a.k JOIN names b ON f.id = b.k""".stripMargin,
            inJvm = Set("BroadcastHashJoin", "Project"))
          assert(broadcasts(frame).length == 1)
          assert(collect(frame.queryExecution.executedPlan) {
            case reused: ReusedExchangeExec => reused
          }.length == 1)
        }
      }
    }

    test(s"a NULL among the keys of NOT IN leaves nothing (AQE $adaptive)") {
      withTables {
        withSQLConf(SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> adaptive) {
          def notIn(keys: String) = s"SELECT id FROM facts WHERE k NOT IN (SELECT $keys FROM names)"
          val joined = checkNative(notIn("IF(k < 0, NULL, k)"))
          assert(joined.count() == 500 && broadcasts(joined).length == 1)
          val frame = spark.sql(notIn("IF(k = 49, NULL, k)"))
          assert(frame.collect().isEmpty)
          // As in Spark, the join goes, and with it all that it would read.
          assert(broadcasts(frame).isEmpty == adaptive.toBoolean)
        }
      }
    }

    test(s"dynamic partition pruning prunes by a native broadcast (AQE $adaptive)") {
      withTables {
        withSQLConf(
            SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> adaptive,
            SQLConf.DYNAMIC_PARTITION_PRUNING_REUSE_BROADCAST_ONLY.key -> "true") {
          val frame = checkNative(
            """SELECT p.id, n.name FROM parts p JOIN names n ON p.part = n.k
              |WHERE n.name IN ('name of 3', 'name of 7')""".stripMargin,
            inJvm = Set("BroadcastHashJoin", "Project"))
          val plan = frame.queryExecution.executedPlan
          val scans = collect(plan) {
            case scan: FileSourceScanExec if scan.relation.partitionSchema.nonEmpty => scan
          }
          assert(scans.length == 1)
          val filters = scans.head.partitionFilters.collect {
            case DynamicPruningExpression(in: InSubqueryExec) => in.plan
          }
          assert(filters.exists(_.isInstanceOf[SubqueryBroadcastExec]), plan)
          assert(scans.head.metrics("numPartitions").value == 2)
          assert(broadcasts(frame).length == 1, plan)
        }
      }
    }
  }

  test("joins in the JVM take what they want from a native broadcast") {
    withTables {
      withSQLConf(
          ArclightConf.operatorKey("BroadcastHashJoin") -> "false",
          ArclightConf.operatorKey("BroadcastNestedLoopJoin") -> "false") {
        Seq(
          "SELECT f.id, n.name FROM facts f JOIN names n ON f.k = n.k",
          "SELECT f.id, n.name FROM facts f LEFT JOIN names n ON f.s = n.name",
          "SELECT id FROM facts WHERE k NOT IN (SELECT k FROM names)",
          "SELECT id FROM facts WHERE k NOT IN (SELECT k FROM names WHERE name < '')",
          "SELECT f.id, n.name FROM facts f JOIN names n ON f.k < n.k",
          "SELECT f.id, n.name FROM facts f FULL JOIN names n ON f.k < n.k")
          .foreach { query =>
            val frame = checkNative(query, inJvm = Set("BroadcastHashJoin", "BroadcastNestedLoopJoin",
              "Project", "Filter", "LocalTableScan", "EmptyRelation"))
            val executed = stripAQEPlan(frame.queryExecution.executedPlan)
            assert(broadcasts(frame).nonEmpty || !executed.toString.contains("Join"), executed)
          }
        withSQLConf(SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> "false") {
          checkNative(
            "SELECT id FROM facts WHERE k NOT IN (SELECT nullif(k, 3) FROM names)",
            inJvm = Set("BroadcastHashJoin", "Project"))
        }
      }
    }
  }

  test("statistics are those of Spark's rows") {
    withTables {
      val frame = spark.sql(JOIN)
      frame.collect()
      val statistics = broadcasts(frame).head.runtimeStatistics
      assert(statistics.rowCount.contains(BigInt(50)))
      // Two columns, one of them a string of 9 or 10 bytes in 16.
      assert(statistics.sizeInBytes == BigInt(50 * (8 + 16 + 16)))
    }
  }

  private def condition(query: String): String = {
    val error = intercept[Exception](spark.sql(query).collect())
    causes(error)
      .collectFirst { case known: SparkThrowable if known.getCondition != null => known.getCondition }
      .getOrElse(error.toString)
  }

  private def sameFailure(query: String): Unit = {
    val expected = withSQLConf(ArclightConf.ENABLED.key -> "false")(condition(query))
    assert(condition(query) == expected)
  }

  test("a broadcast beyond Spark's limit fails as Spark's does") {
    withTables {
      withSQLConf(SQLConf.MAX_BROADCAST_TABLE_SIZE.key -> "100") {
        sameFailure(JOIN)
      }
    }
  }

  test("a broadcast that takes too long fails as Spark's does") {
    withTables {
      spark.udf.register("slowly", (k: Long) => { Thread.sleep(100); k })
      withSQLConf(
          SQLConf.BROADCAST_TIMEOUT.key -> "1",
          SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> "false") {
        sameFailure(
          """SELECT /*+ BROADCAST(n) */ f.id FROM facts f
            |JOIN (SELECT slowly(k) AS k FROM names) n ON f.k < n.k""".stripMargin)
      }
    }
  }

  test("an error of what is broadcast is Spark's") {
    withTables {
      sameFailure(
        """SELECT /*+ BROADCAST(n) */ f.id FROM facts f
          |JOIN (SELECT k / (k - 3) AS k FROM names) n ON f.k < n.k""".stripMargin)
    }
  }

  override def afterAll(): Unit = {
    super.afterAll()
    assert(NativeLibrary.tables() == 0, "tables are left when the application has stopped")
  }
}
