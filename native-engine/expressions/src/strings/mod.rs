//! Strings as bytes, in binary collation. Positions count code points by their lead bytes, as
//! `UTF8String` does; where the JVM would decode a string that is not UTF-8, the batch is left to
//! Spark. All functions are NULL where an argument is.

mod case;
mod codes;
mod joined;
mod like;
pub(crate) mod rows;
mod utf8;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use arclight_columns::{Column, SparkType};
use memchr::memmem;

use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, signature};
use crate::kernel::{Input, Outcome, input, try_rows};
use crate::registry::{BuildError, Entry, FunctionCall};
use like::Pattern;
use rows::{Text, any_null, bit_rows, function, part_rows, text_rows};

/// This family's functions.
pub(crate) const FUNCTIONS: &[Entry] = &[
    ("length", |call| measure(call, Measure::Characters)),
    ("octet_length", |call| measure(call, Measure::Bytes)),
    ("bit_length", |call| measure(call, Measure::Bits)),
    ("ascii", ascii),
    ("starts_with", |call| {
        test(call, |text, part| text.starts_with(part))
    }),
    ("ends_with", |call| {
        test(call, |text, part| text.ends_with(part))
    }),
    ("contains", |call| {
        test(call, |text, part| memmem::find(text, part).is_some())
    }),
    ("like", like),
    ("instr", instr),
    ("locate", locate),
    ("substring", substring),
    ("substring_index", substring_index),
    ("trim", |call| trim(call, true, true)),
    ("ltrim", |call| trim(call, true, false)),
    ("rtrim", |call| trim(call, false, true)),
    ("upper", case::upper),
    ("lower", case::lower),
    ("concat", concat),
    ("replace", replace),
    ("translate", translate),
    ("lpad", |call| pad(call, Side::Left)),
    ("rpad", |call| pad(call, Side::Right)),
    ("repeat", repeat),
    ("reverse", reverse),
    ("concat_ws", joined::concat_ws),
    ("initcap", joined::initcap),
    ("space", joined::space),
    ("empty_to_null", joined::empty_to_null),
    ("overlay", joined::overlay),
    ("elt", joined::elt),
    ("hex", codes::hex),
    ("unhex", codes::unhex),
    ("bin", codes::bin),
    ("chr", codes::chr),
    ("crc32", codes::crc32),
    ("find_in_set", codes::find_in_set),
    ("levenshtein", codes::levenshtein),
];

/// Strings of more bytes than this are made by Spark: whether they fit is its to say.
const LARGEST: usize = 1 << 24;

/// Why a batch is left to Spark.
const TRUNCATED: &str = "a string ends inside a code point";
const NOT_UTF8: &str = "a string is not UTF-8";
const TOO_LARGE: &str = "a very large string";

const STRING: SparkType = SparkType::String;
const INT: SparkType = SparkType::Int;

/// Argument `index` as strings.
fn text(arguments: &[Column], index: usize) -> Result<Text<'_>, EvalError> {
    arguments
        .get(index)
        .map_or_else(|| Err(missing()), Text::of)
}

/// Argument `index` as ints.
fn ints(arguments: &[Column], index: usize) -> Result<Input<'_, i32>, EvalError> {
    let column = arguments.get(index).ok_or_else(missing)?;
    match column.as_constant() {
        Some(value) if value.is_null(0) => Ok(Input::Constant(0)),
        _ => input(column),
    }
}

/// Argument `index` as bigints.
fn longs(arguments: &[Column], index: usize) -> Result<Input<'_, i64>, EvalError> {
    let column = arguments.get(index).ok_or_else(missing)?;
    match column.as_constant() {
        Some(value) if value.is_null(0) => Ok(Input::Constant(0)),
        _ => input(column),
    }
}

fn missing() -> EvalError {
    EvalError::Internal("an argument is missing".into())
}

/// A string the JVM decodes.
fn decode(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text).ok()
}

/// A range, or the batch left to Spark.
fn or_truncated(range: Option<Range<usize>>) -> Outcome<Range<usize>> {
    range.map_or(Outcome::Decline(TRUNCATED), Outcome::Value)
}

#[derive(Debug, Clone, Copy)]
enum Measure {
    Characters,
    Bytes,
    Bits,
}

