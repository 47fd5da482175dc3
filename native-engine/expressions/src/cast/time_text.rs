//! Casts between strings and timestamps with and without a time zone.

use std::sync::Arc;

use arclight_columns::SparkType;

use super::numeric::cast;
use super::text::{invalid, push_date, push_digits, trimmed};
use super::time::zone;
use crate::datetime::zone::{DAY, SECOND};
use crate::datetime::{BEYOND, civil};
use crate::expression::ExpressionRef;
use crate::function::{Failing, one};
use crate::kernel::{self, Outcome, try_rows};
use crate::registry::{BuildError, EvalMode, FunctionCall, ZoneRules};
use crate::strings::rows::{Text, text_rows};

/// Appends wall-clock microseconds as `yyyy-MM-dd HH:mm:ss` with a fraction without trailing zeros.
fn push_wall_time(out: &mut Vec<u8>, local: i64) {
    const DAY_MICROS: i64 = DAY * SECOND;
    // Less than 2^31 days make up an i64 of microseconds.
    push_date(out, local.div_euclid(DAY_MICROS) as i32);
    let of_day = local.rem_euclid(DAY_MICROS);
    let (second, fraction) = (of_day / SECOND, of_day % SECOND);
    for (separator, part) in [
        (b' ', second / 3600),
        (b':', second / 60 % 60),
        (b':', second % 60),
    ] {
        out.push(separator);
        push_digits(out, part as u128, 2);
    }
    if fraction > 0 {
        out.push(b'.');
        push_digits(out, fraction as u128, 6);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// Timestamp, timestamp_ntz → string: the wall-clock time in the session's zone. Never fails;
/// instants beyond the zone's known rules are left to Spark.
pub(super) fn to_text(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let zone = match one(call)?.data_type() {
        SparkType::Timestamp => Some(zone(call)?),
        _ => None,
    };
    cast(call, Failing::Never, move |column, rows, output| {
        let values = kernel::input::<i64>(column)?;
        text_rows(rows, output, column.logical_validity(), |row, out| {
            let micros = values.get(row);
            let local = match &zone {
                Some(zone) => zone.to_local(micros),
                None => Some(micros),
            };
            match local {
                Some(local) => {
                    push_wall_time(out, local);
                    Outcome::Value(())
                }
                None => Outcome::Decline(BEYOND),
            }
        })
    })
}

/// What a string says of a time.
#[derive(Debug, PartialEq)]
struct Parsed {
    /// Microseconds of the wall clock.
    local: i128,
    /// Whether there is no date: it is today's then.
    only_time: bool,
    /// What is said of the zone behind the time.
    zone: Option<ZoneText>,
}

/// A zone in a string.
#[derive(Debug, Clone, Copy, PartialEq)]
enum ZoneText {
    /// Seconds ahead of UTC.
    Offset(i64),
    /// A name that is Spark's to look up, or none.
    Other,
}

/// A number of digits.
fn number(digits: &[u8]) -> i64 {
    digits
        .iter()
        .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'))
}

/// `Z`, `UTC`, `GMT`, or an offset: a sign, hours, and maybe minutes behind a colon.
fn zone_text(text: &[u8]) -> ZoneText {
    let start = text.iter().take_while(|&&b| b <= b' ').count();
    let text = &text[start..];
    if matches!(text, b"Z" | b"UTC" | b"GMT") {
        return ZoneText::Offset(0);
    }
    let (sign, text) = match text.split_first() {
        Some((b'+', rest)) => (1, rest),
        Some((b'-', rest)) => (-1, rest),
        _ => return ZoneText::Other,
    };
    let mut parts = [0i64; 2];
    for (index, part) in text.split(|&b| b == b':').enumerate() {
        let digits = (1..=2).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
        if index > 1 || !digits {
            return ZoneText::Other;
        }
        parts[index] = number(part);
    }
    match parts {
        [hours @ 0..18, minutes @ 0..60] => ZoneText::Offset(sign * (hours * 3600 + minutes * 60)),
        _ => ZoneText::Other,
    }
}

/// Positions of a timestamp's parts; hours and minutes are between.
const DAY_OF_MONTH: usize = 2;
const HOUR: usize = 3;
const MINUTE: usize = 4;
const SECOND_OF_MINUTE: usize = 5;
const FRACTION: usize = 6;

/// Whether a part may have so many digits.
fn is_valid(part: usize, digits: usize) -> bool {
    match part {
        0 => (4..=6).contains(&digits),
        FRACTION => true,
        _ => (1..=2).contains(&digits),
    }
}

/// `[+-]yyyy[yy][-[m]m[-[d]d[( |T)[h]h[:[m]m[:[s]s[.fraction][zone]]]]]]`, or a time alone, maybe
/// behind a `T` (`SparkDateTimeUtils.parseTimestampString`). `None` if it is no time that exists.
fn parse(original: &[u8]) -> Option<Parsed> {
    let text = trimmed(original);
    let (sign, body) = match text.split_first()? {
        (b'-', rest) => (Some(-1), rest),
        (b'+', rest) => (Some(1), rest),
        _ => (None, text),
    };
    let mut parts = [1i64, 1, 1, 0, 0, 0, 0];
    let (mut part, mut only_time, mut zone) = (0, false, None);
    let (mut start, mut end) = (0, body.len());
    for (at, &byte) in body.iter().enumerate() {
        if byte.is_ascii_digit() {
            continue;
        }
        // Before a time, `T` is known only as the first byte, spaces included.
        if at == 0 && original[0] == b'T' {
            (only_time, part, start) = (true, HOUR, 1);
            continue;
        }
        if part == 0 && byte == b':' && sign.is_none() {
            (only_time, part) = (true, HOUR);
        }
        let next = match (part, byte) {
            (0 | 1, b'-') => part + 1,
            (DAY_OF_MONTH, b' ' | b'T') => HOUR,
            (HOUR | MINUTE, b':') => part + 1,
            (SECOND_OF_MINUTE, b'.') => FRACTION,
            (SECOND_OF_MINUTE | FRACTION, _) => {
                zone = Some(zone_text(&body[at..]));
                end = at;
                break;
            }
            _ => return None,
        };
        if !is_valid(part, at - start) {
            return None;
        }
        parts[part] = number(&body[start..at]);
        (part, start) = (next, at + 1);
    }
    let last = &body[start..end];
    if !is_valid(part, last.len()) {
        return None;
    }
    parts[part] = match part {
        // What is behind the sixth digit is cut off.
        FRACTION => (0..6).fold(0, |value, index| {
            value * 10 + last.get(index).map_or(0, |digit| i64::from(digit - b'0'))
        }),
        _ => number(last),
    };
    let [year, month, day, hour, minute, second, fraction] = parts;
    if hour >= 24 || minute >= 60 || second >= 60 {
        return None;
    }
    let days = civil::checked_days(sign.unwrap_or(1) * year, month as i32, day as i32)?;
    let seconds = i64::from(days) * DAY + hour * 3600 + minute * 60 + second;
    Some(Parsed {
        local: i128::from(seconds) * i128::from(SECOND) + i128::from(fraction),
        only_time,
        zone,
    })
}

const ZONE_NAME: &str = "a time zone by name";

/// The instant a string says, in a zone if it names none.
fn instant(text: &[u8], zone: &ZoneRules, mode: EvalMode) -> Outcome<i64> {
    let Some(parsed) = parse(text) else {
        return invalid(mode);
    };
    if parsed.only_time {
        return Outcome::Decline("a time of today");
    }
    match parsed.zone {
        Some(ZoneText::Other) => Outcome::Decline(ZONE_NAME),
        Some(ZoneText::Offset(offset)) => i64::try_from(parsed.local - i128::from(offset * SECOND))
            .map_or_else(|_| invalid(mode), Outcome::Value),
        None => i64::try_from(parsed.local)
            .ok()
            .and_then(|local| zone.to_instant(local))
            .map_or(Outcome::Decline(BEYOND), Outcome::Value),
    }
}

/// The wall-clock time a string says, whatever the zone it names.
fn wall_time(text: &[u8], mode: EvalMode) -> Outcome<i64> {
    match parse(text) {
        Some(parsed) if !parsed.only_time => match parsed.zone {
            Some(ZoneText::Other) => Outcome::Decline(ZONE_NAME),
            _ => i64::try_from(parsed.local).map_or_else(|_| invalid(mode), Outcome::Value),
        },
        _ => invalid(mode),
    }
}

/// String → timestamp: in the session's zone, unless an offset or UTC is behind the time. What is
/// no time fails (ANSI) or is NULL; zones by name, times without a date, and what is beyond the
/// zone's known rules are left to Spark.
pub(super) fn to_timestamp(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let (zone, mode): (Arc<ZoneRules>, EvalMode) = (zone(call)?, call.mode);
    cast(call, Failing::Sometimes, move |column, rows, output| {
        let strings = Text::of(column)?;
        try_rows(rows, output, column.logical_validity(), |row| {
            instant(strings.get(row), &zone, mode)
        })
    })
}

/// String → timestamp_ntz: a zone behind the time is dropped. What is no time fails (ANSI) or is
/// NULL, a time without a date, too; zones by name are left to Spark.
pub(super) fn to_wall_time(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let mode = call.mode;
    cast(call, Failing::Sometimes, move |column, rows, output| {
        let strings = Text::of(column)?;
        try_rows(rows, output, column.logical_validity(), |row| {
            wall_time(strings.get(row), mode)
        })
    })
}
