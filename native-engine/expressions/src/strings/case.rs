//! Upper and lower case. Of strings that are not ASCII only the JVM knows them.

use std::ops::Range;

use arclight_columns::{BinaryViewArray, Buffer, Column, ScalarBuffer, Selection, SparkType};

use super::rows::{INLINE, Text, any_null, function, text_rows};
use super::{STRING, text};
use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, signature};
use crate::kernel::{Outcome, is_sparse};
use crate::registry::{BuildError, FunctionCall};

/// `Upper`: string → string. Strings that are not ASCII are Spark's.
pub(super) fn upper(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    change_case(call, Letters(b'a'))
}

/// `Lower`: string → string. Strings that are not ASCII are Spark's.
pub(super) fn lower(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    change_case(call, Letters(b'A'))
}

/// The letters that become others: 26 from this one on.
#[derive(Debug, Clone, Copy)]
struct Letters(u8);

impl Letters {
    fn change(self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte ^= u8::from(byte.wrapping_sub(self.0) < 26) << 5;
        }
    }

    /// The same of 16 bytes at once.
    fn changed(self, bytes: u128) -> u128 {
        const EACH: u128 = u128::MAX / 0xff;
        const HIGH: u128 = EACH << 7;
        // A byte without its high bit gets that by what is added if it is large enough.
        let reaches = |letter: u8| (bytes & !HIGH) + EACH * u128::from(0x80 - letter);
        let letters = (reaches(self.0) ^ reaches(self.0 + 26)) & !bytes & HIGH;
        bytes ^ letters >> 2
    }
}

fn change_case(call: &FunctionCall, letters: Letters) -> Result<ExpressionRef, BuildError> {
    signature(call, &[STRING], &STRING)?;
    Ok(function(
        call,
        Failing::Never,
        move |arguments, rows, output| {
            let strings = text(arguments, 0)?;
            match by_block(&strings, rows, letters)? {
                Some(changed) => {
                    let validity = any_null(arguments);
                    Ok(Column::bytes(output.clone(), changed, validity))
                }
                None => by_row(&strings, arguments, rows, output, letters),
            }
        },
    ))
}

fn by_row(
    strings: &Text<'_>,
    arguments: &[Column],
    rows: &Selection,
    output: &SparkType,
    letters: Letters,
) -> Result<Column, EvalError> {
    text_rows(rows, output, any_null(arguments), |row, buffer| {
        let value = strings.get(row);
        if !value.is_ascii() {
            return Outcome::Decline("the case of a string that is not ASCII");
        }
        buffer.extend_from_slice(value);
        letters.change(buffer);
        Outcome::Value(())
    })
}

/// All strings of a column, changed a block of bytes at a time. None where few rows are active,
/// where much lies between the strings, and where one is not ASCII, be it of a row that is not
/// active.
fn by_block(
    strings: &Text<'_>,
    rows: &Selection,
    letters: Letters,
) -> Result<Option<BinaryViewArray>, EvalError> {
    let Text::Rows(source) = strings else {
        return Ok(None);
    };
    if is_sparse(rows.count(), rows.len()) {
        return Ok(None);
    }
    let Some(spans) = spans(source) else {
        return Ok(None);
    };
    if !is_ascii(source, &spans) {
        return Ok(None);
    }
    let blocks: Vec<Buffer> = (source.data_buffers().iter().zip(&spans))
        .map(|(buffer, span)| {
            let mut block = buffer[span.clone()].to_vec();
            letters.change(&mut block);
            Buffer::from(block)
        })
        .collect();
    let views: Vec<u128> = (source.views().iter())
        .map(|&view| {
            let changed = letters.changed(view);
            if length(view) <= INLINE {
                return changed & !LENGTH | view & LENGTH;
            }
            let (block, _) = place(view);
            (changed & PREFIX | view & !PREFIX) - ((spans[block].start as u128) << 96)
        })
        .collect();
    let changed = BinaryViewArray::try_new(ScalarBuffer::from(views), blocks, None)
        .map_err(arclight_columns::ColumnError::from)?;
    Ok(Some(changed))
}

/// Where a view has its string's length.
const LENGTH: u128 = 0xffff_ffff;

/// Where it has its string's first bytes, if the others are elsewhere.
const PREFIX: u128 = 0xffff_ffff << 32;

/// The length of a view's string.
fn length(view: u128) -> usize {
    view as u32 as usize
}

/// In which buffer and where there the string is that a view hasn't itself.
fn place(view: u128) -> (usize, usize) {
    ((view >> 64) as u32 as usize, (view >> 96) as usize)
}

/// How many bytes are copied for each byte of a string, at most: a guess of what is still cheaper
/// than to copy strings one by one.
const MOST_COPIED: usize = 2;

/// From where to where a column's strings lie in each of its buffers. None if too much is between.
fn spans(source: &BinaryViewArray) -> Option<Vec<Range<usize>>> {
    let mut spans = vec![(usize::MAX, 0); source.data_buffers().len()];
    let mut used = 0;
    for &view in source.views().iter() {
        let length = length(view);
        if length > INLINE {
            let (block, offset) = place(view);
            let (from, to) = spans.get_mut(block)?;
            *from = offset.min(*from);
            *to = (offset + length).max(*to);
            used += length;
        }
    }
    let spans: Vec<_> = (spans.into_iter())
        .map(|(from, to)| from.min(to)..to)
        .collect();
    let spanned: usize = spans.iter().map(Range::len).sum();
    let inside = |(buffer, span): (&Buffer, &Range<usize>)| span.end <= buffer.len();
    let fits = source.data_buffers().iter().zip(&spans).all(inside);
    (fits && spanned <= MOST_COPIED * used).then_some(spans)
}

