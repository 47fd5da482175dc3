package org.arclight.spark.plan.expressions

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.types._

import org.arclight.spark.plan.expressions.ExpressionEntry.{form, function}

/** Comparisons of values that are not nested. */
private[expressions] object ComparisonExpressions {
  private val NOT_NESTED = "not of nested types"

  private def flat(expression: Expression): Option[String] =
    expression.children.head.dataType match {
      case other @ (_: ArrayType | _: MapType | _: StructType | NullType) =>
        Some(s"${Analysis.name(expression)} of ${other.sql} has no native kernel")
      case _ => None
    }

  private def never(expression: Expression): Boolean = false

  /** IN over doubles: Spark's own set of values tells zeros and NaNs apart in its own ways. */
  private def listable(value: Expression, name: String): Option[String] = value.dataType match {
    case FloatType | DoubleType | NullType | _: ArrayType | _: MapType | _: StructType =>
      Some(s"$name of ${value.dataType.sql} has no native kernel")
    case _ => None
  }

  private def in(expression: In): Option[String] = listable(expression.value, "In").orElse {
    if (expression.list.nonEmpty && expression.list.forall(_.isInstanceOf[Literal])) None
    else Some("In has a native kernel only for a list of literals")
  }

  val entries: Seq[ExpressionEntry] = Seq(
    function[EqualTo]("equal", flat, never, note = NOT_NESTED),
    function[LessThan]("less_than", flat, never, note = NOT_NESTED),
    function[LessThanOrEqual]("less_than_or_equal", flat, never, note = NOT_NESTED),
    function[GreaterThan]("greater_than", flat, never, note = NOT_NESTED),
    function[GreaterThanOrEqual]("greater_than_or_equal", flat, never, note = NOT_NESTED),
    function[EqualNullSafe](
      "equal_null_safe", flat, never, evaluation = Evaluation.Every, note = NOT_NESTED),
    form[In](
      "SingularOrList", in, operands = _.children, evaluation = Evaluation.FirstThenLazy,
      note = "a list of literals; not floating point, not nested types") {
      (_, operands, _) => inList(operands.head, operands.tail)
    },
    form[InSet](
      "SingularOrList", e => listable(e.child, "InSet"),
      note = "not floating point, not nested types") {
      (expression, operands, calls) =>
        // A set has no order; a plan must have one, or equal plans would differ.
        val options = expression.hset.toSeq
          .map(value => calls.literal(value, expression.child.dataType))
          .sortBy(_.toString)
        inList(operands.head, options)
    },
    function[Greatest](
      "greatest", flat, never, evaluation = Evaluation.Every, note = NOT_NESTED),
    function[Least]("least", flat, never, evaluation = Evaluation.Every, note = NOT_NESTED))

  private def inList(
      value: io.substrait.proto.Expression,
      options: Seq[io.substrait.proto.Expression]): io.substrait.proto.Expression = {
    val list = io.substrait.proto.Expression.SingularOrList.newBuilder().setValue(value)
    options.foreach(list.addOptions)
    io.substrait.proto.Expression.newBuilder().setSingularOrList(list).build()
  }
}
