package org.arclight.spark.plan

import java.util.LinkedHashMap

import org.apache.spark.SparkException
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
 * The plans that the application wrote last. A query that is run again, as dashboards do, has the
 * stages that it had.
 */
object WrittenStages {

  private val written = new LinkedHashMap[StageKey, WrittenStage](16, 0.75f, true)

  /** Larger plans are written each time, in bytes. */
  private val MAXIMUM_SIZE = 1 << 16

  /**
   * The plan of a stage.
   *
   * @param key None for a stage that is like no other
   * @param write writes the plan
   */
  def get(key: Option[StageKey], conf: SQLConf)(write: => WrittenStage): WrittenStage = {
    val most = ArclightConf.PLAN_CACHE_ENTRIES.get(conf)
    val before = if (most > 0) key.flatMap(find) else None
    before match {
      case Some(known) =>
        if (ArclightConf.TEST_WRITE_AGAIN.get(conf)) check(known, write, conf)
        known
      case None =>
        val stage = write
        key.filter(_ => stage.plan.bytes.length <= MAXIMUM_SIZE).foreach(put(_, stage, most))
        stage
    }
  }

  /** How many plans are remembered. */
  private[spark] def size: Int = written.synchronized(written.size)

  private def find(key: StageKey): Option[WrittenStage] =
    written.synchronized(Option(written.get(key)))

  private def put(key: StageKey, stage: WrittenStage, most: Int): Unit = written.synchronized {
    written.put(key, stage)
    val oldest = written.entrySet.iterator
    while (written.size > most) {
      oldest.next()
      oldest.remove()
    }
  }

  private def check(known: WrittenStage, again: WrittenStage, conf: SQLConf): Unit = {
    def described(stage: WrittenStage) = (
      stage.plan.bytes.toSeq, stage.plan.bridged.length, stage.operators.toSeq, stage.fields,
      stage.plan.jvmExpressions.map { expression =>
        // Of what has no key the text is compared.
        val key = StageKey.of(conf, Seq(expression.expression))
        (key.fold(expression.expression.sql)(_ => ""), key, expression.inputTypes, expression.inputNullable, expression.outputType)
      })
    if (described(known) != described(again)) {
      throw SparkException.internalError("Two stages with the same key have other plans.")
    }
  }
}
