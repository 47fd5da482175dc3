package org.arclight.spark.execution

import org.apache.spark.SparkException
import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanExec
import org.apache.spark.sql.execution.exchange.ShuffleExchangeExec
import org.apache.spark.sql.functions.{col, sum}
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, EngineState, FilesSuite}
import org.arclight.spark.explain.NativePlans

/** Queries that run natively, compared with Spark. */
class NativeStageSuite extends FilesSuite {
  import testImplicits._

  override def beforeAll(): Unit = {
    super.beforeAll()
    assert(EngineState.unavailable.isEmpty)
    withSQLConf(ArclightConf.ENABLED.key -> "false") {
      spark.range(0, 20000, 1, 3).selectExpr(
        "id",
        "CAST(id % 50 + 1 AS DECIMAL(12,2)) AS quantity",
        "CAST(id * 7 % 100000 / 100 AS DECIMAL(12,2)) AS price",
        "CAST(id % 11 / 100 AS DECIMAL(12,2)) AS discount",
        "CAST(id % 9 / 100 AS DECIMAL(12,2)) AS tax",
        "CASE WHEN id % 3 = 0 THEN 'A' WHEN id % 3 = 1 THEN 'N' ELSE 'R' END AS flag",
        "CASE WHEN id % 7 = 0 THEN NULL WHEN id % 2 = 0 THEN 'O' ELSE 'F' END AS status",
        "date_add(DATE '1994-01-01', CAST(id % 1000 AS INT)) AS shipdate")
        .write.mode("overwrite").parquet(folder.getPath)
    }
    spark.read.parquet(folder.getPath).createOrReplaceTempView("lineitem")
  }

  private val revenue =
    """SELECT sum(price * discount) AS revenue FROM lineitem
      |WHERE shipdate >= DATE '1994-01-01' AND shipdate < DATE '1995-01-01'
      |  AND discount BETWEEN 0.05 AND 0.07 AND quantity < 24""".stripMargin

  private val pricing =
    """SELECT flag, status, sum(quantity), sum(price), sum(price * (1 - discount)),
      |  sum(price * (1 - discount) * (1 + tax)), avg(quantity), avg(price), avg(discount), count(*)
      |FROM lineitem WHERE shipdate <= DATE '1996-09-02'
      |GROUP BY flag, status ORDER BY flag, status""".stripMargin

  Seq(true, false).foreach { adaptive =>
    val how = if (adaptive) "with AQE" else "without AQE"
    def check(query: String, inJvm: Set[String] = Set.empty): Unit =
      withSQLConf(SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> adaptive.toString) {
        checkNative(query, inJvm)
      }

    test(s"a scan, $how") {
      check("SELECT id, quantity, flag, status, shipdate FROM lineitem")
    }

    test(s"a filter and a projection, $how") {
      check("SELECT id + 1, price * 2 FROM lineitem WHERE id % 17 = 3 AND status = 'O'")
    }

    test(s"an aggregation without groups, $how") {
      check(revenue)
    }

    test(s"an aggregation with groups, in order, $how") {
      check(pricing)
    }

    test(s"a repartition by key read by Spark's own operator, $how") {
      check("SELECT /*+ REPARTITION(7, flag) */ id, flag FROM lineitem WHERE id < 1000")
    }

    test(s"the first rows in order, $how") {
      check("SELECT id, price FROM lineitem ORDER BY price DESC, id LIMIT 10")
    }

    test(s"a limit, $how") {
      check("SELECT count(*) FROM (SELECT id FROM lineitem LIMIT 100)")
    }

    test(s"a union, $how") {
      check("SELECT flag, count(*) FROM (SELECT flag FROM lineitem UNION ALL " +
        "SELECT status FROM lineitem) GROUP BY flag")
    }

    test(s"a scalar subquery, $how") {
      check("SELECT count(*) FROM lineitem WHERE price > (SELECT avg(price) FROM lineitem)")
    }

    test(s"nothing left of the filter, $how") {
      // With AQE the exchange's row count, 0, lets Spark drop what is above it.
      val query = "SELECT flag, sum(id) FROM lineitem WHERE id < 0 GROUP BY flag"
      if (adaptive) {
        withSQLConf(SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> "true") {
          val frame = spark.sql(query)
          assert(frame.collect().isEmpty)
          assert(fallbacks(frame).map(_._1) == Seq("EmptyRelation"))
        }
      } else {
        check(query)
      }
    }

    test(s"rollup, $how") {
      check("SELECT flag, status, count(*) FROM lineitem GROUP BY ROLLUP(flag, status)")
    }
  }

  test("rows that take more than an array of the JVM should") {
    // Few bytes as a column.
    val frame = spark.sql(
      "SELECT id, repeat('a long text ', 10000) AS text FROM range(0, 1500, 1, 1)")
    val rows = frame.collect()
    assert(rows.map(_.getLong(0)).toSeq == (0L until 1500L))
    assert(rows.forall(_.getString(1).length == 120000))
    assert(fallbacks(frame).isEmpty)
  }

