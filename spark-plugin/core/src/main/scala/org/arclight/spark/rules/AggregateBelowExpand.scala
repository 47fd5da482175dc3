package org.arclight.spark.rules

import org.apache.spark.sql.catalyst.expressions.{Attribute, AttributeMap, AttributeSet, Expression, Literal}
import org.apache.spark.sql.catalyst.expressions.aggregate._
import org.apache.spark.sql.execution.{ExpandExec, FileSourceScanExec, SparkPlan}
import org.apache.spark.sql.execution.aggregate.HashAggregateExec
import org.apache.spark.sql.execution.exchange.Exchange
import org.apache.spark.sql.types._

import org.arclight.spark.rules.OperatorVerdict.NativeOperator

/**
 * Aggregates by the finest of several grouping sets before rows are multiplied for all of them, so
 * that groups are multiplied in their place:
 * {{{
 *   HashAggregate by a, b, id: partial            HashAggregate by a, b, id: merge
 *   +- Expand (a, b, 0), (a, NULL, 1), ..   =>    +- Expand (a, b, 0), (a, NULL, 1), ..
 *      +- Scan                                       +- HashAggregate by a, b: partial
 *                                                       +- Scan
 * }}}
 * Where there are hardly fewer groups than rows, the engine's partial aggregation notices it and lets
 * rows pass. Done where one set has all the keys, so that its groups are needed anyway, and for
 * functions whose result does not depend on the order in which they are merged.
 */
private[rules] object AggregateBelowExpand extends PreparationStep {

  override def prepare(survey: PlanSurvey): SparkPlan =
    if (survey.multiplies) {
      survey.plan.transformDown {
        case aggregate @ HashAggregateExec(_, _, _, _, _, _, _, _, expand: ExpandExec) =>
          aggregatedBelow(aggregate, expand).getOrElse(aggregate)
      }
    } else {
      survey.plan
    }

  private def aggregatedBelow(
      aggregate: HashAggregateExec,
      expand: ExpandExec): Option[SparkPlan] = {
    // What the projections give, column by column.
    val columns = AttributeMap(expand.output.zip(expand.projections.transpose))
    val carried = columns.collect {
      case (column, (same: Attribute) +: others) if others.forall(_.semanticEquals(same)) =>
        column -> same
    }
    val keys = aggregate.groupingExpressions.collect { case key: Attribute => key }
    val grouped = AttributeSet(keys.flatMap(columns.get(_)).flatten)
    // A column may be there twice.
    val finest = expand.child.output.filter(grouped.contains).distinct
    def isKeyOf(set: Int, column: Attribute): Boolean =
      keys.exists(key => columns(key)(set).semanticEquals(column))
    lazy val below = partial(aggregate, expand.child, finest, AttributeMap(carried))
    val possible = expand.projections.length > 1 && !aggregate.isStreaming && finest.nonEmpty &&
      keys.length == aggregate.groupingExpressions.length &&
      keys.forall(columns.get(_).exists(_.forall(isAttributeOrLiteral))) &&
      finest.forall(key => isPlain(key.dataType)) &&
      expand.projections.indices.exists(set => finest.forall(isKeyOf(set, _))) &&
      aggregate.requiredChildDistributionExpressions.isEmpty &&
      aggregate.aggregateExpressions.forall(function =>
        function.mode == Partial && !function.isDistinct &&
          isOrderless(function.aggregateFunction, expand.child) &&
          function.references.subsetOf(AttributeSet(carried.keys)) &&
          function.aggregateFunction.deterministic && function.filter.forall(_.deterministic))
    if (possible && isNative(below)) {
      Some(merging(aggregate, expand, keys, columns, below))
    } else {
      None
    }
  }

  private def isAttributeOrLiteral(expression: Expression): Boolean = expression match {
    case _: Attribute | _: Literal => true
    case _ => false
  }

  /** The groups of the finest grouping set. */
  private def partial(
      aggregate: HashAggregateExec,
      child: SparkPlan,
      finest: Seq[Attribute],
      carried: AttributeMap[Attribute]): HashAggregateExec = {
    val functions = aggregate.aggregateExpressions.map(_.transform {
      case column: Attribute => carried.getOrElse(column, column)
    }.asInstanceOf[AggregateExpression])
    val below = aggregate.copy(
      groupingExpressions = finest,
      aggregateExpressions = functions,
      aggregateAttributes = functions.flatMap(_.aggregateFunction.aggBufferAttributes),
      resultExpressions = finest ++ functions.flatMap(_.aggregateFunction.inputAggBufferAttributes),
      child = child)
    aggregate.logicalLink.foreach(below.setLogicalLink)
    below
  }

  private def isNative(below: HashAggregateExec): Boolean =
    OperatorRegistry.verdict(below, conf) match {
      case NativeOperator(throughJvm) => throughJvm.isEmpty
      case _ => false
    }

  private def merging(
      aggregate: HashAggregateExec,
      expand: ExpandExec,
      keys: Seq[Attribute],
      columns: AttributeMap[Seq[Expression]],
      below: HashAggregateExec): SparkPlan = {
    val buffers = below.output.drop(below.groupingExpressions.length)
    val merged = aggregate.aggregateExpressions.map(_.copy(mode = PartialMerge, filter = None))
    val sets = expand.projections.indices.map(set => keys.map(columns(_)(set)) ++ buffers)
    val groups = ExpandExec(
      sets, keys ++ merged.flatMap(_.aggregateFunction.inputAggBufferAttributes), below)
    expand.logicalLink.foreach(groups.setLogicalLink)
    val result = aggregate.copy(
      aggregateExpressions = merged, initialInputBufferOffset = keys.length, child = groups)
    result.copyTagsFrom(aggregate)
    result
  }

  /**
   * Whether groups may be merged in any order: no rounding, no overflow within the rows there can be,
   * and no choice between equal values that differ. Spark averages integers by a sum of doubles, whose
   * last digits beyond 2^53 depend on which task has which rows, once there are several tasks.
   */
  private def isOrderless(function: AggregateFunction, child: SparkPlan): Boolean = function match {
    case _: Count => true
    case sum: Sum => isExactSum(sum.child.dataType)
    case average: Average if average.child.dataType == IntegerType => hasSeveralTasks(child)
    case average: Average => isExactSum(average.child.dataType)
    case minimum: Min => isPlain(minimum.child.dataType)
    case maximum: Max => isPlain(maximum.child.dataType)
    case _ => false
  }

  /** Whether a table that is read in the same stage is too large for one task. */
  private def hasSeveralTasks(plan: SparkPlan): Boolean = plan match {
    case scan: FileSourceScanExec =>
      scan.relation.location.sizeInBytes > 2 * conf.filesMaxPartitionBytes
    case _: Exchange => false
    case other => other.children.exists(hasSeveralTasks)
  }

  /** Of a decimal's digits Spark adds ten for a sum, enough for any number of rows. */
  private def isExactSum(dataType: DataType): Boolean = dataType match {
    case ByteType | ShortType | IntegerType => true
    case decimal: DecimalType => decimal.precision + 10 <= DecimalType.MAX_PRECISION
    case _ => false
  }

  /** Types whose equal values are the same. */
  private def isPlain(dataType: DataType): Boolean = dataType match {
    case BooleanType | ByteType | ShortType | IntegerType | LongType | DateType | TimestampType |
        TimestampNTZType | StringType | BinaryType | _: DecimalType => true
    case _ => false
  }
}
