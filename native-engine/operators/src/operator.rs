//! What an operator is, and how a task fails.

use std::sync::Arc;

use arclight_columns::{Batch, ColumnError, Schema};
use arclight_expressions::EvalError;
use arclight_memory::MemoryError;

use crate::broadcast::BroadcastSource;
use crate::filter_terms::FilterTerms;
use crate::host::HostError;
use crate::runtime_filter::ScanColumn;
use crate::task::TaskContext;

/// Why a task failed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// An expression failed.
    #[error(transparent)]
    Expression(#[from] EvalError),
    /// A column was not what its type says.
    #[error(transparent)]
    Column(#[from] ColumnError),
    /// Memory could not be had, or a spill file failed.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// An upcall failed; the bridge rethrows the exception it kept.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The task was killed.
    #[error("task killed")]
    Cancelled,
    /// A file could not be read. Becomes Spark's FAILED_READ_FILE error of the given kind.
    #[error("cannot read {path}: {message}")]
    ReadFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        message: String,
        /// Which of Spark's error conditions.
        kind: ReadFileError,
    },
    /// A local file (shuffle data, spill) could not be written or read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A defect of the engine.
    #[error("internal error: {0}")]
    Internal(String),
}

impl EngineError {
    /// Whether an expression failed for a row.
    pub(crate) fn is_of_row(&self) -> bool {
        matches!(
            self,
            EngineError::Expression(EvalError::Failed { .. } | EvalError::Jvm(_))
        )
    }
}

/// Sub-conditions of Spark's FAILED_READ_FILE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadFileError {
    /// FAILED_READ_FILE.FILE_NOT_EXIST.
    NotFound,
    /// FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH, with its parameters.
    TypeMismatch(Box<ColumnMismatch>),
    /// FAILED_READ_FILE.NO_HINT: several fields have the name of a column, but for its case.
    DuplicateField(Box<DuplicateField>),
    /// FAILED_READ_FILE.NO_HINT: damaged files and all else.
    Corrupt,
}

/// A column's name, and the fields of a file that have it in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateField {
    /// The name in the schema.
    pub name: String,
    /// The fields' names, in brackets and separated by commas.
    pub found: String,
}

/// A column that cannot be read as the type it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMismatch {
    /// The column's path, in brackets and separated by commas.
    pub column: String,
    /// The type to read it as (`catalogString`).
    pub expected: String,
    /// Parquet's physical type of it.
    pub found: String,
}

/// An operator: an immutable plan node shared by all tasks of a stage.
pub trait Operator: Send + Sync + std::fmt::Debug {
    /// The operator's name, for explain and errors.
    fn name(&self) -> &'static str;

    /// The columns it gives.
    fn schema(&self) -> &Schema;

    /// Its inputs.
    fn children(&self) -> Vec<&OperatorRef>;

    /// One line that says what it does, for explain.
    fn describe(&self) -> String {
        self.name().to_string()
    }

    /// Whether the task has a part of what it reads. A task of a union has that of one branch.
    fn is_present(&self, task: &TaskContext) -> bool {
        self.children().iter().all(|child| child.is_present(task))
    }

    /// The scan's column that output column `column` is, row for row, if the plan between lets
    /// rows be left out at the scan: rows whose value there is of no use to whoever reads this
    /// output (nor is NULL). `None`: there is no such scan.
    fn scan_column(&self, _column: usize) -> Option<ScanColumn> {
        None
    }

    /// The broadcast whose rows it gives, in every task the same: a join that is built of it
    /// shares its table among tasks.
    fn broadcast(&self) -> Option<BroadcastSource> {
        None
    }

    /// A task's own stream of the rows for which all of `terms` are TRUE, if this operator leaves
    /// out the others for less than a filter above it would. No term may fail.
    fn open_filtered(
        &self,
        _task: &Arc<TaskContext>,
        _terms: &FilterTerms,
    ) -> Option<Result<Box<dyn BatchStream>, EngineError>> {
        None
    }

    /// A task's own stream of batches.
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError>;
}

/// A shared operator.
pub type OperatorRef = Arc<dyn Operator>;

/// A task's stream of batches, pulled on one thread at a time.
pub trait BatchStream: Send {
    /// The next batch, or `None` at the end (and from then on). A batch may have no active row.
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError>;

    /// Whether the last batch begins a partition of the shuffle that is read: neither it nor a later
    /// one has a row with the shuffle's keys of a row before. Not every partition is noted.
    fn begins_partition(&self) -> bool {
        false
    }
}
