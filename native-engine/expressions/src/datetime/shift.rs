//! Dates and timestamps some time later, and dates made of their parts.

use arclight_columns::{Column, SparkType};

use super::zone::{DAY, SECOND, Zoned};
use super::{BEYOND, civil, zone_of};
use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, signature};
use crate::kernel::{Input, Outcome, input, try_rows};
use crate::registry::{BuildError, EvalMode, FunctionCall, ZoneRules};
use crate::strings::rows::{Text, any_null, function};

const DAY_MICROS: i64 = DAY * SECOND;

/// Argument `index` as numbers; NULL constants are 0.
pub(super) fn numbers<T: arclight_columns::FixedWidth>(
    arguments: &[Column],
    index: usize,
) -> Result<Input<'_, T>, EvalError> {
    let column = arguments
        .get(index)
        .ok_or_else(|| EvalError::Internal("an argument is missing".into()))?;
    match column.as_constant() {
        Some(value) if value.is_null(0) => Ok(Input::Constant(T::default())),
        _ => input(column),
    }
}

/// A value, or the batch left to Spark.
pub(super) fn or_beyond<T>(value: Option<T>) -> Outcome<T> {
    value.map_or(Outcome::Decline(BEYOND), Outcome::Value)
}

/// The days from the epoch's to the weekday of a name: Thursday is 0.
fn weekday_named(name: &[u8]) -> Outcome<i32> {
    if !name.is_ascii() {
        return Outcome::Decline("a weekday's name that is not ASCII");
    }
    Outcome::or_null(match name.to_ascii_uppercase().as_slice() {
        b"TH" | b"THU" | b"THURSDAY" => Some(0),
        b"FR" | b"FRI" | b"FRIDAY" => Some(1),
        b"SA" | b"SAT" | b"SATURDAY" => Some(2),
        b"SU" | b"SUN" | b"SUNDAY" => Some(3),
        b"MO" | b"MON" | b"MONDAY" => Some(4),
        b"TU" | b"TUE" | b"TUESDAY" => Some(5),
        b"WE" | b"WED" | b"WEDNESDAY" => Some(6),
        _ => None,
    })
}

/// `NextDay`: date, weekday's name → date, the next such day. Other names fail (ANSI) or give NULL.
pub(super) fn next_day(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(
        call,
        &[SparkType::Date, SparkType::String],
        &SparkType::Date,
    )?;
    let mode = call.mode;
    Ok(function(
        call,
        Failing::Sometimes,
        move |arguments, rows, output| {
            let days = numbers::<i32>(arguments, 0)?;
            let names = arguments.get(1).map_or_else(
                || Err(EvalError::Internal("expected two arguments".into())),
                Text::of,
            )?;
            try_rows(rows, output, any_null(arguments), |row| {
                match weekday_named(names.get(row)) {
                    Outcome::Value(weekday) => {
                        let day = days.get(row);
                        // Java's arithmetic wraps, too.
                        let ahead = (weekday - 1).wrapping_sub(day) % 7;
                        Outcome::Value(day.wrapping_add(1).wrapping_add((ahead + 7) % 7))
                    }
                    Outcome::Null if mode == EvalMode::Ansi => Outcome::Fail,
                    other => other,
                }
            })
        },
    ))
}

/// `MakeDate`: year, month, day → date. What is none fails (ANSI) or is NULL; one that an int does
/// not count fails in every mode.
pub(super) fn make_date(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    const LAST_YEAR: i32 = 999_999_999;
    const INT: SparkType = SparkType::Int;
    signature(call, &[INT, INT, INT], &SparkType::Date)?;
    let mode = call.mode;
    Ok(function(
        call,
        Failing::Sometimes,
        move |arguments, rows, output| {
            let years = numbers::<i32>(arguments, 0)?;
            let (months, days) = (numbers::<i32>(arguments, 1)?, numbers::<i32>(arguments, 2)?);
            try_rows(rows, output, any_null(arguments), |row| {
                let (year, month, day) = (years.get(row), months.get(row), days.get(row));
                let exists = (-LAST_YEAR..=LAST_YEAR).contains(&year)
                    && (1..=12).contains(&month)
                    && day >= 1
                    && day <= civil::month_length(i64::from(year), month);
                match mode {
                    _ if exists => Outcome::or_fail(
                        i32::try_from(civil::to_days(i64::from(year), month, day)).ok(),
                    ),
                    EvalMode::Ansi => Outcome::Fail,
                    _ => Outcome::Null,
                }
            })
        },
    ))
}

/// `DateAddInterval`, `DateAddYMInterval`: date, months, days → date. Fails, and is left to Spark,
/// beyond the dates.
pub(super) fn date_add_interval(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(
        call,
        &[SparkType::Date, SparkType::Int, SparkType::Int],
        &SparkType::Date,
    )?;
    Ok(function(
        call,
        Failing::Sometimes,
        |arguments, rows, output| {
            let dates = numbers::<i32>(arguments, 0)?;
            let (months, days) = (numbers::<i32>(arguments, 1)?, numbers::<i32>(arguments, 2)?);
            try_rows(rows, output, any_null(arguments), |row| {
                or_beyond(
                    civil::add_months(dates.get(row), months.get(row))
                        .and_then(|date| date.checked_add(days.get(row))),
                )
            })
        },
    ))
}

