package org.arclight.spark.plan.expressions

import org.apache.spark.sql.catalyst.expressions._

import org.arclight.spark.plan.expressions.ExpressionEntry.{function, never}

/** Operations on the bits of integers. */
private[expressions] object BitwiseExpressions {
  val entries: Seq[ExpressionEntry] = Seq(
    function[BitwiseAnd]("bitwise_and", mayFail = never),
    function[BitwiseOr]("bitwise_or", mayFail = never),
    function[BitwiseXor]("bitwise_xor", mayFail = never),
    function[BitwiseNot]("bitwise_not", mayFail = never),
    function[BitwiseCount]("bit_count", mayFail = never),
    function[BitwiseGet]("bit_get"),
    function[ShiftLeft]("shiftleft", mayFail = never),
    function[ShiftRight]("shiftright", mayFail = never),
    function[ShiftRightUnsigned]("shiftrightunsigned", mayFail = never))
}
