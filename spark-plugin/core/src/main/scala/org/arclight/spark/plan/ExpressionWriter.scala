package org.arclight.spark.plan

import scala.collection.mutable
import scala.jdk.CollectionConverters._

import io.substrait.proto.{Expression => SubstraitExpression, FunctionArgument, FunctionOption}
import io.substrait.proto.Expression.{FieldReference, ReferenceSegment, ScalarFunction}
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.trees.TreePattern.{PLAN_EXPRESSION, SCALA_UDF}
import org.apache.spark.sql.execution.{ScalarSubquery => ScalarSubqueryExec}
import org.apache.spark.sql.types.{DataType, IntegerType}

import org.arclight.spark.ArclightConf
import org.arclight.spark.plan.expressions.{Analysis, ConditionalExpressions, FunctionCalls}

/**
 * Writes expressions over the columns of one relation.
 *
 * @param stage the plan, whose functions and table of Spark's expressions are added to
 * @param inputs the relation's columns, by position
 * @param sharing whether equal trees that Spark's own code evaluates have one entry in that table: the
 *     engine, which evaluates all of them over the same batches, takes the results of the first one
 *     for the others
 */
private[plan] final class ExpressionWriter(
    stage: StageBuilder,
    inputs: Seq[Attribute],
    sharing: Boolean)
  extends FunctionCalls {

  private val shared = mutable.HashMap.empty[Expression, Int]

  /** Of equal columns the first. */
  private lazy val positions: mutable.Map[ExprId, Int] = {
    val found = mutable.HashMap.empty[ExprId, Int]
    inputs.iterator.zipWithIndex.foreach { case (column, position) =>
      found.getOrElseUpdate(column.exprId, position)
    }
    found
  }

  /**
   * An expression that an operator evaluates by itself: a projected column, a condition, a key, an
   * argument of an aggregate. It is guarded where its kernels may fail, and is evaluated by Spark's
   * own code where it has none.
   */
  def root(expression: Expression): SubstraitExpression = {
    val tree = ExpressionWriter.withoutSubqueries(expression)
    val analysis = stage.analyze(tree)
    val declined = analysis.operands.nonEmpty && ArclightConf.TEST_DECLINE_KERNELS.get(stage.conf)
    if (declined || !(analysis.isNative || analysis.hasOneJvmSubtree)) {
      jvm(analysis.expression)
    } else if (analysis.mayFail) {
      guarded(analysis.expression, write(analysis))
    } else {
      write(analysis)
    }
  }

  /** Whether [[root]] gives an expression that neither raises nor crosses into the JVM. */
  def isTotal(expression: Expression): Boolean = {
    val analysis = stage.analyze(ExpressionWriter.withoutSubqueries(expression))
    analysis.isNative && !analysis.mayFail && !ArclightConf.TEST_DECLINE_KERNELS.get(stage.conf)
  }

  /** An expression of kernels that can't fail, without a guard. */
  def unguarded(expression: Expression): SubstraitExpression =
    write(stage.analyze(ExpressionWriter.withoutSubqueries(expression)))

  /** A literal. */
  override def literal(value: Any, dataType: DataType): SubstraitExpression =
    SubstraitExpression.newBuilder().setLiteral(Literals.toSubstrait(value, dataType)).build()

  /** A column. */
  def column(position: Int): SubstraitExpression =
    SubstraitExpression.newBuilder().setSelection(ExpressionWriter.reference(position)).build()

  override def field(struct: SubstraitExpression, position: Int): SubstraitExpression =
    SubstraitExpression.newBuilder()
      .setSelection(ExpressionWriter.segment(position).setExpression(struct))
      .build()

  override def call(
      function: String,
      expression: Expression,
      arguments: Seq[SubstraitExpression],
      options: Seq[(String, String)]): SubstraitExpression =
    call(function, expression.dataType, expression.nullable, arguments, options)

  private def call(
      function: String,
      dataType: DataType,
      nullable: Boolean,
      arguments: Seq[SubstraitExpression],
      options: Seq[(String, String)]): SubstraitExpression =
    SubstraitExpression.newBuilder()
      .setScalarFunction(ScalarFunction.newBuilder()
        .setFunctionReference(stage.function(function))
        .addAllArguments(ExpressionWriter.arguments(arguments).asJava)
        .addAllOptions(ExpressionWriter.options(options).asJava)
        .setOutputType(SparkTypes.toSubstrait(dataType, nullable)))
      .build()

  /** The position of an attribute among the inputs. */
  def position(attribute: Attribute): Int =
    positions.getOrElse(attribute.exprId, throw new PlanException(
      s"column $attribute is not among ${inputs.mkString("[", ", ", "]")}"))

  private def write(analysis: Analysis): SubstraitExpression =
    if (analysis.notNative.isDefined) {
      jvm(analysis.expression)
    } else {
      analysis.entry match {
        case Some(entry) =>
          val operands = analysis.operands.map { operand =>
            if (operand.isNative || operand.jvmSubtrees.isDefined) write(operand)
            else jvm(operand.expression)
          }
          entry.write(analysis.expression, operands, this)
        case None => analysis.expression match {
          case Literal(value, dataType) => literal(value, dataType)
          case attribute: Attribute => column(position(attribute))
          case other => throw new PlanException(s"$other has no place in a plan")
        }
      }
    }

  private def guarded(expression: Expression, kernel: SubstraitExpression): SubstraitExpression = {
    val (jvmExpression, columns) = bridged(expression)
    val index = stage.jvmExpression(jvmExpression)
    call(
      ExpressionWriter.FALLBACK, expression.dataType, expression.nullable,
      literal(index, IntegerType) +: kernel +: columns, Nil)
  }

  private def jvm(expression: Expression): SubstraitExpression = {
    stage.noteBridged(expression)
    val (jvmExpression, columns) = bridged(expression)
    val index =
      if (sharing) {
        shared.getOrElseUpdate(
          ExpressionWriter.comparable(expression), stage.jvmExpression(jvmExpression))
      } else {
        stage.jvmExpression(jvmExpression)
      }
    call(
      ExpressionWriter.JVM, expression.dataType, expression.nullable,
      literal(index, IntegerType) +: columns, Nil)
  }

  /** An expression for the stage's table, and the columns that it reads. */
  private def bridged(expression: Expression): (JvmExpression, Seq[SubstraitExpression]) = {
    val read = expression.collect { case attribute: Attribute => position(attribute) }
      .distinct.sorted
    val order = read.zipWithIndex.toMap
    val bound = ConditionalExpressions.balanced(expression).transform {
      case attribute: Attribute =>
        val column = position(attribute)
        BoundReference(order(column), inputs(column).dataType, inputs(column).nullable)
    }
    val jvmExpression = JvmExpression(
      bound,
      read.map(inputs(_).dataType),
      read.map(inputs(_).nullable),
      expression.dataType)
    (jvmExpression, read.map(column))
  }
}

