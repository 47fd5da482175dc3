//! Division, remainder, positive remainder and integral division.

use arclight_columns::{Column, Selection, SparkType};
use arrow_buffer::i256;

use super::value::{
    DecimalType, POW10, Rounding, decimal_rows, divide_rounded, drop_digits_wide, overflow,
    unscaled,
};
use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, First, binary, two};
use crate::kernel::{Outcome, flat_or_constant, try_rows, union_validity};
use crate::registry::{BuildError, EvalMode, FunctionCall};

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Division {
    /// `Divide`.
    Divide,
    /// `Remainder`.
    Remainder,
    /// `Pmod`.
    Pmod,
    /// `IntegralDivide`.
    Integral,
}

/// Java refuses integral quotients of more digits ("Division impossible").
const MAX_QUOTIENT_DIGITS: u8 = 39;

#[derive(Debug)]
struct Operands {
    left: DecimalType,
    right: DecimalType,
    result: DecimalType,
    output: SparkType,
    mode: EvalMode,
}

/// `Divide`, `Remainder`, `Pmod` of two decimals → the decimal type Spark gave the expression,
/// and `IntegralDivide` → bigint. A zero divisor fails (ANSI) or gives NULL; so does a result
/// beyond its precision. Quotients are rounded HALF_UP; an integral quotient's bits beyond 64 are
/// cut off, as Spark does.
pub(crate) fn build(call: &FunctionCall, division: Division) -> Result<ExpressionRef, BuildError> {
    let (left, right) = two(call)?;
    let (Some(l), Some(r)) = (
        DecimalType::of(left.data_type()),
        DecimalType::of(right.data_type()),
    ) else {
        return Err(call.unsupported());
    };
    let result = match division {
        Division::Integral if call.output == SparkType::Long => {
            let digits = i32::from(l.precision) - i32::from(l.scale) + i32::from(r.scale);
            Some(DecimalType {
                precision: digits.clamp(1, 38) as u8,
                scale: 0,
            })
        }
        Division::Integral => None,
        _ => DecimalType::of(&call.output),
    };
    let result = result.ok_or_else(|| call.unsupported())?;
    let operands = Operands {
        left: l,
        right: r,
        result,
        output: call.output.clone(),
        mode: call.mode,
    };
    // Remainders may decline, which a guard must see.
    let failing = match (call.mode, division) {
        (EvalMode::Ansi, _) => Failing::Sometimes,
        (_, Division::Divide) => Failing::Never,
        _ => Failing::Sometimes,
    };
    Ok(binary(
        call,
        (left, right),
        First::Right,
        failing,
        move |l, r, rows| match division {
            Division::Divide => operands.divide(l, r, rows),
            Division::Integral => operands.integral(l, r, rows),
            Division::Remainder => operands.remainder(l, r, rows, false),
            Division::Pmod => operands.remainder(l, r, rows, true),
        },
    ))
}

impl Operands {
    fn check(&self, value: Option<i128>) -> Outcome<i128> {
        match value {
            Some(value) if value.unsigned_abs() <= self.result.max() => Outcome::Value(value),
            _ => overflow(self.mode),
        }
    }

    fn divide(&self, left: &Column, right: &Column, rows: &Selection) -> Result<Column, EvalError> {
        let exponent =
            i32::from(self.result.scale) - i32::from(self.left.scale) + i32::from(self.right.scale);
        let (left, right) = (flat_or_constant(left), flat_or_constant(right));
        let (l, r) = (unscaled(&left)?, unscaled(&right)?);
        let validity = union_validity(&left, &right);
        decimal_rows(rows, &self.output, validity, |row| match r.get(row) {
            0 => overflow(self.mode),
            divisor => self.check(quotient_half_up(l.get(row), divisor, exponent)),
        })
    }

    /// What brings the operands to the larger of their scales.
    fn factors(&self) -> (i128, i128) {
        let scale = self.left.scale.max(self.right.scale);
        (
            POW10[(scale - self.left.scale) as usize],
            POW10[(scale - self.right.scale) as usize],
        )
    }

    fn integral(
        &self,
        left: &Column,
        right: &Column,
        rows: &Selection,
    ) -> Result<Column, EvalError> {
        let factors = self.factors();
        let (left, right) = (flat_or_constant(left), flat_or_constant(right));
        let (l, r) = (unscaled(&left)?, unscaled(&right)?);
        let validity = union_validity(&left, &right);
        try_rows::<i64>(rows, &self.output, validity, |row| {
            let divisor = r.get(row);
            if divisor == 0 {
                return overflow(self.mode);
            }
            match truncated(l.get(row), divisor, factors) {
                None => Outcome::Decline("quotient of more than 39 digits"),
                Some((quotient, _)) => self.check(quotient.to_i128()).map(|value| value as i64),
            }
        })
    }

