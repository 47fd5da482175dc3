//! Addition, subtraction and multiplication.

use arclight_columns::{Column, Selection, SparkType};
use arrow_buffer::i256;

use super::value::{
    DecimalType, POW10, Rounding, Unscaled, decimal_rows, divide_rounded, drop_digits_wide,
    overflow, unscaled,
};
use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, First, binary, two};
use crate::kernel::{self, Outcome, flat_or_constant, union_validity};
use crate::registry::{BuildError, EvalMode, FunctionCall};

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// `Add`.
    Add,
    /// `Subtract`.
    Subtract,
    /// `Multiply`.
    Multiply,
}

/// One operation on operands of given types.
#[derive(Debug)]
struct Arithmetic {
    operation: Operation,
    /// What brings the operands of a sum to one scale; 1 for products.
    factors: (i128, i128),
    /// Digits of the exact result that the result type's scale drops.
    drop: u8,
    inputs: (DecimalType, DecimalType),
    result: DecimalType,
    output: SparkType,
    mode: EvalMode,
}

/// `Add`, `Subtract`, `Multiply` of two decimals of any precisions and scales → the decimal type
/// Spark gave the expression. The exact result is rounded HALF_UP to its scale; beyond its
/// precision it fails (ANSI) or is NULL.
pub(crate) fn build(
    call: &FunctionCall,
    operation: Operation,
) -> Result<ExpressionRef, BuildError> {
    let (left, right) = two(call)?;
    let types = (
        DecimalType::of(left.data_type()),
        DecimalType::of(right.data_type()),
        DecimalType::of(&call.output),
    );
    let (Some(l), Some(r), Some(result)) = types else {
        return Err(call.unsupported());
    };
    let exact = match operation {
        Operation::Multiply => l.scale + r.scale,
        _ => l.scale.max(r.scale),
    };
    let Some(drop) = exact.checked_sub(result.scale) else {
        return Err(call.unsupported());
    };
    let factors = match operation {
        Operation::Multiply => (1, 1),
        _ => (
            POW10[(exact - l.scale) as usize],
            POW10[(exact - r.scale) as usize],
        ),
    };
    let arithmetic = Arithmetic {
        operation,
        factors,
        drop,
        inputs: (l, r),
        result,
        output: call.output.clone(),
        mode: call.mode,
    };
    let never = call.mode != EvalMode::Ansi
        || arithmetic
            .exact_bound(l.max(), r.max())
            .is_some_and(|bound| arithmetic.fits(bound));
    let failing = if never {
        Failing::Never
    } else {
        Failing::Sometimes
    };
    Ok(binary(
        call,
        (left, right),
        First::Left,
        failing,
        move |l, r, rows| arithmetic.evaluate(l, r, rows),
    ))
}

impl Arithmetic {
    /// A bound of the exact result's magnitude, given bounds of the operands'.
    fn exact_bound(&self, left: u128, right: u128) -> Option<u128> {
        match self.operation {
            Operation::Multiply => left.checked_mul(right),
            _ => {
                let left = left.checked_mul(self.factors.0.unsigned_abs())?;
                left.checked_add(right.checked_mul(self.factors.1.unsigned_abs())?)
            }
        }
    }

    /// Whether exact results of this magnitude surely fit the result type once rounded.
    fn fits(&self, bound: u128) -> bool {
        let rounded = match POW10.get(self.drop as usize) {
            Some(&divisor) => bound / divisor.unsigned_abs() + u128::from(self.drop > 0),
            None => 1,
        };
        rounded <= self.result.max()
    }

    fn evaluate(
        &self,
        left: &Column,
        right: &Column,
        rows: &Selection,
    ) -> Result<Column, EvalError> {
        let (left, right) = (flat_or_constant(left), flat_or_constant(right));
        let (l, r) = (unscaled(&left)?, unscaled(&right)?);
        const NARROW: u128 = i64::MAX as u128;
        const WIDE: u128 = i128::MAX as u128;
        let declared = self.exact_bound(self.inputs.0.max(), self.inputs.1.max());
        let bound = match declared {
            Some(bound) if bound <= NARROW && self.fits(bound) => Some(bound),
            _ => self.exact_bound(
                l.bound(rows).min(self.inputs.0.max()),
                r.bound(rows).min(self.inputs.1.max()),
            ),
        };
        match bound.filter(|&bound| self.fits(bound)) {
            Some(bound) if bound <= NARROW && l.is_narrow() && r.is_narrow() => {
                self.narrow(&left, &right, rows)
            }
            Some(bound) if bound <= WIDE && self.drop == 0 && self.result.precision > 18 => {
                self.wide(&left, &right, (&l, &r), rows)
            }
            _ => self.checked(&left, &right, (&l, &r), rows),
        }
    }

