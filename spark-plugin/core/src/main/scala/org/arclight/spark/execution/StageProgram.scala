package org.arclight.spark.execution

import org.apache.spark.sql.execution.metric.SQLMetric

import org.arclight.spark.plan.JvmExpression

/**
 * What all tasks of a stage run. It travels in the task binary.
 *
 * @param plan the stage's Substrait plan
 * @param digest identifies the plan
 * @param jvmExpressions the stage's expressions that Spark's own code evaluates
 * @param metrics Spark's metrics of the operators, by the operators' numbers
 * @param stageMetrics Spark's metrics of the stage as a whole
 * @param inputs what the stage reads, by the inputs' numbers
 * @param fields the number of columns of the stage's rows
 * @param batchRows how many JVM rows are handed over at once at most
 * @param failOnDisagreement whether a kernel that disagrees with Spark fails the task
 * @param failOnLeak whether memory that is reserved at a task's end fails the task
 */
final case class StageProgram(
    plan: Array[Byte],
    digest: Array[Byte],
    jvmExpressions: Array[JvmExpression],
    metrics: Array[Map[String, SQLMetric]],
    stageMetrics: Map[String, SQLMetric],
    inputs: Array[StageInput],
    fields: Int,
    batchRows: Int,
    failOnDisagreement: Boolean,
    failOnLeak: Boolean)
