package org.arclight.spark.differential

import java.nio.file.{Files, Path, Paths}

import scala.collection.mutable

import org.apache.spark.SparkConf
import org.apache.spark.sql.catalyst.expressions.{Alias, Expression}
import org.apache.spark.sql.catalyst.optimizer.{ConstantFolding, ConvertToLocalRelation, NullPropagation}
import org.apache.spark.sql.catalyst.plans.logical.Project
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, NativeSuite}
import org.arclight.spark.explain.{NativePlans, OperatorMark}
import org.arclight.spark.plan.expressions.{ExpressionSupport, Native}

/**
 * The same query with native execution on and off, on one JVM: rows, schema and errors must be
 * equal, and what the case says must have run natively. Queries run under each hostile setting,
 * expressions only with `ci/test --all`.
 */
class DifferentialSuite extends NativeSuite {

  private val resources: Path =
    Paths.get(getClass.getClassLoader.getResource("differential").toURI)
  private val everything = sys.env.contains("ARCLIGHT_TEST_ALL")

  /** Settings that must change no result. */
  private val HOSTILE: Seq[(String, Map[String, String])] = Seq(
    "without AQE" -> Map(SQLConf.ADAPTIVE_EXECUTION_ENABLED.key -> "false"),
    "batches of 3 rows" -> Map(ArclightConf.BATCH_SIZE.key -> "3"),
    "every reservation refused once" -> Map(ArclightConf.TEST_REFUSE_RESERVATIONS.key -> "true"),
    "equal hashes" -> Map(ArclightConf.TEST_EQUAL_HASHES.key -> "true"),
    "kernels declined" -> Map(ArclightConf.TEST_DECLINE_KERNELS.key -> "true"))

  override def sparkConf: SparkConf = super.sparkConf
    // Otherwise constants and NULLs are computed by the optimizer, and nothing is compared.
    .set(SQLConf.OPTIMIZER_EXCLUDED_RULES.key,
      Seq(ConstantFolding, ConvertToLocalRelation, NullPropagation).map(_.ruleName).mkString(","))
    .set(SQLConf.SESSION_LOCAL_TIMEZONE.key, "America/Los_Angeles")

  private lazy val tables: Unit = {
    val directory = Files.createTempDirectory(
      Files.createDirectories(Paths.get(System.getProperty("java.io.tmpdir"))), "edge-tables")
    withSQLConf(ArclightConf.ENABLED.key -> "false") {
      EdgeTables.create(spark, directory.toString)
    }
  }

  private val sparkOutcomes = mutable.Map.empty[(String, Map[String, String]), Outcome]

  /** Spark's own, computed once a file for all the settings that only the plugin knows. */
  private def sparkOutcome(sql: String, conf: Map[String, String]): Outcome =
    sparkOutcomes.getOrElseUpdate(
      (sql, conf),
      withSQLConf((conf + (ArclightConf.ENABLED.key -> "false")).toSeq: _*) {
        Outcome.of(spark.sql(sql))
      })

  private def outcomes(sql: String, conf: Map[String, String]): (Outcome, Outcome) = {
    tables
    val spark = sparkOutcome(sql, conf.filterNot(_._1.startsWith("spark.arclight.")))
    val native = withSQLConf((conf + (ArclightConf.ENABLED.key -> "true")).toSeq: _*) {
      Outcome.of(this.spark.sql(sql))
    }
    (spark, native)
  }

  private def query(expressions: Seq[Case]): String =
    expressions.zipWithIndex
      .map { case (one, index) => s"${one.sql} AS c$index" }
      .mkString("SELECT id, ", ", ", s" FROM ${expressions.head.table}")

