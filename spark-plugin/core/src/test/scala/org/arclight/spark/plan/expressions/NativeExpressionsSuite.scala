package org.arclight.spark.plan.expressions

import java.nio.file.Files

import scala.util.{Failure, Success, Try}

import org.apache.spark.SparkThrowable
import org.apache.spark.sql.Row
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, NativeSuite}
import org.arclight.spark.explain.NativePlans

/** Expressions over edge values: the engine gives Spark's rows, or raises Spark's error. */
class NativeExpressionsSuite extends NativeSuite {
  private val kinds = Map(
    "b" -> ("tinyint", Seq("-128", "-127", "-1", "0", "1", "127", "null")),
    "s" -> ("smallint", Seq("-32768", "-1", "0", "1", "32767", "null")),
    "i" -> ("int", Seq("-2147483648", "-2147483647", "-7", "-1", "0", "1", "3", "2147483647", "null")),
    "l" -> ("bigint", Seq(
      "-9223372036854775808", "-1", "0", "1", "33", "9223372036854775807", "null")),
    "f" -> ("float", Seq("1.1", "16777217", "-0.0", "0.0", "'NaN'", "'Infinity'", "null")),
    "d" -> ("double", Seq(
      "-0.0", "0.0", "'NaN'", "'Infinity'", "'-Infinity'", "1.005", "9007199254740993", "1e7",
      "-2.5", "2.5", "4.9e-324", "null")),
    "n" -> ("decimal(10,2)", Seq("99999999.99", "-99999999.99", "0.01", "2.50", "-2.50", "0", "null")),
    "w" -> ("decimal(38,6)", Seq(
      "99999999999999999999999999999999.999999", "-1.5", "0.000001", "0", "null")),
    "t" -> ("string", Seq("''", "'a'", "'abc'", "'é'", "'😀'", "'ABC'", "null")),
    "y" -> ("date", Seq("'1582-10-04'", "'2020-02-29'", "'9999-12-31'", "'1970-01-01'", "null")),
    "z" -> ("timestamp", Seq("'1969-12-31 23:59:59.5'", "'2020-03-08 02:30:00'", "null")),
    "o" -> ("boolean", Seq("true", "false", "null")))

  // Every operator that can be native is, whatever its transitions cost.
  override def sparkConf: org.apache.spark.SparkConf =
    super.sparkConf.set(ArclightConf.TRANSITION_COST.key, "0")

  private def rows: Int = 60

  override def beforeAll(): Unit = {
    super.beforeAll()
    val columns = kinds.toSeq.sortBy(_._1).zipWithIndex.map { case ((name, (kind, values)), index) =>
      // Every pair of values of two columns meets somewhere.
      val elements = values.map(value => s"cast($value as $kind)").mkString(", ")
      s"array($elements)[cast((id * ${2 * index + 1} + id div ${values.length}) % ${values.length} as int)] $name"
    }
    val path = Files.createTempDirectory("edges").toString
    spark.range(rows).selectExpr(columns :+ "array(id, null) q" :+ "struct(id, 'x' v) r": _*)
      .repartition(2).write.mode("overwrite").parquet(path)
    spark.read.parquet(path).createOrReplaceTempView("edges")
  }

  private def outcome(query: String): Either[String, Seq[String]] =
    Try(spark.sql(query).collect().toSeq) match {
      case Success(found) => Right(found.map((row: Row) => row.toString).sorted)
      case Failure(failure) => Left(condition(failure))
    }

  private def condition(failure: Throwable): String = failure match {
    // Of several rows that fail, any may be the one that is named.
    case known: SparkThrowable if known.getCondition != null => known.getCondition
    case other if other.getCause != null && other.getCause.ne(other) => condition(other.getCause)
    case other => s"${other.getClass.getName}: ${other.getMessage}"
  }

  /** Compares a projection natively and by Spark. */
  private def check(projection: String): Unit = {
    val query = s"select $projection from edges"
    val expected = withSQLConf(ArclightConf.ENABLED.key -> "false")(outcome(query))
    assert(outcome(query) == expected)
    val plan = spark.sql(query).queryExecution.executedPlan
    // A cast to the type that a column has leaves no projection; nested columns are read by Spark.
    assert(NativePlans.natives(plan).nonEmpty, plan)
    assert(!NativePlans.fallbacks(plan).exists(_._1.nodeName.contains("Project")), plan)
  }

