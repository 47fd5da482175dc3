package org.arclight.spark.execution

import scala.collection.mutable
import scala.collection.mutable.ArrayBuffer

import org.apache.spark.{SparkContext, SparkException}
import org.apache.spark.sql.execution.{ExecSubqueryExpression, SparkPlan, UnionExec}
import org.apache.spark.sql.execution.joins.CartesianProductExec
import org.apache.spark.sql.execution.metric.SQLMetric
import org.apache.spark.sql.catalyst.plans.physical.UnknownPartitioning
import org.apache.spark.sql.catalyst.trees.TreePattern.PLAN_EXPRESSION
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, PlanningTime}
import org.arclight.spark.plan.{Relation, StageBuilder}
import org.arclight.spark.rules.{FramingOperator, LeafOperator, OperatorRegistry, ReplacedOperator, StreamingOperator}

/** A task's part of an input, and where it would best be read. */
final case class PlacedSplit(split: InputSplit, preferredLocations: Seq[String])

/**
 * What each task of a stage reads: parts of inputs, by the inputs' numbers.
 *
 * @param tasks what the tasks read, each its own; None if nothing says how many tasks there are
 * @param everywhere what every task reads too
 */
private[execution] final case class Layout(
    tasks: Option[IndexedSeq[Layout.Parts]],
    everywhere: Layout.Parts) {

  /** All that each task reads. */
  def whole: IndexedSeq[Layout.Parts] = tasks.getOrElse(IndexedSeq.empty).map(_ ++ everywhere)
}

private[execution] object Layout {
  type Parts = Map[Int, PlacedSplit]
}

/**
 * Makes one RDD of a native stage's operators, when the stage executes: only then subqueries have
 * values and partitions are pruned. For one stage.
 */
