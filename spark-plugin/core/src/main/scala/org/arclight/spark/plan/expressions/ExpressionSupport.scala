package org.arclight.spark.plan.expressions

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression
import org.apache.spark.sql.execution.{ScalarSubquery => ScalarSubqueryExec}
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.ArclightConf
import org.arclight.spark.plan.SparkTypes

/** Says of expressions whether they can be in a native operator. */
object ExpressionSupport {

  /** How an expression over an operator's input columns is evaluated. Never throws. */
  def check(
      expression: Expression,
      inputs: Seq[Attribute],
      conf: SQLConf = SQLConf.get): SupportLevel = check(expression, new InputColumns(inputs), conf)

  private def check(
      expression: Expression,
      inputs: InputColumns,
      conf: SQLConf): SupportLevel = expression match {
    // Most expressions are columns.
    case column: Attribute if inputs.contains(column) =>
      SparkTypes.unsupportedReason(column.dataType).fold[SupportLevel](Native)(Unsupported(_))
    case _ => checkTree(expression, inputs, conf)
  }

  private def checkTree(
      expression: Expression,
      inputs: InputColumns,
      conf: SQLConf): SupportLevel =
    obstacle(expression, inputs) match {
      case Some(reason) => Unsupported(reason)
      case None =>
        val analysis = Analysis(expression, conf)
        analysis.reason match {
          case None => Native
          case Some(reason) if !ArclightConf.BRIDGE_ENABLED.get(conf) =>
            Unsupported(s"$reason, and ${ArclightConf.BRIDGE_ENABLED.key} is false")
          case Some(reason) => ThroughJvm(reason)
        }
    }

  /** The level of several expressions over the same inputs: that of the worst. */
  def checkAll(
      expressions: Seq[Expression],
      inputs: Seq[Attribute],
      conf: SQLConf = SQLConf.get): SupportLevel = {
    val columns = new InputColumns(inputs)
    SupportLevel.all(expressions.iterator.map(check(_, columns, conf)))
  }

  /** The level of an aggregation (of HashAggregateExec and its kin). */
  def checkAggregate(
      groupingExpressions: Seq[NamedExpression],
      aggregateExpressions: Seq[AggregateExpression],
      aggregateAttributes: Seq[Attribute],
      resultExpressions: Seq[NamedExpression],
      inputs: Seq[Attribute],
      conf: SQLConf = SQLConf.get): SupportLevel =
    AggregateSupport.check(
      groupingExpressions, aggregateExpressions, aggregateAttributes, resultExpressions, inputs, conf)

  /** The level of columns that are carried along: their types must be known to the engine. */
  def checkColumns(columns: Seq[Attribute]): SupportLevel =
    SupportLevel.all(columns.iterator.map { column =>
      SparkTypes.unsupportedReason(column.dataType) match {
        case Some(why) => Unsupported(s"column ${column.name}: $why")
        case None => Native
      }
    })

  /** Why neither kernels nor Spark's own code could evaluate a tree inside a native operator. */
  private def obstacle(tree: Expression, inputs: InputColumns): Option[String] = {
    val bare = tree match {
      case alias: Alias => alias.child
      case other => other
    }
    SparkTypes.unsupportedReason(bare.dataType).orElse {
      bare.find(node => nodeObstacle(node, inputs).isDefined)
        .flatMap(nodeObstacle(_, inputs))
    }
  }

  private def nodeObstacle(node: Expression, inputs: InputColumns): Option[String] = node match {
    case _: ScalarSubqueryExec => SparkTypes.unsupportedReason(node.dataType)
    case _: PlanExpression[_] => Some(s"subqueries of type ${Analysis.name(node)} are not native")
    case udf: PythonUDF => Some(s"Python function ${udf.name} is not native")
    case attribute: Attribute if !inputs.contains(attribute) =>
      Some(s"column ${attribute.name} is not among the inputs")
    case attribute: Attribute =>
      SparkTypes.unsupportedReason(attribute.dataType).map(why => s"column ${attribute.name}: $why")
    case _: Unevaluable => Some(s"${Analysis.name(node)} can't be evaluated by itself")
    case _ if isNondeterministic(node) => Some(s"${Analysis.name(node)} is not deterministic")
    case _ => None
  }

  /** Whether a node itself, its children apart, may give other results when evaluated again. */
  private def isNondeterministic(node: Expression): Boolean =
    !node.deterministic && node.children.forall(_.deterministic)

  /** The columns that an operator's expressions may name. */
  private final class InputColumns(columns: Seq[Attribute]) {
    private val few = columns.lengthCompare(InputColumns.FEW) <= 0
    private lazy val set = AttributeSet(columns)

    def contains(column: Attribute): Boolean =
      if (few) columns.exists(_.exprId == column.exprId) else set.contains(column)
  }

  private object InputColumns {

    /** Up to so many are looked through sooner than a set of them is made. */
    val FEW = 16
  }
}