/// `Length` (code points of a string, bytes of a binary), `OctetLength`, `BitLength`: string or
/// binary → int. Never fails.
fn measure(call: &FunctionCall, measure: Measure) -> Result<ExpressionRef, BuildError> {
    let from = crate::function::one(call)?.data_type().clone();
    if !matches!(from, SparkType::String | SparkType::Binary) || call.output != INT {
        return Err(call.unsupported());
    }
    Ok(function(
        call,
        Failing::Never,
        move |arguments, rows, output| {
            let strings = text(arguments, 0)?;
            try_rows(rows, output, any_null(arguments), |row| {
                let value = strings.get(row);
                Outcome::Value(match measure {
                    Measure::Characters if from == STRING => utf8::count(value) as i32,
                    Measure::Characters | Measure::Bytes => value.len() as i32,
                    Measure::Bits => (value.len() as i32).wrapping_mul(8),
                })
            })
        },
    ))
}

/// `Ascii`: string → int, the first code point; 0 of an empty string. Never fails.
fn ascii(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[STRING], &INT)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let strings = text(arguments, 0)?;
        try_rows(rows, output, any_null(arguments), |row| {
            let value = strings.get(row);
            let Some(&first) = value.first() else {
                return Outcome::Value(0);
            };
            let point = value.get(..utf8::width(first)).and_then(decode);
            match point.and_then(|point| point.chars().next()) {
                Some(c) => Outcome::Value(u32::from(c) as i32),
                None => Outcome::Decline(NOT_UTF8),
            }
        })
    }))
}

/// `StartsWith`, `EndsWith`, `Contains`: two strings → boolean, byte by byte. Never fails.
fn test(call: &FunctionCall, test: fn(&[u8], &[u8]) -> bool) -> Result<ExpressionRef, BuildError> {
    signature(call, &[STRING, STRING], &SparkType::Boolean)?;
    Ok(function(call, Failing::Never, move |arguments, rows, _| {
        let (strings, parts) = (text(arguments, 0)?, text(arguments, 1)?);
        bit_rows(rows, any_null(arguments), |row| {
            Outcome::Value(test(strings.get(row), parts.get(row)))
        })
    }))
}

/// `Like`: string, pattern, and the escape character as a literal → boolean. Fails at a pattern
/// with a bad escape.
fn like(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[STRING, STRING, STRING], &SparkType::Boolean)?;
    Ok(function(call, Failing::Sometimes, |arguments, rows, _| {
        let (strings, patterns) = (text(arguments, 0)?, text(arguments, 1)?);
        let escapes = text(arguments, 2)?;
        let Text::Constant(escape) = escapes else {
            return Err(EvalError::Internal("the escape is no literal".into()));
        };
        let escape = decode(escape)
            .and_then(|e| e.chars().next())
            .unwrap_or('\\');
        let validity = any_null(arguments);
        if let Text::Constant(pattern) = patterns {
            let pattern = Pattern::compile(pattern, escape);
            return bit_rows(rows, validity, |row| match &pattern {
                Outcome::Value(pattern) => pattern.matches(strings.get(row)),
                Outcome::Null => Outcome::Null,
                Outcome::Fail => Outcome::Fail,
                Outcome::Decline(reason) => Outcome::Decline(reason),
            });
        }
        bit_rows(rows, validity, |row| {
            Pattern::compile(patterns.get(row), escape)
                .and_then(|pattern| pattern.matches(strings.get(row)))
        })
    }))
}

/// The 1-based position of an index, 0 for none.
fn position(index: Option<usize>) -> Outcome<i32> {
    Outcome::Value(index.map_or(0, |index| index as i32 + 1))
}

/// `StringInstr`: string, part → int, where the part first occurs, counted from 1; 0 if nowhere.
/// Never fails.
fn instr(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[STRING, STRING], &INT)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let (strings, parts) = (text(arguments, 0)?, text(arguments, 1)?);
        try_rows(rows, output, any_null(arguments), |row| {
            position(utf8::index_of(strings.get(row), parts.get(row), 0))
        })
    }))
}

/// `StringLocate`: part, string, start (not NULL) → int, as `instr` from a position on. A start
/// below 1 gives 0, an empty part 1. Never fails.
fn locate(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[STRING, STRING, INT], &INT)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let (parts, strings) = (text(arguments, 0)?, text(arguments, 1)?);
        let starts = ints(arguments, 2)?;
        try_rows(rows, output, any_null(arguments), |row| {
            match starts.get(row) {
                start if start < 1 => Outcome::Value(0),
                start => position(utf8::index_of(
                    strings.get(row),
                    parts.get(row),
                    start as usize - 1,
                )),
            }
        })
    }))
}

