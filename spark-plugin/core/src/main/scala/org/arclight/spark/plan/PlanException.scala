package org.arclight.spark.plan

import org.apache.spark.SparkException

/**
 * A stage was to be written as a plan though it can't be: a defect, since whoever offloads an
 * operator asks first whether it is supported.
 */
final class PlanException(message: String)
  extends SparkException(s"Arclight could not write a stage's plan: $message")
