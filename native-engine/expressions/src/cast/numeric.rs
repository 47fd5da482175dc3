//! Casts among boolean, integers, floats and decimals.

use arclight_columns::{Column, FixedWidth, Selection, SparkType};
use num_traits::AsPrimitive;

use crate::comparison::truth;
use crate::decimal::{
    DecimalType, POW10, Rounding, Unscaled, decimal_rows, divide_rounded, overflow, unscaled,
};
use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, one, unary};
use crate::java_double;
use crate::kernel::{self, Outcome, flat_or_constant, map_bits, over_distinct, try_rows};
use crate::registry::{BuildError, EvalMode, FunctionCall};

/// An expression of `kernel` over distinct values, for the call's argument and output.
pub(super) fn cast(
    call: &FunctionCall,
    failing: Failing,
    kernel: impl Fn(&Column, &Selection, &SparkType) -> Result<Column, EvalError>
    + Send
    + Sync
    + 'static,
) -> Result<ExpressionRef, BuildError> {
    let argument = one(call)?;
    let output = call.output.clone();
    Ok(unary(call, argument, failing, move |column, rows| {
        over_distinct(column, rows, &output, |column, rows| {
            kernel(column, rows, &output)
        })
    }))
}

/// Whether a cast that may not fit can fail in a mode.
pub(super) fn checked(mode: EvalMode) -> Failing {
    match mode {
        EvalMode::Ansi => Failing::Sometimes,
        EvalMode::Legacy | EvalMode::Try => Failing::Never,
    }
}

/// Boolean → number: 1 or 0. A decimal without room for 1 fails (ANSI) or is NULL.
pub(super) fn boolean_to_number(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn number<T: FixedWidth>(
        column: &Column,
        rows: &Selection,
        output: &SparkType,
        one: T,
    ) -> Result<Column, EvalError> {
        let bits = truth(column)?;
        let values = kernel::map_rows(bits.len(), rows, |row| {
            if bits.value(row) { one } else { T::default() }
        });
        Ok(Column::fixed(
            output.clone(),
            values,
            column.logical_validity(),
        ))
    }
    let mode = call.mode;
    let decimal = DecimalType::of(&call.output);
    if let Some(to) = decimal {
        return cast(call, checked(mode), move |column, rows, output| {
            let bits = truth(column)?;
            let one = POW10[to.scale as usize];
            decimal_rows(rows, output, column.logical_validity(), |row| {
                match bits.value(row) {
                    false => Outcome::Value(0),
                    true if one.unsigned_abs() <= to.max() => Outcome::Value(one),
                    true => overflow(mode),
                }
            })
        });
    }
    cast(call, Failing::Never, |column, rows, output| match output {
        SparkType::Byte => number(column, rows, output, 1i8),
        SparkType::Short => number(column, rows, output, 1i16),
        SparkType::Int => number(column, rows, output, 1i32),
        SparkType::Long => number(column, rows, output, 1i64),
        SparkType::Float => number(column, rows, output, 1f32),
        SparkType::Double => number(column, rows, output, 1f64),
        _ => Err(EvalError::Internal(format!("no number type {output}"))),
    })
}

/// Number → boolean: whether it is not zero (NaN is not). Never fails.
pub(super) fn to_boolean(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn nonzero<T: FixedWidth + PartialEq>(
        column: &Column,
        rows: &Selection,
    ) -> Result<Column, EvalError> {
        let values = column
            .as_slice::<T>()
            .ok_or_else(|| kernel::wrong_width(column, T::PHYSICAL))?;
        let bits = map_bits(values.len(), rows, |row| values[row] != T::default());
        Ok(Column::boolean(bits, column.validity().cloned()))
    }
    let from = one(call)?.data_type().clone();
    cast(call, Failing::Never, move |column, rows, _| match &from {
        SparkType::Byte => nonzero::<i8>(column, rows),
        SparkType::Short => nonzero::<i16>(column, rows),
        SparkType::Int => nonzero::<i32>(column, rows),
        SparkType::Long => nonzero::<i64>(column, rows),
        SparkType::Float => nonzero::<f32>(column, rows),
        SparkType::Double => nonzero::<f64>(column, rows),
        _ if column.as_slice::<i64>().is_some() => nonzero::<i64>(column, rows),
        _ => nonzero::<i128>(column, rows),
    })
}

