package org.arclight.spark.plan.expressions

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.expressions.aggregate._
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.ArclightConf
import org.arclight.spark.plan.SparkTypes

/** Says of aggregations whether they can be native. */
private[expressions] object AggregateSupport {

  /** See [[ExpressionSupport.checkAggregate]]. */
  def check(
      groupingExpressions: Seq[NamedExpression],
      aggregateExpressions: Seq[AggregateExpression],
      aggregateAttributes: Seq[Attribute],
      resultExpressions: Seq[NamedExpression],
      inputs: Seq[Attribute],
      conf: SQLConf): SupportLevel = {
    def expressions(trees: Seq[Expression], columns: Seq[Attribute]): SupportLevel =
      ExpressionSupport.checkAll(trees, columns, conf)
    val intermediate = AggregateShape.givesBuffers(aggregateExpressions)
    def results: SupportLevel =
      if (intermediate) ExpressionSupport.checkColumns(resultExpressions.map(_.toAttribute))
      else expressions(
        resultExpressions, groupingExpressions.map(_.toAttribute) ++ aggregateAttributes)
    keys(groupingExpressions)
      .and(expressions(groupingExpressions, inputs))
      .and(SupportLevel.all(aggregateExpressions.iterator.map(checkFunction(_, inputs, conf))))
      .and(results)
  }

  private def keys(groupingExpressions: Seq[NamedExpression]): SupportLevel =
    groupingExpressions.map(_.dataType).find(SparkTypes.hasMap) match {
      case Some(dataType) => Unsupported(s"groups by ${dataType.sql} are not native")
      case None => Native
    }

  /** The level of one function, with its arguments. */
  def checkFunction(
      aggregate: AggregateExpression,
      inputs: Seq[Attribute],
      conf: SQLConf): SupportLevel = {
    val function = aggregate.aggregateFunction
    val known = ExpressionRegistry.find(function) match {
      case None => Unsupported(s"aggregate function ${function.prettyName} is not native")
      case Some(entry) if !ArclightConf.isExpressionEnabled(entry.name, conf) =>
        Unsupported(s"${ArclightConf.expressionKey(entry.name)} is false")
      case Some(entry) =>
        entry.notNative(function).fold[SupportLevel](Native)(Unsupported(_))
    }
    def buffers: SupportLevel =
      ExpressionSupport.checkColumns(function.inputAggBufferAttributes)
    aggregate.mode match {
      case Partial | Complete =>
        known.and(buffers)
          .and(ExpressionSupport.checkAll(
            function.children ++ aggregate.filter, inputs, conf))
      case _ => known.and(buffers)
    }
  }
}

/** What an aggregation's modes say of its columns. */
private[plan] object AggregateShape {

  /** Whether the output has buffers (partial results), not results. */
  def givesBuffers(aggregateExpressions: Seq[AggregateExpression]): Boolean =
    aggregateExpressions.nonEmpty && aggregateExpressions.forall { aggregate =>
      aggregate.mode == Partial || aggregate.mode == PartialMerge
    }

  /** Whether an aggregate takes in buffers. */
  def takesBuffers(aggregate: AggregateExpression): Boolean =
    aggregate.mode == Final || aggregate.mode == PartialMerge
}
