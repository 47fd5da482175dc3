//! A task's join: reads the build side, probes, and goes on with partitions on disk.

use std::sync::{Arc, Weak};

use arclight_columns::Batch;
use arclight_memory::Spillable;
use parking_lot::Mutex;

use super::TableProvider;
use super::gather::{BuildSide, Shared, Target};
use super::keys::rows_with_keys;
use super::partitions::Partitions;
use super::plan::JoinPlan;
use super::probe::{Prober, Work};
use super::spill::{PartitionWriter, pair};
use super::table::key_columns;
use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, OperatorRef};
use crate::pieces::Pieces;
use crate::runtime_filter::{KeyFilter, RuntimeFilter};
use crate::task::TaskContext;

enum Step {
    /// Reading the build side.
    Build,
    /// Reading the probe side.
    Probe,
    /// Giving out the build side's rows from this one on.
    Rest(usize),
    /// Joining what is on disk.
    Partitions,
    Done,
}

pub(super) struct HashJoinStream {
    plan: Arc<JoinPlan>,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
    probe_input: OperatorRef,
    build_input: OperatorRef,
    /// Absent, too, once it had no table.
    provider: Option<Arc<dyn TableProvider>>,
    shared: Arc<Shared>,
    probe: Option<Pieces>,
    prober: Prober,
    /// The probe side's rows, once the build side is on disk.
    spilled: Option<PartitionWriter>,
    partitions: Partitions,
    step: Step,
}

impl HashJoinStream {
    pub(super) fn new(
        plan: Arc<JoinPlan>,
        probe_input: OperatorRef,
        build_input: OperatorRef,
        provider: Option<Arc<dyn TableProvider>>,
        task: &Arc<TaskContext>,
        metrics: Arc<OperatorMetrics>,
    ) -> Self {
        let build = BuildSide::new(&plan, task, &metrics);
        let shared = Arc::new(Shared(Mutex::new(build)));
        let weak: Weak<Shared> = Arc::downgrade(&shared);
        let spillable: Weak<dyn Spillable> = weak;
        task.memory.register(spillable);
        HashJoinStream {
            prober: Prober::new(&plan, task, &metrics),
            partitions: Partitions::new(&plan, task, &metrics),
            plan,
            task: Arc::clone(task),
            metrics,
            probe_input,
            build_input,
            provider,
            shared,
            probe: None,
            spilled: None,
            step: Step::Build,
        }
    }

    /// Reads the build side and says how it goes on.
    fn build(&mut self) -> Result<Step, EngineError> {
        let metrics = Arc::clone(&self.metrics);
        let shared = Arc::clone(&self.shared);
        let provided = match &self.provider {
            Some(provider) => provider.table(&self.task, &self.plan.build.keys)?,
            None => None,
        };
        if let Some(table) = provided {
            shared.0.lock().share(table)?;
        } else {
            self.provider = None;
            let mut input = self.build_input.open(&self.task)?;
            while let Some(batch) = input.next_batch()? {
                self.task.check_cancelled()?;
                if !batch.is_empty() {
                    metrics.timed(|| shared.0.lock().push(&batch))?;
                }
            }
            drop(input);
            metrics.timed(|| shared.0.lock().finish())?;
        }
        let mut build = shared.0.lock();
        let null_aware = self.plan.spec.null_aware;
        if null_aware && build.null_keys {
            // Nothing is surely not in a list with a NULL.
            build.clear();
            return Ok(Step::Done);
        }
        if build.rows == 0 && !self.plan.probe_output.needs_unmatched() {
            build.clear();
            return Ok(Step::Done);
        }
        self.prober.drop_null_keys = null_aware && build.rows_read > 0;
        metrics.timed(|| self.hand_filters(&mut build))?;
        Ok(Step::Probe)
    }

    /// Gives the scan below the probe side filters of the keys, if rows without a match leave
    /// nothing and there is memory to spare.
    fn hand_filters(&self, build: &mut BuildSide) -> Result<(), EngineError> {
        if self.plan.probe_output.needs_unmatched() {
            return Ok(());
        }
        let Some(table) = build
            .target
            .as_ref()
            .map(|target| Arc::clone(&target.table))
        else {
            return Ok(());
        };
        for (key, &column) in self.plan.probe.keys.iter().enumerate() {
            let column = self.plan.probe.kept[column];
            if let Some(column) = self.probe_input.scan_column(column)
                && build.reserve(KeyFilter::bytes(table.len()))
                && let Some(filter) = table.filter(key)?
            {
                let filter = RuntimeFilter::new(filter);
                self.task.runtime_filters.add(column, filter);
            }
        }
        Ok(())
    }

