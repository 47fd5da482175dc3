//! Rows gathered in memory, sorted there or spilled as sorted runs.

use std::sync::Arc;

use arclight_columns::{Batch, BytesBuilder, Column, ColumnBuilder, SparkType};
use arclight_memory::Reservation;

use super::group_limit::Pruning;
use super::key::{KeyBytes, Keys};
use super::merge::Merge;
use crate::metrics::OperatorMetrics;
use crate::operator::EngineError;
use crate::spill::{Run, SpillWriter};
use crate::task::TaskContext;

/// Rows of a block of a run: small, so that a merge of many runs holds little.
const RUN_BATCH: usize = 1024;

/// What is gathered so far, and the runs on disk.
pub struct Buffered {
    batches: Vec<(Batch, Keys)>,
    /// What leaves out rows that aren't wanted.
    pruning: Option<Pruning>,
    reservation: Reservation,
    /// The spill file: the columns, then the key as bytes.
    spilled: Option<SpillWriter>,
    runs: Vec<Run>,
    types: Vec<SparkType>,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
    /// A spill on Spark's request that failed; the next call reports it.
    failure: Option<EngineError>,
}

/// What the input's end leaves.
pub enum Finished {
    /// Everything is in memory.
    Memory(Sorted),
    /// Sorted runs, to be merged.
    Runs(Merge),
}

impl Buffered {
    /// Nothing yet.
    pub fn new(
        task: &Arc<TaskContext>,
        types: Vec<SparkType>,
        pruning: Option<Pruning>,
        metrics: Arc<OperatorMetrics>,
    ) -> Self {
        Buffered {
            batches: Vec::new(),
            pruning,
            reservation: task.memory.reservation("sort"),
            spilled: None,
            runs: Vec::new(),
            types,
            task: Arc::clone(task),
            metrics,
            failure: None,
        }
    }

