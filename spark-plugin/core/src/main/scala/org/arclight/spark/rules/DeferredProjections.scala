package org.arclight.spark.rules

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.expressions.aggregate.{Complete, Final}
import org.apache.spark.sql.catalyst.optimizer.{BuildLeft, BuildSide}
import org.apache.spark.sql.execution._
import org.apache.spark.sql.execution.aggregate.HashAggregateExec
import org.apache.spark.sql.execution.joins.{BroadcastHashJoinExec, BroadcastNestedLoopJoinExec}
import org.apache.spark.sql.internal.SQLConf

import org.arclight.spark.plan.FilterTerms
import org.arclight.spark.plan.expressions.ErrorFreedom

/**
 * Evaluates projected columns that may raise where Spark's generated code does (`ProjectExec`,
 * `CodegenSupport.consume`): not before an operator above wants them, which may have dropped the row.
 * {{{
 *   BroadcastHashJoin k = j             Project 10 div x AS d, v
 *   +- Project 10 div x AS d, k    =>   +- BroadcastHashJoin k = j
 *      +- Scan x, k                        +- Project x, k
 *                                             +- Scan x, k
 * }}}
 * Such operators are broadcast joins, for their streamed side, limits, filters and projections. All
 * others evaluate every column of their input first, as do operators without generated code. What a
 * hash aggregation gives of its groups moves like a projection's columns. A projection that comes to
 * the top of a stage stays in the JVM if what reads it there may drop rows.
 */
