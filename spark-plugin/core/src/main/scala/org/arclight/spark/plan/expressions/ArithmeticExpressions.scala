package org.arclight.spark.plan.expressions

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.types._

import org.arclight.spark.plan.SparkTypes
import org.arclight.spark.plan.expressions.ExpressionEntry.{form, function, noKernel}

/** Arithmetic on numbers; intervals are Spark's. */
private[expressions] object ArithmeticExpressions {

  /** The option of a call that says how it fails. */
  def evalMode(mode: EvalMode.Value): Seq[(String, String)] = Seq("eval_mode" -> mode.toString)

  /** As [[evalMode]], from a flag. */
  def evalMode(failOnError: Boolean): Seq[(String, String)] =
    evalMode(EvalMode.fromBoolean(failOnError))

  private val NUMBERS = "numbers only"

  private def numbers(expression: Expression): Option[String] =
    expression.dataType match {
      case _: NumericType => None
      case other => Some(noKernel(expression, other))
    }

  /** Spark has no try_ form of these. */
  private def noTry(expression: BinaryArithmetic): Option[String] =
    if (expression.evalMode == EvalMode.TRY) {
      Some(s"${Analysis.name(expression)} that gives NULL where it fails has no native kernel")
    } else {
      None
    }

  /** Sums and products of doubles never fail; other numbers do in ANSI mode. */
  private def overflows(expression: BinaryArithmetic): Boolean = expression.dataType match {
    case FloatType | DoubleType => false
    case _: DecimalType => true
    case _ => expression.evalMode == EvalMode.ANSI
  }

  val entries: Seq[ExpressionEntry] = Seq(
    function[Add]("add", numbers, overflows, note = NUMBERS, options = e => evalMode(e.evalMode)),
    function[Subtract](
      "subtract", numbers, overflows, note = NUMBERS, options = e => evalMode(e.evalMode)),
    function[Multiply](
      "multiply", numbers, overflows, note = NUMBERS, options = e => evalMode(e.evalMode)),
    function[Divide](
      "divide", numbers, evaluation = Evaluation.FromLastUntilNull, note = NUMBERS,
      options = e => evalMode(e.evalMode)),
    function[IntegralDivide](
      "integral_divide", e => numbers(e.left).orElse(noTry(e)), evaluation = Evaluation.FromLastUntilNull,
      note = NUMBERS, options = e => evalMode(e.evalMode)),
    function[Remainder](
      "remainder", numbers, evaluation = Evaluation.FromLastUntilNull, note = NUMBERS,
      options = e => evalMode(e.evalMode)),
    function[Pmod](
      "pmod", e => numbers(e).orElse(noTry(e)), evaluation = Evaluation.FromLastUntilNull, note = NUMBERS,
      options = e => evalMode(e.evalMode)),
    function[UnaryMinus](
      "negate", numbers, e => e.failOnError && SparkTypes.isInteger(e.dataType),
      note = NUMBERS, options = e => evalMode(e.failOnError)),
    function[Abs](
      "abs", numbers, e => e.failOnError && SparkTypes.isInteger(e.dataType),
      note = NUMBERS, options = e => evalMode(e.failOnError)),
    form[UnaryPositive]("its operand", numbers, note = NUMBERS)((_, operands, _) => operands.head))
}
