//! The loops that aggregate states are updated by.

use arclight_columns::{Column, FixedWidth, NullBuffer, Physical, Selection, Values};

use crate::aggregate::Groups;
use crate::expression::EvalError;
use crate::kernel::{Input, flat_or_constant, input, wrong_width};

/// Up to this many groups a batch is summed in several independent lanes: with few groups the
/// same accumulator is hit row after row, and each addition would wait for the last one's store.
pub(super) const FEW: usize = 16;
const LANES: usize = 4;

/// Calls `f(group, row)` for each active row that is not NULL.
#[inline]
pub(super) fn each(
    groups: &[u32],
    rows: &Selection,
    validity: Option<&NullBuffer>,
    mut f: impl FnMut(usize, usize),
) {
    match (rows.rows(), validity) {
        (None, None) => {
            for (row, &group) in groups.iter().enumerate() {
                f(group as usize, row);
            }
        }
        (Some(active), None) => {
            for (&row, &group) in active.iter().zip(groups) {
                f(group as usize, row as usize);
            }
        }
        (None, Some(valid)) => {
            for row in valid.valid_indices() {
                f(groups[row] as usize, row);
            }
        }
        (Some(active), Some(valid)) => {
            for (&row, &group) in active.iter().zip(groups) {
                if valid.is_valid(row as usize) {
                    f(group as usize, row as usize);
                }
            }
        }
    }
}

/// Calls `f(group, row)` for each active row that is not NULL, until it gives `false`: then that
/// row fails.
#[inline]
pub(super) fn try_each(
    groups: &[u32],
    rows: &Selection,
    validity: Option<&NullBuffer>,
    mut f: impl FnMut(usize, usize) -> bool,
) -> Result<(), EvalError> {
    let mut groups = groups.iter();
    rows.try_for_each(|row| {
        let group = groups.next().copied().unwrap_or(0) as usize;
        if validity.is_some_and(|v| v.is_null(row)) || f(group, row) {
            Ok(())
        } else {
            Err(EvalError::Failed { row })
        }
    })
}

/// Calls `begin(state, group)` for each of the ascending groups in `chained` before its first row:
/// it begins as the group before. Calls `add(state, group, row)` for each active row that is not
/// NULL, until it gives `false`: then that row fails.
#[inline]
pub(super) fn try_each_chained<S: ?Sized>(
    (groups, chained): (&[u32], &[bool]),
    rows: &Selection,
    validity: Option<&NullBuffer>,
    state: &mut S,
    begin: impl Fn(&mut S, usize),
    add: impl Fn(&mut S, usize, usize) -> bool,
) -> Result<(), EvalError> {
    let mut last = usize::MAX;
    let mut groups = groups.iter();
    rows.try_for_each(|row| {
        let group = groups.next().copied().unwrap_or(0) as usize;
        if group != last && group > 0 && chained.get(group).is_some_and(|&c| c) {
            begin(state, group);
        }
        last = group;
        if validity.is_some_and(|v| v.is_null(row)) || add(state, group, row) {
            Ok(())
        } else {
            Err(EvalError::Failed { row })
        }
    })
}

impl Groups<'_> {
    /// [`each`], or [`try_each_chained`] where nothing fails.
    #[inline]
    pub(super) fn each<S: ?Sized>(
        self,
        rows: &Selection,
        validity: Option<&NullBuffer>,
        state: &mut S,
        begin: impl Fn(&mut S, usize),
        add: impl Fn(&mut S, usize, usize),
    ) {
        let Some(chained) = self.chained else {
            return each(self.of_rows, rows, validity, |group, row| {
                add(state, group, row);
            });
        };
        let groups = (self.of_rows, chained);
        // It can't fail.
        let _ = try_each_chained(groups, rows, validity, state, begin, |state, group, row| {
            add(state, group, row);
            true
        });
    }
}

/// Sums per group of integers, wrapping, for at most [`FEW`] groups and columns without NULLs.
pub(super) fn few_sums<T: Copy>(
    values: &[T],
    groups: &[u32],
    rows: &Selection,
    to_long: impl Fn(T) -> i64,
) -> [i64; FEW] {
    let mut lanes = [[0i64; FEW]; LANES];
    let mut add = |lane: usize, group: u32, value: T| {
        let slot = &mut lanes[lane][group as usize % FEW];
        *slot = slot.wrapping_add(to_long(value));
    };
    match rows.rows() {
        None => {
            for (i, (&value, &group)) in values.iter().zip(groups).enumerate() {
                add(i % LANES, group, value);
            }
        }
        Some(active) => {
            for (i, (&row, &group)) in active.iter().zip(groups).enumerate() {
                add(i % LANES, group, values[row as usize]);
            }
        }
    }
    let mut sums = [0i64; FEW];
    for (group, sum) in sums.iter_mut().enumerate() {
        *sum = lanes
            .iter()
            .fold(0, |total, lane| lane[group].wrapping_add(total));
    }
    sums
}

/// Rows per group, for at most [`FEW`] groups.
pub(super) fn few_counts(groups: &[u32]) -> [i64; FEW] {
    let mut lanes = [[0i64; FEW]; LANES];
    for (i, &group) in groups.iter().enumerate() {
        lanes[i % LANES][group as usize % FEW] += 1;
    }
    let mut counts = [0i64; FEW];
    for (group, count) in counts.iter_mut().enumerate() {
        *count = lanes.iter().map(|lane| lane[group]).sum();
    }
    counts
}

/// Calls a macro body with the column's fixed-width values; see [`with_values`].
pub(super) trait Visit {
    /// What the visit gives.
    type Output;
    /// Visits integers, whose values all fit 64 bits.
    fn integers<T: FixedWidth + Into<i64>>(self, values: Input<'_, T>) -> Self::Output;
    /// Visits 128-bit integers.
    fn wide(self, values: Input<'_, i128>) -> Self::Output;
    /// Visits floats.
    fn floats<T: FixedWidth + Into<f64>>(self, values: Input<'_, T>) -> Self::Output;
}

/// Visits a flat or constant column of numbers at its physical width.
pub(super) fn visit<V: Visit>(column: &Column, visitor: V) -> Result<V::Output, EvalError> {
    let base = column.as_constant().unwrap_or(column);
    Ok(match base.as_flat() {
        Some(Values::Int8(_)) => visitor.integers(input::<i8>(column)?),
        Some(Values::Int16(_)) => visitor.integers(input::<i16>(column)?),
        Some(Values::Int32(_)) => visitor.integers(input::<i32>(column)?),
        Some(Values::Int64(_)) => visitor.integers(input::<i64>(column)?),
        Some(Values::Int128(_)) => visitor.wide(input::<i128>(column)?),
        Some(Values::Float32(_)) => visitor.floats(input::<f32>(column)?),
        Some(Values::Float64(_)) => visitor.floats(input::<f64>(column)?),
        _ => return Err(wrong_width(column, Physical::Int64)),
    })
}

/// Argument `index`, flat or constant.
pub(super) fn argument(columns: &[Column], index: usize) -> Result<Column, EvalError> {
    columns
        .get(index)
        .map(flat_or_constant)
        .ok_or_else(|| EvalError::Internal(format!("no argument {index}")))
}

/// A validity from flags; `None` if all are set.
pub(super) fn validity(flags: &[bool]) -> Option<NullBuffer> {
    (!flags.iter().all(|&f| f)).then(|| NullBuffer::from(flags))
}
