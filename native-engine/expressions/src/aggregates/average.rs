//! `avg` (Spark's `Average`). No value: NULL.
//!
//! Numbers add up as doubles in row order. Decimals keep a `decimal(p + 10, s)` sum and divide
//! exactly, HALF_UP, to the result's scale; overflow is NULL, or raises in ANSI mode.

use std::sync::Arc;

use arclight_columns::{Column, NullBuffer, Selection, SparkType};

use super::count::Counts;
use super::decimal::{DecimalTotals, bounded, decimals};
use super::loops::{argument, validity, visit};
use super::sum::DoubleUpdate;
use super::{AggregateCall, AggregateEntry, AggregateRef};
use crate::aggregate::{AggregateFunction, AggregateState, Groups};
use crate::expression::EvalError;
use crate::registry::{BuildError, EvalMode};

pub(super) const FUNCTIONS: &[AggregateEntry] = &[("avg", build)];

fn build(call: &AggregateCall) -> Result<AggregateRef, BuildError> {
    let merging = call.argument_types.len() == 2;
    let sum_type = match (&call.output, call.argument(0)?) {
        (SparkType::Double, SparkType::Decimal { .. }) => return Err(call.unsupported()),
        (SparkType::Double, _) => SparkType::Double,
        (SparkType::Decimal { .. }, sum @ SparkType::Decimal { .. }) if merging => sum.clone(),
        (SparkType::Decimal { .. }, SparkType::Decimal { precision, scale }) => {
            bounded(u32::from(*precision) + 10, i32::from(*scale))
        }
        _ => return Err(call.unsupported()),
    };
    Ok(Arc::new(Average {
        sum_type,
        data_type: call.output.clone(),
        mode: call.mode,
    }))
}

#[derive(Debug)]
struct Average {
    sum_type: SparkType,
    data_type: SparkType,
    mode: EvalMode,
}

impl AggregateFunction for Average {
    fn buffer_types(&self) -> Vec<SparkType> {
        vec![self.sum_type.clone(), SparkType::Long]
    }
    fn data_type(&self) -> &SparkType {
        &self.data_type
    }
    fn create(&self, grouped: bool) -> Box<dyn AggregateState> {
        match self.sum_type {
            SparkType::Decimal { .. } => Box::new(DecimalState {
                data_type: self.data_type.clone(),
                sum_scale: scale(&self.sum_type),
                mode: self.mode,
                totals: DecimalTotals::new(self.sum_type.clone(), grouped),
                counts: Counts::default(),
            }),
            _ => Box::new(DoubleState {
                sums: Vec::new(),
                counts: Counts::default(),
            }),
        }
    }
}

fn scale(data_type: &SparkType) -> i8 {
    match data_type {
        SparkType::Decimal { scale, .. } => *scale,
        _ => 0,
    }
}

struct DoubleState {
    sums: Vec<f64>,
    counts: Counts,
}

impl DoubleState {
    fn add(
        &mut self,
        groups: Groups<'_>,
        column: &Column,
        valid: Option<&NullBuffer>,
        rows: &Selection,
    ) -> Result<(), EvalError> {
        visit(
            column,
            DoubleUpdate {
                sums: &mut self.sums,
                groups,
                valid,
                rows,
            },
        )
    }
}

impl AggregateState for DoubleState {
    fn resize(&mut self, count: usize) {
        self.sums.resize(count, 0.0);
        self.counts.0.resize(count, 0);
    }

    fn copy(&mut self, from: usize, to: usize) {
        self.sums[to] = self.sums[from];
        self.counts.0[to] = self.counts.0[from];
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
        self.counts.update(groups, valid.as_ref(), rows);
        self.add(groups, &column, valid.as_ref(), rows)
    }

    fn merge(
        &mut self,
        groups: &[u32],
        buffers: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let (sums, counts) = (argument(buffers, 0)?, argument(buffers, 1)?);
        self.counts.merge(groups, &counts, rows)?;
        let valid = sums.logical_validity();
        self.add(Groups::apart(groups), &sums, valid.as_ref(), rows)
    }