/// Calls a generic function with the Rust type of an integer type.
macro_rules! with_integer {
    ($data_type:expr, $call:expr, $native:ident => $body:expr) => {
        match $data_type {
            SparkType::Byte => {
                type $native = i8;
                $body
            }
            SparkType::Short => {
                type $native = i16;
                $body
            }
            SparkType::Int => {
                type $native = i32;
                $body
            }
            SparkType::Long => {
                type $native = i64;
                $body
            }
            _ => Err($call.unsupported()),
        }
    };
}

/// Calls a generic function with the Rust type of a float type.
macro_rules! with_float {
    ($data_type:expr, $call:expr, $native:ident => $body:expr) => {
        match $data_type {
            SparkType::Float => {
                type $native = f32;
                $body
            }
            SparkType::Double => {
                type $native = f64;
                $body
            }
            _ => Err($call.unsupported()),
        }
    };
}

/// Integer → integer: legacy keeps the low bits; else a value out of range fails or is NULL.
pub(super) fn integer_to_integer(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn build<F, T>(call: &FunctionCall) -> Result<ExpressionRef, BuildError>
    where
        F: FixedWidth + AsPrimitive<T> + Into<i64>,
        T: FixedWidth + Into<i64>,
    {
        let mode = call.mode;
        if size_of::<T>() >= size_of::<F>() || mode == EvalMode::Legacy {
            return cast(call, Failing::Never, |column, rows, output| {
                kernel::unary(column, rows, output, |v: F| -> T { v.as_() })
            });
        }
        cast(call, checked(mode), move |column, rows, output| {
            kernel::try_unary(column, rows, output, |v: F| {
                let cut: T = v.as_();
                if Into::<i64>::into(cut) == Into::<i64>::into(v) {
                    Outcome::Value(cut)
                } else {
                    overflow(mode)
                }
            })
        })
    }
    let from = one(call)?.data_type();
    with_integer!(from, call, From => with_integer!(&call.output, call, To => build::<From, To>(call)))
}

/// Integer → float or double: the nearest. Never fails.
pub(super) fn integer_to_float(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn build<F, T>(call: &FunctionCall) -> Result<ExpressionRef, BuildError>
    where
        F: FixedWidth + AsPrimitive<T>,
        T: FixedWidth,
    {
        cast(call, Failing::Never, |column, rows, output| {
            kernel::unary(column, rows, output, |v: F| -> T { v.as_() })
        })
    }
    let from = one(call)?.data_type();
    with_integer!(from, call, From => with_float!(&call.output, call, To => build::<From, To>(call)))
}

/// Integer → decimal: beyond the precision it fails (ANSI) or is NULL.
pub(super) fn integer_to_decimal(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn build<F>(call: &FunctionCall, to: DecimalType) -> Result<ExpressionRef, BuildError>
    where
        F: FixedWidth + Into<i64>,
    {
        let mode = call.mode;
        let factor = POW10[to.scale as usize];
        let widest = 1u128 << (8 * size_of::<F>() - 1);
        let largest = widest.checked_mul(factor.unsigned_abs());
        let always = largest.is_some_and(|largest| largest <= to.max());
        let failing = if always {
            Failing::Never
        } else {
            checked(mode)
        };
        if largest.is_some_and(|largest| always && largest <= i64::MAX as u128) {
            let factor = factor as i64;
            return cast(call, failing, move |column, rows, output| {
                kernel::unary(column, rows, output, |v: F| {
                    Into::<i64>::into(v).wrapping_mul(factor)
                })
            });
        }
        let max = to.max();
        cast(call, failing, move |column, rows, output| {
            let Some(values) = column.as_slice::<F>() else {
                return Err(kernel::wrong_width(column, F::PHYSICAL));
            };
            if factor == 1 && always && F::PHYSICAL == arclight_columns::Physical::Int64 {
                return Ok(column.clone().with_type(output.clone()));
            }
            decimal_rows(
                rows,
                output,
                column.logical_validity(),
                |row| match i128::from(Into::<i64>::into(values[row])).checked_mul(factor) {
                    Some(value) if value.unsigned_abs() <= max => Outcome::Value(value),
                    _ => overflow(mode),
                },
            )
        })
    }
    let to = DecimalType::of(&call.output).ok_or_else(|| call.unsupported())?;
    with_integer!(one(call)?.data_type(), call, From => build::<From>(call, to))
}

