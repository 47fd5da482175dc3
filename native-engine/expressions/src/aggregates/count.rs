//! `count`: rows for which every argument is not NULL (Spark's `Count`). Bigint, never NULL.

use std::sync::Arc;

use arclight_columns::{Column, NullBuffer, Selection, SparkType};

use super::loops::{FEW, argument, each, each_chained, few_counts};
use super::{AggregateEntry, AggregateRef};
use crate::aggregate::{AggregateFunction, AggregateState};
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
        Box::new(CountState { counts: Vec::new() })
    }
}

struct CountState {
    counts: Vec<i64>,
}

/// The rows that count.
fn validity(arguments: &[Column]) -> Option<NullBuffer> {
    arguments.iter().fold(None, |all, column| {
        NullBuffer::union(all.as_ref(), column.logical_validity().as_ref())
    })
}

impl AggregateState for CountState {
    fn resize(&mut self, count: usize) {
        self.counts.resize(count, 0);
    }

    fn copy(&mut self, from: usize, to: usize) {
        self.counts[to] = self.counts[from];
    }

    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let validity = validity(arguments);
        let counts = &mut self.counts[..];
        if validity.is_none() && counts.len() <= FEW {
            for (count, more) in counts.iter_mut().zip(few_counts(groups)) {
                *count += more;
            }
            return Ok(());
        }
        each(groups, rows, validity.as_ref(), |group, _| {
            counts[group] += 1
        });
        Ok(())
    }

    fn update_chain(
        &mut self,
        groups: &[u32],
        chained: &[bool],
        arguments: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let validity = validity(arguments);
        let counts = &mut self.counts[..];
        each_chained(
            groups,
            chained,
            rows,
            validity.as_ref(),
            |group, begins, row| {
                if begins {
                    counts[group] = counts[group - 1];
                }
                counts[group] += i64::from(row.is_some());
            },
        );
        Ok(())
    }

    fn merge(
        &mut self,
        groups: &[u32],
        buffers: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let column = argument(buffers, 0)?;
        let values = input::<i64>(&column)?;
        let counts = &mut self.counts[..];
        each(groups, rows, None, |group, row| {
            counts[group] = counts[group].wrapping_add(values.get(row));
        });
        Ok(())
    }

    fn buffers(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError> {
        Ok(vec![self.evaluate(from, to)?])
    }

    fn evaluate(&self, from: usize, to: usize) -> Result<Column, EvalError> {
        let counts = self.counts[from..to].to_vec();
        Ok(Column::fixed(SparkType::Long, counts, None))
    }

    fn memory_size(&self) -> usize {
        8 * self.counts.capacity()
    }
}