  /** Compares expressions in one query; where Spark raises, halves until each stands alone. */
  private def compare(expressions: Seq[Case], conf: Map[String, String]): Seq[String] = {
    val (spark, native) = outcomes(query(expressions), conf)
    spark match {
      case _: Outcome.Error if expressions.length > 1 =>
        val (left, right) = expressions.splitAt(expressions.length / 2)
        compare(left, conf) ++ compare(right, conf)
      case _ =>
        Outcome.difference(spark, native) match {
          case Some(_) if expressions.length > 1 =>
            val (left, right) = expressions.splitAt(expressions.length / 2)
            val found = compare(left, conf) ++ compare(right, conf)
            if (found.isEmpty) Seq(s"${expressions.map(_.sql).mkString(", ")}: differ only together")
            else found
          case Some(difference) => Seq(s"${expressions.head.sql}: $difference")
          case None => notNative(native, Set.empty).map(what => s"${expressions.head.table}: $what")
        }
    }
  }

  private def notNative(outcome: Outcome, allowed: Set[String]): Seq[String] = outcome match {
    case rows: Outcome.Rows =>
      val unexpected = NativePlans.fallbacks(rows.plan).collect {
        case (node, reason) if !allowed.contains(node.nodeName.split(' ').head) =>
          s"${node.nodeName} ran on the JVM: $reason"
      }
      if (allowed.isEmpty && NativePlans.natives(rows.plan).isEmpty) unexpected :+ "nothing ran natively"
      else unexpected
    case _: Outcome.Error => Nil
  }

  /** How an expression is evaluated, which must be what its file says. */
  private def wrongLevel(one: Case): Option[String] = {
    tables
    val analyzed = spark.sql(query(Seq(one))).queryExecution.optimizedPlan
    val levels = analyzed.collect { case project: Project =>
      project.projectList.collect { case alias: Alias if alias.name == "c0" =>
        ExpressionSupport.check(alias.child: Expression, project.child.output)
      }
    }.flatten
    levels.headOption match {
      case Some(Native) if one.throughJvm => Some(s"${one.sql}: native, but marked as through the JVM")
      case Some(Native) => None
      case Some(level) if !one.throughJvm => Some(s"${one.sql}: not native: $level")
      case _ => None
    }
  }

  private def settings(name: String): Seq[(String, Map[String, String])] = {
    val plain = Seq("" -> Map.empty[String, String])
    if (name == "queries" || everything) plain ++ HOSTILE else plain
  }

  for {
    file <- CaseFile.files(resources.resolve("expressions"))
    ansi <- Seq(true, false)
    (name, hostile) <- settings("expressions")
  } test(s"expressions of ${file.getFileName}, ANSI ${if (ansi) "on" else "off"} $name".trim) {
    val conf = hostile + (SQLConf.ANSI_ENABLED.key -> ansi.toString)
    if (hostile.isEmpty) sparkOutcomes.clear()
    val cases = CaseFile.expressions(file)
    assert(cases.nonEmpty)
    val levels =
      if (hostile.nonEmpty) Nil
      else withSQLConf(SQLConf.ANSI_ENABLED.key -> ansi.toString)(cases.flatMap(wrongLevel(_)))
    val differences = cases.groupBy(_.table).toSeq.flatMap { case (_, list) => compare(list, conf) }
    val found = levels ++ differences
    assert(found.isEmpty, found.mkString(s"\n${found.length} differences:\n", "\n", "\n"))
  }

  for {
    file <- CaseFile.files(resources.resolve("queries"))
    (name, hostile) <- settings("queries")
  } test(s"queries of ${file.getFileName} $name".trim) {
    if (hostile.isEmpty) sparkOutcomes.clear()
    val cases = CaseFile.queries(file)
    assert(cases.nonEmpty)
    val found = cases.flatMap { one =>
      val (spark, native) = outcomes(one.sql, hostile ++ one.conf)
      val throughJvm = native match {
        case rows: Outcome.Rows if !one.throughJvm && hostile.isEmpty =>
          NativePlans.operators(rows.plan).collect {
            case NativePlans.MarkedOperator(node, OperatorMark.ThroughJvmMark(reason), _) =>
              s"${node.nodeName} went through the JVM: $reason"
          }
        case _ => Nil
      }
      (Outcome.difference(spark, native).toSeq ++ notNative(native, one.fallbacks) ++ throughJvm)
        .map(what => s"${one.sql.replaceAll("\\s+", " ")}: $what")
    }
    assert(found.isEmpty, found.mkString(s"\n${found.length} differences:\n", "\n", "\n"))
  }
}
