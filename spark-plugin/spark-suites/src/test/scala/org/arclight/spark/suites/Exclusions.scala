package org.arclight.spark.suites

import java.nio.charset.StandardCharsets.UTF_8

/**
 * Why a published test does not run here.
 *
 * @param kind one of [[Exclusion.KINDS]]
 * @param reason what the test demands, in words
 */
final case class Exclusion(kind: String, reason: String) {
  override def toString: String = s"$kind: $reason"
}

object Exclusion {

  /** The test asserts on something of the JVM's execution, which is not there. */
  private val OF_THE_JVM = Set("plan", "metrics", "codegen", "memory")

  /** The test asserts on what becomes of partitions of so many bytes; native blocks have fewer. */
  private val SIZE = "size"

  /** The test fails without the plugin too, where it is built so far. */
  val ENVIRONMENT = "environment"

  /** The test asserts on the order of rows that its query leaves open. */
  private val ORDER = "order"

  /** All that may excuse a test. A wrong row does not. */
  val KINDS: Set[String] = OF_THE_JVM + SIZE + ORDER + ENVIRONMENT
}

/** The tests of one suite that do not run, from its file in `excluded-tests`. */
object Exclusions {

  /**
   * Reads a suite's file: a line a test, with its name, a kind and a reason between tabs. A suite
   * without a file excludes nothing.
   */
  def of(suite: String): Map[String, Exclusion] = {
    val file = s"/excluded-tests/$suite.tsv"
    Option(getClass.getResourceAsStream(file)).fold(Map.empty[String, Exclusion]) { stream =>
      val text = try new String(stream.readAllBytes(), UTF_8) finally stream.close()
      val entries = text.linesIterator.filterNot(line => line.isBlank || line.startsWith("#"))
        .map(parse(file, _)).toSeq
      val named = entries.toMap
      require(named.size == entries.size, s"$file names a test twice")
      named
    }
  }

  private def parse(file: String, line: String): (String, Exclusion) = line.split("\t") match {
    case Array(test, kind, reason) if Exclusion.KINDS.contains(kind) && reason.nonEmpty =>
      test -> Exclusion(kind, reason)
    case _ =>
      throw new IllegalArgumentException(
        s"$file: not a test, one of ${Exclusion.KINDS.mkString(", ")} and a reason: $line")
  }
}
