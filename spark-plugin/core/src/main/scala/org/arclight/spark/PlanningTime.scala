package org.arclight.spark

import java.util.concurrent.atomic.LongAdder

/**
 * The time that Arclight itself takes to plan queries on the driver: in its rules and in writing
 * stages' plans, in nanoseconds since the application started. What they have Spark do meanwhile
 * (list files, run subqueries, execute a child) is not counted.
 */
object PlanningTime {

  private val sum = new LongAdder

  /** Whether a thread counts its time, and since when. */
  private final class Clock {
    private var since = 0L
    var isRunning = false

    /** Books the time so far if it was running, and runs from here on if it was not. */
    def turn(): Unit = {
      val now = System.nanoTime()
      if (isRunning) sum.add(now - since)
      since = now
      isRunning = !isRunning
    }
  }

  private val clocks = ThreadLocal.withInitial[Clock](() => new Clock)

  /** The time so far. */
  def nanoseconds: Long = sum.sum()

  /** Counts the time of some work. */
  private[spark] def measure[T](work: => T): T = during(isRunning = true)(work)

  /** Leaves the time of some work out, though the work around it is measured. */
  private[spark] def excluding[T](work: => T): T = during(isRunning = false)(work)

  private def during[T](isRunning: Boolean)(work: => T): T = {
    val clock = clocks.get
    if (clock.isRunning == isRunning) {
      work
    } else {
      clock.turn()
      try work
      finally clock.turn()
    }
  }
}
