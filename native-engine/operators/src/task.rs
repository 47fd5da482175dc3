//! What a task has: its splits, memory, metrics and the way to the JVM.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arclight_columns::{Batch, Column, Selection};
use arclight_expressions::{EvalContext, ExpressionRef, JvmResults};
use arclight_memory::{SpillDirectories, TaskMemory};
use parking_lot::Mutex;

use crate::host::HostServices;
use crate::metrics::OperatorMetrics;
use crate::operator::EngineError;
use crate::runtime_filter::{CollectedKeys, RuntimeFilters};

/// A task's part of one of the stage's inputs.
#[derive(Debug, Clone)]
pub enum Split {
    /// Nothing in this task: another branch of a union.
    Absent,
    /// Parts of files.
    Files(Vec<FileSplit>),
    /// Rows by upcall.
    Rows,
    /// Shuffle blocks by upcall.
    Shuffle,
    /// A slice of a range.
    Slice(u32),
    /// All rows of Spark's broadcast of this number, by upcall.
    Broadcast(i64),
}

/// A part of a file.
#[derive(Debug, Clone)]
pub struct FileSplit {
    /// A path of the local file system, or a URI that the JVM opens.
    pub path: String,
    /// Which of the two.
    pub local: bool,
    /// Row groups whose middle lies in `start..start + length` belong to the split.
    pub start: u64,
    /// See `start`.
    pub length: u64,
    /// The file's size in bytes.
    pub file_size: u64,
    /// Values of the scan's constant columns, each a column of length 1.
    pub constants: Vec<Column>,
}

/// Settings of a stage that operators read.
#[derive(Debug, Clone)]
pub struct TaskSettings {
    /// Rows of a batch, at most.
    pub batch_size: usize,
    /// Test setting: all hash values are equal, so that every lookup collides.
    pub equal_hashes: bool,
}

impl Default for TaskSettings {
    fn default() -> Self {
        TaskSettings {
            batch_size: 8192,
            equal_hashes: false,
        }
    }
}

/// Everything a task's operators share.
pub struct TaskContext {
    /// Settings.
    pub settings: TaskSettings,
    /// The task's memory.
    pub memory: Arc<TaskMemory>,
    /// Where to spill.
    pub spill: SpillDirectories,
    /// The task's partition number.
    pub partition: u32,
    /// By input number.
    pub splits: Vec<Split>,
    /// What joins tell the scans below them.
    pub runtime_filters: RuntimeFilters,
    /// What it collected for the filters of other stages.
    pub collected_keys: CollectedKeys,
    /// By operator id.
    pub metrics: Vec<Arc<OperatorMetrics>>,
    host: Mutex<Box<dyn HostServices>>,
    began: Instant,
    /// When to ask next whether the task was killed, in nanoseconds since it began.
    asks_at: AtomicU64,
}

/// How often a task asks whether it was killed, in nanoseconds: each time costs an upcall, which is
/// more than many a small batch.
const ASKING_INTERVAL: u64 = 5_000_000;

impl TaskContext {
    /// A task over these splits, with `operators` sets of metrics.
    pub fn new(
        settings: TaskSettings,
        memory: Arc<TaskMemory>,
        spill: SpillDirectories,
        partition: u32,
        splits: Vec<Split>,
        operators: usize,
        host: Box<dyn HostServices>,
    ) -> Arc<Self> {
        Arc::new(TaskContext {
            settings,
            memory,
            spill,
            partition,
            splits,
            runtime_filters: RuntimeFilters::default(),
            collected_keys: CollectedKeys::default(),
            metrics: (0..operators)
                .map(|_| Arc::new(OperatorMetrics::default()))
                .collect(),
            host: Mutex::new(host),
            began: Instant::now(),
            asks_at: AtomicU64::new(0),
        })
    }

    /// The metrics of operator `id`; fresh ones that nobody reads if there is no such id.
    pub fn operator_metrics(&self, id: usize) -> Arc<OperatorMetrics> {
        self.metrics.get(id).cloned().unwrap_or_default()
    }

    /// The split of input `input`.
    pub fn split(&self, input: u32) -> &Split {
        self.splits.get(input as usize).unwrap_or(&Split::Absent)
    }

    /// Whether there is a split of input `input`.
    pub fn has_split(&self, input: u32) -> bool {
        !matches!(self.split(input), Split::Absent)
    }

    /// Runs `f` with the way to the JVM. Not reentrant.
    pub fn with_host<T>(&self, f: impl FnOnce(&mut dyn HostServices) -> T) -> T {
        f(self.host.lock().as_mut())
    }

    /// Fails if the task was killed; it is asked every few milliseconds at most. Called once a batch.
    pub fn check_cancelled(&self) -> Result<(), EngineError> {
        let now = self.began.elapsed().as_nanos() as u64;
        if now < self.asks_at.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.host.lock().is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        self.asks_at.store(now + ASKING_INTERVAL, Ordering::Relaxed);
        Ok(())
    }

    /// Whether a failure is of a row, so that the rows before it can be computed without it; if so, it
    /// is as if it had not been.
    pub(crate) fn takes_back(&self, error: &EngineError) -> bool {
        error.is_of_row() && self.host.lock().forget_exception()
    }

    /// Evaluates an expression over the given rows of a batch and counts what the JVM did.
    pub fn evaluate(
        &self,
        expression: &ExpressionRef,
        batch: &Batch,
        rows: &Selection,
        metrics: &OperatorMetrics,
    ) -> Result<Column, EngineError> {
        let mut results = JvmResults::default();
        self.evaluate_among(expression, batch, rows, metrics, &mut results)
    }

    /// Evaluates one of several expressions over a batch: `results` is of all of them.
    pub(crate) fn evaluate_among(
        &self,
        expression: &ExpressionRef,
        batch: &Batch,
        rows: &Selection,
        metrics: &OperatorMetrics,
        results: &mut JvmResults,
    ) -> Result<Column, EngineError> {
        let mut host = self.host.lock();
        let mut context = EvalContext::new(host.as_mut());
        context.results = std::mem::take(results);
        let result = expression.evaluate(batch, rows, &mut context);
        *results = context.results;
        let (jvm_rows, disagreements) = (context.jvm_rows, context.kernel_disagreements);
        if jvm_rows > 0 {
            OperatorMetrics::add(&metrics.jvm_rows, jvm_rows);
        }
        if disagreements > 0 {
            OperatorMetrics::add(&metrics.kernel_disagreements, disagreements);
        }
        Ok(result?)
    }
}
