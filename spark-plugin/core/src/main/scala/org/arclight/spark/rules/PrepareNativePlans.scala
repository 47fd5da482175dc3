package org.arclight.spark.rules

import org.apache.spark.sql.catalyst.SQLConfHelper
import org.apache.spark.sql.catalyst.rules.Rule
import org.apache.spark.sql.execution.SparkPlan

import org.arclight.spark.{ArclightConf, PlanningTime}

/** A part of [[PrepareNativePlans]]. */
private[rules] trait PreparationStep extends SQLConfHelper {

  /** What it is called where it fails. */
  final val name: String = getClass.getSimpleName.stripSuffix("$")

  /** Whether the session wants it. */
  def isOn: Boolean = true

  /** A plan in the place of the surveyed one; that one itself if there is nothing to change. */
  def prepare(survey: PlanSurvey): SparkPlan

  /** Lets the plan stay Spark's where `prepare` failed. */
  def undo(survey: PlanSurvey): Unit = ()
}

/**
 * What is done to a whole plan, with the exchanges that are no stages yet planned anew: before and
 * after every adaptive stage, as a rule of query-stage preparation. It is by far the most frequent
 * work of planning, so that its steps share one look at the plan.
 */
object PrepareNativePlans extends Rule[SparkPlan] {

  private val steps: Seq[PreparationStep] = Seq(
    ShareAggregations,
    AggregateBelowExpand,
    RemoveSmallExchanges,
    TagNativePlans,
    InsertRuntimeFilters)

  override def apply(plan: SparkPlan): SparkPlan =
    if (ArclightConf.isEnabled(conf)) {
      RuleDefect.guarded(ruleName, conf, _ => plan) {
        PlanningTime.measure {
          steps.foldLeft(PlanSurvey.of(plan))(prepared).plan
        }
      }
    } else {
      plan
    }

  private def prepared(survey: PlanSurvey, step: PreparationStep): PlanSurvey = {
    val plan = if (step.isOn) {
      RuleDefect.guarded(step.name, conf, { _ => step.undo(survey); survey.plan }) {
        step.prepare(survey)
      }
    } else {
      survey.plan
    }
    if (plan eq survey.plan) survey else PlanSurvey.of(plan)
  }
}
