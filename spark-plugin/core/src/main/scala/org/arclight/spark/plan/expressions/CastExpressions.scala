package org.arclight.spark.plan.expressions

import io.substrait.proto.{Expression => SubstraitExpression}
import io.substrait.proto.Expression.Cast.FailureBehavior
import org.apache.spark.sql.catalyst.expressions.{Cast, EvalMode}
import org.apache.spark.sql.types._

import org.arclight.spark.plan.SparkTypes
import org.arclight.spark.plan.expressions.ExpressionEntry.form

/** Casts. Which pairs of types have kernels is the engine's crate `expressions`' module `cast`. */
private[expressions] object CastExpressions {

  private def notNative(cast: Cast): Option[String] = {
    val (from, to) = (cast.child.dataType, cast.dataType)
    if (from == to || hasKernel(from, to)) None
    else Some(s"a cast from ${from.sql} to ${to.sql} has no native kernel")
  }

  private def isNumber(dataType: DataType): Boolean = dataType.isInstanceOf[NumericType]

  private def hasKernel(from: DataType, to: DataType): Boolean = (from, to) match {
    case (BooleanType, number) => isNumber(number)
    case (number, BooleanType) => isNumber(number)
    case (one, other) => isNumber(one) && isNumber(other)
  }

  /** Casts that never fail in any mode: to a wider number. */
  private def mayFail(cast: Cast): Boolean = (cast.child.dataType, cast.dataType) match {
    case (from, to) if from == to => false
    case (from, FloatType | DoubleType) if SparkTypes.isInteger(from) => false
    case (FloatType, DoubleType) => false
    case (from, to) if SparkTypes.isInteger(from) && SparkTypes.isInteger(to) =>
      from.defaultSize > to.defaultSize
    case _ => true
  }

  private def write(cast: Cast, operand: SubstraitExpression): SubstraitExpression = {
    val failure = cast.evalMode match {
      case EvalMode.ANSI => FailureBehavior.FAILURE_BEHAVIOR_THROW_EXCEPTION
      case EvalMode.TRY => FailureBehavior.FAILURE_BEHAVIOR_RETURN_NULL
      case _ => FailureBehavior.FAILURE_BEHAVIOR_UNSPECIFIED
    }
    SubstraitExpression.newBuilder()
      .setCast(SubstraitExpression.Cast.newBuilder()
        .setType(SparkTypes.toSubstrait(cast.dataType, cast.nullable))
        .setInput(operand)
        .setFailureBehavior(failure))
      .build()
  }

  val entries: Seq[ExpressionEntry] = Seq(
    form[Cast](
      "Cast", notNative, mayFail, note = "among numbers and booleans")(
      (cast, operands, _) => write(cast, operands.head)))

}
