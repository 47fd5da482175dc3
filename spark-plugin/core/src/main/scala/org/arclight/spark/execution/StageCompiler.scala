package org.arclight.spark.execution

import scala.collection.mutable
import scala.collection.mutable.ArrayBuffer

import org.apache.spark.{SparkContext, SparkException}
import org.apache.spark.sql.execution.{ExecSubqueryExpression, SparkPlan, UnionExec}
import org.apache.spark.sql.execution.metric.SQLMetric
import org.apache.spark.sql.catalyst.plans.physical.UnknownPartitioning
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, PlanningTime}
import org.arclight.spark.plan.{Relation, StageBuilder}
import org.arclight.spark.rules.{FramingOperator, LeafOperator, OperatorRegistry, ReplacedOperator, StreamingOperator}

/** A task's part of an input, and where it would best be read. */
final case class PlacedSplit(split: InputSplit, preferredLocations: Seq[String])

/**
 * Makes one RDD of a native stage's operators, when the stage executes: only then subqueries have
 * values and partitions are pruned. For one stage.
 */
private[execution] final class StageCompiler(sparkContext: SparkContext, conf: SQLConf) {

  /** What each task reads: for every partition the parts of the inputs, by the inputs' numbers. */
  private type Layout = IndexedSeq[Map[Int, PlacedSplit]]

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
      indeterminate: Boolean): NativeStageRDD = PlanningTime.measure(PlanningTime.Serializing) {
    val (relation, layout) = write(root)
    val whole = top.fold(relation)(_(builder, relation, layout.length))
    val compiled = assemble(whole, layout, stageMetrics)
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
      Array.tabulate(plan.operatorCount)(metrics.getOrElse(_, Map.empty)),
      stageMetrics,
      inputs.toArray,
      top.output.length,
      ArclightConf.BATCH_SIZE.get(conf),
      ArclightConf.TEST_FAIL_ON_DISAGREEMENT.get(conf))
    StageCapture.capture(conf, program, tasks, plan.bridged)
    (program, tasks)
  }

  private def partitions(layout: Layout): Array[NativeStagePartition] =
    layout.zipWithIndex.map { case (parts, index) =>
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
          (opened.relation, opened.splits.map(split => Map(number -> split)).toIndexedSeq)
        case Some(streaming: StreamingOperator) =>
          val (relations, layouts) = operator.children.map(write).unzip
          val relation = streaming.write(operator, relations, builder)
          metrics(relation.operator) = operator.metrics
          (relation, combine(operator, layouts))
        case Some(_: FramingOperator | _: ReplacedOperator) | None =>
          throw SparkException.internalError(s"${operator.nodeName} is in a native stage.")
      }
  }

  private def writeInput(child: SparkPlan): (Relation, Layout) = PlanningTime.excluding(child.execute()) match {
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
      (relation, layout)
  }

  private def writeShuffleRead(source: NativeShuffleSource): (Relation, Layout) = {
    val number = newInput()
    val relation =
      builder.shuffleRead(number, source.output, ShuffleCompression.current.compression)
    inputs += ShuffleInput(source.dependency, source.readMetrics, relation.operator)
    val layout = source.specs.toIndexedSeq.map { spec =>
      Map(number -> PlacedSplit(ShuffleSplit(spec), Nil))
    }
    (source.top(builder, relation), layout)
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
      layouts.flatten.toIndexedSeq
    case _: UnionExec => zip(layouts.filter(_.nonEmpty))
    case _ => zip(layouts)
  }

  private def zip(layouts: Seq[Layout]): Layout = {
    val counts = layouts.map(_.length).distinct
    if (counts.length > 1) {
      throw SparkException.internalError(
        s"The inputs of a native stage have ${counts.mkString(" and ")} partitions.")
    }
    (0 until counts.headOption.getOrElse(0)).map(index => layouts.map(_(index)).reduce(_ ++ _))
  }

  // Spark waits for the subqueries of the nodes it executes, and these aren't executed.
  private def finishSubqueries(operator: SparkPlan): Unit =
    operator.expressions.foreach(_.foreach {
      case subquery: ExecSubqueryExpression => PlanningTime.excluding(subquery.updateResult())
      case _ =>
    })
}
