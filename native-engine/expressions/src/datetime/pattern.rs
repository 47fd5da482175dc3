//! Dates and times as text of a simple pattern: fields of a fixed width, and separators.

use arclight_columns::{Column, SparkType};

use super::shift::{numbers, or_beyond};
use super::zone::{DAY, SECOND};
use super::{BEYOND, civil, zone_of};
use crate::cast::{push_date, push_digits};
use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, signature};
use crate::kernel::{Outcome, try_rows};
use crate::registry::{BuildError, FunctionCall};
use crate::strings::rows::{Text, any_null, function, text_rows};

const DAY_MICROS: i64 = DAY * SECOND;

/// A part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    /// So many digits of the second's fraction, cut off behind them.
    Fraction(usize),
    Separator(u8),
}

/// Characters that stand for themselves.
const SEPARATORS: &[u8] = b"-/ :.,_";

/// The parts of a pattern of `yyyy`, `MM`, `dd`, `HH`, `mm`, `ss`, up to six `S`, and separators.
fn parts(pattern: &[u8]) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(&first) = rest.first() {
        let count = rest.iter().take_while(|&&b| b == first).count();
        let part = match (first, count) {
            (b'y', 4) => Part::Year,
            (b'M', 2) => Part::Month,
            (b'd', 2) => Part::Day,
            (b'H', 2) => Part::Hour,
            (b'm', 2) => Part::Minute,
            (b's', 2) => Part::Second,
            (b'S', 1..=6) => Part::Fraction(count),
            _ if SEPARATORS.contains(&first) => {
                parts.push(Part::Separator(first));
                rest = &rest[1..];
                continue;
            }
            _ => return None,
        };
        parts.push(part);
        rest = &rest[count..];
    }
    Some(parts)
}

/// The pattern that an argument is in every row.
fn pattern(column: Option<&Column>) -> Result<Option<Vec<Part>>, EvalError> {
    match column.map(Text::of).transpose()? {
        Some(Text::Constant(pattern)) => Ok(parts(pattern)),
        _ => Err(EvalError::Internal("the pattern is no literal".into())),
    }
}

const OTHER_PATTERN: EvalError = EvalError::Declined("a pattern of other parts");

/// Appends a wall-clock time in a pattern.
fn write(out: &mut Vec<u8>, local: i64, parts: &[Part]) {
    let days = local.div_euclid(DAY_MICROS) as i32;
    let date = civil::from_days(days);
    let of_day = local.rem_euclid(DAY_MICROS);
    let (second, fraction) = (of_day / SECOND, of_day % SECOND);
    for part in parts {
        let two = match part {
            Part::Year => {
                // A date starts with its year, as long and signed as here.
                let start = out.len();
                push_date(out, days);
                out.truncate(out.len() - "-MM-dd".len());
                debug_assert!(out.len() > start);
                continue;
            }
            Part::Fraction(count) => {
                push_digits(out, fraction as u128, 6);
                out.truncate(out.len() - 6 + count);
                continue;
            }
            Part::Separator(byte) => {
                out.push(*byte);
                continue;
            }
            Part::Month => i64::from(date.month),
            Part::Day => i64::from(date.day),
            Part::Hour => second / 3600,
            Part::Minute => second / 60 % 60,
            Part::Second => second % 60,
        };
        push_digits(out, two as u128, 2);
    }
}

/// The wall-clock time of a text of exactly a pattern's width whose fields exist.
fn read(text: &[u8], parts: &[Part]) -> Option<i64> {
    let (mut year, mut month, mut day) = (1970, 1, 1);
    let (mut hour, mut minute, mut second) = (0, 0, 0);
    let mut rest = text;
    for part in parts {
        let width = match part {
            Part::Year => 4,
            Part::Separator(byte) => {
                rest = rest.strip_prefix(&[*byte])?;
                continue;
            }
            Part::Fraction(_) => return None,
            _ => 2,
        };
        let (digits, behind) = rest.split_at_checked(width)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        rest = behind;
        let value = digits
            .iter()
            .fold(0, |value, digit| value * 10 + i32::from(digit - b'0'));
        match part {
            Part::Year => year = value,
            Part::Month => month = value,
            Part::Day => day = value,
            Part::Hour => hour = value,
            Part::Minute => minute = value,
            _ => second = value,
        }
    }
    if !rest.is_empty() || hour >= 24 || minute >= 60 || second >= 60 {
        return None;
    }
    let days = civil::checked_days(i64::from(year), month, day)?;
    let seconds = i64::from(days) * DAY + i64::from(hour * 3600 + minute * 60 + second);
    seconds.checked_mul(SECOND)
}

