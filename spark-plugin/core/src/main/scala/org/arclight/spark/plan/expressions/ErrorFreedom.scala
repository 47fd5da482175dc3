package org.arclight.spark.plan.expressions

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.expressions.aggregate._
import org.apache.spark.sql.execution.aggregate.BaseAggregateExec
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types._

/**
 * Says of expressions whether they raise for no row: only then a row may be left out before Spark
 * would have evaluated them.
 */
object ErrorFreedom {

  /** Whether an expression over values of their types gives a value. */
  def of(expression: Expression, conf: SQLConf = SQLConf.get): Boolean = {
    def free(part: Analysis): Boolean =
      (part.entry.forall(!_.mayFail(part.expression)) || fits(part.expression)) &&
        part.operands.forall(free)
    val analysis = Analysis(expression, conf)
    analysis.isNative && free(analysis)
  }

  /** Whether an aggregation gives a row for every group. */
  def ofAggregation(node: BaseAggregateExec, conf: SQLConf = SQLConf.get): Boolean =
    node.groupingExpressions.forall(of(_, conf)) &&
      node.aggregateExpressions.forall(ofAggregate(_, conf)) &&
      (AggregateShape.givesBuffers(node.aggregateExpressions) ||
        node.resultExpressions.forall(of(_, conf)))

  /** Whether the functions of a window (of WindowExec) give a value for every row. */
  def ofWindow(windowExpressions: Seq[NamedExpression], conf: SQLConf = SQLConf.get): Boolean =
    WindowFunctions.inOrder(windowExpressions).map(_.windowFunction).forall {
      case aggregate: AggregateExpression => ofAggregate(aggregate, conf)
      case function => function.children.forall(of(_, conf))
    }

  /** Whether an aggregate, its arguments included, gives a value for every group. */
  private def ofAggregate(aggregate: AggregateExpression, conf: SQLConf): Boolean = {
    val function = aggregate.aggregateFunction match {
      case sum: Sum if isWideEnough(sum.child) => true
      case average: Average if isWideEnough(average.child) => true
      case _: CentralMomentAgg => true
      case other => ExpressionRegistry.find(other)
        .exists(entry => !entry.updateMayFail(other) && !entry.evaluateMayFail(other))
    }
    function && (aggregate.aggregateFunction.children ++ aggregate.filter).forall(of(_, conf))
  }

  /** Whether a sum has room for more rows than there can be: it has 10 digits more than its input. */
  private def isWideEnough(input: Expression): Boolean = input match {
    case UnscaledValue(number) => digits(number) + SUM_DIGITS <= Decimal.MAX_LONG_DIGITS
    case other => isWideEnough(other.dataType)
  }

  private def digits(number: Expression): Int = number.dataType match {
    case decimal: DecimalType => decimal.precision
    case _ => DecimalType.MAX_PRECISION
  }

  private def isWideEnough(dataType: DataType): Boolean = dataType match {
    case decimal: DecimalType => decimal.precision + SUM_DIGITS <= DecimalType.MAX_PRECISION
    case FloatType | DoubleType | ByteType | ShortType | IntegerType => true
    case _ => false
  }

  private val SUM_DIGITS = 10

  /** Whether the result of a decimal operation has all the digits that it may need. */
  private def fits(expression: Expression): Boolean = expression match {
    case operation @ (_: Add | _: Subtract | _: Multiply) =>
      (operation.children.head.dataType, operation.children(1).dataType) match {
        case (left: DecimalType, right: DecimalType) =>
          val digits = operation match {
            case _: Multiply => left.precision + right.precision + 1
            case _ =>
              math.max(left.scale, right.scale) + 1 +
                math.max(left.precision - left.scale, right.precision - right.scale)
          }
          digits <= DecimalType.MAX_PRECISION
        case _ => false
      }
    case _ => false
  }
}
