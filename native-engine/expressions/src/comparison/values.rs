//! Comparison of single values of any type, nested ones included.

use std::cmp::Ordering;

use arclight_columns::{Column, Selection, Values};

use super::Comparison;
use crate::expression::EvalError;
use crate::kernel::{map_bits, union_validity};

/// Spark's order of two values that are not NULL, of one type and any layouts
/// (`TypeUtils.getInterpretedOrdering`, the generated comparisons): bytes unsigned, NaN largest
/// and equal to itself, zeros equal; structs and arrays by fields and elements, NULL first, a
/// shorter array before its extensions.
pub fn compare_values(left: &Column, i: usize, right: &Column, j: usize) -> Ordering {
    let ((left, i), (right, j)) = (left.locate(i), right.locate(j));
    let (Some(left), Some(right)) = (left.as_flat(), right.as_flat()) else {
        return Ordering::Equal;
    };
    match (left, right) {
        (Values::Boolean(l), Values::Boolean(r)) => l.value(i).cmp(&r.value(j)),
        (Values::Int8(l), Values::Int8(r)) => l[i].cmp(&r[j]),
        (Values::Int16(l), Values::Int16(r)) => l[i].cmp(&r[j]),
        (Values::Int32(l), Values::Int32(r)) => l[i].cmp(&r[j]),
        (Values::Int64(l), Values::Int64(r)) => l[i].cmp(&r[j]),
        (Values::Int128(l), Values::Int128(r)) => l[i].cmp(&r[j]),
        (Values::Int64(l), Values::Int128(r)) => i128::from(l[i]).cmp(&r[j]),
        (Values::Int128(l), Values::Int64(r)) => l[i].cmp(&i128::from(r[j])),
        (Values::Float32(l), Values::Float32(r)) => float(l[i].into(), r[j].into()),
        (Values::Float64(l), Values::Float64(r)) => float(l[i], r[j]),
        (Values::Bytes(l), Values::Bytes(r)) => l.value(i).cmp(r.value(j)),
        (Values::Struct(l), Values::Struct(r)) => l
            .iter()
            .zip(r)
            .map(|(l, r)| nulls_first(l, i, r, j))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal),
        (
            Values::List {
                offsets: l,
                elements: left,
            },
            Values::List {
                offsets: r,
                elements: right,
            },
        ) => {
            let range =
                |offsets: &[i32], row: usize| offsets[row] as usize..offsets[row + 1] as usize;
            let (l, r) = (range(l, i), range(r, j));
            let lengths = l.len().cmp(&r.len());
            l.zip(r)
                .map(|(i, j)| nulls_first(left, i, right, j))
                .find(|order| order.is_ne())
                .unwrap_or(lengths)
        }
        _ => Ordering::Equal,
    }
}

/// [`compare_values`] of values that may be NULL, which come first.
fn nulls_first(left: &Column, i: usize, right: &Column, j: usize) -> Ordering {
    match (left.is_null(i), right.is_null(j)) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => compare_values(left, i, right, j),
    }
}

fn float(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right)
        .unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

/// Compares row by row.
pub(super) fn compare(
    comparison: Comparison,
    left: &Column,
    right: &Column,
    rows: &Selection,
) -> Result<Column, EvalError> {
    let validity = union_validity(left, right);
    let bits = map_bits(rows.len(), rows, |row| {
        if validity.as_ref().is_some_and(|v| v.is_null(row)) {
            return false;
        }
        let order = compare_values(left, row, right, row);
        match comparison {
            Comparison::Equal => order.is_eq(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
        }
    });
    Ok(Column::boolean(bits, validity))
}
