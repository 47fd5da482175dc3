package org.arclight.spark

import scala.util.control.NonFatal

import org.apache.spark.internal.Logging
import org.apache.spark.sql.catalyst.dsl.expressions._
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.expressions.aggregate._
import org.apache.spark.sql.catalyst.optimizer.BuildRight
import org.apache.spark.sql.catalyst.plans.Inner
import org.apache.spark.sql.execution.{FilterExec, LocalTableScanExec, ProjectExec, SparkPlan}
import org.apache.spark.sql.execution.aggregate.HashAggregateExec
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types.{DateType, DecimalType, IntegerType, StringType}
import org.arclight.proto.{BlockCompression, FileSplit, Split}

import org.arclight.spark.execution.{LocalTopNExec, NativeHashJoinExec, PlannedHashJoin}
import org.arclight.spark.plan.{ParquetScanOptions, Relation, ShufflePartitioning, StageBuilder, StageKey, StagePlan}
import org.arclight.spark.plan.expressions.ExpressionRegistry
import org.arclight.spark.rules.{OperatorRegistry, StreamingOperator}

/**
 * Writes plans of stages that nobody runs, on a thread of its own while the application starts.
 * The JVM loads classes at their first use: for the planner's the first query would wait longer than
 * for anything else of its planning.
 *
 * Spark's settings (`SQLConf.get`, which many expressions ask for) may be locked for as long as the
 * application's context is being made. Until it is, no class may be initialised here that asks for
 * them meanwhile: the making of the context may want that class.
 */
private[spark] object PlanningWarmUp extends Logging {

  /** Begins, and does not wait. */
  def start(): Unit = {
    val thread = new Thread(() => attempt(), "arclight-planning-warm-up")
    thread.setDaemon(true)
    thread.start()
  }

  // What is wrong the first query finds out too, and says it to somebody.
  private def attempt(): Unit =
    try {
      inputs(new SQLConf)
      // Here it may wait.
      plans(SQLConf.get)
    } catch {
      case failure @ (NonFatal(_) | _: LinkageError) =>
        logDebug("No plan was written before the first query.", failure)
    }

  /** A plan of the inputs that most queries have, without anything that asks for settings. */
  private[spark] def inputs(conf: SQLConf): StagePlan = {
    OperatorRegistry.entries.foreach(_.name)
    ExpressionRegistry.families.foreach(_.entries)
    split()
    val columns = Seq(AttributeReference("name", StringType)())
    val builder = new StageBuilder(conf)
    val relations = Seq(
      scan(builder, columns, Nil),
      builder.broadcastInput(builder.newInput(), columns),
      builder.shuffleRead(builder.newInput(), columns))
    builder.build(written(builder, builder.union(relations, columns), columns))
  }

  private def scan(
      builder: StageBuilder,
      columns: Seq[Attribute],
      conditions: Seq[Expression]): Relation =
    builder.parquetScan(builder.newInput(), columns, columns.length, conditions,
      ParquetScanOptions(builder.conf.caseSensitiveAnalysis))

  private def written(builder: StageBuilder, relation: Relation, keys: Seq[Expression]): Relation =
    builder.shuffleWrite(
      relation, ShufflePartitioning.Hash(keys), 2, BlockCompression.BLOCK_COMPRESSION_LZ4)

  /** Plans with the operators and expressions that most queries have: of a map stage and its reader. */
  private[spark] def plans(conf: SQLConf): Seq[StagePlan] = {
    val columns = Seq(
      AttributeReference("name", StringType)(),
      AttributeReference("amount", DecimalType(12, 2))(),
      AttributeReference("day", DateType)(),
      AttributeReference("number", IntegerType)())
    val Seq(name, amount, day, number) = columns
    val conditions = Seq[Expression](
      name.isNotNull, day <= Literal(0, DateType), number === 1 || name.in("a", "b"))
    val filter = FilterExec(conditions.reduce(And), LocalTableScanExec(columns, Nil, None))

    val key = AttributeReference("key", IntegerType)()
    val joined = NativeHashJoinExec(
      Seq(number), Seq(key), Inner, BuildRight, None, PlannedHashJoin(BuildRight),
      isSkewJoin = false, filter, LocalTableScanExec(Seq(key), Nil, None))
    val product = Alias(amount * CaseWhen(Seq((number > 0, amount))), "product")()
    val project = ProjectExec(Seq(name, product), joined)

    val value = product.toAttribute
    val functions = Seq(Sum(value), Average(value), Count(name)).map(
      AggregateExpression(_, Partial, isDistinct = false))
    val partial = HashAggregateExec(
      None, isStreaming = false, None, Seq(name), functions,
      functions.flatMap(_.aggregateFunction.aggBufferAttributes), 0,
      name +: functions.flatMap(_.aggregateFunction.inputAggBufferAttributes), project)

    val merged = functions.map(_.copy(mode = Final))
    val results = merged.map(_.resultAttribute)
    val complete = HashAggregateExec(
      None, isStreaming = false, None, Seq(name), merged, results, 1, name +: results,
      LocalTableScanExec(partial.output, Nil, None))
    val top = LocalTopNExec(10, Seq(SortOrder(results.head, Descending)), complete)

    Seq(
      plan(partial, conf) { (builder, leaf) =>
        if (leaf.length == 1) builder.broadcastInput(builder.newInput(), leaf)
        else scan(builder, leaf, conditions)
      } { (builder, relation) =>
        written(builder, relation, Seq(name))
      },
      plan(top, conf) { (builder, leaf) =>
        builder.shuffleRead(builder.newInput(), leaf)
      } ((_, relation) => relation))
  }

  private def plan(root: SparkPlan, conf: SQLConf)(
      leaf: (StageBuilder, Seq[Attribute]) => Relation)(
      last: (StageBuilder, Relation) => Relation): StagePlan = {
    val builder = new StageBuilder(conf)
    def relation(plan: SparkPlan): Relation = {
      OperatorRegistry.verdict(plan, conf)
      OperatorRegistry.entry(plan) match {
        case Some(operator: StreamingOperator) =>
          operator.write(plan, plan.children.map(relation), builder)
        case _ => leaf(builder, plan.output)
      }
    }
    val top = relation(root)
    StageKey.of(conf, root.map(StageKey.Fields))
    builder.build(last(builder, top))
  }

  private def split(): Array[Byte] = Split.Files.newBuilder()
    .addFiles(FileSplit.newBuilder().setPath("").build())
    .build()
    .toByteArray
}
