package org.arclight.spark.execution

import org.apache.spark.sql.catalyst.expressions.Attribute
import org.apache.spark.sql.execution.SparkPlan
import org.apache.spark.sql.execution.metric.SQLMetric

import org.arclight.spark.plan.{Relation, StageBuilder, StageKey}
import org.arclight.spark.rules.StreamingOperator

/**
 * What reads one of a stage's inputs.
 *
 * @param output the columns
 * @param parts what else `write` makes the relation of
 * @param write writes the relation, given the input's number
 * @param input what tasks read, given the number of the operator that reads it
 */
final case class StageSource(
    output: Seq[Attribute],
    parts: Seq[Any],
    write: (StageBuilder, Int) => Relation,
    input: Int => StageInput)

/**
 * Relations on top of others.
 *
 * @param parts all that `write` makes them of, the names of further columns included
 * @param write puts them on top of a relation
 */
final case class StageTop(parts: Seq[Any], write: (StageBuilder, Relation) => Relation)

object StageTop {

  /** No relation more. */
  val NOTHING: StageTop = StageTop(Nil, (_, relation) => relation)
}

/** A part of a stage that can be written: inputs are there, and subqueries have values. */
private[execution] sealed trait StagePart {

  /** What each task reads. */
  def layout: Layout

  /** The columns, as Spark calls them. */
  def output: Seq[Attribute]

  /** Spark's metrics of it. */
  def metrics: Map[String, SQLMetric]

  /** All that its relations are made of, apart from those of other parts. */
  def parts: Seq[Any]
}

/**
 * An input.
 *
 * @param plan whose rows they are: the leaf, or what is below the stage's border; None where
 *     nothing of the stage is above
 * @param number the input's number
 * @param top relations over what is read, which have no metrics
 */
private[execution] final case class InputPart(
    plan: Option[SparkPlan],
    number: Int,
    source: StageSource,
    layout: Layout,
    metrics: Map[String, SQLMetric] = Map.empty,
    top: StageTop = StageTop.NOTHING)
  extends StagePart {

  override def output: Seq[Attribute] = plan.fold(source.output)(_.output)

  override def parts: Seq[Any] = Seq[Any](
    source.output,
    source.output.map(_.name),
    source.parts,
    top.parts,
    plan.map(_.output))
}

/** An operator over other parts. */
private[execution] final case class OperatorPart(
    operator: SparkPlan,
    entry: StreamingOperator,
    children: Seq[StagePart],
    layout: Layout)
  extends StagePart {

  override def output: Seq[Attribute] = operator.output

  override def metrics: Map[String, SQLMetric] = operator.metrics

  override def parts: Seq[Any] = Seq[Any](
    operator.getClass, children.length, StageKey.Fields(operator), entry.moreParts(operator))
}
