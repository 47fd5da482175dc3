package org.arclight.spark.execution

import org.apache.spark.rdd.RDD
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.{Attribute, SortOrder}
import org.apache.spark.sql.catalyst.plans.physical.Partitioning
import org.apache.spark.sql.execution.{ColumnarToRowExec, InputAdapter, SparkPlan, UnaryExecNode, WholeStageCodegenExec}
import org.apache.spark.sql.execution.metric.{SQLMetric, SQLMetrics}

/**
 * Operators that run natively, as one pipeline a task.
 *
 * {{{
 *   NativeStage
 *   +- HashAggregate          Spark's nodes; they are not executed, but keep their metrics,
 *      +- Filter              subqueries and places in EXPLAIN and the UI
 *         +- NativeInput      the border: what is below gives rows or shuffle blocks
 *            +- Exchange
 * }}}
 *
 * It is row-based to Spark: it gives UnsafeRows that are written natively.
 *
 * @param child the top operator
 */
final case class NativeStageExec(child: SparkPlan) extends UnaryExecNode {

  override def output: Seq[Attribute] = child.output

  override def outputPartitioning: Partitioning = child.outputPartitioning

  override def outputOrdering: Seq[SortOrder] = child.outputOrdering

  override def nodeName: String = "NativeStage"

  /** The operators that run natively, the top one first. */
  def operators: Seq[SparkPlan] = NativeStageExec.operators(child)

  /** What the stage reads of the JVM. */
  def inputs: Seq[NativeInputExec] = NativeStageExec.inputs(child)

  override lazy val metrics: Map[String, SQLMetric] = Map(
    "nativeTime" -> SQLMetrics.createTimingMetric(sparkContext, "time in native operators"),
    "bytesRead" -> SQLMetrics.createSizeMetric(sparkContext, "bytes read"),
    "rowGroupsRead" -> SQLMetrics.createMetric(sparkContext, "number of row groups read"),
    "rowGroupsPruned" -> SQLMetrics.createMetric(sparkContext, "number of row groups pruned"),
    "rowsPruned" -> SQLMetrics.createMetric(sparkContext, "number of rows pruned by page"),
    "batches" -> SQLMetrics.createMetric(sparkContext, "number of batches"),
    "jvmRows" -> SQLMetrics.createMetric(sparkContext, "number of rows evaluated by Spark"),
    "spillSize" -> SQLMetrics.createSizeMetric(sparkContext, "spill size"),
    "peakMemory" -> SQLMetrics.createSizeMetric(sparkContext, "peak memory"))

  override protected def doExecute(): RDD[InternalRow] = compile(_ => StageTop.NOTHING)

  override def executeCollect(): Array[InternalRow] =
    CollectedFrames.collectRows(execute(), output)

  /**
   * The stage as an RDD.
   *
   * @param top the last relations on top, given the number of tasks
   * @param indeterminate whether a task run again may give other rows
   */
  private[execution] def compile(
      top: Int => StageTop,
      indeterminate: Boolean = false): NativeStageRDD =
    new StageCompiler(sparkContext, conf).compile(child, metrics, top, indeterminate)

  // As if the operators were Spark's: exchanges above are reused where Spark would reuse them.
  override protected def doCanonicalize(): SparkPlan = child.canonicalized

  override protected def withNewChildInternal(newChild: SparkPlan): NativeStageExec =
    copy(child = NativeStageExec.withoutWrappers(newChild))
}

object NativeStageExec {

  /**
   * Spark's later rules wrap operators in transitions and generated code, since they don't know
   * that these aren't executed. Undone down to the stage's border.
   */
  private def withoutWrappers(plan: SparkPlan): SparkPlan = plan match {
    case input: NativeInputExec => input
    case ColumnarToRowExec(child) => withoutWrappers(child)
    case generated: WholeStageCodegenExec => withoutWrappers(generated.child)
    case InputAdapter(child) => withoutWrappers(child)
    case operator => operator.mapChildren(withoutWrappers)
  }

  private def operators(plan: SparkPlan): Seq[SparkPlan] = plan match {
    case _: NativeInputExec => Nil
    case operator => operator +: operator.children.flatMap(operators)
  }

  private def inputs(plan: SparkPlan): Seq[NativeInputExec] = plan match {
    case input: NativeInputExec => Seq(input)
    case operator => operator.children.flatMap(inputs)
  }
}

/** The border of a native stage: what is below runs in stages of its own or in the JVM. */
final case class NativeInputExec(child: SparkPlan) extends UnaryExecNode {

  override def output: Seq[Attribute] = child.output

  override def outputPartitioning: Partitioning = child.outputPartitioning

  override def outputOrdering: Seq[SortOrder] = child.outputOrdering

  override def nodeName: String = "NativeInput"

  override protected def doExecute(): RDD[InternalRow] = child.execute()

  override protected def doCanonicalize(): SparkPlan = child.canonicalized

  override protected def withNewChildInternal(newChild: SparkPlan): NativeInputExec =
    copy(child = newChild)
}
