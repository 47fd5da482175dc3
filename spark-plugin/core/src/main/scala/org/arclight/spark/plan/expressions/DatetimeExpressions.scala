package org.arclight.spark.plan.expressions

import scala.util.Try

import io.substrait.proto.{Expression => SubstraitExpression}
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.util.DateTimeConstants.MICROS_PER_DAY
import org.apache.spark.sql.internal.{LegacyBehaviorPolicy, SQLConf}
import org.apache.spark.sql.types.{DecimalType, IntegerType, LongType, StringType}
import org.apache.spark.unsafe.types.{CalendarInterval, UTF8String}

import org.arclight.spark.plan.expressions.ArithmeticExpressions.evalMode
import org.arclight.spark.plan.expressions.ExpressionEntry.{function, never}

/** Dates, and the parts of timestamps in the session's time zone. */
private[expressions] object DatetimeExpressions {

  private def integerDays(expression: BinaryExpression): Option[String] =
    expression.right.dataType match {
      case IntegerType => None
      case other =>
        Some(s"${Analysis.name(expression)} with ${other.sql} days has no native kernel")
    }

  private val INTEGERS = "whole `int` days"

  /** The value of an expression that reads no column; None if it is NULL or raises. */
  private def constant(expression: Expression): Option[Any] =
    if (expression.foldable) Try(expression.eval()).toOption.filter(_ != null) else None

  /** The months, days and microseconds of a constant interval. */
  private def interval(expression: Expression): Option[(Int, Int, Long)] =
    constant(expression).map {
      case calendar: CalendarInterval => (calendar.months, calendar.days, calendar.microseconds)
      case months: Int => (months, 0, 0L)
      case micros: Long =>
        val days = micros / MICROS_PER_DAY
        (0, days.toInt, micros - days * MICROS_PER_DAY)
    }

  /** Days; those of a constant interval, or of one subtracted, as a number. */
  private def days(expression: Expression): Expression =
    if (expression.exists(_.isInstanceOf[ExtractANSIIntervalDays])) {
      constant(expression).fold(expression)(Literal(_, IntegerType))
    } else {
      expression
    }

  private val LITERAL_INTERVAL = "a literal interval"

  private def literalInterval(expression: BinaryExpression): Option[String] =
    if (interval(expression.right).isDefined) None
    else Some(s"${Analysis.name(expression)} has a native kernel only for a literal interval")

  private def wholeDays(expression: BinaryExpression): Option[String] =
    interval(expression.right) match {
      case Some((_, _, 0L)) => None
      case Some(_) =>
        Some(s"${Analysis.name(expression)} of an interval with a time has no native kernel")
      case None => literalInterval(expression)
    }

  private def intervalArguments(
      expression: BinaryExpression,
      calls: FunctionCalls,
      withTime: Boolean): Seq[SubstraitExpression] =
    interval(expression.right).toSeq.flatMap { case (months, days, micros) =>
      Seq(calls.literal(months, IntegerType), calls.literal(days, IntegerType)) ++
        (if (withTime) Seq(calls.literal(micros, LongType)) else Nil)
    }

  private def text(value: String, calls: FunctionCalls): Seq[SubstraitExpression] =
    Seq(calls.literal(UTF8String.fromString(value), StringType))

  /** A pattern's runs of one character, such as `yyyy`. */
  private def runs(pattern: String): Seq[String] = "(?s)(.)\\1*".r.findAllIn(pattern).toSeq

  private val FIELDS = Set("yyyy", "MM", "dd", "HH", "mm", "ss")
  private val SEPARATORS = "-/ :.,_"
  private def isSeparator(run: String): Boolean = run.forall(SEPARATORS.contains(_))
  private def isFraction(run: String): Boolean = run.length <= 6 && run.forall(_ == 'S')

  /** A literal pattern, where formatters are Java's and the pattern has only such parts. */
  private def pattern(format: Expression)(accept: Seq[String] => Boolean): Option[String] =
    constant(format).map(_.toString).filter { text =>
      SQLConf.get.legacyTimeParserPolicy != LegacyBehaviorPolicy.LEGACY && accept(runs(text))
    }

  private def written(format: Expression): Option[String] =
    pattern(format)(_.forall(run => FIELDS(run) || isSeparator(run) || isFraction(run)))

  /** A whole date, and with a time its hour and minute at least. */
  private def read(format: Expression): Option[String] = pattern(format) { runs =>
    val fields = runs.filterNot(isSeparator)
    fields.distinct.length == fields.length &&
      Seq(FIELDS, FIELDS - "ss", FIELDS -- Seq("HH", "mm", "ss")).contains(fields.toSet)
  }

  private def otherPattern(expression: Expression, pattern: Option[String]): Option[String] =
    if (pattern.isDefined) None
    else Some(s"${Analysis.name(expression)} of this pattern has no native kernel")

  private val SIMPLE_PATTERN =
    "a literal pattern of `yyyy`, `MM`, `dd`, `HH`, `mm`, `ss`, `S` and separators"
  private val READ_PATTERN = "of strings a literal pattern of `yyyy`, `MM`, `dd`, and none or " +
    "`HH`, `mm`, `ss`; batches of just that form"

  private def isText(expression: Expression): Boolean = expression.dataType match {
    case _: StringType => true
    case _ => false
  }

  private def unixTime(time: ToTimestamp): Option[String] =
    if (isText(time.left)) otherPattern(time, read(time.right)) else None

  private def getTimestamp(time: GetTimestamp): Option[String] =
    if (isText(time.left)) otherPattern(time, read(time.right))
    else Some(s"GetTimestamp of ${time.left.dataType.sql} has no native kernel")

  /** The text alone; its pattern is an argument. */
  private def readPattern(time: ToTimestamp, calls: FunctionCalls): Seq[SubstraitExpression] =
    if (isText(time.left)) read(time.right).toSeq.flatMap(text(_, calls)) else Nil

  private def notDecimal(expression: SecondsToTimestamp): Option[String] =
    expression.child.dataType match {
      case other: DecimalType =>
        Some(s"SecondsToTimestamp of ${other.sql} has no native kernel")
      case _ => None
    }

  val entries: Seq[ExpressionEntry] = Seq(
    function[Year]("year", mayFail = never),
    function[Quarter]("quarter", mayFail = never),
    function[Month]("month", mayFail = never),
    function[DayOfMonth]("day", mayFail = never),
    function[DayOfWeek]("day_of_week", mayFail = never),
    function[WeekDay]("weekday", mayFail = never),
    function[DayOfYear]("day_of_year", mayFail = never),
    function[WeekOfYear]("week_of_year", mayFail = never),
    function[UnixDate]("unix_date", mayFail = never),
    function[DateFromUnixDate]("date_from_unix_date", mayFail = never),
    function[DateAdd](
      "date_add", integerDays, mayFail = never, operands = e => Seq(e.startDate, days(e.days)),
      note = INTEGERS),
    function[DateSub](
      "date_sub", integerDays, mayFail = never, operands = e => Seq(e.startDate, days(e.days)),
      note = INTEGERS),
    function[DateDiff]("date_diff", mayFail = never),
    function[AddMonths]("add_months"),
    function[LastDay]("last_day"),
    function[TruncDate]("trunc_date"),
    function[TruncTimestamp]("trunc_timestamp"),
    function[NextDay]("next_day", options = e => evalMode(e.failOnError)),
    function[MakeDate]("make_date", options = e => evalMode(e.failOnError)),
    function[DateAddInterval](
      "date_add_interval", wholeDays, operands = e => Seq(e.start),
      arguments = intervalArguments(_, _, withTime = false),
      note = "a literal interval without a time"),
    function[DateAddYMInterval](
      "date_add_interval", literalInterval, operands = e => Seq(e.date),
      arguments = intervalArguments(_, _, withTime = false), note = LITERAL_INTERVAL),
    function[TimestampAddInterval](
      "timestamp_add_interval", literalInterval, operands = e => Seq(e.start),
      arguments = intervalArguments(_, _, withTime = true), note = LITERAL_INTERVAL),
    function[TimestampAddYMInterval](
      "timestamp_add_interval", literalInterval, operands = e => Seq(e.timestamp),
      arguments = intervalArguments(_, _, withTime = true), note = LITERAL_INTERVAL),
    function[TimestampAdd](
      "timestamp_add", arguments = (e, calls) => text(e.unit, calls)),
    function[TimestampDiff](
      "timestamp_diff", arguments = (e, calls) => text(e.unit, calls)),
    function[MonthsBetween]("months_between"),
    function[YearOfWeek]("year_of_week", mayFail = never),
    function[MonthName]("month_name", mayFail = never),
    function[DayName]("day_name", mayFail = never),
    function[SecondWithFraction]("second_with_fraction"),
    function[DateFormatClass](
      "date_format", e => otherPattern(e, written(e.right)), operands = e => Seq(e.left),
      arguments = (e, calls) => written(e.right).toSeq.flatMap(text(_, calls)),
      note = SIMPLE_PATTERN),
    function[FromUnixTime](
      "from_unixtime", e => otherPattern(e, written(e.format)), operands = e => Seq(e.sec),
      arguments = (e, calls) => written(e.format).toSeq.flatMap(text(_, calls)),
      note = SIMPLE_PATTERN),
    function[GetTimestamp](
      "parse_timestamp", getTimestamp, operands = e => Seq(e.left), arguments = readPattern,
      note = READ_PATTERN),
    function[UnixTimestamp](
      "unix_timestamp", unixTime, operands = e => Seq(e.left), arguments = readPattern,
      note = READ_PATTERN),
    function[ToUnixTimestamp](
      "unix_timestamp", unixTime, operands = e => Seq(e.left), arguments = readPattern,
      note = READ_PATTERN),
    function[SecondsToTimestamp]("timestamp_seconds", notDecimal, note = "not of decimals"),
    function[MillisToTimestamp]("timestamp_millis"),
    function[MicrosToTimestamp]("timestamp_micros", mayFail = never),
    function[Hour]("hour"),
    function[Minute]("minute"),
    function[Second]("second"),
    function[UnixSeconds]("unix_seconds", mayFail = never),
    function[UnixMillis]("unix_millis", mayFail = never),
    function[UnixMicros]("unix_micros", mayFail = never))
}
