//! Sums of decimals as Spark keeps them, shared by `sum` and `avg`.

use arclight_columns::{Column, ColumnBuilder, FixedWidth, NullBuffer, Selection, SparkType};
use arrow_buffer::i256;

use super::loops::{FEW, Visit, each, few_sums, visit};
use crate::aggregate::Groups;
use crate::expression::EvalError;
use crate::kernel::Input;

/// `DecimalType.bounded`: at most 38 digits.
pub(super) fn bounded(precision: u32, scale: i32) -> SparkType {
    SparkType::decimal(precision.min(38) as u8, scale.min(38) as i8)
}

/// Unscaled sums per group.
///
/// With grouping keys Spark writes the sum back to an UnsafeRow after every row; a sum of more
/// digits than its type becomes NULL there and stays NULL. Without keys the sum is a variable of
/// unbounded digits and only what is written at the end must fit.
pub(super) struct DecimalTotals {
    data_type: SparkType,
    precision: u8,
    limit: i128,
    sums: Vec<i128>,
    /// Without keys only: multiples of 2^128 that the sums lost.
    carries: Option<Vec<i64>>,
    /// Sums that are NULL for good.
    overflowed: Vec<bool>,
    /// Additions that the declared precisions prove to fit.
    headroom: Option<u64>,
}

impl DecimalTotals {
    /// No groups yet; sums of type `data_type`.
    pub(super) fn new(data_type: SparkType, grouped: bool) -> Self {
        let precision = match data_type {
            SparkType::Decimal { precision, .. } => precision,
            _ => 38,
        };
        DecimalTotals {
            data_type,
            precision,
            limit: 10i128.pow(u32::from(precision)),
            sums: Vec::new(),
            carries: (!grouped).then(Vec::new),
            overflowed: Vec::new(),
            headroom: None,
        }
    }

    pub(super) fn resize(&mut self, count: usize) {
        self.sums.resize(count, 0);
        self.overflowed.resize(count, false);
        if let Some(carries) = &mut self.carries {
            carries.resize(count, 0);
        }
    }

    /// Makes the sum of group `to` what that of group `from` is.
    pub(super) fn copy(&mut self, from: usize, to: usize) {
        self.sums[to] = self.sums[from];
        self.overflowed[to] = self.overflowed[from];
        if let Some(carries) = &mut self.carries {
            carries[to] = carries[from];
        }
    }

    /// Whether the sums of as many rows more are proven to fit their type.
    fn is_proven(&mut self, column: &Column, rows: usize) -> bool {
        let input = match column.data_type() {
            SparkType::Decimal { precision, .. } => *precision,
            _ => 38,
        };
        let spare = u32::from(self.precision.saturating_sub(input)).min(18);
        let headroom = self.headroom.get_or_insert(10u64.pow(spare) - 1);
        let proven = *headroom >= rows as u64;
        *headroom = headroom.saturating_sub(rows as u64);
        proven
    }

    /// Adds input values; NULLs are passed over.
    pub(super) fn update(
        &mut self,
        groups: Groups<'_>,
        column: &Column,
        validity: Option<&NullBuffer>,
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let proven = self.is_proven(column, rows.count());
        visit(
            column,
            Update {
                totals: self,
                groups,
                validity,
                rows,
                proven,
            },
        )?
    }

    /// Adds partial sums; a NULL makes the group's sum NULL, unless `skip` says that it is the
    /// sum of no rows.
    pub(super) fn merge(
        &mut self,
        groups: &[u32],
        column: &Column,
        skip: impl Fn(usize) -> bool,
        rows: &Selection,
    ) -> Result<(), EvalError> {
        self.headroom = Some(0);
        let validity = column.logical_validity();
        if let Some(validity) = &validity {
            let overflowed = &mut self.overflowed[..];
            each(groups, rows, None, |group, row| {
                if validity.is_null(row) && !skip(row) {
                    overflowed[group] = true;
                }
            });
        }
        visit(
            column,
            Update {
                totals: self,
                groups: Groups::apart(groups),
                validity: validity.as_ref(),
                rows,
                proven: false,
            },
        )?
    }

    #[inline]
    fn add(&mut self, group: usize, value: i128) {
        if let Some(carries) = &mut self.carries {
            let (sum, lost) = self.sums[group].overflowing_add(value);
            self.sums[group] = sum;
            if lost {
                carries[group] += if value < 0 { -1 } else { 1 };
            }
            return;
        }
        match self.sums[group].checked_add(value) {
            Some(sum) if sum.unsigned_abs() < self.limit.unsigned_abs() => self.sums[group] = sum,
            _ => self.overflowed[group] = true,
        }
    }

