package org.arclight.spark.execution

import java.util.concurrent.TimeUnit.NANOSECONDS

import scala.jdk.CollectionConverters._

import org.apache.spark.{SparkException, TaskContext}
import org.apache.spark.arclight.TaskInternals
import org.apache.spark.internal.Logging
import org.apache.spark.sql.execution.metric.SQLMetric

import org.arclight.proto.{OperatorMetrics, TaskMetrics}

/** Puts what a native task reports into Spark's metrics, under Spark's names. */
object OperatorMetricsReport extends Logging {

  private def time(operator: OperatorMetrics): Long =
    NANOSECONDS.toMillis(operator.getElapsedNanos)

  /** What a report says of an operator, by Spark's names; times are in milliseconds. */
  private val OPERATOR_VALUES: Map[String, OperatorMetrics => Long] = Map(
    "numOutputRows" -> (_.getOutputRows),
    "spillSize" -> (_.getSpilledBytes),
    "peakMemory" -> (_.getPeakMemoryBytes),
    "scanTime" -> time,
    "aggTime" -> time,
    "sortTime" -> time,
    "joinTime" -> time)

  /** How many rows an operator gave. */
  def outputRows(report: TaskMetrics, operator: Int): Long =
    if (operator < report.getOperatorsCount) report.getOperators(operator).getOutputRows else 0L

  /** Adds a task's report to the metrics of the operators and of the task. */
  def apply(report: TaskMetrics, program: StageProgram, context: TaskContext): Unit = {
    report.getOperatorsList.asScala.zip(program.metrics).foreach { case (operator, metrics) =>
      addOperator(operator, metrics)
    }
    program.inputs.foreach {
      case FilesInput(_, operator) if operator < report.getOperatorsCount =>
        val scan = report.getOperators(operator)
        TaskInternals.addInput(context, scan.getBytesRead, scan.getOutputRows)
      case RangeSlices(operator) =>
        TaskInternals.addInput(context, 0L, outputRows(report, operator))
      case _ =>
    }
    addStage(report, program.stageMetrics)
    val spilled = report.getOperatorsList.asScala.map(_.getSpilledBytes).sum
    if (spilled > 0) TaskInternals.addSpill(context, spilled)
    TaskInternals.addPeakMemory(context, report.getPeakMemoryBytes)
    reportDisagreements(report, program, context)
  }

  /** Those of an operator's metrics that a report fills: each costs a task's start and end. */
  def reported(metrics: Map[String, SQLMetric]): Map[String, SQLMetric] =
    metrics.filter { case (name, _) => OPERATOR_VALUES.contains(name) }

  private def addOperator(operator: OperatorMetrics, metrics: Map[String, SQLMetric]): Unit =
    metrics.foreach { case (name, metric) =>
      OPERATOR_VALUES.get(name).foreach(value => metric.add(value(operator)))
    }

  private def addStage(report: TaskMetrics, metrics: Map[String, SQLMetric]): Unit = {
    def add(name: String, value: Long): Unit = metrics.get(name).foreach(_.add(value))
    def sum(value: OperatorMetrics => Long): Long = report.getOperatorsList.asScala.map(value).sum
    add("nativeTime", NANOSECONDS.toMillis(sum(_.getElapsedNanos)))
    add("bytesRead", sum(_.getBytesRead))
    add("rowGroupsRead", sum(_.getRowGroupsRead))
    add("rowGroupsPruned", sum(_.getRowGroupsPruned))
    add("rowsPruned", sum(_.getPrunedRows))
    add("batches", sum(_.getOutputBatches))
    add("jvmRows", sum(_.getJvmRows))
    add("spillSize", sum(_.getSpilledBytes))
    add("peakMemory", report.getPeakMemoryBytes)
  }

  private def reportDisagreements(
      report: TaskMetrics,
      program: StageProgram,
      context: TaskContext): Unit = {
    val disagreements = report.getOperatorsList.asScala.map(_.getKernelDisagreements).sum
    if (disagreements > 0) {
      val message = s"Arclight: in $disagreements batches a kernel failed where Spark's expression " +
        "gives a value; Spark's values were used"
      logWarning(message)
      // After a failure the first error is the one to tell.
      if (program.failOnDisagreement && !context.isFailed()) {
        throw SparkException.internalError(message)
      }
    }
  }
}
