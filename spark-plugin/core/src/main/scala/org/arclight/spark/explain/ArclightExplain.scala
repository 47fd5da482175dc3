package org.arclight.spark.explain

import org.apache.spark.sql.ExtendedExplainGenerator
import org.apache.spark.sql.execution.SparkPlan

/** Adds to EXPLAIN which operators are native: `*`, `@` with Spark's own expressions, `!` not. */
class ArclightExplain extends ExtendedExplainGenerator {
  override def title: String = "Arclight"

  override def generateExtendedInfo(plan: SparkPlan): String = NativePlans.describe(plan)
}
