package org.arclight.spark.plan.expressions

import scala.annotation.tailrec
import scala.collection.mutable.ArrayBuffer

import io.substrait.proto.{Expression => SubstraitExpression}
import io.substrait.proto.Expression.IfThen
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.types.IntegerType

import org.arclight.spark.plan.expressions.ExpressionEntry.{form, function, never}

/** Logic, NULL tests, and expressions that evaluate one of their branches. */
object ConditionalExpressions {

  /** The terms of a chain of ANDs, in the order of their evaluation. */
  def conjuncts(condition: Expression): Seq[Expression] =
    chain(condition) { case And(left, right) => (left, right) }

  /**
   * An equal tree whose chains of AND and of OR are balanced. Terms stay in their order, and so does
   * which of them are evaluated; but a chain of a thousand terms can be serialized, which recurses.
   */
  def balanced(tree: Expression): Expression = tree match {
    case and: And => balance(conjuncts(and).map(balanced), And(_, _))
    case or: Or => balance(disjuncts(or).map(balanced), Or(_, _))
    case other => other.mapChildren(balanced)
  }

  private def balance(
      terms: Seq[Expression],
      join: (Expression, Expression) => Expression): Expression =
    if (terms.length == 1) {
      terms.head
    } else {
      val (left, right) = terms.splitAt(terms.length / 2)
      join(balance(left, join), balance(right, join))
    }

  private def disjuncts(condition: Expression): Seq[Expression] =
    chain(condition) { case Or(left, right) => (left, right) }

  /** The leaves of a tree of one binary operator, from left to right; chains may be long. */
  private def chain(tree: Expression)(
      split: PartialFunction[Expression, (Expression, Expression)]): Seq[Expression] = {
    val terms = ArrayBuffer.empty[Expression]
    @tailrec
    def walk(pending: List[Expression]): Unit = pending match {
      case Nil => ()
      case head :: rest => split.lift(head) match {
        case Some((left, right)) => walk(left :: right :: rest)
        case None =>
          terms += head
          walk(rest)
      }
    }
    walk(List(tree))
    terms.toSeq
  }

  /** Conditions and values of nested CASEs and IFs that go on in their ELSE, and the last ELSE. */
  private def branches(tree: Expression): (Seq[(Expression, Expression)], Expression) = {
    val found = ArrayBuffer.empty[(Expression, Expression)]
    @tailrec
    def walk(rest: Expression): Expression = rest match {
      case If(condition, value, otherwise) =>
        found += condition -> value
        walk(otherwise)
      case CaseWhen(cases, otherwise) =>
        found ++= cases
        walk(otherwise.getOrElse(Literal(null, rest.dataType)))
      case other => other
    }
    val otherwise = walk(tree)
    (found.toSeq, otherwise)
  }

  private def branchOperands(tree: Expression): Seq[Expression] = {
    val (cases, otherwise) = branches(tree)
    cases.flatMap { case (condition, value) => Seq(condition, value) } :+ otherwise
  }

  private def ifThen(operands: Seq[SubstraitExpression]): SubstraitExpression = {
    val builder = IfThen.newBuilder().setElse(operands.last)
    operands.init.grouped(2).foreach {
      case Seq(condition, value) =>
        builder.addIfs(IfThen.IfClause.newBuilder().setIf(condition).setThen(value))
    }
    SubstraitExpression.newBuilder().setIfThen(builder).build()
  }

  /** Spark stops at the nth; what reads a column can't tell. */
  private def leaves(expression: AtLeastNNonNulls): Option[String] =
    if (expression.children.forall(_.children.isEmpty)) None
    else Some("AtLeastNNonNulls has a native kernel only for columns")

  private[expressions] val entries: Seq[ExpressionEntry] = Seq(
    function[And](
      "and", mayFail = never, operands = conjuncts, evaluation = Evaluation.FirstThenLazy),
    function[Or](
      "or", mayFail = never, operands = disjuncts, evaluation = Evaluation.FirstThenLazy),
    function[Not]("not", mayFail = never),
    function[IsNull]("is_null", mayFail = never),
    function[IsNotNull]("is_not_null", mayFail = never),
    function[IsNaN]("is_nan", mayFail = never),
    function[NaNvl]("nanvl", mayFail = never, evaluation = Evaluation.FirstThenLazy),
    function[AtLeastNNonNulls](
      "at_least_n_non_nulls", leaves, never, evaluation = Evaluation.FirstThenLazy,
      arguments = (e, calls) => Seq(calls.literal(e.n, IntegerType)), note = "of columns"),
    function[Coalesce]("coalesce", mayFail = never, evaluation = Evaluation.FirstThenLazy),
    form[If](
      "IfThen", operands = branchOperands, evaluation = Evaluation.FirstThenLazy) {
      (_, operands, _) => ifThen(operands)
    },
    form[CaseWhen](
      "IfThen", operands = branchOperands, evaluation = Evaluation.FirstThenLazy) {
      (_, operands, _) => ifThen(operands)
    })
}
