package org.arclight.spark.rules

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.catalyst.expressions.{Ascending, SortOrder}
import org.apache.spark.sql.catalyst.optimizer.{BuildLeft, BuildRight}
import org.apache.spark.sql.execution.{ColumnarToRowExec, InputAdapter, SortExec, SparkPlan, WholeStageCodegenExec}
import org.apache.spark.sql.execution.joins.SortMergeJoinExec
import org.apache.spark.sql.functions.{col, sum, udf}
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, EngineState, NativeSuite}
import org.arclight.spark.execution.{NativeHashJoinExec, NativeShuffleExchangeExec, NativeStageExec, PlannedHashJoin, PlannedMergeJoin}
import org.arclight.spark.explain.NativePlans

/** Shapes of plans; nothing is executed, so no library is needed. */
class OffloadNativeStagesSuite extends NativeSuite {

  private var wasUnavailable: Option[String] = None

  override def beforeEach(): Unit = {
    super.beforeEach()
    wasUnavailable = EngineState.unavailable
    EngineState.becomeAvailable()
  }

  override def afterEach(): Unit = {
    wasUnavailable.foreach(EngineState.becomeUnavailable)
    super.afterEach()
  }

  private def planned(frame: => DataFrame, settings: (String, String)*): SparkPlan =
    withSQLConf(Seq(SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> "false") ++ settings: _*) {
      frame.queryExecution.executedPlan
    }

  private def withNumbers(test: => Unit): Unit = withTempPath { path =>
    withSQLConf(ArclightConf.ENABLED.key -> "false") {
      spark.range(100).selectExpr("id", "id % 10 AS k", "CAST(id AS STRING) AS s")
        .write.parquet(path.getPath)
    }
    withTempView("numbers") {
      spark.read.parquet(path.getPath).createOrReplaceTempView("numbers")
      test
    }
  }

  test("scan, filter, projection and aggregation become two stages around an exchange") {
    withNumbers {
      val plan = planned(spark.sql("SELECT sum(id * 2) FROM numbers WHERE k < 5"))
      assert(NativePlans.fallbacks(plan).isEmpty, NativePlans.describe(plan))
      val stages = plan.collect { case stage: NativeStageExec => stage }
      assert(stages.length == 2)
      assert(plan.collect { case exchange: NativeShuffleExchangeExec => exchange }.length == 1)
      assert(natives(plan).count(_ == "HashAggregate") == 2)
      assert(plan.getTagValue(SparkPlan.LOGICAL_PLAN_TAG).isDefined)
    }
  }

  test("planning again gives the same stages") {
    withNumbers {
      val plan = planned(spark.sql("SELECT k, sum(id) FROM numbers GROUP BY k"))
      withSQLConf(SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> "false") {
        assert(OffloadNativeStages(plan) == plan)
        assert(PrepareNativePlans(plan) eq plan)
      }
    }
  }

  test("switched off, plans are Spark's") {
    withNumbers {
      val plan = planned(spark.sql("SELECT sum(id) FROM numbers"), ArclightConf.ENABLED.key -> "false")
      assert(plan.collect { case stage: NativeStageExec => stage }.isEmpty)
      assert(NativePlans.natives(plan).isEmpty)
    }
  }

  test("an operator that is switched off stays in the JVM, and says so") {
    withNumbers {
      val key = ArclightConf.operatorKey("HashAggregate")
      val plan = planned(spark.sql("SELECT sum(id) FROM numbers"), key -> "false")
      val reasons = NativePlans.fallbacks(plan).collect {
        case (node, reason) if node.nodeName == "HashAggregate" => reason
      }
      assert(reasons == Seq(s"$key is false", s"$key is false"))
      assert(natives(plan).exists(_.startsWith("Scan parquet")))
    }
  }

  test("exchanges stay Spark's where the engine's are switched off") {
    withNumbers {
      val plan = planned(
        spark.sql("SELECT sum(id) FROM numbers"), ArclightConf.SHUFFLE_ENABLED.key -> "false")
      assert(NativePlans.fallbacks(plan).map(_._1.nodeName) == Seq("Exchange"))
      assert(natives(plan).count(_ == "HashAggregate") == 2)
    }
  }

  test("a projection between operators of the JVM stays there") {
    val twice = udf((number: Long) => number * 2)
    val plan = planned(
      spark.range(10).map(number => number.longValue)(org.apache.spark.sql.Encoders.scalaLong)
        .toDF("id").selectExpr("id + 1 AS id").select(twice(col("id"))),
      ArclightConf.BRIDGE_ENABLED.key -> "false")
    assert(NativePlans.natives(plan).forall(_.nodeName.startsWith("Range")), NativePlans.describe(plan))
    val reason = NativePlans.fallbacks(plan).collectFirst {
      case (node, why) if why.contains("costs more than it saves") => node
    }
    assert(reason.isDefined, NativePlans.describe(plan))
  }

  test("an aggregation over rows of the JVM is worth the transition") {
    val frame = spark.range(10).map(number => number.longValue)(org.apache.spark.sql.Encoders.scalaLong)
      .toDF("id").agg(sum("id"))
    val plan = planned(frame)
    assert(natives(plan).contains("HashAggregate"), NativePlans.describe(plan))
  }

  test("the name of a row's file is only known to Spark's scan") {
    withNumbers {
      val plan = planned(spark.sql("SELECT input_file_name(), id FROM numbers"))
      assert(NativePlans.fallbacks(plan).exists { case (node, reason) =>
        node.nodeName.startsWith("Scan parquet") && reason.contains("name of the file")
      }, NativePlans.describe(plan))
    }
  }

