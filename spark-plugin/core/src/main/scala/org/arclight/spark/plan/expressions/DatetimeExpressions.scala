package org.arclight.spark.plan.expressions

/** Datetime functions. */
private[expressions] object DatetimeExpressions {
  val entries: Seq[ExpressionEntry] = Nil
}
