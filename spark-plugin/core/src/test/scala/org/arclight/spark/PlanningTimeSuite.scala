package org.arclight.spark

import org.scalatest.funsuite.AnyFunSuite

import org.arclight.spark.PlanningTime.{Offloading, Serializing, Tagging}

class PlanningTimeSuite extends AnyFunSuite {
  private val MILLISECOND = 1000000L

  private def spent(work: => Unit): Map[PlanningTime.Part, Long] = {
    val parts = Seq(Tagging, Offloading, Serializing)
    val before = parts.map(PlanningTime.nanoseconds)
    work
    parts.zip(before).map { case (part, sum) => part -> (PlanningTime.nanoseconds(part) - sum) }.toMap
  }

  test("time belongs to the innermost part, and what is Spark's to none") {
    val times = spent {
      PlanningTime.measure(Offloading) {
        PlanningTime.measure(Tagging)(Thread.sleep(20))
        PlanningTime.excluding {
          Thread.sleep(200)
          PlanningTime.measure(Serializing)(Thread.sleep(20))
        }
        Thread.sleep(20)
      }
    }
    times.values.foreach { time =>
      assert(time >= 19 * MILLISECOND && time < 150 * MILLISECOND, times)
    }
  }

  test("time is counted until an exception leaves") {
    val times = spent {
      intercept[IllegalStateException] {
        PlanningTime.measure(Tagging)(throw new IllegalStateException)
      }
      Thread.sleep(50)
    }
    assert(times(Tagging) < 40 * MILLISECOND)
  }
}