    fn remainder(
        &self,
        left: &Column,
        right: &Column,
        rows: &Selection,
        positive: bool,
    ) -> Result<Column, EvalError> {
        let factors = self.factors();
        let drop = self
            .left
            .scale
            .max(self.right.scale)
            .saturating_sub(self.result.scale);
        let (left, right) = (flat_or_constant(left), flat_or_constant(right));
        let (l, r) = (unscaled(&left)?, unscaled(&right)?);
        let validity = union_validity(&left, &right);
        decimal_rows(rows, &self.output, validity, |row| {
            let divisor = r.get(row);
            if divisor == 0 {
                return overflow(self.mode);
            }
            let Some((_, mut rest)) = truncated(l.get(row), divisor, factors) else {
                return Outcome::Decline("quotient of more than 39 digits");
            };
            if positive && rest.is_negative() {
                let divisor = i256::from_i128(divisor).wrapping_mul(i256::from_i128(factors.1));
                rest = rest.wrapping_add(divisor).wrapping_rem(divisor);
            }
            let rounded = match (rest.to_i128(), POW10.get(drop as usize)) {
                (Some(rest), Some(&power)) => Some(divide_rounded(rest, power, Rounding::HalfUp)),
                _ => drop_digits_wide(rest, drop),
            };
            self.check(rounded)
        })
    }
}

/// `left * 10^exponent / right` rounded HALF_UP, if it fits 128 bits.
pub(crate) fn quotient_half_up(left: i128, right: i128, exponent: i32) -> Option<i128> {
    let negative = (left < 0) != (right < 0);
    let (left, right) = (left.unsigned_abs(), right.unsigned_abs());
    let power = usize::try_from(exponent)
        .ok()
        .and_then(|exponent| POW10.get(exponent))
        .map(|power| power.unsigned_abs());
    let magnitude = match power.and_then(|power| left.checked_mul(power)) {
        Some(numerator) => {
            let (quotient, rest) = match (u64::try_from(numerator), u64::try_from(right)) {
                (Ok(n), Ok(d)) => (u128::from(n / d), u128::from(n % d)),
                _ => (numerator / right, numerator % right),
            };
            // A remainder is below 2^127, so twice of it fits.
            quotient + u128::from(rest * 2 >= right)
        }
        None => quotient_wide(left, right, exponent)?,
    };
    let magnitude = i128::try_from(magnitude).ok()?;
    Some(if negative { -magnitude } else { magnitude })
}

/// [`quotient_half_up`] of magnitudes, where the numerator does not fit 128 bits.
fn quotient_wide(left: u128, right: u128, exponent: i32) -> Option<u128> {
    let divisor = i256::from_parts(right, 0);
    if exponent < 0 {
        let factor = POW10.get(exponent.unsigned_abs() as usize)?;
        let divisor = divisor.wrapping_mul(i256::from_i128(*factor));
        return round_up_half(i256::from_parts(left, 0), divisor)?
            .to_i128()
            .map(i128::unsigned_abs);
    }
    // Long division, 38 digits at a time: each remainder is below 10^38, so that times 10^38 fits.
    let mut remaining = exponent.unsigned_abs() as usize;
    let mut quotient = i256::from_parts(left / right, 0);
    let mut rest = i256::from_parts(left % right, 0);
    while remaining > 0 {
        let digits = remaining.min(38);
        let power = i256::from_i128(POW10[digits]);
        let numerator = rest.wrapping_mul(power);
        let part = numerator.wrapping_div(divisor);
        rest = numerator.wrapping_sub(part.wrapping_mul(divisor));
        quotient = quotient.checked_mul(power)?.checked_add(part)?;
        remaining -= digits;
    }
    let up = if rest.wrapping_add(rest) >= divisor {
        i256::ONE
    } else {
        i256::ZERO
    };
    quotient.checked_add(up)?.to_i128().map(i128::unsigned_abs)
}

fn round_up_half(numerator: i256, divisor: i256) -> Option<i256> {
    let quotient = numerator.checked_div(divisor)?;
    let rest = numerator.wrapping_sub(quotient.wrapping_mul(divisor));
    Some(if rest.wrapping_add(rest) >= divisor {
        quotient.wrapping_add(i256::ONE)
    } else {
        quotient
    })
}

/// Quotient (towards zero) and remainder of operands brought to one scale; `None` if the quotient
/// has too many digits for Java.
fn truncated(left: i128, right: i128, factors: (i128, i128)) -> Option<(i256, i256)> {
    if let (Some(left), Some(right)) = (left.checked_mul(factors.0), right.checked_mul(factors.1)) {
        // 128 bits hold no quotient of more than 39 digits; the one overflow is -2^127 / -1.
        if let (Some(quotient), Some(rest)) = (left.checked_div(right), left.checked_rem(right)) {
            return Some((i256::from_i128(quotient), i256::from_i128(rest)));
        }
    }
    let left = i256::from_i128(left).wrapping_mul(i256::from_i128(factors.0));
    let right = i256::from_i128(right).wrapping_mul(i256::from_i128(factors.1));
    let quotient = left.wrapping_div(right);
    let limit = super::value::pow10_wide(MAX_QUOTIENT_DIGITS);
    if quotient.wrapping_abs() >= limit {
        return None;
    }
    let rest = left.wrapping_sub(quotient.wrapping_mul(right));
    Some((quotient, rest))
}
