package org.arclight.spark.execution

import org.apache.spark.SparkConf
import org.apache.spark.sql.Row
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanHelper

import org.arclight.spark.{ArclightConf, NativeSuite}
import org.arclight.spark.plan.WrittenStages

/** Plans of stages are remembered. Each that is found is also written again, and compared. */
class PlanCacheSuite extends NativeSuite with AdaptiveSparkPlanHelper {

  // None is forgotten while a test counts.
  override def sparkConf: SparkConf =
    super.sparkConf.set(ArclightConf.PLAN_CACHE_ENTRIES.key, "65536")

  /** How many stages some work wrote, and how many it found. */
  private def stages(work: => Unit): (Long, Long) = {
    val current = WrittenStages.current
    val (written, found) = (current.written.sum, current.found.sum)
    work
    (current.written.sum - written, current.found.sum - found)
  }

  /** Some work writes stages; done again, it finds the same ones. */
  private def checkFound(clue: String)(work: => Unit): Unit = {
    val (written, found) = stages(work)
    assert(written > 0, clue)
    assert(stages(work) == (0L, written + found), clue)
  }

  private def withTable(name: String, rows: Int)(work: => Unit): Unit = withTempPath { path =>
    spark.range(rows).selectExpr("id a", "id % 3 b", "cast(id as string) c")
      .write.parquet(path.getCanonicalPath)
    spark.read.parquet(path.getCanonicalPath).createOrReplaceTempView(name)
    work
  }

  test("a query that is run again has the stages it had, over the files of now") {
    withTempPath { path =>
      def append(): Unit =
        spark.range(10).selectExpr("id a", "id % 3 b").write.mode("append").parquet(path.getPath)
      def query(limit: Int = 5): Unit = {
        val rows = spark.read.parquet(path.getPath).where(s"a < $limit").groupBy("b").count()
        checkAnswer(rows, ofSpark(rows.collect().toSeq))
      }
      append()
      checkFound("one file")(query())
      append()
      assert(stages(query())._1 == 0)
      assert(stages(query(limit = 6))._1 > 0)
    }
  }

  test("queries of all operators") {
    withTable("one", 20)(withTable("two", 10) {
      val queries = Seq(
        "select * from one join two using (a) where one.b > 0 order by a desc limit 3",
        "select /*+ merge(two) */ count(*), sum(one.a) from one left join two on one.a = two.a",
        "select a from one union all select b from two",
        "select a, row_number() over (partition by b order by a) from one",
        "select count(distinct b), max(c) from one where a > (select avg(a) from two)",
        "select b, c, count(*) from one group by rollup (b, c) order by 1, 2",
        "select explode(sequence(0, b)) from one",
        "select * from one where exists (select 1 from two where two.b = one.a)",
        "select a from one order by c limit 3 offset 2",
        "select c x, b y from (select c, b from one order by a limit 5) order by y, x",
        "select /*+ repartition(3) */ a from one where c like '1%2' or c like '%1_'",
        "select c rlike '1' p, c rlike '1' q from one",
        "select c rlike '1' p, C rlike '1' q from one",
        "select t.b, u.b n from (select b, count(*) n from one group by b) t " +
          "join (select b, count(*) n from one group by b) u on t.n = u.n")
      queries.foreach { query =>
        val expected = ofSpark(sql(query).collect().toSeq)
        checkFound(query)(checkAnswer(sql(query), expected))
      }
    })
  }

  test("metrics are those of this run") {
    withTable("one", 20) {
      def rows(): Seq[(String, Long)] = {
        val query = sql(
          "select x.b, count(*) from one x join one y on x.a = y.a where x.a > 3 group by x.b")
        query.collect()
        collectWithSubqueries(query.queryExecution.executedPlan) {
          case node if node.metrics.contains("numOutputRows") =>
            node.nodeName -> node.metrics("numOutputRows").value
        }
      }
      val first = rows()
      assert(first.exists { case (name, count) => name == "Filter" && count == 16 })
      assert(rows() == first)
    }
  }

  test("a subquery's value is part of the plan") {
    withTable("one", 20) {
      withTempPath { path =>
        def query(value: Int): Unit = {
          spark.range(1).selectExpr(s"$value v").write.mode("overwrite").parquet(path.getPath)
          spark.read.parquet(path.getPath).createOrReplaceTempView("value")
          checkAnswer(
            sql("select count(*) from one where a < (select max(v) from value)"), Row(value))
        }
        query(7)
        query(9)
        query(7)
      }
    }
  }

  test("errors show the query that raised them") {
    withTable("one", 20) {
      Seq("select 10 /  (a - a) from one", "select   10 / (a - a) from one").foreach { query =>
        Seq(1, 2).foreach { _ =>
          val error = intercept[Exception](sql(query).collect())
          assert(causes(error).exists(cause => s"${cause.getMessage}".contains(query)), query)
        }
      }
    }
  }

  test("a setting that changes what is planned") {
    withTable("one", 20) {
      val query = "select cast(timestamp_seconds(a) as string) from one where a = 3"
      Seq("UTC", "Asia/Tokyo", "UTC").foreach { zone =>
        withSQLConf("spark.sql.session.timeZone" -> zone) {
          checkAnswer(sql(query), ofSpark(sql(query).collect().toSeq))
        }
      }
      assert(sql(query).collect().length == 1)
      Seq("true", "false", "true").foreach { ansi =>
        withSQLConf("spark.sql.ansi.enabled" -> ansi) {
          val overflow = "select cast(a + 2147483640 as int) from one"
          if (ansi == "true") intercept[Exception](sql(overflow).collect())
          else checkAnswer(sql(overflow), ofSpark(sql(overflow).collect().toSeq))
        }
      }
    }
  }
}