/// Float or double → integer, cut towards zero. Legacy saturates to int or bigint (NaN is 0) and
/// then keeps the low bits; else a value out of range or NaN fails or is NULL, but 2^63 passes as
/// the largest bigint.
pub(super) fn float_to_integer(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn build<F, T>(call: &FunctionCall, bounds: (f64, f64)) -> Result<ExpressionRef, BuildError>
    where
        F: FixedWidth + Into<f64> + AsPrimitive<i64> + AsPrimitive<i32>,
        T: FixedWidth,
        i64: AsPrimitive<T>,
    {
        fn cut<F: AsPrimitive<i64> + AsPrimitive<i32>, T: FixedWidth>(value: F) -> T
        where
            i64: AsPrimitive<T>,
        {
            let whole: i64 = match size_of::<T>() {
                8 => value.as_(),
                _ => i64::from(AsPrimitive::<i32>::as_(value)),
            };
            whole.as_()
        }
        let mode = call.mode;
        if mode == EvalMode::Legacy {
            return cast(call, Failing::Never, |column, rows, output| {
                kernel::unary(column, rows, output, cut::<F, T>)
            });
        }
        let (min, max) = bounds;
        cast(call, checked(mode), move |column, rows, output| {
            kernel::try_unary(column, rows, output, |v: F| {
                let value: f64 = v.into();
                if value.floor() <= max && value.ceil() >= min {
                    Outcome::Value(cut::<F, T>(v))
                } else {
                    overflow(mode)
                }
            })
        })
    }
    let from = one(call)?.data_type();
    with_float!(from, call, From => with_integer!(&call.output, call, To => {
        build::<From, To>(call, (To::MIN as f64, To::MAX as f64))
    }))
}

/// Float ↔ double: exact or the nearest. Never fails.
pub(super) fn float_to_float(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    match (one(call)?.data_type(), &call.output) {
        (SparkType::Float, SparkType::Double) => {
            cast(call, Failing::Never, |column, rows, output| {
                kernel::unary(column, rows, output, |v: f32| f64::from(v))
            })
        }
        (SparkType::Double, SparkType::Float) => {
            cast(call, Failing::Never, |column, rows, output| {
                kernel::unary(column, rows, output, |v: f64| v as f32)
            })
        }
        _ => Err(call.unsupported()),
    }
}

/// Float or double → decimal: the digits Java prints the double with, rounded HALF_UP. NaN and the
/// infinities are NULL in every mode; beyond the precision it fails (ANSI) or is NULL. A batch
/// with a double that versions of Java print differently is declined.
pub(super) fn float_to_decimal(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn build<F>(call: &FunctionCall, to: DecimalType) -> Result<ExpressionRef, BuildError>
    where
        F: FixedWidth + Into<f64>,
    {
        let mode = call.mode;
        // It may decline, which a guard must see.
        cast(call, Failing::Sometimes, move |column, rows, output| {
            let Some(values) = column.as_slice::<F>() else {
                return Err(kernel::wrong_width(column, F::PHYSICAL));
            };
            decimal_rows(rows, output, column.validity().cloned(), |row| {
                let value: f64 = values[row].into();
                if !value.is_finite() {
                    return Outcome::Null;
                }
                let java = java_double::digits(value);
                if !java.certain {
                    return Outcome::Decline(
                        "digits of a double that depend on the version of Java",
                    );
                }
                let digits = i128::from(java.digits);
                let shift = java.exponent + i32::from(to.scale);
                let power = POW10.get(shift.unsigned_abs() as usize);
                let magnitude = match power {
                    _ if digits == 0 => Some(0),
                    Some(&power) if shift >= 0 => digits.checked_mul(power),
                    Some(&power) => Some(divide_rounded(digits, power, Rounding::HalfUp)),
                    None => (shift < 0).then_some(0),
                };
                match magnitude {
                    Some(v) if v.unsigned_abs() <= to.max() => {
                        Outcome::Value(if value < 0.0 { -v } else { v })
                    }
                    _ => overflow(mode),
                }
            })
        })
    }
    let to = DecimalType::of(&call.output).ok_or_else(|| call.unsupported())?;
    with_float!(one(call)?.data_type(), call, From => build::<From>(call, to))
}

