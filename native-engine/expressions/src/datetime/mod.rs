//! Dates and timestamps. A date is a day since 1970-01-01, a timestamp microseconds since its
//! start in UTC; parts of timestamps are those of the session's time zone. All functions are NULL
//! where an argument is.

pub(crate) mod civil;
pub(crate) mod zone;

use std::sync::Arc;

use arclight_columns::{Column, SparkType};

use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, First, binary, one, signature, two, unary};
use crate::kernel::{self, Outcome, over_distinct, try_binary, try_unary};
use crate::registry::{BuildError, Entry, FunctionCall};
use crate::strings::rows::{Text, any_null, function};
use zone::{DAY, SECOND};

/// This family's functions.
pub(crate) const FUNCTIONS: &[Entry] = &[
    ("year", |call| {
        field(call, |days| civil::from_days(days).year)
    }),
    ("quarter", |call| {
        field(call, |days| (civil::from_days(days).month - 1) / 3 + 1)
    }),
    ("month", |call| {
        field(call, |days| civil::from_days(days).month)
    }),
    ("day", |call| field(call, |days| civil::from_days(days).day)),
    ("day_of_week", |call| {
        field(call, |days| (civil::weekday(days) + 1) % 7 + 1)
    }),
    ("weekday", |call| field(call, civil::weekday)),
    ("day_of_year", |call| field(call, civil::day_of_year)),
    ("week_of_year", |call| field(call, civil::week_of_year)),
    ("unix_date", |call| {
        renamed(call, &SparkType::Date, &SparkType::Int)
    }),
    ("date_from_unix_date", |call| {
        renamed(call, &SparkType::Int, &SparkType::Date)
    }),
    ("date_add", |call| move_date(call, i32::wrapping_add)),
    ("date_sub", |call| move_date(call, i32::wrapping_sub)),
    ("date_diff", date_diff),
    ("add_months", add_months),
    ("last_day", last_day),
    ("trunc_date", trunc_date),
    ("hour", |call| time_field(call, |second| second / 3600)),
    ("minute", |call| time_field(call, |second| second / 60 % 60)),
    ("second", |call| time_field(call, |second| second % 60)),
    ("unix_seconds", |call| unix(call, SECOND)),
    ("unix_millis", |call| unix(call, 1_000)),
    ("unix_micros", |call| unix(call, 1)),
];

/// A part of a date: date → int. Never fails.
fn field(call: &FunctionCall, part: fn(i32) -> i32) -> Result<ExpressionRef, BuildError> {
    signature(call, &[SparkType::Date], &SparkType::Int)?;
    let argument = one(call)?;
    Ok(unary(
        call,
        argument,
        Failing::Never,
        move |column, rows| {
            over_distinct(column, rows, &SparkType::Int, |column, rows| {
                kernel::unary(column, rows, &SparkType::Int, part)
            })
        },
    ))
}

/// `UnixDate`, `DateFromUnixDate`: date → int and back, the same number. Never fails.
fn renamed(
    call: &FunctionCall,
    from: &SparkType,
    to: &SparkType,
) -> Result<ExpressionRef, BuildError> {
    signature(call, std::slice::from_ref(from), to)?;
    let argument = one(call)?;
    let output = to.clone();
    Ok(unary(call, argument, Failing::Never, move |column, _| {
        Ok(column.clone().with_type(output.clone()))
    }))
}

/// `DateAdd`, `DateSub`: date, int → date; wraps silently. Never fails.
fn move_date(call: &FunctionCall, f: fn(i32, i32) -> i32) -> Result<ExpressionRef, BuildError> {
    signature(call, &[SparkType::Date, SparkType::Int], &SparkType::Date)?;
    Ok(binary(
        call,
        two(call)?,
        First::Left,
        Failing::Never,
        move |date, days, rows| kernel::binary(date, days, rows, &SparkType::Date, f),
    ))
}

/// `DateDiff`: end, start → int, the days between; wraps. Never fails.
fn date_diff(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[SparkType::Date, SparkType::Date], &SparkType::Int)?;
    Ok(binary(
        call,
        two(call)?,
        First::Left,
        Failing::Never,
        |end, start, rows| kernel::binary(end, start, rows, &SparkType::Int, i32::wrapping_sub),
    ))
}

/// `AddMonths`: date, int → date; the day is cut to the month's last. Fails beyond the dates that
/// an int counts.
fn add_months(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[SparkType::Date, SparkType::Int], &SparkType::Date)?;
    Ok(binary(
        call,
        two(call)?,
        First::Left,
        Failing::Sometimes,
        |date, months, rows| {
            try_binary(date, months, rows, &SparkType::Date, |date, months| {
                Outcome::or_fail(civil::add_months(date, months))
            })
        },
    ))
}