private[rules] object DeferredProjections extends AliasHelper {

  /** The native operators from `plan` downwards, with projections where they are to be evaluated. */
  def defer(plan: SparkPlan, conf: SQLConf): SparkPlan =
    if (conf.wholeStageEnabled) new Deferring(conf).below(plan) else plan

  /**
   * The inputs of an operator of the JVM whose rows it may drop before all their columns are
   * evaluated, or of whose columns it may leave some out.
   */
  def droppingInputs(operator: SparkPlan, conf: SQLConf): Seq[SparkPlan] =
    if (GeneratedCode.covers(operator, conf)) {
      operator match {
        case _: FilterExec | _: SampleExec | _: ProjectExec => operator.children
        case join: BroadcastHashJoinExec => Seq(join.children(streamed(join.buildSide)))
        case join: BroadcastNestedLoopJoinExec => Seq(join.children(streamed(join.buildSide)))
        case _ => Nil
      }
    } else {
      Nil
    }

  /**
   * What is to stay in the JVM of the top of a region of native operators, if that is read by an
   * operator that may drop rows: a projection whose columns Spark evaluates one by one, of which one
   * may raise.
   */
  def forTheJvm(top: SparkPlan, conf: SQLConf): Option[ProjectExec] = {
    val deferring = new Deferring(conf)
    top match {
      case project: ProjectExec =>
        Some(project).filter(_ => deferring.split(project, AttributeSet.empty).isDefined)
      case _ => deferring.split(top, AttributeSet.empty).map { case Split(below, deferred) =>
        ProjectExec(top.output.map(column => deferred.getOrElse(column, column)), below)
      }
    }
  }

  /** What is left of a projection, and what it need not evaluate. */
  private final case class Split(child: SparkPlan, deferred: AttributeMap[Alias])

  private def streamed(buildSide: BuildSide): Int = if (buildSide == BuildLeft) 1 else 0

  private final class Deferring(conf: SQLConf) {

    def below(plan: SparkPlan): SparkPlan =
      if (OperatorVerdict.isNative(plan) && OperatorRegistry.isFusible(plan)) {
        plan.mapChildren(below) match {
          case operator if dropping.isDefinedAt(operator) && operator.children.exists(mayDefer) &&
              GeneratedCode.covers(operator, conf) =>
            dropping(operator)
          case operator => operator
        }
      } else {
        plan
      }

    /** Whether an operator evaluates something that may raise; most do not. */
    private def mayDefer(plan: SparkPlan): Boolean = OperatorVerdict.isNative(plan) && (plan match {
      case project: ProjectExec => project.projectList.exists(mayRaise)
      case groups: HashAggregateExec => groups.resultExpressions.exists(mayRaise)
      case _ => false
    })

    private def mayRaise(column: NamedExpression): Boolean = column match {
      case alias: Alias => !ErrorFreedom.of(alias.child, conf)
      case _ => false
    }

    /** Operators that may drop rows or columns of what they get, over inputs that evaluate less. */
    private val dropping: PartialFunction[SparkPlan, SparkPlan] = {
      case join: BroadcastHashJoinExec => aboveJoin(join, join.buildSide)
      case join: BroadcastNestedLoopJoinExec => aboveJoin(join, join.buildSide)
      case limit: LimitExec => above(limit, 0, AttributeSet.empty)
      case filter: FilterExec => aboveFilter(filter)
      case project: ProjectExec => merged(project)
    }

    private def aboveJoin(join: SparkPlan, buildSide: BuildSide): SparkPlan =
      above(join, streamed(buildSide), join.references)

    /** An operator, below those columns of one of its inputs that it does not use. */
    private def above(operator: SparkPlan, input: Int, used: AttributeSet): SparkPlan =
      split(operator.children(input), used) match {
        case Some(Split(child, deferred)) =>
          val children = operator.children.updated(input, child)
          project(operator.output.map(column => deferred.getOrElse(column, column)),
            checked(operator.withNewChildren(children)))
        case None => operator
      }

    /**
     * A condition's terms are evaluated one after the other, each after the columns that it wants
     * (`GeneratePredicateHelper`).
     */
    private def aboveFilter(filter: FilterExec): SparkPlan =
      split(filter.child, AttributeSet.empty) match {
        case Some(Split(child, deferred)) =>
          val (below, left) = filtered(child, FilterTerms.inOrder(filter.condition), deferred)
          project(filter.output.map(column => left.getOrElse(column, column)), below)
        case None => filter
      }

    /** The rows for which terms are TRUE, and what of the deferred columns none of them wanted. */
    private def filtered(
        plan: SparkPlan,
        terms: Seq[Expression],
        deferred: AttributeMap[Alias]): (SparkPlan, AttributeMap[Alias]) = {
      val (before, wanting) = terms.span(!_.references.exists(deferred.contains))
      val narrowed = if (before.isEmpty) plan else checked(FilterExec(before.reduce(And), plan))
      wanting.headOption match {
        case None => (narrowed, deferred)
        case Some(term) =>
          val (wanted, left) = deferred.toSeq.partition { case (column, _) =>
            term.references.contains(column)
          }
          filtered(
            project(narrowed.output ++ wanted.map(_._2), narrowed), wanting, AttributeMap(left))
      }
    }

    /** A projection of a projection: what it uses once is evaluated where it is used. */
    private def merged(upper: ProjectExec): SparkPlan = {
      val uses = upper.projectList.flatMap(_.collect { case column: Attribute => column })
      val often = uses.groupBy(_.exprId).values.filter(_.length > 1).map(_.head)
      split(upper.child, AttributeSet(often)) match {
        case Some(Split(child, deferred)) =>
          project(upper.projectList.map(replaceAliasButKeepName(_, deferred)), child, Some(upper))
        case None => upper
      }
    }

    def split(plan: SparkPlan, used: AttributeSet): Option[Split] = plan match {
      case lower: ProjectExec if OperatorVerdict.isNative(lower) && GeneratedCode.covers(lower, conf) =>
        splitOff(lower.projectList, used, lower.child.output).map { case (kept, deferred) =>
          Split(project(kept, lower.child, Some(lower)), deferred)
        }
      case groups: HashAggregateExec if evaluatesLast(groups) =>
        val columns = groups.groupingExpressions.map(_.toAttribute) ++ groups.aggregateAttributes
        splitOff(groups.resultExpressions, used, columns).map { case (kept, deferred) =>
          val fewer = groups.copy(resultExpressions = kept)
          fewer.copyTagsFrom(groups)
          Split(checked(fewer), deferred)
        }
      case _ => None
    }

    /** Whether an aggregation leaves its results to what reads them (`generateResultFunction`). */
    private def evaluatesLast(groups: HashAggregateExec): Boolean =
      groups.groupingExpressions.nonEmpty && OperatorVerdict.isNative(groups) &&
        groups.aggregateExpressions.forall(one => one.mode == Final || one.mode == Complete) &&
        GeneratedCode.covers(groups, conf)

    /**
     * The columns of a projection of `inputs` without those that may raise and are not `used`, but
     * with what these want; and these.
     */
    private def splitOff(
        columns: Seq[NamedExpression],
        used: AttributeSet,
        inputs: Seq[Attribute]): Option[(Seq[NamedExpression], AttributeMap[Alias])] = {
      // Spark evaluates what occurs twice in a projection at once.
      lazy val shared = commonExpressions(columns)
      def isDeferred(alias: Alias): Boolean =
        !used.contains(alias.toAttribute) && mayRaise(alias) &&
          !alias.child.exists(part => shared.exists(_.semanticEquals(part)))
      val (deferred, kept) = columns.partition {
        case alias: Alias => isDeferred(alias)
        case _ => false
      }
      if (deferred.isEmpty) {
        None
      } else {
        val wanted =
          AttributeSet.fromAttributeSets(deferred.map(_.references)) -- kept.map(_.toAttribute)
        val aliases = deferred.collect { case alias: Alias => alias.toAttribute -> alias }
        Some((kept ++ inputs.filter(wanted.contains), AttributeMap(aliases)))
      }
    }

    /** What occurs more than once in a projection and may raise. */
    private def commonExpressions(columns: Seq[NamedExpression]): Seq[Expression] =
      if (conf.subexpressionEliminationEnabled) {
        val equivalent = new EquivalentExpressions
        columns.foreach(equivalent.addExprTree(_))
        equivalent.getCommonSubexpressions.filterNot(ErrorFreedom.of(_, conf))
      } else {
        Nil
      }

    private def project(
        columns: Seq[NamedExpression],
        child: SparkPlan,
        origin: Option[SparkPlan] = None): SparkPlan = {
      val projection = ProjectExec(columns, child)
      origin.orElse(Some(child)).flatMap(_.logicalLink).foreach(projection.setLogicalLink)
      checked(projection)
    }

    private def checked(operator: SparkPlan): SparkPlan = {
      OperatorVerdict.put(operator, OperatorRegistry.verdict(operator, conf))
      operator
    }
  }
}
