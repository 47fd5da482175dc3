package org.arclight.spark.plan

import scala.jdk.CollectionConverters._

import io.substrait.proto.{AdvancedExtension, AggregationPhase, AggregateFunction => SubstraitAggregate, ConsistentPartitionWindowRel, Expression => SubstraitExpression, Rel, Type}
import io.substrait.proto.ConsistentPartitionWindowRel.WindowRelFunction
import io.substrait.proto.Expression.WindowFunction.{Bound, BoundsType}
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression
import org.apache.spark.sql.execution.window.{WindowExec, WindowGroupLimitExec}
import org.apache.spark.sql.types.{IntegerType, LongType}
import org.arclight.proto.{AggregateFallbacks, WindowFallbacks, WindowGroupLimit}
import org.arclight.proto.WindowGroupLimit.RankFunction

import org.arclight.spark.plan.expressions.WindowFunctions

/** ConsistentPartitionWindowRel: columns computed over rows around each row; limits of partitions. */
private[plan] trait WindowRelation { this: StageBuilder =>

  /** The rows of `input` with the columns of one of Spark's nodes. */
  def window(input: Relation, node: WindowExec): Relation = {
    val writer = expressions(input.output)
    val functions = WindowFunctions.inOrder(node.windowExpression)
    val (results, around) = WindowFunctions.aroundResults(node.windowExpression)
    val (id, common) = this.common(node.nodeName)
    val rel = ConsistentPartitionWindowRel.newBuilder()
      .setCommon(common)
      .setInput(input.rel)
      .addAllWindowFunctions(functions.map(windowFunction(_, writer)).asJava)
      .addAllPartitionExpressions(partitions(node.partitionSpec, writer).asJava)
      .addAllSorts(sortFields(node.orderSpec, input.output).asJava)
      .setAdvancedExtension(AdvancedExtension.newBuilder()
        .setEnhancement(any(WindowFallbacks.newBuilder()
          .addAllMeasures(functions.map(windowFallbacks).asJava)
          .build())))
    val windowed = Rel.newBuilder().setWindow(rel).build()
    if (functions.length == node.windowExpression.length &&
        node.windowExpression.forall(WindowFunctions.isFunction)) {
      Relation(windowed, node.output, id)
    } else {
      // Spark puts what it knows of a function beforehand into its place.
      project(
        Relation(windowed, input.output ++ results, id), input.output ++ around, node.nodeName)
        .copy(operator = id)
    }
  }

  /** The first rows of each partition of `input`. */
  def windowGroupLimit(input: Relation, node: WindowGroupLimitExec): Relation = {
    val function = node.rankLikeFunction match {
      case _: RowNumber => RankFunction.RANK_FUNCTION_ROW_NUMBER
      case _: Rank => RankFunction.RANK_FUNCTION_RANK
      case _: DenseRank => RankFunction.RANK_FUNCTION_DENSE_RANK
      case other => throw new PlanException(s"a limit by ${other.prettyName} is not native")
    }
    val limit = WindowGroupLimit.newBuilder()
      .addAllPartitions(partitions(node.partitionSpec, expressions(input.output)).asJava)
      .addAllSorts(sortFields(node.orderSpec, input.output).asJava)
      .setFunction(function)
      .setLimit(node.limit)
      .build()
    extensionSingle(input, node.nodeName, limit, node.output)
  }

  private def partitions(
      partitionSpec: Seq[Expression],
      writer: ExpressionWriter): Seq[SubstraitExpression] =
    WindowFunctions.withoutNormalization(partitionSpec).map(writer.root)

  private def windowFunction(
      window: WindowExpression,
      writer: ExpressionWriter): WindowRelFunction = {
    val builder = window.windowFunction match {
      case aggregate: AggregateExpression =>
        val function = aggregate.aggregateFunction
        val entry = entryOf(function)
        call(entry.function, function.children.map(writer.root), entry.options(function))
      case NTile(buckets) => call("ntile", Seq(number(buckets, writer)), Nil)
      case offset: FrameLessOffsetWindowFunction =>
        val default = WindowFunctions.default(offset).map(writer.root)
        call(
          "offset",
          Seq(writer.root(offset.input), number(offset.offset, writer)) ++ default,
          Seq("ignore_nulls" -> offset.ignoreNulls.toString))
      case nth: NthValue =>
        call(
          "nth_value",
          Seq(writer.root(nth.input), number(nth.offset, writer)),
          Seq("ignore_nulls" -> nth.ignoreNulls.toString))
      case ranking =>
        val entry = WindowFunctions.find(ranking).getOrElse(
          throw new PlanException(s"window function ${ranking.prettyName} is not native"))
        call(entry.function, Nil, Nil)
    }
    val output: Type = SparkTypes.toSubstrait(window.dataType, window.nullable)
    builder
      .setOutputType(output)
      .setPhase(AggregationPhase.AGGREGATION_PHASE_INITIAL_TO_RESULT)
      .setInvocation(SubstraitAggregate.AggregationInvocation.AGGREGATION_INVOCATION_ALL)
    setFrame(window, builder, writer)
    builder.build()
  }

  private def call(
      function: String,
      arguments: Seq[SubstraitExpression],
      options: Seq[(String, String)]): WindowRelFunction.Builder =
    WindowRelFunction.newBuilder()
      .setFunctionReference(this.function(function))
      .addAllArguments(ExpressionWriter.arguments(arguments).asJava)
      .addAllOptions(ExpressionWriter.options(options).asJava)

  /** A number that Spark wants to be constant. */
  private def number(constant: Expression, writer: ExpressionWriter): SubstraitExpression =
    writer.literal(constant.eval(), IntegerType)

  private def setFrame(
      window: WindowExpression,
      builder: WindowRelFunction.Builder,
      writer: ExpressionWriter): Unit = window.windowSpec.frameSpecification match {
    case SpecifiedWindowFrame(frameType, lower, upper)
        if WindowFunctions.hasFrame(window.windowFunction) =>
      builder
        .setBoundsType(frameType match {
          case RowFrame => BoundsType.BOUNDS_TYPE_ROWS
          case RangeFrame => BoundsType.BOUNDS_TYPE_RANGE
        })
        .setLowerBound(bound(lower, writer))
        .setUpperBound(bound(upper, writer))
    case _ =>
  }

  private def bound(bound: Expression, writer: ExpressionWriter): Bound = {
    def rows(count: Long): SubstraitExpression = writer.literal(count, LongType)
    val builder = Bound.newBuilder()
    WindowFunctions.bound(bound) match {
      case None => builder.setUnbounded(Bound.Unbounded.newBuilder())
      case Some(0L) => builder.setCurrentRow(Bound.CurrentRow.newBuilder())
      case Some(offset) if offset < 0 =>
        builder.setPreceding(Bound.Preceding.newBuilder().setOffsetExpr(rows(-offset)))
      case Some(offset) =>
        builder.setFollowing(Bound.Following.newBuilder().setOffsetExpr(rows(offset)))
    }
    builder.build()
  }

  private def windowFallbacks(window: WindowExpression): AggregateFallbacks.Measure =
    window.windowFunction match {
      case aggregate: AggregateExpression => fallbacks(aggregate)
      case _ => AggregateFallbacks.Measure.getDefaultInstance
    }
}
