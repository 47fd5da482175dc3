package org.arclight.spark.plan.expressions

import scala.reflect.ClassTag

import org.apache.spark.sql.catalyst.expressions.EvalMode
import org.apache.spark.sql.catalyst.expressions.aggregate._
import org.apache.spark.sql.internal.SQLConf
import org.apache.spark.sql.types._

import org.arclight.spark.plan.SparkTypes
import org.arclight.spark.plan.expressions.ArithmeticExpressions.evalMode

/**
 * How aggregate functions of one of Spark's classes become native.
 *
 * @param functionClass Spark's class
 * @param function the catalogue's function
 * @param notNative why this use of the class is not native; None where it is
 * @param updateMayFail whether taking in a row, or merging, may raise
 * @param evaluateMayFail whether computing a group's result may raise, or is left to Spark where
 *                        it would divide by zero
 * @param options options of the call
 * @param note for the documentation: which uses are not native
 */
final class AggregateEntry private[expressions] (
    val functionClass: Class[_ <: AggregateFunction],
    val function: String,
    val notNative: AggregateFunction => Option[String],
    val updateMayFail: AggregateFunction => Boolean,
    val evaluateMayFail: AggregateFunction => Boolean,
    val options: AggregateFunction => Seq[(String, String)],
    val note: String) {

  /** Spark's name of the class, which the function's switch has. */
  val name: String = functionClass.getSimpleName
}

/** The aggregate functions that are native, in all their phases. */
private[expressions] object AggregateFunctions {
  private def entry[F <: AggregateFunction](
      function: String,
      notNative: F => Option[String] = (_: F) => None,
      updateMayFail: F => Boolean = (_: F) => false,
      evaluateMayFail: F => Boolean = (_: F) => false,
      options: F => Seq[(String, String)] = (_: F) => Nil,
      note: String = "")(implicit tag: ClassTag[F]): AggregateEntry =
    new AggregateEntry(
      tag.runtimeClass.asInstanceOf[Class[_ <: AggregateFunction]],
      function,
      // The registry looks entries up by class: an entry sees functions of its class only.
      f => notNative(f.asInstanceOf[F]),
      f => updateMayFail(f.asInstanceOf[F]),
      f => evaluateMayFail(f.asInstanceOf[F]),
      f => options(f.asInstanceOf[F]),
      note)

  private def number(function: AggregateFunction, dataType: DataType): Option[String] =
    dataType match {
      case _: NumericType => None
      case other => Some(s"${function.prettyName} of ${other.sql} is not native")
    }

  private def ordered(function: AggregateFunction, dataType: DataType): Option[String] =
    if (dataType == NullType || SparkTypes.hasMap(dataType)) {
      Some(s"${function.prettyName} of ${dataType.sql} is not native")
    } else {
      None
    }

  /** Before Spark 3.1 a division by zero gave NaN; a setting brings that back. */
  private def modern(nullOnDivideByZero: Boolean): Option[String] =
    if (nullOnDivideByZero) None
    else Some(s"statistics with ${SQLConf.LEGACY_STATISTICAL_AGGREGATE.key} are not native")

  private val STATISTICS = "not with `spark.sql.legacy.statisticalAggregate`"

  private def isDecimal(dataType: DataType): Boolean = dataType.isInstanceOf[DecimalType]

  val entries: Seq[AggregateEntry] = Seq(
    entry[Count]("count"),
    entry[Sum](
      "sum",
      f => number(f, f.child.dataType),
      updateMayFail = f => f.evalContext.evalMode == EvalMode.ANSI && f.dataType == LongType,
      evaluateMayFail = f => f.evalContext.evalMode == EvalMode.ANSI && isDecimal(f.dataType),
      options = f => evalMode(f.evalContext.evalMode),
      note = "of numbers"),
    entry[Average](
      "avg",
      f => number(f, f.child.dataType),
      evaluateMayFail = f => isDecimal(f.dataType),
      options = f => evalMode(f.evalMode),
      note = "of numbers"),
    entry[Min]("min", f => ordered(f, f.child.dataType), note = "not of maps"),
    entry[Max]("max", f => ordered(f, f.child.dataType), note = "not of maps"),
    entry[First]("first", options = f => ignoreNulls(f.ignoreNulls)),
    entry[Last]("last", options = f => ignoreNulls(f.ignoreNulls)),
    entry[MaxBy]("max_by", f => ordered(f, f.orderingExpr.dataType), note = "not by maps"),
    entry[MinBy]("min_by", f => ordered(f, f.orderingExpr.dataType), note = "not by maps"),
    entry[StddevSamp]("stddev_samp", f => modern(f.nullOnDivideByZero), note = STATISTICS),
    entry[StddevPop]("stddev_pop", f => modern(f.nullOnDivideByZero), note = STATISTICS),
    entry[VarianceSamp]("var_samp", f => modern(f.nullOnDivideByZero), note = STATISTICS),
    entry[VariancePop]("var_pop", f => modern(f.nullOnDivideByZero), note = STATISTICS),
    entry[Skewness](
      "skewness",
      f => modern(f.nullOnDivideByZero),
      evaluateMayFail = _ => true,
      note = STATISTICS),
    entry[Kurtosis](
      "kurtosis",
      f => modern(f.nullOnDivideByZero),
      evaluateMayFail = _ => true,
      note = STATISTICS),
    entry[CovSample]("covar_samp", f => modern(f.nullOnDivideByZero), note = STATISTICS),
    entry[CovPopulation]("covar_pop", f => modern(f.nullOnDivideByZero), note = STATISTICS),
    entry[Corr](
      "corr",
      f => modern(f.nullOnDivideByZero),
      evaluateMayFail = _ => true,
      note = STATISTICS),
    entry[BitAndAgg]("bit_and"),
    entry[BitOrAgg]("bit_or"),
    entry[BitXorAgg]("bit_xor"),
    entry[CollectList]("collect_list"),
    entry[CollectSet]("collect_set"))

  private def ignoreNulls(ignore: Boolean): Seq[(String, String)] =
    Seq("ignore_nulls" -> ignore.toString)
}
