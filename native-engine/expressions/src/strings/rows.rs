//! Loops over rows of byte strings.

use std::ops::Range;

use arclight_columns::{
    BinaryViewArray, BooleanBuffer, BytesBuilder, Column, Data, NullBuffer, ScalarBuffer,
    Selection, SparkType,
};

use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, until_null};
use crate::kernel::{Outcome, flat_or_constant, over_distinct, try_each};
use crate::registry::FunctionCall;

/// The byte strings of a flat or constant column.
#[derive(Clone, Copy)]
pub(crate) enum Text<'a> {
    /// One per row.
    Rows(&'a BinaryViewArray),
    /// The same in every row.
    Constant(&'a [u8]),
}

impl<'a> Text<'a> {
    /// Of a flat or constant column.
    pub fn of(column: &'a Column) -> Result<Self, EvalError> {
        let text = match column.data() {
            Data::Constant(value) => match value.is_null(0) {
                true => Some(Text::Constant(b"")),
                false => value.as_bytes().map(|bytes| Text::Constant(bytes.value(0))),
            },
            _ => column.as_bytes().map(Text::Rows),
        };
        text.ok_or_else(|| {
            EvalError::Internal(format!(
                "expected byte strings, got a column of {}",
                column.data_type()
            ))
        })
    }

    /// The string at a row.
    #[inline(always)]
    pub fn get(&self, row: usize) -> &'a [u8] {
        match self {
            Text::Rows(bytes) => bytes.value(row),
            Text::Constant(value) => value,
        }
    }
}

/// NULL where any of the columns is.
pub(crate) fn any_null(columns: &[Column]) -> Option<NullBuffer> {
    columns.iter().fold(None, |validity, column| {
        NullBuffer::union(validity.as_ref(), column.logical_validity().as_ref())
    })
}

/// An expression of `kernel` over the call's arguments, NULL where one of them is. Where all but
/// the first are constant, the kernel runs once per distinct value of the first. It gets flat or
/// constant columns of one length, and the rows to evaluate.
pub(crate) fn function(
    call: &FunctionCall,
    failing: Failing,
    kernel: impl Fn(&[Column], &Selection, &SparkType) -> Result<Column, EvalError>
    + Send
    + Sync
    + 'static,
) -> ExpressionRef {
    let output = call.output.clone();
    until_null(call, failing, move |arguments, rows| {
        let Some((first, rest)) = arguments.split_first() else {
            return Err(EvalError::Internal("expected an argument".into()));
        };
        let constants: Option<Vec<&Column>> = rest.iter().map(|c| c.as_constant()).collect();
        match constants {
            Some(constants) => over_distinct(first, rows, &output, |column, rows| {
                let mut arguments = vec![column.clone()];
                for &constant in &constants {
                    arguments.push(Column::constant(constant.clone(), column.len()));
                }
                kernel(&arguments, rows, &output)
            }),
            None => {
                let arguments: Vec<Column> = arguments.iter().map(flat_or_constant).collect();
                kernel(&arguments, rows, &output)
            }
        }
    })
}

/// Calls `f` at the active rows that are not NULL; it appends the row's string to the buffer.
pub(crate) fn text_rows(
    rows: &Selection,
    output: &SparkType,
    validity: Option<NullBuffer>,
    mut f: impl FnMut(usize, &mut Vec<u8>) -> Outcome<()>,
) -> Result<Column, EvalError> {
    let mut builder = BytesBuilder::with_capacity(rows.len());
    let mut buffer = Vec::new();
    let mut next = 0;
    let validity = try_each(rows, validity, |row| {
        buffer.clear();
        let outcome = f(row, &mut buffer);
        if outcome == Outcome::Value(()) {
            (next..row).for_each(|_| builder.push(b""));
            builder.push(&buffer);
            next = row + 1;
        }
        Ok(outcome)
    })?;
    (next..rows.len()).for_each(|_| builder.push(b""));
    Ok(Column::bytes(output.clone(), builder.finish(), validity))
}

/// Bytes of a string that live in its view.
pub(super) const INLINE: usize = 12;

/// A part of the string of a view.
#[inline(always)]
fn part(view: u128, text: &[u8], range: Range<usize>) -> u128 {
    let length = range.len();
    let slice = &text[range.clone()];
    if length <= INLINE {
        let mut bytes = [0u8; 16];
        bytes[..4].copy_from_slice(&(length as u32).to_le_bytes());
        bytes[4..4 + length].copy_from_slice(slice);
        return u128::from_le_bytes(bytes);
    }
    // The whole is longer than what is inline, so that its view has a buffer and an offset.
    let offset = (view >> 96) as u32 + range.start as u32;
    let mut prefix = [0u8; 4];
    prefix.copy_from_slice(&slice[..4]);
    u128::from(length as u32)
        | u128::from(u32::from_le_bytes(prefix)) << 32
        | (view >> 64 & u128::from(u32::MAX)) << 64
        | u128::from(offset) << 96
}

/// Parts of the strings of a column, found by `f` at the active rows that are not NULL; no byte is
/// copied.
pub(crate) fn part_rows(
    text: &Text<'_>,
    rows: &Selection,
    output: &SparkType,
    validity: Option<NullBuffer>,
    f: impl Fn(usize, &[u8]) -> Outcome<Range<usize>>,
) -> Result<Column, EvalError> {
    let source = match text {
        Text::Rows(source) => source,
        Text::Constant(value) => {
            return text_rows(rows, output, validity, |row, buffer| {
                f(row, value).map(|range| buffer.extend_from_slice(&value[range]))
            });
        }
    };
    let from = source.views();
    let mut views = vec![0u128; rows.len()];
    let validity = try_each(rows, validity, |row| {
        let value = source.value(row);
        Ok(f(row, value).map(|range| views[row] = part(from[row], value, range)))
    })?;
    let buffers = source.data_buffers().to_vec();
    let array = BinaryViewArray::try_new(ScalarBuffer::from(views), buffers, None)
        .map_err(arclight_columns::ColumnError::from)?;
    Ok(Column::bytes(output.clone(), array, validity))
}

/// Calls `f` at the active rows that are not NULL, and collects its booleans.
pub(crate) fn bit_rows(
    rows: &Selection,
    validity: Option<NullBuffer>,
    f: impl Fn(usize) -> Outcome<bool>,
) -> Result<Column, EvalError> {
    let mut bits = vec![false; rows.len()];
    let validity = try_each(rows, validity, |row| Ok(f(row).map(|bit| bits[row] = bit)))?;
    Ok(Column::boolean(BooleanBuffer::from(bits), validity))
}
