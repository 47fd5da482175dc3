package org.arclight.spark

import java.util.concurrent.atomic.LongAdder

/**
 * The time that Arclight itself takes to plan queries on the driver: in its rules and in writing
 * stages' plans, in nanoseconds since the application started. What they have Spark do meanwhile
 * (list files, run subqueries, execute a child) is not counted.
 */
object PlanningTime {

  /** A part of planning. Time belongs to the innermost part that is open on a thread. */
  sealed abstract class Part {
    private[PlanningTime] val sum = new LongAdder
  }

  /** Saying of operators whether they can be native. */
  case object Tagging extends Part

  /** Making native stages of them. */
  case object Offloading extends Part

  /** Writing stages' plans and tasks' splits. */
  case object Serializing extends Part

  private final class Clock {
    private var part: Option[Part] = None
    private var since = 0L

    /** Books the time so far, goes on with another part and gives the one before. */
    def turnTo(next: Option[Part]): Option[Part] = {
      val before = part
      val now = System.nanoTime()
      before.foreach(_.sum.add(now - since))
      part = next
      since = now
      before
    }
  }

  private val clocks = ThreadLocal.withInitial[Clock](() => new Clock)

  /** The time of all parts. */
  def nanoseconds: Long = Seq(Tagging, Offloading, Serializing).map(nanoseconds).sum

  /** The time of one part. */
  def nanoseconds(part: Part): Long = part.sum.sum()

  /** Counts the time of some work. */
  private[spark] def measure[T](part: Part)(work: => T): T = during(Some(part))(work)

  /** Leaves the time of some work out, though the work around it is measured. */
  private[spark] def excluding[T](work: => T): T = during(None)(work)

  private def during[T](part: Option[Part])(work: => T): T = {
    val clock = clocks.get
    val before = clock.turnTo(part)
    try work
    finally clock.turnTo(before)
  }
}