    /// Takes in a batch, all of whose rows are active.
    pub fn push(&mut self, batch: Batch, keys: Keys) -> Result<(), EngineError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let Some((batch, keys)) = self.wanted(batch, keys)? else {
            return Ok(());
        };
        let bytes = memory_size(&batch, &keys);
        if !self.reservation.try_grow(bytes) {
            // Fewer rows may do.
            self.prune()?;
            if !self.reservation.try_grow(bytes) {
                self.spill()?;
                self.reservation.grow(bytes)?;
            }
        }
        OperatorMetrics::max(&self.metrics.peak_memory_bytes, self.reservation.bytes());
        let rows = batch.len();
        self.batches.push((batch, keys));
        let pruning = self.pruning.as_mut();
        if pruning.is_some_and(|pruning| pruning.gather(rows)) {
            self.prune()?;
        }
        Ok(())
    }

    /// The rows of a batch that may be wanted; None if there are none.
    fn wanted(&mut self, batch: Batch, keys: Keys) -> Result<Option<(Batch, Keys)>, EngineError> {
        let wanted = self.pruning.as_mut().and_then(|p| p.wanted(&keys));
        let Some(wanted) = wanted else {
            return Ok(Some((batch.detached(), keys)));
        };
        if wanted.is_empty() {
            return Ok(None);
        }
        let keys = keys.take(&wanted);
        Ok(Some((batch.take(&wanted)?.detached(), keys)))
    }

    /// Drops what is gathered and not wanted, if it is much.
    fn prune(&mut self) -> Result<(), EngineError> {
        let Some(pruning) = &mut self.pruning else {
            return Ok(());
        };
        if self.batches.is_empty() {
            return Ok(());
        }
        let gathered = std::mem::take(&mut self.batches);
        let (batches, keys): (Vec<Batch>, Vec<Keys>) = gathered.into_iter().unzip();
        let starts = starts(&keys);
        let rows = keys.iter().map(Keys::len).sum();
        let order = order(&keys, &starts, rows);
        let key = |place: usize| -> KeyBytes<'_> {
            let (part, row) = locate(&starts, order[place] as usize);
            keys[part].bytes(row)
        };
        let Some(places) = pruning.look(rows, key) else {
            self.batches = batches.into_iter().zip(keys).collect();
            return Ok(());
        };
        let kept_keys = Keys::collect(&keys[0], places.iter().map(|&place| key(place)));
        let kept: Vec<u32> = places.iter().map(|&place| order[place]).collect();
        let whole = Batch::concat(&batches, &self.types)?;
        let batch = whole.take(&kept)?.detached();
        let bytes = memory_size(&batch, &kept_keys) + pruning.memory_size();
        if !batch.is_empty() {
            self.batches.push((batch, kept_keys));
        }
        if !self.reservation.try_resize(bytes) {
            self.spill()?;
        }
        Ok(())
    }

    /// Spills because Spark asks.
    pub fn spill_on_request(&mut self) {
        if let Err(failure) = self.spill() {
            self.failure = Some(failure);
        }
    }

    fn spill(&mut self) -> Result<(), EngineError> {
        if self.batches.is_empty() {
            return Ok(());
        }
        let batches = std::mem::take(&mut self.batches);
        let mut sorted = Sorted::new(batches, &self.types)?;
        let writer = match &mut self.spilled {
            Some(writer) => writer,
            none => {
                let types = self
                    .types
                    .iter()
                    .cloned()
                    .chain([SparkType::Binary])
                    .collect();
                none.insert(SpillWriter::new(&self.task, types)?)
            }
        };
        let before = writer.bytes_written();
        let run = writer.write_run(std::iter::from_fn(|| {
            sorted.next_with_keys(RUN_BATCH).transpose()
        }))?;
        self.runs.push(run);
        OperatorMetrics::add(&self.metrics.spilled_bytes, writer.bytes_written() - before);
        OperatorMetrics::add(&self.metrics.spill_count, 1);
        self.reservation.free();
        if let Some(pruning) = &mut self.pruning {
            pruning.begin_again();
            if !self.reservation.try_grow(pruning.memory_size()) {
                pruning.forget();
            }
        }
        Ok(())
    }

    /// Ends gathering.
    pub fn finish(&mut self, types: &[SparkType]) -> Result<Finished, EngineError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        self.pruning = None;
        if self.runs.is_empty() {
            let reservation =
                std::mem::replace(&mut self.reservation, self.task.memory.reservation("sort"));
            let mut sorted = Sorted::new(std::mem::take(&mut self.batches), types)?;
            sorted.reservation = Some(reservation);
            return Ok(Finished::Memory(sorted));
        }
        self.spill()?;
        let Some(writer) = self.spilled.take() else {
            return Err(EngineError::Internal(
                "a sort lost its spill file".to_string(),
            ));
        };
        let readers = self.runs.iter().map(|&run| writer.reader(run)).collect();
        Ok(Finished::Runs(Merge::new(readers, types.to_vec())?))
    }
}

/// Rows in memory and their order.
pub struct Sorted {
    rows: Batch,
    keys: Vec<Keys>,
    /// Which batch each row's key is in: the first row of each.
    starts: Vec<usize>,
    order: Vec<u32>,
    position: usize,
    reservation: Option<Reservation>,
}

impl Sorted {
    fn new(batches: Vec<(Batch, Keys)>, types: &[SparkType]) -> Result<Self, EngineError> {
        let (batches, keys): (Vec<Batch>, Vec<Keys>) = batches.into_iter().unzip();
        let starts = starts(&keys);
        let rows = keys.iter().map(Keys::len).sum();
        let order = order(&keys, &starts, rows);
        let rows = Batch::concat(&batches, types)?;
        Ok(Sorted {
            rows,
            keys,
            starts,
            order,
            position: 0,
            reservation: None,
        })
    }

    fn next_order(&mut self, size: usize) -> Option<std::ops::Range<usize>> {
        let from = self.position;
        let to = self.order.len().min(from + size);
        self.position = to;
        (from < to).then_some(from..to)
    }

