//! Operators: immutable plan nodes that open a task's own stream of batches.

mod host;
mod metrics;
mod operator;
mod task;

pub use host::{HostError, HostServices, NoHost, RowBlock, ShuffleBlock};
pub use metrics::OperatorMetrics;
pub use operator::{BatchStream, EngineError, Operator, OperatorRef, ReadFileError};
pub use task::{FileSplit, Split, TaskContext, TaskSettings};