/// `Substring` of a string: string, position, length → string; of a binary see
/// [`joined::binary_substring`]. Never fails.
fn substring(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    if joined::is_binary(call) {
        return joined::binary_substring(call);
    }
    signature(call, &[STRING, INT, INT], &STRING)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let strings = text(arguments, 0)?;
        let (positions, lengths) = (ints(arguments, 1)?, ints(arguments, 2)?);
        part_rows(&strings, rows, output, any_null(arguments), |row, text| {
            or_truncated(utf8::substring(text, positions.get(row), lengths.get(row)))
        })
    }))
}

/// `SubstringIndex`: string, delimiter, count → string. Never fails.
fn substring_index(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[STRING, STRING, INT], &STRING)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let (strings, delimiters) = (text(arguments, 0)?, text(arguments, 1)?);
        let counts = ints(arguments, 2)?;
        part_rows(&strings, rows, output, any_null(arguments), |row, text| {
            or_truncated(utf8::substring_index(
                text,
                delimiters.get(row),
                counts.get(row),
            ))
        })
    }))
}

/// `StringTrim`, `StringTrimLeft`, `StringTrimRight`: string, and maybe the set of characters to
/// cut instead of spaces → string. Never fails.
fn trim(call: &FunctionCall, left: bool, right: bool) -> Result<ExpressionRef, BuildError> {
    if call.arguments.len() == 1 {
        signature(call, &[STRING], &STRING)?;
        return Ok(function(
            call,
            Failing::Never,
            move |arguments, rows, output| {
                let strings = text(arguments, 0)?;
                part_rows(&strings, rows, output, any_null(arguments), |_, text| {
                    Outcome::Value(utf8::trim_spaces(text, left, right))
                })
            },
        ));
    }
    signature(call, &[STRING, STRING], &STRING)?;
    Ok(function(
        call,
        Failing::Never,
        move |arguments, rows, output| {
            let (strings, sets) = (text(arguments, 0)?, text(arguments, 1)?);
            part_rows(
                &strings,
                rows,
                output,
                any_null(arguments),
                |row, text| match (decode(text), decode(sets.get(row))) {
                    (Some(text), Some(set)) => {
                        Outcome::Value(utf8::trim_set(text, set, left, right))
                    }
                    _ => Outcome::Decline(NOT_UTF8),
                },
            )
        },
    ))
}

/// `Concat` of strings or of binaries: any number → one. Never fails.
fn concat(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let same = call.arguments.iter().all(|a| *a.data_type() == call.output);
    if !same || !matches!(call.output, SparkType::String | SparkType::Binary) {
        return Err(call.unsupported());
    }
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let parts: Vec<Text<'_>> = arguments.iter().map(Text::of).collect::<Result<_, _>>()?;
        text_rows(rows, output, any_null(arguments), |row, buffer| {
            parts
                .iter()
                .for_each(|part| buffer.extend_from_slice(part.get(row)));
            Outcome::Value(())
        })
    }))
}

/// `StringReplace`: string, search, replacement → string; an empty search changes nothing. Never
/// fails.
fn replace(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[STRING, STRING, STRING], &STRING)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let (strings, searches) = (text(arguments, 0)?, text(arguments, 1)?);
        let replacements = text(arguments, 2)?;
        text_rows(rows, output, any_null(arguments), |row, buffer| {
            let (value, search) = (strings.get(row), searches.get(row));
            if search.is_empty() {
                buffer.extend_from_slice(value);
                return Outcome::Value(());
            }
            let replacement = replacements.get(row);
            let mut behind = 0;
            for found in memmem::find_iter(value, search) {
                buffer.extend_from_slice(&value[behind..found]);
                buffer.extend_from_slice(replacement);
                behind = found + search.len();
                if buffer.len() > LARGEST {
                    return Outcome::Decline(TOO_LARGE);
                }
            }
            buffer.extend_from_slice(&value[behind..]);
            Outcome::Value(())
        })
    }))
}

