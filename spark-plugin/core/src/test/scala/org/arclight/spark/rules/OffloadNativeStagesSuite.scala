package org.arclight.spark.rules

import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.execution.SparkPlan
import org.apache.spark.sql.functions.{col, sum, udf}
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, EngineState, NativeSuite}
import org.arclight.spark.execution.{NativeShuffleExchangeExec, NativeStageExec}
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
        assert(TagNativePlans(plan) eq plan)
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
}
