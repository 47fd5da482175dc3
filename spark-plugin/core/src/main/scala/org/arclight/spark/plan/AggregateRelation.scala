package org.arclight.spark.plan

import scala.jdk.CollectionConverters._

import io.substrait.proto.{AdvancedExtension, AggregateFunction => SubstraitFunction, AggregateRel, AggregationPhase, Rel}
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.expressions.aggregate._
import org.apache.spark.sql.catalyst.plans.physical.HashPartitioningLike
import org.apache.spark.sql.execution.aggregate.BaseAggregateExec
import org.arclight.proto.AggregateFallbacks

import org.arclight.spark.plan.expressions.{AggregateEntry, AggregateShape, ExpressionRegistry}

/** AggregateRel: groups and what is computed of them. */
private[plan] trait AggregateRelation { this: StageBuilder =>

  /** The aggregation of one of Spark's nodes over `input`. */
  def aggregate(input: Relation, node: BaseAggregateExec): Relation =
    aggregate(
      input, node.groupingExpressions, node.aggregateExpressions, node.aggregateAttributes,
      node.resultExpressions, node.nodeName,
      mergedAbove = node.requiredChildDistributionExpressions.isEmpty,
      byPartition = AggregateRelation.isByPartition(node))

  /**
   * Groups the rows of `input`, and gives `resultExpressions`: of partial aggregates the groups and
   * buffers, of others expressions over the groups and `aggregateAttributes`.
   *
   * @param mergedAbove whether another aggregation merges the groups, as it does where Spark
   *     demands no distribution of the rows
   * @param byPartition whether the rows of a group are all in one partition of the shuffle that the
   *     input reads, if it reads one
   */
  def aggregate(
      input: Relation,
      groupingExpressions: Seq[NamedExpression],
      aggregateExpressions: Seq[AggregateExpression],
      aggregateAttributes: Seq[Attribute],
      resultExpressions: Seq[NamedExpression],
      operator: String,
      mergedAbove: Boolean = false,
      byPartition: Boolean = false): Relation = {
    val columns = inputColumns(input, aggregateExpressions)
    val writer = expressions(columns)
    val arguments = sharingExpressions(columns)
    val (id, common) = this.common(operator)
    val grouping = AggregateRel.Grouping.newBuilder()
      .addAllExpressionReferences(groupingExpressions.indices.map(Int.box).asJava)
    val rel = AggregateRel.newBuilder()
      .setCommon(common)
      .setInput(input.rel)
      .addAllGroupingExpressions(groupingExpressions.map(writer.root).asJava)
      .addGroupings(grouping)
      .addAllMeasures(aggregateExpressions.map(measure(_, arguments, writer)).asJava)
      .setAdvancedExtension(AdvancedExtension.newBuilder()
        .setEnhancement(any(AggregateFallbacks.newBuilder()
          .addAllMeasures(aggregateExpressions.map(fallbacks).asJava)
          .setMergedAbove(mergedAbove)
          .setByPartition(byPartition)
          .build())))
    val aggregated = Rel.newBuilder().setAggregate(rel).build()

    val groups = groupingExpressions.map(_.toAttribute)
    if (AggregateShape.givesBuffers(aggregateExpressions)) {
      // Groups and buffers by position, as Spark has them: a copied function has other attributes.
      Relation(aggregated, resultExpressions.map(_.toAttribute), id)
    } else {
      val results = Relation(aggregated, groups ++ aggregateAttributes, id)
      if (sameColumns(resultExpressions, results.output)) results
      else project(results, resultExpressions, operator).copy(operator = id)
    }
  }

  private def sameColumns(expressions: Seq[NamedExpression], columns: Seq[Attribute]): Boolean =
    expressions.length == columns.length && expressions.zip(columns).forall {
      case (attribute: Attribute, column) => attribute.exprId == column.exprId
      case _ => false
    }

  /**
   * What the aggregation calls its input's columns. Buffers are the last ones, and their attributes
   * are those of the functions as they are now (see BaseAggregateExec.inputAttributes).
   */
  private def inputColumns(
      input: Relation,
      aggregateExpressions: Seq[AggregateExpression]): Seq[Attribute] = {
    val buffers = aggregateExpressions.filter(AggregateShape.takesBuffers)
      .flatMap(_.aggregateFunction.inputAggBufferAttributes)
    input.output.dropRight(buffers.length) ++ buffers
  }

  private[plan] def entryOf(function: AggregateFunction): AggregateEntry =
    ExpressionRegistry.find(function).getOrElse(
      throw new PlanException(s"aggregate function ${function.prettyName} is not native"))

  private def measure(
      aggregate: AggregateExpression,
      arguments: ExpressionWriter,
      conditions: ExpressionWriter): AggregateRel.Measure = {
    val function = aggregate.aggregateFunction
    val entry = entryOf(function)
    val (phase, taken) = aggregate.mode match {
      case Partial =>
        (AggregationPhase.AGGREGATION_PHASE_INITIAL_TO_INTERMEDIATE, function.children)
      case PartialMerge =>
        (AggregationPhase.AGGREGATION_PHASE_INTERMEDIATE_TO_INTERMEDIATE,
          function.inputAggBufferAttributes)
      case Final =>
        (AggregationPhase.AGGREGATION_PHASE_INTERMEDIATE_TO_RESULT,
          function.inputAggBufferAttributes)
      case Complete =>
        (AggregationPhase.AGGREGATION_PHASE_INITIAL_TO_RESULT, function.children)
    }
    // DISTINCT is in the plan's grouping by the time Spark has planned an aggregation.
    val call = SubstraitFunction.newBuilder()
      .setFunctionReference(this.function(entry.function))
      .addAllArguments(ExpressionWriter.arguments(taken.map(arguments.root)).asJava)
      .addAllOptions(ExpressionWriter.options(entry.options(function)).asJava)
      .setOutputType(SparkTypes.toSubstrait(function.dataType, function.nullable))
      .setPhase(phase)
      .setInvocation(SubstraitFunction.AggregationInvocation.AGGREGATION_INVOCATION_ALL)
    val measure = AggregateRel.Measure.newBuilder().setMeasure(call)
    if (!AggregateShape.takesBuffers(aggregate)) {
      aggregate.filter.foreach(condition => measure.setFilter(conditions.root(condition)))
    }
    measure.build()
  }

  /** Spark's own expressions of a function. */
  private[plan] def fallbacks(aggregate: AggregateExpression): AggregateFallbacks.Measure = {
    val builder = AggregateFallbacks.Measure.newBuilder()
    val entry = entryOf(aggregate.aggregateFunction)
    aggregate.aggregateFunction match {
      case function: DeclarativeAggregate =>
        if (entry.updateMayFail(function)) {
          builder.setUpdate(jvmExpression(
            if (AggregateShape.takesBuffers(aggregate)) AggregateFailures.merge(function)
            else AggregateFailures.update(function)))
        }
        if (entry.evaluateMayFail(function)) {
          builder.setEvaluate(jvmExpression(AggregateFailures.evaluate(function)))
        }
      case _ =>
    }
    builder.build()
  }
}

object AggregateRelation {

  /** Whether the rows of a group are all in one partition of what an aggregation reads. */
  def isByPartition(node: BaseAggregateExec): Boolean =
    node.child.outputPartitioning match {
      case hash: HashPartitioningLike => hash.expressions.forall { key =>
        node.groupingExpressions.exists(_.semanticEquals(key))
      }
      case _ => false
    }
}