  test("the metrics of Spark's operators are set") {
    val frame = checkNative(revenue)
    val plan = frame.queryExecution.executedPlan match {
      case adaptive: AdaptiveSparkPlanExec => adaptive.executedPlan
      case other => other
    }
    val scan = NativePlans.natives(plan)
      .find(_.nodeName.startsWith("Scan parquet")).get
    assert(scan.metrics("numOutputRows").value > 0)
    assert(scan.metrics("numFiles").value > 0)
  }

  test("an exchange reports its rows and bytes") {
    val frame = checkNative("SELECT flag, count(*) FROM lineitem GROUP BY flag")
    val exchange = NativePlans.natives(frame.queryExecution.executedPlan)
      .collectFirst { case exchange: NativeShuffleExchangeExec => exchange }.get
    assert(exchange.runtimeStatistics.rowCount.exists(_ > 0))
    assert(exchange.metrics("dataSize").value >= exchange.metrics("shuffleRecordsWritten").value * 16)
  }

  test("Spark raises its own error") {
    val query = "SELECT CAST(flag AS INT) FROM lineitem WHERE id = 5"
    withSQLConf(SQLConf.ANSI_ENABLED.key -> "true") {
      val native = intercept[Exception](spark.sql(query).collect())
      val expected = withSQLConf(ArclightConf.ENABLED.key -> "false") {
        intercept[Exception](spark.sql(query).collect())
      }
      assert(native.getClass == expected.getClass)
      assert(native.getMessage == expected.getMessage)
    }
  }

  test("a file that vanished is missing for Spark's reason") {
    withTempPath { path =>
      spark.range(10).repartition(1).write.parquet(path.getPath)
      val frame = spark.read.parquet(path.getPath)
      path.listFiles().filter(_.getName.endsWith(".parquet")).foreach(_.delete())
      def condition(): String = {
        val error = intercept[SparkException](frame.collect())
        causes(error)
          .collectFirst { case cause: SparkException if cause.getCondition != null => cause }
          .fold(error.toString)(_.getCondition)
      }
      val expected = withSQLConf(ArclightConf.ENABLED.key -> "false")(condition())
      assert(condition() == expected)
    }
  }

  test("columns of partitions and of the file's metadata") {
    withTempPath { path =>
      withSQLConf(ArclightConf.ENABLED.key -> "false") {
        spark.range(30).selectExpr("id", "CASE WHEN id < 5 THEN NULL ELSE id % 3 END AS part")
          .write.partitionBy("part").parquet(path.getPath)
      }
      withTempView("parts") {
        spark.read.parquet(path.getPath).createOrReplaceTempView("parts")
        checkNative("SELECT id, part FROM parts")
        checkNative("SELECT part, sum(id) FROM parts WHERE part > 0 GROUP BY part")
        checkNative(
          s"SELECT id, part, _metadata.file_name, _metadata.file_size FROM parquet.`${path.getPath}`")
      }
    }
  }

  test("rows of the JVM go into a native aggregation") {
    withTempView("rows") {
      val numbers = (0 until 1000).map(i => (i, s"text $i", if (i % 3 == 0) null else s"k${i % 7}"))
      spark.createDataFrame(spark.sparkContext.parallelize(numbers, 3))
        .toDF("number", "text", "k").createOrReplaceTempView("rows")
      checkNative(
        "SELECT k, count(*), sum(number), max(length(text)) FROM rows GROUP BY k",
        inJvm = Set("SerializeFromObject", "Scan", "ExternalRDD", "Project", "Filter"))
    }
  }

  test("an exchange of the JVM's rows is native where its reader is, Spark's where it isn't") {
    val numbers = (0 until 1000).map(i => (i, s"text $i", if (i % 3 == 0) null else s"k${i % 7}"))
    def rows: DataFrame = spark.createDataFrame(spark.sparkContext.parallelize(numbers, 3))
      .toDF("number", "text", "k")
    def exchanges(frame: DataFrame): (Int, Int) = {
      frame.collect()
      val nodes = NativePlans.operators(frame.queryExecution.executedPlan).map(_.node)
      (nodes.count(_.isInstanceOf[NativeShuffleExchangeExec]),
        nodes.count(_.isInstanceOf[ShuffleExchangeExec]))
    }
    Seq(true, false).foreach { adaptive =>
      withSQLConf(SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> adaptive.toString) {
        def grouped: DataFrame = rows.repartition(4, col("k")).groupBy("k").agg(sum("number"))
        assert(exchanges(grouped) == (1, 0))
        val expected = withSQLConf(ArclightConf.ENABLED.key -> "false")(grouped.collect().toSeq)
        checkAnswer(grouped, expected)
        def inOrder: DataFrame = rows.orderBy(col("k").desc_nulls_first, col("number"))
        assert(exchanges(inOrder) == (1, 0))
        assert(inOrder.collect().toSeq ==
          withSQLConf(ArclightConf.ENABLED.key -> "false")(inOrder.collect().toSeq))
        val scattered = rows.repartition(4).as[(Int, String, String)].map(_._1)
        assert(exchanges(scattered.toDF()) == (0, 1))
      }
    }
  }