    fn buffers(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError> {
        let sums = self.sums[from..to].to_vec();
        Ok(vec![
            Column::fixed(SparkType::Double, sums, None),
            self.counts.column(from, to),
        ])
    }

    fn evaluate(&self, from: usize, to: usize) -> Result<Column, EvalError> {
        let counts = &self.counts.0[from..to];
        let valid: Vec<bool> = counts.iter().map(|&c| c != 0).collect();
        let averages = self.sums[from..to]
            .iter()
            .zip(counts)
            .map(|(sum, &count)| sum / count as f64)
            .collect::<Vec<f64>>();
        let valid = validity(&valid);
        Ok(Column::fixed(SparkType::Double, averages, valid))
    }

    fn memory_size(&self) -> usize {
        16 * self.sums.capacity()
    }
}

struct DecimalState {
    data_type: SparkType,
    sum_scale: i8,
    mode: EvalMode,
    totals: DecimalTotals,
    counts: Counts,
}

impl AggregateState for DecimalState {
    fn resize(&mut self, count: usize) {
        self.totals.resize(count);
        self.counts.0.resize(count, 0);
    }

    fn copy(&mut self, from: usize, to: usize) {
        self.totals.copy(from, to);
        self.counts.0[to] = self.counts.0[from];
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
        self.counts.update(groups, valid.as_ref(), rows);
        self.totals.update(groups, &column, valid.as_ref(), rows)
    }

    fn merge(
        &mut self,
        groups: &[u32],
        buffers: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let (sums, counts) = (argument(buffers, 0)?, argument(buffers, 1)?);
        self.counts.merge(groups, &counts, rows)?;
        self.totals.merge(groups, &sums, |_| false, rows)
    }

    fn buffers(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError> {
        Ok(vec![
            self.totals.column(from, to),
            self.counts.column(from, to),
        ])
    }

    fn evaluation_inputs(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError> {
        Ok(vec![
            self.totals.texts(from, to),
            self.counts.column(from, to),
        ])
    }

    fn evaluate(&self, from: usize, to: usize) -> Result<Column, EvalError> {
        let up = (scale(&self.data_type) - self.sum_scale).max(0) as u32;
        let SparkType::Decimal { precision, .. } = self.data_type else {
            return Err(EvalError::Internal("avg of a decimal".to_string()));
        };
        let mut results = Vec::with_capacity(to - from);
        for group in from..to {
            let count = self.counts.0[group];
            if count == 0 {
                results.push(None);
                continue;
            }
            if self.totals.is_unbounded(group) {
                return Err(EvalError::Declined(
                    "the sum of an average has more digits than its type",
                ));
            }
            let sum = self.totals.get(group);
            let average = sum.and_then(|sum| divide(sum, count, up, precision));
            if average.is_none() && self.mode == EvalMode::Ansi {
                return Err(EvalError::Failed { row: group - from });
            }
            results.push(average);
        }
        Ok(decimals(&self.data_type, results.into_iter()))
    }

    fn memory_size(&self) -> usize {
        self.totals.memory_size() + 8 * self.counts.0.capacity()
    }
}

/// `sum * 10^up / count`, rounded half up (away from zero), or `None` beyond `precision` digits.
fn divide(sum: i128, count: i64, up: u32, precision: u8) -> Option<i128> {
    let count = i128::from(count);
    let power = 10i128.pow(up);
    let (quotient, remainder) = (sum / count, sum % count);
    let rest = remainder * power;
    let (part, left) = (rest / count, rest % count);
    let mut result = quotient.checked_mul(power)?.checked_add(part)?;
    if left.unsigned_abs() * 2 >= count.unsigned_abs() {
        let negative = (sum < 0) != (count < 0);
        result = result.checked_add(if negative { -1 } else { 1 })?;
    }
    (result.unsigned_abs() < 10u128.pow(u32::from(precision))).then_some(result)
}

#[cfg(test)]
mod tests {
    use super::divide;

    #[test]
    fn divides_half_up() {
        assert_eq!(divide(10, 4, 0, 38), Some(3));
        assert_eq!(divide(-10, 4, 0, 38), Some(-3));
        assert_eq!(divide(1, 3, 4, 38), Some(3333));
        assert_eq!(divide(2, 3, 4, 38), Some(6667));
        assert_eq!(divide(10i128.pow(37), 1, 4, 38), None);
        assert_eq!(divide(999, 2, 0, 2), None);
        assert_eq!(
            divide(10i128.pow(38) - 1, 7, 0, 38),
            Some(14285714285714285714285714285714285714)
        );
    }
}