/// Whether all strings are ASCII. What lies between them may be other bytes: in files, lengths.
fn is_ascii(source: &BinaryViewArray, spans: &[Range<usize>]) -> bool {
    let views = source.views();
    let short = views.iter().filter(|view| length(**view) <= INLINE);
    let bytes = short.fold(0, |bytes, view| bytes | view >> 32);
    let buffers = source.data_buffers();
    let blocks = || buffers.iter().zip(spans);
    bytes.to_le_bytes().is_ascii()
        && (blocks().all(|(buffer, span)| buffer[span.clone()].is_ascii())
            || views.iter().all(|&view| {
                let (block, offset) = place(view);
                let length = length(view);
                length <= INLINE || buffers[block][offset..offset + length].is_ascii()
            }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(values: &[&[u8]]) -> BinaryViewArray {
        BinaryViewArray::from_iter_values(values)
    }

    fn upper(source: &BinaryViewArray, rows: &Selection) -> Option<Vec<Vec<u8>>> {
        let changed = by_block(&Text::Rows(source), rows, Letters(b'a')).unwrap();
        changed.map(|changed| changed.iter().flatten().map(<[u8]>::to_vec).collect())
    }

    const LONG: &[u8] = b"some text that is not in the view";
    const OTHER: &[u8] = b"and {another} one, with `signs`";

    #[test]
    fn letters_alone_change() {
        for first in (0..=u8::MAX).step_by(16) {
            let bytes: [u8; 16] = std::array::from_fn(|i| first + i as u8);
            let changed = |letters: Letters| letters.changed(u128::from_le_bytes(bytes));
            let (upper, lower) = (
                bytes.map(|b| b.to_ascii_uppercase()),
                bytes.map(|b| b.to_ascii_lowercase()),
            );
            assert_eq!(changed(Letters(b'a')).to_le_bytes(), upper);
            assert_eq!(changed(Letters(b'A')).to_le_bytes(), lower);
            let mut found = bytes;
            Letters(b'A').change(&mut found);
            assert_eq!(found, lower);
        }
    }

    #[test]
    fn short_and_long_strings_of_a_block() {
        let values = [
            b"".as_slice(),
            b"short",
            LONG,
            b"twelve bytes",
            OTHER,
            b"thirteen byte",
        ];
        let expected: Vec<_> = values.iter().map(|v| v.to_ascii_uppercase()).collect();
        let source = strings(&values);
        assert_eq!(upper(&source, &Selection::all(6)), Some(expected.clone()));
        // What lies between does not matter.
        let spaced = [LONG, b"\xf0 not valid, not asked", OTHER];
        let between = taken(&strings(&spaced), &[0, 2]);
        let found = upper(&between, &Selection::all(2));
        assert_eq!(
            found.as_deref(),
            Some(&[expected[2].clone(), expected[4].clone()][..])
        );
        // Of a slice, whose strings do not begin where their buffer does.
        let found = upper(&source.slice(3, 2), &Selection::all(2));
        assert_eq!(found.as_deref(), Some(&expected[3..5]));
        assert_eq!(upper(&strings(&[]), &Selection::all(0)), Some(vec![]));
    }

    #[test]
    fn lengths_are_no_letters() {
        // 0x61 and 0x6161 bytes: the view begins with small letters.
        let values = [vec![b'x'; 0x61], vec![b'y'; 0x6161]];
        let found = upper(
            &BinaryViewArray::from_iter_values(values.iter()),
            &Selection::all(2),
        );
        assert_eq!(found, Some(vec![vec![b'X'; 0x61], vec![b'Y'; 0x6161]]));
    }

    #[test]
    fn other_strings_go_by_row() {
        let not_ascii = "stra\u{df}e, einmal rundherum".as_bytes();
        assert_eq!(
            upper(&strings(&[LONG, not_ascii]), &Selection::all(2)),
            None
        );
        assert_eq!(upper(&strings(&[LONG, b"\xff"]), &Selection::all(2)), None);
    }

    #[test]
    fn buffers_of_other_columns_go_by_row() {
        let values: Vec<Vec<u8>> = (0..100).map(|i| format!("{i:020}").into_bytes()).collect();
        let source = BinaryViewArray::from_iter_values(values.iter());
        let apart = taken(&source, &[0, 99]);
        assert_eq!(upper(&apart, &Selection::all(2)), None);
        let near = taken(&source, &[7, 6]);
        assert_eq!(
            upper(&near, &Selection::all(2)),
            Some(vec![values[7].clone(), values[6].clone()])
        );
    }

    /// Rows of a column, in its buffers.
    fn taken(source: &BinaryViewArray, rows: &[usize]) -> BinaryViewArray {
        let views: Vec<u128> = rows.iter().map(|&row| source.views()[row]).collect();
        let buffers = source.data_buffers().to_vec();
        BinaryViewArray::try_new(ScalarBuffer::from(views), buffers, None).unwrap()
    }
}