    fn columns(&self, order: &[u32]) -> Result<Vec<Column>, EngineError> {
        Ok(self
            .rows
            .columns()
            .iter()
            .map(|c| c.take(order))
            .collect::<Result<_, _>>()?)
    }

    /// The next rows in order, at most `size`.
    pub fn next_batch(&mut self, size: usize) -> Result<Option<Batch>, EngineError> {
        let Some(range) = self.next_order(size) else {
            self.reservation = None;
            return Ok(None);
        };
        let len = range.len();
        Ok(Some(Batch::new(self.columns(&self.order[range])?, len)))
    }

    /// The next rows in order, with their keys as a last column.
    fn next_with_keys(&mut self, size: usize) -> Result<Option<Batch>, EngineError> {
        let Some(range) = self.next_order(size) else {
            return Ok(None);
        };
        let order = &self.order[range];
        let mut columns = self.columns(order)?;
        let mut bytes = BytesBuilder::with_capacity(order.len());
        for &row in order {
            let (part, row) = locate(&self.starts, row as usize);
            bytes.push(&self.keys[part].bytes(row));
        }
        columns.push(Column::bytes(SparkType::Binary, bytes.finish(), None));
        Ok(Some(Batch::new(columns, order.len())))
    }
}

/// What rows take, and their order: twice the columns, since sorting copies them.
fn memory_size(batch: &Batch, keys: &Keys) -> u64 {
    (2 * batch.memory_size() + keys.memory_size() + 16 * batch.len()) as u64
}

/// The number of the first row of each part.
fn starts(keys: &[Keys]) -> Vec<usize> {
    let mut rows = 0;
    keys.iter()
        .map(|part| {
            let start = rows;
            rows += part.len();
            start
        })
        .collect()
}

fn locate(starts: &[usize], row: usize) -> (usize, usize) {
    let part = starts.partition_point(|&start| start <= row) - 1;
    (part, row - starts[part])
}

/// The stable order of all rows.
fn order(keys: &[Keys], starts: &[usize], rows: usize) -> Vec<u32> {
    let fixed: Option<Vec<&Vec<u128>>> = keys
        .iter()
        .map(|part| match part {
            Keys::Fixed(keys) => Some(keys),
            Keys::Variable { .. } => None,
        })
        .collect();
    if let Some(fixed) = fixed {
        let mut pairs: Vec<(u128, u32)> = fixed
            .into_iter()
            .flatten()
            .zip(0u32..)
            .map(|(&key, row)| (key, row))
            .collect();
        // The row number makes the pairs distinct, so an unstable sort is stable here.
        pairs.sort_unstable();
        return pairs.into_iter().map(|(_, row)| row).collect();
    }
    let mut prefixed: Vec<(u64, u32)> = Vec::with_capacity(rows);
    for (part, &start) in keys.iter().zip(starts) {
        for row in 0..part.len() {
            prefixed.push((prefix(&part.bytes(row)), (start + row) as u32));
        }
    }
    prefixed.sort_unstable_by(|a, b| {
        a.0.cmp(&b.0).then_with(|| {
            let ((p, r), (q, s)) = (locate(starts, a.1 as usize), locate(starts, b.1 as usize));
            keys[p].bytes(r).cmp(&keys[q].bytes(s)).then(a.1.cmp(&b.1))
        })
    });
    prefixed.into_iter().map(|(_, row)| row).collect()
}

fn prefix(key: &[u8]) -> u64 {
    let mut bytes = [0u8; 8];
    let length = key.len().min(8);
    bytes[..length].copy_from_slice(&key[..length]);
    u64::from_be_bytes(bytes)
}

/// Builders for the columns of a merge's output.
pub fn builders(types: &[SparkType], capacity: usize) -> Vec<ColumnBuilder> {
    types
        .iter()
        .map(|t| ColumnBuilder::new(t.clone(), capacity))
        .collect()
}
