package org.arclight.spark.execution

import org.apache.spark.arclight.TaskInternals
import org.apache.spark.broadcast.Broadcast
import org.apache.spark.sql.catalyst.expressions.UnsafeRow
import org.apache.spark.sql.catalyst.plans.physical.BroadcastMode
import org.apache.spark.sql.execution.SparkPlan
import org.apache.spark.sql.execution.adaptive.BroadcastQueryStageExec
import org.apache.spark.sql.execution.arclight.NativeBroadcastJob
import org.apache.spark.sql.execution.exchange.{BroadcastExchangeExec, ReusedExchangeExec}

import org.arclight.spark.ArclightConf

/**
 * A broadcast of rows as they are, which native joins build their tables of, once an executor. It
 * takes the place of [[BroadcastExchangeExec]], and AQE treats it alike; its consumers in the JVM
 * get what its mode says, made of the same rows.
 */
final case class NativeBroadcastExchangeExec(mode: BroadcastMode, child: SparkPlan)
  extends NativeBroadcastJob {

  override def nodeName: String = "NativeBroadcastExchange"

  override protected def collectRows(): (Array[Array[Byte]], Long, Long) = {
    val blockRows = ArclightConf.BATCH_SIZE.get(conf)
    val parts = child.execute().mapPartitions { rows =>
      val packed = PackedRows.pack(rows, blockRows, TaskInternals.compressionCodec)
      Iterator((packed.blocks, packed.count, packed.bytes))
    }.collect()
    (parts.flatMap(_._1), parts.map(_._2).sum, parts.map(_._3).sum)
  }

  override protected def rows(blocks: Array[Array[Byte]]): Iterator[UnsafeRow] =
    PackedRows.rows(blocks, output.length, TaskInternals.compressionCodec)

  /** The rows, for a native join: [[PackedRows.blocks]]. */
  def executeNativeBroadcast(): Broadcast[Array[Array[Byte]]] = {
    // As executeBroadcast does: it waits for the subqueries.
    executeQuery(broadcastBlocks())
  }

  // As the exchange it replaces: AQE looks finished stages up by Spark's own.
  override protected def doCanonicalize(): SparkPlan =
    BroadcastExchangeExec(mode, child).canonicalized

  override protected def withNewChildInternal(newChild: SparkPlan): NativeBroadcastExchangeExec =
    copy(child = newChild)
}

object NativeBroadcastExchangeExec {

  /** The native broadcast that a plan is, or reuses, or has run as a stage of. */
  def behind(plan: SparkPlan): Option[NativeBroadcastExchangeExec] = plan match {
    case broadcast: NativeBroadcastExchangeExec => Some(broadcast)
    case ReusedExchangeExec(_, child) => behind(child)
    case stage: BroadcastQueryStageExec => behind(stage.plan)
    case _ => None
  }
}
