//! Mathematics: rounding, roots, signs, extremes, bits.
//!
//! Functions that Spark computes with `StrictMath` or with the JVM's intrinsics (exponentials,
//! logarithms, powers, trigonometry) are not here: another library's last bit differs.

mod bits;
mod counts;
mod extremes;
mod round;

use arclight_columns::SparkType;

use crate::decimal::{DecimalType, Rounding, rescale};
use crate::expression::ExpressionRef;
use crate::function::{Failing, one, signature, unary};
use crate::kernel;
use crate::registry::{BuildError, Entry, FunctionCall};

/// This family's functions.
pub(crate) const FUNCTIONS: &[Entry] = &[
    ("round", |call| round::build(call, Rounding::HalfUp)),
    ("bround", |call| round::build(call, Rounding::HalfEven)),
    ("round_floor", |call| {
        round::build_decimal(call, Rounding::Floor)
    }),
    ("round_ceil", |call| {
        round::build_decimal(call, Rounding::Ceiling)
    }),
    ("rint", |call| double(call, f64::round_ties_even)),
    ("degrees", |call| double(call, |v| v * DEGREES)),
    ("radians", |call| double(call, |v| v * RADIANS)),
    ("factorial", counts::factorial),
    ("width_bucket", counts::width_bucket),
    ("bit_count", counts::bit_count),
    ("bit_get", counts::bit_get),
    ("floor", |call| whole(call, Rounding::Floor)),
    ("ceil", |call| whole(call, Rounding::Ceiling)),
    ("sqrt", |call| double(call, f64::sqrt)),
    ("signum", |call| double(call, signum)),
    ("greatest", |call| extremes::build(call, true)),
    ("least", |call| extremes::build(call, false)),
    ("bitwise_and", |call| {
        bits::binary(call, bits::Operation::And)
    }),
    ("bitwise_or", |call| bits::binary(call, bits::Operation::Or)),
    ("bitwise_xor", |call| {
        bits::binary(call, bits::Operation::Xor)
    }),
    ("bitwise_not", bits::not),
    ("shiftleft", |call| bits::shift(call, bits::Shift::Left)),
    ("shiftright", |call| bits::shift(call, bits::Shift::Right)),
    ("shiftrightunsigned", |call| {
        bits::shift(call, bits::Shift::RightUnsigned)
    }),
];

/// What `Math.toDegrees` multiplies by.
const DEGREES: f64 = 57.29577951308232;

/// What `Math.toRadians` multiplies by.
const RADIANS: f64 = 0.017453292519943295;

/// `Sqrt`, `Signum`, `Rint`, `ToDegrees`, `ToRadians`: double → double. NULL stays NULL. Never fails.
fn double(call: &FunctionCall, f: fn(f64) -> f64) -> Result<ExpressionRef, BuildError> {
    signature(call, &[SparkType::Double], &SparkType::Double)?;
    Ok(unary(
        call,
        one(call)?,
        Failing::Never,
        move |column, rows| kernel::unary(column, rows, &SparkType::Double, f),
    ))
}

/// `Math.signum`: zeros and NaN stay as they are.
fn signum(value: f64) -> f64 {
    if value == 0.0 || value.is_nan() {
        value
    } else {
        1f64.copysign(value)
    }
}

/// `Floor`, `Ceil`: bigint → itself; double → bigint, saturating (NaN is 0), in every mode;
/// decimal → decimal without fraction. NULL stays NULL. Never fails: the decimal result type has
/// room for the carry.
fn whole(call: &FunctionCall, rounding: Rounding) -> Result<ExpressionRef, BuildError> {
    let argument = one(call)?;
    match (argument.data_type(), &call.output) {
        (SparkType::Long, SparkType::Long) => Ok(std::sync::Arc::clone(argument)),
        (SparkType::Double, SparkType::Long) => Ok(unary(
            call,
            argument,
            Failing::Never,
            move |column, rows| {
                kernel::unary(column, rows, &SparkType::Long, |v: f64| match rounding {
                    Rounding::Floor => v.floor() as i64,
                    _ => v.ceil() as i64,
                })
            },
        )),
        (from, to) if from == to && DecimalType::of(from).is_some_and(|t| t.scale == 0) => {
            Ok(std::sync::Arc::clone(argument))
        }
        (_, to) if DecimalType::of(to).is_some_and(|t| t.scale == 0) => rescale(call, rounding),
        _ => Err(call.unsupported()),
    }
}

#[cfg(test)]
mod tests;
