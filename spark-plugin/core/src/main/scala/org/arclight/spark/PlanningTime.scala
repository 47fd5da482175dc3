package org.arclight.spark

import java.util.concurrent.atomic.LongAdder

/**
 * The time that Arclight itself takes to plan queries on the driver: in its rules and in writing
 * stages' plans, in nanoseconds since the application started. What they have Spark do meanwhile
 * (list files, run subqueries, execute a child) is not counted.
 */
object PlanningTime {

  private val sum = new LongAdder

  /** What a thread counts. */
  private final class Clock {
    private var since = 0L
    var isRunning = false

    def start(): Unit = {
      isRunning = true
      since = System.nanoTime()
    }

    def stop(): Unit = {
      sum.add(System.nanoTime() - since)
      isRunning = false
    }
  }

  private val clocks = ThreadLocal.withInitial[Clock](() => new Clock)

  /** The time so far. */
  def nanoseconds: Long = sum.sum()

  /** Counts the time of some work. */
  private[spark] def measure[T](work: => T): T = {
    val clock = clocks.get
    if (clock.isRunning) {
      work
    } else {
      clock.start()
      try work
      finally clock.stop()
    }
  }

  /** Leaves the time of some work out, though the work around it is measured. */
  private[spark] def excluding[T](work: => T): T = {
    val clock = clocks.get
    if (clock.isRunning) {
      clock.stop()
      try work
      finally clock.start()
    } else {
      work
    }
  }
}
