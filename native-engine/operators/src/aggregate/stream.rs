//! A task's aggregation: takes in its input, then gives out groups.

use std::sync::{Arc, Weak};

use arclight_columns::{Batch, Column};
use arclight_memory::Spillable;

use super::AggregatePlan;
use super::measures::{States, evaluate_arguments};
use super::spill::Partition;
use super::state::{Groups, Shared};
use crate::key_bytes::normalize;
use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError};
use crate::project::evaluate_all;
use crate::task::TaskContext;

/// Rows after which a partial aggregation looks whether it reduces them at all.
const TRIAL_ROWS: u64 = 100_000;
/// Groups per row, in percent, from which on looking up keys is not worth it.
const USELESS_PERCENT: u64 = 85;
/// Rows that then pass through before the next trial.
const PASSED_ROWS: u64 = 4_000_000;

enum Step {
    /// Taking in the input.
    Absorb,
    /// Giving out the groups in memory; then going on so.
    Emit(Then),
    /// Merging spilled partitions, one after the other.
    Merge,
    /// Giving out spilled groups as they are.
    Replay,
    Done,
}

#[derive(Clone, Copy)]
enum Then {
    Absorb,
    Merge,
    Replay,
}

pub(super) struct AggregateStream {
    plan: Arc<AggregatePlan>,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
    input: Box<dyn BatchStream>,
    shared: Arc<Shared>,
    step: Step,
    /// A batch that waits until groups are given out.
    pending: Option<Batch>,
    partitions: Vec<Partition>,
    /// Rows since the last trial began.
    rows: u64,
    /// Rows still to pass without a lookup.
    passing: u64,
}

impl AggregateStream {
    pub(super) fn new(
        plan: Arc<AggregatePlan>,
        input: Box<dyn BatchStream>,
        task: &Arc<TaskContext>,
        metrics: Arc<OperatorMetrics>,
    ) -> Self {
        let groups = Groups::new(&plan, task, &metrics);
        let shared = Arc::new(Shared(parking_lot::Mutex::new(groups)));
        let weak: Weak<Shared> = Arc::downgrade(&shared);
        let spillable: Weak<dyn Spillable> = weak;
        task.memory.register(spillable);
        AggregateStream {
            plan,
            task: Arc::clone(task),
            metrics,
            input,
            shared,
            step: Step::Absorb,
            pending: None,
            partitions: Vec::new(),
            rows: 0,
            passing: 0,
        }
    }

    /// Takes in a batch; gives rows that pass through.
    fn absorb(&mut self, batch: Batch) -> Result<Option<Batch>, EngineError> {
        if batch.is_empty() {
            return Ok(None);
        }
        let keys = evaluate_all(&self.task, &self.plan.groupings, &batch, &self.metrics)?;
        let count = batch.active_rows() as u64;
        if self.passing > 0 {
            self.passing = self.passing.saturating_sub(count);
            return self.pass(&batch, &keys).map(Some);
        }
        let arguments = evaluate_arguments(&self.plan, &self.task, &batch, &self.metrics)?;
        let shared = Arc::clone(&self.shared);
        let mut groups = shared.0.lock();
        groups.check()?;
        let rows = batch.selection();
        if !self.plan.repeats {
            groups.absorb_or_spill(&keys, &arguments, rows)?;
            return Ok(None);
        }
        if !groups.reserve(rows.count()) {
            if groups.len() > 0 {
                self.emit(&mut groups, Then::Absorb);
                self.pending = Some(batch);
                return Ok(None);
            }
            if !groups.reserve(rows.count()) {
                // No memory even for one batch of groups.
                return self.pass(&batch, &keys).map(Some);
            }
        }
        groups.absorb(&keys, &arguments, rows)?;
        self.rows += count;
        if self.rows >= TRIAL_ROWS {
            if groups.len() as u64 * 100 >= self.rows * USELESS_PERCENT {
                self.passing = PASSED_ROWS;
                self.emit(&mut groups, Then::Absorb);
            }
            self.rows = 0;
        }
        Ok(None)
    }

    fn emit(&mut self, groups: &mut Groups, then: Then) {
        groups.emitted = Some(0);
        self.rows = 0;
        self.step = Step::Emit(then);
    }

