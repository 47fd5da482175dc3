package org.arclight.spark.execution

import org.apache.spark.SparkConf
import org.apache.spark.sql.Row

import org.arclight.spark.{ArclightConf, NativeSuite}
import org.arclight.spark.plan.WrittenStages

/** Plans of stages are remembered. Each that is found is also written again, and compared. */
class PlanCacheSuite extends NativeSuite {

  // None is forgotten while a test counts.
  override def sparkConf: SparkConf =
    super.sparkConf.set(ArclightConf.PLAN_CACHE_ENTRIES.key, "65536")

  /** How many plans are remembered for some work that weren't before. */
  private def written(work: => Unit): Int = {
    val before = WrittenStages.size
    work
    WrittenStages.size - before
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
      assert(written(query()) > 0)
      assert(written(query()) == 0)
      append()
      assert(written(query()) == 0)
      assert(written(query(limit = 6)) > 0)
    }
  }

  test("joins, sorts, unions, windows and subqueries") {
    withTable("one", 20)(withTable("two", 10) {
      val queries = Seq(
        "select * from one join two using (a) where one.b > 0 order by a desc limit 3",
        "select /*+ merge(two) */ count(*), sum(one.a) from one left join two on one.a = two.a",
        "select a from one union all select b from two",
        "select a, row_number() over (partition by b order by a) from one",
        "select count(distinct b), max(c) from one where a > (select avg(a) from two)",
        "select b, c, count(*) from one group by rollup (b, c) order by 1, 2",
        "select explode(sequence(0, b)) from one",
        "select * from one where exists (select 1 from two where two.b = one.a)")
      queries.foreach { query =>
        val expected = ofSpark(sql(query).collect().toSeq)
        assert(written(checkAnswer(sql(query), expected)) > 0, query)
        assert(written(checkAnswer(sql(query), expected)) == 0, query)
      }
    })
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
          assert(causes(error).exists(_.getMessage.contains(query)), query)
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

  test("no more plans are remembered than the setting says") {
    withTable("one", 20) {
      withSQLConf(ArclightConf.PLAN_CACHE_ENTRIES.key -> "2") {
        (1 to 4).foreach(limit => sql(s"select * from one where a < $limit").collect())
        assert(WrittenStages.size == 2)
      }
      withSQLConf(ArclightConf.PLAN_CACHE_ENTRIES.key -> "0") {
        val query = sql("select * from one where a < 1")
        checkAnswer(query, ofSpark(query.collect().toSeq))
        assert(WrittenStages.size == 0)
      }
    }
  }
}
