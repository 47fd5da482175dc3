package org.arclight.spark.plan.expressions

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.types._

import org.arclight.spark.plan.SparkTypes
import org.arclight.spark.plan.expressions.ExpressionEntry.{form, function, never, noKernel}

/** Comparisons. */
private[expressions] object ComparisonExpressions {
  /** For the documentation: values without an order are left out. */
  val NO_MAPS = "not of maps"

  /** Why values of the operands' type can't be compared natively. */
  def ordered(expression: Expression): Option[String] =
    comparable(expression, expression.children.head.dataType)

  /** Why an expression can't compare values of a type; NULL alone has no type to compare. */
  def comparable(expression: Expression, dataType: DataType): Option[String] =
    if (dataType == NullType || SparkTypes.hasMap(dataType)) Some(noKernel(expression, dataType))
    else None

  /** Spark's own set of values tells zeros and NaNs apart in its own ways. */
  private def inSet(expression: InSet): Option[String] = expression.child.dataType match {
    case other @ (FloatType | DoubleType | NullType | _: ArrayType | _: MapType | _: StructType) =>
      Some(s"InSet of ${other.sql} has no native kernel")
    case _ => None
  }

  private def in(expression: In): Option[String] = ordered(expression).orElse {
    if (expression.list.isEmpty) Some("In has no native kernel for an empty list") else None
  }

  val entries: Seq[ExpressionEntry] = Seq(
    function[EqualTo]("equal", ordered, never, note = NO_MAPS),
    function[LessThan]("less_than", ordered, never, note = NO_MAPS),
    function[LessThanOrEqual]("less_than_or_equal", ordered, never, note = NO_MAPS),
    function[GreaterThan]("greater_than", ordered, never, note = NO_MAPS),
    function[GreaterThanOrEqual]("greater_than_or_equal", ordered, never, note = NO_MAPS),
    function[EqualNullSafe](
      "equal_null_safe", ordered, never, evaluation = Evaluation.Every, note = NO_MAPS),
    form[In](
      "SingularOrList", in, operands = _.children, evaluation = Evaluation.FirstThenLazy,
      note = NO_MAPS) {
      (_, operands, _) => inList(operands.head, operands.tail)
    },
    form[InSet](
      "SingularOrList", inSet,
      note = "not floating point, not nested types") {
      (expression, operands, calls) =>
        // A set has no order; a plan must have one, or equal plans would differ.
        val options = expression.hset.toSeq
          .map(value => calls.literal(value, expression.child.dataType))
          .sortBy(_.toString)
        inList(operands.head, options)
    })

  private def inList(
      value: io.substrait.proto.Expression,
      options: Seq[io.substrait.proto.Expression]): io.substrait.proto.Expression = {
    val list = io.substrait.proto.Expression.SingularOrList.newBuilder().setValue(value)
    options.foreach(list.addOptions)
    io.substrait.proto.Expression.newBuilder().setSingularOrList(list).build()
  }
}
