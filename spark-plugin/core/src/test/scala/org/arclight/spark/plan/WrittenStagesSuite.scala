package org.arclight.spark.plan

import org.apache.spark.SparkException
import org.apache.spark.sql.internal.SQLConf
import org.scalatest.funsuite.AnyFunSuite

import org.arclight.spark.ArclightConf

class WrittenStagesSuite extends AnyFunSuite {

  private val conf = new SQLConf

  private def key(name: Any): Option[StageKey] = StageKey.of(conf, Seq(name))

  private def stage(size: Int): WrittenStage = {
    val bytes = new Array[Byte](size)
    WrittenStage(StagePlan(bytes, StagePlan.digest(bytes), Nil, Nil, 1), Array(0), 1)
  }

  private def fails: WrittenStage = throw new IllegalStateException

  test("what was neither written nor found for longest goes first") {
    val stages = new WrittenStages(2)
    val (one, two) = (stage(1), stage(2))
    assert(stages.get(key(1), conf)(one) eq one)
    assert(stages.get(key(2), conf)(two) eq two)
    assert(stages.get(key(1), conf)(fails) eq one)
    stages.get(key(3), conf)(stage(3))
    assert(stages.get(key(1), conf)(fails) eq one)
    intercept[IllegalStateException](stages.get(key(2), conf)(fails))
    assert(stages.found.sum == 2 && stages.written.sum == 3)
  }

  test("no key, a plan too large, none to be remembered: written each time") {
    def writtenTwice(stages: WrittenStages, key: => Option[StageKey], size: Int): Unit = {
      stages.get(key, conf)(stage(size))
      intercept[IllegalStateException](stages.get(key, conf)(fails))
    }
    writtenTwice(new WrittenStages(2), None, 1)
    writtenTwice(new WrittenStages(2), key(1), 1 << 17)
    writtenTwice(new WrittenStages(0), fail("nobody should ask"), 1)
  }

  test("tests write again what is remembered") {
    val checking = new SQLConf
    checking.setConfString(ArclightConf.TEST_WRITE_AGAIN.key, "true")
    val stages = new WrittenStages(2)
    stages.get(key(1), checking)(stage(1))
    stages.get(key(1), checking)(stage(1))
    intercept[SparkException](stages.get(key(1), checking)(stage(2)))
  }
}
