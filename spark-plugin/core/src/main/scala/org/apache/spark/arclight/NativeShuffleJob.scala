package org.apache.spark.arclight

import scala.concurrent.Future

import org.apache.spark.MapOutputStatistics
import org.apache.spark.sql.execution.exchange.ShuffleExchangeLike

/** The part of a native exchange that deals with types private to Spark: the job that writes it. */
trait NativeShuffleJob extends ShuffleExchangeLike {

  /** The shuffle; made once, when the stage below is executed. */
  def shuffleDependency: NativeShuffleDependency

  // The job itself, so that AQE can cancel it.
  @transient override lazy val mapOutputStatisticsFuture: Future[MapOutputStatistics] =
    if (shuffleDependency.rdd.getNumPartitions == 0) {
      Future.successful(null)
    } else {
      sparkContext.submitMapStage(shuffleDependency)
    }
}
