package org.arclight.spark.plan.expressions

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.expressions.aggregate._
import org.apache.spark.sql.catalyst.optimizer.NormalizeNaNAndZero
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types.NullType

import org.arclight.spark.ArclightConf
import org.arclight.spark.plan.SparkTypes

/**
 * How window functions of one of Spark's classes become native; aggregate functions apart.
 *
 * @param functionClass Spark's class
 * @param function the catalogue's function
 * @param note for the documentation: which uses are not native
 */
final case class WindowFunctionEntry private[expressions] (
    functionClass: Class[_ <: Expression],
    function: String,
    note: String = "") {

  /** Spark's name of the class, which the function's switch has. */
  def name: String = functionClass.getSimpleName
}

/** Says of windows whether they can be native. */
object WindowFunctions {

  private val COMPUTED = "not with a default that is computed"

  val entries: Seq[WindowFunctionEntry] = Seq(
    WindowFunctionEntry(classOf[RowNumber], "row_number"),
    WindowFunctionEntry(classOf[Rank], "rank"),
    WindowFunctionEntry(classOf[DenseRank], "dense_rank"),
    WindowFunctionEntry(classOf[PercentRank], "percent_rank"),
    WindowFunctionEntry(classOf[CumeDist], "cume_dist"),
    WindowFunctionEntry(classOf[NTile], "ntile"),
    WindowFunctionEntry(classOf[Lead], "offset", COMPUTED),
    WindowFunctionEntry(classOf[Lag], "offset", COMPUTED),
    WindowFunctionEntry(classOf[NthValue], "nth_value"))

  private val byClass: Map[Class[_], WindowFunctionEntry] =
    entries.map(entry => (entry.functionClass: Class[_]) -> entry).toMap

  /** What is known of a function's class. */
  def find(function: Expression): Option[WindowFunctionEntry] = byClass.get(function.getClass)

  /** The names of all catalogue functions that plans call in windows only. */
  def functions: Set[String] = entries.map(_.function).toSet

  /** Functions whose result is as large as the frame are not native. */
  private val GROWING: Set[Class[_]] = Set(classOf[CollectList], classOf[CollectSet])

  /** Whether an aggregate function can be native over frames. */
  def isNativeAggregate(entry: AggregateEntry): Boolean = !GROWING.contains(entry.functionClass)

  /** The level of a window (of WindowExec). */
  def check(
      windowExpressions: Seq[NamedExpression],
      partitionSpec: Seq[Expression],
      orderSpec: Seq[SortOrder],
      inputs: Seq[Attribute],
      conf: SQLConf): SupportLevel = {
    val functions = inOrder(windowExpressions)
    val (results, around) = aroundResults(windowExpressions)
    checkKeys(partitionSpec, orderSpec, inputs, conf)
      .and(SupportLevel.all(functions.iterator.map(check(_, inputs, conf))))
      .and(if (windowExpressions.forall(isFunction)) Native
        else ExpressionSupport.checkAll(around, inputs ++ results, conf))
  }

  /** The level of the keys of a window, or of a limit of its partitions. */
  def checkKeys(
      partitionSpec: Seq[Expression],
      orderSpec: Seq[SortOrder],
      inputs: Seq[Attribute],
      conf: SQLConf): SupportLevel =
    partitionSpec.map(_.dataType).find(SparkTypes.hasMap) match {
      case Some(dataType) => Unsupported(s"windows partitioned by ${dataType.sql} are not native")
      case None => ExpressionSupport.checkAll(
        withoutNormalization(partitionSpec) ++ orderSpec.map(_.child), inputs, conf)
    }

  /** The partition keys as they are: the engine compares floats as if they were normalised. */
  def withoutNormalization(partitionSpec: Seq[Expression]): Seq[Expression] = partitionSpec.map {
    case KnownFloatingPointNormalized(NormalizeNaNAndZero(key)) => key
    case key => key
  }

  /** The window functions in a window's expressions, each once. */
  def inOrder(windowExpressions: Seq[NamedExpression]): Seq[WindowExpression] =
    windowExpressions.flatMap(_.collect { case window: WindowExpression => window }).distinct

  /** Columns for the functions of [[inOrder]], and a window's expressions with these in their places. */
  def aroundResults(
      windowExpressions: Seq[NamedExpression]): (Seq[Attribute], Seq[NamedExpression]) = {
    val results = inOrder(windowExpressions).map { window =>
      window -> AttributeReference("window", window.dataType, window.nullable)()
    }
    val columns: Map[Expression, Attribute] = results.toMap
    (results.map(_._2), windowExpressions.map(_.transform {
      case window: WindowExpression => columns(window)
    }.asInstanceOf[NamedExpression]))
  }

