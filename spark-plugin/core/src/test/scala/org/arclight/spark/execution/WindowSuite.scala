package org.arclight.spark.execution

import org.apache.spark.SparkThrowable
import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.execution.window.{WindowExec, WindowGroupLimitExec}
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, FilesSuite}
import org.arclight.spark.explain.NativePlans

/** Windows that run natively, compared with Spark. */
class WindowSuite extends FilesSuite {

  override def beforeAll(): Unit = {
    super.beforeAll()
    ofSpark {
      spark.range(0, 3000, 1, 3).selectExpr(
        "CAST(id AS INT) AS id",
        // One large partition, many small ones, and NULL.
        "CAST(CASE WHEN id % 10 < 4 THEN 0 WHEN id % 97 = 5 THEN NULL ELSE id % 401 END AS INT) AS k",
        "CAST(id % 5 AS BYTE) AS b",
        "CAST(CASE WHEN id % 11 = 0 THEN NULL ELSE id * 7919 % 23 END AS SMALLINT) AS o",
        "CASE WHEN id % 7 = 0 THEN NULL ELSE id * 31 % 1000 - 500 END AS n",
        "CASE id % 13 WHEN 0 THEN DOUBLE('NaN') WHEN 1 THEN -0.0D WHEN 2 THEN 0.0D " +
          "WHEN 3 THEN NULL WHEN 4 THEN DOUBLE('Infinity') ELSE (id * 37 % 17) / 10.0D END AS d",
        "CAST(CASE id % 6 WHEN 0 THEN DOUBLE('NaN') WHEN 1 THEN -0.0D WHEN 2 THEN 0.0D ELSE 1.5D END " +
          "AS FLOAT) AS f",
        "CASE WHEN id % 9 = 0 THEN NULL ELSE (id % 19) / 7.0D END AS x",
        "CASE WHEN id % 8 = 0 THEN NULL ELSE CAST(id % 37 / 100 AS DECIMAL(12, 2)) END AS m",
        "CAST(id AS DECIMAL(30, 4)) * 1000000000000 AS w",
        "CASE WHEN id % 4 = 0 THEN NULL WHEN id % 4 = 1 THEN '' " +
          "ELSE concat('a rather long text ', id % 29) END AS s",
        "CAST(concat('b', id % 3) AS BINARY) AS bin",
        "id % 2 = 0 AS t",
        "date_add(DATE '2020-01-01', CAST(id % 40 AS INT)) AS day",
        "timestamp_seconds(id % 50 * 3600) AS ts",
        "named_struct('a', CAST(id % 3 AS INT), 'b', CASE WHEN id % 5 = 0 THEN NULL ELSE id END) AS st",
        "array(id % 3, NULL, id % 2) AS a",
        "map('x', id) AS mp")
        .write.mode("overwrite").parquet(folder.getPath)
    }
    spark.read.parquet(folder.getPath).createOrReplaceTempView("rows")
    spark.read.parquet(folder.getPath).where("id = 17").createOrReplaceTempView("one")
  }

  private def windows(frame: DataFrame): Int =
    NativePlans.natives(frame.queryExecution.executedPlan).count {
      case _: WindowExec => true
      case _ => false
    }

  private def check(query: String, inJvm: Set[String] = Set.empty): DataFrame = {
    val frame = checkNative(query, inJvm)
    assert(windows(frame) > 0, frame.queryExecution.executedPlan)
    frame
  }

  private def both(work: => Unit): Unit = Seq("true", "false").foreach { ansi =>
    withClue(s"ANSI $ansi: ") {
      withSQLConf(SQLConf.ANSI_ENABLED.key -> ansi)(work)
    }
  }

  private val keys = "PARTITION BY k ORDER BY o, id"

  private val rankings = Seq(
    "row_number()", "rank()", "dense_rank()", "percent_rank()", "cume_dist()", "ntile(1)", "ntile(3)",
    "ntile(1000)")

  test("rankings") {
    both {
      val unique = rankings.map(f => s"$f OVER ($keys)")
      val tied = (rankings.slice(1, 5)).map(f => s"$f OVER (PARTITION BY k ORDER BY o DESC)")
      val all = rankings.slice(0, 3).map(f => s"$f OVER (ORDER BY id)")
      check(s"SELECT id, ${unique.mkString(", ")} FROM rows")
      check(s"SELECT id, ${tied.mkString(", ")} FROM rows")
      check(s"SELECT id, ${all.mkString(", ")} FROM rows")
    }
  }

  test("only what streams") {
    check(s"SELECT *, row_number() OVER ($keys), rank() OVER ($keys), dense_rank() OVER ($keys), " +
      s"sum(n) OVER ($keys ROWS UNBOUNDED PRECEDING), avg(x) OVER ($keys ROWS UNBOUNDED PRECEDING) " +
      "FROM rows")
  }

