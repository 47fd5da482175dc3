//! The engine's view of the JVM, implemented by the bridge over upcalls and by the runner.

use std::path::PathBuf;

use arclight_columns::{Batch, Column, SparkType};
use arclight_expressions::{EvalError, JvmExpressions};

/// An upcall failed. The bridge keeps the exception itself and rethrows it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct HostError(pub String);

/// Why a file could not be opened or read. Of the first two the host keeps the exception for
/// [`HostServices::file_failed`].
#[derive(Debug, thiserror::Error)]
pub enum FileFailure {
    /// It is not there; may be skipped where missing files are ignored.
    #[error("{0}")]
    Missing(String),
    /// It cannot be read; may be skipped where corrupt files are ignored.
    #[error("{0}")]
    Unreadable(String),
    /// The upcall itself failed.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// UnsafeRows lent by the JVM until the next call for rows.
#[derive(Debug, Clone, Copy)]
pub struct RowBlock {
    /// Number of rows.
    pub count: usize,
    /// Address of the rows, one after the other.
    pub rows: *const u8,
    /// Address of `count` row lengths in bytes.
    pub lengths: *const i32,
}

/// The blocks of a shuffle that are in files of this host.
#[derive(Debug, Clone, Default)]
pub struct ShuffleFiles {
    /// The data files.
    pub paths: Vec<PathBuf>,
    /// The blocks, in the order in which they are read.
    pub blocks: Vec<ShuffleBlock>,
    /// Whether the blocks of each partition follow each other, and there are no further blocks.
    pub by_partition: bool,
}

/// A block in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShuffleBlock {
    /// Which of the files it is in.
    pub file: usize,
    /// Where it begins.
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
    /// The shuffle's partition that it is of.
    pub partition: u32,
}

/// What the engine asks of the JVM. Called on the task's thread only.
pub trait HostServices: JvmExpressions + Send {
    /// Whether the task was killed.
    fn is_cancelled(&mut self) -> bool;

    /// Forgets the exception that Spark's own expression raised last; `false`, and it stays, if it is
    /// no failure of a row (`java.lang.Error`). True without one.
    fn forget_exception(&mut self) -> bool {
        true
    }

    /// The next rows of input `input`, or `None` at the end.
    fn next_rows(&mut self, input: u32) -> Result<Option<RowBlock>, HostError>;

    /// The blocks of shuffle input `input` that are in files. Asked for once, before any stream.
    fn shuffle_files(&mut self, input: u32) -> Result<ShuffleFiles, HostError>;

    /// Opens the stream of the next block of `input` that is in no file; `false` at the end.
    fn next_shuffle_stream(&mut self, input: u32) -> Result<bool, HostError>;

    /// Reads from the current stream of `input`; 0 at its end.
    fn read_shuffle(&mut self, input: u32, buffer: &mut [u8]) -> Result<usize, HostError>;

    /// Tells the JVM that a block of `input` is damaged: one of the files' blocks, by its position,
    /// or the current stream. The JVM keeps the FetchFailedException to throw, and this returns the
    /// error to stop with.
    fn shuffle_block_failed(&mut self, input: u32, block: Option<usize>, reason: &str)
    -> HostError;

    /// Opens a file that is not local; gives a handle and the length.
    fn open_file(&mut self, path: &str) -> Result<(u64, u64), FileFailure>;

    /// Fills `buffer` from `offset` of an open file.
    fn read_file(&mut self, handle: u64, offset: u64, buffer: &mut [u8])
    -> Result<(), FileFailure>;

    /// The error to stop with after a file could not be opened or read and is not skipped; the
    /// JVM keeps the exception to throw. `None` if the last such failure was not the host's.
    fn file_failed(&mut self) -> Option<HostError>;

    /// Closes a file.
    fn close_file(&mut self, handle: u64);

    /// Makes microseconds of the hybrid Julian-Gregorian calendar in a time zone (`None`: the JVM's
    /// own) those of the proleptic Gregorian one, as `RebaseDateTime.rebaseJulianToGregorianMicros`
    /// of Spark does.
    fn rebase_micros(&mut self, _zone: Option<&str>, _micros: &mut [i64]) -> Result<(), HostError> {
        none()
    }

    /// The next rows of broadcast `input`, whose columns have these types, or `None` at the end.
    fn next_broadcast(
        &mut self,
        _input: u32,
        _types: &[SparkType],
    ) -> Result<Option<Batch>, HostError> {
        none()
    }

    /// Has [`HostServices::next_broadcast`] give the rows of `input` from the first one on.
    fn rewind_broadcast(&mut self, _input: u32) -> Result<(), HostError> {
        none()
    }

    /// Asks for memory that no task owns, for a table of broadcast `input` under construction;
    /// `false`: refused. Never waits for other tasks.
    fn acquire_storage(&mut self, _input: u32, _bytes: u64) -> Result<bool, HostError> {
        none()
    }

    /// Gives back what [`HostServices::acquire_storage`] gave.
    fn release_storage(&mut self, _bytes: u64) -> Result<(), HostError> {
        none()
    }

    /// Lets the JVM own the finished table `table` of broadcast `input`, charged with `bytes`
    /// instead of what was acquired for it, and keeps it for this task. `false`: refused. The JVM
    /// gives it up (`SharedTables::drop_table`) with the broadcast, or when it needs the memory.
    fn publish_table(&mut self, _input: u32, _table: u64, _bytes: u64) -> Result<bool, HostError> {
        none()
    }

    /// Keeps a published table until the task ends; `false`: the JVM has given it up.
    fn pin_table(&mut self, _input: u32, _table: u64) -> Result<bool, HostError> {
        none()
    }
}

/// No JVM: the runner and unit tests. Every call that needs one fails.
pub struct NoHost;

fn none<T>() -> Result<T, HostError> {
    Err(HostError("there is no JVM here".to_string()))
}

impl JvmExpressions for NoHost {
    fn evaluate(&mut self, index: u32, inputs: &Batch, t: &SparkType) -> Result<Column, EvalError> {
        arclight_expressions::NoJvm.evaluate(index, inputs, t)
    }
}

impl HostServices for NoHost {
    fn is_cancelled(&mut self) -> bool {
        false
    }
    fn next_rows(&mut self, _input: u32) -> Result<Option<RowBlock>, HostError> {
        none()
    }
    fn shuffle_files(&mut self, _input: u32) -> Result<ShuffleFiles, HostError> {
        none()
    }
    fn next_shuffle_stream(&mut self, _input: u32) -> Result<bool, HostError> {
        none()
    }
    fn read_shuffle(&mut self, _input: u32, _buffer: &mut [u8]) -> Result<usize, HostError> {
        none()
    }
    fn shuffle_block_failed(&mut self, _: u32, _: Option<usize>, reason: &str) -> HostError {
        HostError(reason.to_string())
    }
    fn open_file(&mut self, _path: &str) -> Result<(u64, u64), FileFailure> {
        Ok(none()?)
    }
    fn read_file(&mut self, _: u64, _: u64, _: &mut [u8]) -> Result<(), FileFailure> {
        Ok(none()?)
    }
    fn file_failed(&mut self) -> Option<HostError> {
        None
    }
    fn close_file(&mut self, _handle: u64) {}
}
