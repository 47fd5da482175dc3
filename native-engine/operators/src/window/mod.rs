//! Window: columns computed over the rows around each row, within partitions of rows with equal
//! keys (Spark's `WindowExec`). The input comes in the order of the partition keys and, within a
//! partition, of the ordering; the output has the same rows in the same order.
//!
//! ```text
//!            ┌ boundaries: where partitions and peers begin
//! batch ─────┤
//!            └ store: the rows, in memory or on disk ──► a chunk of whole partitions
//!                                                            │ block by block
//!                                          layout ──► functions ──► batch
//! ```
//! Functions that look at no later row (and, but by their state, at no earlier one) need no whole
//! partitions: then each batch is a chunk and goes out as soon as it came.

mod aggregate;
mod boundaries;
mod evaluator;
mod frame;
mod group_limit;
mod layout;
mod offset;
mod rank;
mod ranking;
mod reader;
mod store;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arclight_columns::{Field, Schema, SparkType};
use arclight_expressions::ExpressionRef;

pub use frame::{Bound, Frame, FrameUnit};
pub use group_limit::WindowGroupLimit;
pub(crate) use rank::RankCounter;
pub use rank::RankFunction;

use crate::aggregate::Measure;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::task::TaskContext;

/// What is computed for each row.
#[derive(Debug, Clone)]
pub enum WindowFunction {
    /// `row_number()` (Spark's `RowNumber`): int, from 1 in each partition.
    RowNumber,
    /// `rank()` (`Rank`): int, the number of the first peer.
    Rank,
    /// `dense_rank()` (`DenseRank`): int, the number of the group of peers.
    DenseRank,
    /// `percent_rank()` (`PercentRank`): double, `(rank - 1) / (rows - 1)`, 0.0 of a single row.
    PercentRank,
    /// `cume_dist()` (`CumeDist`): double, the share of rows up to the last peer.
    CumeDist,
    /// `ntile(n)` (`NTile`): int, the number of the row's share of n nearly equal ones.
    NTile(i64),
    /// `lead`, and `lag` with a negative offset (`Lead`, `Lag`): the input's value so many rows on
    /// in the partition.
    Offset {
        /// Whose value.
        input: ExpressionRef,
        /// Rows from the current one.
        offset: i64,
        /// The value of the current row where there is no such row; `None`: NULL.
        default: Option<ExpressionRef>,
        /// Whether only rows whose value is not NULL are counted.
        ignore_nulls: bool,
    },
    /// `nth_value` (`NthValue`): the value of the frame's n-th row, counted from 1; NULL if the
    /// frame has fewer.
    NthValue {
        /// Whose value.
        input: ExpressionRef,
        /// Which row.
        n: u64,
        /// Whether only rows whose value is not NULL are counted.
        ignore_nulls: bool,
        /// The frame.
        frame: Frame,
    },
    /// An aggregate function over a frame (`AggregateExpression`).
    Aggregate {
        /// The function, which takes in rows and gives its result. Without a filter.
        measure: Measure,
        /// The frame.
        frame: Frame,
    },
}

impl WindowFunction {
    /// The type of the column.
    fn data_type(&self) -> SparkType {
        match self {
            WindowFunction::RowNumber
            | WindowFunction::Rank
            | WindowFunction::DenseRank
            | WindowFunction::NTile(_) => SparkType::Int,
            WindowFunction::PercentRank | WindowFunction::CumeDist => SparkType::Double,
            WindowFunction::Offset { input, .. } | WindowFunction::NthValue { input, .. } => {
                input.data_type().clone()
            }
            WindowFunction::Aggregate { measure, .. } => measure.function.data_type().clone(),
        }
    }

    /// Whether a row's value is known without the rows behind it, and without those before it but
    /// for what the function keeps of them.
    fn streams(&self) -> bool {
        match self {
            WindowFunction::RowNumber | WindowFunction::Rank | WindowFunction::DenseRank => true,
            WindowFunction::Aggregate { frame, .. } => frame.is_running(),
            _ => false,
        }
    }

    /// Whether it matters which rows are peers.
    fn needs_peers(&self) -> bool {
        match self {
            WindowFunction::RowNumber | WindowFunction::NTile(_) => false,
            WindowFunction::Rank
            | WindowFunction::DenseRank
            | WindowFunction::PercentRank
            | WindowFunction::CumeDist => true,
            WindowFunction::Offset { .. } => false,
            WindowFunction::NthValue { frame, .. } | WindowFunction::Aggregate { frame, .. } => {
                frame.needs_peers()
            }
        }
    }
}

/// Gives its input's columns, and a column for each function.
#[derive(Debug)]
pub struct Window {
    id: usize,
    input: OperatorRef,
    plan: Arc<WindowPlan>,
}

/// What the tasks of a window share.
#[derive(Debug)]
struct WindowPlan {
    partitions: Vec<ExpressionRef>,
    orders: Vec<ExpressionRef>,
    functions: Vec<WindowFunction>,
    schema: Schema,
}

impl Window {
    /// `functions` over the rows of `input`, which are in the order of `partitions` and then of
    /// `orders`.
    pub fn new(
        id: usize,
        input: OperatorRef,
        partitions: Vec<ExpressionRef>,
        orders: Vec<ExpressionRef>,
        functions: Vec<WindowFunction>,
    ) -> Self {
        let columns = input.schema().fields.iter().cloned();
        let results = functions
            .iter()
            .enumerate()
            .map(|(i, function)| Field::new(format!("window{i}"), function.data_type(), true));
        let schema = Schema::new(columns.chain(results).collect());
        let plan = WindowPlan {
            partitions,
            orders,
            functions,
            schema,
        };
        Window {
            id,
            input,
            plan: Arc::new(plan),
        }
    }
}

impl Operator for Window {
    fn name(&self) -> &'static str {
        "Window"
    }
    fn schema(&self) -> &Schema {
        &self.plan.schema
    }
    fn children(&self) -> Vec<&OperatorRef> {
        vec![&self.input]
    }
    fn describe(&self) -> String {
        let WindowPlan {
            partitions,
            orders,
            functions,
            ..
        } = self.plan.as_ref();
        format!("Window {functions:?} by {partitions:?} in the order of {orders:?}")
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        let input = self.input.open(task)?;
        let types = self.input.schema().types();
        let metrics = task.operator_metrics(self.id);
        let stream = stream::WindowStream::new(&self.plan, input, types, task, metrics);
        Ok(Box::new(stream))
    }
}
