package org.arclight.spark.execution

import java.util.concurrent.{CountDownLatch, TimeUnit}

import org.apache.spark.sql.catalyst.expressions.ExprId
import org.apache.spark.sql.execution.SparkPlan
import org.apache.spark.sql.execution.adaptive.QueryStageExec
import org.apache.spark.sql.execution.exchange.Exchange

/**
 * The keys that one side of a shuffled join has, on their way from the map stage that writes that
 * side to the one that writes the other, which leaves out rows without a partner. They stand in
 * both sides' plans: two plans are the same only if they have the same keys.
 *
 * {{{
 *   Join
 *   +- Exchange
 *   :  +- CollectKeys    its tasks report the keys ─┐
 *   :     +- ...                                     │
 *   +- Exchange                                      │
 *      +- FilterByKeys   starts when they are there ◄┘
 *         +- ...
 * }}}
 *
 * A stage that waits never holds up the query for good: AQE may drop the other side, reuse another
 * stage for it, or run it in the JVM. Whoever sees that gives the keys up, and so does the waiting
 * stage itself when nothing leads to them any more.
 *
 * @param columns the collected columns, by their ids in the plan of the side that has them
 */
final class CollectedKeys(val columns: Seq[ExprId]) {
  import CollectedKeys._

  private val settled = new CountDownLatch(1)
  private var found: Option[ColumnSets] = None
  @volatile private var begun = false
  @volatile private var source: Option[SparkPlan] = None

  /** Notes the exchange, not yet a stage, that is to write the side with the keys. */
  def expect(exchange: SparkPlan): Unit = source = Some(exchange)

  /** Notes that the stage that collects them goes to work: it will settle them. */
  def begin(): Unit = begun = true

  /** The keys are there. Later calls do nothing, as after [[giveUp]]. */
  def settle(sets: ColumnSets): Unit = settleWith(Some(sets))

  /** There will be no keys: whoever waits goes on without. */
  def giveUp(): Unit = settleWith(None)

  private def settleWith(sets: Option[ColumnSets]): Unit = synchronized {
    if (!isSettled) {
      found = sets
      settled.countDown()
    }
  }

  /** Whether nobody has to wait any longer. */
  def isSettled: Boolean = settled.getCount == 0

  /** The key sets, if they are there. */
  def sets: Option[ColumnSets] = synchronized(found)

  /** Waits until they are settled, or until `isCancelled`. */
  def await(isCancelled: () => Boolean): Unit = {
    var lost = 0
    while (!settled.await(CHECK_MILLIS, TimeUnit.MILLISECONDS) && !isCancelled()) {
      lost = if (begun || source.exists(isPending)) 0 else lost + 1
      if (lost == LOST_CHECKS) giveUp()
    }
  }

  /** Whether something that an exchange reads is still to run. */
  private def isPending(exchange: SparkPlan): Boolean = exchange.children.exists(_.exists {
    case stage: QueryStageExec => !stage.isMaterialized
    case _: Exchange => true
    case _ => false
  })

  override def toString: String = columns.map(_.id).mkString("keys ", ", ", "")
}

object CollectedKeys {

  /** For each column what the tasks found, each its set; None for a column with too many keys. */
  type ColumnSets = IndexedSeq[Option[Seq[Array[Byte]]]]

  /** How often a waiting stage looks whether the keys may still come. */
  private val CHECK_MILLIS = 500L

  /** The stage of an exchange whose inputs are there begins within that many looks, or never. */
  private val LOST_CHECKS = 6
}
