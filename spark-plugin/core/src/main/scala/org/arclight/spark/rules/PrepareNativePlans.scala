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

  /** What is left to do where `prepare` failed, and the surveyed plan stays. */
  def undo(survey: PlanSurvey): Unit = ()
}

/**
 * What is done to a whole plan, with the exchanges that are no stages yet planned anew: before and
 * after every adaptive stage, as a rule of query-stage preparation. That is so often that its steps
 * share one look at the plan.
 */
private[spark] sealed class PrepareNativePlans(steps: Seq[PreparationStep]) extends Rule[SparkPlan] {

  override def apply(plan: SparkPlan): SparkPlan =
    if (ArclightConf.isEnabled(conf)) {
      PlanningTime.measure {
        steps.filter(_.isOn).foldLeft(new PlanSurvey(plan))(prepared).plan
      }
    } else {
      plan
    }

  private def prepared(survey: PlanSurvey, step: PreparationStep): PlanSurvey = {
    val plan = RuleDefect.guarded(step.name, conf, { _ => step.undo(survey); survey.plan }) {
      step.prepare(survey)
    }
    if (plan eq survey.plan) survey else new PlanSurvey(plan)
  }
}

private[spark] object PrepareNativePlans
  extends PrepareNativePlans(List(
    ShareAggregations,
    AggregateBelowExpand,
    RemoveSmallExchanges,
    TagNativePlans,
    InsertRuntimeFilters))
