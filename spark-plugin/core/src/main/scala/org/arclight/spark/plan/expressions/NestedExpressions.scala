package org.arclight.spark.plan.expressions

/** Nested functions. */
private[expressions] object NestedExpressions {
  val entries: Seq[ExpressionEntry] = Nil
}
