//! `Round` and `BRound`.

use arclight_columns::{Batch, Column, FixedWidth, Selection, SparkType};

use crate::decimal::{
    DecimalType, POW10, Rounding, decimal_rows, divide_rounded, rescale_kernel, unscaled,
};
use crate::expression::{EvalContext, EvalError, ExpressionRef, NoJvm};
use crate::function::{Failing, two, unary};
use crate::java_double;
use crate::kernel::{Outcome, flat_or_constant, over_distinct, try_unary};
use crate::registry::{BuildError, EvalMode, FunctionCall};

/// `Round` (HALF_UP), `BRound` (HALF_EVEN): a number and a literal scale → the number's type, a
/// decimal's with Spark's adjusted precision and scale. NULL stays NULL. Integers change with
/// negative scales only; there, overflow fails (ANSI) or wraps. Decimals are NULL beyond their
/// precision, but fail if the scale is negative. Floats and doubles round the digits Java prints
/// them with; where versions of Java differ in a way that matters, the batch is declined.
pub(super) fn build(call: &FunctionCall, rounding: Rounding) -> Result<ExpressionRef, BuildError> {
    let (argument, scale) = two(call)?;
    let scale = literal_int(scale).ok_or_else(|| call.unsupported())?;
    let data_type = argument.data_type();
    let (Some(from), Some(to)) = (DecimalType::of(data_type), DecimalType::of(&call.output)) else {
        if *data_type != call.output {
            return Err(call.unsupported());
        }
        return match data_type {
            SparkType::Byte => integers::<i8>(call, argument, scale, rounding),
            SparkType::Short => integers::<i16>(call, argument, scale, rounding),
            SparkType::Int => integers::<i32>(call, argument, scale, rounding),
            SparkType::Long => integers::<i64>(call, argument, scale, rounding),
            SparkType::Float => floats::<f32>(call, argument, scale, rounding),
            SparkType::Double => floats::<f64>(call, argument, scale, rounding),
            _ => Err(call.unsupported()),
        };
    };
    let output = call.output.clone();
    if scale >= 0 {
        return Ok(unary(
            call,
            argument,
            Failing::Never,
            move |column, rows| {
                let types = (from, to);
                rescale_kernel(column, rows, types, &output, rounding, EvalMode::Legacy)
            },
        ));
    }
    Ok(unary(
        call,
        argument,
        Failing::Sometimes,
        move |column, rows| {
            over_distinct(column, rows, &output, |column, rows| {
                let column = flat_or_constant(column);
                let values = unscaled(&column)?;
                decimal_rows(rows, &output, column.logical_validity(), |row| {
                    let dropped = i64::from(from.scale) - i64::from(scale);
                    let rounded =
                        drop_and_restore(values.get(row), dropped, -i64::from(scale), rounding);
                    Outcome::or_fail(rounded.filter(|v| v.unsigned_abs() <= to.max()))
                })
            })
        },
    ))
}

/// `RoundCeil`, `RoundFloor`: [`build`] of a decimal.
pub(super) fn build_decimal(
    call: &FunctionCall,
    rounding: Rounding,
) -> Result<ExpressionRef, BuildError> {
    match DecimalType::of(call.argument(0)?.data_type()) {
        Some(_) => build(call, rounding),
        None => Err(call.unsupported()),
    }
}

/// The value of an int that reads no column; `None` for any other expression.
fn literal_int(expression: &ExpressionRef) -> Option<i32> {
    if *expression.data_type() != SparkType::Int {
        return None;
    }
    let mut jvm = NoJvm;
    let one = Selection::all(1);
    let batch = Batch::new(Vec::new(), 1);
    let value = expression
        .evaluate(&batch, &one, &mut EvalContext::new(&mut jvm))
        .ok()?;
    (!value.is_null(0)).then(|| value.fixed_value::<i32>(0))?
}

/// `value / 10^dropped` rounded, times 10^`restored`; `None` if that does not fit 128 bits.
fn drop_and_restore(value: i128, dropped: i64, restored: i64, rounding: Rounding) -> Option<i128> {
    let power = |exponent: i64| {
        usize::try_from(exponent)
            .ok()
            .and_then(|exponent| POW10.get(exponent))
    };
    let rounded = match (power(dropped), rounding) {
        (Some(&divisor), _) => divide_rounded(value, divisor, rounding),
        // Of 38 digits, dropping 39 leaves less than a half.
        (None, Rounding::HalfUp | Rounding::HalfEven) => 0,
        (None, Rounding::Floor) => -i128::from(value < 0),
        (None, Rounding::Ceiling) => i128::from(value > 0),
    };
    match rounded {
        0 => Some(0),
        _ => power(restored).and_then(|&factor| rounded.checked_mul(factor)),
    }
}