/// Decimal → integer, cut towards zero. Legacy keeps the low bits; else a value out of range fails
/// or is NULL. Where Spark's way through a double would give another result than the exact one,
/// which of them it takes is not known here: declined.
pub(super) fn decimal_to_integer(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn build<T>(call: &FunctionCall, from: DecimalType) -> Result<ExpressionRef, BuildError>
    where
        T: FixedWidth + TryFrom<i128>,
        i64: AsPrimitive<T>,
    {
        let mode = call.mode;
        let divisor = POW10[from.scale as usize];
        if mode == EvalMode::Legacy {
            return cast(call, Failing::Never, move |column, rows, output| {
                let values = unscaled(column)?;
                let result = kernel::map_rows(column.len(), rows, |row| -> T {
                    ((values.get(row) / divisor) as i64).as_()
                });
                Ok(Column::fixed(
                    output.clone(),
                    result,
                    column.validity().cloned(),
                ))
            });
        }
        cast(call, Failing::Sometimes, move |column, rows, output| {
            let values = unscaled(column)?;
            try_rows(rows, output, column.validity().cloned(), |row| {
                let value = values.get(row);
                let whole = value / divisor;
                if size_of::<T>() < 8 && rounds_up(value, divisor) {
                    return Outcome::Decline("decimal next to an integer");
                }
                T::try_from(whole).map_or_else(|_| overflow(mode), Outcome::Value)
            })
        })
    }
    let from = DecimalType::of(one(call)?.data_type()).ok_or_else(|| call.unsupported())?;
    with_integer!(&call.output, call, To => build::<To>(call, from))
}

/// Whether a double of an `int`'s size may round `value / divisor` up to the next integer: it has
/// at least 21 bits after the point.
fn rounds_up(value: i128, divisor: i128) -> bool {
    let rest = (value % divisor).unsigned_abs();
    let missing = divisor.unsigned_abs() - rest;
    rest != 0 && missing <= divisor.unsigned_abs() >> 21
}

/// Decimal → float or double: the nearest (`BigDecimal.doubleValue`). Never fails.
pub(super) fn decimal_to_float(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let from = DecimalType::of(one(call)?.data_type()).ok_or_else(|| call.unsupported())?;
    match call.output {
        SparkType::Double => cast(call, Failing::Never, move |column, rows, output| {
            let column = flat_or_constant(column);
            let values = unscaled(&column)?;
            let result = kernel::map_rows(column.len(), rows, |row| {
                to_double(values.get(row), from.scale)
            });
            Ok(Column::fixed(
                output.clone(),
                result,
                column.validity().cloned(),
            ))
        }),
        SparkType::Float => cast(call, Failing::Never, move |column, rows, output| {
            let column = flat_or_constant(column);
            let values: Unscaled<'_> = unscaled(&column)?;
            let result = kernel::map_rows(column.len(), rows, |row| {
                to_float(values.get(row), from.scale)
            });
            Ok(Column::fixed(
                output.clone(),
                result,
                column.validity().cloned(),
            ))
        }),
        _ => Err(call.unsupported()),
    }
}

/// The double nearest to `value / 10^scale`.
pub(crate) fn to_double(value: i128, scale: u8) -> f64 {
    // Both operands are exact in these ranges, so that the quotient is rounded once.
    if value.unsigned_abs() <= 1 << 53 && scale <= 22 {
        return value as f64 / POW10[scale as usize] as f64;
    }
    if scale == 0 {
        return value as f64;
    }
    // A decimal literal always parses.
    format!("{value}e-{scale}").parse().unwrap_or(f64::NAN)
}

/// The float nearest to `value / 10^scale`.
pub(crate) fn to_float(value: i128, scale: u8) -> f32 {
    if value.unsigned_abs() <= 1 << 24 && scale <= 10 {
        return value as f32 / POW10[scale as usize] as f32;
    }
    if scale == 0 {
        return value as f32;
    }
    format!("{value}e-{scale}").parse().unwrap_or(f32::NAN)
}
