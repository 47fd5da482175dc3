//! The rows of a chunk, block by block, in memory or on disk.

use std::sync::Arc;

use arclight_columns::{Batch, SparkType};
use arclight_memory::{Reservation, Spillable};
use parking_lot::Mutex;

use crate::metrics::OperatorMetrics;
use crate::operator::EngineError;
use crate::spill::{Run, SpillWriter};
use crate::task::TaskContext;

/// Blocks read from disk that are kept for the next function that asks: enough for one that reads
/// ahead beside one that reads behind.
const RECENT: usize = 4;

enum Rows {
    Memory(Batch),
    Disk(Run),
}

struct Block {
    /// The number of its first row.
    first: u64,
    rows: u64,
    data: Rows,
}

/// A block's rows.
#[derive(Clone)]
pub(super) struct Loaded {
    /// The number of the first row.
    pub(super) first: u64,
    /// The rows, all active.
    pub(super) batch: Batch,
}

impl Loaded {
    /// The number of the row behind the last one.
    pub(super) fn end(&self) -> u64 {
        self.first + self.batch.len() as u64
    }
}

/// The store, behind the lock that Spark's requests to spill go through.
pub(super) struct Shared(pub(super) Mutex<Store>);

impl Spillable for Shared {
    fn spill(&self, _bytes: u64) {
        // In use on the call stack: nothing to give.
        if let Some(mut store) = self.0.try_lock()
            && let Err(failure) = store.spill()
        {
            store.failure = Some(failure);
        }
    }
}

/// Blocks of rows in order. Those in memory are reserved; refused, all go to disk, and what comes
/// then goes there at once.
pub(super) struct Store {
    blocks: Vec<Block>,
    /// What the blocks in memory and the layout of their rows take.
    reservation: Reservation,
    /// What a block takes that is read from disk.
    working: Reservation,
    recent: Vec<(usize, Loaded)>,
    spilled: Option<SpillWriter>,
    types: Vec<SparkType>,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
    /// A spill on Spark's request that failed; the next call reports it.
    failure: Option<EngineError>,
}

impl Store {
    /// An empty store of rows with these columns.
    pub(super) fn new(
        types: Vec<SparkType>,
        task: &Arc<TaskContext>,
        metrics: &Arc<OperatorMetrics>,
    ) -> Self {
        Store {
            blocks: Vec::new(),
            reservation: task.memory.reservation("window"),
            working: task.memory.reservation("window"),
            recent: Vec::new(),
            spilled: None,
            types,
            task: Arc::clone(task),
            metrics: Arc::clone(metrics),
            failure: None,
        }
    }

    fn check(&mut self) -> Result<(), EngineError> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// The number of blocks.
    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Adds rows, all of them active, of which the first has number `first`.
    pub(super) fn push(&mut self, first: u64, batch: Batch) -> Result<(), EngineError> {
        self.check()?;
        let bytes = batch.memory_size() as u64;
        let rows = batch.len() as u64;
        let data = if self.reservation.try_grow(bytes) {
            Rows::Memory(batch)
        } else {
            self.spill()?;
            if self.reservation.try_grow(bytes) {
                Rows::Memory(batch)
            } else {
                OperatorMetrics::add(&self.metrics.spill_count, 1);
                Rows::Disk(self.write(batch)?)
            }
        };
        OperatorMetrics::max(&self.metrics.peak_memory_bytes, self.reservation.bytes());
        self.blocks.push(Block { first, rows, data });
        Ok(())
    }

    /// Has just these rows, which go out at once: they are on their way, and not reserved.
    pub(super) fn pass(&mut self, first: u64, batch: Batch) {
        self.clear();
        self.blocks.push(Block {
            first,
            rows: batch.len() as u64,
            data: Rows::Memory(batch),
        });
    }

    fn write(&mut self, batch: Batch) -> Result<Run, EngineError> {
        let writer = match &mut self.spilled {
            Some(writer) => writer,
            none => none.insert(SpillWriter::new(&self.task, self.types.clone())?),
        };
        let before = writer.bytes_written();
        let run = writer.write_run(std::iter::once(Ok(batch)))?;
        OperatorMetrics::add(&self.metrics.spilled_bytes, writer.bytes_written() - before);
        Ok(run)
    }

    /// Writes the blocks in memory to disk.
    fn spill(&mut self) -> Result<(), EngineError> {
        if self.reservation.bytes() == 0 {
            return Ok(());
        }
        let mut spilled = false;
        for index in 0..self.blocks.len() {
            if let Rows::Memory(batch) = &self.blocks[index].data {
                let batch = batch.clone();
                self.blocks[index].data = Rows::Disk(self.write(batch)?);
                spilled = true;
            }
        }
        if spilled {
            OperatorMetrics::add(&self.metrics.spill_count, 1);
            self.reservation.free();
        }
        Ok(())
    }

    /// The block's rows. One that is on disk stays there.
    pub(super) fn load(&mut self, index: usize) -> Result<Loaded, EngineError> {
        self.check()?;
        self.task.check_cancelled()?;
        let missing = || EngineError::Internal(format!("a window has no block {index}"));
        let block = self.blocks.get(index).ok_or_else(missing)?;
        let first = block.first;
        let run = match &block.data {
            Rows::Memory(batch) => {
                return Ok(Loaded {
                    first,
                    batch: batch.clone(),
                });
            }
            Rows::Disk(run) => *run,
        };
        if let Some((_, loaded)) = self.recent.iter().find(|(recent, _)| *recent == index) {
            return Ok(loaded.clone());
        }
        let mut reader = self.spilled.as_ref().ok_or_else(missing)?.reader(run);
        let batch = reader.next_batch()?.ok_or_else(missing)?;
        let size = batch.memory_size() as u64;
        let more = (RECENT as u64 * size).saturating_sub(self.working.bytes());
        let mut kept = RECENT;
        if !self.working.try_grow(more) {
            // It may be the blocks in memory that take it all.
            self.spill()?;
            self.recent.clear();
            self.working.hold(size)?;
            kept = 1;
        }
        let loaded = Loaded { first, batch };
        while self.recent.len() >= kept {
            self.recent.remove(0);
        }
        self.recent.push((index, loaded.clone()));
        Ok(loaded)
    }

    /// Which block row `row` is in.
    pub(super) fn block_of(&self, row: u64) -> usize {
        let behind = self.blocks.partition_point(|block| block.first <= row);
        behind.saturating_sub(1)
    }

    /// The rows of a block, by number.
    pub(super) fn rows(&self, index: usize) -> std::ops::Range<u64> {
        let block = self.blocks.get(index);
        block.map_or(0..0, |block| block.first..block.first + block.rows)
    }

    /// Forgets all blocks.
    pub(super) fn clear(&mut self) {
        self.blocks.clear();
        self.recent.clear();
        self.spilled = None;
        self.reservation.free();
        self.working.free();
    }
}
