package org.apache.spark.arclight

import org.apache.spark.SparkContext

/** The events that listeners get of the queries that have run. */
object QueryEvents {

  /** Waits until the listeners have got all of them. */
  def drain(context: SparkContext): Unit = context.listenerBus.waitUntilEmpty()
}
