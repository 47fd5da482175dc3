//! `sum` (Spark's `Sum`).
//!
//! Integers sum to bigint: ANSI raises on overflow (also of an intermediate sum), legacy wraps,
//! `try_sum` gives NULL. Floats sum to double in row order. Decimals sum to
//! `decimal(p + 10, s)`; overflow is NULL, or raises at the end in ANSI mode. No value: NULL.

use std::sync::Arc;

use arclight_columns::{BooleanBuffer, Column, FixedWidth, NullBuffer, Selection, SparkType};

use super::decimal::{DecimalTotals, decimals};
use super::loops::{
    FEW, Visit, argument, each, few_counts, few_sums, try_each, try_each_chained, validity, visit,
};
use super::{AggregateCall, AggregateEntry, AggregateRef};
use crate::aggregate::{AggregateFunction, AggregateState, Groups};
use crate::expression::EvalError;
use crate::kernel::{Input, input};
use crate::registry::{BuildError, EvalMode};

pub(super) const FUNCTIONS: &[AggregateEntry] = &[("sum", build)];

fn build(call: &AggregateCall) -> Result<AggregateRef, BuildError> {
    Ok(match call.output {
        SparkType::Long => Arc::new(LongSum { mode: call.mode }),
        SparkType::Double => Arc::new(DoubleSum),
        SparkType::Decimal { .. } => Arc::new(DecimalSum {
            data_type: call.output.clone(),
            mode: call.mode,
        }),
        _ => return Err(call.unsupported()),
    })
}

/// Marks the groups that occur among the rows that are not NULL.
fn mark(seen: &mut [bool], groups: Groups<'_>, rows: &Selection, valid: Option<&NullBuffer>) {
    if groups.chained.is_none() && valid.is_none() && seen.len() <= FEW {
        for (seen, count) in seen.iter_mut().zip(few_counts(groups.of_rows)) {
            *seen |= count > 0;
        }
        return;
    }
    let begin = |seen: &mut [bool], group: usize| seen[group] = seen[group - 1];
    groups.each(rows, valid, seen, begin, |seen, group, _| {
        seen[group] = true
    });
}

fn is_empty_column(seen: &[bool]) -> Column {
    Column::boolean(BooleanBuffer::collect_bool(seen.len(), |i| !seen[i]), None)
}

fn is_empty_at(column: &Column) -> impl Fn(usize) -> bool + '_ {
    move |row| !column.is_null(row) && column.boolean_value(row).unwrap_or(false)
}

#[derive(Debug)]
struct LongSum {
    mode: EvalMode,
}

impl AggregateFunction for LongSum {
    fn buffer_types(&self) -> Vec<SparkType> {
        match self.mode {
            EvalMode::Try => vec![SparkType::Long, SparkType::Boolean],
            _ => vec![SparkType::Long],
        }
    }
    fn data_type(&self) -> &SparkType {
        &SparkType::Long
    }
    fn create(&self, _grouped: bool) -> Box<dyn AggregateState> {
        Box::new(LongSumState {
            mode: self.mode,
            sums: Vec::new(),
            seen: Vec::new(),
            overflowed: Vec::new(),
        })
    }
}

struct LongSumState {
    mode: EvalMode,
    sums: Vec<i64>,
    seen: Vec<bool>,
    /// `try_sum` only: NULL for good.
    overflowed: Vec<bool>,
}

struct LongUpdate<'a> {
    state: &'a mut LongSumState,
    groups: Groups<'a>,
    valid: Option<&'a NullBuffer>,
    rows: &'a Selection,
}

impl Visit for LongUpdate<'_> {
    type Output = Result<(), EvalError>;

    fn integers<T: FixedWidth + Into<i64>>(self, values: Input<'_, T>) -> Self::Output {
        let (rows, valid, state) = (self.rows, self.valid, self.state);
        let groups = self.groups.of_rows;
        if let Some(chained) = self.groups.chained {
            let mode = state.mode;
            let begin = |state: &mut LongSumState, group: usize| state.copy(group - 1, group);
            let groups = (groups, chained);
            return try_each_chained(groups, rows, valid, state, begin, |state, group, row| {
                let (sum, lost) = state.sums[group].overflowing_add(values.get(row).into());
                match mode {
                    EvalMode::Ansi if lost => return false,
                    EvalMode::Try if lost => state.overflowed[group] = true,
                    _ => state.sums[group] = sum,
                }
                state.seen[group] = true;
                true
            });
        }
        if let Input::Slice(slice) = values
            && valid.is_none()
            && state.sums.len() <= FEW
        {
            let largest = |m: u64, v: i64| m.max(v.unsigned_abs());
            let value = slice.iter().fold(0, |m, &v| largest(m, v.into()));
            let sum = state.sums.iter().fold(0, |m, &v| largest(m, v));
            // No order of additions can overflow, intermediate sums included.
            let bound = u128::from(value) * rows.count() as u128 + u128::from(sum);
            if bound <= i64::MAX as u128 {
                let sums = few_sums(slice, groups, rows, Into::<i64>::into);
                for (sum, more) in state.sums.iter_mut().zip(sums) {
                    *sum += more;
                }
                mark(&mut state.seen, self.groups, rows, None);
                return Ok(());
            }
        }
        let (sums, seen) = (&mut state.sums[..], &mut state.seen[..]);
        match state.mode {
            EvalMode::Legacy => each(groups, rows, valid, |group, row| {
                sums[group] = sums[group].wrapping_add(values.get(row).into());
                seen[group] = true;
            }),
            EvalMode::Ansi => try_each(groups, rows, valid, |group, row| {
                let Some(sum) = sums[group].checked_add(values.get(row).into()) else {
                    return false;
                };
                sums[group] = sum;
                seen[group] = true;
                true
            })?,
            EvalMode::Try => {
                let overflowed = &mut state.overflowed[..];
                each(groups, rows, valid, |group, row| {
                    seen[group] = true;
                    match sums[group].checked_add(values.get(row).into()) {
                        Some(sum) => sums[group] = sum,
                        None => overflowed[group] = true,
                    }
                });
            }
        }
        Ok(())
    }

    fn wide(self, _values: Input<'_, i128>) -> Self::Output {
        Err(EvalError::Internal("decimals in a bigint sum".to_string()))
    }

    fn floats<T: FixedWidth + Into<f64>>(self, _values: Input<'_, T>) -> Self::Output {
        Err(EvalError::Internal("floats in a bigint sum".to_string()))
    }
}

