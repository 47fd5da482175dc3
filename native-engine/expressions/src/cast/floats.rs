//! Casts between strings and floats or doubles, as Java reads and prints them.

use arclight_columns::{FixedWidth, SparkType};

use super::numeric::cast;
use super::text::invalid;
use crate::expression::ExpressionRef;
use crate::function::{Failing, one};
use crate::java_double::{self, Digits};
use crate::kernel::{self, Outcome, try_rows};
use crate::registry::{BuildError, FunctionCall};
use crate::strings::rows::{Text, text_rows};

/// What Java and Spark see in a string.
#[derive(Debug, PartialEq)]
enum Literal<'a> {
    /// A decimal number.
    Number(&'a str),
    /// Not a number, or an infinity.
    Special(f64),
    /// A hexadecimal number, maybe.
    Hexadecimal,
    /// Nothing they know.
    Invalid,
}

/// `String.trim`.
fn trimmed(text: &[u8]) -> &[u8] {
    let start = text.iter().take_while(|&&b| b <= b' ').count();
    let end = text[start..]
        .iter()
        .rev()
        .take_while(|&&b| b <= b' ')
        .count();
    &text[start..text.len() - end]
}

/// The digits at the start, and what is behind them.
fn leading_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let count = text.iter().take_while(|b| b.is_ascii_digit()).count();
    text.split_at(count)
}

/// Whether a text is digits with a point among them or not, and maybe an exponent.
fn is_decimal(text: &[u8]) -> bool {
    let (whole, rest) = leading_digits(text);
    let (behind, rest) = match rest.split_first() {
        Some((b'.', rest)) => leading_digits(rest),
        _ => (&[][..], rest),
    };
    if whole.is_empty() && behind.is_empty() {
        return false;
    }
    let exponent = match rest.split_first() {
        None => return true,
        Some((b'e' | b'E', [b'+' | b'-', exponent @ ..])) => exponent,
        Some((b'e' | b'E', exponent)) => exponent,
        Some(_) => return false,
    };
    !exponent.is_empty() && exponent.iter().all(u8::is_ascii_digit)
}

/// A number as `Double.parseDouble` reads it, or one of the names that Spark knows in any case.
fn literal(text: &[u8]) -> Literal<'_> {
    let text = trimmed(text);
    let (negative, unsigned) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let infinity = if negative {
        f64::NEG_INFINITY
    } else {
        f64::INFINITY
    };
    match unsigned.to_ascii_lowercase().as_slice() {
        b"nan" if unsigned == b"NaN" || unsigned.len() == text.len() => {
            return Literal::Special(f64::NAN);
        }
        b"inf" | b"infinity" => return Literal::Special(infinity),
        [b'0', b'x', ..] => return Literal::Hexadecimal,
        _ => {}
    }
    let (number, digits) = match text.last() {
        Some(b'd' | b'D' | b'f' | b'F') => (
            &text[..text.len() - 1],
            unsigned.get(..unsigned.len() - 1).unwrap_or_default(),
        ),
        _ => (text, unsigned),
    };
    match std::str::from_utf8(number) {
        Ok(number) if is_decimal(digits) => Literal::Number(number),
        _ => Literal::Invalid,
    }
}

/// String → float or double: the nearest of a decimal, with an exponent and a suffix `f` or `d` or
/// without; `NaN` and `Infinity`, the latter and unsigned `NaN` in any case. Others fail (ANSI) or
/// are NULL. Hexadecimal numbers are left to Spark.
pub(super) fn from_text(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn build<T: FixedWidth + std::str::FromStr>(
        call: &FunctionCall,
        special: fn(f64) -> T,
    ) -> Result<ExpressionRef, BuildError> {
        let mode = call.mode;
        cast(call, Failing::Sometimes, move |column, rows, output| {
            let strings = Text::of(column)?;
            try_rows(
                rows,
                output,
                column.logical_validity(),
                |row| match literal(strings.get(row)) {
                    Literal::Number(number) => number
                        .parse()
                        .map_or_else(|_| invalid(mode), Outcome::Value),
                    Literal::Special(value) => Outcome::Value(special(value)),
                    Literal::Hexadecimal => Outcome::Decline("a hexadecimal number"),
                    Literal::Invalid => invalid(mode),
                },
            )
        })
    }
    match call.output {
        SparkType::Float => build::<f32>(call, |value| value as f32),
        SparkType::Double => build::<f64>(call, |value| value),
        _ => Err(call.unsupported()),
    }
}

/// Float or double → string: `NaN`, `Infinity`, or the digits Java prints. A batch with a number
/// that versions of Java print differently is left to Spark.
pub(super) fn to_text(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    fn build<T: FixedWidth + Into<f64>>(
        call: &FunctionCall,
        digits: fn(T) -> Digits,
    ) -> Result<ExpressionRef, BuildError> {
        cast(call, Failing::Sometimes, move |column, rows, output| {
            let values = kernel::input::<T>(column)?;
            text_rows(rows, output, column.logical_validity(), |row, out| {
                let value = values.get(row);
                let double: f64 = value.into();
                if double.is_nan() {
                    out.extend_from_slice(b"NaN");
                    return Outcome::Value(());
                }
                if double.is_sign_negative() {
                    out.push(b'-');
                }
                if double.is_infinite() {
                    out.extend_from_slice(b"Infinity");
                    return Outcome::Value(());
                }
                let digits = digits(value);
                if !digits.certain {
                    return Outcome::Decline(
                        "digits of a double that depend on the version of Java",
                    );
                }
                digits.write(out);
                Outcome::Value(())
            })
        })
    }
    match one(call)?.data_type() {
        SparkType::Float => build::<f32>(call, java_double::float_digits),
        SparkType::Double => build::<f64>(call, java_double::digits),
        _ => Err(call.unsupported()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_java_reads_them() {
        for text in [
            "1", "1.", ".5", "-1e3", "+1.5E-3f", "1d", "1D", "0e99999", "12e3F",
        ] {
            let end = text.trim_end_matches(['d', 'D', 'f', 'F']);
            assert_eq!(literal(text.as_bytes()), Literal::Number(end), "{text}");
        }
        for text in [
            "", " ", ".", "e3", "1e", "1e+", "1 2", "--1", "d", "1dd", "+", "1_0", "١", "infi",
            "+nan", "-nan", "\u{a0}1", "1e3.5",
        ] {
            assert_eq!(literal(text.as_bytes()), Literal::Invalid, "{text}");
        }
        assert_eq!(literal(b" \t1.5\n"), Literal::Number("1.5"));
        assert_eq!(literal(b"0x1p3"), Literal::Hexadecimal);
        assert_eq!(literal(b"-INF"), Literal::Special(f64::NEG_INFINITY));
        for text in ["NaN", "nAN", "+NaN", "-NaN"] {
            assert!(matches!(literal(text.as_bytes()), Literal::Special(v) if v.is_nan()));
        }
    }
}
