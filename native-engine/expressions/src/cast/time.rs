//! Casts among dates, instants, wall-clock times, and numbers of seconds.

use std::sync::Arc;

use arclight_columns::{Column, FixedWidth, SparkType};

use super::numeric::{cast, checked};
use crate::comparison::truth;
use crate::datetime::BEYOND;
use crate::datetime::zone::{DAY, SECOND};
use crate::decimal::{
    DecimalType, POW10, Rounding, decimal_rows, divide_rounded, overflow, unscaled,
};
use crate::expression::ExpressionRef;
use crate::function::{Failing, one};
use crate::kernel::{self, Outcome, try_unary};
use crate::registry::{BuildError, EvalMode, FunctionCall, ZoneRules};

/// Digits behind the point of seconds that are counted in microseconds.
const MICROS_SCALE: i32 = 6;

pub(super) fn zone(call: &FunctionCall) -> Result<Arc<ZoneRules>, BuildError> {
    call.zone.clone().ok_or_else(|| call.unsupported())
}

/// A value, or the batch left to Spark.
fn or_decline<T>(value: Option<T>) -> Outcome<T> {
    value.map_or(Outcome::Decline(BEYOND), Outcome::Value)
}

/// The day of wall-clock microseconds.
fn day(local: i64) -> Option<i32> {
    i32::try_from(local.div_euclid(DAY * SECOND)).ok()
}

/// Date → timestamp: the instant at which the day starts; beyond the timestamps it is left to
/// Spark. Never fails by itself.
pub(super) fn date_to_timestamp(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let zone = zone(call)?;
    cast(call, Failing::Never, move |column, rows, output| {
        try_unary(column, rows, output, |days: i32| {
            or_decline(zone.start_of_day(days))
        })
    })
}

/// Date → timestamp_ntz: its midnight; beyond the timestamps it is left to Spark.
pub(super) fn date_to_wall_time(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    cast(call, Failing::Never, |column, rows, output| {
        try_unary(column, rows, output, |days: i32| {
            or_decline((i64::from(days) * DAY).checked_mul(SECOND))
        })
    })
}

/// Timestamp → date, in the session's zone.
pub(super) fn timestamp_to_date(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let zone = zone(call)?;
    cast(call, Failing::Never, move |column, rows, output| {
        try_unary(column, rows, output, |micros: i64| {
            or_decline(zone.to_local(micros).and_then(day))
        })
    })
}

/// Timestamp_ntz → date. Never fails.
pub(super) fn wall_time_to_date(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    cast(call, Failing::Never, |column, rows, output| {
        try_unary(column, rows, output, |micros: i64| or_decline(day(micros)))
    })
}

/// Timestamp → timestamp_ntz, in the session's zone.
pub(super) fn timestamp_to_wall_time(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let zone = zone(call)?;
    cast(call, Failing::Never, move |column, rows, output| {
        try_unary(column, rows, output, |micros: i64| {
            or_decline(zone.to_local(micros))
        })
    })
}

/// Timestamp_ntz → timestamp, in the session's zone.
pub(super) fn wall_time_to_timestamp(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let zone = zone(call)?;
    cast(call, Failing::Never, move |column, rows, output| {
        try_unary(column, rows, output, |micros: i64| {
            or_decline(zone.to_instant(micros))
        })
    })
}

/// Timestamp → integer: seconds, rounded down; beyond the type it fails (ANSI) or is NULL.
pub(super) fn timestamp_to_integer(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn build<T: FixedWidth + TryFrom<i64>>(
        call: &FunctionCall,
    ) -> Result<ExpressionRef, BuildError> {
        let mode = call.mode;
        cast(call, checked(mode), move |column, rows, output| {
            try_unary(column, rows, output, |micros: i64| {
                T::try_from(micros.div_euclid(SECOND))
                    .map_or_else(|_| overflow(mode), Outcome::Value)
            })
        })
    }
    match call.output {
        SparkType::Byte => build::<i8>(call),
        SparkType::Short => build::<i16>(call),
        SparkType::Int => build::<i32>(call),
        SparkType::Long => cast(call, Failing::Never, |column, rows, output| {
            kernel::unary(column, rows, output, |micros: i64| {
                micros.div_euclid(SECOND)
            })
        }),
        _ => Err(call.unsupported()),
    }
}

/// Timestamp → float or double: seconds. Never fails.
pub(super) fn timestamp_to_float(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn seconds(micros: i64) -> f64 {
        micros as f64 / SECOND as f64
    }
    match call.output {
        SparkType::Float => cast(call, Failing::Never, |column, rows, output| {
            kernel::unary(column, rows, output, |micros: i64| seconds(micros) as f32)
        }),
        SparkType::Double => cast(call, Failing::Never, |column, rows, output| {
            kernel::unary(column, rows, output, seconds)
        }),
        _ => Err(call.unsupported()),
    }
}

