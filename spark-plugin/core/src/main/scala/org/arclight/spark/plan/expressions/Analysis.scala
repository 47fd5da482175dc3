package org.arclight.spark.plan.expressions

import java.util.IdentityHashMap

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.expressions.objects.StaticInvoke
import org.apache.spark.sql.execution.{ScalarSubquery => ScalarSubqueryExec}
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.ArclightConf
import org.arclight.spark.plan.{Literals, SparkTypes, TimeZones}

/**
 * What is known of one expression of a tree: whether its class has a kernel for this use, and the
 * same of its operands.
 *
 * @param expression the expression
 * @param notNative why this very expression has no kernel, its operands apart
 * @param operands its operands; empty where it has no kernel
 */
private[plan] final class Analysis(
    val expression: Expression,
    val entry: Option[ExpressionEntry],
    val notNative: Option[String],
    val operands: Seq[Analysis]) {

  /** Why something in the tree has no kernel. */
  val reason: Option[String] =
    notNative.orElse(operands.find(!_.isNative).flatMap(_.reason))

  /** Whether kernels evaluate the whole tree. */
  def isNative: Boolean = reason.isEmpty

  /** How deep the tree is. */
  val depth: Int = 1 + operands.foldLeft(0)((deepest, operand) => math.max(deepest, operand.depth))

  /** Whether something in the tree may raise or be left to Spark. */
  lazy val mayFail: Boolean =
    entry.exists(_.mayFail(expression)) || operands.exists(_.mayFail)

  /**
   * The subtrees that Spark's own code would evaluate if kernels evaluate what is above them. None
   * if a kernel would have to wait for a subtree that Spark does not evaluate for every row.
   */
  lazy val jvmSubtrees: Option[Seq[Analysis]] = {
    if (isNative) {
      Some(Nil)
    } else if (notNative.isDefined) {
      None
    } else {
      val always = entry.map(_.alwaysEvaluated(operands.map(_.expression)))
        .getOrElse(operands.map(_ => true))
      val parts = operands.zip(always).map {
        case (operand, _) if operand.isNative => Some(Nil)
        case (operand, true) => Some(operand.jvmSubtrees.getOrElse(Seq(operand)))
        case _ => None
      }
      if (parts.forall(_.isDefined)) Some(parts.flatMap(_.get)) else None
    }
  }

  /** Whether kernels evaluate the tree but for one subtree, which Spark evaluates for every row. */
  def hasOneJvmSubtree: Boolean = jvmSubtrees.exists(_.length == 1)
}

/** Looks at the expressions of one plan, at each once, however often it is asked. Of one thread. */
private[plan] final class Analyzer(conf: SQLConf) {
  import Analysis._

  private val known = new IdentityHashMap[Expression, Analysis]

  /** Looks at a tree whose aliases and subqueries may still be there. */
  def apply(tree: Expression): Analysis = {
    val analysis = analyse(tree)
    if (analysis.depth <= MAXIMUM_DEPTH) {
      analysis
    } else {
      refused(analysis.expression, s"it is nested more than $MAXIMUM_DEPTH levels deep")
    }
  }

  private def analyse(tree: Expression): Analysis = {
    val before = known.get(tree)
    if (before != null) {
      before
    } else {
      val analysis = analyseNew(tree)
      known.put(tree, analysis)
      analysis
    }
  }

  private def analyseNew(tree: Expression): Analysis = tree match {
    case alias: Alias => analyse(alias.child)
    case tagging: TaggingExpression => analyse(tagging.child)
    case _: Attribute | _: BoundReference | _: ScalarSubqueryExec => leaf(tree)
    case Literal(value, dataType) =>
      if (Literals.isExpressible(value, dataType)) leaf(tree)
      else refused(tree, "a string literal is not valid UTF-8")
    case _ => ExpressionRegistry.find(tree) match {
      case None => refused(tree, s"${name(tree)} has no native kernel")
      case Some(entry) =>
        notNative(tree, entry, conf) match {
          case Some(reason) => refused(tree, reason)
          case None => new Analysis(tree, Some(entry), None, entry.operands(tree).map(analyse))
        }
    }
  }
}

private[plan] object Analysis {

  /** Trees deeper than this, chains of AND, OR and CASE apart, are left to Spark. */
  val MAXIMUM_DEPTH: Int = 200

  /** Looks at one tree. */
  def apply(tree: Expression, conf: SQLConf): Analysis = new Analyzer(conf)(tree)

  private[expressions] def leaf(tree: Expression): Analysis = new Analysis(
    tree, None, SparkTypes.unsupportedReason(tree.dataType), Nil)

  private[expressions] def refused(tree: Expression, reason: String): Analysis =
    new Analysis(tree, None, Some(reason), Nil)

  private[expressions] def notNative(
      tree: Expression,
      entry: ExpressionEntry,
      conf: SQLConf): Option[String] = {
    if (!ArclightConf.isExpressionEnabled(entry.name, conf)) {
      Some(s"${ArclightConf.expressionKey(entry.name)} is false")
    } else {
      SparkTypes.unsupportedReason(tree.dataType)
        .orElse(entry.operands(tree).iterator
          .flatMap(operand => SparkTypes.unsupportedReason(operand.dataType)).nextOption())
        .orElse(otherZone(tree, conf))
        .orElse(entry.notNative(tree))
    }
  }

  private def otherZone(tree: Expression, conf: SQLConf): Option[String] = tree match {
    case cast: Cast if !Cast.needsTimeZone(cast.child.dataType, cast.dataType) => None
    case aware: TimeZoneAwareExpression =>
      aware.timeZoneId match {
        case Some(zone) if !TimeZones.same(zone, conf.sessionLocalTimeZone) =>
          Some(s"${name(tree)} uses time zone $zone, and the session has " +
            conf.sessionLocalTimeZone)
        case _ => None
      }
    case _ => None
  }

  /** What an expression is called in reasons. */
  def name(tree: Expression): String = tree match {
    case udf: ScalaUDF => s"Scala function ${udf.name}"
    case invoke: StaticInvoke => s"${invoke.prettyName} (StaticInvoke)"
    case _ => tree.getClass.getSimpleName
  }
}