/// The instant some months, then days, by the clock, then microseconds later.
fn shifted(
    micros: i64,
    zone: Option<&ZoneRules>,
    (months, days, time): (i32, i32, i64),
) -> Option<i64> {
    let mut clock = Zoned::at(micros, zone)?;
    if months != 0 {
        let day = i32::try_from(clock.local.div_euclid(DAY_MICROS)).ok()?;
        let moved = i64::from(civil::add_months(day, months)?);
        let local = moved
            .checked_mul(DAY_MICROS)?
            .checked_add(clock.local.rem_euclid(DAY_MICROS))?;
        clock = clock.with_local(local)?;
    }
    if days != 0 {
        let moved = i64::from(days).checked_mul(DAY_MICROS)?;
        clock = clock.with_local(clock.local.checked_add(moved)?)?;
    }
    if time != 0 {
        clock = clock.later(time)?;
    }
    clock.instant()
}

/// `TimestampAddInterval`, `TimestampAddYMInterval`: timestamp (in the session's zone) or
/// timestamp_ntz, months, days, microseconds → its type. Months and days go by the clock. What is
/// beyond the timestamps, where Spark fails, or the zone's known rules is left to Spark.
pub(super) fn timestamp_add_interval(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let data_type = call.argument(0)?.data_type().clone();
    let types = [
        data_type.clone(),
        SparkType::Int,
        SparkType::Int,
        SparkType::Long,
    ];
    signature(call, &types, &data_type)?;
    let zone = zone_of(call, &data_type)?;
    Ok(function(
        call,
        Failing::Sometimes,
        move |arguments, rows, output| {
            let micros = numbers::<i64>(arguments, 0)?;
            let (months, days) = (numbers::<i32>(arguments, 1)?, numbers::<i32>(arguments, 2)?);
            let times = numbers::<i64>(arguments, 3)?;
            try_rows(rows, output, any_null(arguments), |row| {
                let by = (months.get(row), days.get(row), times.get(row));
                or_beyond(shifted(micros.get(row), zone.as_deref(), by))
            })
        },
    ))
}

/// A unit of `TimestampAdd`: which part of an interval counts it, and how many of that it is.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Months(i32),
    Days(i32),
    Micros(i64),
}

impl Unit {
    fn named(name: &[u8]) -> Option<Self> {
        match name.to_ascii_uppercase().as_slice() {
            b"MICROSECOND" => Some(Unit::Micros(1)),
            b"MILLISECOND" => Some(Unit::Micros(1_000)),
            b"SECOND" => Some(Unit::Micros(SECOND)),
            b"MINUTE" => Some(Unit::Micros(60 * SECOND)),
            b"HOUR" => Some(Unit::Micros(3600 * SECOND)),
            b"DAY" | b"DAYOFYEAR" => Some(Unit::Days(1)),
            b"WEEK" => Some(Unit::Days(7)),
            b"MONTH" => Some(Unit::Months(1)),
            b"QUARTER" => Some(Unit::Months(3)),
            b"YEAR" => Some(Unit::Months(12)),
            _ => None,
        }
    }

    /// So many units as months, days, microseconds.
    fn interval(self, quantity: i64) -> Option<(i32, i32, i64)> {
        let int = |each: i32| i32::try_from(quantity).ok()?.checked_mul(each);
        match self {
            Unit::Months(each) => Some((int(each)?, 0, 0)),
            Unit::Days(each) => Some((0, int(each)?, 0)),
            Unit::Micros(each) => Some((0, 0, quantity.checked_mul(each)?)),
        }
    }
}

/// `TimestampAdd`: quantity (bigint), timestamp or timestamp_ntz, the unit's name as a literal → the
/// timestamp's type. What is beyond the timestamps, where Spark fails, or the zone's known rules is
/// left to Spark.
pub(super) fn timestamp_add(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let data_type = call.argument(1)?.data_type().clone();
    let types = [SparkType::Long, data_type.clone(), SparkType::String];
    signature(call, &types, &data_type)?;
    let zone = zone_of(call, &data_type)?;
    Ok(function(
        call,
        Failing::Sometimes,
        move |arguments, rows, output| {
            let quantities = numbers::<i64>(arguments, 0)?;
            let micros = numbers::<i64>(arguments, 1)?;
            let Some(Text::Constant(unit)) = arguments.get(2).map(Text::of).transpose()? else {
                return Err(EvalError::Internal("the unit is no literal".into()));
            };
            let Some(unit) = Unit::named(unit) else {
                return Err(EvalError::Declined("a unit of another name"));
            };
            try_rows(rows, output, any_null(arguments), |row| {
                let by = unit.interval(quantities.get(row));
                or_beyond(by.and_then(|by| shifted(micros.get(row), zone.as_deref(), by)))
            })
        },
    ))
}
