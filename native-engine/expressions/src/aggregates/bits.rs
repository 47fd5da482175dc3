//! `bit_and`, `bit_or`, `bit_xor` of integers (Spark's `BitAndAgg`, `BitOrAgg`, `BitXorAgg`).
//! NULLs are passed over; no value: NULL.

use std::sync::Arc;

use arclight_columns::{Column, FixedWidth, Physical, Selection, SparkType};

use super::loops::{Visit, argument, each, validity, visit};
use super::{AggregateCall, AggregateEntry, AggregateRef};
use crate::aggregate::{AggregateFunction, AggregateState};
use crate::expression::EvalError;
use crate::kernel::Input;
use crate::registry::BuildError;

pub(super) const FUNCTIONS: &[AggregateEntry] = &[
    ("bit_and", |call| build(call, |a, b| a & b)),
    ("bit_or", |call| build(call, |a, b| a | b)),
    ("bit_xor", |call| build(call, |a, b| a ^ b)),
];

type Operation = fn(i64, i64) -> i64;

fn build(call: &AggregateCall, operation: Operation) -> Result<AggregateRef, BuildError> {
    match call.output {
        SparkType::Byte | SparkType::Short | SparkType::Int | SparkType::Long => {}
        _ => return Err(call.unsupported()),
    }
    Ok(Arc::new(Bits {
        data_type: call.output.clone(),
        operation,
    }))
}

#[derive(Debug)]
struct Bits {
    data_type: SparkType,
    operation: Operation,
}

impl AggregateFunction for Bits {
    fn buffer_types(&self) -> Vec<SparkType> {
        vec![self.data_type.clone()]
    }
    fn data_type(&self) -> &SparkType {
        &self.data_type
    }
    fn create(&self, _grouped: bool) -> Box<dyn AggregateState> {
        Box::new(BitsState {
            data_type: self.data_type.clone(),
            operation: self.operation,
            values: Vec::new(),
            seen: Vec::new(),
        })
    }
}

/// Sign-extended values: the operations commute with sign extension.
struct BitsState {
    data_type: SparkType,
    operation: Operation,
    values: Vec<i64>,
    seen: Vec<bool>,
}

struct Update<'a> {
    state: &'a mut BitsState,
    groups: &'a [u32],
    column: &'a Column,
    rows: &'a Selection,
}

impl Visit for Update<'_> {
    type Output = Result<(), EvalError>;

    fn integers<T: FixedWidth + Into<i64>>(self, input: Input<'_, T>) -> Self::Output {
        let valid = self.column.logical_validity();
        let state = self.state;
        each(self.groups, self.rows, valid.as_ref(), |group, row| {
            let new: i64 = input.get(row).into();
            state.values[group] = if state.seen[group] {
                (state.operation)(state.values[group], new)
            } else {
                new
            };
            state.seen[group] = true;
        });
        Ok(())
    }
    fn wide(self, _: Input<'_, i128>) -> Self::Output {
        Err(EvalError::Internal("bits of a decimal".to_string()))
    }
    fn floats<T: FixedWidth + Into<f64>>(self, _: Input<'_, T>) -> Self::Output {
        Err(EvalError::Internal("bits of a float".to_string()))
    }
}

impl AggregateState for BitsState {
    fn resize(&mut self, count: usize) {
        self.values.resize(count, 0);
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
        let column = argument(arguments, 0)?;
        visit(
            &column,
            Update {
                state: self,
                groups,
                column: &column,
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
        self.update(groups, buffers, rows)
    }

    fn buffers(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError> {
        Ok(vec![self.evaluate(from, to)?])
    }

    fn evaluate(&self, from: usize, to: usize) -> Result<Column, EvalError> {
        let valid = validity(&self.seen[from..to]);
        let values = &self.values[from..to];
        let data_type = self.data_type.clone();
        Ok(match data_type.physical() {
            Physical::Int8 => {
                Column::fixed::<i8>(data_type, values.iter().map(|&v| v as i8).collect(), valid)
            }
            Physical::Int16 => {
                Column::fixed::<i16>(data_type, values.iter().map(|&v| v as i16).collect(), valid)
            }
            Physical::Int32 => {
                Column::fixed::<i32>(data_type, values.iter().map(|&v| v as i32).collect(), valid)
            }
            _ => Column::fixed::<i64>(data_type, values.to_vec(), valid),
        })
    }

    fn memory_size(&self) -> usize {
        9 * self.values.capacity()
    }
}
