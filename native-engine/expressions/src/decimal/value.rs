//! Unscaled values: views of either width, bounds, rounding.

use arclight_columns::{Column, Data, NullBuffer, Selection, SparkType, Values};
use arrow_buffer::i256;

use crate::expression::EvalError;
use crate::kernel::{Input, Outcome, try_rows};
use crate::registry::EvalMode;

/// Powers of ten that fit 128 bits: `POW10[i]` is 10^i.
pub(crate) const POW10: [i128; 39] = {
    let mut powers = [1i128; 39];
    let mut i = 1;
    while i < 39 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// Precision and scale of a decimal type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DecimalType {
    /// Digits in all, 1..=38.
    pub precision: u8,
    /// Digits after the point, 0..=38.
    pub scale: u8,
}

impl DecimalType {
    /// Of a Spark type; `None` for other types, and for scales or precisions Spark 4 cannot have.
    pub fn of(data_type: &SparkType) -> Option<Self> {
        match *data_type {
            SparkType::Decimal { precision, scale } if (1..=38).contains(&precision) => {
                let scale = u8::try_from(scale).ok().filter(|&s| s <= 38)?;
                Some(DecimalType { precision, scale })
            }
            _ => None,
        }
    }

    /// The largest unscaled magnitude.
    pub fn max(self) -> u128 {
        POW10[self.precision as usize].unsigned_abs() - 1
    }
}

/// The unscaled values of a decimal column, of either width.
pub(crate) enum Unscaled<'a> {
    /// 64-bit values.
    Narrow(Input<'a, i64>),
    /// 128-bit values.
    Wide(Input<'a, i128>),
}

/// The unscaled values of a flat or constant column.
pub(crate) fn unscaled(column: &Column) -> Result<Unscaled<'_>, EvalError> {
    let (base, constant) = match column.data() {
        Data::Constant(value) => (value.as_ref(), true),
        _ => (column, false),
    };
    match (base.as_flat(), constant) {
        (Some(Values::Int64(v)), false) => Ok(Unscaled::Narrow(Input::Slice(v))),
        (Some(Values::Int128(v)), false) => Ok(Unscaled::Wide(Input::Slice(v))),
        (Some(Values::Int64(v)), true) => Ok(Unscaled::Narrow(Input::Constant(v[0]))),
        (Some(Values::Int128(v)), true) => Ok(Unscaled::Wide(Input::Constant(v[0]))),
        _ => Err(EvalError::Internal(format!(
            "expected unscaled values, got a column of {}",
            column.data_type()
        ))),
    }
}

/// Values whose magnitude can be bounded by their leading zeros.
trait Magnitude: Copy {
    /// The value with its sign folded away: `v` or `-v - 1`.
    fn folded(self) -> Self;
    fn or(self, other: Self) -> Self;
    /// The least power of two that no magnitude exceeds, given folded values or-ed together.
    fn bound(self) -> u128;
}

impl Magnitude for i64 {
    #[inline(always)]
    fn folded(self) -> Self {
        self ^ (self >> 63)
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self | other
    }
    fn bound(self) -> u128 {
        1 << (64 - self.leading_zeros())
    }
}

impl Magnitude for i128 {
    #[inline(always)]
    fn folded(self) -> Self {
        self ^ (self >> 127)
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self | other
    }
    fn bound(self) -> u128 {
        1 << (128 - self.leading_zeros())
    }
}

/// A bound of the magnitudes at the rows that [`crate::kernel::map_rows`] visits for `rows`.
fn bound<T: Magnitude + Default>(input: &Input<'_, T>, rows: &Selection) -> u128 {
    let all = match input {
        Input::Constant(value) => value.folded(),
        Input::Slice(values) => match rows.rows() {
            Some(active) if crate::kernel::is_sparse(active.len(), rows.len()) => {
                active.iter().fold(T::default(), |all, &row| {
                    all.or(values[row as usize].folded())
                })
            }
            _ => values
                .iter()
                .fold(T::default(), |all, value| all.or(value.folded())),
        },
    };
    all.bound()
}

