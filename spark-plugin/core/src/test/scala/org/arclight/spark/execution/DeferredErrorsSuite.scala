package org.arclight.spark.execution

import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.FilesSuite
import org.arclight.spark.differential.Outcome
import org.arclight.spark.explain.NativePlans

/** Takes all numbers but 7. */
class CheckedFunction extends (Long => Long) with Serializable {
  override def apply(value: Long): Long = {
    if (value == 7) throw new IllegalStateException("a row that nobody wants")
    value
  }
}

/**
 * Rows that Spark does not come to raise nothing: those behind a limit, and those that a join or a
 * filter drops before a projected column is wanted. Those it comes to raise what they raise there.
 */
class DeferredErrorsSuite extends FilesSuite {

  override def beforeAll(): Unit = {
    super.beforeAll()
    ofSpark {
      // One file each, so that rows are read in order.
      spark.range(0, 20000, 1, 1).selectExpr(
        "id", "id % 10 AS k", "CAST(id % 10 AS STRING) AS s",
        "CASE WHEN id = 10050 THEN 'bad' ELSE CAST(id AS STRING) END AS t",
        "CAST(id AS INT) AS i")
        .write.parquet(s"$folder/t")
      spark.range(0, 5, 1, 1).selectExpr(
        "id AS k", "id * 2 AS v", "CAST(id AS STRING) AS s").write.parquet(s"$folder/u")
    }
    spark.read.parquet(s"$folder/t").createOrReplaceTempView("t")
    spark.read.parquet(s"$folder/u").createOrReplaceTempView("u")
  }

  private val RAISES = "raises"

  /** The query's outcome, which must be Spark's; its operators must be native but for these. */
  private def outcome(query: String, inJvm: Set[String] = Set("CollectLimit")): String = {
    val expected = ofSpark(Outcome.of(spark.sql(query)))
    val found = Outcome.of(spark.sql(query))
    assert(Outcome.difference(expected, found).isEmpty,
      s"$query: ${Outcome.difference(expected, found)}")
    checkIdle()
    found match {
      case rows: Outcome.Rows =>
        val left = NativePlans.fallbacks(rows.plan).map(_._1.nodeName)
          .filterNot(name => inJvm.exists(name.startsWith))
        assert(left.isEmpty, NativePlans.describe(rows.plan))
        s"${rows.rows.length} rows"
      case _: Outcome.Error => RAISES
    }
  }

  private def check(queries: (String, String)*): Unit = check(Set("CollectLimit"), queries: _*)

  private def check(inJvm: Set[String], queries: (String, String)*): Unit = withSQLConf(
    SQLConf.ANSI_ENABLED.key -> "true") {
    Seq(true, false).foreach { adaptive =>
      withSQLConf(SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> adaptive.toString) {
        queries.foreach { case (query, expected) =>
          assert(outcome(query, inJvm) == expected, query)
        }
      }
    }
  }

  test("rows behind a limit raise nothing") {
    check(
      "SELECT 10 div (id - 50) AS x FROM t LIMIT 3" -> "3 rows",
      "SELECT 10 div (id - 50) AS x FROM t LIMIT 50" -> "50 rows",
      "SELECT 10 div (id - 50) AS x FROM t LIMIT 51" -> RAISES,
      "SELECT CAST(t AS INT) AS x FROM t LIMIT 9000" -> "9000 rows",
      "SELECT CAST(t AS INT) AS x FROM t LIMIT 20 OFFSET 10030" -> "20 rows",
      "SELECT CAST(t AS INT) AS x FROM t LIMIT 20 OFFSET 10031" -> RAISES,
      "SELECT count(x), sum(x) FROM (SELECT 10 div (id - 50) AS x FROM t LIMIT 50)" -> "1 rows",
      "SELECT count(x), sum(x) FROM (SELECT 10 div (id - 50) AS x FROM t LIMIT 51)" -> RAISES,
      "SELECT id FROM t WHERE 10 div (id - 50) < 100 LIMIT 50" -> "50 rows",
      "SELECT id FROM t WHERE 10 div (id - 50) < 100 LIMIT 51" -> RAISES,
      "SELECT id FROM t WHERE id > 45 AND 10 div (id - 50) > -4 LIMIT 2" -> "2 rows",
      "SELECT 10 div (id - 9) FROM t WHERE 10 div (id - 5) < 100 LIMIT 5" -> "5 rows",
      "SELECT 10 div (id - 5) FROM t WHERE 10 div (id - 9) < 100 LIMIT 6" -> RAISES)
  }