  test("an expression without a kernel is Spark's, inside the native operator") {
    spark.udf.register("backwards", (text: String) => if (text == null) null else text.reverse)
    checkNative("SELECT backwards(concat(flag, status)), id FROM lineitem WHERE id < 100")
  }

  test("a function that occurs several times is called once a row, as by Spark") {
    val calls = spark.sparkContext.longAccumulator("calls")
    spark.udf.register("counted", (number: Long) => { calls.add(1); number })
    spark.udf.register("countedDouble", (number: Double) => { calls.add(1); number })
    def callsOf[T](work: => T): (T, Long) = {
      calls.reset()
      val result = work
      (result, calls.value)
    }
    def check(select: String)(expected: Int): Unit = {
      val query = s"SELECT $select FROM lineitem WHERE id < 10"
      val frame = spark.sql(query)
      val (rows, called) = callsOf(frame.collect().toSeq)
      assert(natives(frame.queryExecution.executedPlan).contains("Project") ||
        natives(frame.queryExecution.executedPlan).contains("HashAggregate"))
      val (ofThem, calledByThem) = callsOf(ofSpark(spark.sql(query).collect().toSeq))
      assert(rows == ofThem, query)
      assert(called == expected && called <= calledByThem, s"$query: $calledByThem by Spark")
    }
    check("counted(id), counted(id)")(10)
    check("counted(id), counted(id + 1)")(20)
    check("IF(id < 4, counted(id), 0), counted(id)")(14)
    check("sum(counted(id)), max(counted(id)), min(counted(id)) FILTER (WHERE id > 3)")(10)
    check("sum(counted(id) + counted(id))")(10)
    // Equal for Spark's analyzer, and yet other numbers.
    check("countedDouble(1e16 + (1D + id % 2)), countedDouble((1e16 + 1D) + id % 2)")(20)
    withSQLConf(SQLConf.SUBEXPRESSION_ELIMINATION_ENABLED.key -> "false") {
      check("counted(id), counted(id)")(20)
    }
  }

  test("memory is refused, and the rows stay the same") {
    withSQLConf(ArclightConf.TEST_REFUSE_RESERVATIONS.key -> "true") {
      checkNative("SELECT id % 1000, sum(price), count(*) FROM lineitem GROUP BY id % 1000")
      checkNative("SELECT id, price, flag FROM lineitem SORT BY price, id")
    }
  }

  test("an aggregation in several phases, with DISTINCT") {
    checkNative("SELECT flag, count(DISTINCT status), sum(id) FROM lineitem GROUP BY flag")
  }

  test("an exchange that is used twice is written once") {
    withSQLConf(SQLConf.AUTO_BROADCASTJOIN_THRESHOLD.key -> "-1") {
      val frame = checkNative(
        "WITH t AS (SELECT flag, count(*) AS n FROM lineitem GROUP BY flag) " +
          "SELECT a.flag, a.n FROM t a JOIN t b ON a.n = b.n AND a.flag = b.flag",
        inJvm = Set("SortMergeJoin", "BroadcastHashJoin", "ShuffledHashJoin", "BroadcastExchange",
          "Exchange", "Sort", "Project", "Filter"))
      assert(frame.queryExecution.executedPlan.toString.contains("ReusedExchange"))
    }
  }

  test("a limit takes rows without running to the end") {
    assert(spark.sql("SELECT id FROM lineitem LIMIT 5").collect().length == 5)
    assert(spark.sql("SELECT id FROM lineitem").take(7).length == 7)
    assert(spark.sql("SELECT id FROM lineitem ORDER BY id LIMIT 3 OFFSET 2").collect().toSeq
      .map(_.getLong(0)) == Seq(2L, 3L, 4L))
  }

  test("a native plan may be cached, written and turned into an RDD") {
    val frame = spark.sql("SELECT flag, count(*) AS n FROM lineitem GROUP BY flag")
    assert(frame.rdd.map(_.getLong(1)).sum().toLong == 20000)
    frame.cache()
    try assert(frame.selectExpr("sum(n)").head().getLong(0) == 20000)
    finally frame.unpersist()
    withTempPath { path =>
      frame.write.parquet(path.getPath)
      checkAnswer(spark.read.parquet(path.getPath), frame.collect().toSeq)
    }
  }
}