fn integers<T>(
    call: &FunctionCall,
    argument: &ExpressionRef,
    scale: i32,
    rounding: Rounding,
) -> Result<ExpressionRef, BuildError>
where
    T: FixedWidth + Into<i64> + TryFrom<i128>,
    i128: num_traits::AsPrimitive<T>,
{
    if scale >= 0 {
        return Ok(std::sync::Arc::clone(argument));
    }
    let (output, mode) = (call.output.clone(), call.mode);
    let failing = match mode {
        EvalMode::Ansi => Failing::Sometimes,
        EvalMode::Legacy => Failing::Never,
        EvalMode::Try => return Err(call.unsupported()),
    };
    let digits = -i64::from(scale);
    Ok(unary(call, argument, failing, move |column, rows| {
        over_distinct(column, rows, &output, |column, rows| {
            try_unary(column, rows, &output, |value: T| {
                let value = i128::from(Into::<i64>::into(value));
                // 19 digits rounded up fit 128 bits by far.
                let rounded = drop_and_restore(value, digits, digits, rounding).unwrap_or(0);
                match (T::try_from(rounded), mode) {
                    (Ok(rounded), _) => Outcome::Value(rounded),
                    (Err(_), EvalMode::Ansi) => Outcome::Fail,
                    (Err(_), _) => Outcome::Value(num_traits::AsPrimitive::as_(rounded)),
                }
            })
        })
    }))
}

/// Floats that are read from and written as decimal text.
trait DecimalText: FixedWidth + Into<f64> + std::str::FromStr {}
impl DecimalText for f32 {}
impl DecimalText for f64 {}

fn floats<T: DecimalText>(
    call: &FunctionCall,
    argument: &ExpressionRef,
    scale: i32,
    rounding: Rounding,
) -> Result<ExpressionRef, BuildError> {
    let output = call.output.clone();
    // It may decline, which a guard must see.
    Ok(unary(
        call,
        argument,
        Failing::Sometimes,
        move |column, rows| {
            over_distinct(column, rows, &output, |column, rows| {
                round_floats::<T>(column, rows, &output, scale, rounding)
            })
        },
    ))
}

fn round_floats<T: DecimalText>(
    column: &Column,
    rows: &Selection,
    output: &SparkType,
    scale: i32,
    rounding: Rounding,
) -> Result<Column, EvalError> {
    try_unary(column, rows, output, |original: T| {
        let value: f64 = original.into();
        if !value.is_finite() {
            return Outcome::Value(original);
        }
        match round_double::<T>(value, scale, rounding) {
            Some(Some(rounded)) => Outcome::Value(rounded),
            // Nothing to round; but -0.0 has no sign as a decimal.
            Some(None) if value == 0.0 => Outcome::Value(T::default()),
            Some(None) => Outcome::Value(original),
            None => Outcome::Decline("digits of a double that depend on the version of Java"),
        }
    })
}

/// `value` rounded, `Some(None)` if it has no digits to drop, `None` if that depends on Java.
fn round_double<T: DecimalText>(value: f64, scale: i32, rounding: Rounding) -> Option<Option<T>> {
    let java = java_double::digits(value);
    let dropped = -i64::from(scale) - i64::from(java.exponent);
    if dropped <= 0 {
        // Where the digits are disputed others might have some to drop, but not of an integer.
        let whole = scale >= 0 && value.fract() == 0.0;
        return (java.certain || whole).then_some(None);
    }
    // 17 digits without 19 are less than a half.
    let power = POW10.get(dropped.min(19) as usize)?;
    let kept = i128::from(java.digits) / power;
    if !java.certain {
        // All that is disputed lies between the double's neighbours: it matters only if the
        // middle between two results does, too.
        let middle: f64 = format!("{kept}5e{}", -i64::from(scale) - 1).parse().ok()?;
        if middle == value.abs() {
            return None;
        }
    }
    let rounded = divide_rounded(i128::from(java.digits), *power, rounding);
    let sign = if value < 0.0 && rounded != 0 { "-" } else { "" };
    let text = format!("{sign}{rounded}e{}", -i64::from(scale));
    text.parse().ok().map(Some)
}
