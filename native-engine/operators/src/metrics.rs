//! What an operator counts in a task.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// Counters of one operator in one task; named as in `proto/arclight/task.proto`.
#[derive(Debug, Default)]
pub struct OperatorMetrics {
    /// Active rows given out.
    pub output_rows: AtomicU64,
    /// Batches given out.
    pub output_batches: AtomicU64,
    /// Time inside the operator, its children excluded, in nanoseconds.
    pub elapsed_nanos: AtomicU64,
    /// Bytes written to spill files.
    pub spilled_bytes: AtomicU64,
    /// Times it spilled.
    pub spill_count: AtomicU64,
    /// The most bytes it reserved.
    pub peak_memory_bytes: AtomicU64,
    /// Rows of a join's build side.
    pub build_rows: AtomicU64,
    /// Bytes of a join's build side: in memory with its index, or on disk.
    pub build_bytes: AtomicU64,
    /// Bytes read from files or shuffle.
    pub bytes_read: AtomicU64,
    /// Files read.
    pub files_read: AtomicU64,
    /// Row groups read.
    pub row_groups_read: AtomicU64,
    /// Row groups skipped by statistics.
    pub row_groups_pruned: AtomicU64,
    /// Rows of the row groups read whose pages were skipped by the page index.
    pub pruned_rows: AtomicU64,
    /// Rows of a scan that a join's filter left out.
    pub filtered_rows: AtomicU64,
    /// Rows that Spark's own expressions evaluated.
    pub jvm_rows: AtomicU64,
    /// Batches whose failing kernel Spark did not confirm.
    pub kernel_disagreements: AtomicU64,
}

impl OperatorMetrics {
    /// Adds to a counter.
    pub fn add(counter: &AtomicU64, value: u64) {
        counter.fetch_add(value, Relaxed);
    }

    /// Raises a counter to at least `value`.
    pub fn max(counter: &AtomicU64, value: u64) {
        counter.fetch_max(value, Relaxed);
    }

    /// Counts one batch of `rows` active rows.
    pub fn output(&self, rows: usize) {
        Self::add(&self.output_rows, rows as u64);
        Self::add(&self.output_batches, 1);
    }

    /// Runs `f` and adds its time. Not to be nested with a child's `next_batch` inside.
    pub fn timed<T>(&self, f: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = f();
        Self::add(&self.elapsed_nanos, start.elapsed().as_nanos() as u64);
        result
    }
}