    /// All in 64 bits; nothing can overflow.
    fn narrow(&self, left: &Column, right: &Column, rows: &Selection) -> Result<Column, EvalError> {
        let (lf, rf) = (self.factors.0 as i64, self.factors.1 as i64);
        let loop_ = NarrowLoop {
            left,
            right,
            rows,
            output: &self.output,
            divisor: POW10.get(self.drop as usize).copied(),
        };
        match (self.operation, lf, rf) {
            (Operation::Multiply, ..) => loop_.run(|l, r| l.wrapping_mul(r)),
            (Operation::Add, 1, 1) => loop_.run(|l, r| l.wrapping_add(r)),
            (Operation::Subtract, 1, 1) => loop_.run(|l, r| l.wrapping_sub(r)),
            (Operation::Add, ..) => {
                loop_.run(|l, r| l.wrapping_mul(lf).wrapping_add(r.wrapping_mul(rf)))
            }
            (Operation::Subtract, ..) => {
                loop_.run(|l, r| l.wrapping_mul(lf).wrapping_sub(r.wrapping_mul(rf)))
            }
        }
    }

    /// All in 128 bits; nothing can overflow, and no digits are dropped.
    fn wide(
        &self,
        left: &Column,
        right: &Column,
        (l, r): (&Unscaled<'_>, &Unscaled<'_>),
        rows: &Selection,
    ) -> Result<Column, EvalError> {
        match (l.is_narrow(), r.is_narrow()) {
            (true, true) => self.wide_loop::<i64, i64>(left, right, rows),
            (true, false) => self.wide_loop::<i64, i128>(left, right, rows),
            (false, true) => self.wide_loop::<i128, i64>(left, right, rows),
            (false, false) => self.wide_loop::<i128, i128>(left, right, rows),
        }
    }

    fn wide_loop<L, R>(
        &self,
        left: &Column,
        right: &Column,
        rows: &Selection,
    ) -> Result<Column, EvalError>
    where
        L: arclight_columns::FixedWidth + Into<i128>,
        R: arclight_columns::FixedWidth + Into<i128>,
    {
        let (lf, rf) = self.factors;
        let output = &self.output;
        match self.operation {
            Operation::Multiply => kernel::binary(left, right, rows, output, |l: L, r: R| {
                Into::<i128>::into(l).wrapping_mul(r.into())
            }),
            Operation::Add => kernel::binary(left, right, rows, output, |l: L, r: R| {
                (Into::<i128>::into(l).wrapping_mul(lf))
                    .wrapping_add(Into::<i128>::into(r).wrapping_mul(rf))
            }),
            Operation::Subtract => kernel::binary(left, right, rows, output, |l: L, r: R| {
                (Into::<i128>::into(l).wrapping_mul(lf))
                    .wrapping_sub(Into::<i128>::into(r).wrapping_mul(rf))
            }),
        }
    }

    /// Row by row, exactly.
    fn checked(
        &self,
        left: &Column,
        right: &Column,
        (l, r): (&Unscaled<'_>, &Unscaled<'_>),
        rows: &Selection,
    ) -> Result<Column, EvalError> {
        let validity = union_validity(left, right);
        let max = self.result.max();
        decimal_rows(rows, &self.output, validity, |row| {
            match self.value(l.get(row), r.get(row)) {
                Some(value) if value.unsigned_abs() <= max => Outcome::Value(value),
                _ => overflow(self.mode),
            }
        })
    }

    /// The rounded result, if it fits 128 bits.
    fn value(&self, left: i128, right: i128) -> Option<i128> {
        let exact = match self.operation {
            Operation::Multiply => left.checked_mul(right),
            _ => left.checked_mul(self.factors.0).and_then(|left| {
                let right = right.checked_mul(self.factors.1)?;
                match self.operation {
                    Operation::Subtract => left.checked_sub(right),
                    _ => left.checked_add(right),
                }
            }),
        };
        if let Some(exact) = exact {
            return Some(match POW10.get(self.drop as usize) {
                Some(&divisor) => divide_rounded(exact, divisor, Rounding::HalfUp),
                None => 0,
            });
        }
        let wide = |value: i128, factor: i128| {
            i256::from_i128(value).wrapping_mul(i256::from_i128(factor))
        };
        // Within 256 bits: products of 38 digits each, and sums of those, have at most 77 digits,
        // the first of them 1.
        let exact = match self.operation {
            Operation::Multiply => wide(left, right),
            Operation::Add => wide(left, self.factors.0).wrapping_add(wide(right, self.factors.1)),
            Operation::Subtract => {
                wide(left, self.factors.0).wrapping_sub(wide(right, self.factors.1))
            }
        };
        drop_digits_wide(exact, self.drop)
    }
}

/// The 64-bit loops.
struct NarrowLoop<'a> {
    left: &'a Column,
    right: &'a Column,
    rows: &'a Selection,
    output: &'a SparkType,
    /// What the exact result is divided by; `None` if by so much that nothing remains.
    divisor: Option<i128>,
}

impl NarrowLoop<'_> {
    fn run(&self, f: impl Fn(i64, i64) -> i64) -> Result<Column, EvalError> {
        let NarrowLoop {
            left,
            right,
            rows,
            output,
            divisor,
        } = *self;
        match divisor {
            Some(1) => kernel::binary(left, right, rows, output, f),
            Some(divisor) => kernel::binary(left, right, rows, output, |l, r| {
                divide_rounded(i128::from(f(l, r)), divisor, Rounding::HalfUp) as i64
            }),
            None => kernel::binary(left, right, rows, output, |_: i64, _: i64| 0i64),
        }
    }
}
