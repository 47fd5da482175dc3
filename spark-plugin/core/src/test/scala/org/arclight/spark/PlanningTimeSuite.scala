package org.arclight.spark

import org.scalatest.funsuite.AnyFunSuite

class PlanningTimeSuite extends AnyFunSuite {
  private val MILLISECOND = 1000000L

  private def spent(work: => Unit): Long = {
    val before = PlanningTime.nanoseconds
    work
    PlanningTime.nanoseconds - before
  }

  test("all that is Arclight's counts once, and nothing that is Spark's") {
    val time = spent {
      PlanningTime.measure {
        PlanningTime.measure(Thread.sleep(20))
        PlanningTime.excluding {
          Thread.sleep(200)
          PlanningTime.measure(Thread.sleep(20))
          PlanningTime.excluding(Thread.sleep(50))
        }
        Thread.sleep(20)
      }
      PlanningTime.excluding(Thread.sleep(50))
    }
    assert(time >= 59 * MILLISECOND && time < 150 * MILLISECOND)
  }

  test("time is counted until an exception leaves") {
    val time = spent {
      intercept[IllegalStateException] {
        PlanningTime.measure[Unit](throw new IllegalStateException)
      }
      Thread.sleep(50)
    }
    assert(time < 40 * MILLISECOND)
  }
}
