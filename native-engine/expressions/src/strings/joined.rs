//! Strings joined, overlaid, chosen, and words with capitals.

use std::ops::Range;

use arclight_columns::{Column, Selection, SparkType};

use super::{INT, STRING, ints, signature, text, utf8};
use crate::conditional::{difference, merge};
use crate::expression::{EvalContext, EvalError, Expression, ExpressionRef};
use crate::function::{Failing, nary};
use crate::kernel::{Outcome, flat_or_constant, input};
use crate::registry::{BuildError, EvalMode, FunctionCall};
use crate::strings::rows::{Text, any_null, function, part_rows, text_rows};

/// `ConcatWs` of strings: separator, any number of strings → the strings that are not NULL with the
/// separator between them; NULL where the separator is. Never fails.
pub(super) fn concat_ws(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let strings = call.arguments.iter().all(|a| *a.data_type() == STRING);
    if call.arguments.is_empty() || !strings || call.output != STRING {
        return Err(call.unsupported());
    }
    let output = call.output.clone();
    Ok(nary(call, Failing::Never, move |arguments, rows| {
        let columns: Vec<Column> = arguments.iter().map(flat_or_constant).collect();
        let texts: Vec<Text<'_>> = columns.iter().map(Text::of).collect::<Result<_, _>>()?;
        let Some((separators, parts)) = texts.split_first() else {
            return Err(EvalError::Internal("expected a separator".into()));
        };
        let validity = columns.first().and_then(Column::logical_validity);
        text_rows(rows, &output, validity, |row, buffer| {
            let mut first = true;
            for (part, column) in parts.iter().zip(&columns[1..]) {
                if column.is_null(row) {
                    continue;
                }
                if !std::mem::take(&mut first) {
                    buffer.extend_from_slice(separators.get(row));
                }
                buffer.extend_from_slice(part.get(row));
            }
            Outcome::Value(())
        })
    }))
}

/// `InitCap`: string → string, the letters behind spaces and at the start in upper case, others in
/// lower. Strings that are not ASCII are left to Spark. Never fails.
pub(super) fn initcap(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[STRING], &STRING)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let values = text(arguments, 0)?;
        text_rows(rows, output, any_null(arguments), |row, buffer| {
            let value = values.get(row);
            if !value.is_ascii() {
                return Outcome::Decline("the case of a string that is not ASCII");
            }
            let mut start = true;
            for byte in value {
                buffer.push(match start {
                    true => byte.to_ascii_uppercase(),
                    false => byte.to_ascii_lowercase(),
                });
                start = *byte == b' ';
            }
            Outcome::Value(())
        })
    }))
}

/// `StringSpace`: int → so many spaces. Never fails; very many are left to Spark.
pub(super) fn space(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[INT], &STRING)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let counts = ints(arguments, 0)?;
        text_rows(rows, output, any_null(arguments), |row, buffer| {
            let count = counts.get(row).max(0) as usize;
            if count > super::LARGEST {
                return Outcome::Decline(super::TOO_LARGE);
            }
            buffer.resize(count, b' ');
            Outcome::Value(())
        })
    }))
}

/// `Empty2Null`: string → the string, NULL if it is empty. Never fails.
pub(super) fn empty_to_null(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[STRING], &STRING)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let values = text(arguments, 0)?;
        part_rows(
            &values,
            rows,
            output,
            any_null(arguments),
            |_, text| match text.len() {
                0 => Outcome::Null,
                length => Outcome::Value(0..length),
            },
        )
    }))
}

/// The range of a binary's substring (`ByteArray.subStringSQL`).
fn binary_range(length: usize, position: i32, count: i32) -> Range<usize> {
    let (length, position) = (length as i64, i64::from(position));
    let start = match position {
        1.. => position - 1,
        0 => 0,
        ..0 => length + position,
    };
    let end = (start + i64::from(count)).min(length);
    let start = start.max(0);
    if start >= end {
        0..0
    } else {
        start as usize..end as usize
    }
}

/// `Substring` of a binary: binary, position, length → binary. Never fails.
pub(super) fn binary_substring(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[SparkType::Binary, INT, INT], &SparkType::Binary)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let values = text(arguments, 0)?;
        let (positions, counts) = (ints(arguments, 1)?, ints(arguments, 2)?);
        part_rows(&values, rows, output, any_null(arguments), |row, bytes| {
            // Java's arithmetic would wrap there.
            if positions.get(row) < i32::MIN / 2 {
                return Outcome::Decline("a position far before the start");
            }
            Outcome::Value(binary_range(
                bytes.len(),
                positions.get(row),
                counts.get(row),
            ))
        })
    }))
}

