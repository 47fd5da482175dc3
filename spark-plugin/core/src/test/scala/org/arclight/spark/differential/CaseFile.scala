package org.arclight.spark.differential

import java.nio.file.{Files, Path}

import scala.jdk.CollectionConverters._

/**
 * One case of a file: SQL text and what of it may not be native.
 *
 * @param table of a file of expressions: what they are evaluated over
 * @param throughJvm whether an expression may be evaluated by Spark's own code
 * @param fallbacks names of operators that may run on the JVM
 * @param conf settings of the case
 */
final case class Case(
    sql: String,
    table: String,
    throughJvm: Boolean,
    fallbacks: Set[String],
    conf: Map[String, String])

/**
 * Files of cases. A file of expressions has one a line, evaluated over the table that the last
 * `-- table: NAME` names; `@` before an expression says that it goes through the JVM. A file of
 * queries has them separated by lines that end in `;`. Directives before a query hold for it alone:
 * `-- jvm` (an expression may go through the JVM), `-- fallback: NODE, NODE` (operators that may
 * stay there), `-- set KEY=VALUE`. `-- all set KEY=VALUE` holds for all queries behind it.
 */
object CaseFile {

  def files(directory: Path): Seq[Path] = {
    val listing = Files.list(directory)
    try listing.iterator().asScala.filter(_.toString.endsWith(".sql")).toSeq.sorted
    finally listing.close()
  }

  def expressions(file: Path): Seq[Case] = {
    var table = ""
    lines(file).flatMap {
      case directive if directive.startsWith("-- table:") =>
        table = directive.stripPrefix("-- table:").trim
        None
      case comment if comment.startsWith("--") || comment.isEmpty => None
      case line =>
        require(table.nonEmpty, s"$file: an expression before any table")
        Some(Case(line.stripPrefix("@").trim, table, line.startsWith("@"), Set.empty, Map.empty))
    }
  }

  def queries(file: Path): Seq[Case] = {
    var blank = Case("", "", throughJvm = false, Set.empty, Map.empty)
    val (cases, rest) = lines(file).foldLeft((Vector.empty[Case], blank)) {
      case ((done, open), line) =>
        line match {
          case "-- jvm" => (done, open.copy(throughJvm = true))
          case directive if directive.startsWith("-- fallback:") =>
            val names = directive.stripPrefix("-- fallback:").split(',').map(_.trim)
            (done, open.copy(fallbacks = open.fallbacks ++ names))
          case directive if directive.startsWith("-- all set ") =>
            blank = blank.copy(conf = blank.conf + setting(directive.stripPrefix("-- all set ")))
            (done, blank)
          case directive if directive.startsWith("-- set ") =>
            (done, open.copy(conf = open.conf + setting(directive.stripPrefix("-- set "))))
          case comment if comment.startsWith("--") => (done, open)
          case last if last.endsWith(";") =>
            (done :+ open.copy(sql = (open.sql + "\n" + last.stripSuffix(";")).trim), blank)
          case more => (done, open.copy(sql = open.sql + "\n" + more))
        }
    }
    require(rest.sql.isBlank, s"$file: the last query has no semicolon")
    cases
  }

  private def setting(text: String): (String, String) = {
    val Array(key, value) = text.split("=", 2): @unchecked
    key.trim -> value.trim
  }

  private def lines(file: Path): Seq[String] = Files.readAllLines(file).asScala.toSeq.map(_.trim)
}