  private val offsets = Seq("n", "x", "m", "w", "s", "bin", "t", "day", "ts", "st", "a", "mp").flatMap { c =>
    Seq(s"lag($c)", s"lead($c)", s"lag($c, 3)", s"lead($c, 2)", s"lead($c, 0)", s"lead($c, -1)",
      s"lag($c, 100000)", s"lag($c) IGNORE NULLS", s"lead($c, 2) IGNORE NULLS")
  } ++ Seq(
    "lag(n, 1, 7L)", "lead(n, 5, n)", "lag(s, 2, 'none')", "lead(s, 3, s)", "lag(m, 2, 1.25BD)",
    "lead(x, 2, x) IGNORE NULLS", "lag(n, 4, n) IGNORE NULLS", "lead(n, 100000, 5L) IGNORE NULLS",
    "lag(st, 1, st)", "lag(id, 1, id + 1)", "lead(n + 1, 1, o * 2)")

  test("values of other rows") {
    offsets.grouped(20).foreach { some =>
      check(s"SELECT id, ${some.map(f => s"$f OVER ($keys)").mkString(", ")} FROM rows")
    }
  }

  private val aggregates = Seq(
    "count(*)", "count(n)", "count(n, s)", "sum(n)", "sum(b)", "sum(x)", "sum(d)", "sum(m)", "sum(w)",
    "avg(n)", "avg(x)", "avg(m)", "avg(w)", "min(n)", "max(n)", "min(d)", "max(d)", "min(f)", "min(s)",
    "max(s)", "max(bin)", "min(t)", "max(day)", "min(ts)", "max(m)", "min(w)", "max(st)", "min(a)",
    "first(n)", "last(n)", "first(s) IGNORE NULLS", "last(s) IGNORE NULLS", "first_value(st)",
    "last_value(a)", "any_value(n)", "nth_value(n, 2)", "nth_value(s, 3) IGNORE NULLS", "nth_value(mp, 1)",
    "stddev(x)", "var_pop(x)", "skewness(x)", "kurtosis(x)", "covar_samp(x, n)",
    "bit_and(o)", "bit_or(o)", "bit_xor(o)", "max_by(s, n)", "min_by(x, id)", "bool_and(t)", "every(t)",
    "try_sum(n)", "try_avg(m)")

  private val frames = Seq(
    "",
    "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
    "ROWS UNBOUNDED PRECEDING",
    "RANGE UNBOUNDED PRECEDING",
    "ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING",
    "ROWS BETWEEN UNBOUNDED PRECEDING AND 3 FOLLOWING",
    "ROWS BETWEEN 2 PRECEDING AND CURRENT ROW",
    "ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING",
    "ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING",
    "ROWS BETWEEN 1 FOLLOWING AND 3 FOLLOWING",
    "ROWS BETWEEN CURRENT ROW AND CURRENT ROW",
    "ROWS BETWEEN 5000 PRECEDING AND 1 PRECEDING")

  private val shrinking = Seq(
    "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
    "ROWS BETWEEN 2 PRECEDING AND UNBOUNDED FOLLOWING",
    "ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING",
    "RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
    "RANGE BETWEEN CURRENT ROW AND CURRENT ROW",
    "RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING")

  (frames ++ shrinking).foreach { frame =>
    test(s"aggregates over a frame '$frame'") {
      // Those over all that follows take too long in a large partition.
      val rows = if (shrinking.contains(frame)) "rows WHERE k <> 0 OR k IS NULL" else "rows"
      aggregates.grouped(18).foreach { some =>
        both(check(
          s"SELECT id, ${some.map(f => s"$f OVER ($keys $frame)").mkString(", ")} FROM $rows"))
      }
    }
  }

  test("a correlation of constants is what Spark's mode makes it") {
    withSQLConf(SQLConf.ANSI_ENABLED.key -> "false") {
      check(s"SELECT id, corr(x, n) OVER ($keys), corr(x, n) OVER ($keys ROWS 2 PRECEDING) FROM rows")
    }
    val query = s"SELECT id, corr(x, n) OVER ($keys ROWS 2 PRECEDING) FROM rows"
    withSQLConf(SQLConf.ANSI_ENABLED.key -> "true") {
      assert(error(query) == ofSpark(error(query)))
    }
  }

  test("peers are taken together") {
    // Whatever order peers come in, these are the same.
    val functions = Seq(
      "count(*)", "sum(n)", "sum(m)", "avg(m)", "min(x)", "max(s)", "rank()", "cume_dist()",
      "dense_rank()", "percent_rank()")
    Seq("k", "b", "t", "f").foreach { by =>
      Seq("o", "d DESC", "f", "s NULLS LAST", "st", "day, t", "a").foreach { order =>
        val over = s"OVER (PARTITION BY $by ORDER BY $order)"
        check(s"SELECT id, ${functions.map(f => s"$f $over").mkString(", ")} FROM rows")
      }
    }
    val framed = Seq("CURRENT ROW AND CURRENT ROW", "CURRENT ROW AND UNBOUNDED FOLLOWING").map { f =>
      s"count(n) OVER (PARTITION BY b ORDER BY o RANGE BETWEEN $f)"
    }
    check(s"SELECT id, ${framed.mkString(", ")} FROM rows")
  }