    /// The sum of a group, or `None` if it does not fit its type.
    pub(super) fn get(&self, group: usize) -> Option<i128> {
        let sum = self.sums[group];
        let lost = self.carries.as_ref().is_some_and(|c| c[group] != 0);
        let fits = !lost && sum.unsigned_abs() < self.limit.unsigned_abs();
        (fits && !self.overflowed[group]).then_some(sum)
    }

    /// The sums of groups `from..to`, NULL where they do not fit.
    pub(super) fn column(&self, from: usize, to: usize) -> Column {
        decimals(&self.data_type, (from..to).map(|group| self.get(group)))
    }

    /// Whether a group's sum has more digits than its type, and is not NULL for that.
    pub(super) fn is_unbounded(&self, group: usize) -> bool {
        self.carries.is_some() && !self.overflowed[group] && self.get(group).is_none()
    }

    /// The sums of groups `from..to` as text, however many digits they have.
    pub(super) fn texts(&self, from: usize, to: usize) -> Column {
        let scale = match self.data_type {
            SparkType::Decimal { scale, .. } => scale,
            _ => 0,
        };
        let mut texts = ColumnBuilder::new(SparkType::String, to - from);
        for group in from..to {
            if self.overflowed[group] {
                texts.push_null();
                continue;
            }
            let carry = self.carries.as_ref().map_or(0, |c| c[group]);
            let lost = i256::from_parts(0, i128::from(carry));
            let sum = i256::from_i128(self.sums[group]).wrapping_add(lost);
            texts.push_bytes(format!("{sum}E{}", -scale).as_bytes());
        }
        texts.finish()
    }

    pub(super) fn memory_size(&self) -> usize {
        17 * self.sums.capacity() + self.carries.as_ref().map_or(0, |c| 8 * c.capacity())
    }
}

/// A column of decimals in the usual layout of their type.
pub(super) fn decimals(
    data_type: &SparkType,
    values: impl ExactSizeIterator<Item = Option<i128>>,
) -> Column {
    let len = values.len();
    let mut valid = vec![true; len];
    let mut unscaled = Vec::with_capacity(len);
    for (i, value) in values.enumerate() {
        valid[i] = value.is_some();
        unscaled.push(value.unwrap_or(0));
    }
    let validity = super::loops::validity(&valid);
    if data_type.physical() == i64::PHYSICAL {
        let narrow = unscaled.iter().map(|&v| v as i64).collect();
        return Column::fixed::<i64>(data_type.clone(), narrow, validity);
    }
    Column::fixed(data_type.clone(), unscaled, validity)
}

struct Update<'a> {
    totals: &'a mut DecimalTotals,
    groups: Groups<'a>,
    validity: Option<&'a NullBuffer>,
    rows: &'a Selection,
    proven: bool,
}

impl Update<'_> {
    fn run(self, value: impl Fn(usize) -> i128) {
        let (totals, groups, proven) = (self.totals, self.groups, self.proven);
        if proven && groups.chained.is_none() {
            // The sums alone, without a look at where they are for each row.
            let sums = &mut totals.sums[..];
            each(groups.of_rows, self.rows, self.validity, |group, row| {
                sums[group] = sums[group].wrapping_add(value(row));
            });
            return;
        }
        let begin = |totals: &mut DecimalTotals, group: usize| totals.copy(group - 1, group);
        groups.each(
            self.rows,
            self.validity,
            totals,
            begin,
            |totals, group, row| match proven {
                true => totals.sums[group] = totals.sums[group].wrapping_add(value(row)),
                false => totals.add(group, value(row)),
            },
        );
    }
}

impl Visit for Update<'_> {
    type Output = Result<(), EvalError>;

    fn integers<T: FixedWidth + Into<i64>>(self, values: Input<'_, T>) -> Self::Output {
        if let Input::Slice(slice) = values
            && self.proven
            && self.groups.chained.is_none()
            && self.validity.is_none()
            && self.totals.sums.len() <= FEW
        {
            let largest = slice
                .iter()
                .fold(0u64, |m, &v| m.max(Into::<i64>::into(v).unsigned_abs()));
            let bound = u128::from(largest) * self.rows.count() as u128;
            if bound <= i64::MAX as u128 {
                let sums = few_sums(slice, self.groups.of_rows, self.rows, Into::<i64>::into);
                for (sum, more) in self.totals.sums.iter_mut().zip(sums) {
                    *sum += i128::from(more);
                }
                return Ok(());
            }
        }
        self.run(|row| i128::from(Into::<i64>::into(values.get(row))));
        Ok(())
    }

    fn wide(self, values: Input<'_, i128>) -> Self::Output {
        self.run(|row| values.get(row));
        Ok(())
    }

    fn floats<T: FixedWidth + Into<f64>>(self, _values: Input<'_, T>) -> Self::Output {
        Err(EvalError::Internal("floats in a decimal sum".to_string()))
    }
}
