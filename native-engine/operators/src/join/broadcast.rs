//! The build side of a join that is a broadcast: one table for all tasks, if Spark has storage
//! memory for it.

use std::sync::Arc;

use arclight_memory::{Reservation, TaskMemory};

use super::table::{Unindexed, index_bytes};
use super::{JoinTable, TableProvider};
use crate::broadcast::BroadcastSource;
use crate::operator::{EngineError, OperatorRef};
use crate::shared::shared_tables;
use crate::task::TaskContext;

const NAME: &str = "BroadcastHashJoin";

/// Gives the tables of an operator's rows, which are those of a broadcast.
#[derive(Debug)]
pub(super) struct BroadcastTables {
    build: OperatorRef,
    source: BroadcastSource,
}

/// A table and what pays for it until the JVM does.
struct Charged {
    table: Arc<JoinTable>,
    charge: Reservation,
}

impl BroadcastTables {
    /// The tables of `build`, if it gives a broadcast.
    pub(super) fn of(build: &OperatorRef) -> Option<Self> {
        Some(BroadcastTables {
            source: build.broadcast()?,
            build: Arc::clone(build),
        })
    }

    fn build(
        &self,
        task: &Arc<TaskContext>,
        memory: &Arc<TaskMemory>,
        keys: &[usize],
    ) -> Result<Charged, EngineError> {
        let types = self.build.schema().types();
        let mut charge = memory.reservation(NAME);
        let mut input = self.build.open(task)?;
        let mut batches = Vec::new();
        let mut rows = 0;
        let mut columns = vec![0u64; types.len()];
        while let Some(batch) = input.next_batch()? {
            let batch = batch.compact()?;
            charge.grow(batch.memory_size() as u64)?;
            rows += batch.len();
            for (bytes, column) in columns.iter_mut().zip(batch.columns()) {
                *bytes += column.memory_size() as u64;
            }
            batches.push(batch);
        }
        // One column is held twice while the batches become one, and while rows move.
        let twice = columns.into_iter().max().unwrap_or(0);
        charge.grow(index_bytes(rows) + twice)?;
        let equal_hashes = task.settings.equal_hashes;
        let mut unindexed = Unindexed::new(&types, keys, batches, equal_hashes)?;
        if !charge.try_grow(unindexed.dense_bytes()) {
            unindexed.forgo_dense();
        }
        let table = unindexed.index()?;
        let bytes = table.memory_size() as u64;
        charge.resize(bytes)?;
        Ok(Charged {
            table: Arc::new(table),
            charge,
        })
    }
}

impl TableProvider for BroadcastTables {
    fn table(
        &self,
        task: &Arc<TaskContext>,
        keys: &[usize],
    ) -> Result<Option<Arc<JoinTable>>, EngineError> {
        let kind = format!("by {keys:?}, equal hashes {}", task.settings.equal_hashes);
        let shared = shared_tables().get(task, &self.source, &kind, |memory| {
            let charged = self.build(task, memory, keys)?;
            let bytes = charged.charge.bytes();
            Ok((charged, bytes))
        })?;
        Ok(shared.map(|shared| Arc::clone(&shared.table)))
    }
}
