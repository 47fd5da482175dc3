//! Comparison of byte strings over their views.

use arclight_columns::{BinaryViewArray, Column, Selection};

use super::Comparison;
use crate::expression::EvalError;
use crate::kernel::{compare_slice, map_bits, union_validity};

/// One side of a comparison.
enum Side<'a> {
    Rows(&'a BinaryViewArray),
    Constant(&'a BinaryViewArray),
}

impl<'a> Side<'a> {
    fn of(column: &'a Column) -> Result<Self, EvalError> {
        let side = match column.as_constant() {
            Some(value) => value.as_bytes().map(Side::Constant),
            None => column.as_bytes().map(Side::Rows),
        };
        side.ok_or_else(|| {
            EvalError::Internal(format!(
                "expected byte strings, got a column of {}",
                column.data_type()
            ))
        })
    }

    #[inline(always)]
    fn at(&self, row: usize) -> (&'a BinaryViewArray, usize) {
        match self {
            Side::Rows(bytes) => (bytes, row),
            Side::Constant(bytes) => (bytes, 0),
        }
    }
}

/// Compares flat columns or constants of byte strings, as unsigned bytes.
pub(super) fn compare(
    comparison: Comparison,
    left: &Column,
    right: &Column,
    rows: &Selection,
) -> Result<Column, EvalError> {
    let validity = union_validity(left, right);
    let (l, r) = (Side::of(left)?, Side::of(right)?);
    let len = rows.len();
    let bits = match (comparison, &l, &r) {
        (Comparison::Equal, Side::Rows(bytes), Side::Constant(value))
        | (Comparison::Equal, Side::Constant(value), Side::Rows(bytes)) => {
            equal_constant(bytes, value, rows)
        }
        (Comparison::Equal, ..) => map_bits(len, rows, |row| {
            let ((l, i), (r, j)) = (l.at(row), r.at(row));
            equal(l, i, r, j)
        }),
        (Comparison::Less, ..) => map_bits(len, rows, |row| {
            let ((l, i), (r, j)) = (l.at(row), r.at(row));
            l.value(i) < r.value(j)
        }),
        (Comparison::LessOrEqual, ..) => map_bits(len, rows, |row| {
            let ((l, i), (r, j)) = (l.at(row), r.at(row));
            l.value(i) <= r.value(j)
        }),
    };
    Ok(Column::boolean(bits, validity))
}

/// Bytes of a string that live in its view.
const INLINE: u32 = 12;

/// A view's low half: length and first four bytes.
#[inline(always)]
fn head(view: u128) -> u64 {
    view as u64
}

#[inline(always)]
fn equal(left: &BinaryViewArray, i: usize, right: &BinaryViewArray, j: usize) -> bool {
    let (l, r) = (left.views()[i], right.views()[j]);
    if head(l) != head(r) {
        return false;
    }
    // Inline strings are padded with zeros, so that equal strings have equal views.
    if l as u32 <= INLINE {
        return l == r;
    }
    left.value(i) == right.value(j)
}

fn equal_constant(
    bytes: &BinaryViewArray,
    value: &BinaryViewArray,
    rows: &Selection,
) -> arclight_columns::BooleanBuffer {
    let wanted = value.views()[0];
    let views = &bytes.views()[..];
    if wanted as u32 <= INLINE {
        return compare_slice(views, rows, |view| view == wanted);
    }
    let text = value.value(0);
    map_bits(views.len(), rows, |row| {
        head(views[row]) == head(wanted) && bytes.value(row) == text
    })
}