  test("a filter asks for NULLs where Spark does") {
    // n is NULL where id is 5, m where it is 6.
    val t = "(SELECT id, nullif(id, 5) AS n, nullif(k, 6) AS m, s FROM t LIMIT 100) t"
    check(
      // What no other term wants is asked last.
      s"SELECT id FROM $t WHERE n IS NOT NULL AND 10 div (id - 5) < 100" -> RAISES,
      s"SELECT id FROM $t WHERE n IS NOT NULL AND 10 div (n - 5) < 100" -> "99 rows",
      s"SELECT id FROM $t WHERE 10 div (n - 5) < 100 AND n IS NOT NULL" -> "99 rows",
      s"SELECT id FROM $t WHERE n IS NOT NULL AND n <> 7 AND 10 div (id - 5) < 100" -> "98 rows",
      // So is what is computed, but for the columns in it.
      s"SELECT id FROM $t WHERE (id div m) IS NOT NULL AND s <> '0'" -> "80 rows",
      s"SELECT id FROM $t WHERE (10 div (n - 6)) IS NOT NULL AND id <> 6" -> RAISES,
      s"SELECT id FROM $t WHERE (n + m) IS NOT NULL AND 10 div (id - 5 + 0 * n) < 100" -> "89 rows",
      s"SELECT id FROM $t WHERE (n + m) IS NOT NULL AND 10 div (id - 5) < 100" -> RAISES,
      s"SELECT id FROM $t WHERE coalesce(n, m) IS NOT NULL AND 10 div (id - 106) < 100" -> "100 rows",
      // Of two columns of a term, of the first one first.
      "SELECT id FROM (SELECT id, nullif(id, 5) AS n, 10 div (id - 5) AS d " +
        "FROM range(0, 100, 1, 1) LIMIT 50) " +
        "WHERE n + d > -1000" -> "49 rows",
      "SELECT id FROM (SELECT id, nullif(id, 5) AS n, 10 div (id - 5) AS d " +
        "FROM range(0, 100, 1, 1) LIMIT 50) " +
        "WHERE d + n > -1000" -> RAISES,
      // Terms of columns that are projected below.
      s"SELECT /*+ BROADCAST(u) */ id FROM (SELECT id, n, 10 div (id - 5) AS d, s FROM $t) a " +
        "LEFT JOIN u ON a.s = u.s WHERE (n IS NOT NULL OR v IS NOT NULL) AND coalesce(v, d) > -1" ->
        RAISES)
  }

  test("expressions with a state of their own are evaluated again") {
    check(
      "SELECT map(id, s, 50, s) AS m FROM t LIMIT 50" -> "50 rows",
      "SELECT map(id, s, 50, s) AS m FROM t LIMIT 51" -> RAISES)
  }

  test("rows behind a limit raise nothing in generators, grouping sets and joins") {
    check(
      "SELECT e FROM t LATERAL VIEW explode(array(10 div (id - 50), id)) AS e LIMIT 100" ->
        "100 rows",
      "SELECT e FROM t LATERAL VIEW explode(array(10 div (id - 50), id)) AS e LIMIT 101" -> RAISES,
      "SELECT /*+ BROADCAST(u) */ id, v FROM t JOIN u ON t.k = u.k AND 10 div (id - 50) < 100 " +
        "LIMIT 25" -> "25 rows",
      "SELECT /*+ BROADCAST(u) */ id, v FROM t JOIN u ON t.k = u.k AND 10 div (id - 50) < 100 " +
        "LIMIT 26" -> RAISES,
      "SELECT /*+ BROADCAST(u) */ id, v FROM t LEFT JOIN (SELECT k, v FROM u UNION ALL SELECT k, v " +
        "FROM u) u ON t.k = u.k AND 10 div (id - 50) < 100 LIMIT 75" -> "75 rows",
      "SELECT /*+ BROADCAST(u) */ id FROM t LEFT SEMI JOIN u ON t.k = u.k AND " +
        "10 div (id + v - 50) < 100 LIMIT 20" -> "20 rows",
      "SELECT /*+ BROADCAST(u) */ id, v FROM t JOIN u ON 10 div (id - 50) < v LIMIT 150" ->
        "150 rows",
      "SELECT /*+ BROADCAST(u) */ id FROM t LEFT ANTI JOIN u ON 10 div (id - 50) > v + 100 LIMIT 50" ->
        "50 rows",
      "SELECT /*+ BROADCAST(u) */ id FROM t LEFT ANTI JOIN u ON 10 div (id - 50) > v + 100 LIMIT 51" ->
        RAISES)
  }

