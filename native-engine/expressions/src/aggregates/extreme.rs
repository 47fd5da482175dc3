//! `min`, `max` (Spark's `Min`, `Max`) of any orderable type, and `bool_and`, `bool_or`, which
//! Spark rewrites to them. NULLs are passed over; no value: NULL. NaN is largest; of values that
//! compare equal (0.0 and -0.0) the first stays.

use std::cmp::Ordering;
use std::marker::PhantomData;
use std::sync::Arc;

use arclight_columns::{Column, FixedWidth, Physical, Selection, SparkType};

use super::loops::{argument, validity};
use super::value_store::ValueStore;
use super::{AggregateCall, AggregateEntry, AggregateRef};
use crate::aggregate::{AggregateFunction, AggregateState, Groups};
use crate::comparison::compare_values;
use crate::expression::EvalError;
use crate::kernel::input;
use crate::registry::BuildError;
use crate::value_order::{compare_doubles, compare_floats};

pub(super) const FUNCTIONS: &[AggregateEntry] = &[
    ("min", |call| build(call, false)),
    ("max", |call| build(call, true)),
    ("bool_and", |call| build(call, false)),
    ("bool_or", |call| build(call, true)),
];

fn has_map(data_type: &SparkType) -> bool {
    match data_type {
        SparkType::Map(..) => true,
        SparkType::Array(element) => has_map(&element.data_type),
        SparkType::Struct(fields) => fields.iter().any(|f| has_map(&f.data_type)),
        _ => false,
    }
}

fn build(call: &AggregateCall, max: bool) -> Result<AggregateRef, BuildError> {
    if has_map(&call.output) {
        return Err(call.unsupported());
    }
    Ok(Arc::new(Extreme {
        data_type: call.output.clone(),
        max,
    }))
}

#[derive(Debug)]
struct Extreme {
    data_type: SparkType,
    max: bool,
}

impl Extreme {
    fn fixed<T: Ordered>(&self) -> Box<dyn AggregateState> {
        let data_type = self.data_type.clone();
        if self.max {
            Box::new(FixedState::<T, Max>::new(data_type))
        } else {
            Box::new(FixedState::<T, Min>::new(data_type))
        }
    }
}

impl AggregateFunction for Extreme {
    fn buffer_types(&self) -> Vec<SparkType> {
        vec![self.data_type.clone()]
    }
    fn data_type(&self) -> &SparkType {
        &self.data_type
    }
    fn create(&self, _grouped: bool) -> Box<dyn AggregateState> {
        match self.data_type.physical() {
            Physical::Int8 => self.fixed::<i8>(),
            Physical::Int16 => self.fixed::<i16>(),
            Physical::Int32 => self.fixed::<i32>(),
            Physical::Int64 => self.fixed::<i64>(),
            Physical::Int128 => self.fixed::<i128>(),
            Physical::Float32 => self.fixed::<f32>(),
            Physical::Float64 => self.fixed::<f64>(),
            _ => Box::new(AnyState {
                values: ValueStore::new(self.data_type.clone()),
                wanted: if self.max {
                    Ordering::Less
                } else {
                    Ordering::Greater
                },
            }),
        }
    }
}

/// Fixed-width values in Spark's order.
trait Ordered: FixedWidth {
    fn less(self, other: Self) -> bool;
}

macro_rules! ordered {
    ($($native:ty),*) => {$(
        impl Ordered for $native {
            #[inline(always)]
            fn less(self, other: Self) -> bool {
                self < other
            }
        }
    )*};
}

ordered!(i8, i16, i32, i64, i128);

impl Ordered for f32 {
    #[inline(always)]
    fn less(self, other: Self) -> bool {
        compare_floats(self, other) == Ordering::Less
    }
}

impl Ordered for f64 {
    #[inline(always)]
    fn less(self, other: Self) -> bool {
        compare_doubles(self, other) == Ordering::Less
    }
}

trait Direction: Send {
    fn replaces<T: Ordered>(new: T, old: T) -> bool;
}

struct Min;
struct Max;

impl Direction for Min {
    #[inline(always)]
    fn replaces<T: Ordered>(new: T, old: T) -> bool {
        new.less(old)
    }
}

impl Direction for Max {
    #[inline(always)]
    fn replaces<T: Ordered>(new: T, old: T) -> bool {
        old.less(new)
    }
}

