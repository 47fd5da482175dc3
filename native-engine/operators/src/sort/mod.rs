//! Sort: rows ordered by normalised keys, in memory, or by merging sorted runs from disk
//! (Spark's `SortExec` without the global exchange below it). Stable.

mod group_limit;
mod key;
mod merge;
mod run;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Weak};

use arclight_columns::{Batch, Schema, SparkType};
use arclight_expressions::ExpressionRef;
use arclight_memory::Spillable;
use parking_lot::Mutex;

pub use group_limit::GroupLimit;
pub use key::{KeyBytes, Keys, encode_keys};

use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::task::TaskContext;
use group_limit::Pruning;
use merge::Merge;
use run::{Buffered, Sorted};

/// One sort key.
#[derive(Debug, Clone)]
pub struct SortKey {
    /// What rows are ordered by.
    pub expression: ExpressionRef,
    /// Smallest first.
    pub ascending: bool,
    /// NULLs before everything else.
    pub nulls_first: bool,
}

/// Orders its input's rows, the first key first.
#[derive(Debug)]
pub struct Sort {
    id: usize,
    input: OperatorRef,
    keys: Vec<SortKey>,
    limit: Option<GroupLimit>,
}

impl Sort {
    /// A sort of `input` by `keys`.
    pub fn new(id: usize, input: OperatorRef, keys: Vec<SortKey>) -> Self {
        Sort {
            id,
            input,
            keys,
            limit: None,
        }
    }

    /// What rows are ordered by.
    pub fn keys(&self) -> &[SortKey] {
        &self.keys
    }

    /// The same sort below a limit of each group, whose unwanted rows it may leave out. It has at
    /// least as many keys as make a group.
    pub fn below(self, limit: GroupLimit) -> Self {
        Sort {
            limit: Some(limit),
            ..self
        }
    }
}

impl Operator for Sort {
    fn name(&self) -> &'static str {
        "Sort"
    }
    fn schema(&self) -> &Schema {
        self.input.schema()
    }
    fn children(&self) -> Vec<&OperatorRef> {
        vec![&self.input]
    }
    fn describe(&self) -> String {
        match &self.limit {
            None => format!("Sort {:?}", self.keys),
            Some(limit) => format!("Sort {:?} below {limit:?}", self.keys),
        }
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        let types = self.schema().types();
        let metrics = task.operator_metrics(self.id);
        let pruning = self.limit.map(|limit| {
            let group = &self.keys[..limit.group_keys];
            let types = group.iter().map(|key| key.expression.data_type().clone());
            Pruning::new(limit, types.collect(), task.settings.batch_size)
        });
        let buffered = Buffered::new(task, types.clone(), pruning, Arc::clone(&metrics));
        let state = Arc::new(State(Mutex::new(buffered)));
        let weak: Weak<dyn Spillable> = Arc::downgrade(&state) as Weak<dyn Spillable>;
        task.memory.register(weak);
        Ok(Box::new(SortStream {
            input: Some(self.input.open(task)?),
            keys: self.keys.clone(),
            types,
            state,
            output: Output::Pending,
            task: Arc::clone(task),
            metrics,
        }))
    }
}

/// What Spark may ask to spill while the input is pulled.
struct State(Mutex<Buffered>);

impl Spillable for State {
    fn spill(&self, _bytes: u64) {
        if let Some(mut buffered) = self.0.try_lock() {
            buffered.spill_on_request();
        }
    }
}

/// Pending ──input ends──► Memory (nothing spilled) or Merging (runs on disk).
enum Output {
    Pending,
    Memory(Sorted),
    Merging(Box<Merge>),
}

struct SortStream {
    /// `None` once it has ended.
    input: Option<Box<dyn BatchStream>>,
    keys: Vec<SortKey>,
    types: Vec<SparkType>,
    state: Arc<State>,
    output: Output,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
}

impl SortStream {
    fn consume(&mut self, input: &mut dyn BatchStream) -> Result<(), EngineError> {
        while let Some(batch) = input.next_batch()? {
            self.task.check_cancelled()?;
            if batch.is_empty() {
                continue;
            }
            let batch = batch.compact()?;
            let keys = sort_keys(&self.task, &self.keys, &batch, &self.metrics)?;
            self.metrics
                .timed(|| self.state.0.lock().push(batch, keys))?;
        }
        Ok(())
    }
}

/// The normalised keys of a batch's rows; all must be active.
pub(crate) fn sort_keys(
    task: &TaskContext,
    keys: &[SortKey],
    batch: &Batch,
    metrics: &OperatorMetrics,
) -> Result<Keys, EngineError> {
    let columns = keys
        .iter()
        .map(|key| task.evaluate(&key.expression, batch, batch.selection(), metrics))
        .collect::<Result<Vec<_>, _>>()?;
    let orders: Vec<(bool, bool)> = keys.iter().map(|k| (k.ascending, k.nulls_first)).collect();
    metrics.timed(|| encode_keys(&columns, &orders, batch.len()))
}

impl BatchStream for SortStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        self.task.check_cancelled()?;
        if let Some(mut input) = self.input.take() {
            self.consume(input.as_mut())?;
            drop(input);
            let mut buffered = self.state.0.lock();
            self.output = self
                .metrics
                .timed(|| buffered.finish(&self.types))
                .map(|sorted| match sorted {
                    run::Finished::Memory(sorted) => Output::Memory(sorted),
                    run::Finished::Runs(merge) => Output::Merging(Box::new(merge)),
                })?;
        }
        let size = self.task.settings.batch_size;
        let batch = self.metrics.timed(|| match &mut self.output {
            Output::Pending => Ok(None),
            Output::Memory(sorted) => sorted.next_batch(size),
            Output::Merging(merge) => merge.next_batch(size),
        })?;
        match &batch {
            Some(batch) => self.metrics.output(batch.active_rows()),
            None => self.output = Output::Pending,
        }
        Ok(batch)
    }
}
