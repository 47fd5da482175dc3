package org.arclight.spark.rules

import org.apache.spark.sql.catalyst.trees.TreeNodeTag
import org.apache.spark.sql.execution.SparkPlan

import org.arclight.spark.PlanningTime

/** Whether an operator can be native, and why not. */
sealed trait OperatorVerdict

/**
 * What is found out when it is first asked for: adaptive execution plans most operators anew before
 * it runs them. It goes with copies of a node, and to executors it goes unasked.
 */
private[rules] final class Later[T](@transient private var find: () => T) extends Serializable {
  @transient lazy val value: T = {
    val found = PlanningTime.measure(find())
    // It holds plans.
    find = null
    found
  }
}

object OperatorVerdict {

  /**
   * It can.
   *
   * @param throughJvm why an expression of it is evaluated by Spark's own code, if one is
   */
  final case class NativeOperator(throughJvm: Option[String]) extends OperatorVerdict

  /** It stays Spark's. */
  final case class JvmOperator(reason: String) extends OperatorVerdict

  private val VERDICT = TreeNodeTag[Later[OperatorVerdict]]("arclight.verdict")
  private val OBSTACLE = TreeNodeTag[String]("arclight.obstacle")

  /** What the tagger said of a node. */
  def of(plan: SparkPlan): Option[OperatorVerdict] = plan.getTagValue(VERDICT).map(_.value)

  /** Whether the tagger has been at a node. */
  private[rules] def isTagged(plan: SparkPlan): Boolean = plan.getTagValue(VERDICT).isDefined

  def isNative(plan: SparkPlan): Boolean = of(plan).exists(_.isInstanceOf[NativeOperator])

  private[rules] def put(plan: SparkPlan, verdict: => OperatorVerdict): Unit =
    plan.setTagValue(VERDICT, new Later(() => verdict))

  private val NATIVE_CONSUMER = TreeNodeTag[Later[Boolean]]("arclight.nativeConsumer")

  /** Whether the operator that reads an exchange can be native. */
  private[rules] def hasNativeConsumer(exchange: SparkPlan): Boolean =
    exchange.getTagValue(NATIVE_CONSUMER).exists(_.value)

  private[rules] def putConsumer(exchange: SparkPlan, native: => Boolean): Unit =
    exchange.setTagValue(NATIVE_CONSUMER, new Later(() => native))

  /** Why a node that could be native was not made so where it stands. */
  def obstacle(plan: SparkPlan): Option[String] = plan.getTagValue(OBSTACLE)

  private[rules] def putObstacle(plan: SparkPlan, reason: String): Unit =
    plan.setTagValue(OBSTACLE, reason)
}