struct FixedState<T, D> {
    data_type: SparkType,
    values: Vec<T>,
    seen: Vec<bool>,
    direction: PhantomData<D>,
}

impl<T: Ordered, D: Direction> FixedState<T, D> {
    fn new(data_type: SparkType) -> Self {
        FixedState {
            data_type,
            values: Vec::new(),
            seen: Vec::new(),
            direction: PhantomData,
        }
    }
}

impl<T: Ordered, D: Direction> AggregateState for FixedState<T, D> {
    fn resize(&mut self, count: usize) {
        self.values.resize(count, T::default());
        self.seen.resize(count, false);
    }

    fn copy(&mut self, from: usize, to: usize) {
        self.values[to] = self.values[from];
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
        let mut column = argument(arguments, 0)?;
        if T::PHYSICAL == Physical::Int128 {
            column = column.widen();
        }
        let valid = column.logical_validity();
        let input = input::<T>(&column)?;
        let mut state = (&mut self.values[..], &mut self.seen[..]);
        groups.each(
            rows,
            valid.as_ref(),
            &mut state,
            |(values, seen), group| {
                values[group] = values[group - 1];
                seen[group] = seen[group - 1];
            },
            |(values, seen), group, row| {
                let new = input.get(row);
                if !seen[group] || D::replaces(new, values[group]) {
                    values[group] = new;
                    seen[group] = true;
                }
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
        self.update(groups, buffers, rows)
    }

    fn buffers(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError> {
        Ok(vec![self.evaluate(from, to)?])
    }

    fn evaluate(&self, from: usize, to: usize) -> Result<Column, EvalError> {
        let valid = validity(&self.seen[from..to]);
        let values = self.values[from..to].to_vec();
        Ok(Column::fixed(self.data_type.clone(), values, valid))
    }

    fn memory_size(&self) -> usize {
        (1 + size_of::<T>()) * self.values.capacity()
    }
}

/// Booleans, byte strings, structs and arrays.
struct AnyState {
    values: ValueStore,
    /// How an old value must compare to a new one to be replaced.
    wanted: Ordering,
}

impl AnyState {
    /// Takes in the value of a row, which is not NULL.
    fn take_row(&mut self, group: usize, column: &Column, row: usize) -> Result<(), EvalError> {
        let values = &mut self.values;
        if values.is_null(group) || values.compare(group, column, row) == self.wanted {
            values.set(group, column, row)?;
        }
        Ok(())
    }

    /// The first of the active rows that has their extreme; NULLs are passed over.
    fn extreme(&self, column: &Column, rows: &Selection) -> Option<usize> {
        match column.as_bytes() {
            Some(bytes) => self.extreme_by(column, rows, |old, new| {
                bytes.value(old).cmp(bytes.value(new))
            }),
            None => self.extreme_by(column, rows, |old, new| {
                compare_values(column, old, column, new)
            }),
        }
    }

    fn extreme_by(
        &self,
        column: &Column,
        rows: &Selection,
        compare: impl Fn(usize, usize) -> Ordering,
    ) -> Option<usize> {
        let mut found = None;
        rows.for_each(|row| {
            let replaces = |old| compare(old, row) == self.wanted;
            if !column.is_null(row) && found.is_none_or(replaces) {
                found = Some(row);
            }
        });
        found
    }
}

impl AggregateState for AnyState {
    fn resize(&mut self, count: usize) {
        self.values.resize(count);
    }

    fn copy(&mut self, from: usize, to: usize) {
        self.values.copy(from, to);
    }

    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let column = arguments
            .first()
            .ok_or_else(|| EvalError::Internal("no argument".to_string()))?;
        let Some(&first) = groups.first() else {
            return Ok(());
        };
        if groups.iter().all(|&group| group == first) {
            // A value is copied once a batch.
            let found = self.extreme(column, rows);
            return found.map_or(Ok(()), |row| self.take_row(first as usize, column, row));
        }
        let mut groups = groups.iter();
        rows.try_for_each(|row| {
            let group = groups.next().copied().unwrap_or(0) as usize;
            match column.is_null(row) {
                true => Ok(()),
                false => self.take_row(group, column, row),
            }
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
        Ok(vec![self.evaluate(from, to)?])
    }

    fn evaluate(&self, from: usize, to: usize) -> Result<Column, EvalError> {
        Ok(self.values.column(from, to))
    }

    fn memory_size(&self) -> usize {
        self.values.memory_size()
    }
}
