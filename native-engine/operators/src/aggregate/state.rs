//! The groups of a task, in memory and on disk.

use std::sync::Arc;

use arclight_columns::{Batch, Column, Selection};
use arclight_memory::{Reservation, Spillable};
use parking_lot::Mutex;

use super::AggregatePlan;
use super::groups::GroupIds;
use super::measures::{Arguments, States};
use super::spill::{Partition, SLICE, Spills};
use super::trial::count_runs;
use crate::key_bytes::KeyHasher;
use crate::metrics::OperatorMetrics;
use crate::operator::EngineError;
use crate::spill::{SpillReader, SpillWriter};
use crate::task::TaskContext;

/// Bytes a new group takes at least, before its table is looked at.
const GROUP_BYTES: usize = 64;

/// The groups, behind the lock that Spark's requests to spill go through.
pub(super) struct Shared(pub(super) Mutex<Groups>);

impl Spillable for Shared {
    fn spill(&self, _bytes: u64) {
        // In use on the call stack: nothing to give.
        let Some(mut groups) = self.0.try_lock() else {
            return;
        };
        let spilled = match groups.emitted {
            Some(from) => groups.spill_rest(from),
            None => groups.spill(),
        };
        if let Err(error) = spilled {
            groups.failure = Some(error);
        }
    }
}

/// Groups in memory, and those spilled before.
pub(super) struct Groups {
    plan: Arc<AggregatePlan>,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
    hasher: KeyHasher,
    ids: GroupIds,
    states: States,
    reservation: Reservation,
    row_groups: Vec<u32>,
    spills: Option<Spills>,
    level: u32,
    /// What went wrong while Spark asked to spill.
    failure: Option<EngineError>,
    /// Groups are being given out, in order: those before this one are. They stay where they are
    /// until all are, or until the rest is spilled.
    emitted: Option<usize>,
    /// Whether the last group is not given out with the others: its run may go on.
    keeps_last: bool,
    /// What was spilled of the groups being given out, in order.
    rest: Option<SpillReader>,
}

impl Groups {
    pub(super) fn new(
        plan: &Arc<AggregatePlan>,
        task: &Arc<TaskContext>,
        metrics: &Arc<OperatorMetrics>,
    ) -> Self {
        let hasher = KeyHasher::new(task.settings.equal_hashes);
        let ids = GroupIds::new(plan.key_types.clone(), hasher.clone());
        let mut states = States::new(plan, task, metrics);
        states.resize(ids.len());
        Groups {
            plan: Arc::clone(plan),
            task: Arc::clone(task),
            metrics: Arc::clone(metrics),
            hasher,
            ids,
            states,
            reservation: task.memory.reservation("aggregate"),
            row_groups: Vec::new(),
            spills: None,
            level: 0,
            failure: None,
            emitted: None,
            keeps_last: false,
            rest: None,
        }
    }

    /// Groups in memory.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is anything to spill. The one group of an aggregation without keys would only
    /// come back, and what its state has beyond its buffers (a decimal sum's digits) would not.
    fn has_state(&self) -> bool {
        !self.plan.key_types.is_empty() && self.reservation.bytes() > 0 && self.len() > 0
    }

    /// Fails if spilling on Spark's request failed.
    pub(super) fn check(&mut self) -> Result<(), EngineError> {
        self.failure.take().map_or(Ok(()), Err)
    }

    fn memory_size(&self) -> usize {
        self.ids.memory_size() + self.states.memory_size()
    }

    /// Asks for the memory that `rows` more rows may need; `false` if refused.
    pub(super) fn reserve(&mut self, rows: usize) -> bool {
        let wanted = self.wanted(rows);
        if wanted <= self.reservation.bytes() {
            return true;
        }
        let granted = self.reservation.try_resize(wanted);
        OperatorMetrics::max(&self.metrics.peak_memory_bytes, self.reservation.bytes());
        granted
    }

    fn wanted(&self, rows: usize) -> u64 {
        let size = self.memory_size();
        let new = if self.plan.key_types.is_empty() {
            0
        } else {
            rows * GROUP_BYTES
        };
        // Tables and vectors double, and hold the old beside the new while they do.
        let doubled = if self.len() + rows > self.len().next_power_of_two() {
            2 * size
        } else {
            size
        };
        (doubled + new) as u64
    }

