package org.arclight.spark.plan

import io.substrait.proto.{Expression => SubstraitExpression, FilterRel, Rel}
import org.apache.spark.sql.catalyst.expressions.{And, Attribute, Expression}

/** FilterRel: the rows for which a condition is true. */
private[plan] trait FilterRelation { this: StageBuilder =>

  /**
   * The rows of `input` for which all of `terms` are true, each evaluated only for rows for which
   * those before it are true: a term that may raise has a relation of its own, and AND, which
   * evaluates its right side where the left is NULL, joins only those that can't.
   *
   * @param output the input's columns as the filter calls them, where it knows better which of them
   *   may be NULL
   */
  def filter(
      input: Relation,
      terms: Seq[Expression],
      output: Seq[Attribute] = Nil,
      operator: String = "Filter"): Relation = {
    val writer = expressions(input.output)
    val filtered = conjunctions(terms, writer)
      .foldLeft(input) { (below, conjunction) =>
        oneFilter(below, writer.root(conjunction), operator)
      }
    if (output.isEmpty) filtered else filtered.copy(output = output)
  }

  private def conjunctions(
      terms: Seq[Expression],
      writer: ExpressionWriter): Seq[Expression] =
    terms.foldLeft(List.empty[(Boolean, Expression)]) {
      case ((true, before) :: rest, term) if writer.isTotal(term) =>
        (true, And(before, term)) :: rest
      case (before, term) => (writer.isTotal(term), term) :: before
    }.reverse.map(_._2)

  private def oneFilter(
      input: Relation,
      condition: SubstraitExpression,
      operator: String): Relation = {
    val (id, common) = this.common(operator)
    val rel = FilterRel.newBuilder()
      .setCommon(common)
      .setInput(input.rel)
      .setCondition(condition)
    Relation(Rel.newBuilder().setFilter(rel).build(), input.output, id)
  }
}
