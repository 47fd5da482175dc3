//! Buckets, factorials and single bits.

use arclight_columns::{Column, FixedWidth, SparkType};

use crate::comparison::truth;
use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, one, two};
use crate::kernel::{Input, Outcome, input, map_rows, try_rows, unary};
use crate::registry::{BuildError, FunctionCall};
use crate::strings::rows::{any_null, function};

/// Argument `index` as numbers; NULL constants are 0.
fn numbers<T: FixedWidth>(arguments: &[Column], index: usize) -> Result<Input<'_, T>, EvalError> {
    let column = arguments
        .get(index)
        .ok_or_else(|| EvalError::Internal("an argument is missing".into()))?;
    match column.as_constant() {
        Some(value) if value.is_null(0) => Ok(Input::Constant(T::default())),
        _ => input(column),
    }
}

/// `Factorial`: int → bigint; NULL outside 0 to 20. Never fails.
pub(super) fn factorial(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    if *one(call)?.data_type() != SparkType::Int || call.output != SparkType::Long {
        return Err(call.unsupported());
    }
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let values = numbers::<i32>(arguments, 0)?;
        try_rows(rows, output, any_null(arguments), |row| {
            let value = i64::from(values.get(row));
            let known = (0..=20).contains(&value);
            Outcome::or_null(known.then(|| (1..=value).product::<i64>()))
        })
    }))
}

/// The bucket of a value (`WidthBucket.computeBucketNumber`).
fn bucket(value: f64, min: f64, max: f64, count: i64) -> Option<i64> {
    let bounds = min.is_finite() && max.is_finite() && min != max;
    if count <= 0 || count == i64::MAX || value.is_nan() || !bounds {
        return None;
    }
    let width = min.max(max) - min.min(max);
    let (before, behind, distance) = if min < max {
        (value < min, value >= max, value - min)
    } else {
        (value > min, value <= max, min - value)
    };
    Some(match (before, behind) {
        (true, _) => 0,
        (_, true) => count + 1,
        _ => ((count as f64 * distance / width) as i64).wrapping_add(1),
    })
}

/// `WidthBucket` of doubles: value, bounds, number of buckets (bigint) → bigint, from 1; 0 before
/// them and one more than their number behind. NULL of NaN, of bounds that are equal or not finite,
/// and of no buckets. Never fails.
pub(super) fn width_bucket(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    const DOUBLE: SparkType = SparkType::Double;
    let types = [DOUBLE, DOUBLE, DOUBLE, SparkType::Long];
    let given = call.arguments.iter().map(|a| a.data_type());
    if !given.eq(types.iter()) || call.output != SparkType::Long {
        return Err(call.unsupported());
    }
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let values = numbers::<f64>(arguments, 0)?;
        let (mins, maxs) = (numbers::<f64>(arguments, 1)?, numbers::<f64>(arguments, 2)?);
        let counts = numbers::<i64>(arguments, 3)?;
        try_rows(rows, output, any_null(arguments), |row| {
            let (min, max) = (mins.get(row), maxs.get(row));
            Outcome::or_null(bucket(values.get(row), min, max, counts.get(row)))
        })
    }))
}

/// `BitwiseCount`: boolean or integer → int, the bits that are set in it as a bigint. Never fails.
pub(super) fn bit_count(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn build<T: FixedWidth + Into<i64>>(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
        Ok(function(call, Failing::Never, |arguments, rows, output| {
            let [column] = arguments else {
                return Err(EvalError::Internal("expected one argument".into()));
            };
            unary(column, rows, output, |value: T| {
                Into::<i64>::into(value).count_ones() as i32
            })
        }))
    }
    if call.output != SparkType::Int {
        return Err(call.unsupported());
    }
    match one(call)?.data_type() {
        SparkType::Boolean => Ok(function(call, Failing::Never, |arguments, rows, output| {
            let [column] = arguments else {
                return Err(EvalError::Internal("expected one argument".into()));
            };
            let bits = truth(column)?;
            let counts = map_rows(bits.len(), rows, |row| i32::from(bits.value(row)));
            Ok(Column::fixed(
                output.clone(),
                counts,
                column.logical_validity(),
            ))
        })),
        SparkType::Byte => build::<i8>(call),
        SparkType::Short => build::<i16>(call),
        SparkType::Int => build::<i32>(call),
        SparkType::Long => build::<i64>(call),
        _ => Err(call.unsupported()),
    }
}

/// `BitwiseGet`: integer, position (int) → tinyint, the bit there. Fails at a position that the
/// integer's type does not have, in every mode.
pub(super) fn bit_get(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn build<T: FixedWidth + Into<i64>>(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
        Ok(function(
            call,
            Failing::Sometimes,
            |arguments, rows, output| {
                let values = numbers::<T>(arguments, 0)?;
                let positions = numbers::<i32>(arguments, 1)?;
                try_rows(rows, output, any_null(arguments), |row| {
                    let position = positions.get(row);
                    let exists = (0..8 * size_of::<T>() as i32).contains(&position);
                    let value: i64 = values.get(row).into();
                    Outcome::or_fail(exists.then_some((value >> (position & 63) & 1) as i8))
                })
            },
        ))
    }
    let (value, position) = two(call)?;
    if *position.data_type() != SparkType::Int || call.output != SparkType::Byte {
        return Err(call.unsupported());
    }
    match value.data_type() {
        SparkType::Byte => build::<i8>(call),
        SparkType::Short => build::<i16>(call),
        SparkType::Int => build::<i32>(call),
        SparkType::Long => build::<i64>(call),
        _ => Err(call.unsupported()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_buckets() {
        assert_eq!(bucket(5.35, 0.024, 10.06, 5), Some(3));
        assert_eq!(bucket(-0.1, 0.0, 10.0, 5), Some(0));
        assert_eq!(bucket(10.0, 0.0, 10.0, 5), Some(6));
        assert_eq!(bucket(9.0, 10.0, 0.0, 5), Some(1));
        assert_eq!(bucket(0.0, 10.0, 0.0, 5), Some(6));
        assert_eq!(bucket(f64::INFINITY, 0.0, 1.0, 2), Some(3));
        for none in [
            bucket(f64::NAN, 0.0, 1.0, 2),
            bucket(0.5, 1.0, 1.0, 2),
            bucket(0.5, 0.0, f64::INFINITY, 2),
            bucket(0.5, 0.0, 1.0, 0),
            bucket(0.5, 0.0, 1.0, i64::MAX),
        ] {
            assert_eq!(none, None);
        }
    }
}
