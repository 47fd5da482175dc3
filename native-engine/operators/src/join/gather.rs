//! The build side of a task while it is read and afterwards: in memory, or on disk.

use std::sync::Arc;

use arclight_columns::{Batch, BooleanBuffer, Column};
use arclight_memory::{Reservation, Spillable};
use parking_lot::Mutex;

use super::bits::Bits;
use super::keys::{is_word, rows_with_keys};
use super::plan::JoinPlan;
use super::spill::PartitionWriter;
use super::table::{JoinTable, MAX_ROWS, Unindexed, index_bytes, key_columns};
use crate::metrics::OperatorMetrics;
use crate::operator::EngineError;
use crate::task::TaskContext;

/// Rows in memory that are not indexed yet.
pub(super) struct Gathered {
    plan: Arc<JoinPlan>,
    batches: Vec<Batch>,
    rows: usize,
    /// The last dictionary of each column, which batches share.
    dictionaries: Vec<Option<Arc<Column>>>,
    /// Positions of rows that had a match before they went to disk.
    matched: Vec<u32>,
}

impl Gathered {
    pub(super) fn new(plan: &Arc<JoinPlan>) -> Self {
        Gathered {
            plan: Arc::clone(plan),
            batches: Vec::new(),
            rows: 0,
            dictionaries: vec![None; plan.build.types.len()],
            matched: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether there are too many rows for one table, with `more`.
    pub(super) fn overflows(&self, more: usize) -> bool {
        self.rows + more > MAX_ROWS
    }

    /// Bytes that keeping and indexing a batch takes.
    pub(super) fn cost(&self, batch: &Batch) -> u64 {
        let columns = batch.columns().iter().zip(&self.dictionaries);
        let held: usize = columns
            .map(|(column, last)| match (column.as_dictionary(), last) {
                (Some((codes, values)), Some(last)) if Arc::ptr_eq(values, last) => 4 * codes.len(),
                _ => column.memory_size(),
            })
            .sum();
        let keys = self.plan.build.keys.iter();
        let copied: usize = keys
            .map(|&key| batch.column(key))
            .filter(|key| !is_word(key.data_type()))
            .map(Column::memory_size)
            .sum();
        (held + copied) as u64 + index_bytes(batch.len())
    }

    /// Keeps a batch, all of whose rows are active.
    pub(super) fn push(&mut self, batch: Batch) {
        for (column, last) in batch.columns().iter().zip(&mut self.dictionaries) {
            if let Some((_, values)) = column.as_dictionary() {
                *last = Some(Arc::clone(values));
            }
        }
        self.rows += batch.len();
        self.batches.push(batch);
    }

    /// Keeps a batch that comes back from disk; its last column may be whether rows have a match.
    pub(super) fn push_spilled(&mut self, batch: Batch) {
        if !self.plan.marks_build_rows() {
            return self.push(batch);
        }
        let len = batch.len();
        let mut columns = batch.into_columns();
        if let Some(marks) = columns.pop() {
            let from = self.rows as u32;
            let marked = (0..len).filter(|&row| marks.boolean_value(row) == Some(true));
            self.matched.extend(marked.map(|row| from + row as u32));
        }
        self.push(Batch::new(columns, len));
    }

    /// Indexes the rows; `None` if memory for it is refused and that is not `forced`: the rows are
    /// still there then.
    pub(super) fn finish(
        &mut self,
        reservation: &mut Reservation,
        equal_hashes: bool,
        forced: bool,
    ) -> Result<Option<Target>, EngineError> {
        // Marks name rows by their places.
        let moves = self.plan.walks_chains() && self.matched.is_empty();
        // One column at a time is held twice while batches become one, and while rows move.
        let largest = (0..self.plan.build.types.len())
            .map(|column| {
                let parts = self.batches.iter().map(|b| b.column(column).memory_size());
                parts.sum::<usize>()
            })
            .max();
        let copies = moves || self.batches.len() > 1;
        if copies && !reservation.try_grow(largest.unwrap_or(0) as u64) && !forced {
            return Ok(None);
        }
        let batches = std::mem::take(&mut self.batches);
        let build = &self.plan.build;
        let mut rows = Unindexed::new(&build.types, &build.keys, batches, equal_hashes)?;
        let more = rows.dense_bytes().saturating_sub(index_bytes(self.rows));
        if !reservation.try_grow(more) {
            rows.forgo_dense();
        }
        if !moves {
            rows.keep_places();
        }
        let table = Arc::new(rows.index()?);
        let mut matched = self.plan.marks_build_rows().then(|| Bits::new(self.rows));
        let mut size = table.memory_size() as u64;
        if let Some(bits) = &mut matched {
            size += Bits::bytes(self.rows);
            self.matched.iter().for_each(|&row| bits.set(row as usize));
        }
        // Estimates were on the safe side, so that this gives back.
        if size < reservation.bytes() || !reservation.try_resize(size) {
            reservation.shrink_to(size);
        }
        *self = Gathered::new(&self.plan);
        Ok(Some(Target { table, matched }))
    }
}

/// A table that is probed, and which of its rows have a match, if that counts.
pub(super) struct Target {
    pub(super) table: Arc<JoinTable>,
    pub(super) matched: Option<Bits>,
}

/// The build side, behind the lock that Spark's requests to spill go through.
pub(super) struct Shared(pub(super) Mutex<BuildSide>);

impl Spillable for Shared {
    fn spill(&self, _bytes: u64) {
        // In use on the call stack: nothing to give.
        let Some(mut build) = self.0.try_lock() else {
            return;
        };
        if build.busy {
            return;
        }
        if let Err(error) = build.spill() {
            build.failure = Some(error);
        }
    }
}

pub(super) struct BuildSide {
    plan: Arc<JoinPlan>,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
    reservation: Reservation,
    gathered: Gathered,
    /// Once all rows are read, unless they are on disk.
    pub(super) target: Option<Target>,
    /// Rows on disk: then all are.
    pub(super) spilled: Option<PartitionWriter>,
    /// Rows that count for the join.
    pub(super) rows: u64,
    /// All rows.
    pub(super) rows_read: u64,
    /// Whether a row has a NULL among its keys.
    pub(super) null_keys: bool,
    /// The table stays where it is: it is another's, positions in it are held, or the order of
    /// what it meets must be kept.
    pub(super) busy: bool,
    /// What went wrong while Spark asked to spill.
    failure: Option<EngineError>,
}

impl BuildSide {
    pub(super) fn new(
        plan: &Arc<JoinPlan>,
        task: &Arc<TaskContext>,
        metrics: &Arc<OperatorMetrics>,
    ) -> Self {
        BuildSide {
            plan: Arc::clone(plan),
            task: Arc::clone(task),
            metrics: Arc::clone(metrics),
            reservation: task.memory.reservation("hash join"),
            gathered: Gathered::new(plan),
            target: None,
            spilled: None,
            rows: 0,
            rows_read: 0,
            null_keys: false,
            busy: plan.spec.keeps_order,
            failure: None,
        }
    }

    /// Fails if spilling on Spark's request failed.
    pub(super) fn check(&mut self) -> Result<(), EngineError> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Takes in a batch of the input.
    pub(super) fn push(&mut self, batch: &Batch) -> Result<(), EngineError> {
        self.check()?;
        self.rows_read += batch.active_rows() as u64;
        let mut batch = batch.project(&self.plan.build.kept);
        let keys = key_columns(&batch, &self.plan.build.keys);
        let with_keys = rows_with_keys(&keys, batch.selection());
        if with_keys.count() < batch.active_rows() {
            self.null_keys = true;
            if !self.plan.marks_build_rows() {
                // They match nothing, and nothing becomes of rows without a match.
                batch = batch.select(with_keys);
            }
        }
        let batch = batch.compact()?.detached();
        if batch.is_empty() {
            return Ok(());
        }
        self.rows += batch.len() as u64;
        if self.spilled.is_none() {
            let cost = self.gathered.cost(&batch);
            if self.plan.spec.keeps_order {
                self.reservation.grow(cost)?;
                self.gathered.push(batch);
                return Ok(());
            }
            if !self.gathered.overflows(batch.len()) && self.reservation.try_grow(cost) {
                self.gathered.push(batch);
                OperatorMetrics::max(&self.metrics.peak_memory_bytes, self.reservation.bytes());
                return Ok(());
            }
        }
        self.spill()?;
        self.write(&batch, None)
    }

    /// Writes rows to disk, with which of them have a match.
    fn write(&mut self, batch: &Batch, matched: Option<BooleanBuffer>) -> Result<(), EngineError> {
        let writer = match &mut self.spilled {
            Some(writer) => writer,
            none => none.insert(PartitionWriter::new(
                &self.task,
                self.plan.spilled_build_types(),
                &self.plan.build.keys,
                0,
            )?),
        };
        if !self.plan.marks_build_rows() {
            return writer.write(batch, |_| true, &self.metrics);
        }
        let len = batch.len();
        let marks = matched.unwrap_or_else(|| BooleanBuffer::new_unset(len));
        let mut columns = batch.columns().to_vec();
        columns.push(Column::boolean(marks, None));
        writer.write(&Batch::new(columns, len), |_| true, &self.metrics)
    }

    /// Moves what is in memory to disk.
    fn spill(&mut self) -> Result<(), EngineError> {
        if self.gathered.is_empty() && self.target.is_none() {
            return Ok(());
        }
        OperatorMetrics::add(&self.metrics.spill_count, 1);
        let gathered = std::mem::replace(&mut self.gathered, Gathered::new(&self.plan));
        for batch in gathered.batches {
            self.write(&batch, None)?;
        }
        if let Some(Target { table, matched }) = self.target.take() {
            let size = self.task.settings.batch_size.max(1);
            let mut from = 0;
            while from < table.len() {
                let len = size.min(table.len() - from);
                let columns = table.rows().columns().iter();
                let columns = columns.map(|c| c.slice(from, len)).collect();
                let marks = matched
                    .as_ref()
                    .map(|bits| BooleanBuffer::collect_bool(len, |i| bits.get(from + i)));
                self.write(&Batch::new(columns, len), marks)?;
                from += len;
            }
            if table.is_empty() {
                self.write(&Batch::concat(&[], &self.plan.build.types)?, None)?;
            }
        }
        self.reservation.free();
        Ok(())
    }

    /// Indexes the rows, once all are read; if that is refused, they go to disk.
    pub(super) fn finish(&mut self) -> Result<(), EngineError> {
        self.check()?;
        if self.spilled.is_none() {
            let equal = self.task.settings.equal_hashes;
            let forced = self.plan.spec.keeps_order;
            let finished = self.gathered.finish(&mut self.reservation, equal, forced)?;
            OperatorMetrics::max(&self.metrics.peak_memory_bytes, self.reservation.bytes());
            match finished {
                Some(target) => {
                    let bytes = target.table.memory_size() as u64;
                    OperatorMetrics::add(&self.metrics.build_bytes, bytes);
                    self.target = Some(target);
                }
                None => self.spill()?,
            }
        }
        if let Some(writer) = &self.spilled {
            OperatorMetrics::add(&self.metrics.build_bytes, writer.bytes_written());
        }
        OperatorMetrics::add(&self.metrics.build_rows, self.rows);
        Ok(())
    }

    /// Asks for memory beside the table's; `false` if refused.
    pub(super) fn reserve(&mut self, bytes: u64) -> bool {
        self.reservation.try_grow(bytes)
    }

    /// Takes another's table.
    pub(super) fn share(&mut self, table: Arc<JoinTable>) -> Result<(), EngineError> {
        self.rows = table.len() as u64;
        self.rows_read = self.rows;
        self.null_keys = table.has_null_keys();
        self.busy = true;
        let matched = if self.plan.marks_build_rows() {
            self.reservation.grow(Bits::bytes(table.len()))?;
            Some(Bits::new(table.len()))
        } else {
            None
        };
        self.target = Some(Target { table, matched });
        Ok(())
    }

    /// Gives up the table and its memory.
    pub(super) fn clear(&mut self) {
        self.target = None;
        self.reservation.free();
    }
}