  test("rows that a broadcast join drops raise nothing") {
    val d = "(SELECT id, 10 div (k - 7) AS d, k, s FROM t) a"
    check(
      s"SELECT /*+ BROADCAST(u) */ d, v FROM $d JOIN u ON a.k = u.k" -> "10000 rows",
      s"SELECT /*+ BROADCAST(u) */ d, v FROM $d JOIN u ON a.s = u.s" -> "10000 rows",
      s"SELECT /*+ BROADCAST(u) */ d, v FROM $d JOIN u ON a.k >= u.k + 8" -> "6000 rows",
      s"SELECT /*+ BROADCAST(u) */ d, v FROM $d JOIN u ON a.k >= u.k + 7" -> RAISES,
      s"SELECT /*+ BROADCAST(u) */ d FROM $d LEFT SEMI JOIN u ON a.s = u.s" -> "10000 rows",
      s"SELECT /*+ BROADCAST(u) */ d FROM $d LEFT ANTI JOIN u ON a.s = u.s" -> RAISES,
      s"SELECT /*+ BROADCAST(u) */ d FROM $d LEFT ANTI JOIN u ON a.k >= u.k + 3" -> "6000 rows",
      s"SELECT /*+ BROADCAST(u) */ d, v FROM $d LEFT JOIN u ON a.s = u.s" -> RAISES,
      s"SELECT /*+ BROADCAST(u) */ d, v FROM $d LEFT JOIN u ON a.s = u.s WHERE v > 2" -> "6000 rows",
      s"SELECT d FROM $d WHERE k NOT IN (SELECT k + 5 FROM u)" -> "10000 rows",
      s"SELECT d FROM $d WHERE k IN (SELECT k + 5 FROM u)" -> RAISES,
      s"SELECT id, d FROM $d WHERE s IN (SELECT s FROM u) OR d = 3" -> RAISES)
  }

  test("what is wanted sooner raises sooner") {
    val d = "(SELECT id, 10 div (k - 7) AS d, k, s FROM t) a"
    check(
      // By the join itself.
      s"SELECT /*+ BROADCAST(u) */ d, v FROM $d JOIN u ON a.k = u.k AND a.d < u.v" -> RAISES,
      s"SELECT /*+ BROADCAST(u) */ a.k, v FROM $d JOIN u ON a.d = u.v" -> RAISES,
      // Twice in the projection.
      "SELECT /*+ BROADCAST(u) */ d, e, v FROM (SELECT 10 div (k - 7) AS d, 1 + 10 div (k - 7) AS e, " +
        "s FROM t) a JOIN u ON a.s = u.s" -> RAISES,
      // By an exchange, a sort or an aggregation.
      s"SELECT /*+ MERGE(u) */ d, v FROM $d JOIN u ON a.s = u.s" -> RAISES,
      s"SELECT /*+ SHUFFLE_HASH(u) */ d, v FROM $d JOIN u ON a.s = u.s" -> RAISES,
      s"SELECT /*+ BROADCAST(u) */ m, v FROM (SELECT s, max(d) AS m FROM $d GROUP BY s) b " +
        "JOIN u ON b.s = u.s" -> RAISES,
      // Where it is built.
      s"SELECT /*+ BROADCAST(a) */ d, v FROM u JOIN $d ON a.s = u.s" -> RAISES)
  }

  test("a filter's terms have what they want evaluated one after the other") {
    val d = "(SELECT id, 10 div (k - 7) AS d, id + 1 AS n, k, s FROM t) a"
    def filtered(columns: String, condition: String): String =
      s"SELECT /*+ BROADCAST(u) */ $columns FROM $d LEFT JOIN u ON a.s = u.s WHERE $condition"
    check(
      // What a term wants is evaluated before it, whatever comes of it.
      filtered("id", "(v > d) IS NULL") -> RAISES,
      filtered("id", "CASE WHEN k = 7 THEN true ELSE d > -100 END OR v > 100") -> RAISES,
      // What it doesn't want is not.
      filtered("n, d", "coalesce(v, -1) > n") -> "3 rows",
      filtered("id, d", "coalesce(v, -1) >= 0") -> "10000 rows",
      // The condition becomes the join's.
      filtered("id", "coalesce(v, -1) >= 0 AND coalesce(v, d) > -100") -> RAISES)
  }

