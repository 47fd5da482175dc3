//! Changing precision and scale, and crossing between decimals and their unscaled longs.

use arclight_columns::{Column, Selection, SparkType};

use super::value::{
    DecimalType, POW10, Rounding, Unscaled, decimal_rows, divide_rounded, overflow, unscaled,
};
use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, one, unary};
use crate::kernel::{self, Outcome, flat_or_constant, over_distinct, try_unary};
use crate::registry::{BuildError, EvalMode, FunctionCall};

/// `CheckOverflow`, and the cast of a decimal to another decimal type: rounded HALF_UP to the
/// scale; beyond the precision it fails (ANSI) or is NULL.
pub(crate) fn check_overflow(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    rescale(call, Rounding::HalfUp)
}

/// The expression of a decimal brought to the call's decimal type.
pub(crate) fn rescale(
    call: &FunctionCall,
    rounding: Rounding,
) -> Result<ExpressionRef, BuildError> {
    let argument = one(call)?;
    let types = (
        DecimalType::of(argument.data_type()),
        DecimalType::of(&call.output),
    );
    let (Some(from), Some(to)) = types else {
        return Err(call.unsupported());
    };
    let (output, mode) = (call.output.clone(), call.mode);
    let failing = match mode {
        EvalMode::Ansi if !always_fits(from, to) => Failing::Sometimes,
        _ => Failing::Never,
    };
    Ok(unary(call, argument, failing, move |column, rows| {
        rescale_kernel(column, rows, (from, to), &output, rounding, mode)
    }))
}

/// Whether every value of one type fits the other once rounded.
fn always_fits(from: DecimalType, to: DecimalType) -> bool {
    // One more digit before the point where rounding may carry into it.
    let carry = u8::from(to.scale < from.scale);
    from.precision - from.scale.min(from.precision) + carry
        <= to.precision - to.scale.min(to.precision)
}

/// The values of a decimal column of type `from` brought to type `to`.
pub(crate) fn rescale_kernel(
    column: &Column,
    rows: &Selection,
    (from, to): (DecimalType, DecimalType),
    output: &SparkType,
    rounding: Rounding,
    mode: EvalMode,
) -> Result<Column, EvalError> {
    // Widths may differ only where the type allows 128 bits.
    if from.scale == to.scale
        && from.precision <= to.precision
        && (to.precision > 18) == (from.precision > 18)
        || (from.scale == to.scale && from.precision <= 18 && to.precision > 18)
    {
        return Ok(column.clone().with_type(output.clone()));
    }
    over_distinct(column, rows, output, |column, rows| {
        let column = flat_or_constant(column);
        let values = unscaled(&column)?;
        if to.scale >= from.scale {
            let factor = POW10[(to.scale - from.scale) as usize];
            let bound = values.bound(rows).min(from.max());
            let bound = bound.checked_mul(factor.unsigned_abs());
            if values.is_narrow() && bound.is_some_and(|b| b <= i64::MAX as u128 && b <= to.max()) {
                let factor = factor as i64;
                return kernel::unary(&column, rows, output, |v: i64| v.wrapping_mul(factor));
            }
            let max = to.max();
            return decimal_rows(rows, output, column.logical_validity(), |row| match values
                .get(row)
                .checked_mul(factor)
            {
                Some(value) if value.unsigned_abs() <= max => Outcome::Value(value),
                _ => overflow(mode),
            });
        }
        let divisor = POW10[(from.scale - to.scale) as usize];
        if let (Unscaled::Narrow(_), Ok(divisor), true) =
            (&values, i64::try_from(divisor), always_fits(from, to))
        {
            let divisor = i128::from(divisor);
            return kernel::unary(&column, rows, output, |v: i64| {
                divide_rounded(i128::from(v), divisor, rounding) as i64
            });
        }
        let max = to.max();
        decimal_rows(rows, output, column.logical_validity(), |row| {
            let value = divide_rounded(values.get(row), divisor, rounding);
            if value.unsigned_abs() <= max {
                Outcome::Value(value)
            } else {
                overflow(mode)
            }
        })
    })
}

/// `UnscaledValue`: decimal → bigint, the unscaled value. Values beyond 64 bits fail.
pub(crate) fn unscaled_value(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let argument = one(call)?;
    let Some(from) = DecimalType::of(argument.data_type()) else {
        return Err(call.unsupported());
    };
    if call.output != SparkType::Long {
        return Err(call.unsupported());
    }
    let failing = match from.precision {
        0..=18 => Failing::Never,
        _ => Failing::Sometimes,
    };
    Ok(unary(call, argument, failing, move |column, rows| {
        if from.precision <= 18 {
            return Ok(column.clone().with_type(SparkType::Long));
        }
        let column = flat_or_constant(column);
        match unscaled(&column)? {
            Unscaled::Narrow(_) => Ok(column.clone().with_type(SparkType::Long)),
            Unscaled::Wide(_) => try_unary(&column, rows, &SparkType::Long, |value: i128| {
                Outcome::or_fail(i64::try_from(value).ok())
            }),
        }
    }))
}

/// `MakeDecimal`: bigint → decimal with that unscaled value. Beyond the precision it is NULL, or
/// fails in ANSI mode (Spark's `nullOnOverflow = false`).
pub(crate) fn make_decimal(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let argument = one(call)?;
    let Some(to) = DecimalType::of(&call.output) else {
        return Err(call.unsupported());
    };
    if *argument.data_type() != SparkType::Long {
        return Err(call.unsupported());
    }
    let failing = match (call.mode, to.precision) {
        (EvalMode::Ansi, 0..=18) => Failing::Sometimes,
        _ => Failing::Never,
    };
    let (output, mode) = (call.output.clone(), call.mode);
    Ok(unary(call, argument, failing, move |column, rows| {
        let column = flat_or_constant(column);
        let bound = unscaled(&column)?.bound(rows);
        if to.precision > 18 || bound <= to.max() {
            return Ok(column.with_type(output.clone()));
        }
        let max = to.max();
        try_unary(&column, rows, &output, |value: i64| {
            if u128::from(value.unsigned_abs()) <= max {
                Outcome::Value(value)
            } else {
                overflow(mode)
            }
        })
    }))
}

/// `UnaryMinus` and `Abs` of a decimal: same type, cannot overflow.
pub(crate) fn negate_or_abs(
    column: &Column,
    rows: &Selection,
    output: &SparkType,
    abs: bool,
) -> Result<Column, EvalError> {
    over_distinct(column, rows, output, |column, rows| {
        let column = flat_or_constant(column);
        match unscaled(&column)? {
            Unscaled::Wide(_) if abs => {
                kernel::unary(&column, rows, output, |v: i128| v.wrapping_abs())
            }
            Unscaled::Wide(_) => kernel::unary(&column, rows, output, |v: i128| v.wrapping_neg()),
            // -2^63, which only a wide type kept narrow may hold, has no 64-bit opposite.
            values if values.bound(rows) > i64::MAX as u128 && wide_type(output) => {
                kernel::unary(&column, rows, output, |v: i64| {
                    let v = i128::from(v);
                    if abs { v.abs() } else { -v }
                })
            }
            _ if abs => kernel::unary(&column, rows, output, |v: i64| v.wrapping_abs()),
            _ => kernel::unary(&column, rows, output, |v: i64| v.wrapping_neg()),
        }
    })
}

fn wide_type(data_type: &SparkType) -> bool {
    DecimalType::of(data_type).is_some_and(|t| t.precision > 18)
}
