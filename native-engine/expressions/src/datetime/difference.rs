//! The time between two timestamps.

use arclight_columns::SparkType;

use super::shift::{numbers, or_beyond};
use super::zone::{DAY, SECOND};
use super::{civil, zone_of};
use crate::comparison::truth;
use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, signature};
use crate::kernel::{flat_or_constant, try_rows};
use crate::registry::{BuildError, FunctionCall, ZoneRules};
use crate::strings::rows::{Text, any_null, function};

const DAY_MICROS: i64 = DAY * SECOND;

/// A unit of differences.
#[derive(Debug, Clone, Copy)]
enum Unit {
    /// So many microseconds.
    Micros(i64),
    /// So many whole days.
    Days(i64),
    /// So many whole months.
    Months(i64),
}

impl Unit {
    fn named(name: &[u8]) -> Option<Self> {
        match name.to_ascii_uppercase().as_slice() {
            b"MICROSECOND" => Some(Unit::Micros(1)),
            b"MILLISECOND" => Some(Unit::Micros(1_000)),
            b"SECOND" => Some(Unit::Micros(SECOND)),
            b"MINUTE" => Some(Unit::Micros(60 * SECOND)),
            b"HOUR" => Some(Unit::Micros(3600 * SECOND)),
            b"DAY" => Some(Unit::Days(1)),
            b"WEEK" => Some(Unit::Days(7)),
            b"MONTH" => Some(Unit::Months(1)),
            b"QUARTER" => Some(Unit::Months(3)),
            b"YEAR" => Some(Unit::Months(12)),
            _ => None,
        }
    }

    /// How many whole units are between two wall-clock times (`LocalDateTime.until`).
    fn between(self, start: i64, end: i64) -> Option<i64> {
        if let Unit::Micros(each) = self {
            let difference = i128::from(end) - i128::from(start);
            return i64::try_from(difference / i128::from(each)).ok();
        }
        let (first, mut last) = (start.div_euclid(DAY_MICROS), end.div_euclid(DAY_MICROS));
        let (time, last_time) = (start.rem_euclid(DAY_MICROS), end.rem_euclid(DAY_MICROS));
        // A day that is not whole does not count.
        if last > first && last_time < time {
            last -= 1;
        } else if last < first && last_time > time {
            last += 1;
        }
        match self {
            Unit::Micros(_) => None,
            Unit::Days(each) => Some((last - first) / each),
            Unit::Months(each) => {
                let packed = |days: i64| -> Option<i64> {
                    let date = civil::from_days(i32::try_from(days).ok()?);
                    let month = i64::from(date.year) * 12 + i64::from(date.month);
                    Some(month * 32 + i64::from(date.day))
                };
                Some((packed(last)? - packed(first)?) / 32 / each)
            }
        }
    }
}

/// `TimestampDiff`: start, end (timestamps), the unit's name as a literal → bigint: whole units
/// between the wall-clock times. Never fails; what is beyond the zone's known rules is left to
/// Spark.
pub(super) fn timestamp_diff(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    const TIMESTAMP: SparkType = SparkType::Timestamp;
    signature(
        call,
        &[TIMESTAMP, TIMESTAMP, SparkType::String],
        &SparkType::Long,
    )?;
    let zone = zone_of(call, &TIMESTAMP)?.ok_or_else(|| call.unsupported())?;
    Ok(function(
        call,
        Failing::Sometimes,
        move |arguments, rows, output| {
            let (starts, ends) = (numbers::<i64>(arguments, 0)?, numbers::<i64>(arguments, 1)?);
            let Some(Text::Constant(unit)) = arguments.get(2).map(Text::of).transpose()? else {
                return Err(EvalError::Internal("the unit is no literal".into()));
            };
            let Some(unit) = Unit::named(unit) else {
                return Err(EvalError::Declined("a unit of another name"));
            };
            try_rows(rows, output, any_null(arguments), |row| {
                let start = zone.to_local(starts.get(row));
                let end = zone.to_local(ends.get(row));
                or_beyond(
                    start
                        .zip(end)
                        .and_then(|(start, end)| unit.between(start, end)),
                )
            })
        },
    ))
}

/// A date's year, month, day, and the days left of its month.
struct Split {
    day_number: i32,
    month: i32,
    day: i32,
    left: i32,
}

fn split(micros: i64, zone: &ZoneRules) -> Option<Split> {
    let days = i32::try_from(zone.to_local(micros)?.div_euclid(DAY_MICROS)).ok()?;
    let date = civil::from_days(days);
    Some(Split {
        day_number: days,
        month: date.year.wrapping_mul(12).wrapping_add(date.month),
        day: date.day,
        left: civil::month_length(i64::from(date.year), date.month) - date.day,
    })
}

/// `Math.round`, of numbers far from the ends of an `i64`.
fn round(value: f64) -> f64 {
    let floor = value.floor();
    if value - floor >= 0.5 {
        floor + 1.0
    } else {
        floor
    }
}

/// `DateTimeUtils.monthsBetween`.
fn months(end: i64, start: i64, round_off: bool, zone: &ZoneRules) -> Option<f64> {
    let (last, first) = (split(end, zone)?, split(start, zone)?);
    let months = f64::from(last.month.wrapping_sub(first.month));
    if last.day == first.day || (last.left == 0 && first.left == 0) {
        return Some(months);
    }
    let second_of_day = |micros: i64, days: i32| -> Option<i64> {
        Some(micros.checked_sub(zone.start_of_day(days)?)? / SECOND)
    };
    let seconds = i64::from(last.day - first.day) * DAY + second_of_day(end, last.day_number)?
        - second_of_day(start, first.day_number)?;
    let difference = months + seconds as f64 / (31 * DAY) as f64;
    Some(if round_off {
        round(difference * 1e8) / 1e8
    } else {
        difference
    })
}

/// `MonthsBetween`: end, start (timestamps, in the session's zone), whether to round to 8 digits →
/// double: whole months where both are the same day of the month, or both its last; else with the
/// rest in months of 31 days. Never fails; what is beyond the zone's known rules is left to Spark.
pub(super) fn months_between(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    const TIMESTAMP: SparkType = SparkType::Timestamp;
    signature(
        call,
        &[TIMESTAMP, TIMESTAMP, SparkType::Boolean],
        &SparkType::Double,
    )?;
    let zone = zone_of(call, &TIMESTAMP)?.ok_or_else(|| call.unsupported())?;
    Ok(function(
        call,
        Failing::Sometimes,
        move |arguments, rows, output| {
            let (ends, starts) = (numbers::<i64>(arguments, 0)?, numbers::<i64>(arguments, 1)?);
            let Some(flags) = arguments.get(2).map(flat_or_constant) else {
                return Err(EvalError::Internal("expected three arguments".into()));
            };
            let flags = truth(&flags)?;
            try_rows(rows, output, any_null(arguments), |row| {
                or_beyond(months(
                    ends.get(row),
                    starts.get(row),
                    flags.value(row),
                    &zone,
                ))
            })
        },
    ))
}