private[plan] object ExpressionWriter {

  /** A kernel beside Spark's own expression. */
  val FALLBACK: String = "jvm_fallback"

  /** Spark's own expression. */
  val JVM: String = "jvm_expression"

  /** The tree that is equal for equal trees: the encoders of a user's function are new in each call. */
  private def comparable(tree: Expression): Expression =
    tree.transformWithPruning(_.containsPattern(SCALA_UDF)) {
      case udf: ScalaUDF => udf.copy(inputEncoders = Nil, outputEncoder = None)
    }

  /** A tree with the values of its executed subqueries in their places, without aliases on top. */
  def withoutSubqueries(expression: Expression): Expression = {
    val bare = expression match {
      case alias: Alias => alias.child
      case other => other
    }
    bare.transformWithPruning(_.containsPattern(PLAN_EXPRESSION)) {
      case subquery: ScalarSubqueryExec => Literal(subquery.eval(), subquery.dataType)
    }
  }

  /** A reference to a column. */
  def reference(position: Int): FieldReference =
    segment(position).setRootReference(FieldReference.RootReference.newBuilder()).build()

  /** A field of a row or struct that is still to be named. */
  private def segment(position: Int): FieldReference.Builder =
    FieldReference.newBuilder().setDirectReference(ReferenceSegment.newBuilder()
      .setStructField(ReferenceSegment.StructField.newBuilder().setField(position)))

  /** Values as a function's arguments. */
  def arguments(values: Seq[SubstraitExpression]): Seq[FunctionArgument] =
    values.map(value => FunctionArgument.newBuilder().setValue(value).build())

  /** Options, each with one preference. */
  def options(named: Seq[(String, String)]): Seq[FunctionOption] = named.map {
    case (name, preference) =>
      FunctionOption.newBuilder().setName(name).addPreference(preference).build()
  }
}
