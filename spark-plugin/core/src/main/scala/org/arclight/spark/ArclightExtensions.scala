package org.arclight.spark

import org.apache.spark.sql.SparkSessionExtensions

import org.arclight.spark.rules._

/**
 * What Arclight injects into a session, in the order in which Spark comes to it. The plugin names
 * this class in `spark.sql.extensions`.
 */
class ArclightExtensions extends (SparkSessionExtensions => Unit) {
  override def apply(extensions: SparkSessionExtensions): Unit = {
    // With AQE, before and after every stage: the whole plan, in Spark's operators.
    extensions.injectQueryStagePrepRule(_ => PrepareNativePlans)
    // When a stage (without AQE: the plan) is about to run: operators become native stages.
    extensions.injectColumnar(_ => ArclightColumnarRule)
  }
}