impl AggregateState for LongSumState {
    fn resize(&mut self, count: usize) {
        self.sums.resize(count, 0);
        self.seen.resize(count, false);
        if self.mode == EvalMode::Try {
            self.overflowed.resize(count, false);
        }
    }

    fn copy(&mut self, from: usize, to: usize) {
        self.sums[to] = self.sums[from];
        self.seen[to] = self.seen[from];
        if self.mode == EvalMode::Try {
            self.overflowed[to] = self.overflowed[from];
        }
    }

    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        self.take_in(Groups::apart(groups), arguments, rows)
    }

    fn take_in(
        &mut self,
        groups: Groups<'_>,
        arguments: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let column = argument(arguments, 0)?;
        let valid = column.logical_validity();
        visit(
            &column,
            LongUpdate {
                state: self,
                groups,
                valid: valid.as_ref(),
                rows,
            },
        )?
    }

    fn merge(
        &mut self,
        groups: &[u32],
        buffers: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        if self.mode != EvalMode::Try {
            return self.update(groups, buffers, rows);
        }
        let (sums, empty) = (argument(buffers, 0)?, argument(buffers, 1)?);
        let is_empty = is_empty_at(&empty);
        let values = input::<i64>(&sums)?;
        let state = self;
        each(groups, rows, None, |group, row| {
            if is_empty(row) {
                return;
            }
            state.seen[group] = true;
            if sums.is_null(row) {
                state.overflowed[group] = true;
                return;
            }
            match state.sums[group].checked_add(values.get(row)) {
                Some(sum) => state.sums[group] = sum,
                None => state.overflowed[group] = true,
            }
        });
        Ok(())
    }

    fn buffers(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError> {
        if self.mode != EvalMode::Try {
            return Ok(vec![self.evaluate(from, to)?]);
        }
        let valid: Vec<bool> = self.overflowed[from..to].iter().map(|&o| !o).collect();
        let sums = self.sums[from..to].to_vec();
        Ok(vec![
            Column::fixed(SparkType::Long, sums, validity(&valid)),
            is_empty_column(&self.seen[from..to]),
        ])
    }

    fn evaluate(&self, from: usize, to: usize) -> Result<Column, EvalError> {
        let mut valid = self.seen[from..to].to_vec();
        if self.mode == EvalMode::Try {
            let overflowed = &self.overflowed[from..to];
            valid.iter_mut().zip(overflowed).for_each(|(v, o)| *v &= !o);
        }
        let sums = self.sums[from..to].to_vec();
        Ok(Column::fixed(SparkType::Long, sums, validity(&valid)))
    }

    fn memory_size(&self) -> usize {
        10 * self.sums.capacity()
    }
}

#[derive(Debug)]
struct DoubleSum;

impl AggregateFunction for DoubleSum {
    fn buffer_types(&self) -> Vec<SparkType> {
        vec![SparkType::Double]
    }
    fn data_type(&self) -> &SparkType {
        &SparkType::Double
    }
    fn create(&self, _grouped: bool) -> Box<dyn AggregateState> {
        Box::new(DoubleSumState {
            sums: Vec::new(),
            seen: Vec::new(),
        })
    }
}

struct DoubleSumState {
    sums: Vec<f64>,
    seen: Vec<bool>,
}

/// Adds a column's values, as doubles, in row order.
pub(super) struct DoubleUpdate<'a> {
    pub(super) sums: &'a mut [f64],
    pub(super) groups: Groups<'a>,
    pub(super) valid: Option<&'a NullBuffer>,
    pub(super) rows: &'a Selection,
}

