//! `TruncDate` and `TruncTimestamp`: the start of a day, a month, an hour.

use arclight_columns::SparkType;

use super::zone::{DAY, SECOND, Zoned};
use super::{BEYOND, civil};
use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, two};
use crate::kernel::{self, Outcome};
use crate::registry::{BuildError, FunctionCall, ZoneRules};
use crate::strings::rows::{Text, any_null, function};

/// What a date or a timestamp is cut to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Only timestamps are cut to a part of a day: multiples of so many microseconds.
    Time(i64),
    Week,
    Month,
    Quarter,
    Year,
}

impl Level {
    /// Of Spark's name of it.
    fn named(name: &[u8]) -> Option<Self> {
        match name.to_ascii_uppercase().as_slice() {
            b"MICROSECOND" => Some(Level::Time(1)),
            b"MILLISECOND" => Some(Level::Time(1_000)),
            b"SECOND" => Some(Level::Time(SECOND)),
            b"MINUTE" => Some(Level::Time(60 * SECOND)),
            b"HOUR" => Some(Level::Time(3600 * SECOND)),
            b"DAY" | b"DD" => Some(Level::Time(DAY * SECOND)),
            b"WEEK" => Some(Level::Week),
            b"MON" | b"MONTH" | b"MM" => Some(Level::Month),
            b"QUARTER" => Some(Level::Quarter),
            b"YEAR" | b"YYYY" | b"YY" => Some(Level::Year),
            _ => None,
        }
    }

    /// The first day of the week, month, quarter or year.
    fn first_day(self, days: i32) -> Option<i32> {
        let date = civil::from_days(days);
        let year = i64::from(date.year);
        let first = match self {
            Level::Time(_) => i64::from(days),
            // Spark's arithmetic wraps.
            Level::Week if days < i32::MIN + 32 => return None,
            Level::Week => i64::from(days) - i64::from(civil::weekday(days)),
            Level::Month => i64::from(days) - i64::from(date.day) + 1,
            Level::Quarter => civil::to_days(year, (date.month - 1) / 3 * 3 + 1, 1),
            Level::Year => civil::to_days(year, 1, 1),
        };
        i32::try_from(first).ok()
    }

    /// The start of the level's unit at an instant: of parts of a day by the clock, which keeps its
    /// offset if it can; else the start of the first day.
    fn start(self, micros: i64, zone: &ZoneRules) -> Option<i64> {
        match self {
            Level::Time(unit) if unit <= SECOND => micros.checked_sub(micros.rem_euclid(unit)),
            Level::Time(unit) => {
                let clock = Zoned::at(micros, Some(zone))?;
                let local = clock.local.checked_sub(clock.local.rem_euclid(unit))?;
                clock.with_local(local)?.instant()
            }
            _ => {
                let local = zone.to_local(micros)?;
                let days = i32::try_from(local.div_euclid(DAY * SECOND)).ok()?;
                zone.start_of_day(self.first_day(days)?)
            }
        }
    }
}

/// The levels that a column of names says, row by row.
enum Levels<'a> {
    Constant(Outcome<Level>),
    Rows(Text<'a>),
}

impl<'a> Levels<'a> {
    fn of(names: Text<'a>, accept: fn(Level) -> bool) -> Self {
        match names {
            Text::Constant(name) => Levels::Constant(named(name, accept)),
            Text::Rows(_) => Levels::Rows(names),
        }
    }

    fn get(&self, row: usize, accept: fn(Level) -> bool) -> Outcome<Level> {
        match self {
            Levels::Constant(level) => *level,
            Levels::Rows(names) => named(names.get(row), accept),
        }
    }
}

fn named(name: &[u8], accept: fn(Level) -> bool) -> Outcome<Level> {
    if !name.is_ascii() {
        return Outcome::Decline("a level's name that is not ASCII");
    }
    Outcome::or_null(Level::named(name).filter(|&level| accept(level)))
}

/// A level applied.
fn apply<T>(level: Outcome<Level>, cut: impl Fn(Level) -> Outcome<T>) -> Outcome<T> {
    match level {
        Outcome::Value(level) => cut(level),
        Outcome::Null => Outcome::Null,
        Outcome::Fail => Outcome::Fail,
        Outcome::Decline(reason) => Outcome::Decline(reason),
    }
}

/// `TruncDate`: date, level → date. NULL at a level dates don't have. Never fails.
pub(super) fn trunc_date(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn accept(level: Level) -> bool {
        !matches!(level, Level::Time(_))
    }
    let (date, level) = two(call)?;
    let types = (date.data_type(), level.data_type(), &call.output);
    if types != (&SparkType::Date, &SparkType::String, &SparkType::Date) {
        return Err(call.unsupported());
    }
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let [dates, levels] = arguments else {
            return Err(EvalError::Internal("expected two arguments".into()));
        };
        let levels = Levels::of(Text::of(levels)?, accept);
        let days = kernel::input::<i32>(dates)?;
        kernel::try_rows(rows, output, any_null(arguments), |row| {
            apply(levels.get(row, accept), |level| {
                level.first_day(days.get(row)).map_or(
                    Outcome::Decline("the start of the first dates"),
                    Outcome::Value,
                )
            })
        })
    }))
}

/// `TruncTimestamp`: level, timestamp → timestamp, in the session's zone. NULL at an unknown level.
/// Never fails; what is beyond the zone's known rules is left to Spark.
pub(super) fn trunc_timestamp(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn accept(_: Level) -> bool {
        true
    }
    let (level, timestamp) = two(call)?;
    let types = (level.data_type(), timestamp.data_type(), &call.output);
    if types
        != (
            &SparkType::String,
            &SparkType::Timestamp,
            &SparkType::Timestamp,
        )
    {
        return Err(call.unsupported());
    }
    let zone = call.zone.clone().ok_or_else(|| call.unsupported())?;
    Ok(function(
        call,
        Failing::Never,
        move |arguments, rows, output| {
            let [levels, timestamps] = arguments else {
                return Err(EvalError::Internal("expected two arguments".into()));
            };
            let levels = Levels::of(Text::of(levels)?, accept);
            let micros = kernel::input::<i64>(timestamps)?;
            kernel::try_rows(rows, output, any_null(arguments), |row| {
                apply(levels.get(row, accept), |level| {
                    level
                        .start(micros.get(row), &zone)
                        .map_or(Outcome::Decline(BEYOND), Outcome::Value)
                })
            })
        },
    ))
}
