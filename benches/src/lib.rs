//! What the benchmarks share: tables in memory, tasks, and running an operator to its end.
//!
//! Every benchmark handles [`ROWS`] rows in batches of [`BATCH`], on one thread, with the allocator
//! that the plugin's library has. The values are the same in every run.

mod table;

use std::sync::Arc;

use arclight_columns::{ColumnBuilder, SparkType};
use arclight_expressions::{ColumnRef, EvalMode, ExpressionRef, FunctionCall, Literal, build};
use arclight_memory::{SpillDirectories, TaskMemory};
use arclight_operators::{NoHost, Operator, Split, TaskContext, TaskSettings};

pub use table::{AMOUNT, Contents, Table, mixed};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rows of a table.
pub const ROWS: usize = 1 << 20;

/// Rows of a batch.
pub const BATCH: usize = 8192;

/// A task with memory for all, that reads these splits.
pub fn task(splits: Vec<Split>) -> Arc<TaskContext> {
    TaskContext::new(
        TaskSettings::default(),
        TaskMemory::unbounded(),
        SpillDirectories::new(Vec::new()),
        0,
        splits,
        4,
        Box::new(NoHost),
    )
}

/// Runs an operator in a task and counts the rows it gives.
///
/// # Panics
/// If the operator fails.
pub fn run(operator: &dyn Operator, task: &Arc<TaskContext>) -> usize {
    let mut stream = operator.open(task).expect("the operator opens");
    let mut rows = 0;
    while let Some(batch) = stream.next_batch().expect("the operator gives a batch") {
        rows += batch.active_rows();
    }
    rows
}

/// A column of the input.
pub fn column(index: usize, data_type: SparkType) -> ExpressionRef {
    Arc::new(ColumnRef::new(index, data_type))
}

/// A constant text.
pub fn text(value: &str) -> ExpressionRef {
    let mut builder = ColumnBuilder::new(SparkType::String, 1);
    builder.push_bytes(value.as_bytes());
    Arc::new(Literal::new(builder.finish()))
}

/// A function of the catalogue, in ANSI mode.
///
/// # Panics
/// If there is none of that name for the arguments.
pub fn call(name: &str, arguments: Vec<ExpressionRef>, output: SparkType) -> ExpressionRef {
    build(&FunctionCall {
        name: name.to_string(),
        arguments,
        output,
        mode: EvalMode::Ansi,
        zone: None,
    })
    .expect("the catalogue has the function")
}
