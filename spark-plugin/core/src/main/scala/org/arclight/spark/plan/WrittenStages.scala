package org.arclight.spark.plan

import java.util.LinkedHashMap
import java.util.Map.Entry
import java.util.concurrent.atomic.LongAdder

import org.apache.spark.{SparkConf, SparkException}
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.ArclightConf

/**
 * A stage's plan, and what of it its stage must know.
 *
 * @param operators the number of the operator whose metrics count for each of the stage's parts, in
 *     the order in which these were written
 * @param fields the number of columns of the stage's rows
 */
final case class WrittenStage(plan: StagePlan, operators: Array[Int], fields: Int)

/**
 * The plans that were written or found last. A query that is run again, as dashboards do, has the
 * stages that it had. Of many threads.
 *
 * @param most how many plans are remembered
 */
final class WrittenStages(most: Int) {

  private val remembered = new LinkedHashMap[StageKey, WrittenStage](16, 0.75f, true) {
    override protected def removeEldestEntry(eldest: Entry[StageKey, WrittenStage]): Boolean =
      size > most
  }

  /** How often a plan was found, and how often one was written. */
  private[spark] val found = new LongAdder
  private[spark] val written = new LongAdder

  /**
   * The plan of a stage.
   *
   * @param key None for a stage that is like no other; looked at only if plans are remembered
   * @param write writes the plan
   */
  def get(key: => Option[StageKey], conf: SQLConf)(write: => WrittenStage): WrittenStage = {
    val known = if (most > 0) key else None
    known.flatMap(find) match {
      case Some(stage) =>
        found.increment()
        if (ArclightConf.TEST_WRITE_AGAIN.get(conf)) WrittenStages.check(stage, write, conf)
        stage
      case None =>
        val stage = write
        written.increment()
        if (stage.plan.bytes.length <= WrittenStages.MAXIMUM_SIZE) known.foreach(put(_, stage))
        stage
    }
  }

  private def find(key: StageKey): Option[WrittenStage] =
    remembered.synchronized(Option(remembered.get(key)))

  private def put(key: StageKey, stage: WrittenStage): Unit =
    remembered.synchronized(remembered.put(key, stage))
}

object WrittenStages {

  /** Larger plans are written each time, in bytes. */
  private val MAXIMUM_SIZE = 1 << 16

  @volatile private var ofApplication = new WrittenStages(0)

  /** Those of the application. */
  def current: WrittenStages = ofApplication

  /** Begins an application's. */
  private[spark] def start(conf: SparkConf): Unit =
    ofApplication = new WrittenStages(ArclightConf.PLAN_CACHE_ENTRIES.get(conf))

  private def check(known: WrittenStage, again: WrittenStage, conf: SQLConf): Unit = {
    def described(stage: WrittenStage) = (
      stage.plan.bytes.toSeq, stage.plan.bridged.length, stage.operators.toSeq, stage.fields,
      stage.plan.jvmExpressions.map { expression =>
        // Of what has no key the text is compared.
        val key = StageKey.of(conf, Seq(expression.expression))
        (key.fold(expression.expression.sql)(_ => ""), key, expression.inputTypes,
          expression.inputNullable, expression.outputType)
      })
    if (described(known) != described(again)) {
      throw SparkException.internalError("Two stages with the same key have other plans.")
    }
  }
}
