package org.arclight.spark.execution

import java.util.concurrent.atomic.AtomicInteger

import org.apache.spark.scheduler.{SparkListener, SparkListenerTaskEnd}
import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.arclight.QueryHistory
import org.apache.spark.sql.execution.SparkPlan
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, FilesSuite}
import org.arclight.spark.explain.NativePlans

/** Limits, first rows in order, and the actions that want few rows. */
class FirstRowsSuite extends FilesSuite {

  private val FILES = 6

  override def beforeAll(): Unit = {
    super.beforeAll()
    withSQLConf(ArclightConf.ENABLED.key -> "false") {
      spark.range(0, 60000, 1, FILES).selectExpr(
        "id",
        "IF(id % 13 = 0, NULL, id * 7919 % 10007) AS a",
        "concat('row ', id * 31 % 977) AS s")
        .write.mode("overwrite").parquet(folder.getPath)
    }
    spark.read.parquet(folder.getPath).createOrReplaceTempView("numbers")
    // A task a file: a split has room for one, and no file is cut.
    spark.conf.set(SQLConf.FILES_MAX_PARTITION_BYTES.key, (16L << 20).toString)
    spark.conf.set(SQLConf.FILES_OPEN_COST_IN_BYTES.key, (16L << 20).toString)
  }

  /** How many tasks end while something runs. */
  private def tasks(work: => Unit): Int = {
    val count = new AtomicInteger
    val listener = new SparkListener {
      override def onTaskEnd(end: SparkListenerTaskEnd): Unit = count.incrementAndGet()
    }
    listening(listener)(work)
    count.get
  }

  private def takesNatively(frame: DataFrame): Boolean =
    NativePlans.natives(frame.queryExecution.executedPlan)
      .exists(_.isInstanceOf[NativeTakeOrderedAndProjectExec])

  private val topQueries = Seq(
    "SELECT id, a FROM numbers ORDER BY a DESC NULLS LAST, id LIMIT 10",
    "SELECT id, a FROM numbers ORDER BY a NULLS FIRST, id LIMIT 20 OFFSET 7",
    "SELECT id + 1, upper(s) FROM numbers WHERE id % 3 = 0 ORDER BY s, id DESC LIMIT 5",
    "SELECT s, count(*) AS n, max(a) FROM numbers GROUP BY s ORDER BY n DESC, s LIMIT 9 OFFSET 2",
    // Many rows are sorted.
    "SELECT id, a FROM numbers ORDER BY a, id LIMIT 30000 OFFSET 20000",
    "SELECT id FROM numbers ORDER BY id LIMIT 4 OFFSET 100000",
    // One task.
    "SELECT id % 10 AS id, id * 3 AS a FROM range(0, 1000, 1, 1) ORDER BY id, a DESC LIMIT 8 OFFSET 3",
    // In order already.
    "SELECT id, id + 1 AS a FROM range(0, 1000, 1, 3) ORDER BY id LIMIT 8 OFFSET 3")