/// What characters become: another one, or nothing.
fn translation(matching: &str, replacement: &str) -> HashMap<char, Option<char>> {
    let mut map = HashMap::new();
    let mut replacements = replacement.chars();
    for c in matching.chars() {
        // Replacements count even for a character that has one; U+0000 removes.
        let to = replacements.next().filter(|&c| c != '\0');
        map.entry(c).or_insert(to);
    }
    map
}

/// `StringTranslate`: string, characters, replacements → string. Never fails.
fn translate(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[STRING, STRING, STRING], &STRING)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let (strings, matching) = (text(arguments, 0)?, text(arguments, 1)?);
        let replacements = text(arguments, 2)?;
        let map = |row: usize| {
            let (matching, to) = (decode(matching.get(row))?, decode(replacements.get(row))?);
            Some(translation(matching, to))
        };
        let constant = match (&matching, &replacements) {
            (Text::Constant(_), Text::Constant(_)) => map(0),
            _ => None,
        };
        text_rows(rows, output, any_null(arguments), |row, buffer| {
            let map = match &constant {
                Some(map) => Some(Cow::Borrowed(map)),
                None => map(row).map(Cow::Owned),
            };
            let (Some(map), Some(value)) = (map, decode(strings.get(row))) else {
                return Outcome::Decline(NOT_UTF8);
            };
            for c in value.chars() {
                if let Some(c) = map.get(&c).copied().unwrap_or(Some(c)) {
                    buffer.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
            Outcome::Value(())
        })
    }))
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Left,
    Right,
}

/// `StringLPad`, `StringRPad`: string, length, padding → string of that many code points, unless
/// the padding is empty and the string shorter. Never fails; very long ones are left to Spark.
fn pad(call: &FunctionCall, side: Side) -> Result<ExpressionRef, BuildError> {
    signature(call, &[STRING, INT, STRING], &STRING)?;
    Ok(function(
        call,
        Failing::Never,
        move |arguments, rows, output| {
            let (strings, lengths) = (text(arguments, 0)?, ints(arguments, 1)?);
            let paddings = text(arguments, 2)?;
            text_rows(rows, output, any_null(arguments), |row, buffer| {
                let (value, padding) = (strings.get(row), paddings.get(row));
                let length = lengths.get(row);
                // Spark's subtraction wraps, too.
                let missing = length.wrapping_sub(utf8::count(value) as i32);
                if missing <= 0 || padding.is_empty() {
                    let Some(range) = utf8::range(value, 0, i64::from(length)) else {
                        return Outcome::Decline(TRUNCATED);
                    };
                    buffer.extend_from_slice(&value[range]);
                    return Outcome::Value(());
                }
                if missing as usize > LARGEST {
                    return Outcome::Decline(TOO_LARGE);
                }
                let characters = utf8::count(padding) as i64;
                let (times, rest) = (
                    i64::from(missing) / characters,
                    i64::from(missing) % characters,
                );
                let Some(rest) = utf8::range(padding, 0, rest) else {
                    return Outcome::Decline(TRUNCATED);
                };
                if side == Side::Right {
                    buffer.extend_from_slice(value);
                }
                (0..times).for_each(|_| buffer.extend_from_slice(padding));
                buffer.extend_from_slice(&padding[rest]);
                if side == Side::Left {
                    buffer.extend_from_slice(value);
                }
                Outcome::Value(())
            })
        },
    ))
}

/// `StringRepeat`: string, times → string; empty below 1. Never fails; very long ones are left to
/// Spark.
fn repeat(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[STRING, INT], &STRING)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let (strings, times) = (text(arguments, 0)?, ints(arguments, 1)?);
        text_rows(rows, output, any_null(arguments), |row, buffer| {
            let value = strings.get(row);
            let times = times.get(row).max(0) as usize;
            if value.len().saturating_mul(times) > LARGEST {
                return Outcome::Decline(TOO_LARGE);
            }
            if !value.is_empty() {
                (0..times).for_each(|_| buffer.extend_from_slice(value));
            }
            Outcome::Value(())
        })
    }))
}

/// `Reverse` of a string: its code points from the last to the first. Never fails.
fn reverse(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[STRING], &STRING)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let strings = text(arguments, 0)?;
        text_rows(
            rows,
            output,
            any_null(arguments),
            |row, buffer| match utf8::reverse(strings.get(row), buffer) {
                Some(()) => Outcome::Value(()),
                None => Outcome::Decline(TRUNCATED),
            },
        )
    }))
}

#[cfg(test)]
mod tests;
