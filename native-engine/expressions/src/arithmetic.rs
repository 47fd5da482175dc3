//! Arithmetic on integers and floats; decimals are dispatched to their own family.
//!
//! ANSI mode fails where a result overflows or a divisor is zero; `try_` gives NULL there; legacy
//! mode wraps integers and gives NULL for a zero divisor, floats included.

use arclight_columns::{Column, FixedWidth, Selection, SparkType};
use num_traits::{Float, PrimInt, Signed, WrappingAdd, WrappingMul, WrappingNeg, WrappingSub};

use crate::decimal::{self, DecimalType, Division, Operation};
use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, First, binary, one, two, unary};
use crate::kernel::{self, Outcome, over_distinct};
use crate::registry::{BuildError, Entry, EvalMode, FunctionCall};

/// This family's functions.
pub(crate) const FUNCTIONS: &[Entry] = &[
    ("add", |call| sum(call, Operation::Add)),
    ("subtract", |call| sum(call, Operation::Subtract)),
    ("multiply", |call| sum(call, Operation::Multiply)),
    ("divide", |call| divide(call, Division::Divide)),
    ("integral_divide", |call| divide(call, Division::Integral)),
    ("remainder", |call| divide(call, Division::Remainder)),
    ("pmod", |call| divide(call, Division::Pmod)),
    ("negate", |call| sign(call, false)),
    ("abs", |call| sign(call, true)),
];

fn is_decimal(data_type: &SparkType) -> bool {
    DecimalType::of(data_type).is_some()
}

fn fail_or_null<T>(mode: EvalMode) -> Outcome<T> {
    decimal::overflow(mode)
}

/// `Add`, `Subtract`, `Multiply`: two integers of one width, floats or doubles → the same type;
/// decimals see [`decimal::build_arithmetic`]. NULL where an operand is. Integer overflow fails
/// (ANSI), is NULL (`try_`) or wraps (legacy); floats follow IEEE 754.
fn sum(call: &FunctionCall, operation: Operation) -> Result<ExpressionRef, BuildError> {
    let (left, right) = two(call)?;
    let data_type = left.data_type();
    if is_decimal(data_type) && is_decimal(right.data_type()) {
        return decimal::build_arithmetic(call, operation);
    }
    if data_type != right.data_type() || *data_type != call.output {
        return Err(call.unsupported());
    }
    match data_type {
        SparkType::Byte => integer_sum::<i8>(call, operation),
        SparkType::Short => integer_sum::<i16>(call, operation),
        SparkType::Int => integer_sum::<i32>(call, operation),
        SparkType::Long => integer_sum::<i64>(call, operation),
        SparkType::Float => float_sum::<f32>(call, operation),
        SparkType::Double => float_sum::<f64>(call, operation),
        _ => Err(call.unsupported()),
    }
}

/// What the integer widths share.
trait Integer:
    FixedWidth + PrimInt + Signed + WrappingAdd + WrappingSub + WrappingMul + WrappingNeg + Send + Sync
{
}
impl Integer for i8 {}
impl Integer for i16 {}
impl Integer for i32 {}
impl Integer for i64 {}

fn integer_sum<T: Integer>(
    call: &FunctionCall,
    operation: Operation,
) -> Result<ExpressionRef, BuildError> {
    let operands = two(call)?;
    let (output, mode) = (call.output.clone(), call.mode);
    if mode == EvalMode::Legacy {
        return Ok(binary(call, operands, First::Left, Failing::Never, {
            move |l, r, rows| match operation {
                Operation::Add => {
                    kernel::binary(l, r, rows, &output, |l: T, r: T| l.wrapping_add(&r))
                }
                Operation::Subtract => {
                    kernel::binary(l, r, rows, &output, |l: T, r: T| l.wrapping_sub(&r))
                }
                Operation::Multiply => {
                    kernel::binary(l, r, rows, &output, |l: T, r: T| l.wrapping_mul(&r))
                }
            }
        }));
    }
    Ok(binary(
        call,
        operands,
        First::Left,
        failing(mode),
        move |l, r, rows| {
            let outcome =
                |value: Option<T>| value.map_or_else(|| fail_or_null(mode), Outcome::Value);
            match operation {
                Operation::Add => {
                    kernel::try_binary(l, r, rows, &output, |l: T, r: T| outcome(l.checked_add(&r)))
                }
                Operation::Subtract => {
                    kernel::try_binary(l, r, rows, &output, |l: T, r: T| outcome(l.checked_sub(&r)))
                }
                Operation::Multiply => {
                    kernel::try_binary(l, r, rows, &output, |l: T, r: T| outcome(l.checked_mul(&r)))
                }
            }
        },
    ))
}