/// Timestamp → decimal: seconds, rounded half up; beyond the precision it fails (ANSI) or is NULL.
pub(super) fn timestamp_to_decimal(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let to = DecimalType::of(&call.output).ok_or_else(|| call.unsupported())?;
    let mode = call.mode;
    let shift = i32::from(to.scale) - MICROS_SCALE;
    let factor = POW10[shift.unsigned_abs() as usize];
    cast(call, checked(mode), move |column, rows, output| {
        let values = kernel::input::<i64>(column)?;
        decimal_rows(rows, output, column.logical_validity(), |row| {
            let micros = i128::from(values.get(row));
            let value = if shift >= 0 {
                micros.checked_mul(factor)
            } else {
                Some(divide_rounded(micros, factor, Rounding::HalfUp))
            };
            match value {
                Some(value) if value.unsigned_abs() <= to.max() => Outcome::Value(value),
                _ => overflow(mode),
            }
        })
    })
}

/// Timestamp → boolean: whether it is not the epoch. Never fails.
pub(super) fn timestamp_to_boolean(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    cast(call, Failing::Never, |column, rows, _| {
        let values = kernel::input::<i64>(column)?;
        let bits = kernel::map_bits(column.len(), rows, |row| values.get(row) != 0);
        Ok(Column::boolean(bits, column.logical_validity()))
    })
}

/// Boolean → timestamp: a microsecond, or none, behind the epoch. Never fails.
pub(super) fn boolean_to_timestamp(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    cast(call, Failing::Never, |column, rows, output| {
        let bits = truth(column)?;
        let micros = kernel::map_rows(bits.len(), rows, |row| i64::from(bits.value(row)));
        Ok(Column::fixed(
            output.clone(),
            micros,
            column.logical_validity(),
        ))
    })
}

/// Integer → timestamp: seconds; saturates. Never fails.
pub(super) fn integer_to_timestamp(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn build<T: FixedWidth + Into<i64>>(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
        cast(call, Failing::Never, |column, rows, output| {
            kernel::unary(column, rows, output, |seconds: T| {
                Into::<i64>::into(seconds).saturating_mul(SECOND)
            })
        })
    }
    match one(call)?.data_type() {
        SparkType::Byte => build::<i8>(call),
        SparkType::Short => build::<i16>(call),
        SparkType::Int => build::<i32>(call),
        SparkType::Long => build::<i64>(call),
        _ => Err(call.unsupported()),
    }
}

/// Float or double → timestamp: seconds, cut towards zero to microseconds. NaN and the infinities
/// fail (ANSI) or are NULL; what is beyond the timestamps fails (ANSI) or saturates.
pub(super) fn float_to_timestamp(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn build<T: FixedWidth + Into<f64>>(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
        let mode = call.mode;
        let (min, max) = (i64::MIN as f64, i64::MAX as f64);
        cast(call, checked(mode), move |column, rows, output| {
            try_unary(column, rows, output, |seconds: T| {
                let seconds: f64 = seconds.into();
                let micros = seconds * SECOND as f64;
                let fits = micros.floor() <= max && micros.ceil() >= min;
                if !seconds.is_finite() || (!fits && mode != EvalMode::Legacy) {
                    overflow(mode)
                } else {
                    Outcome::Value(micros as i64)
                }
            })
        })
    }
    match one(call)?.data_type() {
        SparkType::Float => build::<f32>(call),
        SparkType::Double => build::<f64>(call),
        _ => Err(call.unsupported()),
    }
}

/// Decimal → timestamp: seconds, cut towards zero to microseconds, of which the low 64 bits are
/// kept. Never fails.
pub(super) fn decimal_to_timestamp(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let from = DecimalType::of(one(call)?.data_type()).ok_or_else(|| call.unsupported())?;
    let shift = i32::from(from.scale) - MICROS_SCALE;
    let factor = POW10[shift.unsigned_abs() as usize];
    cast(call, Failing::Never, move |column, rows, output| {
        let values = unscaled(column)?;
        let micros = kernel::map_rows(column.len(), rows, |row| {
            let value = values.get(row);
            if shift >= 0 {
                (value / factor) as i64
            } else {
                value.wrapping_mul(factor) as i64
            }
        });
        Ok(Column::fixed(
            output.clone(),
            micros,
            column.logical_validity(),
        ))
    })
}
