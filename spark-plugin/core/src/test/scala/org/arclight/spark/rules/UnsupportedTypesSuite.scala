package org.arclight.spark.rules

import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, NativeSuite}
import org.arclight.spark.explain.NativePlans

/** Types that the engine does not have: Spark runs what touches them, and the reason says so. */
class UnsupportedTypesSuite extends NativeSuite {

  /** Queries over a column `value`, which is projected, filtered, exchanged and grouped. */
  private def queries(select: String, groups: Boolean): Seq[String] = Seq(
    s"SELECT value, id FROM ($select)",
    s"SELECT id FROM ($select) WHERE value IS NOT NULL",
    s"SELECT /*+ REPARTITION(3, id) */ value, id FROM ($select)") ++
    (if (groups) Seq(s"SELECT value, count(*) FROM ($select) GROUP BY value") else Nil)

  private def check(name: String, value: String, reason: String, groups: Boolean = true): Unit =
    test(s"$name falls back with a reason") {
      val select = s"SELECT $value AS value, id FROM range(0, 100, 1, 3)"
      for (query <- queries(select, groups)) withClue(query) {
        val expected = withSQLConf(ArclightConf.ENABLED.key -> "false") {
          spark.sql(query).collect().map(_.toString).sorted.toSeq
        }
        val frame = spark.sql(query)
        assert(frame.collect().map(_.toString).sorted.toSeq == expected)
        val plan = frame.queryExecution.executedPlan
        // A type that is pruned away keeps nothing from being native.
        if (plan.collect { case node => node.output }.flatten.exists(_.name == "value")) {
          assert(NativePlans.fallbacks(plan).exists(_._2.toLowerCase.contains(reason)),
            NativePlans.describe(plan))
        }
      }
    }

  check("a calendar interval", "make_interval(0, 0, 0, CAST(id % 3 AS INT))", "interval",
    groups = false)
  check("a year-month interval", "make_ym_interval(1, CAST(id % 12 AS INT))", "interval year")
  check("a day-time interval", "make_dt_interval(CAST(id % 5 AS INT))", "interval day")
  check("a collated string", "concat('Text ', id % 5) COLLATE UTF8_LCASE", "string collate")
  check("a variant", "parse_json(concat('{\"a\": ', id, '}'))", "variant", groups = false)

  test("TIME falls back with a reason") {
    withSQLConf("spark.sql.timeType.enabled" -> "true") {
      val query = "SELECT make_time(CAST(id % 24 AS INT), 0, 0) AS value FROM range(0, 100, 1, 3)"
      val frame = spark.sql(query)
      val expected = withSQLConf(ArclightConf.ENABLED.key -> "false") {
        spark.sql(query).collect().toSeq
      }
      checkAnswer(frame, expected)
      assert(NativePlans.fallbacks(frame.queryExecution.executedPlan)
        .exists(_._2.toLowerCase.contains("time(")))
    }
  }

  test("char and varchar columns are as Spark reads and writes them") {
    withTable("chars") {
      sql("CREATE TABLE chars (c CHAR(5), v VARCHAR(5), id BIGINT) USING PARQUET")
      sql("INSERT INTO chars SELECT CAST(id AS STRING), CAST(id AS STRING), id FROM range(100)")
      for (query <- Seq(
          "SELECT c, v, length(c), length(v) FROM chars",
          "SELECT id FROM chars WHERE c = '7' OR v = '8 '",
          "SELECT c, count(*) FROM chars GROUP BY c")) {
        val expected =
          withSQLConf(ArclightConf.ENABLED.key -> "false")(sql(query).collect().toSeq)
        checkAnswer(sql(query), expected)
      }
      def message(): String =
        intercept[Exception](sql("INSERT INTO chars VALUES ('too long', 'x', 1)")).getMessage
      assert(message() == withSQLConf(ArclightConf.ENABLED.key -> "false")(message()))
    }
  }

  test("collations of the whole session fall back") {
    withSQLConf(SQLConf.CASE_SENSITIVE.key -> "false") {
      val query = "SELECT count(*) FROM range(0, 100, 1, 2) " +
        "WHERE concat('A', id) COLLATE UTF8_LCASE = 'a7'"
      checkAnswer(sql(query), org.apache.spark.sql.Row(1L))
    }
  }
}
