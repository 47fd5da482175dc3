//! Collects the keys that a stage writes, for the filter of another stage.

use std::sync::Arc;

use arclight_columns::{Batch, Schema};
use arclight_memory::Reservation;
use parking_lot::Mutex;

use super::ScanColumn;
use super::key_set;
use crate::join::{integers, rows_with_keys};
use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::task::TaskContext;

/// Keys that are kept before it is first looked how many are different.
const FEW: usize = 16 << 10;

/// What a task's [`CollectKeys`] found, once its input has ended: by collected column the key set,
/// or `None` if there were too many keys or no memory for them.
#[derive(Debug, Default)]
pub struct CollectedKeys(Mutex<Vec<Option<Vec<u8>>>>);

impl CollectedKeys {
    /// The key sets, which are then no longer here. None before the input has ended.
    pub fn take(&self) -> Vec<Option<Vec<u8>>> {
        std::mem::take(&mut self.0.lock())
    }
}

/// Gives its input as it is and collects the values, without NULL, of some of its columns: booleans,
/// integers, dates, timestamps or decimals of up to 18 digits.
#[derive(Debug)]
pub struct CollectKeys {
    id: usize,
    input: OperatorRef,
    columns: Vec<usize>,
    limit: usize,
}

impl CollectKeys {
    /// Collects at most `limit` different values of each of the columns.
    pub fn new(id: usize, input: OperatorRef, columns: Vec<usize>, limit: usize) -> Self {
        CollectKeys {
            id,
            input,
            columns,
            limit,
        }
    }
}

impl Operator for CollectKeys {
    fn name(&self) -> &'static str {
        "CollectKeys"
    }
    fn schema(&self) -> &Schema {
        self.input.schema()
    }
    fn children(&self) -> Vec<&OperatorRef> {
        vec![&self.input]
    }
    fn describe(&self) -> String {
        format!("CollectKeys of {:?}, up to {}", self.columns, self.limit)
    }
    fn scan_column(&self, column: usize) -> Option<ScanColumn> {
        // Rows that are of no use to whoever reads this give no keys of use either.
        self.input.scan_column(column)
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        let collector = |&column: &usize| {
            Some(Collector {
                column,
                keys: Vec::new(),
                look: FEW,
                memory: task.memory.reservation("collected keys"),
            })
        };
        Ok(Box::new(CollectStream {
            input: self.input.open(task)?,
            collectors: self.columns.iter().map(collector).collect(),
            limit: self.limit,
            task: Arc::clone(task),
            metrics: task.operator_metrics(self.id),
        }))
    }
}

/// The keys of one column so far.
struct Collector {
    column: usize,
    keys: Vec<i64>,
    /// With this many keys it is looked how many are different.
    look: usize,
    memory: Reservation,
}

impl Collector {
    /// Takes in a batch; `false` if there is no memory, or if there are more than `limit` keys.
    fn add(&mut self, batch: &Batch, limit: usize) -> Result<bool, EngineError> {
        let column = batch.column(self.column);
        let rows = rows_with_keys(std::slice::from_ref(column), batch.selection());
        let values = integers(column, &rows)?;
        let bytes = 8 * (self.keys.len() + values.len()) as u64;
        if bytes > self.memory.bytes() && !self.memory.try_grow(bytes.max(1 << 16)) {
            return Ok(false);
        }
        self.keys.reserve(values.len());
        let mut last = self.keys.last().copied();
        for &value in &values[..] {
            // Rows with one key often come one after the other.
            if last != Some(value) {
                self.keys.push(value);
                last = Some(value);
            }
        }
        if self.keys.len() < self.look {
            return Ok(true);
        }
        self.sort();
        self.look = (2 * self.keys.len()).max(FEW);
        Ok(self.keys.len() <= limit)
    }

    fn sort(&mut self) {
        self.keys.sort_unstable();
        self.keys.dedup();
    }
}

struct CollectStream {
    input: Box<dyn BatchStream>,
    /// `None`: given up.
    collectors: Vec<Option<Collector>>,
    limit: usize,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
}

impl CollectStream {
    fn collect(&mut self, batch: &Batch) -> Result<(), EngineError> {
        for slot in &mut self.collectors {
            if let Some(collector) = slot
                && !collector.add(batch, self.limit)?
            {
                *slot = None;
            }
        }
        Ok(())
    }

    fn finish(&mut self) {
        let sets = self.collectors.drain(..).map(|collector| {
            let mut collector = collector?;
            collector.sort();
            (collector.keys.len() <= self.limit).then(|| key_set::encode(&collector.keys))
        });
        *self.task.collected_keys.0.lock() = sets.collect();
    }
}

impl BatchStream for CollectStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        let batch = self.input.next_batch()?;
        let metrics = Arc::clone(&self.metrics);
        match &batch {
            Some(batch) => {
                metrics.timed(|| self.collect(batch))?;
                metrics.output(batch.active_rows());
            }
            None if !self.collectors.is_empty() => metrics.timed(|| self.finish()),
            None => {}
        }
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Memory, ints, longs, task};

    fn collected(columns: Vec<Vec<Option<i64>>>, limit: usize) -> Vec<Option<Vec<i64>>> {
        let batches = columns
            .iter()
            .map(|values| {
                let nulls = ints(&vec![None; values.len()]);
                Batch::new(vec![longs(values), nulls], values.len())
            })
            .collect();
        let operator = CollectKeys::new(0, Memory::of(batches), vec![0, 1], limit);
        let task = task(8192);
        let mut stream = operator.open(&task).unwrap();
        assert!(task.collected_keys.take().is_empty());
        let mut rows = 0;
        while let Some(batch) = stream.next_batch().unwrap() {
            rows += batch.active_rows();
        }
        assert_eq!(rows, columns.iter().map(Vec::len).sum::<usize>());
        assert!(stream.next_batch().unwrap().is_none());
        let sets = task.collected_keys.take();
        sets.into_iter()
            .map(|set| {
                let mut keys = Vec::new();
                key_set::decode(&set?, &mut keys).unwrap();
                Some(keys)
            })
            .collect()
    }

    #[test]
    fn keys_are_ascending_and_without_null() {
        let keys = collected(vec![vec![Some(5), None, Some(-3)], vec![Some(5)]], 10);
        assert_eq!(keys, [Some(vec![-3, 5]), Some(vec![])]);
        assert_eq!(collected(vec![vec![]], 10), [Some(vec![]), Some(vec![])]);
    }

    #[test]
    fn gives_up_on_too_many_keys() {
        assert_eq!(collected(vec![vec![Some(1), Some(2), Some(3)]], 2)[0], None);
        let many: Vec<_> = (0..20_000).map(|i| Some(i % 9_000)).collect();
        assert_eq!(collected(vec![many.clone(); 3], 8_999)[0], None);
        let all = (0..9_000).collect::<Vec<_>>();
        assert_eq!(collected(vec![many; 3], 9_000)[0], Some(all));
    }
}
