//! A task's aggregation: takes in its input, then gives out groups.

use std::sync::{Arc, Weak};

use arclight_columns::{Batch, Column};
use arclight_memory::Spillable;

use super::AggregatePlan;
use super::measures::{States, evaluate_arguments};
use super::spill::Partition;
use super::state::{Groups, Shared};
use super::trial::{Trial, Way};
use crate::key_bytes::normalize;
use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError};
use crate::project::evaluate_all;
use crate::task::TaskContext;

/// Fewer groups than this stay in memory when their shuffle partition has ended.
const MANY_GROUPS: usize = 4096;

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
    trial: Trial,
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
            trial: Trial::new(),
        }
    }

    /// Takes in a batch; gives rows that pass through.
    fn absorb(&mut self, batch: Batch) -> Result<Option<Batch>, EngineError> {
        if batch.is_empty() {
            return Ok(None);
        }
        let keys = evaluate_all(&self.task, &self.plan.groupings, &batch, &self.metrics)?;
        let count = batch.active_rows();
        if self.trial.way() == Way::Pass {
            self.trial.count(count, count, count);
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
        let before = groups.len();
        groups.absorb(&keys, &arguments, rows)?;
        let added = groups.len().saturating_sub(before);
        let turns = self.trial.count(count, groups.runs(), added);
        let many = groups.len() > self.task.settings.batch_size;
        match self.trial.way() {
            Way::Pass => self.emit(&mut groups, Then::Absorb),
            Way::Runs if turns || many => self.emit_finished(&mut groups),
            Way::LookUp if turns => self.emit_finished(&mut groups),
            Way::Runs | Way::LookUp => {}
        }
        Ok(None)
    }

    fn emit(&mut self, groups: &mut Groups, then: Then) {
        groups.emit();
        self.trial.restart();
        self.step = Step::Emit(then);
    }

    /// Gives out all groups but the last one, to whose run the next row may belong.
    fn emit_finished(&mut self, groups: &mut Groups) {
        groups.emit_finished();
        self.step = Step::Emit(Then::Absorb);
    }

    /// Gives out the groups in memory, if there are many: their shuffle partitions have ended. Returns
    /// whether it does. So the table stays small, however many groups there are.
    fn emit_partitions(&mut self) -> Result<bool, EngineError> {
        let shared = Arc::clone(&self.shared);
        let mut groups = shared.0.lock();
        groups.check()?;
        let emits = !groups.has_spilled() && groups.len() >= MANY_GROUPS;
        if emits {
            self.emit(&mut groups, Then::Absorb);
        }
        Ok(emits)
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
        let keys = Batch::with_selection(keys.to_vec(), rows.clone()).compact()?;
        let mut columns = keys
            .columns()
            .iter()
            .map(|key| Ok(normalize(key)?))
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
        groups.finish_emitting(self.trial.way() == Way::Runs)?;
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

    /// Whether no group has rows before and in or after the last batch.
    fn begins_input_partition(&self) -> bool {
        self.plan.by_partition && !self.plan.repeats && self.input.begins_partition()
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
                    let waited = self.pending.take();
                    let (batch, begins) = match waited {
                        Some(batch) => (Some(batch), false),
                        None => (self.input.next_batch()?, self.begins_input_partition()),
                    };
                    match batch {
                        Some(batch) => metrics.timed(|| {
                            if begins && self.emit_partitions()? {
                                self.pending = Some(batch);
                                return Ok(None);
                            }
                            self.absorb(batch)
                        })?,
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
