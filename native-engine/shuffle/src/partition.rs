//! Which partition each row goes to.

use std::fmt;
use std::sync::Arc;

use arclight_columns::{Batch, Column};
use arclight_expressions::{ExpressionRef, SEED, murmur3};
use arclight_operators::{EngineError, Keys, OperatorMetrics, SortKey, TaskContext, encode_keys};
use arclight_rows::RowDecoder;

use crate::range::assign;

/// How an exchange distributes rows; shared by tasks.
#[derive(Debug, Clone)]
pub enum Partitioning {
    /// Everything to partition 0 (`SinglePartition`).
    Single,
    /// `pmod(murmur3(expressions, 42), partitions)` (`HashPartitioning`).
    Hash {
        /// What is hashed, in this order.
        expressions: Vec<ExpressionRef>,
        /// The number of partitions, at least 1.
        partitions: u32,
    },
    /// The first bound that is not below the row (`RangePartitioning`).
    Range {
        /// What is compared, in this order.
        keys: Vec<SortKey>,
        /// The encoded keys of the bounds, ascending; fewer than partitions. Made by
        /// [`Partitioning::range`].
        bounds: Arc<Keys>,
        /// The number of partitions, at least 1.
        partitions: u32,
    },
    /// One partition after the other (`RoundRobinPartitioning` without a sort before it: which
    /// rows go where depends on their order).
    RoundRobin {
        /// The number of partitions, at least 1.
        partitions: u32,
        /// Added to where a task begins.
        start: u32,
    },
}

impl Partitioning {
    /// A range partitioning whose bounds are UnsafeRows of the keys' values. There may be fewer
    /// bounds than `partitions - 1` (the last partitions are then empty), but not more.
    pub fn range(
        keys: Vec<SortKey>,
        bounds: &[Vec<u8>],
        partitions: u32,
    ) -> Result<Self, EngineError> {
        if bounds.len() >= partitions.max(1) as usize {
            let message = "more range bounds than partitions".to_string();
            return Err(EngineError::Internal(message));
        }
        let types = keys
            .iter()
            .map(|key| key.expression.data_type().clone())
            .collect();
        let lengths: Vec<i32> = bounds.iter().map(|row| row.len() as i32).collect();
        let columns = RowDecoder::new(types)
            .decode_bytes(&bounds.concat(), &lengths)
            .map_err(|error| EngineError::Internal(format!("range bounds: {error}")))?;
        let bounds = Arc::new(encode_keys(&columns, &orders(&keys), lengths.len())?);
        Ok(Partitioning::Range {
            keys,
            bounds,
            partitions,
        })
    }

    /// The number of partitions.
    pub fn partitions(&self) -> usize {
        let partitions = match self {
            Partitioning::Single => 1,
            Partitioning::Hash { partitions, .. } => *partitions,
            Partitioning::Range { partitions, .. } => *partitions,
            Partitioning::RoundRobin { partitions, .. } => *partitions,
        };
        partitions.max(1) as usize
    }
}

/// Ascending and nulls first of each key.
fn orders(keys: &[SortKey]) -> Vec<(bool, bool)> {
    keys.iter().map(|k| (k.ascending, k.nulls_first)).collect()
}

impl fmt::Display for Partitioning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partitions = self.partitions();
        match self {
            Partitioning::Single => f.write_str("single"),
            Partitioning::Hash { expressions, .. } => {
                write!(f, "hash({} expressions, {partitions})", expressions.len())
            }
            Partitioning::Range { keys, .. } => {
                write!(f, "range({} keys, {partitions})", keys.len())
            }
            Partitioning::RoundRobin { .. } => write!(f, "round robin({partitions})"),
        }
    }
}

/// A task's assignment of rows to partitions.
pub struct Partitioner {
    partitioning: Partitioning,
    partitions: u32,
    next: u32,
}

impl Partitioner {
    /// The partitioner of the task of partition `task`.
    pub fn new(partitioning: Partitioning, task: u32) -> Self {
        let partitions = partitioning.partitions() as u32;
        let next = match partitioning {
            // Tasks begin at scattered partitions, so that small inputs don't all go to the first
            // ones. (Fibonacci hashing; Spark draws a random number seeded with the partition.)
            Partitioning::RoundRobin { start, .. } => {
                let scattered = u64::from(task.wrapping_mul(0x9E37_79B9)) * u64::from(partitions);
                ((scattered >> 32) as u32 + start % partitions) % partitions
            }
            _ => 0,
        };
        Partitioner {
            partitioning,
            partitions,
            next,
        }
    }

    /// Replaces `ids` by the partition of each active row of `batch`, in order.
    pub fn assign(
        &mut self,
        batch: &Batch,
        task: &Arc<TaskContext>,
        metrics: &OperatorMetrics,
        ids: &mut Vec<u32>,
    ) -> Result<(), EngineError> {
        ids.clear();
        let rows = batch.active_rows();
        match &self.partitioning {
            _ if self.partitions == 1 => ids.resize(rows, 0),
            Partitioning::Single => ids.resize(rows, 0),
            Partitioning::Hash { expressions, .. } => {
                let columns = expressions
                    .iter()
                    .map(|e| task.evaluate(e, batch, batch.selection(), metrics))
                    .collect::<Result<Vec<Column>, _>>()?;
                let hashes = murmur3(&columns, batch.selection(), SEED);
                let partitions = self.partitions as i32;
                ids.extend(hashes.iter().map(|h| h.rem_euclid(partitions) as u32));
            }
            Partitioning::Range { keys, bounds, .. } => {
                let columns = keys
                    .iter()
                    .map(|k| task.evaluate(&k.expression, batch, batch.selection(), metrics))
                    .collect::<Result<Vec<Column>, _>>()?;
                assign(&columns, &orders(keys), bounds, batch.selection(), ids)?;
            }
            Partitioning::RoundRobin { .. } => {
                for _ in 0..rows {
                    ids.push(self.next);
                    self.next += 1;
                    if self.next == self.partitions {
                        self.next = 0;
                    }
                }
            }
        }
        Ok(())
    }
}
