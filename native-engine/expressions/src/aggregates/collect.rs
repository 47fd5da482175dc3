//! `collect_list`, `collect_set` (Spark's `CollectList`, `CollectSet`): an array, never NULL.
//! NULLs are left out. The partial result is one binary column of encoded values.
//!
//! A set holds every NaN and merges 0.0 with -0.0 (the first stays), as Spark's hash set of boxed
//! numbers does; floats inside structs and arrays are told apart by their bits.

use std::collections::HashSet;
use std::sync::Arc;

use arclight_columns::{BytesBuilder, Column, ColumnBuilder, Selection, SparkType, Values};

use super::{AggregateCall, AggregateEntry, AggregateRef};
use crate::aggregate::{AggregateFunction, AggregateState};
use crate::expression::EvalError;
use crate::registry::BuildError;
use crate::value_bytes::{Floats, decode_value, encode_value, value_length};

pub(super) const FUNCTIONS: &[AggregateEntry] = &[
    ("collect_list", |call| build(call, false)),
    ("collect_set", |call| build(call, true)),
];

fn build(call: &AggregateCall, set: bool) -> Result<AggregateRef, BuildError> {
    let SparkType::Array(element) = &call.output else {
        return Err(call.unsupported());
    };
    Ok(Arc::new(Collect {
        element: element.data_type.clone(),
        data_type: call.output.clone(),
        set,
    }))
}

#[derive(Debug)]
struct Collect {
    element: SparkType,
    data_type: SparkType,
    set: bool,
}

impl AggregateFunction for Collect {
    fn buffer_types(&self) -> Vec<SparkType> {
        vec![SparkType::Binary]
    }
    fn data_type(&self) -> &SparkType {
        &self.data_type
    }
    fn create(&self, _grouped: bool) -> Box<dyn AggregateState> {
        Box::new(CollectState {
            element: self.element.clone(),
            data_type: self.data_type.clone(),
            groups: Vec::new(),
            sets: self.set.then(Vec::new),
            bytes: 0,
        })
    }
}

struct CollectState {
    element: SparkType,
    data_type: SparkType,
    /// Per group the encoded values, one after the other.
    groups: Vec<Vec<u8>>,
    /// For sets: what the group has.
    sets: Option<Vec<HashSet<Box<[u8]>, ahash::RandomState>>>,
    bytes: usize,
}

impl CollectState {
    fn add(&mut self, group: usize, value: &[u8]) -> Result<(), EvalError> {
        if let Some(sets) = &mut self.sets
            && !is_nan(&self.element, value)
        {
            let key = match self.element {
                SparkType::Float | SparkType::Double => positive_zero(value),
                _ => value.into(),
            };
            let len = key.len();
            if !sets[group].insert(key) {
                return Ok(());
            }
            self.bytes += len + 24;
        }
        let before = self.groups[group].capacity();
        self.groups[group].extend_from_slice(value);
        self.bytes += self.groups[group].capacity() - before;
        Ok(())
    }
}

/// Whether an encoded float is NaN.
fn is_nan(data_type: &SparkType, value: &[u8]) -> bool {
    match (data_type, value) {
        (SparkType::Float, &[1, a, b, c, d]) => f32::from_ne_bytes([a, b, c, d]).is_nan(),
        (SparkType::Double, &[1, a, b, c, d, e, f, g, h]) => {
            f64::from_ne_bytes([a, b, c, d, e, f, g, h]).is_nan()
        }
        _ => false,
    }
}

/// An encoded float, 0.0 for -0.0.
fn positive_zero(value: &[u8]) -> Box<[u8]> {
    let negative_zero = match value {
        [1, bits @ ..] if bits.len() == 4 => bits == (-0.0f32).to_ne_bytes(),
        [1, bits @ ..] if bits.len() == 8 => bits == (-0.0f64).to_ne_bytes(),
        _ => false,
    };
    if !negative_zero {
        return value.into();
    }
    let mut zero = vec![0; value.len()];
    zero[0] = 1;
    zero.into()
}

impl AggregateState for CollectState {
    fn resize(&mut self, count: usize) {
        self.groups.resize_with(count, Vec::new);
        if let Some(sets) = &mut self.sets {
            sets.resize_with(count, HashSet::default);
        }
    }

    fn copy(&mut self, from: usize, to: usize) {
        self.bytes -= self.groups[to].capacity();
        self.groups[to] = self.groups[from].clone();
        self.bytes += self.groups[to].capacity();
        if let Some(sets) = &mut self.sets {
            let held =
                |set: &HashSet<Box<[u8]>, _>| set.iter().map(|k| k.len() + 24).sum::<usize>();
            self.bytes -= held(&sets[to]);
            sets[to] = sets[from].clone();
            self.bytes += held(&sets[to]);
        }
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
        let mut groups = groups.iter();
        let mut value = Vec::new();
        rows.try_for_each(|row| {
            let group = groups.next().copied().unwrap_or(0) as usize;
            if column.is_null(row) {
                return Ok(());
            }
            value.clear();
            encode_value(column, row, Floats::Keep, &mut value);
            self.add(group, &value)
        })
    }

    fn merge(
        &mut self,
        groups: &[u32],
        buffers: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let column = buffers
            .first()
            .ok_or_else(|| EvalError::Internal("no argument".to_string()))?;
        let mut groups = groups.iter();
        rows.try_for_each(|row| {
            let group = groups.next().copied().unwrap_or(0) as usize;
            if column.is_null(row) {
                return Ok(());
            }
            let mut rest = column.bytes_value(row).unwrap_or_default();
            while !rest.is_empty() {
                let len = value_length(rest, &self.element)?;
                self.add(group, &rest[..len])?;
                rest = &rest[len..];
            }
            Ok(())
        })
    }

    fn buffers(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError> {
        let mut builder = BytesBuilder::with_capacity(to - from);
        self.groups[from..to].iter().for_each(|g| builder.push(g));
        let values = Values::Bytes(builder.finish());
        let column = Column::flat(SparkType::Binary, to - from, values, None);
        Ok(vec![column])
    }

    fn evaluate(&self, from: usize, to: usize) -> Result<Column, EvalError> {
        let mut builder = ColumnBuilder::new(self.data_type.clone(), to - from);
        for group in &self.groups[from..to] {
            let mut rest = &group[..];
            if let Some(elements) = builder.list_elements() {
                while !rest.is_empty() {
                    decode_value(&mut rest, elements)?;
                }
            }
            builder.finish_list();
        }
        Ok(builder.finish())
    }

    fn memory_size(&self) -> usize {
        let sets = self.sets.as_ref().map_or(0, |s| 48 * s.capacity());
        24 * self.groups.capacity() + sets + self.bytes
    }
}
