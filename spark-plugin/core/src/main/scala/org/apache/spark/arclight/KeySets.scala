package org.apache.spark.arclight

import scala.collection.mutable

import org.apache.spark.SparkContext
import org.apache.spark.util.AccumulatorV2

import org.arclight.spark.execution.CollectedKeys.ColumnSets

/**
 * What the tasks of a map stage collected: by partition, for each column its set of keys, or None.
 * A task that runs again reports the same.
 */
final class KeySets private (columns: Int, @transient private val onGivenUp: () => Unit)
  extends AccumulatorV2[(Int, Seq[Option[Array[Byte]]]), KeySets.Value] {

  private val sets = mutable.HashMap.empty[Int, Seq[Option[Array[Byte]]]]

  // A set is worth nothing before its task has ended.
  override def excludeFromHeartbeat: Boolean = true

  override def isZero: Boolean = synchronized(sets.isEmpty)

  override def copy(): KeySets = {
    val other = new KeySets(columns, () => ())
    synchronized(other.sets ++= sets)
    other
  }

  override def copyAndReset(): KeySets = new KeySets(columns, () => ())

  override def reset(): Unit = synchronized(sets.clear())

  override def add(found: (Int, Seq[Option[Array[Byte]]])): Unit = synchronized {
    sets += found
  }

  override def merge(other: AccumulatorV2[(Int, Seq[Option[Array[Byte]]]), KeySets.Value]): Unit = {
    val more = other.value
    synchronized(sets ++= more)
    // One task without keys, and there are none of the stage.
    if (onGivenUp != null && more.values.exists(_.forall(_.isEmpty))) onGivenUp()
  }

  override def value: KeySets.Value = synchronized(sets.toMap)

  /** The sets of all tasks, if each has reported, by column: None where one has too many keys. */
  def complete(partitions: Int): Option[ColumnSets] = {
    val all = value
    if (all.size != partitions) {
      None
    } else {
      Some((0 until columns).map { column =>
        val found = all.values.map(_(column)).toSeq
        val bytes = found.flatten.map(_.length.toLong).sum
        if (found.forall(_.isDefined) && bytes <= KeySets.MAX_BYTES) Some(found.flatten) else None
      })
    }
  }
}

object KeySets {
  type Value = Map[Int, Seq[Option[Array[Byte]]]]

  /** What the sets of a column may take together: they travel in a stage's plan. */
  private val MAX_BYTES = 8L << 20

  /** One for a map stage that collects some columns. */
  def register(
      context: SparkContext,
      columns: Int,
      onGivenUp: () => Unit): KeySets = {
    val sets = new KeySets(columns, onGivenUp)
    context.register(sets)
    sets
  }
}
