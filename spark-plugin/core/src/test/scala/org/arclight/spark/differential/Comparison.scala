package org.arclight.spark.differential

import scala.jdk.CollectionConverters._
import scala.util.{Failure, Success, Try}

import org.apache.spark.SparkThrowable
import org.apache.spark.sql.{DataFrame, Row}
import org.apache.spark.sql.catalyst.plans.logical.Sort
import org.apache.spark.sql.execution.SparkPlan
import org.apache.spark.sql.types.StructType

/** What a query came to: rows with their schema and the plan that made them, or an error. */
sealed trait Outcome

object Outcome {

  final case class Rows(schema: StructType, rows: Seq[String], ordered: Boolean, plan: SparkPlan)
    extends Outcome

  /** An error as users see it: its class, condition, state and parameters. */
  final case class Error(
      exceptionClass: String,
      condition: String,
      state: String,
      parameters: Map[String, String],
      throwable: Throwable)
    extends Outcome {
    def isSame(other: Error): Boolean =
      condition == other.condition && state == other.state && parameters == other.parameters &&
        (condition.nonEmpty || exceptionClass == other.exceptionClass)

    override def toString: String =
      s"$exceptionClass $condition ($state) ${parameters.mkString(", ")}: ${throwable.getMessage}"
  }

  /** Runs a query. */
  def of(query: => DataFrame): Outcome = Try {
    val data = query
    val rows = data.collect().toSeq.map(show)
    val ordered = data.queryExecution.optimizedPlan.isInstanceOf[Sort]
    Rows(data.schema, if (ordered) rows else rows.sorted, ordered, data.queryExecution.executedPlan)
  } match {
    case Success(rows) => rows
    case Failure(thrown) => error(thrown)
  }

  private def error(thrown: Throwable): Error = {
    val causes = Iterator.iterate(thrown)(_.getCause).takeWhile(_ != null).toSeq
    val spark = causes.collect { case known: SparkThrowable if known.getCondition != null => known }
    spark.lastOption match {
      case Some(known) =>
        Error(
          known.getClass.getName, known.getCondition, known.getSqlState,
          known.getMessageParameters.asScala.toMap, thrown)
      case None => Error(causes.last.getClass.getName, "", "", Map.empty, thrown)
    }
  }

  /** A row to the bit, but for NaN, which is one value. */
  private def show(row: Row): String = row.toSeq.map(value).mkString("[", ", ", "]")

  private def value(any: Any): String = any match {
    case null => "NULL"
    case bytes: Array[Byte] => bytes.map(byte => f"$byte%02X").mkString("x'", "", "'")
    case nested: Row => show(nested)
    case list: scala.collection.Seq[_] => list.map(value).mkString("(", ", ", ")")
    case map: scala.collection.Map[_, _] =>
      map.map { case (k, v) => s"${value(k)} -> ${value(v)}" }.mkString("{", ", ", "}")
    case text: String => "'" + text.flatMap(c => if (c < ' ' || c > '~') f"\\u${c.toInt}%04x" else c.toString) + "'"
    case other => other.toString
  }

  /** How two outcomes differ, if they do. */
  def difference(spark: Outcome, native: Outcome): Option[String] = (spark, native) match {
    case (expected: Rows, found: Rows) if expected.schema != found.schema =>
      Some(s"schema ${found.schema} instead of ${expected.schema}")
    case (expected: Rows, found: Rows) if expected.rows.length != found.rows.length =>
      Some(s"${found.rows.length} rows instead of ${expected.rows.length}")
    case (expected: Rows, found: Rows) =>
      expected.rows.zip(found.rows).find { case (one, other) => one != other }
        .map { case (one, other) => s"row $other instead of $one" }
    case (expected: Error, found: Error) if expected.isSame(found) => None
    case (expected, found) => Some(s"${brief(found)} instead of ${brief(expected)}")
  }

  private def brief(outcome: Outcome): String = outcome match {
    case rows: Rows => s"${rows.rows.length} rows"
    case error: Error => s"error $error"
  }
}
