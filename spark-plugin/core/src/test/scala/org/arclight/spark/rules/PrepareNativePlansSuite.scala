package org.arclight.spark.rules

import org.apache.spark.sql.QueryTest
import org.apache.spark.sql.catalyst.expressions.Literal
import org.apache.spark.sql.execution.{FilterExec, LocalTableScanExec, SparkPlan}
import org.apache.spark.sql.test.SharedSparkSession

import org.arclight.spark.ArclightConf

class PrepareNativePlansSuite extends QueryTest with SharedSparkSession {

  private lazy val before = LocalTableScanExec(Nil, Nil, None)

  /** Puts a filter on top of what it gets. */
  private object Grows extends PreparationStep {
    override def prepare(survey: PlanSurvey): SparkPlan = FilterExec(Literal(true), survey.plan)
  }

  private object Fails extends PreparationStep {
    var undone: Option[SparkPlan] = None

    override def prepare(survey: PlanSurvey): SparkPlan = throw new IllegalStateException("no")

    override def undo(survey: PlanSurvey): Unit = undone = Some(survey.plan)
  }

  private object IsOff extends PreparationStep {
    override def isOn: Boolean = false

    override def prepare(survey: PlanSurvey): SparkPlan = throw new IllegalStateException("off")
  }

  private def prepared(steps: PreparationStep*): SparkPlan =
    new PrepareNativePlans(steps).apply(before)

  private lazy val once = FilterExec(Literal(true), before)

  test("a step gets what the one before it made") {
    assert(prepared() eq before)
    assert(prepared(Grows, IsOff, Grows) == FilterExec(Literal(true), once))
  }

  test("a step that fails is left out and undone, the others are not") {
    withSQLConf(ArclightConf.TEST_FAIL_ON_DEFECT.key -> "false") {
      assert(prepared(Grows, Fails, Grows) == FilterExec(Literal(true), once))
      assert(Fails.undone.contains(once))
    }
  }

  test("tests see what a step raises") {
    withSQLConf(ArclightConf.TEST_FAIL_ON_DEFECT.key -> "true") {
      assert(intercept[IllegalStateException](prepared(Grows, Fails)).getMessage == "no")
    }
  }

  test("a setting of a step that is none is the user's to mend") {
    withSQLConf(ArclightConf.STAGE_FILTERS.key -> "perhaps") {
      val error = intercept[IllegalArgumentException](PrepareNativePlans(before))
      assert(error.getMessage.contains(ArclightConf.STAGE_FILTERS.key))
    }
  }

  test("switched off, plans are Spark's") {
    withSQLConf(ArclightConf.ENABLED.key -> "false") {
      assert(prepared(Grows) eq before)
    }
  }
}
