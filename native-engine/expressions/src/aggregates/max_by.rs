//! `max_by`, `min_by` (Spark's `MaxBy`, `MinBy`): the value beside the extreme of an ordering.
//! Rows whose ordering is NULL are passed over; of equal orderings the *last* row's value stays,
//! with the first one's ordering.

use std::cmp::Ordering;
use std::sync::Arc;

use arclight_columns::{Column, Selection, SparkType};

use super::value_store::ValueStore;
use super::{AggregateCall, AggregateEntry, AggregateRef};
use crate::aggregate::{AggregateFunction, AggregateState};
use crate::expression::EvalError;
use crate::registry::BuildError;

pub(super) const FUNCTIONS: &[AggregateEntry] = &[
    ("max_by", |call| build(call, Ordering::Greater)),
    ("min_by", |call| build(call, Ordering::Less)),
];

fn build(call: &AggregateCall, keep: Ordering) -> Result<AggregateRef, BuildError> {
    Ok(Arc::new(ExtremeBy {
        value: call.output.clone(),
        ordering: call.argument(1)?.clone(),
        keep,
    }))
}

/// Buffers: the value, its ordering. The same columns are the inputs.
#[derive(Debug)]
struct ExtremeBy {
    value: SparkType,
    ordering: SparkType,
    keep: Ordering,
}

impl AggregateFunction for ExtremeBy {
    fn buffer_types(&self) -> Vec<SparkType> {
        vec![self.value.clone(), self.ordering.clone()]
    }
    fn data_type(&self) -> &SparkType {
        &self.value
    }
    fn create(&self, _grouped: bool) -> Box<dyn AggregateState> {
        Box::new(ExtremeByState {
            values: ValueStore::new(self.value.clone()),
            orderings: ValueStore::new(self.ordering.clone()),
            keep: self.keep,
        })
    }
}

struct ExtremeByState {
    values: ValueStore,
    orderings: ValueStore,
    /// How the old ordering compares to a new one when the old value stays.
    keep: Ordering,
}

impl AggregateState for ExtremeByState {
    fn resize(&mut self, count: usize) {
        self.values.resize(count);
        self.orderings.resize(count);
    }

    fn copy(&mut self, from: usize, to: usize) {
        self.values.copy(from, to);
        self.orderings.copy(from, to);
    }

    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let [value, ordering] = arguments else {
            return Err(EvalError::Internal("max_by takes two".to_string()));
        };
        let mut groups = groups.iter();
        rows.try_for_each(|row| {
            let group = groups.next().copied().unwrap_or(0) as usize;
            if ordering.is_null(row) {
                return Ok(());
            }
            let compared = if self.orderings.is_null(group) {
                self.keep.reverse()
            } else {
                self.orderings.compare(group, ordering, row)
            };
            if compared != self.keep {
                self.values.set(group, value, row)?;
            }
            if compared == self.keep.reverse() {
                self.orderings.set(group, ordering, row)?;
            }
            Ok(())
        })
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
        Ok(vec![
            self.values.column(from, to),
            self.orderings.column(from, to),
        ])
    }

    fn evaluate(&self, from: usize, to: usize) -> Result<Column, EvalError> {
        Ok(self.values.column(from, to))
    }

    fn memory_size(&self) -> usize {
        self.values.memory_size() + self.orderings.memory_size()
    }
}