fn failing(mode: EvalMode) -> Failing {
    match mode {
        EvalMode::Ansi => Failing::Sometimes,
        EvalMode::Legacy | EvalMode::Try => Failing::Never,
    }
}

fn float_sum<T: FixedWidth + Float>(
    call: &FunctionCall,
    operation: Operation,
) -> Result<ExpressionRef, BuildError> {
    let operands = two(call)?;
    let output = call.output.clone();
    Ok(binary(call, operands, First::Left, Failing::Never, {
        move |l, r, rows| match operation {
            Operation::Add => kernel::binary(l, r, rows, &output, |l: T, r: T| l + r),
            Operation::Subtract => kernel::binary(l, r, rows, &output, |l: T, r: T| l - r),
            Operation::Multiply => kernel::binary(l, r, rows, &output, |l: T, r: T| l * r),
        }
    }))
}

/// `Divide` of doubles; `IntegralDivide` of bigints → bigint; `Remainder` and `Pmod` of two
/// numbers of one type → that type; decimals see [`decimal::build_division`]. NULL where an
/// operand is. A zero divisor (of either sign) fails (ANSI) or gives NULL. bigint minimum `div` -1
/// fails in ANSI mode and wraps in legacy mode.
fn divide(call: &FunctionCall, division: Division) -> Result<ExpressionRef, BuildError> {
    let (left, right) = two(call)?;
    // Spark has no try_ form of the others, and no defined result for one.
    if call.mode == EvalMode::Try && matches!(division, Division::Integral | Division::Pmod) {
        return Err(call.unsupported());
    }
    let data_type = left.data_type();
    if is_decimal(data_type) && is_decimal(right.data_type()) {
        return decimal::build_division(call, division);
    }
    if data_type != right.data_type() || *data_type != call.output {
        return Err(call.unsupported());
    }
    match (division, data_type) {
        (Division::Divide, SparkType::Float) => {
            Ok(float_division::<f32>(call, (left, right), |l, r| l / r))
        }
        (Division::Divide, SparkType::Double) => {
            Ok(float_division::<f64>(call, (left, right), |l, r| l / r))
        }
        (Division::Integral, SparkType::Long) => {
            let mode = call.mode;
            Ok(integer_division(
                call,
                (left, right),
                move |l: i64, r: i64| match mode {
                    EvalMode::Legacy => Some(l.wrapping_div(r)),
                    _ => l.checked_div(r),
                },
            ))
        }
        (Division::Remainder | Division::Pmod, _) => remainder(call, division),
        _ => Err(call.unsupported()),
    }
}

fn remainder(call: &FunctionCall, division: Division) -> Result<ExpressionRef, BuildError> {
    let operands = two(call)?;
    let positive = division == Division::Pmod;
    // Java computes narrow integers as ints, so that only the wider two can wrap in between.
    macro_rules! integers {
        ($native:ty, $computed:ty) => {
            integer_division(call, operands, move |l: $native, r: $native| {
                let (l, r) = (<$computed>::from(l), <$computed>::from(r));
                let rest = l.wrapping_rem(r);
                Some(if positive && rest < 0 {
                    rest.wrapping_add(r).wrapping_rem(r) as $native
                } else {
                    rest as $native
                })
            })
        };
    }
    macro_rules! floats {
        ($native:ty) => {
            float_division(call, operands, move |l: $native, r: $native| {
                let rest = l % r;
                if positive && rest < 0.0 {
                    (rest + r) % r
                } else {
                    rest
                }
            })
        };
    }
    Ok(match operands.0.data_type() {
        SparkType::Byte => integers!(i8, i32),
        SparkType::Short => integers!(i16, i32),
        SparkType::Int => integers!(i32, i32),
        SparkType::Long => integers!(i64, i64),
        SparkType::Float => floats!(f32),
        SparkType::Double => floats!(f64),
        _ => return Err(call.unsupported()),
    })
}

