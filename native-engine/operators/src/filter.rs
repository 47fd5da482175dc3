//! Filter: narrows the selection to the rows for which a predicate is TRUE (Spark's `FilterExec`).

use std::sync::Arc;

use arclight_columns::{Batch, Column, Schema, Selection, SparkType};
use arclight_expressions::ExpressionRef;

use crate::filter_terms::FilterTerms;
use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::pieces::Pieces;
use crate::runtime_filter::ScanColumn;
use crate::task::TaskContext;

/// Below one active row in this many a batch is compacted: operators above then no longer carry
/// and skip the others.
const SPARSE: usize = 8;

/// Keeps the rows for which `predicate` is TRUE; FALSE and NULL drop a row.
#[derive(Debug)]
pub struct Filter {
    id: usize,
    input: OperatorRef,
    predicate: ExpressionRef,
}

impl Filter {
    /// A filter of `input` by a boolean expression over its columns.
    pub fn new(id: usize, input: OperatorRef, predicate: ExpressionRef) -> Self {
        Filter {
            id,
            input,
            predicate,
        }
    }
}

impl Operator for Filter {
    fn name(&self) -> &'static str {
        "Filter"
    }
    fn schema(&self) -> &Schema {
        self.input.schema()
    }
    fn children(&self) -> Vec<&OperatorRef> {
        vec![&self.input]
    }
    fn describe(&self) -> String {
        format!("Filter {:?}", self.predicate)
    }
    fn scan_column(&self, column: usize) -> Option<ScanColumn> {
        // A row that is left out below does not raise here, as it would for Spark.
        match self.predicate.is_total() {
            true => self.input.scan_column(column),
            false => None,
        }
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        if self.predicate.is_total() {
            let terms = FilterTerms::new(&self.predicate, task.operator_metrics(self.id));
            if let Some(stream) = self.input.open_filtered(task, &terms) {
                return stream;
            }
        }
        Ok(Box::new(FilterStream {
            input: Pieces::new(self.input.open(task)?),
            predicate: Arc::clone(&self.predicate),
            task: Arc::clone(task),
            metrics: task.operator_metrics(self.id),
        }))
    }
}

struct FilterStream {
    input: Pieces,
    predicate: ExpressionRef,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
}

/// The rows of a batch for which a predicate is TRUE.
fn filter(
    task: &TaskContext,
    predicate: &ExpressionRef,
    batch: &Batch,
    metrics: &OperatorMetrics,
) -> Result<Batch, EngineError> {
    let selection = select(task, predicate, batch, batch.selection(), metrics)?;
    let count = selection.count();
    let batch = batch.select(selection);
    if count * SPARSE < batch.len() {
        return Ok(batch.compact()?);
    }
    Ok(batch)
}

/// The rows of `within` for which a boolean expression that never fails is TRUE.
pub(crate) fn select_total(
    task: &TaskContext,
    predicate: &ExpressionRef,
    batch: &Batch,
    within: &Selection,
    metrics: &OperatorMetrics,
) -> Result<Selection, EngineError> {
    // All rows one after the other are cheaper than half of them here and there.
    if within.count() * 2 < within.len() {
        return select(task, predicate, batch, within, metrics);
    }
    let all = Selection::all(within.len());
    let column = task.evaluate(predicate, batch, &all, metrics)?;
    true_rows(&column, within)
}

/// The rows of `within` for which a boolean expression is TRUE.
pub(crate) fn select(
    task: &TaskContext,
    predicate: &ExpressionRef,
    batch: &Batch,
    within: &Selection,
    metrics: &OperatorMetrics,
) -> Result<Selection, EngineError> {
    if within.is_empty() {
        return Ok(within.clone());
    }
    let column = task.evaluate(predicate, batch, within, metrics)?;
    true_rows(&column, within)
}