private[execution] final class StageCompiler(sparkContext: SparkContext, conf: SQLConf) {

  private def perTask(tasks: IndexedSeq[Layout.Parts]): Layout = Layout(Some(tasks), Map.empty)

  private val builder = new StageBuilder(conf)
  private val inputs = ArrayBuffer.empty[StageInput]
  private val metrics = mutable.HashMap.empty[Int, Map[String, SQLMetric]]

  /**
   * The stage of an operator tree.
   *
   * @param stageMetrics Spark's metrics of the stage as a whole
   * @param top puts last relations on top, given the number of tasks
   * @param indeterminate whether a task run again may give other rows
   */
  def compile(
      root: SparkPlan,
      stageMetrics: Map[String, SQLMetric],
      top: Option[(StageBuilder, Relation, Int) => Relation],
      indeterminate: Boolean): NativeStageRDD = {
    val compiled = PlanningTime.measure(PlanningTime.Serializing) {
      val (relation, layout) = write(root)
      val whole = top.fold(relation)(_(builder, relation, layout.whole.length))
      assemble(whole, layout, stageMetrics)
    }
    new NativeStageRDD(sparkContext, () => compiled, indeterminate)
  }

  /** The rows of a shuffle that was written natively. */
  def compileShuffleRead(source: NativeShuffleSource): NativeShuffleReadRDD = {
    def compiled() = PlanningTime.measure(PlanningTime.Serializing) {
      val (relation, layout) = writeShuffleRead(source)
      assemble(relation, layout, Map.empty)
    }
    new NativeShuffleReadRDD(sparkContext, () => compiled(), source)
  }

  private def assemble(
      top: Relation,
      layout: Layout,
      stageMetrics: Map[String, SQLMetric]): (StageProgram, Array[NativeStagePartition]) = {
    val plan = builder.build(top)
    val tasks = partitions(layout)
    val program = StageProgram(
      plan.bytes,
      plan.digest,
      plan.jvmExpressions.toArray,
      Array.tabulate(plan.operatorCount) { operator =>
        OperatorMetricsReport.reported(metrics.getOrElse(operator, Map.empty))
      },
      stageMetrics,
      inputs.toArray,
      top.output.length,
      ArclightConf.BATCH_SIZE.get(conf),
      ArclightConf.TEST_FAIL_ON_DISAGREEMENT.get(conf),
      ArclightConf.TEST_FAIL_ON_LEAK.get(conf))
    StageCapture.capture(conf, program, tasks, plan.bridged)
    (program, tasks)
  }

  private def partitions(layout: Layout): Array[NativeStagePartition] =
    layout.whole.zipWithIndex.map { case (parts, index) =>
      val splits = Array.tabulate[InputSplit](inputs.length) { input =>
        parts.get(input).fold[InputSplit](AbsentSplit)(_.split)
      }
      val preferred = parts.values.map(_.preferredLocations).find(_.nonEmpty).getOrElse(Nil)
      new NativeStagePartition(index, splits, preferred)
    }.toArray

  private def write(plan: SparkPlan): (Relation, Layout) = plan match {
    case NativeInputExec(child) => writeInput(child)
    case operator =>
      finishSubqueries(operator)
      OperatorRegistry.entry(operator) match {
        case Some(leaf: LeafOperator) =>
          val number = newInput()
          val opened = leaf.open(operator, number, builder)
          inputs += opened.input
          metrics(opened.relation.operator) = operator.metrics
          (opened.relation, perTask(opened.splits.map(split => Map(number -> split)).toIndexedSeq))
        case Some(streaming: StreamingOperator) =>
          val (relations, layouts) = operator.children.map(write).unzip
          val relation = streaming.write(operator, relations, builder)
          // Some give their input as it is, which counts for itself.
          metrics.getOrElseUpdate(relation.operator, operator.metrics)
          (relation, combine(operator, layouts))
        case Some(_: FramingOperator | _: ReplacedOperator) | None =>
          throw SparkException.internalError(s"${operator.nodeName} is in a native stage.")
      }
  }

  private def writeInput(child: SparkPlan): (Relation, Layout) =
    NativeBroadcastExchangeExec.behind(child) match {
      case Some(broadcast) => writeBroadcast(child, broadcast)
      case None => writeRows(child)
    }

  private def writeBroadcast(
      child: SparkPlan,
      broadcast: NativeBroadcastExchangeExec): (Relation, Layout) = {
    val rows = PlanningTime.excluding(broadcast.executeNativeBroadcast())
    val number = newInput()
    inputs += BroadcastInput(rows)
    val split = PlacedSplit(BroadcastSplit(rows.id), Nil)
    (builder.broadcastInput(number, child.output), Layout(None, Map(number -> split)))
  }

  private def writeRows(child: SparkPlan): (Relation, Layout) =
    PlanningTime.excluding(child.execute()) match {
      case shuffle: NativeShuffleReadRDD =>
        val (relation, layout) = writeShuffleRead(shuffle.source)
        // Reused, it goes by other names.
        (relation.copy(output = child.output), layout)
      case rows =>
        val number = newInput()
        val relation = builder.rowsInput(number, child.output)
        inputs += RowsInput(rows, child.output.map(_.dataType).toArray)
        val layout = rows.partitions.toIndexedSeq.map { partition =>
          Map(number -> PlacedSplit(RowsSplit(partition), Nil))
        }
        (relation, perTask(layout))
    }

  private def writeShuffleRead(source: NativeShuffleSource): (Relation, Layout) = {
    val number = newInput()
    val relation = builder.shuffleRead(number, source.output)
    inputs += ShuffleInput(source.dependency, source.readMetrics, relation.operator)
    val layout = source.specs.toIndexedSeq.map { spec =>
      Map(number -> PlacedSplit(ShuffleSplit(spec), Nil))
    }
    (source.top(builder, relation), perTask(layout))
  }

  private def newInput(): Int = {
    val number = builder.newInput()
    if (number != inputs.length) {
      throw SparkException.internalError("The inputs of a native stage are out of step.")
    }
    number
  }

  /** Which parts of an operator's inputs come together in a task. */
  private def combine(operator: SparkPlan, layouts: Seq[Layout]): Layout = operator match {
    case union: UnionExec if union.outputPartitioning.isInstanceOf[UnknownPartitioning] =>
      perTask(layouts.flatMap(_.whole).toIndexedSeq)
    case _: UnionExec => zip(layouts.filter(_.tasks.exists(_.nonEmpty)))
    case _: CartesianProductExec =>
      // As Spark's CartesianRDD numbers the pairs.
      val Seq(left, right) = layouts.map(_.whole)
      perTask(left.flatMap(one => right.map(one ++ _)))
    case _ => zip(layouts)
  }

  private def zip(layouts: Seq[Layout]): Layout = layouts match {
    case Seq(only) => only
    case _ => zipAll(layouts)
  }

  private def zipAll(layouts: Seq[Layout]): Layout = {
    val tasks = layouts.flatMap(_.tasks)
    val counts = tasks.map(_.length).distinct
    if (counts.length > 1) {
      throw SparkException.internalError(
        s"The inputs of a native stage have ${counts.mkString(" and ")} partitions.")
    }
    val together = counts.headOption.map { count =>
      (0 until count).map(index => tasks.map(_(index)).reduce(_ ++ _))
    }
    Layout(together, layouts.map(_.everywhere).foldLeft[Layout.Parts](Map.empty)(_ ++ _))
  }

  // Spark waits for the subqueries of the nodes it executes, and these aren't executed.
  private def finishSubqueries(operator: SparkPlan): Unit =
    if (operator.containsPattern(PLAN_EXPRESSION)) {
      operator.expressions.foreach(_.foreach {
        case subquery: ExecSubqueryExpression => PlanningTime.excluding(subquery.updateResult())
        case _ =>
      })
    }
}
