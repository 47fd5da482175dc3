package org.arclight.spark.suites

import java.util.concurrent.atomic.AtomicInteger

import org.apache.spark.sql.execution.QueryExecution
import org.apache.spark.sql.util.QueryExecutionListener

import org.arclight.spark.explain.NativePlans

/** Counts the queries that a suite runs, and those of them in which the engine ran an operator. */
object NativeQueries {
  private val all = new AtomicInteger
  private val native = new AtomicInteger

  def reset(): Unit = {
    all.set(0)
    native.set(0)
  }

  def count: Int = all.get

  def nativeCount: Int = native.get

  private[suites] def add(query: QueryExecution): Unit = {
    all.incrementAndGet()
    if (NativePlans.natives(query.executedPlan).nonEmpty) {
      native.incrementAndGet()
    }
  }
}

/** What Spark tells of each query, to [[NativeQueries]]. */
class NativeQueryListener extends QueryExecutionListener {
  override def onSuccess(function: String, query: QueryExecution, nanoseconds: Long): Unit =
    NativeQueries.add(query)

  override def onFailure(function: String, query: QueryExecution, failure: Exception): Unit = ()
}
