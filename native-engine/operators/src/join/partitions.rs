//! Joining partitions on disk, one after the other: each in memory, or partitioned again, or
//! with its build side in parts that fit.

use std::sync::Arc;

use arclight_columns::Batch;
use arclight_memory::Reservation;

use super::bits::Bits;
use super::gather::{Gathered, Target};
use super::plan::{JoinPlan, ProbeOutput};
use super::probe::{Prober, Work};
use super::spill::{Partition, PartitionWriter, Spilled, SpilledReader, pair};
use crate::metrics::OperatorMetrics;
use crate::operator::EngineError;
use crate::task::TaskContext;

pub(super) struct Partitions {
    plan: Arc<JoinPlan>,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
    reservation: Reservation,
    waiting: Vec<Partition>,
    current: Option<Current>,
}

/// How far a partition is.
enum Step {
    /// Reading build rows, as many as fit.
    Load,
    /// Reading the probe rows against them.
    Probe {
        reader: SpilledReader,
        /// The first row of the batch in hand, and of the one after it.
        row: usize,
        next: usize,
    },
    /// Giving out the table's rows from this one on.
    Rest(usize),
    /// All parts of the build side are done: giving out what is left of the probe rows.
    Last { reader: SpilledReader, row: usize },
}

struct Current {
    partition: Partition,
    build: SpilledReader,
    /// Read, but did not fit.
    held: Option<Batch>,
    target: Option<Target>,
    /// Which probe rows had a match with some part of the build side, if that is in parts.
    recorded: Option<Bits>,
    step: Step,
}

/// What is to be given out while the build side is only known in part.
fn deferred(output: ProbeOutput) -> ProbeOutput {
    match output {
        ProbeOutput::Pairs | ProbeOutput::PairsAndUnmatched => ProbeOutput::Pairs,
        _ => ProbeOutput::None,
    }
}

impl Partitions {
    pub(super) fn new(
        plan: &Arc<JoinPlan>,
        task: &Arc<TaskContext>,
        metrics: &Arc<OperatorMetrics>,
    ) -> Self {
        Partitions {
            plan: Arc::clone(plan),
            task: Arc::clone(task),
            metrics: Arc::clone(metrics),
            reservation: task.memory.reservation("hash join"),
            waiting: Vec::new(),
            current: None,
        }
    }

    /// Adds partitions, of which those that cannot give anything are left out.
    pub(super) fn extend(&mut self, partitions: impl Iterator<Item = Partition>) {
        let needs_probe = !self.plan.marks_build_rows();
        let needs_build = !self.plan.probe_output.needs_unmatched();
        self.waiting.extend(partitions.filter(|partition| {
            !(partition.build.rows == 0 && (needs_build || partition.probe.rows == 0)
                || partition.probe.rows == 0 && needs_probe)
        }));
    }

