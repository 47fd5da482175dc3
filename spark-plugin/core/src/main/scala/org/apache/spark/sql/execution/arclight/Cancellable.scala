package org.apache.spark.sql.execution.arclight

import scala.concurrent.{CanAwait, ExecutionContext, Future, Promise}
import scala.concurrent.duration.Duration
import scala.util.Try

import org.apache.spark.{FutureAction, MapOutputStatistics}

/** Stands for a shuffle's job that is still to be submitted where Spark would cancel it. */
private[arclight] final class Cancellable extends FutureAction[MapOutputStatistics] {
  private val never = Promise[MapOutputStatistics]()
  @volatile private var cancelled = false

  override def cancel(reason: Option[String]): Unit = cancelled = true

  override def isCancelled: Boolean = cancelled

  override def jobIds: Seq[Int] = Nil

  override def isCompleted: Boolean = false

  override def value: Option[Try[MapOutputStatistics]] = None

  override def ready(atMost: Duration)(implicit permit: CanAwait): this.type = {
    never.future.ready(atMost)
    this
  }

  override def result(atMost: Duration)(implicit permit: CanAwait): MapOutputStatistics =
    never.future.result(atMost)

  override def onComplete[U](f: Try[MapOutputStatistics] => U)(
      implicit executor: ExecutionContext): Unit = never.future.onComplete(f)

  override def transform[S](f: Try[MapOutputStatistics] => Try[S])(
      implicit executor: ExecutionContext): Future[S] = never.future.transform(f)

  override def transformWith[S](f: Try[MapOutputStatistics] => Future[S])(
      implicit executor: ExecutionContext): Future[S] = never.future.transformWith(f)
}