  test("projections above have what they use once evaluated where they use it") {
    val d = "(SELECT id, 10 div (k - 3) AS d, k, s FROM t) a"
    def joined(columns: String): String =
      s"SELECT /*+ BROADCAST(u) */ $columns FROM $d JOIN u ON a.s = u.s"
    check(
      joined("CASE WHEN v = 6 THEN 0 ELSE d END AS x") -> "10000 rows",
      joined("CASE WHEN v = 6 THEN 0 ELSE d END AS x, d + 1 AS y") -> RAISES,
      joined("v, d") -> RAISES,
      s"SELECT count(*), sum(v) FROM (${joined("v, d")})" -> "1 rows",
      // The condition is one of the join's input, too.
      s"SELECT v FROM (${joined("v, d")}) WHERE v <> 6 AND d > -100" -> RAISES,
      s"SELECT v, d FROM (${joined("v, d, id")}) WHERE v <> 6" -> "8000 rows",
      // Through two joins and a limit.
      s"SELECT /*+ BROADCAST(w) */ x, w.v FROM (${joined("d + 1 AS x, a.s AS s")}) b " +
        "JOIN (SELECT * FROM u WHERE v < 5) w ON b.s = w.s" -> "6000 rows",
      s"SELECT x FROM (${joined("d AS x")} LIMIT 3)" -> "3 rows",
      s"SELECT x FROM (${joined("d AS x")} LIMIT 4)" -> RAISES)
  }

  test("rows that an operator of the JVM drops raise nothing") {
    val d = "(SELECT id, 10 div (k - 7) AS d, k, s FROM t) a"
    // What is not deterministic stays above a join.
    val joined = s"(SELECT /*+ BROADCAST(u) */ d, v, id, k FROM $d LEFT JOIN " +
      "(SELECT s AS i, v FROM u) u ON a.s = u.i)"
    val condition = "k + rand(1) * 0 <> 7"
    check(
      Set("CollectLimit", "Filter", "Project", "Sample"),
      s"SELECT d, v FROM $joined WHERE $condition" -> "18000 rows",
      s"SELECT d + 1, v, rand(2) AS r FROM $joined WHERE $condition" -> "18000 rows",
      s"SELECT max(d) FROM $joined WHERE $condition GROUP BY k" -> "9 rows",
      // A term that is deterministic becomes the join's.
      s"SELECT d, v FROM $joined WHERE $condition AND coalesce(v, d) < 100" -> RAISES,
      s"SELECT d, v FROM $joined WHERE k + rand(1) * 0 <> 8" -> RAISES,
      s"SELECT CASE WHEN k + rand(1) * 0 = 7 THEN 0 ELSE d END AS x FROM $joined" -> "20000 rows",
      s"SELECT d, id FROM $d WHERE $condition" -> "18000 rows",
      "SELECT d, id FROM (SELECT id, 10 div (id - 50) AS d FROM t) " +
        "TABLESAMPLE (1 PERCENT) REPEATABLE (3)" -> "215 rows")
    withSQLConf(SQLConf.ANSI_ENABLED.key -> "true") {
      val dropped = spark.sql(s"SELECT d, v FROM $joined WHERE $condition")
      dropped.collect()
      val reasons = fallbacks(dropped).collect { case ("Project", why) => why }
      assert(reasons.exists(_.contains("above it drops")),
        NativePlans.describe(dropped.queryExecution.executedPlan))
    }
  }

  test("functions of users are not called for rows that are dropped") {
    spark.udf.register("checked", new CheckedFunction)
    check(
      "SELECT /*+ BROADCAST(u) */ d, v FROM (SELECT checked(k) AS d, s FROM t) a " +
        "JOIN u ON a.s = u.s" -> "10000 rows",
      "SELECT checked(k) FROM t LIMIT 7" -> "7 rows",
      "SELECT checked(k) FROM t LIMIT 8" -> RAISES)
  }

  test("without generated code Spark evaluates all of a projection") {
    withSQLConf(SQLConf.WHOLESTAGE_CODEGEN_ENABLED.key -> "false") {
      check(
        "SELECT /*+ BROADCAST(u) */ d, v FROM (SELECT 10 div (k - 7) AS d, s FROM t) a " +
          "JOIN u ON a.s = u.s" -> RAISES,
        "SELECT 10 div (id - 50) AS x FROM t LIMIT 50" -> "50 rows",
        // A filter's terms stay in the order they are written in.
        "SELECT id FROM (SELECT id, nullif(id, 5) AS n FROM t LIMIT 100) " +
          "WHERE n IS NOT NULL AND 10 div (id - 5) < 100" -> "99 rows")
    }
  }

