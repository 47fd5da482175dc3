//! Rows of either side on disk, in partitions by the hash of their keys.

use std::sync::Arc;

use arclight_columns::{Batch, Selection, SparkType};

use super::table::key_columns;
use crate::key_bytes::{EncodedKeys, KeyHasher};
use crate::metrics::OperatorMetrics;
use crate::operator::EngineError;
use crate::spill::{Run, SpillReader, SpillWriter};
use crate::task::TaskContext;

/// Bits of the hash that one level of partitions uses.
const BITS: u32 = 4;
/// Partitions of a level.
pub(super) const PARTITIONS: usize = 1 << BITS;
/// Levels after which a partition is not partitioned again.
pub(super) const MAX_LEVEL: u32 = 6;

/// Writes rows of one side to the partitions of a level.
pub(super) struct PartitionWriter {
    writer: SpillWriter,
    keys: Vec<usize>,
    level: u32,
    runs: Vec<Vec<Run>>,
    rows: [u64; PARTITIONS],
    hasher: KeyHasher,
    encoded: EncodedKeys,
}

impl PartitionWriter {
    /// A writer of rows with columns of these types, partitioned by those at `keys`.
    pub(super) fn new(
        task: &TaskContext,
        types: Vec<SparkType>,
        keys: &[usize],
        level: u32,
    ) -> Result<Self, EngineError> {
        Ok(PartitionWriter {
            writer: SpillWriter::new(task, types)?,
            keys: keys.to_vec(),
            level,
            runs: vec![Vec::new(); PARTITIONS],
            rows: [0; PARTITIONS],
            hasher: KeyHasher::new(task.settings.equal_hashes),
            encoded: EncodedKeys::default(),
        })
    }

    /// Whether a partition has no rows.
    pub(super) fn is_empty(&self, partition: usize) -> bool {
        self.rows[partition] == 0
    }

    /// Bytes written so far.
    pub(super) fn bytes_written(&self) -> u64 {
        self.writer.bytes_written()
    }

    /// Writes the active rows of a batch, but for those in partitions that are not `wanted`.
    pub(super) fn write(
        &mut self,
        batch: &Batch,
        wanted: impl Fn(usize) -> bool,
        metrics: &OperatorMetrics,
    ) -> Result<(), EngineError> {
        let before = self.writer.bytes_written();
        self.encoded
            .encode(&key_columns(batch, &self.keys), batch.selection());
        let shift = 64 - BITS * (self.level + 1);
        let mut rows: Vec<Vec<u32>> = vec![Vec::new(); PARTITIONS];
        for (index, row) in batch.selection().iter().enumerate() {
            let hash = self.hasher.bytes(self.encoded.get(index));
            rows[(hash >> shift) as usize % PARTITIONS].push(row as u32);
        }
        for (partition, rows) in rows.into_iter().enumerate() {
            if rows.is_empty() || !wanted(partition) {
                continue;
            }
            self.rows[partition] += rows.len() as u64;
            let part = batch.select(Selection::from_rows(batch.len(), rows));
            let run = self.writer.write_run(std::iter::once(Ok(part)))?;
            self.runs[partition].push(run);
        }
        let written = self.writer.bytes_written() - before;
        OperatorMetrics::add(&metrics.spilled_bytes, written);
        Ok(())
    }

    /// The rows of each partition.
    pub(super) fn finish(self) -> Vec<Spilled> {
        let source = Arc::new(self.writer);
        self.runs
            .into_iter()
            .zip(self.rows)
            .map(|(runs, rows)| Spilled {
                source: Arc::clone(&source),
                runs,
                rows,
            })
            .collect()
    }
}

/// One side's rows of a partition.
pub(super) struct Spilled {
    source: Arc<SpillWriter>,
    runs: Vec<Run>,
    /// How many there are.
    pub(super) rows: u64,
}

impl Spilled {
    /// Reads the rows from the start, in the order they were written.
    pub(super) fn reader(&self) -> SpilledReader {
        SpilledReader {
            source: Arc::clone(&self.source),
            runs: self.runs.clone().into_iter(),
            current: None,
        }
    }
}

pub(super) struct SpilledReader {
    source: Arc<SpillWriter>,
    runs: std::vec::IntoIter<Run>,
    current: Option<SpillReader>,
}

impl SpilledReader {
    pub(super) fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        loop {
            if let Some(current) = &mut self.current
                && let Some(batch) = current.next_batch()?
            {
                return Ok(Some(batch));
            }
            let Some(run) = self.runs.next() else {
                return Ok(None);
            };
            self.current = Some(self.source.reader(run));
        }
    }
}

/// A partition of both sides, still to be joined.
pub(super) struct Partition {
    pub(super) build: Spilled,
    pub(super) probe: Spilled,
    pub(super) level: u32,
    /// Whether partitioning it again may help: partitioning had an effect the last time.
    pub(super) splittable: bool,
}

/// The partitions of both sides at `level`, which were `rows` rows of the build side before.
pub(super) fn pair(
    build: PartitionWriter,
    probe: PartitionWriter,
    rows: u64,
) -> impl Iterator<Item = Partition> {
    let level = build.level;
    let sides = build.finish().into_iter().zip(probe.finish());
    sides.map(move |(build, probe)| Partition {
        splittable: level < MAX_LEVEL && build.rows < rows,
        build,
        probe,
        level,
    })
}