  Seq(true, false).foreach { adaptive =>
    val how = if (adaptive) "with AQE" else "without AQE"
    def withAqe(test: => Unit): Unit =
      withSQLConf(SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> adaptive.toString)(test)

    test(s"the first rows in order are collected, $how") {
      withAqe {
        topQueries.foreach { query =>
          val frame = checkNative(query)
          assert(takesNatively(frame), NativePlans.describe(frame.queryExecution.executedPlan))
          // In order too.
          assert(frame.collect().toSeq == ofSpark(spark.sql(query).collect().toSeq), query)
        }
      }
    }

    test(s"a query goes on with the first rows in order, $how") {
      withAqe {
        topQueries.filter(_.contains(" a ")).foreach { query =>
          checkNative(s"SELECT count(*), sum(a), min(a) FROM ($query) AS t")
          checkNative(s"SELECT a + 1 FROM ($query) AS t WHERE a % 2 = 1")
        }
        val frame = checkNative(
          "SELECT count(*), sum(a), max(id) FROM " +
            "(SELECT id, a FROM numbers ORDER BY a DESC NULLS LAST, id LIMIT 10 OFFSET 3)")
        assert(takesNatively(frame))
      }
    }

    test(s"the first rows in order become an RDD, $how") {
      withAqe {
        topQueries.foreach { query =>
          val expected = ofSpark(spark.sql(query).collect().toSeq)
          assert(spark.sql(query).rdd.collect().toSeq == expected, query)
          assert(spark.sql(query).rdd.getNumPartitions == 1)
        }
      }
    }

    test(s"collecting the first rows in order runs one task a file and no shuffle, $how") {
      withAqe {
        val query = "SELECT id, a FROM numbers ORDER BY a DESC NULLS LAST, id LIMIT 10"
        val native = tasks(assert(spark.sql(query).collect().length == 10))
        assert(native == FILES)
        val take = QueryHistory.newest(spark)
          .collectFirst { case ("NativeTakeOrderedAndProject", metrics) => metrics }.get
        assert(take.get("shuffle records written").forall(_ == "0"), take)
        assert(native == ofSpark(tasks(spark.sql(query).collect())))
      }
    }

    test(s"few rows of a native stage take one task, $how") {
      withAqe {
        def numbers: DataFrame = spark.sql("SELECT id, a + 1 AS b FROM numbers WHERE id >= 0")
        val actions = Seq[(String, () => Unit)](
          "take" -> (() => assert(numbers.take(3).length == 3)),
          "head" -> (() => assert(!numbers.head().isNullAt(0))),
          "show" -> (() => Console.withOut(new java.io.ByteArrayOutputStream)(numbers.show(5))),
          "limit" -> (() => assert(numbers.limit(4).collect().length == 4)),
          "offset" -> (() => assert(numbers.offset(2).limit(4).collect().length == 4)))
        actions.foreach { case (name, action) =>
          assert(tasks(action()) == 1, name)
        }
        // Spark takes a row of the limit's result, which it shuffles first.
        assert(tasks(assert(!numbers.isEmpty)) == ofSpark(tasks(numbers.isEmpty)))
        assert(tasks(assert(numbers.tail(2).length == 2)) == ofSpark(tasks(numbers.tail(2))))
      }
    }

    test(s"a limit in the middle is native, $how") {
      withAqe {
        checkNative("SELECT count(*) FROM (SELECT id FROM numbers LIMIT 100)")
        checkNative("SELECT count(*) FROM (SELECT id FROM numbers LIMIT 100 OFFSET 40)")
        checkNative("SELECT count(*) FROM (SELECT id FROM numbers OFFSET 59990)")
      }
    }

    test(s"native stages under and over grouped tasks, $how") {
      withAqe {
        val frame = spark.table("numbers").where("id % 2 = 1").coalesce(2).selectExpr("id * 2 AS id", "s")
        assert(frame.rdd.getNumPartitions == 2)
        checkAnswer(frame.groupBy("s").count(), ofSpark(frame.groupBy("s").count().collect().toSeq))
        checkAnswer(frame.where("id > 119000"), ofSpark(frame.where("id > 119000").collect().toSeq))
        checkAnswer(spark.table("numbers").where("id < 0").coalesce(1), Nil)
      }
    }
  }

  test("an operator of the JVM is asked for few rows natively") {
    // The window is Spark's, the limit above it too.
    withSQLConf(ArclightConf.operatorKey("Window") -> "false") {
      val query = "SELECT id, rank() OVER (PARTITION BY s ORDER BY id) AS r FROM numbers LIMIT 5"
      assert(spark.sql(query).collect().length == 5)
    }
  }

  test("without a native shuffle Spark merges the tasks' first rows") {
    withSQLConf(ArclightConf.SHUFFLE_ENABLED.key -> "false") {
      val frame = checkNative(topQueries.head, inJvm = Set("TakeOrderedAndProject"))
      assert(!takesNatively(frame))
      val reason = fallbacks(frame).collectFirst { case ("TakeOrderedAndProject", why) => why }
      assert(reason.contains(s"${ArclightConf.SHUFFLE_ENABLED.key} is false"))
    }
  }

  test("switched off, the first rows are Spark's") {
    val key = ArclightConf.operatorKey("TakeOrderedAndProject")
    withSQLConf(key -> "false") {
      val frame = checkNative(topQueries.head, inJvm = Set("TakeOrderedAndProject"))
      assert(fallbacks(frame).contains("TakeOrderedAndProject" -> s"$key is false"))
    }
  }

  test("a projection above the first rows raises for these alone") {
    withSQLConf(SQLConf.ANSI_ENABLED.key -> "true") {
      val query = "SELECT 10 / (id - 55555) FROM (SELECT id FROM numbers ORDER BY id LIMIT 10)"
      assert(takesNatively(checkNative(query)))
      val failing = query.replace("55555", "5")
      def message(): String =
        intercept[Exception](spark.sql(failing).collect()).getMessage.linesIterator.next()
      assert(message() == ofSpark(message()))
      assert(message().contains("DIVIDE_BY_ZERO"))
    }
  }

  test("Spark says why its limits stay") {
    def reason(frame: DataFrame): String = {
      val plan: SparkPlan = frame.queryExecution.executedPlan
      NativePlans.fallbacks(plan).map(_._2).mkString
    }
    assert(reason(spark.table("numbers").limit(3)).contains("a few tasks at a time"))
    assert(reason(spark.table("numbers").coalesce(2)).contains("several of its child's tasks"))
  }
}
