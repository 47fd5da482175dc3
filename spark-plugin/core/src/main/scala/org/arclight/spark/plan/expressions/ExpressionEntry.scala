package org.arclight.spark.plan.expressions

import scala.reflect.ClassTag

import io.substrait.proto.{Expression => SubstraitExpression}
import org.apache.spark.sql.catalyst.expressions.Expression
import org.apache.spark.sql.types.DataType

/** Which operands of an expression Spark evaluates for every row. */
sealed trait Evaluation

object Evaluation {

  /** All of them. */
  case object Every extends Evaluation

  /** The first; another one where those before it are not NULL. */
  case object UntilNull extends Evaluation

  /** The last; another one where those behind it are not NULL. */
  case object FromLastUntilNull extends Evaluation

  /** The first; the others where its value asks for them. */
  case object FirstThenLazy extends Evaluation
}

/**
 * How expressions of one of Spark's classes become native.
 *
 * @param expressionClass Spark's class; subclasses are others
 * @param functions the catalogue's functions it may call; none if the plan has a form of its own
 * @param form what the plan has instead of a function, for the documentation
 * @param notNative why this use of the class has no kernel; None where it has
 * @param mayFail whether this use may raise, or may be left to Spark: it is then guarded
 * @param operands what is evaluated first, in the order of the call's arguments
 * @param evaluation which operands Spark evaluates for every row
 * @param note for the documentation: which uses have no kernel
 * @param write makes the plan's expression of the operands'
 */
final class ExpressionEntry private[expressions] (
    val expressionClass: Class[_ <: Expression],
    val functions: Seq[String],
    val form: Option[String],
    val notNative: Expression => Option[String],
    val mayFail: Expression => Boolean,
    val operands: Expression => Seq[Expression],
    val evaluation: Evaluation,
    val note: String,
    val write: (Expression, Seq[SubstraitExpression], FunctionCalls) => SubstraitExpression) {

  /** Spark's name of the class, which the expression's switch has. */
  val name: String = expressionClass.getSimpleName

  /** Which operands, by position, Spark evaluates for every row for which it evaluates `expression`. */
  def alwaysEvaluated(operands: Seq[Expression]): Seq[Boolean] = evaluation match {
    case Evaluation.Every => operands.map(_ => true)
    case Evaluation.FirstThenLazy => operands.indices.map(_ == 0)
    case Evaluation.UntilNull => untilNull(operands)
    case Evaluation.FromLastUntilNull => untilNull(operands.reverse).reverse
  }

  private def untilNull(operands: Seq[Expression]): Seq[Boolean] =
    operands.scanLeft(true)((all, operand) => all && !operand.nullable).take(operands.length)
}

/** Makes a plan's calls of functions. */
trait FunctionCalls {

  /** A call of a catalogue function with the type of `expression`. */
  def call(
      function: String,
      expression: Expression,
      arguments: Seq[SubstraitExpression],
      options: Seq[(String, String)] = Nil): SubstraitExpression

  /** A field of a struct. */
  def field(struct: SubstraitExpression, position: Int): SubstraitExpression

  /** A literal. */
  def literal(value: Any, dataType: DataType): SubstraitExpression
}

/** Declares the entries of a family. */
private[expressions] object ExpressionEntry {

  /** For `mayFail`: of uses that neither raise nor are left to Spark. */
  def never(expression: Expression): Boolean = false

  /** Why a use of a class over values of a type has no kernel. */
  def noKernel(expression: Expression, dataType: DataType): String =
    s"${Analysis.name(expression)} of ${dataType.sql} has no native kernel"

  /**
   * A class whose expressions are calls of one function.
   *
   * @param arguments further arguments, behind the operands
   * @param options options of the call
   */
  def function[E <: Expression](
      name: String,
      notNative: E => Option[String] = (_: E) => None,
      mayFail: E => Boolean = (_: E) => true,
      operands: E => Seq[Expression] = (expression: E) => expression.children,
      evaluation: Evaluation = Evaluation.UntilNull,
      note: String = "",
      arguments: (E, FunctionCalls) => Seq[SubstraitExpression] = (_: E, _: FunctionCalls) => Nil,
      options: E => Seq[(String, String)] = (_: E) => Nil)(
      implicit tag: ClassTag[E]): ExpressionEntry =
    entry[E](
      Seq(name), None, notNative, mayFail, operands, evaluation, note,
      (expression, written, calls) =>
        calls.call(name, expression, written ++ arguments(expression, calls), options(expression)))

  /** A class whose expressions have a form of their own in the plan. */
  def form[E <: Expression](
      form: String,
      notNative: E => Option[String] = (_: E) => None,
      mayFail: E => Boolean = (_: E) => false,
      operands: E => Seq[Expression] = (expression: E) => expression.children,
      evaluation: Evaluation = Evaluation.UntilNull,
      note: String = "")(
      write: (E, Seq[SubstraitExpression], FunctionCalls) => SubstraitExpression)(
      implicit tag: ClassTag[E]): ExpressionEntry =
    entry[E](Nil, Some(form), notNative, mayFail, operands, evaluation, note, write)

  private def entry[E <: Expression](
      functions: Seq[String],
      form: Option[String],
      notNative: E => Option[String],
      mayFail: E => Boolean,
      operands: E => Seq[Expression],
      evaluation: Evaluation,
      note: String,
      write: (E, Seq[SubstraitExpression], FunctionCalls) => SubstraitExpression)(
      implicit tag: ClassTag[E]): ExpressionEntry =
    new ExpressionEntry(
      tag.runtimeClass.asInstanceOf[Class[_ <: Expression]],
      functions,
      form,
      // The registry looks entries up by class: an entry sees expressions of its class only.
      expression => notNative(expression.asInstanceOf[E]),
      expression => mayFail(expression.asInstanceOf[E]),
      expression => operands(expression.asInstanceOf[E]),
      evaluation,
      note,
      (expression, written, calls) => write(expression.asInstanceOf[E], written, calls))
}
