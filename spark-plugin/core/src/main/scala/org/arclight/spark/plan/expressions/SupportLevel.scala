package org.arclight.spark.plan.expressions

/** How an expression of a native operator is evaluated, if it may be in one. */
sealed trait SupportLevel {

  /** Whether an operator with this expression can be native. */
  def isSupported: Boolean = true

  /** The worse of two levels. */
  final def and(other: => SupportLevel): SupportLevel = this match {
    case Native => other
    case _: Unsupported => this
    case through: ThroughJvm => other match {
      case refused: Unsupported => refused
      case _ => through
    }
  }
}

/** By the engine's kernels. */
case object Native extends SupportLevel

/** By Spark's own code, a batch at a time, wholly or in part. */
final case class ThroughJvm(reason: String) extends SupportLevel

/** Not at all: its operator stays in the JVM. */
final case class Unsupported(reason: String) extends SupportLevel {
  override def isSupported: Boolean = false
}

object SupportLevel {

  /** The worst level of several expressions. */
  def all(levels: Iterator[SupportLevel]): SupportLevel = {
    var worst: SupportLevel = Native
    while (levels.hasNext && worst.isSupported) worst = worst.and(levels.next())
    worst
  }
}
