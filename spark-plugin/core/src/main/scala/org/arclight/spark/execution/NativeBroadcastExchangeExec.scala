package org.arclight.spark.execution

import org.apache.spark.broadcast.Broadcast
import org.apache.spark.sql.catalyst.plans.physical.BroadcastMode
import org.apache.spark.sql.execution.SparkPlan
import org.apache.spark.sql.execution.adaptive.BroadcastQueryStageExec
import org.apache.spark.sql.execution.arclight.NativeBroadcastJob
import org.apache.spark.sql.execution.exchange.{BroadcastExchangeExec, ReusedExchangeExec}

/**
 * A broadcast of columns, which native joins build their tables of, once an executor. It takes the
 * place of [[BroadcastExchangeExec]], and AQE treats it alike; its consumers in the JVM get what its
 * mode says, made of the same rows.
 *
 * @param child a native stage
 */
final case class NativeBroadcastExchangeExec(mode: BroadcastMode, child: SparkPlan)
  extends NativeBroadcastJob {

  override def nodeName: String = "NativeBroadcastExchange"

  override protected def collectFrames(): Array[CollectedFrames] =
    CollectedFrames.collect(child.execute())

  /** The rows, for a native join: [[CollectedFrames.frames]]. */
  def executeNativeBroadcast(): Broadcast[Array[Array[Byte]]] = {
    // As executeBroadcast does: it waits for the subqueries.
    executeQuery(broadcastFrames())
  }

  // As the exchange it replaces: AQE looks finished stages up by Spark's own.
  override protected def doCanonicalize(): SparkPlan =
    BroadcastExchangeExec(mode, child).canonicalized

  override protected def withNewChildInternal(newChild: SparkPlan): NativeBroadcastExchangeExec =
    copy(child = newChild)
}

object NativeBroadcastExchangeExec {

  /** A native broadcast of a plan's rows, native or not. */
  def of(mode: BroadcastMode, plan: SparkPlan): NativeBroadcastExchangeExec = {
    val stage = plan match {
      case stage: NativeStageExec => stage
      case rows => NativeStageExec(NativeInputExec(rows))
    }
    NativeBroadcastExchangeExec(mode, stage)
  }

  /** The native broadcast that a plan is, or reuses, or has run as a stage of. */
  def behind(plan: SparkPlan): Option[NativeBroadcastExchangeExec] = plan match {
    case broadcast: NativeBroadcastExchangeExec => Some(broadcast)
    case ReusedExchangeExec(_, child) => behind(child)
    case stage: BroadcastQueryStageExec => behind(stage.plan)
    case _ => None
  }
}
