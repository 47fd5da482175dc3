//! Dates and timestamps. A date is a day since 1970-01-01, a timestamp microseconds since its
//! start in UTC; parts of timestamps are those of the session's time zone. All functions are NULL
//! where an argument is.

pub(crate) mod civil;
mod difference;
mod pattern;
mod shift;
mod trunc;
pub(crate) mod zone;

use std::sync::Arc;

use arclight_columns::{Column, SparkType};

use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, First, binary, one, signature, two, unary};
use crate::kernel::{self, Outcome, over_distinct, try_binary, try_unary};
use crate::registry::{BuildError, Entry, FunctionCall, ZoneRules};
use crate::strings::rows::{any_null, function, text_rows};
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
    ("next_day", shift::next_day),
    ("make_date", shift::make_date),
    ("date_add_interval", shift::date_add_interval),
    ("timestamp_add_interval", shift::timestamp_add_interval),
    ("timestamp_add", shift::timestamp_add),
    ("timestamp_diff", difference::timestamp_diff),
    ("months_between", difference::months_between),
    ("trunc_date", trunc::trunc_date),
    ("trunc_timestamp", trunc::trunc_timestamp),
    ("year_of_week", |call| field(call, civil::year_of_week)),
    ("month_name", |call| name(call, month_name)),
    ("day_name", |call| name(call, day_name)),
    ("hour", |call| time_field(call, |second| second / 3600)),
    ("minute", |call| time_field(call, |second| second / 60 % 60)),
    ("second", |call| time_field(call, |second| second % 60)),
    ("second_with_fraction", second_with_fraction),
    ("date_format", |call| pattern::format(call, 1)),
    ("from_unixtime", |call| pattern::format(call, SECOND)),
    ("parse_timestamp", pattern::parse),
    ("unix_timestamp", unix_timestamp),
    ("timestamp_seconds", |call| from_unix(call, SECOND)),
    ("timestamp_millis", |call| from_unix(call, 1_000)),
    ("timestamp_micros", |call| from_unix(call, 1)),
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

/// The zone in which a timestamp's parts are taken: the session's of a timestamp, none of a
/// timestamp_ntz; other types are not taken.
fn zone_of(
    call: &FunctionCall,
    data_type: &SparkType,
) -> Result<Option<Arc<ZoneRules>>, BuildError> {
    match (data_type, &call.zone) {
        (SparkType::Timestamp, Some(zone)) => Ok(Some(Arc::clone(zone))),
        (SparkType::TimestampNtz, _) => Ok(None),
        _ => Err(call.unsupported()),
    }
}

/// `SecondWithFraction`: timestamp (in the session's zone) or timestamp_ntz → decimal(8, 6). Never
/// fails; instants beyond the zone's known rules are left to Spark.
fn second_with_fraction(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    const MINUTE: i64 = 60 * SECOND;
    let argument = one(call)?;
    let zone = zone_of(call, argument.data_type())?;
    let output = call.output.clone();
    if output != SparkType::decimal(8, 6) {
        return Err(call.unsupported());
    }
    Ok(unary(
        call,
        argument,
        Failing::Never,
        move |column, rows| {
            over_distinct(column, rows, &output, |column, rows| {
                try_unary(column, rows, &output, |micros: i64| {
                    let local = match &zone {
                        None => Some(micros),
                        Some(zone) => zone.to_local(micros),
                    };
                    local.map_or(Outcome::Decline(BEYOND), |local| {
                        Outcome::Value(local.rem_euclid(MINUTE))
                    })
                })
            })
        },
    ))
}

