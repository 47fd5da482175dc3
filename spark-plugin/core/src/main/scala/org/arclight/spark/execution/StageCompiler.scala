package org.arclight.spark.execution

import scala.collection.mutable.ArrayBuffer

import org.apache.spark.{SparkContext, SparkException}
import org.apache.spark.sql.execution.{ExecSubqueryExpression, SparkPlan}
import org.apache.spark.sql.execution.metric.SQLMetric
import org.apache.spark.sql.catalyst.trees.TreePattern.PLAN_EXPRESSION
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.{ArclightConf, PlanningTime}
import org.arclight.spark.plan.{Relation, StageBuilder, StageKey, WrittenStage, WrittenStages}
import org.arclight.spark.rules.{FramingOperator, LeafOperator, OpenedLeaf, OperatorRegistry, ReplacedOperator, StreamingOperator}

/**
 * Makes one RDD of a native stage's operators, when the stage executes: only then subqueries have
 * values and partitions are pruned. For one stage.
 */
private[execution] final class StageCompiler(sparkContext: SparkContext, conf: SQLConf) {

  /** The parts of the stage, children before their parents. */
  private val parts = ArrayBuffer.empty[StagePart]

  private var inputs = 0

  /**
   * The stage of an operator tree.
   *
   * @param stageMetrics Spark's metrics of the stage as a whole
   * @param top the last relations, given the number of tasks
   * @param indeterminate whether a task run again may give other rows
   */
  def compile(
      root: SparkPlan,
      stageMetrics: Map[String, SQLMetric],
      top: Int => StageTop,
      indeterminate: Boolean): NativeStageRDD = {
    val compiled = PlanningTime.measure {
      val part = open(root)
      assemble(part, top(part.layout.taskCount), stageMetrics)
    }
    new NativeStageRDD(sparkContext, () => compiled, indeterminate)
  }

  /** The rows of a shuffle that was written natively. */
  def compileShuffleRead(source: NativeShuffleSource): NativeShuffleReadRDD = {
    def compiled() = PlanningTime.measure {
      // It may be asked for again where it failed.
      val compiler = new StageCompiler(sparkContext, conf)
      compiler.assemble(
        compiler.note(compiler.shuffleRead(None, source)), StageTop.NOTHING, Map.empty)
    }
    new NativeShuffleReadRDD(sparkContext, () => compiled(), source)
  }

  private def assemble(
      root: StagePart,
      top: StageTop,
      stageMetrics: Map[String, SQLMetric]): (StageProgram, Array[NativeStagePartition]) = {
    // Spark's own expressions ask the thread for settings.
    def key =
      if (SQLConf.get eq conf) {
        StageKey.of(
          conf, Iterator(root.output.map(_.name), top.parts) ++ parts.iterator.map(_.parts))
      } else {
        None
      }
    val WrittenStage(plan, operators, fields) =
      WrittenStages.current.get(key, conf)(write(root, top))
    val metrics = Array.fill(plan.operatorCount)(Map.empty[String, SQLMetric])
    val stageInputs = new Array[StageInput](inputs)
    parts.iterator.zip(operators).foreach { case (part, operator) =>
      // Some give their input as it is, which counts for itself.
      if (metrics(operator).isEmpty) metrics(operator) = part.metrics
      part match {
        case input: InputPart => stageInputs(input.number) = input.source.input(operator)
        case _: OperatorPart =>
      }
    }
    val tasks = partitions(root.layout)
    val program = StageProgram(
      plan.bytes,
      plan.digest,
      plan.jvmExpressions.toArray,
      metrics.map(OperatorMetricsReport.reported),
      stageMetrics,
      stageInputs,
      fields,
      ArclightConf.BATCH_SIZE.get(conf),
      ArclightConf.TEST_FAIL_ON_DISAGREEMENT.get(conf),
      ArclightConf.TEST_FAIL_ON_LEAK.get(conf))
    StageCapture.capture(conf, program, tasks, plan.bridged)
    (program, tasks)
  }

  private def partitions(layout: Layout): Array[NativeStagePartition] = {
    val splitsOf = (0 until inputs).map(layout.splitOf)
    val tasks = new Array[NativeStagePartition](layout.taskCount)
    tasks.indices.foreach { task =>
      val splits = new Array[InputSplit](inputs)
      var preferred = Seq.empty[String]
      splits.indices.foreach { input =>
        val placed = splitsOf(input)(task)
        splits(input) = placed.split
        if (preferred.isEmpty) preferred = placed.preferredLocations
      }
      tasks(task) = new NativeStagePartition(task, splits, preferred)
    }
    tasks
  }

  private def write(root: StagePart, top: StageTop): WrittenStage = {
    val builder = new StageBuilder(conf)
    val operators = new ArrayBuffer[Int](parts.length)
    def relation(part: StagePart): Relation = part match {
      case InputPart(plan, number, source, _, _, top) =>
        if (number != builder.newInput()) {
          throw SparkException.internalError("The inputs of a native stage are out of step.")
        }
        val read = source.write(builder, number)
        operators += read.operator
        val relation = top.write(builder, read)
        // Reused, a shuffle goes by other names.
        plan.fold(relation)(rows => relation.copy(output = rows.output))
      case OperatorPart(operator, entry, children, _) =>
        val written = entry.write(operator, children.map(relation), builder)
        operators += written.operator
        written
    }
    val whole = top.write(builder, relation(root))
    WrittenStage(builder.build(whole), operators.toArray, whole.output.length)
  }

  private def open(plan: SparkPlan): StagePart = note(plan match {
    case NativeInputExec(child) =>
      NativeBroadcastExchangeExec.behind(child) match {
        case Some(broadcast) => openBroadcast(child, broadcast)
        case None => openRows(child)
      }
    case operator =>
      finishSubqueries(operator)
      OperatorRegistry.entry(operator) match {
        case Some(leaf: LeafOperator) =>
          val OpenedLeaf(source, splits) = leaf.open(operator, conf)
          val number = newInput()
          InputPart(
            Some(operator), number, source, Layout.perTask(number, splits), operator.metrics)
        case Some(streaming: StreamingOperator) =>
          val children = operator.children.map(open)
          OperatorPart(
            operator, streaming, children, Layout.together(operator, children.map(_.layout)))
        case Some(_: FramingOperator | _: ReplacedOperator) | None =>
          throw SparkException.internalError(s"${operator.nodeName} is in a native stage.")
      }
  })

  private def note(part: StagePart): StagePart = {
    parts += part
    part
  }

  private def openBroadcast(child: SparkPlan, broadcast: NativeBroadcastExchangeExec): InputPart = {
    val rows = PlanningTime.excluding(broadcast.executeNativeBroadcast())
    val number = newInput()
    val source = StageSource(
      child.output,
      Seq(classOf[BroadcastInput]),
      _.broadcastInput(_, child.output),
      _ => BroadcastInput(rows))
    val split = PlacedSplit(BroadcastSplit(rows.id), Nil)
    InputPart(Some(child), number, source, Layout.everywhere(number, split))
  }

  private def openRows(child: SparkPlan): InputPart =
    PlanningTime.excluding(child.execute()) match {
      case shuffle: NativeShuffleReadRDD => shuffleRead(Some(child), shuffle.source)
      case rows =>
        val number = newInput()
        val source = StageSource(
          child.output,
          Seq(classOf[RowsInput]),
          _.rowsInput(_, child.output),
          _ => RowsInput(rows, child.output.map(_.dataType).toArray))
        val splits = rows.partitions.toSeq.map(partition => PlacedSplit(RowsSplit(partition), Nil))
        InputPart(Some(child), number, source, Layout.perTask(number, splits))
    }

  private def shuffleRead(plan: Option[SparkPlan], shuffle: NativeShuffleSource): InputPart = {
    val number = newInput()
    val source = StageSource(
      shuffle.output,
      Seq(classOf[ShuffleInput]),
      _.shuffleRead(_, shuffle.output),
      ShuffleInput(shuffle.dependency, shuffle.readMetrics, _))
    val splits = shuffle.specs.map(spec => PlacedSplit(ShuffleSplit(spec), Nil))
    InputPart(plan, number, source, Layout.perTask(number, splits), top = shuffle.top)
  }

  private def newInput(): Int = {
    inputs += 1
    inputs - 1
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