  test("the first rows of each partition are found natively") {
    withNumbers {
      val plan = planned(spark.sql("SELECT k, id FROM numbers ORDER BY id LIMIT 3"))
      assert(natives(plan).contains("LocalTopN"), NativePlans.describe(plan))
    }
  }

  test("EXPLAIN marks each operator") {
    withNumbers {
      val text = NativePlans.describe(planned(spark.sql("SELECT sum(id) FROM numbers")))
      assert(text.linesIterator.forall(_.startsWith("* ")), text)
    }
  }

  private def withoutBroadcasts(query: String, settings: (String, String)*): SparkPlan =
    planned(spark.sql(query), (SQLConf.AUTO_BROADCASTJOIN_THRESHOLD.key -> "-1") +: settings: _*)

  private def sorts(plan: SparkPlan): Seq[SortExec] = plan.collect { case sort: SortExec => sort }

  private def joins(plan: SparkPlan): Seq[NativeHashJoinExec] =
    plan.collect { case join: NativeHashJoinExec => join }

  /** Why merge joins stay in the JVM. */
  private def obstacles(plan: SparkPlan): Seq[String] =
    NativePlans.fallbacks(plan).collect { case (_: SortMergeJoinExec, reason) => reason }

  /** A plan of Spark's without what it adds when operators are chosen. */
  private def withoutFrames(plan: SparkPlan): SparkPlan = plan.transformUp {
    case WholeStageCodegenExec(child) => child
    case InputAdapter(child) => child
    case ColumnarToRowExec(child) => child
  }

  private val join = "SELECT l.id, r.s FROM numbers l JOIN numbers r ON l.id = r.id"

  test("a hash join takes the place of a merge join and its sorts") {
    withNumbers {
      val plan = withoutBroadcasts(join)
      assert(NativePlans.fallbacks(plan).isEmpty, NativePlans.describe(plan))
      assert(joins(plan).map(_.planned) == Seq(PlannedMergeJoin(true, true)))
      assert(sorts(plan).isEmpty)
      assert(natives(plan).contains("ShuffledHashJoin instead of SortMergeJoin"))
      assert(joins(plan).head.logicalLink.isDefined)
      val sparks = withoutBroadcasts(join, ArclightConf.ENABLED.key -> "false")
      assert(plan.canonicalized == withoutFrames(sparks).canonicalized)
    }
  }

  test("a merge join that may not be replaced keeps its sorts") {
    withNumbers {
      val key = ArclightConf.REPLACE_MERGE_JOIN.key
      val plan = withoutBroadcasts(join, key -> "false")
      assert(joins(plan).isEmpty && sorts(plan).length == 2)
      assert(obstacles(plan) == Seq(s"$key is false"))
    }
  }

  test("joins chained by one key need no sort") {
    withNumbers {
      val plan = withoutBroadcasts(s"SELECT * FROM ($join) t JOIN numbers u ON t.id = u.id")
      assert(joins(plan).length == 2 && sorts(plan).isEmpty, plan)
    }
  }

  test("a window over a join's key is sorted for again") {
    withNumbers {
      val plan = withoutBroadcasts(
        s"SELECT id, row_number() OVER (PARTITION BY id ORDER BY id) FROM ($join)")
      assert(joins(plan).length == 1)
      assert(sorts(plan).length == 1, plan)
    }
  }

  Seq("true", "false").foreach { removed =>
    val setting = SQLConf.REMOVE_REDUNDANT_SORTS_ENABLED.key -> removed
    test(s"the order a user asks for is given, $setting") {
      withNumbers {
        val within = withoutBroadcasts(s"$join SORT BY l.id", setting)
        assert(joins(within).length == 1 && sorts(within).length == 1, within)
        assert(SortOrder.orderingSatisfies(
          within.outputOrdering, Seq(SortOrder(within.output.head, Ascending))))
        val total = withoutBroadcasts(
          s"$join ORDER BY l.id", setting, SQLConf.SHUFFLE_PARTITIONS.key -> "1")
        assert(joins(total).length == 1 && sorts(total).length == 1, total)
      }
    }
  }

  test("a sort of what is in order is removed") {
    withNumbers {
      val plan = withoutBroadcasts("SELECT * FROM (SELECT id FROM numbers SORT BY id) SORT BY id")
      assert(sorts(plan).length == 1, plan)
    }
  }

  test("the plugin, not Spark, removes redundant sorts") {
    assert(!spark.sessionState.conf.getConf(SQLConf.REMOVE_REDUNDANT_SORTS_ENABLED))
  }

  test("a hash join that was asked for keeps the side it builds while sizes are estimates") {
    withNumbers {
      Seq("l" -> BuildLeft, "r" -> BuildRight).foreach { case (side, built) =>
        val plan = withoutBroadcasts(
          s"SELECT /*+ SHUFFLE_HASH($side) */ l.id FROM numbers l JOIN numbers r ON l.id = r.k")
        assert(joins(plan).map(_.buildSide) == Seq(built))
        assert(joins(plan).map(_.planned) == Seq(PlannedHashJoin(built)))
        val sparks = withoutBroadcasts(
          s"SELECT /*+ SHUFFLE_HASH($side) */ l.id FROM numbers l JOIN numbers r ON l.id = r.k",
          ArclightConf.ENABLED.key -> "false")
        assert(plan.canonicalized == withoutFrames(sparks).canonicalized)
      }
    }
  }

  test("joins that are switched off run in the JVM") {
    withNumbers {
      val key = ArclightConf.operatorKey("SortMergeJoin")
      val plan = withoutBroadcasts(join, key -> "false")
      assert(obstacles(plan) == Seq(s"$key is false"))
    }
  }
}
