package org.arclight.spark.plan.expressions

import org.apache.spark.sql.catalyst.expressions._

import org.arclight.spark.plan.expressions.ArithmeticExpressions.evalMode
import org.arclight.spark.plan.expressions.ExpressionEntry.function

/** What Spark puts around decimals. */
private[expressions] object DecimalExpressions {
  val entries: Seq[ExpressionEntry] = Seq(
    function[CheckOverflow](
      "check_overflow", mayFail = e => !e.nullOnOverflow,
      options = e => evalMode(!e.nullOnOverflow)),
    function[UnscaledValue]("unscaled_value", mayFail = _ => false),
    function[MakeDecimal](
      "make_decimal", mayFail = e => !e.nullOnOverflow,
      options = e => evalMode(!e.nullOnOverflow)))
}
