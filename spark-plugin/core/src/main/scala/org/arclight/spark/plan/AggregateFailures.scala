package org.arclight.spark.plan

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.aggregate.{Average, DeclarativeAggregate, Sum}
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenFallback
import org.apache.spark.sql.types.{DataType, Decimal, DecimalType, StringType}

/** Spark's own expressions of an aggregate function, over one row: what raises where it fails. */
private[plan] object AggregateFailures {

  /** The buffer after taking in a row; inputs are the buffer and the arguments. */
  def update(function: DeclarativeAggregate): JvmExpression = {
    val buffers = function.aggBufferAttributes
    val arguments = function.children.zipWithIndex.map { case (argument, index) =>
      BoundReference(buffers.length + index, argument.dataType, argument.nullable)
    }
    // A copy over bound arguments has buffer attributes of its own.
    val bound = function.withNewChildren(arguments).asInstanceOf[DeclarativeAggregate]
    over(
      CreateStruct(bound.updateExpressions),
      bound.aggBufferAttributes,
      arguments.map(_.dataType),
      arguments.map(_.nullable))
  }

  /** The buffer after merging another one; inputs are the two. */
  def merge(function: DeclarativeAggregate): JvmExpression =
    over(
      CreateStruct(function.mergeExpressions),
      function.aggBufferAttributes ++ function.inputAggBufferAttributes, Nil, Nil)

  /** The result; inputs are the buffer, in which a sum of decimals is text. */
  def evaluate(function: DeclarativeAggregate): JvmExpression = {
    val (expression, inputs) = (function, function.aggBufferAttributes) match {
      case (_: Sum | _: Average, sum +: others) if sum.dataType.isInstanceOf[DecimalType] =>
        val text = AttributeReference("text", StringType)()
        val unbounded = UnboundedDecimal(text, sum.dataType)
        (function.evaluateExpression.transform {
          case attribute: AttributeReference if attribute.exprId == sum.exprId => unbounded
        }, text +: others)
      case (_, buffer) => (function.evaluateExpression, buffer)
    }
    over(expression, inputs, Nil, Nil)
  }

  private def over(
      expression: Expression,
      attributes: Seq[AttributeReference],
      moreTypes: Seq[DataType],
      moreNullable: Seq[Boolean]): JvmExpression = {
    val positions = attributes.map(_.exprId).zipWithIndex.toMap
    // A decimal's buffer is NULL after an overflow whatever its attribute says.
    val bound = expression.transform {
      case attribute: AttributeReference =>
        BoundReference(positions(attribute.exprId), attribute.dataType, nullable = true)
    }
    JvmExpression(
      bound,
      attributes.map(_.dataType) ++ moreTypes,
      attributes.map(_ => true) ++ moreNullable,
      bound.dataType)
  }
}

/**
 * The decimal that a text is, with all its digits, be they more than its type has: what a sum
 * without groups is while Spark's own code adds it up.
 */
private[plan] final case class UnboundedDecimal(child: Expression, dataType: DataType)
  extends UnaryExpression with CodegenFallback {

  override def nullable: Boolean = true

  override def eval(row: InternalRow): Any = child.eval(row) match {
    case null => null
    case text => new Decimal().set(BigDecimal(text.toString))
  }

  override protected def withNewChildInternal(newChild: Expression): UnboundedDecimal =
    copy(child = newChild)
}