impl DoubleUpdate<'_> {
    fn run(self, value: impl Fn(usize) -> f64) {
        let begin = |sums: &mut [f64], group: usize| sums[group] = sums[group - 1];
        let (rows, valid) = (self.rows, self.valid);
        self.groups
            .each(rows, valid, self.sums, begin, |sums, group, row| {
                sums[group] += value(row);
            });
    }
}

impl Visit for DoubleUpdate<'_> {
    type Output = ();
    fn integers<T: FixedWidth + Into<i64>>(self, values: Input<'_, T>) {
        self.run(|row| Into::<i64>::into(values.get(row)) as f64);
    }
    fn wide(self, values: Input<'_, i128>) {
        self.run(|row| values.get(row) as f64);
    }
    fn floats<T: FixedWidth + Into<f64>>(self, values: Input<'_, T>) {
        self.run(|row| values.get(row).into());
    }
}

impl AggregateState for DoubleSumState {
    fn resize(&mut self, count: usize) {
        self.sums.resize(count, 0.0);
        self.seen.resize(count, false);
    }

    fn copy(&mut self, from: usize, to: usize) {
        self.sums[to] = self.sums[from];
        self.seen[to] = self.seen[from];
    }

    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        self.take_in(Groups::apart(groups), arguments, rows)
    }

    fn take_in(
        &mut self,
        groups: Groups<'_>,
        arguments: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let column = argument(arguments, 0)?;
        let valid = column.logical_validity();
        mark(&mut self.seen, groups, rows, valid.as_ref());
        visit(
            &column,
            DoubleUpdate {
                sums: &mut self.sums,
                groups,
                valid: valid.as_ref(),
                rows,
            },
        )
    }

    fn merge(
        &mut self,
        groups: &[u32],
        buffers: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        self.update(groups, buffers, rows)
    }

    fn buffers(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError> {
        Ok(vec![self.evaluate(from, to)?])
    }

    fn evaluate(&self, from: usize, to: usize) -> Result<Column, EvalError> {
        let sums = self.sums[from..to].to_vec();
        let valid = validity(&self.seen[from..to]);
        Ok(Column::fixed(SparkType::Double, sums, valid))
    }

    fn memory_size(&self) -> usize {
        9 * self.sums.capacity()
    }
}

#[derive(Debug)]
struct DecimalSum {
    data_type: SparkType,
    mode: EvalMode,
}

impl AggregateFunction for DecimalSum {
    fn buffer_types(&self) -> Vec<SparkType> {
        vec![self.data_type.clone(), SparkType::Boolean]
    }
    fn data_type(&self) -> &SparkType {
        &self.data_type
    }
    fn create(&self, grouped: bool) -> Box<dyn AggregateState> {
        Box::new(DecimalSumState {
            data_type: self.data_type.clone(),
            mode: self.mode,
            totals: DecimalTotals::new(self.data_type.clone(), grouped),
            seen: Vec::new(),
        })
    }
}

struct DecimalSumState {
    data_type: SparkType,
    mode: EvalMode,
    totals: DecimalTotals,
    seen: Vec<bool>,
}

impl AggregateState for DecimalSumState {
    fn resize(&mut self, count: usize) {
        self.totals.resize(count);
        self.seen.resize(count, false);
    }

    fn copy(&mut self, from: usize, to: usize) {
        self.totals.copy(from, to);
        self.seen[to] = self.seen[from];
    }

    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        self.take_in(Groups::apart(groups), arguments, rows)
    }

    fn take_in(
        &mut self,
        groups: Groups<'_>,
        arguments: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let column = argument(arguments, 0)?;
        let valid = column.logical_validity();
        mark(&mut self.seen, groups, rows, valid.as_ref());
        self.totals.update(groups, &column, valid.as_ref(), rows)
    }

    fn merge(
        &mut self,
        groups: &[u32],
        buffers: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let (sums, empty) = (argument(buffers, 0)?, argument(buffers, 1)?);
        let is_empty = is_empty_at(&empty);
        let seen = &mut self.seen[..];
        each(groups, rows, None, |group, row| {
            seen[group] |= !is_empty(row)
        });
        self.totals.merge(groups, &sums, is_empty, rows)
    }

    fn buffers(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError> {
        Ok(vec![
            self.totals.column(from, to),
            is_empty_column(&self.seen[from..to]),
        ])
    }

    fn evaluation_inputs(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError> {
        Ok(vec![
            self.totals.texts(from, to),
            is_empty_column(&self.seen[from..to]),
        ])
    }

    fn evaluate(&self, from: usize, to: usize) -> Result<Column, EvalError> {
        if self.mode == EvalMode::Ansi {
            let failing = (from..to).find(|&g| self.seen[g] && self.totals.get(g).is_none());
            if let Some(group) = failing {
                return Err(EvalError::Failed { row: group - from });
            }
        }
        let result = |g: usize| self.totals.get(g).filter(|_| self.seen[g]);
        Ok(decimals(&self.data_type, (from..to).map(result)))
    }

    fn memory_size(&self) -> usize {
        self.totals.memory_size() + self.seen.capacity()
    }
}