    /// Takes in a batch of the probe side, or goes on with the last one.
    fn take_in(&mut self, batch: Option<&Batch>) -> Result<Option<Batch>, EngineError> {
        let shared = Arc::clone(&self.shared);
        let mut build = shared.0.lock();
        build.check()?;
        let fixed = self.provider.is_some() || self.plan.spec.keeps_order;
        let batch = batch.map(|batch| batch.project(&self.plan.probe.kept));
        if let Some(writer) = &build.spilled {
            return match batch {
                Some(batch) => self.write(&batch, writer).map(|()| None),
                None => Ok(None),
            };
        }
        let Some(Target { table, matched }) = &mut build.target else {
            return Err(EngineError::Internal("a join without a table".to_string()));
        };
        let mut work = Work {
            table,
            matched: matched.as_mut(),
            output: self.plan.probe_output,
            record: None,
        };
        let output = match batch {
            Some(batch) => self.prober.probe(batch, &mut work),
            None => self.prober.resume(&mut work),
        };
        build.busy = fixed || self.prober.has_pending();
        output
    }

    /// Writes a batch of the probe side to disk: the rows that may matter.
    fn write(&mut self, batch: &Batch, build: &PartitionWriter) -> Result<(), EngineError> {
        let spilled = match &mut self.spilled {
            Some(spilled) => spilled,
            none => none.insert(PartitionWriter::new(
                &self.task,
                self.plan.probe.types.clone(),
                &self.plan.probe.keys,
                0,
            )?),
        };
        if self.plan.probe_output.needs_unmatched() {
            return spilled.write(batch, |_| true, &self.metrics);
        }
        let keys = key_columns(batch, &self.plan.probe.keys);
        let batch = batch.select(rows_with_keys(&keys, batch.selection()));
        spilled.write(
            &batch,
            |partition| !build.is_empty(partition),
            &self.metrics,
        )
    }

    /// The probe side has ended.
    fn end_of_probe(&mut self) -> Result<Step, EngineError> {
        self.probe = None;
        let mut build = self.shared.0.lock();
        build.check()?;
        // From here on nothing of it is spilled on request.
        build.busy = true;
        let Some(writer) = build.spilled.take() else {
            return Ok(Step::Rest(0));
        };
        let probe = match self.spilled.take() {
            Some(probe) => probe,
            None => PartitionWriter::new(
                &self.task,
                self.plan.probe.types.clone(),
                &self.plan.probe.keys,
                0,
            )?,
        };
        self.partitions.extend(pair(writer, probe, u64::MAX));
        Ok(Step::Partitions)
    }

    /// The next of the build side's rows that are given out after probing.
    fn rest(&mut self, from: usize) -> Option<Batch> {
        let mut build = self.shared.0.lock();
        if let Some(Target { table, matched }) = &build.target
            && let Some(matched) = matched
            && from < table.len()
        {
            let to = table.len().min(from + self.task.settings.batch_size.max(1));
            self.step = Step::Rest(to);
            return self.prober.rest(table, matched, from, to);
        }
        build.clear();
        self.step = Step::Done;
        None
    }
}

impl BatchStream for HashJoinStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        let metrics = Arc::clone(&self.metrics);
        loop {
            self.task.check_cancelled()?;
            let output = match self.step {
                Step::Done => return Ok(None),
                Step::Build => {
                    self.step = self.build()?;
                    None
                }
                Step::Probe if self.prober.has_pending() => metrics.timed(|| self.take_in(None))?,
                Step::Probe => {
                    let mut probe = match self.probe.take() {
                        Some(probe) => probe,
                        None => Pieces::new(self.probe_input.open(&self.task)?),
                    };
                    let task = Arc::clone(&self.task);
                    let output = probe.next(&task, |batch| match batch.is_empty() {
                        true => Ok(None),
                        false => metrics.timed(|| self.take_in(Some(batch))),
                    });
                    self.probe = Some(probe);
                    match output? {
                        Some(output) => output,
                        None => {
                            self.step = self.end_of_probe()?;
                            None
                        }
                    }
                }
                Step::Rest(from) => metrics.timed(|| self.rest(from)),
                Step::Partitions => {
                    let output = metrics.timed(|| self.partitions.advance(&mut self.prober))?;
                    if output.is_none() && self.partitions.is_done() {
                        self.step = Step::Done;
                    }
                    output
                }
            };
            if let Some(batch) = output {
                metrics.output(batch.active_rows());
                return Ok(Some(batch));
            }
        }
    }
}
