package org.arclight.spark.rules

import org.apache.spark.sql.catalyst.expressions.{Expression, LeafExpression}
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenFallback
import org.apache.spark.sql.execution.{CodegenSupport, SparkPlan, WholeStageCodegenExec}
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.plan.SparkTypes

/**
 * Says for which operators Spark generates code (`CollapseCodegenStages`): what it evaluates there,
 * and when, differs from what it evaluates elsewhere.
 */
private[rules] object GeneratedCode {

  /** Whether Spark would generate code for an operator. */
  def covers(plan: SparkPlan, conf: SQLConf): Boolean = {
    def tooMany(some: SparkPlan): Boolean =
      if (some.output.exists(column => SparkTypes.isNested(column.dataType))) {
        WholeStageCodegenExec.isTooManyFields(conf, some.schema)
      } else {
        some.output.length > conf.wholeStageMaxNumFields
      }
    plan match {
      case generated: CodegenSupport =>
        conf.wholeStageEnabled && generated.supportCodegen && !tooMany(plan) &&
          !plan.children.exists(tooMany) && !plan.expressions.exists(_.exists(isInterpreted))
      case _ => false
    }
  }

  private def isInterpreted(part: Expression): Boolean = part match {
    case _: LeafExpression => false
    case _: CodegenFallback => true
    case _ => false
  }
}
