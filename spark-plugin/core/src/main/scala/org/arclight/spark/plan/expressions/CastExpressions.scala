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

  private def isNumber(dataType: DataType): Boolean = dataType.isInstanceOf[NumericType]

  private def hasKernel(from: DataType, to: DataType): Boolean = (from, to) match {
    case (BooleanType, to) if isNumber(to) => true
    case (from, BooleanType) if isNumber(from) => true
    case (from, to) if isNumber(from) && isNumber(to) => true
    case (_: StringType, to) => isWrittenPlainly(to)
    case (from, _: StringType) => isWrittenPlainly(from)
    case (DateType, TimestampType | TimestampNTZType) => true
    case (TimestampType, DateType | TimestampNTZType | LongType) => true
    case (TimestampNTZType, DateType | TimestampType) => true
    case (LongType, TimestampType) => true
    case _ => false
  }

  /** Types whose text does not depend on the JVM. */
  private def isWrittenPlainly(dataType: DataType): Boolean = dataType match {
    case BooleanType | DateType | BinaryType | _: DecimalType => true
    case other => SparkTypes.isInteger(other)
  }

  /** Casts that never fail in any mode: to a wider number, to text. */
  private def mayFail(cast: Cast): Boolean = (cast.child.dataType, cast.dataType) match {
    case (from, to) if SparkTypes.areAlike(from, to) => false
    case (from, FloatType | DoubleType) if SparkTypes.isInteger(from) => false
    case (FloatType, DoubleType) => false
    case (from, to) if SparkTypes.isInteger(from) && SparkTypes.isInteger(to) =>
      from.defaultSize > to.defaultSize
    case (_, _: StringType) | (_: StringType, BinaryType) => false
    case (TimestampType, LongType) | (LongType, TimestampType) => false
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

  private val CASTS = "among numbers and booleans; between strings " +
    "and booleans, whole numbers, decimals, dates, binaries; among dates and timestamps; between " +
    "`bigint` and `timestamp`; of nested types only what may be NULL within and names"

  val entries: Seq[ExpressionEntry] = Seq(
    form[Cast](
      "Cast", notNative, mayFail, note = CASTS)(
      (cast, operands, _) => write(cast, operands.head)))

}
