package org.arclight.spark.plan

import scala.collection.mutable
import scala.collection.mutable.ArrayBuffer
import scala.jdk.CollectionConverters._

import com.google.protobuf.{Any => ProtobufAny, Message}
import io.substrait.proto._
import org.apache.spark.sql.catalyst.expressions.{Attribute, Expression}
import org.apache.spark.sql.internal.SQLConf
import org.arclight.proto.{OperatorInfo, StageInfo}

import org.arclight.spark.ArclightConf
import org.arclight.spark.plan.expressions.Analyzer

/**
 * Writes one stage's plan, from its leaves to its root: each method makes a relation over those
 * made before, and [[build]] closes the plan. Of one thread, for one plan.
 *
 * Expressions may have aliases and scalar subqueries that have been executed; attributes are found
 * by their ids among the input's output. All of it must be supported (`ExpressionSupport`).
 *
 * @param conf the session the stage was planned in
 */
final class StageBuilder(val conf: SQLConf)
  extends InputRelations
  with ParquetScanRelation
  with FilterRelation
  with ProjectRelation
  with AggregateRelation
  with JoinRelation
  with SortRelation
  with LimitRelation
  with ExpandRelation
  with UnionRelation
  with GenerateRelation
  with WindowRelation
  with NestedLoopJoinRelation
  with ShuffleWriteRelation
  with KeyRelations {

  /** What is known of the plan's expressions. */
  private[plan] val analyze = new Analyzer(conf)

  private val functions = mutable.LinkedHashMap.empty[String, Int]
  private val jvmExpressions = ArrayBuffer.empty[JvmExpression]
  private val bridged = mutable.LinkedHashSet.empty[String]
  private var operators = 0
  private var inputs = 0

  /** The number of a further input of the stage. */
  def newInput(): Int = {
    inputs += 1
    inputs - 1
  }

  /** The anchor of a catalogue function. */
  private[plan] def function(name: String): Int =
    functions.getOrElseUpdate(name, functions.size + 1)

  /** Puts an expression into the stage's table, and gives its index. */
  private[plan] def jvmExpression(expression: JvmExpression): Int = {
    jvmExpressions += expression
    jvmExpressions.length - 1
  }

  /** Notes that Spark's own code evaluates an expression. */
  private[plan] def noteBridged(expression: Expression): Unit =
    bridged += expression.simpleString(StageBuilder.BRIDGED_FIELDS)

  /** Writes expressions over an input's columns. */
  private[plan] def expressions(inputs: Seq[Attribute]): ExpressionWriter =
    new ExpressionWriter(this, inputs, sharing = false)

  /** The same for expressions among which Spark looks for common ones. */
  private[plan] def sharingExpressions(inputs: Seq[Attribute]): ExpressionWriter =
    new ExpressionWriter(this, inputs, sharing = conf.subexpressionEliminationEnabled)

  /** What every relation has: a new operator's number and name. */
  private[plan] def common(name: String): (Int, RelCommon.Builder) = {
    val id = operators
    operators += 1
    val info = OperatorInfo.newBuilder().setId(id).setName(name).build()
    val common = RelCommon.newBuilder()
      .setDirect(RelCommon.Direct.newBuilder())
      .setAdvancedExtension(AdvancedExtension.newBuilder().addOptimization(any(info)))
    (id, common)
  }

  /** A relation of ours over another one. */
  private[plan] def extensionSingle(
      input: Relation,
      operator: String,
      detail: Message,
      output: Seq[Attribute]): Relation = {
    val (id, common) = this.common(operator)
    val rel = ExtensionSingleRel.newBuilder()
      .setCommon(common)
      .setInput(input.rel)
      .setDetail(any(detail))
    Relation(Rel.newBuilder().setExtensionSingle(rel).build(), output, id)
  }

  /** Closes the plan; `root` is what the stage gives. */
  def build(root: Relation): StagePlan = {
    val declarations = functions.toSeq.map { case (name, anchor) =>
      SimpleExtensionDeclaration.newBuilder()
        .setExtensionFunction(SimpleExtensionDeclaration.ExtensionFunction.newBuilder()
          .setExtensionUrnReference(StageBuilder.URN_ANCHOR)
          .setFunctionAnchor(anchor)
          .setName(name))
        .build()
    }
    val void = SimpleExtensionDeclaration.newBuilder()
      .setExtensionType(SimpleExtensionDeclaration.ExtensionType.newBuilder()
        .setExtensionUrnReference(StageBuilder.URN_ANCHOR)
        .setTypeAnchor(SparkTypes.VOID_ANCHOR)
        .setName(SparkTypes.VOID_NAME))
      .build()
    val ownInfo = any(StageInfo.newBuilder()
      .setBatchSize(ArclightConf.BATCH_SIZE.get(conf))
      .setRefuseReservationsOnce(ArclightConf.TEST_REFUSE_RESERVATIONS.get(conf))
      .setEqualHashes(ArclightConf.TEST_EQUAL_HASHES.get(conf))
      .setJvmExpressions(jvmExpressions.length)
      .setOperators(operators)
      .build())
    val info = ownInfo.toBuilder
      .setValue(ownInfo.getValue.concat(TimeZones.encodedInfo(conf.sessionLocalTimeZone)))
    val plan = Plan.newBuilder()
      .addExtensionUrns(SimpleExtensionURN.newBuilder()
        .setExtensionUrnAnchor(StageBuilder.URN_ANCHOR)
        .setUrn(StageBuilder.URN))
      .addExtensions(void)
      .addAllExtensions(declarations.asJava)
      .addRelations(PlanRel.newBuilder()
        .setRoot(RelRoot.newBuilder()
          .setInput(root.rel)
          .addAllNames(root.output.map(SparkTypes.name).asJava)))
      .setAdvancedExtensions(AdvancedExtension.newBuilder().setEnhancement(info))
      .build()
    val bytes = plan.toByteArray
    StagePlan(bytes, StagePlan.digest(bytes), jvmExpressions.toSeq, bridged.toSeq, operators)
  }

  private[plan] def any(message: Message): ProtobufAny = ProtobufAny.pack(message)
}

object StageBuilder {

  /** The catalogue of functions. */
  val URN: String = "extension:org.arclight:functions"

  private val URN_ANCHOR = 1

  /** How many children are named of an expression that is described. */
  private val BRIDGED_FIELDS = 10
}
