package org.apache.spark.sql.execution.arclight

import scala.concurrent.{ExecutionContext, Future}
import scala.util.Success

import org.apache.spark.MapOutputStatistics
import org.apache.spark.arclight.NativeShuffleDependency
import org.apache.spark.rdd.DeterministicLevel
import org.apache.spark.sql.execution.exchange.ShuffleExchangeLike

import org.arclight.spark.execution.{CollectedKeys, KeyExchange}

/**
 * The part of a native exchange that deals with types private to Spark: the job that writes it, and
 * the keys that its tasks collect.
 */
trait NativeShuffleJob extends ShuffleExchangeLike with KeyExchange {

  /** The shuffle; made once, when the stage below is executed. */
  def shuffleDependency: NativeShuffleDependency

  // Spark calls this on a thread of the exchange's own, before it takes the exchange's lock and
  // submits the job unless that was cancelled.
  override protected def waitForSubqueries(): Unit = keysOrNone {
    collects.foreach(_.begin())
    super.waitForSubqueries()
    awaits.filterNot(_.isSettled).foreach { keys =>
      val cancellable = new Cancellable
      futureAction.set(Some(cancellable))
      keys.await(() => cancellable.isCancelled || sparkContext.isStopped)
    }
  }

  // The job itself, so that AQE can cancel it.
  @transient override lazy val mapOutputStatisticsFuture: Future[MapOutputStatistics] = keysOrNone {
    val job: Future[MapOutputStatistics] =
      if (shuffleDependency.rdd.getNumPartitions == 0) {
        Future.successful(null)
      } else {
        sparkContext.submitMapStage(shuffleDependency)
      }
    collects.foreach(settleAfter(job, _))
    job
  }

  /** What fails before the job runs leaves no keys. */
  private def keysOrNone[T](work: => T): T =
    try {
      work
    } catch {
      case failure: Throwable =>
        collects.foreach(_.giveUp())
        throw failure
    }

  private def settleAfter(job: Future[MapOutputStatistics], keys: CollectedKeys): Unit = {
    val dependency = shuffleDependency
    // Tasks that run again could write rows with other keys.
    if (dependency.rdd.outputDeterministicLevel == DeterministicLevel.INDETERMINATE) keys.giveUp()
    job.onComplete {
      case Success(_) =>
        dependency.keySets.flatMap(_.complete(dependency.rdd.getNumPartitions)) match {
          case Some(sets) => keys.settle(sets)
          case None => keys.giveUp()
        }
        dependency.keySets.foreach(_.reset())
      case _ => keys.giveUp()
    }(ExecutionContext.global)
  }
}