/// `Overlay` of strings: string, replacement, position, length (negative: the replacement's) →
/// string. Never fails.
pub(super) fn overlay(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    signature(call, &[STRING, STRING, INT, INT], &STRING)?;
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let (values, replacements) = (text(arguments, 0)?, text(arguments, 1)?);
        let (positions, lengths) = (ints(arguments, 2)?, ints(arguments, 3)?);
        text_rows(rows, output, any_null(arguments), |row, buffer| {
            let (value, replacement) = (values.get(row), replacements.get(row));
            let (position, length) = (positions.get(row), lengths.get(row));
            let length = match length {
                0.. => length,
                ..0 => utf8::count(replacement) as i32,
            };
            let head = utf8::substring(value, 1, position.wrapping_sub(1));
            let tail = utf8::substring(value, position.wrapping_add(length), i32::MAX);
            let (Some(head), Some(tail)) = (head, tail) else {
                return Outcome::Decline(super::TRUNCATED);
            };
            buffer.extend_from_slice(&value[head]);
            buffer.extend_from_slice(replacement);
            buffer.extend_from_slice(&value[tail]);
            Outcome::Value(())
        })
    }))
}

/// `Elt`: an index (int) from 1, strings or binaries → the one it says. One out of bounds fails
/// (ANSI) or gives NULL. A string is evaluated only at rows whose index says it.
#[derive(Debug)]
struct Elt {
    index: ExpressionRef,
    options: Vec<ExpressionRef>,
    data_type: SparkType,
    mode: EvalMode,
}

pub(super) fn elt(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let Some((index, options)) = call.arguments.split_first() else {
        return Err(call.unsupported());
    };
    let same = options.iter().all(|o| *o.data_type() == call.output);
    if *index.data_type() != INT || options.is_empty() || !same {
        return Err(call.unsupported());
    }
    Ok(std::sync::Arc::new(Elt {
        index: index.clone(),
        options: options.to_vec(),
        data_type: call.output.clone(),
        mode: call.mode,
    }))
}

impl Expression for Elt {
    fn data_type(&self) -> &SparkType {
        &self.data_type
    }

    fn evaluate(
        &self,
        batch: &arclight_columns::Batch,
        rows: &Selection,
        context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        let indexes = flat_or_constant(&self.index.evaluate(batch, rows, context)?);
        let mut open = rows.filter(|row| !indexes.is_null(row));
        let mut parts = vec![(
            difference(rows, &open),
            Column::nulls(self.data_type.clone(), rows.len()),
        )];
        if !open.is_empty() {
            let indexes = input::<i32>(&indexes)?;
            for (option, number) in self.options.iter().zip(1..) {
                let chosen = open.filter(|row| indexes.get(row) == number);
                if !chosen.is_empty() {
                    open = difference(&open, &chosen);
                    let value = option.evaluate(batch, &chosen, context)?;
                    parts.push((chosen, value));
                }
            }
        }
        if !open.is_empty() {
            if self.mode == EvalMode::Ansi {
                return Err(EvalError::Failed {
                    row: open.position(0),
                });
            }
            parts.push((open, Column::nulls(self.data_type.clone(), rows.len())));
        }
        merge(&self.data_type, rows, &parts)
    }

    fn children(&self) -> Vec<&ExpressionRef> {
        std::iter::once(&self.index).chain(&self.options).collect()
    }
}

/// Whether the first argument of a call is a binary.
pub(super) fn is_binary(call: &FunctionCall) -> bool {
    call.arguments
        .first()
        .is_some_and(|a| *a.data_type() == SparkType::Binary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binaries_are_cut_as_java_does() {
        assert_eq!(binary_range(5, 2, 2), 1..3);
        assert_eq!(binary_range(5, 0, 2), 0..2);
        assert_eq!(binary_range(5, -2, 10), 3..5);
        assert_eq!(binary_range(5, -9, 6), 0..2);
        assert_eq!(binary_range(5, 6, 1), 0..0);
        assert_eq!(binary_range(5, 1, -1), 0..0);
        assert_eq!(binary_range(0, 1, 1), 0..0);
    }
}
