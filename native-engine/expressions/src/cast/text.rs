//! Casts from and to strings. Strings are trimmed of bytes 0x00 to 0x20 and 0x7F, unless a
//! function says otherwise.

use arclight_columns::{Column, FixedWidth, SparkType};

use super::numeric::{cast, checked};
use crate::comparison::truth;
use crate::datetime::civil;
use crate::decimal::{
    DecimalType, POW10, Rounding, decimal_rows, divide_rounded, overflow, unscaled,
};
use crate::expression::ExpressionRef;
use crate::function::{Failing, one, unary};
use crate::kernel::{self, Outcome, try_rows};
use crate::registry::{BuildError, EvalMode, FunctionCall};
use crate::strings::rows::{Text, bit_rows, text_rows};

/// What a string that is no value becomes.
pub(super) fn invalid<T>(mode: EvalMode) -> Outcome<T> {
    overflow(mode)
}

pub(super) fn trimmed(text: &[u8]) -> &[u8] {
    let cut = |b: &u8| *b <= b' ' || *b == 0x7f;
    let start = text.iter().take_while(|b| cut(b)).count();
    let end = text[start..].iter().rev().take_while(|b| cut(b)).count();
    &text[start..text.len() - end]
}

/// String → boolean: t, true, y, yes, 1 and f, false, n, no, 0 in any case; others fail or are
/// NULL.
pub(super) fn to_boolean(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let mode = call.mode;
    cast(call, checked(mode), move |column, rows, _| {
        let strings = Text::of(column)?;
        bit_rows(rows, column.logical_validity(), |row| {
            match trimmed(strings.get(row)).to_ascii_lowercase().as_slice() {
                b"t" | b"true" | b"y" | b"yes" | b"1" => Outcome::Value(true),
                b"f" | b"false" | b"n" | b"no" | b"0" => Outcome::Value(false),
                _ => invalid(mode),
            }
        })
    })
}

/// A whole number; with `fraction`, digits behind a point are cut off (`UTF8String.toLong`).
fn integer(text: &[u8], fraction: bool) -> Option<i64> {
    let text = trimmed(text);
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    let (whole, behind) = match digits.iter().position(|&b| b == b'.') {
        Some(at) if fraction => (&digits[..at], &digits[at + 1..]),
        _ => (digits, &[][..]),
    };
    if !behind.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // Negative numbers reach one further.
    let mut value = 0i64;
    for &digit in whole {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value
            .checked_mul(10)?
            .checked_sub(i64::from(digit - b'0'))?;
    }
    if negative {
        Some(value)
    } else {
        value.checked_neg()
    }
}

/// String → integer: digits with a sign; legacy also cuts a fraction off. Others, and what does
/// not fit, fail or are NULL.
pub(super) fn to_integer(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn build<T: FixedWidth + TryFrom<i64>>(
        call: &FunctionCall,
    ) -> Result<ExpressionRef, BuildError> {
        let mode = call.mode;
        let fraction = mode == EvalMode::Legacy;
        cast(call, checked(mode), move |column, rows, output| {
            let strings = Text::of(column)?;
            try_rows(rows, output, column.logical_validity(), |row| {
                integer(strings.get(row), fraction)
                    .and_then(|value| T::try_from(value).ok())
                    .map_or_else(|| invalid(mode), Outcome::Value)
            })
        })
    }
    match call.output {
        SparkType::Byte => build::<i8>(call),
        SparkType::Short => build::<i16>(call),
        SparkType::Int => build::<i32>(call),
        SparkType::Long => build::<i64>(call),
        _ => Err(call.unsupported()),
    }
}

/// A decimal as `java.math.BigDecimal` reads it: unscaled digits and the exponent of ten.
struct Scientific {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

fn scientific(text: &[u8]) -> Option<Scientific> {
    let start = text.iter().take_while(|&&b| b <= b' ').count();
    let end = text[start..]
        .iter()
        .rev()
        .take_while(|&&b| b <= b' ')
        .count();
    let text = &text[start..text.len() - end];
    let (negative, text) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let (mantissa, exponent) = match text.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let (whole, behind) = match mantissa.iter().position(|&b| b == b'.') {
        Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
        None => (mantissa, &[][..]),
    };
    let digits: Vec<u8> = whole.iter().chain(behind).copied().collect();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let exponent = match exponent {
        None => 0,
        Some(text) => {
            let (negative, digits) = match text.split_first()? {
                (b'-', rest) => (true, rest),
                (b'+', rest) => (false, rest),
                _ => (false, text),
            };
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                return None;
            }
            let value: i64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
            if negative { -value } else { value }
        }
    };
    let leading = digits.iter().take_while(|&&b| b == b'0').count();
    Some(Scientific {
        negative,
        exponent: exponent - behind.len() as i64,
        digits: digits[leading..].to_vec(),
    })
}

