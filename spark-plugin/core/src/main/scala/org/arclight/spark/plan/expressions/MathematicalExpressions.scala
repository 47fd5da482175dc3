package org.arclight.spark.plan.expressions

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.types.DoubleType

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

  private def numbersOnly(bucket: WidthBucket): Option[String] = bucket.value.dataType match {
    case DoubleType => None
    case other => Some(s"WidthBucket of ${other.sql} has no native kernel")
  }

  val entries: Seq[ExpressionEntry] = Seq(
    function[Round](
      "round", e => literalScale(e.scale, "Round"), options = e => evalMode(e.ansiEnabled),
      note = "a literal scale"),
    function[BRound](
      "bround", e => literalScale(e.scale, "BRound"), options = e => evalMode(e.ansiEnabled),
      note = "a literal scale"),
    function[RoundCeil](
      "round_ceil", e => literalScale(e.scale, "RoundCeil"), note = "a literal scale"),
    function[RoundFloor](
      "round_floor", e => literalScale(e.scale, "RoundFloor"), note = "a literal scale"),
    function[Rint]("rint", mayFail = _ => false),
    function[ToDegrees]("degrees", mayFail = _ => false),
    function[ToRadians]("radians", mayFail = _ => false),
    function[Factorial]("factorial", mayFail = _ => false),
    function[WidthBucket](
      "width_bucket", numbersOnly, mayFail = _ => false, note = "not of intervals"),
    function[Floor]("floor"),
    function[Ceil]("ceil"),
    function[Sqrt]("sqrt", mayFail = _ => false),
    function[Signum]("signum", mayFail = _ => false),
    function[Greatest](
      "greatest", ordered, _ => false, evaluation = Evaluation.Every, note = NO_MAPS),
    function[Least]("least", ordered, _ => false, evaluation = Evaluation.Every, note = NO_MAPS))
}
