package org.arclight.spark.explain

import scala.util.control.NonFatal

import org.apache.spark.internal.Logging
import org.apache.spark.sql.execution.QueryExecution
import org.apache.spark.sql.util.QueryExecutionListener

import org.arclight.spark.ArclightConf

/** Logs executed plans as `spark.arclight.explain` asks. */
class ExplainListener extends QueryExecutionListener with Logging {
  override def onSuccess(name: String, execution: QueryExecution, nanos: Long): Unit =
    log(execution)

  override def onFailure(name: String, execution: QueryExecution, error: Exception): Unit =
    log(execution)

  private def log(execution: QueryExecution): Unit =
    try {
      ArclightConf.EXPLAIN.get(execution.sparkSession.sessionState.conf) match {
        case "all" => logInfo(s"Arclight\n${NativePlans.describe(execution.executedPlan)}")
        case "fallback" =>
          val text = NativePlans.describe(execution.executedPlan, onlyFallbacks = true)
          if (text.nonEmpty) logInfo(s"Arclight left to Spark\n$text")
        case _ =>
      }
    } catch {
      case NonFatal(defect) => logWarning("Arclight could not explain a plan", defect)
    }
}
