package org.arclight.spark.plan.expressions

import org.apache.spark.sql.catalyst.expressions._

import org.arclight.spark.plan.expressions.ArithmeticExpressions.evalMode
import org.arclight.spark.plan.expressions.ComparisonExpressions.{NO_MAPS, ordered}
import org.arclight.spark.plan.expressions.ExpressionEntry.function

/** Rounding, roots, signs, the extremes of a row. */
private[expressions] object MathematicalExpressions {

  /** Spark wants a round's scale to be foldable; the optimizer makes it a literal. */
  private def literalScale(scale: Expression, name: String): Option[String] = scale match {
    case Literal(value, _) if value != null => None
    case _ => Some(s"$name has a native kernel only for a literal scale")
  }

  val entries: Seq[ExpressionEntry] = Seq(
    function[Round](
      "round", e => literalScale(e.scale, "Round"), options = e => evalMode(e.ansiEnabled),
      note = "a literal scale"),
    function[BRound](
      "bround", e => literalScale(e.scale, "BRound"), options = e => evalMode(e.ansiEnabled),
      note = "a literal scale"),
    function[Floor]("floor"),
    function[Ceil]("ceil"),
    function[Sqrt]("sqrt", mayFail = _ => false),
    function[Signum]("signum", mayFail = _ => false),
    function[Greatest](
      "greatest", ordered, _ => false, evaluation = Evaluation.Every, note = NO_MAPS),
    function[Least]("least", ordered, _ => false, evaluation = Evaluation.Every, note = NO_MAPS))
}