    /// Asks until refused with nothing left to spill.
    fn reserve_or_spill(&mut self, rows: usize) -> Result<(), EngineError> {
        if self.reserve(rows) {
            return Ok(());
        }
        self.spill()?;
        self.require(rows)
    }

    /// Asks, and fails if refused.
    fn require(&mut self, rows: usize) -> Result<(), EngineError> {
        let missing = self.wanted(rows).saturating_sub(self.reservation.bytes());
        self.reservation.grow(missing)?;
        Ok(())
    }

    /// Takes in a batch. Memory must have been reserved.
    pub(super) fn absorb(
        &mut self,
        keys: &[Column],
        arguments: &[Arguments],
        rows: &Selection,
    ) -> Result<(), EngineError> {
        let mut groups = std::mem::take(&mut self.row_groups);
        self.ids.assign(keys, rows, &mut groups)?;
        self.states.resize(self.ids.len());
        self.states.absorb(&groups, arguments, rows)?;
        self.row_groups = groups;
        self.account()
    }

    /// Takes in a batch, spilling where memory is refused.
    pub(super) fn absorb_or_spill(
        &mut self,
        keys: &[Column],
        arguments: &[Arguments],
        rows: &Selection,
    ) -> Result<(), EngineError> {
        self.reserve_or_spill(rows.count())?;
        self.absorb(keys, arguments, rows)
    }

    /// Settles the reservation to what is held after a batch: values may be longer than thought.
    fn account(&mut self) -> Result<(), EngineError> {
        let size = self.memory_size() as u64;
        if size > self.reservation.bytes() && !self.reservation.try_resize(size) {
            self.spill()?;
        }
        OperatorMetrics::max(&self.metrics.peak_memory_bytes, self.reservation.bytes());
        Ok(())
    }

    /// How many runs of equal keys the last batch had.
    pub(super) fn runs(&self) -> usize {
        count_runs(&self.row_groups)
    }

    /// Begins to give out the groups in memory.
    pub(super) fn emit(&mut self) {
        self.emitted = Some(0);
        self.keeps_last = false;
    }

    /// Begins to give out the groups in memory but the last one, whose run may go on.
    pub(super) fn emit_finished(&mut self) {
        self.emitted = Some(0);
        self.keeps_last = true;
    }

    /// Forgets the groups that were given out. The next rows are grouped by `runs` of equal keys or
    /// by all that have them.
    pub(super) fn finish_emitting(&mut self, runs: bool) -> Result<(), EngineError> {
        self.emitted = None;
        let last = match self.len() {
            // The rest was spilled and has gone out, the last group with it.
            0 => None,
            len if self.keeps_last => Some(self.buffers(len - 1, len)?),
            _ => None,
        };
        self.clear();
        self.ids.number_runs(runs);
        let Some(last) = last else {
            return Ok(());
        };
        self.merge(&last)?;
        self.account()
    }

    /// Takes in keys and buffers of groups, as [`Groups::buffers`] gives them.
    fn merge(&mut self, batch: &Batch) -> Result<(), EngineError> {
        let keys = &batch.columns()[..self.plan.key_types.len()];
        let mut groups = std::mem::take(&mut self.row_groups);
        self.ids.assign(keys, batch.selection(), &mut groups)?;
        self.states.resize(self.ids.len());
        self.states.merge_spilled(&groups, batch)?;
        self.row_groups = groups;
        Ok(())
    }

    /// Output columns of groups `from..to`.
    fn output(&self, from: usize, to: usize) -> Result<Batch, EngineError> {
        let mut columns = self.ids.columns(from, to)?;
        columns.extend(self.states.output(from, to)?);
        Ok(Batch::new(columns, to - from))
    }

    /// Forgets the groups in memory and gives it back.
    pub(super) fn clear(&mut self) {
        self.ids.clear();
        self.states.clear();
        self.states.resize(self.ids.len());
        self.reservation.free();
    }

