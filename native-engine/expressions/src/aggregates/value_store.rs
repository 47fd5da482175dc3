//! One value of any type per group, for functions that keep a value they saw.

use std::cmp::Ordering;

use arclight_columns::{
    BooleanBuffer, BytesBuilder, Column, ColumnBuilder, FixedWidth, Physical, SparkType, Values,
};

use super::loops::validity;
use crate::comparison::compare_values;
use crate::expression::EvalError;
use crate::value_order::{compare_doubles, compare_floats};

enum Store {
    Null,
    Boolean(Vec<bool>),
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Int128(Vec<i128>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    /// Byte strings, and the bytes of all of them.
    Bytes(Vec<Box<[u8]>>, usize),
    /// Nested values, each in a column of length 1, and the bytes of all of them.
    Nested(Vec<Option<Column>>, usize),
}

/// A value per group, NULL at first.
pub(super) struct ValueStore {
    data_type: SparkType,
    valid: Vec<bool>,
    store: Store,
}

/// The value at a row of a decimal column of either width.
fn wide(column: &Column, row: usize) -> i128 {
    column
        .fixed_value::<i128>(row)
        .or_else(|| column.fixed_value::<i64>(row).map(i128::from))
        .unwrap_or_default()
}

fn fixed<T: FixedWidth>(column: &Column, row: usize) -> T {
    column.fixed_value(row).unwrap_or_default()
}

impl ValueStore {
    pub(super) fn new(data_type: SparkType) -> Self {
        let store = match data_type.physical() {
            Physical::Null => Store::Null,
            Physical::Boolean => Store::Boolean(Vec::new()),
            Physical::Int8 => Store::Int8(Vec::new()),
            Physical::Int16 => Store::Int16(Vec::new()),
            Physical::Int32 => Store::Int32(Vec::new()),
            Physical::Int64 => Store::Int64(Vec::new()),
            Physical::Int128 => Store::Int128(Vec::new()),
            Physical::Float32 => Store::Float32(Vec::new()),
            Physical::Float64 => Store::Float64(Vec::new()),
            Physical::Bytes => Store::Bytes(Vec::new(), 0),
            Physical::Struct | Physical::List => Store::Nested(Vec::new(), 0),
        };
        ValueStore {
            data_type,
            valid: Vec::new(),
            store,
        }
    }

    pub(super) fn resize(&mut self, count: usize) {
        self.valid.resize(count, false);
        self.forget(count);
        match &mut self.store {
            Store::Null => {}
            Store::Boolean(v) => v.resize(count, false),
            Store::Int8(v) => v.resize(count, 0),
            Store::Int16(v) => v.resize(count, 0),
            Store::Int32(v) => v.resize(count, 0),
            Store::Int64(v) => v.resize(count, 0),
            Store::Int128(v) => v.resize(count, 0),
            Store::Float32(v) => v.resize(count, 0.0),
            Store::Float64(v) => v.resize(count, 0.0),
            Store::Bytes(v, _) => v.resize(count, Box::default()),
            Store::Nested(v, _) => v.resize(count, None),
        }
    }

    /// Counts the bytes of groups from `count` on no longer.
    fn forget(&mut self, count: usize) {
        match &mut self.store {
            Store::Bytes(v, total) => {
                *total -= v.iter().skip(count).map(|value| value.len()).sum::<usize>();
            }
            Store::Nested(v, total) => {
                let dropped = v.iter().skip(count).flatten();
                *total -= dropped.map(Column::memory_size).sum::<usize>();
            }
            _ => {}
        }
    }

    /// Makes the value of group `to` what that of group `from` is.
    pub(super) fn copy(&mut self, from: usize, to: usize) {
        self.valid[to] = self.valid[from];
        match &mut self.store {
            Store::Null => {}
            Store::Boolean(v) => v[to] = v[from],
            Store::Int8(v) => v[to] = v[from],
            Store::Int16(v) => v[to] = v[from],
            Store::Int32(v) => v[to] = v[from],
            Store::Int64(v) => v[to] = v[from],
            Store::Int128(v) => v[to] = v[from],
            Store::Float32(v) => v[to] = v[from],
            Store::Float64(v) => v[to] = v[from],
            Store::Bytes(v, total) => {
                *total -= v[to].len();
                v[to] = v[from].clone();
                *total += v[to].len();
            }
            Store::Nested(v, total) => {
                let size = |value: &Option<Column>| value.as_ref().map_or(0, Column::memory_size);
                *total -= size(&v[to]);
                v[to] = v[from].clone();
                *total += size(&v[to]);
            }
        }
    }

    pub(super) fn is_null(&self, group: usize) -> bool {
        !self.valid[group]
    }