/// `SecondsToTimestamp`, `MillisToTimestamp`, `MicrosToTimestamp`: integer → timestamp, fails beyond
/// the timestamps in every mode; seconds as float or double → timestamp, cut towards zero,
/// saturating, NULL of NaN and the infinities.
fn from_unix(call: &FunctionCall, factor: i64) -> Result<ExpressionRef, BuildError> {
    fn build<T: arclight_columns::FixedWidth + Into<i64>>(
        call: &FunctionCall,
        argument: &ExpressionRef,
        factor: i64,
    ) -> ExpressionRef {
        unary(call, argument, Failing::Sometimes, move |column, rows| {
            try_unary(column, rows, &SparkType::Timestamp, |count: T| {
                Outcome::or_fail(Into::<i64>::into(count).checked_mul(factor))
            })
        })
    }
    fn floats<T: arclight_columns::FixedWidth + Into<f64>>(
        call: &FunctionCall,
        argument: &ExpressionRef,
    ) -> ExpressionRef {
        unary(call, argument, Failing::Never, |column, rows| {
            try_unary(column, rows, &SparkType::Timestamp, |seconds: T| {
                let seconds: f64 = seconds.into();
                let micros = (seconds * SECOND as f64) as i64;
                Outcome::or_null(seconds.is_finite().then_some(micros))
            })
        })
    }
    let argument = one(call)?;
    if call.output != SparkType::Timestamp {
        return Err(call.unsupported());
    }
    match argument.data_type() {
        SparkType::Byte => Ok(build::<i8>(call, argument, factor)),
        SparkType::Short => Ok(build::<i16>(call, argument, factor)),
        SparkType::Int => Ok(build::<i32>(call, argument, factor)),
        SparkType::Long => Ok(build::<i64>(call, argument, factor)),
        SparkType::Float if factor == SECOND => Ok(floats::<f32>(call, argument)),
        SparkType::Double if factor == SECOND => Ok(floats::<f64>(call, argument)),
        _ => Err(call.unsupported()),
    }
}

/// `UnixTimestamp`, `ToUnixTimestamp`: of a string with its pattern, see [`pattern::parse`]; date (its start in the session's zone),
/// timestamp or timestamp_ntz → bigint, seconds cut towards zero. Never fails; days beyond the
/// zone's known rules are left to Spark.
fn unix_timestamp(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    if call.arguments.len() == 2 {
        return pattern::parse(call);
    }
    let argument = one(call)?;
    if call.output != SparkType::Long {
        return Err(call.unsupported());
    }
    if *argument.data_type() == SparkType::Date {
        let zone = call.zone.clone().ok_or_else(|| call.unsupported())?;
        return Ok(unary(
            call,
            argument,
            Failing::Never,
            move |column, rows| {
                over_distinct(column, rows, &SparkType::Long, |column, rows| {
                    try_unary(column, rows, &SparkType::Long, |days: i32| {
                        zone.start_of_day(days)
                            .map_or(Outcome::Decline(BEYOND), |micros| {
                                Outcome::Value(micros / SECOND)
                            })
                    })
                })
            },
        ));
    }
    zone_of(call, argument.data_type())?;
    Ok(unary(call, argument, Failing::Never, |column, rows| {
        kernel::unary(column, rows, &SparkType::Long, |micros: i64| {
            micros / SECOND
        })
    }))
}

/// `MonthName`, `DayName`: date → string of three letters, in English. Never fails.
fn name(call: &FunctionCall, name: fn(i32) -> &'static str) -> Result<ExpressionRef, BuildError> {
    if *one(call)?.data_type() != SparkType::Date || call.output != SparkType::String {
        return Err(call.unsupported());
    }
    Ok(function(
        call,
        Failing::Never,
        move |arguments, rows, output| {
            let [dates] = arguments else {
                return Err(EvalError::Internal("expected one argument".into()));
            };
            let days = kernel::input::<i32>(dates)?;
            text_rows(rows, output, any_null(arguments), |row, out| {
                out.extend_from_slice(name(days.get(row)).as_bytes());
                Outcome::Value(())
            })
        },
    ))
}

fn month_name(days: i32) -> &'static str {
    const NAMES: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    NAMES[civil::from_days(days).month as usize - 1]
}

fn day_name(days: i32) -> &'static str {
    const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    NAMES[civil::weekday(days) as usize]
}

#[cfg(test)]
mod tests;
