package org.arclight.spark.execution

import org.apache.spark.rdd.RDD
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.{Attribute, ExprId, SortOrder}
import org.apache.spark.sql.catalyst.plans.physical.Partitioning
import org.apache.spark.sql.execution.{SparkPlan, UnaryExecNode}
import org.apache.spark.sql.execution.exchange.Exchange

/** Gives its child's rows, all of them or less. */
sealed trait KeyOperator extends UnaryExecNode {

  /** The keys that go from one stage to another. */
  def keys: CollectedKeys

  override def output: Seq[Attribute] = child.output

  override def outputPartitioning: Partitioning = child.outputPartitioning

  override def outputOrdering: Seq[SortOrder] = child.outputOrdering
}

/**
 * Has the tasks of the stage below an exchange report the values of some columns. Gives the rows as
 * they are; in the JVM it does no more than that.
 *
 * @param columns what is collected, in the order of the keys' columns
 */
final case class CollectKeysExec(
    @transient keys: CollectedKeys,
    columns: Seq[Attribute],
    child: SparkPlan)
  extends KeyOperator {

  override def nodeName: String = "CollectKeys"

  override protected def doExecute(): RDD[InternalRow] = {
    keys.giveUp()
    child.execute()
  }

  override protected def withNewChildInternal(newChild: SparkPlan): CollectKeysExec =
    copy(child = newChild)
}

/**
 * Leaves out rows below an exchange that a join above has no use for, by the keys of its other
 * side. Rows without a partner may remain, in the JVM all do.
 *
 * @param columns the columns that must have keys
 * @param sources which of the keys' columns each must be in
 */
final case class FilterByKeysExec(
    @transient keys: CollectedKeys,
    columns: Seq[Attribute],
    sources: Seq[ExprId],
    child: SparkPlan)
  extends KeyOperator {

  override def nodeName: String = "FilterByKeys"

  override protected def doExecute(): RDD[InternalRow] = child.execute()

  override protected def withNewChildInternal(newChild: SparkPlan): FilterByKeysExec =
    copy(child = newChild)

  /** The columns with the sets of keys that tasks found, as far as there are any. */
  def filters: Seq[(Attribute, Seq[Array[Byte]])] =
    keys.sets.toSeq.flatMap { sets =>
      columns.zip(sources).flatMap { case (column, source) =>
        sets(keys.columns.indexOf(source)).map(column -> _)
      }
    }
}

/** An exchange whose stage may collect keys, and may filter by those of others. */
trait KeyExchange extends SparkPlan { this: Exchange =>

  /** What collects keys in the stage below. */
  def collecting: Option[CollectKeysExec] = top match {
    case collect: CollectKeysExec => Some(collect)
    case _ => None
  }

  /** The keys that the stage below collects. */
  def collects: Option[CollectedKeys] = collecting.map(_.keys)

  /** The keys that the stage below filters by. */
  def awaits: Seq[CollectedKeys] = {
    def filters(plan: SparkPlan): Seq[CollectedKeys] = plan match {
      case filter: FilterByKeysExec => filter.keys +: filters(filter.child)
      case _ => Nil
    }
    filters(collecting.fold(top)(_.child))
  }

  private def top: SparkPlan = child match {
    case stage: NativeStageExec => stage.child
    case other => other
  }
}
