//! Casts among dates, instants, wall-clock times and seconds.

use std::sync::Arc;

use arclight_columns::SparkType;

use super::numeric::cast;
use crate::datetime::BEYOND;
use crate::datetime::zone::{DAY, SECOND};
use crate::expression::ExpressionRef;
use crate::function::{Failing, one};
use crate::kernel::{self, Outcome, try_unary};
use crate::registry::{BuildError, FunctionCall, ZoneRules};

fn zone(call: &FunctionCall) -> Result<Arc<ZoneRules>, BuildError> {
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

/// Timestamp → bigint: seconds, rounded down. Never fails.
pub(super) fn timestamp_to_seconds(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    if call.output != SparkType::Long {
        return Err(call.unsupported());
    }
    cast(call, Failing::Never, |column, rows, output| {
        kernel::unary(column, rows, output, |micros: i64| {
            micros.div_euclid(SECOND)
        })
    })
}

/// Bigint → timestamp: seconds; saturates. Never fails.
pub(super) fn seconds_to_timestamp(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    if *one(call)?.data_type() != SparkType::Long {
        return Err(call.unsupported());
    }
    cast(call, Failing::Never, |column, rows, output| {
        kernel::unary(column, rows, output, |seconds: i64| {
            seconds.saturating_mul(SECOND)
        })
    })
}
