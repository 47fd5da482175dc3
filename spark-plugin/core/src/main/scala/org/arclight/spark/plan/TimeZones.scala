package org.arclight.spark.plan

import java.time.{Instant, LocalDateTime, ZoneId, ZoneOffset}
import java.util.concurrent.ConcurrentHashMap

import scala.collection.mutable.ArrayBuffer
import scala.jdk.CollectionConverters._

import com.google.protobuf.ByteString
import org.apache.spark.sql.catalyst.util.DateTimeUtils
import org.arclight.proto.{StageInfo, ZoneRules}

/** The rules of time zones, as the JVM's own database has them. */
object TimeZones {

  /** The first second of the year in which the unrolled rules end. */
  val LAST_SECOND: Long = LocalDateTime.of(2300, 1, 1, 0, 0).toEpochSecond(ZoneOffset.UTC)

  private val encoded = new ConcurrentHashMap[String, ByteString]

  /**
   * A StageInfo of nothing but a zone's rules, which are long: behind the bytes of another one it
   * adds them.
   */
  def encodedInfo(zone: String): ByteString = encoded.computeIfAbsent(
    zone, name => StageInfo.newBuilder().setTimeZone(rules(name)).build().toByteString)

  /** The rules of a zone by Spark's name of it; recurring rules are unrolled up to the year 2300. */
  def rules(zone: String): ZoneRules = {
    val rules = DateTimeUtils.getZoneId(zone).getRules
    val seconds = ArrayBuffer.empty[java.lang.Long]
    val offsets = ArrayBuffer.empty[java.lang.Integer]
    val fixed = rules.getTransitions.asScala
    offsets += firstOffset(rules)
    fixed.foreach { transition =>
      seconds += transition.toEpochSecond
      offsets += transition.getOffsetAfter.getTotalSeconds
    }
    val recurs = !rules.getTransitionRules.isEmpty
    if (recurs) {
      var from = fixed.lastOption.map(_.getInstant).getOrElse(Instant.MIN)
      var going = true
      while (going) {
        val next = rules.nextTransition(from)
        if (next == null || next.toEpochSecond >= LAST_SECOND) {
          going = false
        } else {
          seconds += next.toEpochSecond
          offsets += next.getOffsetAfter.getTotalSeconds
          from = next.getInstant
        }
      }
    }
    val builder = ZoneRules.newBuilder()
      .setId(zone)
      .addAllTransitions(seconds.asJava)
      .addAllOffsets(offsets.asJava)
    if (recurs) builder.setValidUntil(LAST_SECOND)
    builder.build()
  }

  /** Whether two of Spark's names mean the same zone. */
  def same(one: String, other: String): Boolean =
    one == other || zone(one) == zone(other)

  private def zone(name: String): ZoneId = DateTimeUtils.getZoneId(name)

  private def firstOffset(rules: java.time.zone.ZoneRules): Int = {
    val transitions = rules.getTransitions
    if (transitions.isEmpty) {
      rules.getOffset(Instant.EPOCH).getTotalSeconds
    } else {
      transitions.get(0).getOffsetBefore.getTotalSeconds
    }
  }
}