  test("what a hash aggregation gives of groups that are dropped raises nothing") {
    val groups = "SELECT k, 10 div (k - 7) AS d FROM t GROUP BY k"
    check(
      Set("CollectLimit", "Filter", "Project"),
      s"$groups HAVING max(id) < 19997" -> "7 rows",
      s"$groups HAVING max(id) < 19998" -> RAISES,
      s"SELECT /*+ BROADCAST(u) */ d, v FROM ($groups) b JOIN u ON b.k = u.k" -> "5 rows",
      s"SELECT /*+ BROADCAST(u) */ d, v, n FROM (SELECT k, 10 div (max(k) - 7) AS d, count(*) AS n " +
        "FROM t GROUP BY k) b JOIN u ON b.k = u.k" -> "5 rows",
      s"$groups HAVING max(id) + rand(1) * 0 < 19997" -> "7 rows",
      s"SELECT d FROM ($groups) ORDER BY d" -> RAISES,
      "SELECT max(d) FROM (SELECT k, 10 div (count(*) - 2000) AS d FROM t GROUP BY k)" -> RAISES)
  }

  test("windows whose results may raise are Spark's where rows may be left unread") {
    val window = "SELECT id, sum(id + 9223372036854700000L) OVER (ORDER BY id " +
      "ROWS UNBOUNDED PRECEDING) AS s FROM t"
    withSQLConf(SQLConf.ANSI_ENABLED.key -> "true") {
      assert(outcome(s"$window LIMIT 1", Set("CollectLimit", "Project", "Window")) == "1 rows")
      assert(outcome(s"$window LIMIT 10") == RAISES)
      val frame = spark.sql(s"SELECT s + 1 FROM ($window) LIMIT 1")
      frame.collect()
      val reason = fallbacks(frame).collectFirst { case ("Window", why) => why }
      assert(reason.exists(_.contains("may raise")), reason)
      // In order already, the first rows are taken as they come.
      val ordered = s"$window ORDER BY id LIMIT"
      assert(outcome(s"$ordered 1", Set("Project", "Window", "TakeOrdered")) == "1 rows")
      // All rows are read, or nothing can raise.
      checkNative(
        "SELECT max(s) FROM (SELECT sum(id) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) AS s FROM t)")
      checkNative(
        "SELECT id, row_number() OVER (ORDER BY id) AS n FROM t LIMIT 5", Set("CollectLimit"))
      checkNative(
        "SELECT id, sum(i) OVER (ORDER BY id) AS n FROM t LIMIT 5", Set("CollectLimit"))
      checkNative(
        "SELECT id, sum(id) OVER (ORDER BY id) AS n FROM t ORDER BY id DESC LIMIT 5")
    }
    withSQLConf(SQLConf.ANSI_ENABLED.key -> "false") {
      checkNative(s"$window LIMIT 1", Set("CollectLimit"))
    }
  }

  test("sorted groups whose aggregates may raise are Spark's where rows may be left unread") {
    val groups =
      "SELECT k, max(s) AS m, sum(id + 9223372036854700000L * (k DIV 9)) AS n FROM t GROUP BY k"
    withSQLConf(
      SQLConf.ANSI_ENABLED.key -> "true",
      SQLConf.SHUFFLE_PARTITIONS.key -> "1") {
      assert(outcome(s"$groups LIMIT 10") == RAISES)
      // The last group raises; all of them are read where they are partly aggregated, with its sum.
      assert(outcome(s"$groups LIMIT 1") == RAISES)
      val some = "SELECT k, max(s) AS m, sum(v) AS n FROM " +
        "(SELECT k, s, id + 9223372036854700000L * (k DIV 9) AS v FROM t DISTRIBUTE BY k) GROUP BY k"
      assert(outcome(s"$some LIMIT 1", Set("CollectLimit", "SortAggregate", "Sort")) == "1 rows")
      assert(outcome(s"$some LIMIT 10") == RAISES)
      checkNative("SELECT k, max(s) AS m, sum(i) AS n FROM t GROUP BY k LIMIT 1", Set("CollectLimit"))
      // What they are made of may raise.
      val below = "SELECT k, first(s) AS f, max(d) AS m FROM (SELECT k, s, 10 div (id - 15009) AS d " +
        "FROM (SELECT * FROM t DISTRIBUTE BY k SORT BY k)) GROUP BY k"
      assert(outcome(s"$below LIMIT 1", Set("CollectLimit", "SortAggregate")) == "1 rows")
      assert(outcome(s"$below LIMIT 10") == RAISES)
    }
  }
}
