package org.arclight.spark.plan.expressions

/** The page `docs/supported-expressions.md`, from the registry. */
object SupportedExpressions {
  private val introduction =
    """# Supported expressions
      |
      |This page is generated; `ci/generate-docs` writes it anew.
      |
      |Expressions are named by Spark's classes. Each has a switch,
      |`spark.arclight.expression.<Name>.enabled`. The last column says which uses have a kernel,
      |where not all have.
      |
      |Any other deterministic expression over supported types, Scala functions included, is
      |evaluated by Spark's own code from within the native operator, a batch at a time. Not so
      |expressions that are not deterministic, Python functions and subqueries other than executed
      |scalar ones: an operator with one of these runs in the JVM.
      |
      |Types: `boolean`, `tinyint`, `smallint`, `int`, `bigint`, `float`, `double`, `decimal`,
      |`string` (not collated, not `char` or `varchar`), `binary`, `date`, `timestamp`,
      |`timestamp_ntz`, `void`, and arrays, maps and structs of these.
      |""".stripMargin

  /** The page. */
  def page: String = {
    val families = ExpressionRegistry.families.filter(_.entries.nonEmpty).flatMap { family =>
      val rows = family.entries.sortBy(_.name).map { entry =>
        val calls = entry.functions.map(name => s"`$name`") ++ entry.form.map(form => s"($form)")
        row(s"`${entry.name}`", calls.mkString(", "), entry.note)
      }
      Seq("", s"## ${family.title}", "", row("expression", "in the plan", "with a kernel"), rule) ++ rows
    }
    val aggregates = ExpressionRegistry.aggregates.sortBy(_.name).map { entry =>
      row(s"`${entry.name}`", s"`${entry.function}`", entry.note)
    }
    val functions = Seq(
      "", "## Aggregate functions", "", "A function is native in all its phases or in none.", "",
      row("function", "in the plan", "native"), rule) ++ aggregates
    val frames = WindowFunctions.entries.sortBy(_.name).map { entry =>
      row(s"`${entry.name}`", s"`${entry.function}`", entry.note)
    }
    val windows = Seq(
      "", "## Window functions", "",
      "These, and the aggregate functions but `CollectList` and `CollectSet`, over frames of rows, and",
      "over frames by RANGE without offsets.", "",
      row("function", "in the plan", "native"), rule) ++ frames
    introduction + (families ++ functions ++ windows).mkString("", "\n", "\n")
  }

  private def row(cells: String*): String = cells.mkString("| ", " | ", " |")

  private val rule = "|---|---|---|"
}