/// The rows of `within` where a predicate's column is TRUE.
fn true_rows(column: &Column, within: &Selection) -> Result<Selection, EngineError> {
    if *column.data_type() == SparkType::Null {
        return Ok(Selection::from_rows(within.len(), Vec::new()));
    }
    if column.as_constant().is_some() {
        let keep = !column.is_null(0) && column.boolean_value(0).unwrap_or(false);
        return Ok(if keep {
            within.clone()
        } else {
            Selection::from_rows(within.len(), Vec::new())
        });
    }
    let column = column.flatten();
    let values = column.as_booleans().ok_or_else(|| {
        EngineError::Internal(format!("predicate of type {}", column.data_type()))
    })?;
    Ok(Selection::from_predicate(values, column.validity(), within))
}

impl BatchStream for FilterStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        loop {
            let (task, metrics) = (&self.task, &self.metrics);
            let batch = self.input.next(task, |batch| {
                metrics.timed(|| filter(task, &self.predicate, batch, metrics))
            })?;
            match batch {
                None => return Ok(None),
                Some(batch) if batch.is_empty() => {}
                Some(batch) => {
                    metrics.output(batch.active_rows());
                    return Ok(Some(batch));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FailsAt, Memory, collect, column_ref, ints, rows, task, until_failure};
    use arclight_columns::{BooleanBuffer, NullBuffer};

    fn booleans(values: &[Option<bool>]) -> Column {
        let bits = BooleanBuffer::from_iter(values.iter().map(|v| v.unwrap_or(true)));
        let valid = NullBuffer::from_iter(values.iter().map(Option::is_some));
        Column::boolean(bits, Some(valid))
    }

    #[test]
    fn keeps_true_rows_of_the_selection() {
        let flags = booleans(&[Some(true), None, Some(false), Some(true), Some(true)]);
        let batch = Batch::with_selection(
            vec![ints(&[Some(1), Some(2), Some(3), None, Some(5)]), flags],
            Selection::from_rows(5, vec![0, 1, 2, 3]),
        );
        let input = Memory::of(vec![
            batch.clone(),
            batch.select(Selection::from_rows(5, vec![])),
        ]);
        let filter = Filter::new(0, input, column_ref(1, SparkType::Boolean));
        let task = task(1);
        let output = collect(&filter, &task).unwrap();
        assert_eq!(rows(&output), ["1,true", "NULL,true"]);
        assert_eq!(
            task.metrics[0]
                .output_rows
                .load(std::sync::atomic::Ordering::Relaxed),
            2
        );
    }

    #[test]
    fn takes_constant_predicates() {
        let batch = Batch::new(vec![ints(&[Some(1), Some(2)])], 2);
        for (value, expected) in [(Some(true), 2), (Some(false), 0), (None, 0)] {
            let literal = arclight_expressions::Literal::new(booleans(&[value]));
            let filter = Filter::new(0, Memory::of(vec![batch.clone()]), Arc::new(literal));
            assert_eq!(rows(&collect(&filter, &task(1)).unwrap()).len(), expected);
        }
    }

    #[test]
    fn rows_before_a_failing_one_come_first() {
        let values = ints(&[Some(1), Some(-1), None, Some(2), Some(9), Some(3)]);
        let input = Memory::of(vec![Batch::new(vec![values], 6)]);
        let predicate = Arc::new(FailsAt::new(0, SparkType::Boolean, 9));
        let filter = Filter::new(0, input, predicate);
        let expected = vec!["1".to_string(), "2".to_string()];
        assert_eq!(until_failure(&filter, &task(8)), (expected, true));
    }

    #[test]
    fn compacts_sparse_batches() {
        let values: Vec<Option<i32>> = (0..100).map(Some).collect();
        let flags: Vec<Option<bool>> = (0..100).map(|i| Some(i == 50)).collect();
        let batch = Batch::new(vec![ints(&values), booleans(&flags)], 100);
        let filter = Filter::new(
            0,
            Memory::of(vec![batch]),
            column_ref(1, SparkType::Boolean),
        );
        let output = collect(&filter, &task(1)).unwrap();
        assert_eq!(output[0].len(), 1);
        assert_eq!(rows(&output), ["50,true"]);
    }
}
