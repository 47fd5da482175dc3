//! The side of a nested-loop join that is held: in memory, shared or not, or on disk.

use std::sync::Arc;

use arclight_columns::{Batch, SparkType};
use arclight_memory::{Reservation, TaskMemory};

use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, OperatorRef};
use crate::shared::shared_tables;
use crate::spill::{Run, SpillReader, SpillWriter};
use crate::task::TaskContext;

const NAME: &str = "NestedLoopJoin";

/// Rows of a batch, and what pays for them.
pub(super) struct Rows {
    batch: Batch,
    charge: Reservation,
}

/// The held rows.
pub(super) enum Held {
    /// All in one batch that only this task has.
    Own(Rows),
    /// All in one batch that tasks share.
    Shared(Arc<Rows>),
    /// On disk, run after run.
    Spilled { writer: SpillWriter, runs: Vec<Run> },
}

impl Held {
    /// Takes all rows of `operator`: from other tasks, if they have the same.
    ///
    /// `may_spill`: rows that find no memory go to disk; or else that is an error.
    pub(super) fn load(
        task: &Arc<TaskContext>,
        operator: &OperatorRef,
        may_spill: bool,
        metrics: &OperatorMetrics,
    ) -> Result<Self, EngineError> {
        let types = operator.schema().types();
        if let Some(source) = operator.broadcast() {
            let shared = shared_tables().get(task, &source, "rows", |memory| {
                let mut input = operator.open(task)?;
                let rows = Gathered::new(memory, &types).all(input.as_mut())?;
                let bytes = rows.charge.bytes();
                Ok((rows, bytes))
            })?;
            if let Some(shared) = shared {
                return Ok(Held::Shared(shared));
            }
        }
        let mut input = operator.open(task)?;
        let mut gathered = Gathered::new(&task.memory, &types);
        if !may_spill {
            return Ok(Held::Own(gathered.all(input.as_mut())?));
        }
        let mut spilled: Option<(SpillWriter, Vec<Run>)> = None;
        while let Some(batch) = input.next_batch()? {
            if gathered.try_push(&batch)? {
                continue;
            }
            let (writer, runs) = match &mut spilled {
                Some(open) => open,
                None => spilled.insert((SpillWriter::new(task, types.clone())?, Vec::new())),
            };
            runs.push(gathered.spill(writer, Some(batch), metrics)?);
        }
        let (mut writer, mut runs) = match spilled {
            Some(open) => open,
            None => match gathered.try_finish()? {
                Some(rows) => return Ok(Held::Own(rows)),
                None => (SpillWriter::new(task, types.clone())?, Vec::new()),
            },
        };
        runs.push(gathered.spill(&mut writer, None, metrics)?);
        Ok(Held::Spilled { writer, runs })
    }

    /// Begins to go through the rows.
    pub(super) fn parts(&self) -> Parts {
        match self {
            Held::Own(rows) => Parts::Memory(Some(rows.batch.clone())),
            Held::Shared(rows) => Parts::Memory(Some(rows.batch.clone())),
            Held::Spilled { writer, runs } => Parts::Disk {
                readers: runs.iter().rev().map(|run| writer.reader(*run)).collect(),
            },
        }
    }
}

/// One walk through the held rows.
pub(super) enum Parts {
    Memory(Option<Batch>),
    /// Readers still to be read, last first.
    Disk {
        readers: Vec<SpillReader>,
    },
}

impl Parts {
    /// The next rows, all active; `None` at the end. What is in memory comes at once, even if there
    /// are no rows.
    pub(super) fn next(&mut self) -> Result<Option<Batch>, EngineError> {
        match self {
            Parts::Memory(batch) => Ok(batch.take()),
            Parts::Disk { readers } => {
                while let Some(reader) = readers.last_mut() {
                    if let Some(batch) = reader.next_batch()? {
                        return Ok(Some(batch));
                    }
                    readers.pop();
                }
                Ok(None)
            }
        }
    }
}

/// Rows on their way into memory.
struct Gathered<'a> {
    memory: &'a Arc<TaskMemory>,
    types: &'a [SparkType],
    batches: Vec<Batch>,
    charge: Reservation,
}

impl<'a> Gathered<'a> {
    fn new(memory: &'a Arc<TaskMemory>, types: &'a [SparkType]) -> Self {
        Gathered {
            memory,
            types,
            batches: Vec::new(),
            charge: memory.reservation(NAME),
        }
    }

    /// All rows of a stream, or an error if there is no memory for them.
    fn all(mut self, input: &mut dyn BatchStream) -> Result<Rows, EngineError> {
        while let Some(batch) = input.next_batch()? {
            if batch.is_empty() {
                continue;
            }
            let batch = batch.compact()?.detached();
            self.charge.grow(batch.memory_size() as u64)?;
            self.batches.push(batch);
        }
        if self.batches.len() > 1 {
            self.charge.grow(self.charge.bytes())?;
        }
        self.finish()
    }

    /// Takes a batch's rows if there is memory for them.
    fn try_push(&mut self, batch: &Batch) -> Result<bool, EngineError> {
        if batch.is_empty() {
            return Ok(true);
        }
        let batch = batch.compact()?.detached();
        if !self.charge.try_grow(batch.memory_size() as u64) {
            return Ok(false);
        }
        self.batches.push(batch);
        Ok(true)
    }

    /// The rows as one batch; `None`, with the rows still here, if there is no memory to make it.
    fn try_finish(&mut self) -> Result<Option<Rows>, EngineError> {
        let apart = self.charge.bytes();
        if self.batches.len() > 1 && !self.charge.try_grow(apart) {
            return Ok(None);
        }
        self.finish().map(Some)
    }

    /// The rows as one batch, which has been paid for.
    fn finish(&mut self) -> Result<Rows, EngineError> {
        let batch = Batch::concat(&self.batches, self.types)?;
        self.batches.clear();
        self.charge.resize(batch.memory_size() as u64)?;
        let charge = std::mem::replace(&mut self.charge, self.memory.reservation(NAME));
        Ok(Rows { batch, charge })
    }

    /// Writes the rows gathered, then those of `last`, and gives their memory back.
    fn spill(
        &mut self,
        writer: &mut SpillWriter,
        last: Option<Batch>,
        metrics: &OperatorMetrics,
    ) -> Result<Run, EngineError> {
        let before = writer.bytes_written();
        let batches = std::mem::take(&mut self.batches);
        let run = writer.write_run(batches.into_iter().chain(last).map(Ok))?;
        self.charge.free();
        OperatorMetrics::add(&metrics.spill_count, 1);
        OperatorMetrics::add(&metrics.spilled_bytes, writer.bytes_written() - before);
        Ok(run)
    }
}