/// `LastDay`: date → date, the month's last. Never fails.
fn last_day(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[SparkType::Date], &SparkType::Date)?;
    let argument = one(call)?;
    Ok(unary(call, argument, Failing::Never, |column, rows| {
        over_distinct(column, rows, &SparkType::Date, |column, rows| {
            try_unary(column, rows, &SparkType::Date, |days: i32| {
                let date = civil::from_days(days);
                let last = civil::month_length(i64::from(date.year), date.month);
                match days.checked_add(last - date.day) {
                    Some(days) => Outcome::Value(days),
                    None => Outcome::Decline("the last day of the last month"),
                }
            })
        })
    }))
}

/// What a date is cut to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Week,
    Month,
    Quarter,
    Year,
}

impl Level {
    /// Of Spark's name of it, if dates are cut to it.
    fn named(name: &[u8]) -> Option<Self> {
        match name.to_ascii_uppercase().as_slice() {
            b"WEEK" => Some(Level::Week),
            b"MON" | b"MONTH" | b"MM" => Some(Level::Month),
            b"QUARTER" => Some(Level::Quarter),
            b"YEAR" | b"YYYY" | b"YY" => Some(Level::Year),
            _ => None,
        }
    }

    /// The first day of the week, month, quarter or year.
    fn cut(self, days: i32) -> Option<i32> {
        let date = civil::from_days(days);
        let year = i64::from(date.year);
        let first = match self {
            // Spark's arithmetic wraps.
            Level::Week if days < i32::MIN + 32 => return None,
            Level::Week => i64::from(days) - i64::from(civil::weekday(days)),
            Level::Month => i64::from(days) - i64::from(date.day) + 1,
            Level::Quarter => civil::to_days(year, (date.month - 1) / 3 * 3 + 1, 1),
            Level::Year => civil::to_days(year, 1, 1),
        };
        i32::try_from(first).ok()
    }
}

/// `TruncDate`: date, level → date. NULL at a level dates don't have. Never fails.
fn trunc_date(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(
        call,
        &[SparkType::Date, SparkType::String],
        &SparkType::Date,
    )?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let [dates, levels] = arguments else {
            return Err(EvalError::Internal("expected two arguments".into()));
        };
        let names = Text::of(levels)?;
        let constant = match names {
            Text::Constant(name) => Some(Level::named(name)),
            Text::Rows(_) => None,
        };
        let days = kernel::input::<i32>(dates)?;
        kernel::try_rows(rows, output, any_null(arguments), |row| {
            let name = names.get(row);
            if !name.is_ascii() {
                return Outcome::Decline("a level's name that is not ASCII");
            }
            match constant.unwrap_or_else(|| Level::named(name)) {
                None => Outcome::Null,
                Some(level) => match level.cut(days.get(row)) {
                    Some(days) => Outcome::Value(days),
                    None => Outcome::Decline("the start of the first dates"),
                },
            }
        })
    }))
}

/// `Hour`, `Minute`, `Second`: timestamp (in the session's zone) or timestamp_ntz → int. Never
/// fails; instants beyond the zone's known rules are left to Spark.
fn time_field(call: &FunctionCall, part: fn(i64) -> i64) -> Result<ExpressionRef, BuildError> {
    let argument = one(call)?;
    if call.output != SparkType::Int {
        return Err(call.unsupported());
    }
    let zone = match (argument.data_type(), &call.zone) {
        (SparkType::Timestamp, Some(zone)) => Some(Arc::clone(zone)),
        (SparkType::TimestampNtz, _) => None,
        _ => return Err(call.unsupported()),
    };
    Ok(unary(
        call,
        argument,
        Failing::Never,
        move |column, rows| {
            over_distinct(column, rows, &SparkType::Int, |column, rows| {
                try_unary(column, rows, &SparkType::Int, |micros: i64| {
                    let local = match &zone {
                        None => Some(micros),
                        Some(zone) => zone.to_local(micros),
                    };
                    match local {
                        Some(local) => {
                            Outcome::Value(part(local.div_euclid(SECOND).rem_euclid(DAY)) as i32)
                        }
                        None => Outcome::Decline(BEYOND),
                    }
                })
            })
        },
    ))
}

/// Why an instant is left to Spark.
pub(crate) const BEYOND: &str = "a time beyond the zone's known rules";

/// `UnixSeconds`, `UnixMillis`, `UnixMicros`: timestamp → bigint, rounded down. Never fails.
fn unix(call: &FunctionCall, divisor: i64) -> Result<ExpressionRef, BuildError> {
    signature(call, &[SparkType::Timestamp], &SparkType::Long)?;
    let argument = one(call)?;
    Ok(unary(
        call,
        argument,
        Failing::Never,
        move |column, rows| {
            over_distinct(column, rows, &SparkType::Long, |column: &Column, rows| {
                kernel::unary(column, rows, &SparkType::Long, |micros: i64| {
                    micros.div_euclid(divisor)
                })
            })
        },
    ))
}

#[cfg(test)]
mod tests;
