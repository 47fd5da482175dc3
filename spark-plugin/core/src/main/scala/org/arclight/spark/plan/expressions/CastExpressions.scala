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
    if (SparkTypes.areAlike(from, to) || hasKernel(from, to)) None
    else Some(s"a cast from ${from.sql} to ${to.sql} has no native kernel")
  }

  /** All pairs of types without nested ones that Spark casts. */
  private def hasKernel(from: DataType, to: DataType): Boolean =
    from == NullType || (isPlain(from) && isPlain(to))

  private def isPlain(dataType: DataType): Boolean = dataType match {
    case BooleanType | DateType | TimestampType | TimestampNTZType | BinaryType => true
    case _: NumericType | _: StringType => true
    case _ => false
  }

  /** Casts that never fail in any mode, and are never left to Spark: to a wider number, to text. */
  private def mayFail(cast: Cast): Boolean = (cast.child.dataType, cast.dataType) match {
    case (from, to) if SparkTypes.areAlike(from, to) => false
    case (NullType, _) => false
    case (from, FloatType | DoubleType) if SparkTypes.isInteger(from) => false
    case (FloatType, DoubleType) => false
    case (from, to) if SparkTypes.isInteger(from) && SparkTypes.isInteger(to) =>
      from.defaultSize > to.defaultSize
    case (FloatType | DoubleType | TimestampType, _: StringType) => true
    case (_, _: StringType) | (_, BinaryType) => false
    case (TimestampType, LongType | FloatType | DoubleType) => false
    case (from, TimestampType) if SparkTypes.isInteger(from) => false
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

  private val CASTS = "between plain types; of nested types only what may be NULL within and names"

  val entries: Seq[ExpressionEntry] = Seq(
    form[Cast](
      "Cast", notNative, mayFail, note = CASTS)(
      (cast, operands, _) => write(cast, operands.head)))

}
