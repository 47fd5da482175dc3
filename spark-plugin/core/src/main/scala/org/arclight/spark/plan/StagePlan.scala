package org.arclight.spark.plan

import java.security.MessageDigest

import io.substrait.proto.Rel
import org.apache.spark.sql.catalyst.expressions.{Attribute, Expression}
import org.apache.spark.sql.types.DataType

/**
 * A relation of a stage's plan, and the attributes that Spark calls its columns.
 *
 * @param rel the relation
 * @param output its columns, by position
 * @param operator the number of the operator whose metrics count for the relation
 */
final case class Relation(rel: Rel, output: Seq[Attribute], operator: Int)

/**
 * One of the expressions that a stage has Spark's own code evaluate.
 *
 * @param expression the expression, its inputs bound by position (BoundReference); subqueries are
 *   replaced by their values
 * @param inputTypes the inputs' types, by position
 * @param inputNullable whether an input may be NULL, by position
 * @param outputType the type of the result
 */
final case class JvmExpression(
    expression: Expression,
    inputTypes: Seq[DataType],
    inputNullable: Seq[Boolean],
    outputType: DataType)

/**
 * A stage as the engine takes it.
 *
 * @param bytes the Substrait plan
 * @param digest 16 bytes that identify the plan
 * @param jvmExpressions Spark's own expressions, by the index the plan calls them
 * @param bridged in words, the expressions of which Spark's own code evaluates every row; columns
 *     have the ids they had when the plan was first written
 * @param operatorCount how many operators report metrics; they are numbered from 0
 */
final case class StagePlan(
    bytes: Array[Byte],
    digest: Array[Byte],
    jvmExpressions: Seq[JvmExpression],
    bridged: Seq[String],
    operatorCount: Int)

object StagePlan {

  /** The digest of a plan's bytes. */
  def digest(bytes: Array[Byte]): Array[Byte] = MessageDigest.getInstance("MD5").digest(bytes)
}
