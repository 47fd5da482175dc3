//! `count`: rows for which every argument is not NULL (Spark's `Count`). Bigint, never NULL.

use std::sync::Arc;

use arclight_columns::{Column, NullBuffer, Selection, SparkType};

use super::loops::{FEW, argument, each, few_counts};
use super::{AggregateEntry, AggregateRef};
use crate::aggregate::{AggregateFunction, AggregateState, Groups};
use crate::expression::EvalError;
use crate::kernel::input;

pub(super) const FUNCTIONS: &[AggregateEntry] = &[("count", |_| {
    let count: AggregateRef = Arc::new(Count);
    Ok(count)
})];

/// Counts; no argument or several are fine.
#[derive(Debug)]
struct Count;

impl AggregateFunction for Count {
    fn buffer_types(&self) -> Vec<SparkType> {
        vec![SparkType::Long]
    }
    fn data_type(&self) -> &SparkType {
        &SparkType::Long
    }
    fn create(&self, _grouped: bool) -> Box<dyn AggregateState> {
        Box::new(CountState(Counts::default()))
    }
}

/// How many rows each group has.
#[derive(Default)]
pub(super) struct Counts(pub(super) Vec<i64>);

impl Counts {
    /// Counts the rows that are not NULL.
    pub(super) fn update(
        &mut self,
        groups: Groups<'_>,
        validity: Option<&NullBuffer>,
        rows: &Selection,
    ) {
        let counts = &mut self.0[..];
        if groups.chained.is_none() && validity.is_none() && counts.len() <= FEW {
            let more = few_counts(groups.of_rows);
            counts.iter_mut().zip(more).for_each(|(c, m)| *c += m);
            return;
        }
        let begin = |counts: &mut [i64], group: usize| counts[group] = counts[group - 1];
        groups.each(rows, validity, counts, begin, |counts, group, _| {
            counts[group] += 1;
        });
    }

    /// Adds counts.
    pub(super) fn merge(
        &mut self,
        groups: &[u32],
        column: &Column,
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let values = input::<i64>(column)?;
        let counts = &mut self.0[..];
        each(groups, rows, None, |group, row| {
            counts[group] = counts[group].wrapping_add(values.get(row));
        });
        Ok(())
    }

    /// The counts of groups `from..to`.
    pub(super) fn column(&self, from: usize, to: usize) -> Column {
        Column::fixed(SparkType::Long, self.0[from..to].to_vec(), None)
    }
}

struct CountState(Counts);

impl AggregateState for CountState {
    fn resize(&mut self, count: usize) {
        self.0.0.resize(count, 0);
    }

    fn copy(&mut self, from: usize, to: usize) {
        self.0.0[to] = self.0.0[from];
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
        let validity = arguments.iter().fold(None, |all, column| {
            NullBuffer::union(all.as_ref(), column.logical_validity().as_ref())
        });
        self.0.update(groups, validity.as_ref(), rows);
        Ok(())
    }

    fn merge(
        &mut self,
        groups: &[u32],
        buffers: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        self.0.merge(groups, &argument(buffers, 0)?, rows)
    }

    fn buffers(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError> {
        Ok(vec![self.0.column(from, to)])
    }

    fn evaluate(&self, from: usize, to: usize) -> Result<Column, EvalError> {
        Ok(self.0.column(from, to))
    }

    fn memory_size(&self) -> usize {
        8 * self.0.0.capacity()
    }
}
