//! Operators: immutable plan nodes that open a task's own stream of batches.

mod aggregate;
mod broadcast;
mod expand;
mod filter;
mod filter_terms;
mod generate;
mod host;
mod join;
mod key_bytes;
mod limit;
mod metrics;
mod nested_loop;
mod operator;
mod pieces;
mod project;
mod range;
mod rows_input;
mod runtime_filter;
mod shared;
mod sort;
mod spill;
mod task;
#[cfg(test)]
mod testing;
mod top_n;
mod union;
mod window;

pub use aggregate::{HashAggregate, Measure, Phase};
pub use broadcast::{BroadcastInput, BroadcastSource};
pub use expand::Expand;
pub use filter::Filter;
pub use filter_terms::FilterTerms;
pub use generate::{Generate, Generator};
pub use host::{
    FileFailure, HostError, HostServices, NoHost, RowBlock, ShuffleBlock, ShuffleFiles,
};
pub use join::{HashJoin, JoinKind, JoinSide, JoinSpec, JoinSpecError, JoinTable, TableProvider};
pub use limit::Limit;
pub use metrics::OperatorMetrics;
pub use nested_loop::{NestedLoopJoin, NestedLoopKind};
pub use operator::{
    BatchStream, ColumnMismatch, DuplicateField, EngineError, Operator, OperatorRef, ReadFileError,
};
pub use project::Project;
pub use range::Range;
pub use rows_input::RowsInput;
pub use runtime_filter::{
    CollectKeys, CollectedKeys, FilterByKeys, KeySetError, RuntimeFilter, RuntimeFilters,
    ScanColumn, StageFilter,
};
pub use shared::{SharedTables, shared_tables};
pub use sort::{GroupLimit, Keys, Sort, SortKey, encode_keys};
pub use spill::{Run, SpillReader, SpillWriter};
pub use task::{FileSplit, Split, TaskContext, TaskSettings};
pub use top_n::TopN;
pub use union::Union;
pub use window::{Bound, Frame, FrameUnit, RankFunction, Window, WindowFunction, WindowGroupLimit};