/// `DateFormatClass`: timestamp, pattern → string, in the session's zone; `FromUnixTime`: the same
/// of seconds (bigint), whose product wraps. Never fails; patterns of other parts, and what is
/// beyond the zone's known rules, are left to Spark.
pub(super) fn format(call: &FunctionCall, factor: i64) -> Result<ExpressionRef, BuildError> {
    let from = match factor {
        1 => SparkType::Timestamp,
        _ => SparkType::Long,
    };
    signature(call, &[from, SparkType::String], &SparkType::String)?;
    let zone = zone_of(call, &SparkType::Timestamp)?.ok_or_else(|| call.unsupported())?;
    Ok(function(
        call,
        Failing::Sometimes,
        move |arguments, rows, output| {
            let counts = numbers::<i64>(arguments, 0)?;
            let parts = pattern(arguments.get(1))?.ok_or(OTHER_PATTERN)?;
            text_rows(rows, output, any_null(arguments), |row, out| {
                match zone.to_local(counts.get(row).wrapping_mul(factor)) {
                    Some(local) => {
                        write(out, local, &parts);
                        Outcome::Value(())
                    }
                    None => Outcome::Decline(BEYOND),
                }
            })
        },
    ))
}

/// `GetTimestamp` of a string: string, pattern → timestamp, in the session's zone, or
/// timestamp_ntz; `UnixTimestamp`, `ToUnixTimestamp`: the seconds of that timestamp, cut towards
/// zero. Texts that are not exactly the pattern's fields, of a time that exists, are left to Spark.
pub(super) fn parse(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let (zone, divisor) = match &call.output {
        SparkType::Long => (zone_of(call, &SparkType::Timestamp)?, SECOND),
        output => (zone_of(call, output)?, 1),
    };
    signature(call, &[SparkType::String, SparkType::String], &call.output)?;
    Ok(function(
        call,
        Failing::Sometimes,
        move |arguments, rows, output| {
            let Some(strings) = arguments.first().map(Text::of).transpose()? else {
                return Err(EvalError::Internal("expected two arguments".into()));
            };
            let parts = pattern(arguments.get(1))?.ok_or(OTHER_PATTERN)?;
            try_rows(rows, output, any_null(arguments), |row| {
                let Some(local) = read(strings.get(row), &parts) else {
                    return Outcome::Decline("a text of another form than its pattern");
                };
                let micros = match &zone {
                    Some(zone) => zone.to_instant(local),
                    None => Some(local),
                };
                or_beyond(micros.map(|micros| micros / divisor))
            })
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_parts() {
        let date = parts(b"yyyy-MM-dd").unwrap();
        assert_eq!(read(b"2020-02-29", &date), Some(18_321 * DAY_MICROS));
        for text in ["2021-02-29", "2020-2-29", "2020-02-29 ", "+2020-02-29", ""] {
            assert_eq!(read(text.as_bytes(), &date), None, "{text}");
        }
        for other in [
            "yyy",
            "MMM",
            "yyyy-MM-dd'T'HH",
            "a",
            "yyyyyy",
            "SSSSSSS",
            "é",
        ] {
            assert_eq!(parts(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn years_beyond_four_digits_have_a_sign() {
        let mut out = Vec::new();
        let parts = parts(b"yyyy/MM/dd HH:mm:ss.SSS").unwrap();
        write(&mut out, 253_402_300_800 * SECOND + 123_456, &parts);
        assert_eq!(out, b"+10000/01/01 00:00:00.123");
        out.clear();
        write(&mut out, -1, &parts);
        assert_eq!(out, b"1969/12/31 23:59:59.999");
    }
}
