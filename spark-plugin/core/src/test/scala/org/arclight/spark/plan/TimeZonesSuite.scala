package org.arclight.spark.plan

import java.time.{Instant, ZoneId}

import scala.jdk.CollectionConverters._
import scala.util.Random

import org.arclight.proto.ZoneRules
import org.scalatest.funsuite.AnyFunSuite

class TimeZonesSuite extends AnyFunSuite {
  private def offset(rules: ZoneRules, second: Long): Int =
    rules.getOffsets(rules.getTransitionsList.asScala.count(_ <= second))

  test("offsets are those of java.time until the rules end") {
    val random = new Random(1)
    Seq("America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata",
      "Pacific/Apia", "UTC", "+05:30").foreach { zone =>
      val rules = TimeZones.rules(zone)
      assert(rules.getOffsetsCount == rules.getTransitionsCount + 1)
      val first = Instant.parse("1800-01-01T00:00:00Z").getEpochSecond
      val edges = rules.getTransitionsList.asScala.flatMap(t => Seq(t - 1, t.toLong, t + 1))
      val others = Seq.fill(500)(first + (random.nextDouble() * (TimeZones.LAST_SECOND - first)).toLong)
      (edges ++ others).foreach { second =>
        val expected = ZoneId.of(zone).getRules
          .getOffset(Instant.ofEpochSecond(second)).getTotalSeconds
        assert(offset(rules, second) == expected, s"$zone at $second")
      }
    }
  }

  test("rules end where they would recur") {
    assert(TimeZones.rules("America/Los_Angeles").getValidUntil == TimeZones.LAST_SECOND)
    assert(!TimeZones.rules("Asia/Kolkata").hasValidUntil)
    assert(!TimeZones.rules("UTC").hasValidUntil)
  }

  test("names of the same zone") {
    assert(TimeZones.same("America/Los_Angeles", "America/Los_Angeles"))
    assert(TimeZones.same("PST", "America/Los_Angeles"))
    assert(!TimeZones.same("UTC", "America/Los_Angeles"))
  }
}
