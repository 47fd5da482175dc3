package org.arclight.spark.plan.expressions

import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.types.IntegerType

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
    function[DateAdd]("date_add", integerDays, mayFail = never, note = INTEGERS),
    function[DateSub]("date_sub", integerDays, mayFail = never, note = INTEGERS),
    function[DateDiff]("date_diff", mayFail = never),
    function[AddMonths]("add_months"),
    function[LastDay]("last_day"),
    function[TruncDate]("trunc_date"),
    function[Hour]("hour"),
    function[Minute]("minute"),
    function[Second]("second"),
    function[UnixSeconds]("unix_seconds", mayFail = never),
    function[UnixMillis]("unix_millis", mayFail = never),
    function[UnixMicros]("unix_micros", mayFail = never))
}