    /// Writes the groups in memory to disk.
    pub(super) fn spill(&mut self) -> Result<(), EngineError> {
        if !self.has_state() {
            return Ok(());
        }
        let mut spills = match self.spills.take() {
            Some(spills) => spills,
            None => Spills::new(&self.plan, &self.task, self.level, self.hasher.clone())?,
        };
        let before = spills.bytes_written();
        let mut from = 0;
        while from < self.len() {
            let to = (from + SLICE).min(self.len());
            let keys = self.ids.columns(from, to)?;
            spills.write(keys, self.states.buffers(from, to)?, to - from)?;
            from = to;
        }
        OperatorMetrics::add(&self.metrics.spill_count, 1);
        OperatorMetrics::add(&self.metrics.spilled_bytes, spills.bytes_written() - before);
        self.spills = Some(spills);
        self.clear();
        Ok(())
    }

    /// Writes the groups from this one on to disk, in order; the others have been given out.
    fn spill_rest(&mut self, from: usize) -> Result<(), EngineError> {
        if !self.has_state() || from >= self.len() {
            return Ok(());
        }
        let mut writer = SpillWriter::new(&self.task, self.plan.spill_types.clone())?;
        let mut next = from;
        let run = writer.write_run(std::iter::from_fn(|| {
            let to = (next + self.task.settings.batch_size.max(1)).min(self.len());
            let slice = (next < to).then(|| self.buffers(next, to));
            next = to;
            slice
        }))?;
        OperatorMetrics::add(&self.metrics.spill_count, 1);
        OperatorMetrics::add(&self.metrics.spilled_bytes, writer.bytes_written());
        self.rest = Some(writer.reader(run));
        self.clear();
        Ok(())
    }

    /// Keys and buffers of groups `from..to`: what is spilled.
    fn buffers(&self, from: usize, to: usize) -> Result<Batch, EngineError> {
        let mut columns = self.ids.columns(from, to)?;
        columns.extend(self.states.buffers(from, to)?);
        Ok(Batch::new(columns, to - from))
    }

    /// Output columns of the next groups to be given out, or `None` after the last.
    pub(super) fn next_output(&mut self) -> Result<Option<Batch>, EngineError> {
        let Some(from) = self.emitted else {
            return Ok(None);
        };
        if let Some(rest) = &mut self.rest {
            return match rest.next_batch()? {
                Some(spilled) => self.output_spilled(&spilled).map(Some),
                None => {
                    self.rest = None;
                    Ok(None)
                }
            };
        }
        let end = self.len().saturating_sub(usize::from(self.keeps_last));
        let to = (from + self.task.settings.batch_size.max(1)).min(end);
        if from >= to {
            return Ok(None);
        }
        self.emitted = Some(to);
        self.output(from, to).map(Some)
    }

    /// Output columns of spilled groups, each of which occurs once.
    fn output_spilled(&self, spilled: &Batch) -> Result<Batch, EngineError> {
        let count = spilled.len();
        let groups: Vec<u32> = (0..count as u32).collect();
        let mut states = States::new(&self.plan, &self.task, &self.metrics);
        states.resize(count);
        states.merge_spilled(&groups, spilled)?;
        let mut columns = spilled.columns()[..self.plan.key_types.len()].to_vec();
        columns.extend(states.output(0, count)?);
        Ok(Batch::new(columns, count))
    }

    /// Whether groups were spilled and not taken since.
    pub(super) fn has_spilled(&self) -> bool {
        self.spills.is_some()
    }

    /// The spilled partitions, if anything was spilled.
    pub(super) fn take_partitions(&mut self) -> Vec<Partition> {
        self.spills.take().map_or_else(Vec::new, Spills::partitions)
    }

    /// Merges a partition into memory, which must be empty; what does not fit is spilled again.
    pub(super) fn load(&mut self, partition: Partition) -> Result<(), EngineError> {
        self.level = partition.level;
        for mut reader in partition.readers {
            while let Some(batch) = reader.next_batch()? {
                self.task.check_cancelled()?;
                if partition.level >= super::spill::MAX_LEVEL || self.len() <= 1 {
                    // Spilling again would bring the same groups back.
                    self.require(batch.active_rows())?;
                } else {
                    self.reserve_or_spill(batch.active_rows())?;
                }
                self.merge(&batch)?;
                let size = self.memory_size() as u64;
                if size > self.reservation.bytes() && !self.reservation.try_resize(size) {
                    if partition.level >= super::spill::MAX_LEVEL || self.len() <= 1 {
                        self.require(0)?;
                    } else {
                        self.spill()?;
                    }
                }
            }
        }
        Ok(())
    }
}