/// A string as an unscaled value of a scale, rounded half up.
fn decimal(text: &[u8], to: DecimalType, mode: EvalMode) -> Outcome<i128> {
    if !text.is_ascii() {
        return Outcome::Decline("a number that is not ASCII");
    }
    let Some(number) = scientific(text) else {
        // Exponents of many digits are Spark's to judge.
        return match text.len() {
            0..=18 => invalid(mode),
            _ if text.iter().any(|b| matches!(b, b'e' | b'E')) => {
                Outcome::Decline("a number with an odd exponent")
            }
            _ => invalid(mode),
        };
    };
    if number.digits.len() > 38
        || number.exponent.abs() > 100
        || number.digits.is_empty() && number.exponent > 0
    {
        return Outcome::Decline("a number of many digits");
    }
    let value = number
        .digits
        .iter()
        .fold(0i128, |value, digit| value * 10 + i128::from(digit - b'0'));
    let shift = number.exponent + i64::from(to.scale);
    let value = match shift {
        0.. if value == 0 => Some(0),
        0..=38 => value.checked_mul(POW10[shift as usize]),
        39.. => None,
        -38..=-1 => Some(divide_rounded(
            value,
            POW10[-shift as usize],
            Rounding::HalfUp,
        )),
        _ => Some(0),
    };
    match value {
        Some(value) if value.unsigned_abs() <= to.max() => {
            Outcome::Value(if number.negative { -value } else { value })
        }
        _ => overflow(mode),
    }
}

/// String → decimal: as `java.math.BigDecimal` reads it, rounded half up. Others, and what does
/// not fit, fail or are NULL. Trimmed of bytes 0x00 to 0x20.
pub(super) fn to_decimal(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let to = DecimalType::of(&call.output).ok_or_else(|| call.unsupported())?;
    let mode = call.mode;
    cast(call, checked(mode), move |column, rows, output| {
        let strings = Text::of(column)?;
        decimal_rows(rows, output, column.logical_validity(), |row| {
            decimal(strings.get(row), to, mode)
        })
    })
}

/// The day of a string: `[+-]yyyy[yyy][-m[m][-d[d]]]`; behind a day a space or `T` and anything
/// (`SparkDateTimeUtils.stringToDate`).
fn date(text: &[u8]) -> Option<i32> {
    let text = trimmed(text);
    let (sign, text) = match text.split_first()? {
        (b'-', rest) => (-1, rest),
        (b'+', rest) => (1, rest),
        _ => (1, text),
    };
    let end = text
        .iter()
        .position(|b| matches!(b, b' ' | b'T'))
        .unwrap_or(text.len());
    let mut parts = [1i64; 3];
    let mut count = 0;
    for (index, part) in text[..end].split(|&b| b == b'-').enumerate() {
        let length = match index {
            0 => 4..=7,
            _ => 1..=2,
        };
        if index > 2 || !length.contains(&part.len()) || !part.iter().all(u8::is_ascii_digit) {
            return None;
        }
        parts[index] = part
            .iter()
            .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        count = index + 1;
    }
    if count < 3 && end < text.len() {
        return None;
    }
    civil::checked_days(sign * parts[0], parts[1] as i32, parts[2] as i32)
}

/// String → date; what is none fails or is NULL.
pub(super) fn to_date(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let mode = call.mode;
    cast(call, checked(mode), move |column, rows, output| {
        let strings = Text::of(column)?;
        try_rows(rows, output, column.logical_validity(), |row| {
            date(strings.get(row)).map_or_else(|| invalid(mode), Outcome::Value)
        })
    })
}