  test("keys of every type") {
    Seq("k", "b", "o", "n", "d", "f", "x", "m", "w", "s", "bin", "t", "day", "ts", "st", "a", "k, d, s")
      .foreach { key =>
        withClue(s"by $key: ") {
          check(s"SELECT id, $key, count(*) OVER (PARTITION BY $key), " +
            s"row_number() OVER (PARTITION BY $key ORDER BY id), " +
            s"sum(id) OVER (PARTITION BY $key ORDER BY id) FROM rows")
        }
      }
  }

  test("no keys, no order, no rows, one row") {
    check("SELECT id, sum(n) OVER (), count(*) OVER () FROM rows")
    check("SELECT id, sum(n) OVER (PARTITION BY k), max(s) OVER (PARTITION BY k) FROM rows")
    check("SELECT id, row_number() OVER (ORDER BY id), lag(id) OVER (ORDER BY id), " +
      "sum(x) OVER (ORDER BY id) FROM rows")
    val functions = (rankings ++ Seq("lag(n)", "sum(n)", "nth_value(n, 1)", "avg(m)"))
      .map(f => s"$f OVER ($keys)")
    // AQE would leave nothing of it, once it has seen that there are no rows.
    withSQLConf(SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> "false") {
      check(s"SELECT id, ${functions.mkString(", ")} FROM rows WHERE id + n < -99999")
    }
    check(s"SELECT id, ${functions.mkString(", ")} FROM one")
  }

  Seq("1", "7", "8192").foreach { size =>
    test(s"batches of $size") {
      withSQLConf(ArclightConf.BATCH_SIZE.key -> size) {
        check(s"SELECT id, ${rankings.map(f => s"$f OVER ($keys)").mkString(", ")}, " +
          s"lag(s, 3) OVER ($keys), lead(n, 9, n) IGNORE NULLS OVER ($keys), " +
          s"sum(x) OVER ($keys ROWS BETWEEN 3 PRECEDING AND 2 FOLLOWING), sum(m) OVER ($keys), " +
          s"avg(m) OVER (PARTITION BY k), nth_value(n, 2) IGNORE NULLS OVER ($keys) " +
          "FROM rows WHERE id < 1000")
      }
    }
  }

  test("windows over windows") {
    check("SELECT id, sum(r) OVER (PARTITION BY b ORDER BY id), avg(r) OVER (PARTITION BY t) FROM " +
      s"(SELECT id, b, t, row_number() OVER ($keys) AS r FROM rows)")
    check("SELECT k, sum(n), rank() OVER (ORDER BY sum(n) DESC NULLS LAST, k) FROM rows GROUP BY k")
    check("SELECT k, id, sum(n) * 100 / sum(sum(n)) OVER (PARTITION BY k) FROM rows GROUP BY k, id")
  }

  test("what Spark knows of a function beforehand") {
    check("SELECT id, count(NULL) OVER (PARTITION BY k), sum(n) OVER (PARTITION BY k) FROM rows")
    check(s"SELECT id, sum(n) OVER ($keys) + 1, sum(n) OVER ($keys) + 2 FROM rows")
  }

  test("a limit of each partition") {
    Seq("row_number", "rank", "dense_rank").foreach { function =>
      Seq("id" -> "", "o" -> ", o", "d, id" -> "").foreach { case (order, shown) =>
        Seq("PARTITION BY k", "").foreach { by =>
          // Which of several peers come first is open, and a number of all rows is a plain limit.
          if (function != "row_number" || (order.endsWith("id") && by.nonEmpty)) {
            val frame = check(s"SELECT * FROM (SELECT id, k$shown, $function() OVER ($by ORDER BY $order) " +
              "AS r FROM rows) WHERE r <= 3")
            val limits = NativePlans.natives(frame.queryExecution.executedPlan).collect {
              case limit: WindowGroupLimitExec => limit
            }
            assert(limits.nonEmpty, frame.queryExecution.executedPlan)
          }
        }
      }
    }
  }

