//! Strings and bytes as codes: hexadecimal, binary, characters by number, checksums.

use arclight_columns::SparkType;

use super::{INT, STRING, signature, text, utf8};
use crate::expression::ExpressionRef;
use crate::function::{Failing, one};
use crate::kernel::{Input, Outcome, try_rows};
use crate::registry::{BuildError, EvalMode, FunctionCall};
use crate::strings::longs;
use crate::strings::rows::{any_null, function, text_rows};

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// `Hex`: bigint → its digits without leading zeros, two's complement; string or binary → two digits
/// a byte. Never fails.
pub(super) fn hex(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let from = one(call)?.data_type().clone();
    if call.output != STRING {
        return Err(call.unsupported());
    }
    match from {
        SparkType::Long => Ok(function(call, Failing::Never, |arguments, rows, output| {
            let values: Input<'_, i64> = longs(arguments, 0)?;
            text_rows(rows, output, any_null(arguments), |row, buffer| {
                buffer.extend_from_slice(format!("{:X}", values.get(row)).as_bytes());
                Outcome::Value(())
            })
        })),
        SparkType::String | SparkType::Binary => {
            Ok(function(call, Failing::Never, |arguments, rows, output| {
                let values = text(arguments, 0)?;
                text_rows(rows, output, any_null(arguments), |row, buffer| {
                    for byte in values.get(row) {
                        buffer.push(DIGITS[usize::from(byte >> 4)]);
                        buffer.push(DIGITS[usize::from(byte & 15)]);
                    }
                    Outcome::Value(())
                })
            }))
        }
        _ => Err(call.unsupported()),
    }
}

/// `Unhex`: string → binary; of an odd number of digits the first is a byte by itself. Other
/// characters fail (ANSI) or give NULL.
pub(super) fn unhex(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[STRING], &SparkType::Binary)?;
    let mode = call.mode;
    Ok(function(
        call,
        Failing::Sometimes,
        move |arguments, rows, output| {
            let values = text(arguments, 0)?;
            text_rows(rows, output, any_null(arguments), |row, buffer| {
                let value = values.get(row);
                let mut high = 0;
                for (index, &byte) in value.iter().enumerate() {
                    let Some(digit) = char::from(byte).to_digit(16) else {
                        return match mode {
                            EvalMode::Ansi => Outcome::Fail,
                            _ => Outcome::Null,
                        };
                    };
                    // Pairs end at even distances from the end.
                    if (value.len() - index) % 2 == 0 {
                        high = digit as u8;
                    } else {
                        buffer.push(high << 4 | digit as u8);
                        high = 0;
                    }
                }
                Outcome::Value(())
            })
        },
    ))
}

/// `Bin`: bigint → its bits without leading zeros, two's complement. Never fails.
pub(super) fn bin(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[SparkType::Long], &STRING)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let values = longs(arguments, 0)?;
        text_rows(rows, output, any_null(arguments), |row, buffer| {
            buffer.extend_from_slice(format!("{:b}", values.get(row)).as_bytes());
            Outcome::Value(())
        })
    }))
}

/// `Chr`: bigint → the character of its low 8 bits; empty of a negative number. Never fails.
pub(super) fn chr(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[SparkType::Long], &STRING)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let values = longs(arguments, 0)?;
        text_rows(rows, output, any_null(arguments), |row, buffer| {
            let value = values.get(row);
            if value >= 0 {
                let c = char::from(value as u8);
                buffer.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Outcome::Value(())
        })
    }))
}

/// `Crc32`: binary → bigint. Never fails.
pub(super) fn crc32(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[SparkType::Binary], &SparkType::Long)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let values = text(arguments, 0)?;
        try_rows(rows, output, any_null(arguments), |row| {
            Outcome::Value(i64::from(crc32fast::hash(values.get(row))))
        })
    }))
}

/// `FindInSet`: string, list → int: which of the list's parts between commas it is, from 1; 0 if
/// none, or if it has a comma. Never fails.
pub(super) fn find_in_set(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[STRING, STRING], &INT)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let (words, lists) = (text(arguments, 0)?, text(arguments, 1)?);
        try_rows(rows, output, any_null(arguments), |row| {
            let word = words.get(row);
            if word.contains(&b',') {
                return Outcome::Value(0);
            }
            let found = lists.get(row).split(|&b| b == b',').position(|p| p == word);
            Outcome::Value(found.map_or(0, |index| index as i32 + 1))
        })
    }))
}

/// `Levenshtein` without a threshold: two strings → int, the edits between them. Never fails; what
/// ends inside a code point, and very long strings, are left to Spark.
pub(super) fn levenshtein(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    const LONGEST: usize = 1 << 12;
    signature(call, &[STRING, STRING], &INT)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let (lefts, rights) = (text(arguments, 0)?, text(arguments, 1)?);
        try_rows(rows, output, any_null(arguments), |row| {
            let (left, right) = (lefts.get(row), rights.get(row));
            if left.len() > LONGEST || right.len() > LONGEST {
                return Outcome::Decline(super::TOO_LARGE);
            }
            match (utf8::points(left), utf8::points(right)) {
                (Some(left), Some(right)) => Outcome::Value(edits(&left, &right)),
                _ => Outcome::Decline(super::TRUNCATED),
            }
        })
    }))
}

/// Insertions, deletions and replacements that make one list of another.
fn edits(left: &[&[u8]], right: &[&[u8]]) -> i32 {
    let mut distances: Vec<i32> = (0..=right.len() as i32).collect();
    for (i, one) in left.iter().enumerate() {
        let mut diagonal = distances[0];
        distances[0] = i as i32 + 1;
        for (j, other) in right.iter().enumerate() {
            let replaced = diagonal + i32::from(one != other);
            diagonal = distances[j + 1];
            distances[j + 1] = replaced.min(diagonal + 1).min(distances[j] + 1);
        }
    }
    distances[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        let points = |text: &'static str| utf8::points(text.as_bytes()).unwrap();
        assert_eq!(edits(&points("kitten"), &points("sitting")), 3);
        assert_eq!(edits(&points(""), &points("é😀")), 2);
        assert_eq!(edits(&points("same"), &points("same")), 0);
    }
}