impl Unscaled<'_> {
    /// The value at a row.
    #[inline(always)]
    pub fn get(&self, row: usize) -> i128 {
        match self {
            Unscaled::Narrow(input) => i128::from(input.get(row)),
            Unscaled::Wide(input) => input.get(row),
        }
    }

    /// A bound of the magnitudes of all values a loop over `rows` touches.
    pub fn bound(&self, rows: &Selection) -> u128 {
        match self {
            Unscaled::Narrow(input) => bound(input, rows),
            Unscaled::Wide(input) => bound(input, rows),
        }
    }

    /// Whether the values have 64 bits.
    pub fn is_narrow(&self) -> bool {
        matches!(self, Unscaled::Narrow(_))
    }
}

/// How digits are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// Ties away from zero.
    HalfUp,
    /// Ties to the even neighbour.
    HalfEven,
    /// Towards negative infinity.
    Floor,
    /// Towards positive infinity.
    Ceiling,
}

/// `value / divisor` rounded; `divisor` is positive.
#[inline]
pub(crate) fn divide_rounded(value: i128, divisor: i128, rounding: Rounding) -> i128 {
    let (quotient, rest) = (value / divisor, value % divisor);
    if rest == 0 {
        return quotient;
    }
    let away = if value < 0 { -1 } else { 1 };
    let step = match rounding {
        Rounding::HalfUp => rest.unsigned_abs() * 2 >= divisor.unsigned_abs(),
        Rounding::HalfEven => {
            let (twice, divisor) = (rest.unsigned_abs() * 2, divisor.unsigned_abs());
            twice > divisor || (twice == divisor && quotient % 2 != 0)
        }
        Rounding::Floor => value < 0,
        Rounding::Ceiling => value > 0,
    };
    if step { quotient + away } else { quotient }
}

/// `value / 10^digits` rounded HALF_UP, if it fits 128 bits; `digits` is at most 76.
pub(crate) fn drop_digits_wide(value: i256, digits: u8) -> Option<i128> {
    if digits == 0 {
        return value.to_i128();
    }
    let divisor = pow10_wide(digits);
    let magnitude = value.wrapping_abs();
    let quotient = magnitude.wrapping_div(divisor);
    let rest = magnitude.wrapping_sub(quotient.wrapping_mul(divisor));
    let quotient = if rest.wrapping_add(rest) >= divisor {
        quotient.wrapping_add(i256::ONE)
    } else {
        quotient
    };
    let quotient = quotient.to_i128()?;
    Some(if value.is_negative() {
        -quotient
    } else {
        quotient
    })
}

/// 10^`exponent` in 256 bits; `exponent` is at most 76.
pub(crate) fn pow10_wide(exponent: u8) -> i256 {
    let exponent = exponent as usize;
    match POW10.get(exponent) {
        Some(&power) => i256::from_i128(power),
        None => i256::from_i128(POW10[38]).wrapping_mul(i256::from_i128(POW10[exponent - 38])),
    }
}

/// What becomes of a value that does not fit its precision.
pub(crate) fn overflow<T>(mode: EvalMode) -> Outcome<T> {
    match mode {
        EvalMode::Ansi => Outcome::Fail,
        EvalMode::Legacy | EvalMode::Try => Outcome::Null,
    }
}

/// Collects `f`'s values into a decimal column of the width its type has; values must fit the
/// type's precision.
pub(crate) fn decimal_rows(
    rows: &Selection,
    output: &SparkType,
    validity: Option<NullBuffer>,
    f: impl Fn(usize) -> Outcome<i128>,
) -> Result<Column, EvalError> {
    match output {
        SparkType::Decimal { precision, .. } if *precision <= 18 => {
            try_rows::<i64>(rows, output, validity, |row| {
                f(row).map(|value| value as i64)
            })
        }
        _ => try_rows::<i128>(rows, output, validity, f),
    }
}
