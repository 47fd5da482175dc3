//! Groups on disk, in partitions by hash.

use arclight_columns::{Batch, Column, Selection};

use super::AggregatePlan;
use crate::key_bytes::{EncodedKeys, KeyHasher};
use crate::operator::EngineError;
use crate::spill::{Run, SpillReader, SpillWriter};
use crate::task::TaskContext;

/// Bits of the hash that one level of partitions uses.
const BITS: u32 = 4;
/// Partitions of a level.
pub(super) const PARTITIONS: usize = 1 << BITS;
/// Levels after which partitioning again is pointless: equal hashes stay together.
pub(super) const MAX_LEVEL: u32 = 8;
/// Groups written at a time.
pub(super) const SLICE: usize = 32 * 1024;

/// Spilled groups of one level: keys and buffers, several times per group.
pub(super) struct Spills {
    writer: SpillWriter,
    runs: Vec<Vec<Run>>,
    level: u32,
    hasher: KeyHasher,
    encoded: EncodedKeys,
}

/// What a partition holds.
pub(super) struct Partition {
    pub(super) readers: Vec<SpillReader>,
    /// The level its groups are partitioned at if they spill again.
    pub(super) level: u32,
}

impl Spills {
    pub(super) fn new(
        plan: &AggregatePlan,
        task: &TaskContext,
        level: u32,
        hasher: KeyHasher,
    ) -> Result<Self, EngineError> {
        Ok(Spills {
            writer: SpillWriter::new(task, plan.spill_types.clone())?,
            runs: vec![Vec::new(); PARTITIONS],
            level,
            hasher,
            encoded: EncodedKeys::default(),
        })
    }

    /// Writes groups, given by `keys` and their buffers.
    pub(super) fn write(
        &mut self,
        keys: Vec<Column>,
        buffers: Vec<Column>,
        count: usize,
    ) -> Result<(), EngineError> {
        let all = Selection::all(count);
        self.encoded.encode(&keys, &all);
        let shift = 64 - BITS * (self.level + 1);
        let mut rows: Vec<Vec<u32>> = vec![Vec::new(); PARTITIONS];
        for row in 0..count {
            let hash = self.hasher.bytes(self.encoded.get(row));
            rows[(hash >> shift) as usize % PARTITIONS].push(row as u32);
        }
        let mut columns = keys;
        columns.extend(buffers);
        let batch = Batch::new(columns, count);
        for (partition, rows) in rows.into_iter().enumerate() {
            if rows.is_empty() {
                continue;
            }
            let part = batch.select(Selection::from_rows(count, rows));
            let run = self.writer.write_run(std::iter::once(Ok(part)))?;
            self.runs[partition].push(run);
        }
        Ok(())
    }

    pub(super) fn bytes_written(&self) -> u64 {
        self.writer.bytes_written()
    }

    /// The partitions that hold anything.
    pub(super) fn partitions(self) -> Vec<Partition> {
        self.runs
            .iter()
            .filter(|runs| !runs.is_empty())
            .map(|runs| Partition {
                readers: runs.iter().map(|&run| self.writer.reader(run)).collect(),
                level: self.level + 1,
            })
            .collect()
    }
}