    /// Gives each row as a group of its own.
    fn pass(&self, batch: &Batch, keys: &[Column]) -> Result<Batch, EngineError> {
        let arguments = evaluate_arguments(&self.plan, &self.task, batch, &self.metrics)?;
        let rows = batch.selection();
        let count = rows.count();
        let mut states = States::new(&self.plan, &self.task, &self.metrics);
        states.resize(count);
        let groups: Vec<u32> = (0..count as u32).collect();
        states.absorb(&groups, &arguments, rows)?;
        let mut columns = keys
            .iter()
            .map(|key| {
                let key = match rows.rows() {
                    None => key.clone(),
                    Some(active) => key.take(active)?,
                };
                Ok(normalize(&key)?)
            })
            .collect::<Result<Vec<_>, EngineError>>()?;
        columns.extend(states.output(0, count)?);
        Ok(Batch::new(columns, count))
    }

    /// The input has ended.
    fn finish(&mut self) -> Result<(), EngineError> {
        let shared = Arc::clone(&self.shared);
        let mut groups = shared.0.lock();
        groups.check()?;
        if self.plan.repeats {
            self.partitions = groups.take_partitions();
            self.emit(&mut groups, Then::Replay);
        } else if groups.has_spilled() {
            groups.spill()?;
            self.partitions = groups.take_partitions();
            self.step = Step::Merge;
        } else {
            self.emit(&mut groups, Then::Merge);
        }
        Ok(())
    }

    /// Merges the next partition.
    fn merge(&mut self) -> Result<(), EngineError> {
        let Some(partition) = self.partitions.pop() else {
            self.step = Step::Done;
            return Ok(());
        };
        let shared = Arc::clone(&self.shared);
        let mut groups = shared.0.lock();
        groups.check()?;
        groups.load(partition)?;
        if groups.has_spilled() {
            groups.spill()?;
            self.partitions.extend(groups.take_partitions());
        } else {
            self.emit(&mut groups, Then::Merge);
        }
        Ok(())
    }

    /// The next slice of the groups in memory, or of what was spilled of them meanwhile.
    fn slice(&mut self, then: Then) -> Result<Option<Batch>, EngineError> {
        let mut groups = self.shared.0.lock();
        groups.check()?;
        if let Some(batch) = groups.next_output()? {
            return Ok(Some(batch));
        }
        groups.clear();
        groups.emitted = None;
        self.step = match then {
            Then::Absorb => Step::Absorb,
            Then::Merge => Step::Merge,
            Then::Replay => Step::Replay,
        };
        Ok(None)
    }

    /// The next batch of spilled groups, which are partial results and go out as they are.
    fn replay(&mut self) -> Result<Option<Batch>, EngineError> {
        while let Some(partition) = self.partitions.last_mut() {
            while let Some(reader) = partition.readers.last_mut() {
                if let Some(batch) = reader.next_batch()? {
                    return Ok(Some(batch));
                }
                partition.readers.pop();
            }
            self.partitions.pop();
        }
        self.step = Step::Done;
        Ok(None)
    }

    fn advance(&mut self) -> Result<Option<Batch>, EngineError> {
        match self.step {
            Step::Absorb | Step::Done => Ok(None),
            Step::Emit(then) => self.slice(then),
            Step::Merge => self.merge().map(|()| None),
            Step::Replay => self.replay(),
        }
    }
}

impl BatchStream for AggregateStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        let metrics = Arc::clone(&self.metrics);
        loop {
            self.task.check_cancelled()?;
            let output = match self.step {
                Step::Done => return Ok(None),
                Step::Absorb => {
                    let batch = match self.pending.take() {
                        Some(batch) => Some(batch),
                        None => self.input.next_batch()?,
                    };
                    match batch {
                        Some(batch) => metrics.timed(|| self.absorb(batch))?,
                        None => {
                            metrics.timed(|| self.finish())?;
                            None
                        }
                    }
                }
                _ => metrics.timed(|| self.advance())?,
            };
            if let Some(batch) = output {
                metrics.output(batch.active_rows());
                return Ok(Some(batch));
            }
        }
    }
}