    /// Whether all partitions are joined.
    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.current.is_none()
    }

    /// Goes on by a step, which may give a batch.
    pub(super) fn advance(&mut self, prober: &mut Prober) -> Result<Option<Batch>, EngineError> {
        let mut current = match self.current.take() {
            Some(current) => current,
            None => match self.waiting.pop() {
                Some(partition) => Current {
                    build: partition.build.reader(),
                    partition,
                    held: None,
                    target: None,
                    recorded: None,
                    step: Step::Load,
                },
                None => return Ok(None),
            },
        };
        let mut output = None;
        let next = match current.step {
            Step::Load => self.load(&mut current)?,
            Step::Probe { .. } => {
                let next;
                (output, next) = self.probe(&mut current, prober)?;
                next
            }
            Step::Rest(from) => {
                let next;
                (output, next) = self.rest(&current, from, prober);
                if !matches!(next, Some(Step::Rest(_))) {
                    current.target = None;
                    self.reservation.free();
                }
                next
            }
            Step::Last { .. } => {
                let next;
                (output, next) = self.last(&mut current, prober)?;
                next
            }
        };
        if let Some(step) = next {
            current.step = step;
            self.current = Some(current);
        }
        Ok(output)
    }

    /// Reads build rows until memory is refused; `None` once the partition is done with.
    fn load(&mut self, current: &mut Current) -> Result<Option<Step>, EngineError> {
        let mut gathered = Gathered::new(&self.plan);
        let first = current.recorded.is_none();
        let splittable = first && current.partition.splittable;
        let complete = loop {
            self.task.check_cancelled()?;
            let batch = match current.held.take() {
                Some(batch) => batch,
                None => match current.build.next_batch()? {
                    Some(batch) => batch,
                    None => break true,
                },
            };
            let cost = gathered.cost(&batch);
            let fits = !gathered.overflows(batch.len()) && self.reservation.try_grow(cost);
            if !fits && splittable {
                drop(gathered);
                self.split(&current.partition)?;
                return Ok(None);
            }
            // One batch is a small part of what was there before, and without it nothing moves.
            if !fits && !gathered.is_empty() {
                current.held = Some(batch);
                break false;
            }
            gathered.push_spilled(batch);
        };
        if complete && gathered.is_empty() && !first {
            return Ok(self.last_pass(current));
        }
        let equal = self.task.settings.equal_hashes;
        let target = gathered.finish(&mut self.reservation, equal, !splittable)?;
        let Some(target) = target else {
            self.split(&current.partition)?;
            return Ok(None);
        };
        OperatorMetrics::max(&self.metrics.peak_memory_bytes, self.reservation.bytes());
        current.target = Some(target);
        if !complete && first {
            current.recorded = Some(Bits::new(current.partition.probe.rows as usize));
        }
        Ok(Some(Step::Probe {
            reader: current.partition.probe.reader(),
            row: 0,
            next: 0,
        }))
    }

    /// Partitions both sides again.
    fn split(&mut self, partition: &Partition) -> Result<(), EngineError> {
        self.reservation.free();
        OperatorMetrics::add(&self.metrics.spill_count, 1);
        let level = partition.level + 1;
        let build = self.rewrite(
            &partition.build,
            PartitionWriter::new(
                &self.task,
                self.plan.spilled_build_types(),
                &self.plan.build.keys,
                level,
            )?,
        )?;
        let probe = self.rewrite(
            &partition.probe,
            PartitionWriter::new(
                &self.task,
                self.plan.probe.types.clone(),
                &self.plan.probe.keys,
                level,
            )?,
        )?;
        self.extend(pair(build, probe, partition.build.rows));
        Ok(())
    }

    fn rewrite(
        &self,
        rows: &Spilled,
        mut writer: PartitionWriter,
    ) -> Result<PartitionWriter, EngineError> {
        let mut reader = rows.reader();
        while let Some(batch) = reader.next_batch()? {
            self.task.check_cancelled()?;
            writer.write(&batch, |_| true, &self.metrics)?;
        }
        Ok(writer)
    }

    fn probe(
        &self,
        current: &mut Current,
        prober: &mut Prober,
    ) -> Result<(Option<Batch>, Option<Step>), EngineError> {
        let step = std::mem::replace(&mut current.step, Step::Load);
        let (
            Step::Probe {
                mut reader,
                mut row,
                mut next,
            },
            Some(target),
        ) = (step, &mut current.target)
        else {
            return Err(EngineError::Internal("no table to probe".to_string()));
        };
        let batch = match prober.has_pending() {
            true => None,
            false => {
                let Some(batch) = reader.next_batch()? else {
                    return Ok((None, Some(Step::Rest(0))));
                };
                row = next;
                next += batch.len();
                Some(batch)
            }
        };
        let mut work = Work {
            table: &target.table,
            matched: target.matched.as_mut(),
            output: match current.recorded {
                Some(_) => deferred(self.plan.probe_output),
                None => self.plan.probe_output,
            },
            record: match self.plan.probe_output.waits_for_all() {
                true => current.recorded.as_mut().map(|bits| (bits, row)),
                false => None,
            },
        };
        let output = match batch {
            Some(batch) => prober.probe(batch, &mut work)?,
            None => prober.resume(&mut work)?,
        };
        Ok((output, Some(Step::Probe { reader, row, next })))
    }

    fn rest(
        &self,
        current: &Current,
        from: usize,
        prober: &Prober,
    ) -> (Option<Batch>, Option<Step>) {
        if let Some(Target { table, matched }) = &current.target
            && let Some(matched) = matched
            && from < table.len()
        {
            let to = table.len().min(from + self.task.settings.batch_size.max(1));
            return (prober.rest(table, matched, from, to), Some(Step::Rest(to)));
        }
        (None, current.recorded.as_ref().map(|_| Step::Load))
    }

    fn last_pass(&self, current: &Current) -> Option<Step> {
        let waits = self.plan.probe_output.waits_for_all();
        waits.then(|| Step::Last {
            reader: current.partition.probe.reader(),
            row: 0,
        })
    }

    fn last(
        &self,
        current: &mut Current,
        prober: &Prober,
    ) -> Result<(Option<Batch>, Option<Step>), EngineError> {
        let step = std::mem::replace(&mut current.step, Step::Load);
        let (Step::Last { mut reader, row }, Some(recorded)) = (step, &current.recorded) else {
            return Err(EngineError::Internal("no last pass".to_string()));
        };
        let Some(batch) = reader.next_batch()? else {
            return Ok((None, None));
        };
        let matched = (0..batch.len() as u32)
            .filter(|&at| recorded.get(row + at as usize))
            .collect();
        let output = prober.existing(&batch, matched, self.plan.probe_output)?;
        let row = row + batch.len();
        Ok((output, Some(Step::Last { reader, row })))
    }
}
