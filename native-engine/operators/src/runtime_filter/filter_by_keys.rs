//! Leaves out rows by the keys that another stage collected.

use std::sync::Arc;

use arclight_columns::{Batch, Schema, SparkType};
use arclight_memory::Reservation;

use super::filter::{RuntimeFilter, ScanColumn};
use super::key_filter::KeyFilter;
use super::key_set::{self, KeySetError};
use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::task::TaskContext;

/// A column, and the keys its rows must have to be of use.
#[derive(Debug, Clone)]
pub struct StageFilter {
    column: usize,
    keys: Arc<KeyFilter>,
}

impl StageFilter {
    /// The filter of a column of this type by all the key sets that tasks collected.
    pub fn new(column: usize, data_type: SparkType, sets: &[Vec<u8>]) -> Result<Self, KeySetError> {
        let mut keys = Vec::new();
        for set in sets {
            key_set::decode(set, &mut keys)?;
        }
        Ok(StageFilter {
            column,
            keys: Arc::new(KeyFilter::of_integers(data_type, &keys)),
        })
    }
}

/// Leaves out rows whose values in some columns are surely not among the keys, NULL included; in
/// the scan below if the column comes from there. Rows that are none of the keys may remain.
#[derive(Debug)]
pub struct FilterByKeys {
    id: usize,
    input: OperatorRef,
    filters: Vec<StageFilter>,
}

impl FilterByKeys {
    /// The rows of `input` that all of the filters let pass.
    pub fn new(id: usize, input: OperatorRef, filters: Vec<StageFilter>) -> Self {
        FilterByKeys { id, input, filters }
    }
}

impl Operator for FilterByKeys {
    fn name(&self) -> &'static str {
        "FilterByKeys"
    }
    fn schema(&self) -> &Schema {
        self.input.schema()
    }
    fn children(&self) -> Vec<&OperatorRef> {
        vec![&self.input]
    }
    fn describe(&self) -> String {
        let columns: Vec<usize> = self.filters.iter().map(|filter| filter.column).collect();
        format!("FilterByKeys {columns:?}")
    }
    fn scan_column(&self, column: usize) -> Option<ScanColumn> {
        self.input.scan_column(column)
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        let mut memory = task.memory.reservation("runtime filter");
        let mut filters = Vec::new();
        for StageFilter { column, keys } in &self.filters {
            // Without memory for it the rows go on as they are.
            if !memory.try_grow(keys.memory_size()) {
                continue;
            }
            let filter = RuntimeFilter::new(Arc::clone(keys));
            match self.input.scan_column(*column) {
                Some(scan) => task.runtime_filters.add(scan, filter),
                None => filters.push((*column, filter)),
            }
        }
        Ok(Box::new(FilterByKeysStream {
            input: self.input.open(task)?,
            filters,
            metrics: task.operator_metrics(self.id),
            _memory: memory,
        }))
    }
}

struct FilterByKeysStream {
    input: Box<dyn BatchStream>,
    filters: Vec<(usize, RuntimeFilter)>,
    metrics: Arc<OperatorMetrics>,
    /// Held as long as the filters are used.
    _memory: Reservation,
}

impl FilterByKeysStream {
    fn filter(&self, batch: Batch) -> Result<Batch, EngineError> {
        let mut rows = batch.selection().clone();
        for (column, filter) in self.filters.iter().filter(|(_, filter)| filter.is_on()) {
            rows = filter.select(batch.column(*column), &rows)?;
        }
        Ok(batch.select(rows))
    }
}

impl BatchStream for FilterByKeysStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        let Some(batch) = self.input.next_batch()? else {
            return Ok(None);
        };
        let batch = self.metrics.timed(|| self.filter(batch))?;
        self.metrics.output(batch.active_rows());
        Ok(Some(batch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Memory, longs, task};
    use arclight_columns::Values;

    fn rows(keys: &[&[i64]]) -> Vec<i64> {
        let sets: Vec<Vec<u8>> = keys.iter().map(|keys| key_set::encode(keys)).collect();
        let filter = StageFilter::new(0, SparkType::Long, &sets).unwrap();
        let values = [Some(1), None, Some(2), Some(3), Some(i64::MAX)];
        let batch = Batch::new(vec![longs(&values)], values.len());
        let operator = FilterByKeys::new(0, Memory::of(vec![batch]), vec![filter]);
        let mut stream = operator.open(&task(8192)).unwrap();
        let batch = stream.next_batch().unwrap().unwrap();
        assert!(stream.next_batch().unwrap().is_none());
        let values = batch.column(0).flatten();
        let Some(Values::Int64(values)) = values.as_flat() else {
            unreachable!("a column of longs");
        };
        batch.selection().iter().map(|row| values[row]).collect()
    }

    #[test]
    fn rows_of_all_tasks_keys_pass() {
        assert_eq!(rows(&[&[1], &[], &[3, i64::MAX]]), [1, 3, i64::MAX]);
    }

    #[test]
    fn nothing_passes_without_keys() {
        assert!(rows(&[&[]]).is_empty());
        assert!(rows(&[]).is_empty());
    }

    #[test]
    fn bytes_that_are_no_keys_are_refused() {
        assert!(StageFilter::new(0, SparkType::Long, &[vec![0x80]]).is_err());
    }
}