  // Small batches: rows are left out while they are sorted from the eighth batch on.
  test("a limit of partitions of each type of key, in small batches") {
    withSQLConf(ArclightConf.BATCH_SIZE.key -> "3") {
      Seq("row_number", "rank", "dense_rank").foreach { function =>
        Seq("k", "s", "f", "m, s", "w % 3", "bin, t", "st", "a", "CAST(NULL AS INT)").foreach { by =>
          check("SELECT * FROM (SELECT id, " +
            s"$function() OVER (PARTITION BY $by ORDER BY d DESC, s NULLS LAST, id) AS r FROM rows) " +
            "WHERE r <= 2")
        }
        check(s"SELECT * FROM (SELECT id, s, m, $function() OVER (PARTITION BY b ORDER BY " +
          s"m DESC NULLS LAST${if (function == "row_number") ", id" else ""}) AS r FROM rows) " +
          "WHERE r <= 1")
      }
    }
  }

  private def error(query: String): String = {
    val failure = intercept[Exception](spark.sql(query).collect())
    causes(failure).collectFirst { case spark: SparkThrowable if spark.getCondition != null =>
      spark.getCondition
    }.getOrElse(fail(failure))
  }

  test("overflows raise as Spark's do") {
    val large = "(SELECT id, b, id + 9223372036854775000L AS big, " +
      "CAST('99999999999999999999999999999999999999' AS DECIMAL(38, 0)) AS huge FROM rows)"
    val order = "PARTITION BY b ORDER BY id"
    Seq(
      s"SELECT sum(big) OVER (PARTITION BY b) FROM $large",
      s"SELECT sum(big) OVER ($order ROWS UNBOUNDED PRECEDING) FROM $large",
      s"SELECT sum(big) OVER ($order ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM $large",
      s"SELECT sum(huge) OVER (PARTITION BY b) FROM $large",
      s"SELECT sum(huge) OVER ($order) FROM $large",
      s"SELECT sum(huge) OVER ($order ROWS 1 PRECEDING) FROM $large",
      s"SELECT avg(huge) OVER ($order ROWS 1 PRECEDING) FROM $large").foreach { query =>
      withClue(query) {
        withSQLConf(SQLConf.ANSI_ENABLED.key -> "true") {
          assert(error(query) == ofSpark(error(query)))
        }
        withSQLConf(SQLConf.ANSI_ENABLED.key -> "false")(check(query))
      }
    }
    checkIdle()
  }

  test("a sum of decimals that has too many digits for a while") {
    val query = "SELECT id, sum(v) OVER (ORDER BY id), avg(v) OVER (ORDER BY id), " +
      "sum(v) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM (SELECT id, " +
      "CAST('99999999999999999999999999999999999999' AS DECIMAL(38, 0)) * " +
      "(CASE WHEN id % 4 < 2 THEN 1 ELSE -1 END) AS v FROM rows WHERE id < 20)"
    withSQLConf(SQLConf.ANSI_ENABLED.key -> "false")(check(query))
  }

  private def reason(query: String): String = {
    val frame = checkNative(query, Set("Window", "Sort", "Project", "WindowGroupLimit"))
    fallbacks(frame).collectFirst { case (name, why) if name.startsWith("Window") => why }
      .getOrElse(fail(NativePlans.describe(frame.queryExecution.executedPlan)))
  }

  test("what is not native stays Spark's, with a reason") {
    assert(reason(
      "SELECT id, sum(n) OVER (PARTITION BY k ORDER BY id RANGE BETWEEN 5 PRECEDING AND CURRENT ROW) " +
        "FROM rows") == "a frame by RANGE with an offset is not native")
    assert(reason("SELECT id, collect_list(n) OVER (PARTITION BY k ORDER BY id) FROM rows") ==
      "aggregate function collect_list is not native in windows")
    assert(reason(s"SELECT id, percentile(n, 0.5) OVER (PARTITION BY k) FROM rows") ==
      "aggregate function percentile is not native")
    assert(reason(s"SELECT id, sum(n) OVER ($keys ROWS 2000000000 PRECEDING) FROM rows WHERE id < 100") ==
      "a frame with an offset beyond 1073741824 is not native")
    Seq("Window" -> ArclightConf.operatorKey("Window"), "Rank" -> ArclightConf.expressionKey("Rank"))
      .foreach { case (_, key) =>
        withSQLConf(key -> "false") {
          assert(reason(s"SELECT id, rank() OVER ($keys) FROM rows") == s"$key is false")
        }
      }
  }

  test("joins below a window") {
    withSQLConf(SQLConf.AUTO_BROADCASTJOIN_THRESHOLD.key -> "-1") {
      check("SELECT l.id, row_number() OVER (PARTITION BY l.k ORDER BY l.id), " +
        "sum(r.n) OVER (PARTITION BY l.k ORDER BY l.id) FROM rows l JOIN rows r ON l.id = r.id")
      check("SELECT l.id, rank() OVER (PARTITION BY l.id ORDER BY r.id), count(*) OVER (PARTITION BY l.id) " +
        "FROM rows l LEFT JOIN rows r ON l.id = r.k")
    }
  }
}