/// Appends the decimal digits of a number, with zeros in front up to `width`.
pub(crate) fn push_digits(out: &mut Vec<u8>, mut value: u128, width: usize) {
    let mut digits = [b'0'; 40];
    let mut start = digits.len();
    while value > 0 || start == digits.len() {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    let start = start.min(digits.len() - width);
    out.extend_from_slice(&digits[start..]);
}

/// Integer → string. Never fails.
pub(super) fn from_integer(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn build<T: FixedWidth + Into<i64>>(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
        cast(call, Failing::Never, |column, rows, output| {
            let values = kernel::input::<T>(column)?;
            text_rows(rows, output, column.logical_validity(), |row, out| {
                let value: i64 = values.get(row).into();
                if value < 0 {
                    out.push(b'-');
                }
                push_digits(out, u128::from(value.unsigned_abs()), 1);
                Outcome::Value(())
            })
        })
    }
    match one(call)?.data_type() {
        SparkType::Byte => build::<i8>(call),
        SparkType::Short => build::<i16>(call),
        SparkType::Int => build::<i32>(call),
        SparkType::Long => build::<i64>(call),
        _ => Err(call.unsupported()),
    }
}

/// Boolean → string: `true`, `false`. Never fails.
pub(super) fn from_boolean(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    cast(call, Failing::Never, |column, rows, output| {
        let bits = truth(column)?;
        text_rows(rows, output, column.logical_validity(), |row, out| {
            out.extend_from_slice(if bits.value(row) { b"true" } else { b"false" });
            Outcome::Value(())
        })
    })
}

/// Appends a date as `yyyy-MM-dd`, years beyond four digits with a sign.
pub(crate) fn push_date(out: &mut Vec<u8>, days: i32) {
    let date = civil::from_days(days);
    match date.year {
        10_000.. => out.push(b'+'),
        ..0 => out.push(b'-'),
        _ => {}
    }
    push_digits(out, u128::from(date.year.unsigned_abs()), 4);
    for part in [date.month, date.day] {
        out.push(b'-');
        push_digits(out, part as u128, 2);
    }
}

/// Date → string: `yyyy-MM-dd`, years beyond four digits with a sign. Never fails.
pub(super) fn from_date(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    cast(call, Failing::Never, |column, rows, output| {
        let days = kernel::input::<i32>(column)?;
        text_rows(rows, output, column.logical_validity(), |row, out| {
            push_date(out, days.get(row));
            Outcome::Value(())
        })
    })
}

/// Decimal → string: all digits; legacy has an exponent where a value has more than five zeros
/// behind the point before its first digit (`BigDecimal.toString`). Never fails.
pub(super) fn from_decimal(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let from = DecimalType::of(one(call)?.data_type()).ok_or_else(|| call.unsupported())?;
    let plain = call.mode != EvalMode::Legacy;
    let scale = usize::from(from.scale);
    cast(call, Failing::Never, move |column, rows, output| {
        let values = unscaled(column)?;
        let mut digits = Vec::new();
        text_rows(rows, output, column.logical_validity(), |row, out| {
            let value = values.get(row);
            if value < 0 {
                out.push(b'-');
            }
            digits.clear();
            push_digits(&mut digits, value.unsigned_abs(), 1);
            let adjusted = digits.len() as i64 - 1 - scale as i64;
            if scale == 0 {
                out.extend_from_slice(&digits);
            } else if plain || adjusted >= -6 {
                let missing = (scale + 1).saturating_sub(digits.len());
                digits.splice(0..0, std::iter::repeat_n(b'0', missing));
                let (whole, behind) = digits.split_at(digits.len() - scale);
                out.extend_from_slice(whole);
                out.push(b'.');
                out.extend_from_slice(behind);
            } else {
                out.push(digits[0]);
                if digits.len() > 1 {
                    out.push(b'.');
                    out.extend_from_slice(&digits[1..]);
                }
                out.extend_from_slice(b"E-");
                push_digits(out, u128::from(adjusted.unsigned_abs()), 1);
            }
            Outcome::Value(())
        })
    })
}

/// Integer → binary: its bytes, the highest first. Never fails.
pub(super) fn integer_to_binary(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn build<T: FixedWidth + Into<i64>>(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
        cast(call, Failing::Never, |column, rows, output| {
            let values = kernel::input::<T>(column)?;
            text_rows(rows, output, column.logical_validity(), |row, out| {
                let value: i64 = values.get(row).into();
                out.extend_from_slice(&value.to_be_bytes()[8 - size_of::<T>()..]);
                Outcome::Value(())
            })
        })
    }
    match one(call)?.data_type() {
        SparkType::Byte => build::<i8>(call),
        SparkType::Short => build::<i16>(call),
        SparkType::Int => build::<i32>(call),
        SparkType::Long => build::<i64>(call),
        _ => Err(call.unsupported()),
    }
}

/// String ↔ binary: the same bytes. Never fails.
pub(super) fn same_bytes(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let argument = one(call)?;
    let output = call.output.clone();
    Ok(unary(
        call,
        argument,
        Failing::Never,
        move |column: &Column, _| Ok(column.clone().with_type(output.clone())),
    ))
}
