package org.arclight.spark.plan.expressions

/** String functions. */
private[expressions] object StringExpressions {
  val entries: Seq[ExpressionEntry] = Nil
}
