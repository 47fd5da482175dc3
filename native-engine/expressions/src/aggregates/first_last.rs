//! `first`, `last` (Spark's `First`, `Last`) of any type, NULLs kept or passed over. Which row is
//! first depends on the order of rows; across a shuffle Spark leaves it open too.

use std::sync::Arc;

use arclight_columns::{BooleanBuffer, Column, Selection, SparkType};

use super::value_store::ValueStore;
use super::{AggregateCall, AggregateEntry, AggregateRef};
use crate::aggregate::{AggregateFunction, AggregateState};
use crate::expression::EvalError;
use crate::registry::BuildError;

pub(super) const FUNCTIONS: &[AggregateEntry] = &[
    ("first", |call| build(call, false)),
    ("last", |call| build(call, true)),
];

fn build(call: &AggregateCall, last: bool) -> Result<AggregateRef, BuildError> {
    Ok(Arc::new(FirstLast {
        data_type: call.output.clone(),
        last,
        ignore_nulls: call.ignore_nulls,
    }))
}

/// Buffers: the value, and whether there was one.
#[derive(Debug)]
struct FirstLast {
    data_type: SparkType,
    last: bool,
    ignore_nulls: bool,
}

impl AggregateFunction for FirstLast {
    fn buffer_types(&self) -> Vec<SparkType> {
        vec![self.data_type.clone(), SparkType::Boolean]
    }
    fn data_type(&self) -> &SparkType {
        &self.data_type
    }
    fn create(&self, _grouped: bool) -> Box<dyn AggregateState> {
        Box::new(FirstLastState {
            values: ValueStore::new(self.data_type.clone()),
            set: Vec::new(),
            last: self.last,
            ignore_nulls: self.ignore_nulls,
        })
    }
}

struct FirstLastState {
    values: ValueStore,
    set: Vec<bool>,
    last: bool,
    ignore_nulls: bool,
}

impl FirstLastState {
    fn take(
        &mut self,
        groups: &[u32],
        column: Option<&Column>,
        rows: &Selection,
        counts: impl Fn(usize) -> bool,
    ) -> Result<(), EvalError> {
        let column = column.ok_or_else(|| EvalError::Internal("no argument".to_string()))?;
        let mut groups = groups.iter();
        rows.try_for_each(|row| {
            let group = groups.next().copied().unwrap_or(0) as usize;
            if (self.last || !self.set[group]) && counts(row) {
                self.values.set(group, column, row)?;
                self.set[group] = true;
            }
            Ok(())
        })
    }
}

impl AggregateState for FirstLastState {
    fn resize(&mut self, count: usize) {
        self.values.resize(count);
        self.set.resize(count, false);
    }

    fn copy(&mut self, from: usize, to: usize) {
        self.values.copy(from, to);
        self.set[to] = self.set[from];
    }

    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let column = arguments.first();
        let ignore_nulls = self.ignore_nulls;
        self.take(groups, column, rows, |row| {
            !(ignore_nulls && column.is_some_and(|c| c.is_null(row)))
        })
    }

    fn merge(
        &mut self,
        groups: &[u32],
        buffers: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let set = buffers.get(1);
        self.take(groups, buffers.first(), rows, |row| {
            set.is_some_and(|s| !s.is_null(row) && s.boolean_value(row).unwrap_or(false))
        })
    }

    fn buffers(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError> {
        let set = BooleanBuffer::collect_bool(to - from, |i| self.set[from + i]);
        Ok(vec![
            self.values.column(from, to),
            Column::boolean(set, None),
        ])
    }

    fn evaluate(&self, from: usize, to: usize) -> Result<Column, EvalError> {
        Ok(self.values.column(from, to))
    }

    fn memory_size(&self) -> usize {
        self.values.memory_size() + self.set.capacity()
    }
}