    /// Keeps the value at a row, NULL included.
    pub(super) fn set(
        &mut self,
        group: usize,
        column: &Column,
        row: usize,
    ) -> Result<(), EvalError> {
        if column.is_null(row) {
            self.valid[group] = false;
            return Ok(());
        }
        self.valid[group] = true;
        match &mut self.store {
            Store::Null => {}
            Store::Boolean(v) => v[group] = column.boolean_value(row).unwrap_or_default(),
            Store::Int8(v) => v[group] = fixed(column, row),
            Store::Int16(v) => v[group] = fixed(column, row),
            Store::Int32(v) => v[group] = fixed(column, row),
            Store::Int64(v) => v[group] = fixed(column, row),
            Store::Int128(v) => v[group] = wide(column, row),
            Store::Float32(v) => v[group] = fixed(column, row),
            Store::Float64(v) => v[group] = fixed(column, row),
            Store::Bytes(v, total) => {
                let value = column.bytes_value(row).unwrap_or_default();
                let old = &mut v[group];
                if old.len() == value.len() {
                    old.copy_from_slice(value);
                } else {
                    *total = *total + value.len() - old.len();
                    *old = value.into();
                }
            }
            Store::Nested(v, total) => {
                // Built anew: a slice would keep the whole batch alive.
                let mut builder = ColumnBuilder::new(self.data_type.clone(), 1);
                builder.push_from(column, row);
                let value = builder.finish();
                *total += value.memory_size();
                *total -= v[group].as_ref().map_or(0, Column::memory_size);
                v[group] = Some(value);
            }
        }
        Ok(())
    }

    /// Compares a group's value with the value at a row, in Spark's order. Neither may be NULL.
    pub(super) fn compare(&self, group: usize, column: &Column, row: usize) -> Ordering {
        match &self.store {
            Store::Null => Ordering::Equal,
            Store::Boolean(v) => v[group].cmp(&column.boolean_value(row).unwrap_or_default()),
            Store::Int8(v) => v[group].cmp(&fixed(column, row)),
            Store::Int16(v) => v[group].cmp(&fixed(column, row)),
            Store::Int32(v) => v[group].cmp(&fixed(column, row)),
            Store::Int64(v) => v[group].cmp(&fixed(column, row)),
            Store::Int128(v) => v[group].cmp(&wide(column, row)),
            Store::Float32(v) => compare_floats(v[group], fixed(column, row)),
            Store::Float64(v) => compare_doubles(v[group], fixed(column, row)),
            Store::Bytes(v, _) => v[group][..].cmp(column.bytes_value(row).unwrap_or_default()),
            Store::Nested(v, _) => v[group]
                .as_ref()
                .map_or(Ordering::Less, |v| compare_values(v, 0, column, row)),
        }
    }

    /// The values of groups `from..to`.
    pub(super) fn column(&self, from: usize, to: usize) -> Column {
        let valid = validity(&self.valid[from..to]);
        fn copy<T: FixedWidth>(values: &[T]) -> Values {
            T::wrap(values.to_vec().into())
        }
        let values = match &self.store {
            Store::Null => Values::Null,
            Store::Boolean(v) => {
                let bits = BooleanBuffer::collect_bool(to - from, |i| v[from + i]);
                Values::Boolean(bits)
            }
            Store::Int8(v) => copy(&v[from..to]),
            Store::Int16(v) => copy(&v[from..to]),
            Store::Int32(v) => copy(&v[from..to]),
            Store::Int64(v) => copy(&v[from..to]),
            Store::Int128(v) => copy(&v[from..to]),
            Store::Float32(v) => copy(&v[from..to]),
            Store::Float64(v) => copy(&v[from..to]),
            Store::Bytes(v, _) => {
                let mut builder = BytesBuilder::with_capacity(to - from);
                v[from..to].iter().for_each(|value| builder.push(value));
                Values::Bytes(builder.finish())
            }
            Store::Nested(v, _) => {
                let mut builder = ColumnBuilder::new(self.data_type.clone(), to - from);
                for (value, &valid) in v[from..to].iter().zip(&self.valid[from..to]) {
                    match value {
                        Some(value) if valid => builder.push_from(value, 0),
                        _ => builder.push_null(),
                    }
                }
                return builder.finish();
            }
        };
        Column::flat(self.data_type.clone(), to - from, values, valid)
    }

    pub(super) fn memory_size(&self) -> usize {
        let width = match &self.store {
            Store::Null => 0,
            Store::Boolean(_) | Store::Int8(_) => 1,
            Store::Int16(_) => 2,
            Store::Int32(_) | Store::Float32(_) => 4,
            Store::Int64(_) | Store::Float64(_) => 8,
            Store::Int128(_) => 16,
            // A heap block has a header too.
            Store::Bytes(..) => 32,
            Store::Nested(..) => size_of::<Option<Column>>(),
        };
        let values = match &self.store {
            Store::Bytes(_, total) | Store::Nested(_, total) => *total,
            _ => 0,
        };
        (1 + width) * self.valid.capacity() + values
    }
}
