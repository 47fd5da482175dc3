package org.arclight.spark.rules

import scala.util.control.NonFatal

import org.apache.spark.internal.Logging
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.ArclightConf

/** A query must not fail because a rule of Arclight does: it then runs as Spark planned it. */
private[rules] object RuleDefect extends Logging {

  /** What a rule finds or makes; if it fails, what there is instead. */
  def guarded[T](rule: String, conf: SQLConf, instead: Throwable => T)(work: => T): T =
    try {
      work
    } catch {
      case NonFatal(defect) =>
        val other = instead(defect)
        handle(rule, defect, conf)
        other
    }

  /** Reports what a rule raised; in tests raises it again. */
  private def handle(rule: String, defect: Throwable, conf: SQLConf): Unit =
    if (ArclightConf.TEST_FAIL_ON_DEFECT.get(conf)) {
      throw defect
    } else {
      logWarning(s"Arclight's rule $rule failed, and the plan stays as it was", defect)
    }
}