/// An expression of `f`, which is not called with a zero divisor; `None` fails.
fn integer_division<T: Integer>(
    call: &FunctionCall,
    operands: (&ExpressionRef, &ExpressionRef),
    f: impl Fn(T, T) -> Option<T> + Send + Sync + 'static,
) -> ExpressionRef {
    let (output, mode) = (call.output.clone(), call.mode);
    binary(
        call,
        operands,
        First::Right,
        failing(mode),
        move |l, r, rows| {
            kernel::try_binary(l, r, rows, &output, |l: T, r: T| {
                if r.is_zero() {
                    return fail_or_null(mode);
                }
                f(l, r).map_or_else(|| fail_or_null(mode), Outcome::Value)
            })
        },
    )
}

/// An expression of `f`, which is not called with a zero divisor.
fn float_division<T: FixedWidth + Float>(
    call: &FunctionCall,
    operands: (&ExpressionRef, &ExpressionRef),
    f: impl Fn(T, T) -> T + Send + Sync + 'static,
) -> ExpressionRef {
    let (output, mode) = (call.output.clone(), call.mode);
    binary(
        call,
        operands,
        First::Right,
        failing(mode),
        move |l, r, rows| {
            kernel::try_binary(l, r, rows, &output, |l: T, r: T| {
                if r.is_zero() {
                    fail_or_null(mode)
                } else {
                    Outcome::Value(f(l, r))
                }
            })
        },
    )
}

/// `UnaryMinus`, `Abs`: a number → the same type. NULL stays NULL. The smallest integer fails in
/// ANSI mode and stays itself in legacy mode; `try_` forms do not exist.
fn sign(call: &FunctionCall, abs: bool) -> Result<ExpressionRef, BuildError> {
    let argument = one(call)?;
    let data_type = argument.data_type();
    if *data_type != call.output || call.mode == EvalMode::Try {
        return Err(call.unsupported());
    }
    let output = call.output.clone();
    match data_type {
        SparkType::Decimal { .. } if is_decimal(data_type) => Ok(unary(
            call,
            argument,
            Failing::Never,
            move |column, rows| decimal::negate_or_abs(column, rows, &output, abs),
        )),
        SparkType::Byte => integer_sign::<i8>(call, abs),
        SparkType::Short => integer_sign::<i16>(call, abs),
        SparkType::Int => integer_sign::<i32>(call, abs),
        SparkType::Long => integer_sign::<i64>(call, abs),
        SparkType::Float => Ok(float_sign::<f32>(call, argument, abs)),
        SparkType::Double => Ok(float_sign::<f64>(call, argument, abs)),
        _ => Err(call.unsupported()),
    }
}

fn integer_sign<T: Integer>(call: &FunctionCall, abs: bool) -> Result<ExpressionRef, BuildError> {
    let argument = one(call)?;
    let (output, mode) = (call.output.clone(), call.mode);
    Ok(unary(call, argument, failing(mode), move |column, rows| {
        integer_sign_column::<T>(column, rows, &output, abs, mode)
    }))
}

fn integer_sign_column<T: Integer>(
    column: &Column,
    rows: &Selection,
    output: &SparkType,
    abs: bool,
    mode: EvalMode,
) -> Result<Column, EvalError> {
    over_distinct(column, rows, output, |column, rows| {
        if mode == EvalMode::Ansi {
            return kernel::try_unary(column, rows, output, |v: T| {
                if abs && v >= T::zero() {
                    return Outcome::Value(v);
                }
                Outcome::or_fail(T::zero().checked_sub(&v))
            });
        }
        kernel::unary(column, rows, output, |v: T| {
            if abs && v >= T::zero() {
                v
            } else {
                v.wrapping_neg()
            }
        })
    })
}

fn float_sign<T: FixedWidth + Float>(
    call: &FunctionCall,
    argument: &ExpressionRef,
    abs: bool,
) -> ExpressionRef {
    let output = call.output.clone();
    unary(
        call,
        argument,
        Failing::Never,
        move |column, rows| match abs {
            true => kernel::unary(column, rows, &output, |v: T| v.abs()),
            false => kernel::unary(column, rows, &output, |v: T| -v),
        },
    )
}

#[cfg(test)]
mod tests;
