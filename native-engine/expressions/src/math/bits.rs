//! Bitwise operations and shifts.

use arclight_columns::{FixedWidth, SparkType};
use num_traits::PrimInt;

use crate::expression::ExpressionRef;
use crate::function::{self, Failing, First, one, two, unary};
use crate::kernel::{self, over_distinct};
use crate::registry::{BuildError, FunctionCall};

/// What is done bit by bit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operation {
    And,
    Or,
    Xor,
}

/// Where bits are shifted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shift {
    Left,
    /// Copies of the sign come in.
    Right,
    /// Zeros come in.
    RightUnsigned,
}

/// `BitwiseAnd`, `BitwiseOr`, `BitwiseXor`: two integers of one width → that width. NULL where
/// either is. Never fails.
pub(super) fn binary(
    call: &FunctionCall,
    operation: Operation,
) -> Result<ExpressionRef, BuildError> {
    fn build<T: FixedWidth + PrimInt>(
        call: &FunctionCall,
        operation: Operation,
    ) -> Result<ExpressionRef, BuildError> {
        let output = call.output.clone();
        let kernel = move |l: &_, r: &_, rows: &_| match operation {
            Operation::And => kernel::binary(l, r, rows, &output, |l: T, r: T| l & r),
            Operation::Or => kernel::binary(l, r, rows, &output, |l: T, r: T| l | r),
            Operation::Xor => kernel::binary(l, r, rows, &output, |l: T, r: T| l ^ r),
        };
        Ok(function::binary(
            call,
            two(call)?,
            First::Left,
            Failing::Never,
            kernel,
        ))
    }
    let (left, right) = two(call)?;
    if left.data_type() != right.data_type() || *left.data_type() != call.output {
        return Err(call.unsupported());
    }
    match call.output {
        SparkType::Byte => build::<i8>(call, operation),
        SparkType::Short => build::<i16>(call, operation),
        SparkType::Int => build::<i32>(call, operation),
        SparkType::Long => build::<i64>(call, operation),
        _ => Err(call.unsupported()),
    }
}

/// `BitwiseNot`: integer → the same width. NULL stays NULL. Never fails.
pub(super) fn not(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn build<T: FixedWidth + PrimInt>(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
        let output = call.output.clone();
        Ok(unary(
            call,
            one(call)?,
            Failing::Never,
            move |column, rows| {
                over_distinct(column, rows, &output, |column, rows| {
                    kernel::unary(column, rows, &output, |v: T| !v)
                })
            },
        ))
    }
    if *one(call)?.data_type() != call.output {
        return Err(call.unsupported());
    }
    match call.output {
        SparkType::Byte => build::<i8>(call),
        SparkType::Short => build::<i16>(call),
        SparkType::Int => build::<i32>(call),
        SparkType::Long => build::<i64>(call),
        _ => Err(call.unsupported()),
    }
}

/// `ShiftLeft`, `ShiftRight`, `ShiftRightUnsigned`: int or bigint, and an int of which the low 5
/// or 6 bits count → the first's type. NULL where either is. Never fails.
pub(super) fn shift(call: &FunctionCall, shift: Shift) -> Result<ExpressionRef, BuildError> {
    let operands = two(call)?;
    let output = call.output.clone();
    if *operands.1.data_type() != SparkType::Int || *operands.0.data_type() != output {
        return Err(call.unsupported());
    }
    // Rust's wrapping shifts mask the distance as Java does.
    match output {
        SparkType::Int => Ok(function::binary(
            call,
            operands,
            First::Left,
            Failing::Never,
            {
                move |l, r, rows| match shift {
                    Shift::Left => kernel::binary(l, r, rows, &output, |l: i32, r: i32| {
                        l.wrapping_shl(r as u32)
                    }),
                    Shift::Right => kernel::binary(l, r, rows, &output, |l: i32, r: i32| {
                        l.wrapping_shr(r as u32)
                    }),
                    Shift::RightUnsigned => {
                        kernel::binary(l, r, rows, &output, |l: i32, r: i32| {
                            (l as u32).wrapping_shr(r as u32) as i32
                        })
                    }
                }
            },
        )),
        SparkType::Long => Ok(function::binary(
            call,
            operands,
            First::Left,
            Failing::Never,
            {
                move |l, r, rows| match shift {
                    Shift::Left => kernel::binary(l, r, rows, &output, |l: i64, r: i32| {
                        l.wrapping_shl(r as u32)
                    }),
                    Shift::Right => kernel::binary(l, r, rows, &output, |l: i64, r: i32| {
                        l.wrapping_shr(r as u32)
                    }),
                    Shift::RightUnsigned => {
                        kernel::binary(l, r, rows, &output, |l: i64, r: i32| {
                            (l as u64).wrapping_shr(r as u32) as i64
                        })
                    }
                }
            },
        )),
        _ => Err(call.unsupported()),
    }
}
