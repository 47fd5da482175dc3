package org.arclight.spark.plan.expressions

import org.apache.spark.sql.catalyst.expressions.Expression
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateFunction

/** Every expression with a kernel, family by family. What is not named here is Spark's own to evaluate. */
object ExpressionRegistry {

  /** A family of expressions, and its heading in the documentation. */
  final case class Family(title: String, entries: Seq[ExpressionEntry])

  /** The families, in the documentation's order. */
  val families: Seq[Family] = Seq(
    Family("Arithmetic", ArithmeticExpressions.entries),
    Family("Decimals", DecimalExpressions.entries),
    Family("Comparisons", ComparisonExpressions.entries),
    Family("Conditions", ConditionalExpressions.entries),
    Family("Casts", CastExpressions.entries),
    Family("Mathematics", MathematicalExpressions.entries),
    Family("Bits", BitwiseExpressions.entries),
    Family("Strings", StringExpressions.entries),
    Family("Dates and times", DatetimeExpressions.entries),
    Family("Structs, arrays and maps", CollectionExpressions.entries),
    Family("Hashes", HashExpressions.entries))

  /** The aggregate functions with kernels. */
  val aggregates: Seq[AggregateEntry] = AggregateFunctions.entries

  private val byClass: Map[Class[_], ExpressionEntry] =
    families.flatMap(_.entries).map(entry => entry.expressionClass -> entry).toMap

  private val aggregateByClass: Map[Class[_], AggregateEntry] =
    aggregates.map(entry => entry.functionClass -> entry).toMap

  require(byClass.size == families.map(_.entries.size).sum, "a class is in the registry twice")

  /** What is known of an expression's class. */
  def find(expression: Expression): Option[ExpressionEntry] = byClass.get(expression.getClass)

  /** What is known of an aggregate function's class. */
  def find(function: AggregateFunction): Option[AggregateEntry] =
    aggregateByClass.get(function.getClass)

  /** The names of all catalogue functions that plans call, aggregates apart. */
  def scalarFunctions: Set[String] = families.flatMap(_.entries).flatMap(_.functions).toSet

  /** The names of all catalogue functions that plans aggregate with. */
  def aggregateFunctions: Set[String] = aggregates.map(_.function).toSet
}