  /** All together where nothing fails, and one by one in ANSI mode. */
  private def checkAll(expressions: String*): Unit = {
    val named = expressions.zipWithIndex.map { case (text, index) => s"$text as c$index" }
    val together = withSQLConf(SQLConf.ANSI_ENABLED.key -> "false") {
      Try(named.grouped(20).foreach(group => check(group.mkString(", "))))
    }
    val alone = expressions.map { expression =>
      withSQLConf(SQLConf.ANSI_ENABLED.key -> "true")(Try(withClue(s"$expression: ")(check(expression))))
    }
    val failures = (together +: alone).flatMap(_.failed.toOption).map(_.getMessage.take(1500))
    assert(failures.isEmpty, failures.mkString("\n", "\n\n", "\n"))
  }

  test("arithmetic") {
    checkAll(
      "i + 1", "i - 1", "l * 2", "b + b", "s - s", "i + i", "l + i", "f + 1", "d * d", "d - d",
      "d / 2", "d / d", "i / 2", "1 / i", "l div 2", "l div -1", "l div i", "i % 3", "i % -1",
      "l % -1", "i % 0", "d % 2", "pmod(i, 3)", "pmod(i, -3)", "pmod(l, 7)", "-i", "-l", "-d",
      "abs(b)", "abs(l)", "abs(d)", "+i", "try_add(i, 1)", "try_subtract(l, 1)",
      "try_multiply(l, 2)", "try_divide(i, 0)", "try_mod(i, 0)")
  }

  test("decimals") {
    checkAll(
      "n + n", "n - 1.5", "n * n", "n / n", "n / 3", "n % 2", "n div 2", "w + w", "w * w", "w / w",
      "w * 10", "w - n", "-n", "abs(w)", "pmod(n, 3)", "cast(n as decimal(4,1))",
      "cast(w as decimal(10,2))", "cast(w as decimal(38,10))", "n > 1", "w = n")
  }

  test("comparisons and logic") {
    checkAll(
      "i = 1", "i < l", "d = d", "d < 1", "f >= 1", "d <=> null", "d <=> d", "t < 'b'", "t >= 'é'",
      "y > date'2000-01-01'", "z <= timestamp'2020-01-01'", "o and i > 0", "o or i > 0", "not o",
      "i is null", "t is not null", "isnan(d)", "nanvl(d, 7.5)", "q = array(3L, null)",
      "i in (1, 2, 3)", "i in (1, null)", "t in ('a', 'é')", "d in (1.005D, 0.0D)",
      "l in (1,2,3,4,5,6,7,8,9,10,11,12)", "greatest(i, 2)", "least(l, 0, i)", "greatest(d, 0.0D)",
      "o and 1 / i > 0", "o or 1 / i > 0")
  }

  test("conditions evaluate no branch that is not taken") {
    checkAll(
      "if(i > 0, i, -1)", "if(i = 0, 0, 1 / i)", "case when i > 0 then 'p' when i < 0 then 'n' end",
      "case when i = 0 then 0 when true then 7 / i end", "coalesce(i, l, 0)",
      "coalesce(i, 1 / (l - l))", "nullif(i, 1)", "case i when 1 then 2 when 3 then 4 else 1 / i end")
  }

  test("casts") {
    val numbers = Seq("b", "s", "i", "l", "f", "d", "n", "w", "o")
    val targets = Seq(
      "tinyint", "smallint", "int", "bigint", "float", "double", "boolean", "decimal(10,2)",
      "decimal(3,0)", "decimal(38,18)")
    checkAll((for (number <- numbers; target <- targets) yield s"cast($number as $target)"): _*)
    numbers.foreach(number => check(targets.zipWithIndex
      .map { case (target, index) => s"try_cast($number as $target) c$index" }.mkString(", ")))
  }

  test("mathematics and bits") {
    checkAll(
      "round(d, 2)", "round(d)", "round(n, 1)", "round(i, -1)", "round(l, -3)", "bround(d)",
      "bround(n, 1)", "round(f, 1)", "floor(d)", "ceil(d)", "floor(n)", "ceil(n)", "floor(w)",
      "sqrt(d)", "signum(d)", "i & 7", "l | 1", "s ^ 3", "~b", "i << 33", "l >> 65", "i >>> 1",
      "l >>> 3", "hash(i, l, d, t, n, w, y, z, o)", "xxhash64(i, l, d, t, n, w, y, z, o)",
      "hash(q)", "hash(r)")
  }

  test("what has no kernel gives Spark's values from within the operator") {
    checkAll(
      "upper(t)", "concat(t, 'x')", "year(y)", "date_add(y, 1)", "hour(z)", "cast(t as int)",
      "cast(i as string)", "cast(d as string)", "transform(q, x -> x + 1)", "r.id + 1", "q[0]",
      "element_at(q, 3)", "substring(t, 2, 1)", "t like '%b%'", "log(d)", "struct(i, l)",
      "map(coalesce(i, 1), l)", "upper(t) = 'ABC' and i > 0", "length(t) + 1 / i", "pi() * d",
      "y + interval 1 month", "make_date(2020, i, 1)")
  }
}