  /** Whether an expression is a window function and nothing else. */
  def isFunction(expression: NamedExpression): Boolean = expression match {
    case Alias(_: WindowExpression, _) => true
    case _ => false
  }

  private def check(window: WindowExpression, inputs: Seq[Attribute], conf: SQLConf): SupportLevel =
    (window.windowFunction match {
      case aggregate: AggregateExpression => checkAggregate(aggregate, inputs, conf)
      case function => checkFunction(function, inputs, conf)
    }).and(checkFrame(window))

  private def checkAggregate(
      aggregate: AggregateExpression,
      inputs: Seq[Attribute],
      conf: SQLConf): SupportLevel =
    if (aggregate.isDistinct || aggregate.filter.isDefined || aggregate.mode != Complete) {
      Unsupported("aggregate functions with DISTINCT or FILTER are not native in windows")
    } else {
      val function = aggregate.aggregateFunction
      (ExpressionRegistry.find(function) match {
        case Some(entry) if !isNativeAggregate(entry) =>
          Unsupported(s"aggregate function ${function.prettyName} is not native in windows")
        case _ => Native
      }).and(AggregateSupport.checkFunction(aggregate, inputs, conf))
    }

  private def checkFunction(
      function: Expression,
      inputs: Seq[Attribute],
      conf: SQLConf): SupportLevel = find(function) match {
    case None => Unsupported(s"window function ${function.prettyName} is not native")
    case Some(entry) if !ArclightConf.isExpressionEnabled(entry.name, conf) =>
      Unsupported(s"${ArclightConf.expressionKey(entry.name)} is false")
    case Some(_) => function match {
      case offset: FrameLessOffsetWindowFunction =>
        checkDefault(offset.default)
          .and(ExpressionSupport.checkAll(offset.input +: default(offset).toSeq, inputs, conf))
      case nth: NthValue => ExpressionSupport.check(nth.input, inputs, conf)
      case _ => Native
    }
  }

  /** Spark evaluates a default only where it is wanted: it must not raise elsewhere. */
  private def checkDefault(default: Expression): SupportLevel = default match {
    case null | _: Literal | _: Attribute => Native
    case _ => Unsupported("a default of lead or lag that is computed is not native")
  }

  /** What a function gives where there is no row, if that is not NULL. */
  def default(function: FrameLessOffsetWindowFunction): Option[Expression] =
    Option(function.default).filter {
      case Literal(null, _) => false
      // NULL too, and of another type than the input.
      case other => other.dataType != NullType
    }

  /**
   * Spark adds offsets to row numbers as ints, so that greater ones overflow: what rows they give is
   * not repeated.
   */
  private val MAXIMUM_OFFSET = 1 << 30

  private def checkFrame(window: WindowExpression): SupportLevel =
    window.windowSpec.frameSpecification match {
      case _ if !hasFrame(window.windowFunction) => Native
      case SpecifiedWindowFrame(RangeFrame, lower, upper) =>
        if (isSpecial(lower) && isSpecial(upper)) Native
        else Unsupported("a frame by RANGE with an offset is not native")
      case SpecifiedWindowFrame(RowFrame, lower, upper) =>
        val offsets = Seq(lower, upper).filterNot(isSpecial).map(bound)
        if (offsets.forall(_.exists(_.abs <= MAXIMUM_OFFSET))) Native
        else Unsupported(s"a frame with an offset beyond $MAXIMUM_OFFSET is not native")
      case other => Unsupported(s"a frame of ${other.sql} is not native")
    }

  private def isSpecial(bound: Expression): Boolean = bound.isInstanceOf[SpecialFrameBoundary]

  /** Whether a function's result depends on its frame. */
  def hasFrame(function: Expression): Boolean = function match {
    case _: AggregateExpression | _: NthValue => true
    case _ => false
  }

  /** The rows that a bound is behind the current one, if it counts rows. */
  def bound(bound: Expression): Option[Long] = bound match {
    case CurrentRow => Some(0L)
    case _: SpecialFrameBoundary => None
    case other if other.foldable => other.eval() match {
      case rows: Int => Some(rows.toLong)
      case _ => None
    }
    case _ => None
  }
}
