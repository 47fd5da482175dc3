//! What computes a function's column, block by block.

use std::ops::Range;
use std::sync::Arc;

use arclight_columns::{Batch, Column};
use arclight_expressions::ExpressionRef;

use super::WindowFunction;
use super::aggregate;
use super::layout::Positions;
use super::offset::{Nth, Offset};
use super::ranking::Ranking;
use super::store::Store;
use crate::metrics::OperatorMetrics;
use crate::operator::EngineError;
use crate::task::TaskContext;

/// Rows of a chunk for which columns are computed.
pub(super) struct Block<'a> {
    /// Their numbers.
    pub(super) rows: Range<u64>,
    /// Where they are in their partitions.
    pub(super) positions: &'a Positions,
    /// Their values: the input's columns, then what functions take.
    pub(super) batch: &'a Batch,
}

/// A function's state in a task. It is given the blocks of a chunk in order.
pub(super) trait Evaluator: Send {
    /// Takes note of rows as they come, before the chunk is known to be whole; `partitions` has the
    /// partition of each, counted within the chunk.
    fn absorb(&mut self, _batch: &Batch, _partitions: &[u32]) -> Result<(), EngineError> {
        Ok(())
    }

    /// The values for the block's rows.
    fn evaluate(&mut self, block: &Block<'_>, store: &mut Store) -> Result<Column, EngineError>;

    /// The chunk has been given out.
    fn end_chunk(&mut self) {}
}

/// The columns that functions take: the input's own, and others computed once for each batch.
pub(super) struct Arguments {
    columns: usize,
    computed: Vec<ExpressionRef>,
}

impl Arguments {
    /// Those of an input of so many columns.
    pub(super) fn new(columns: usize) -> Self {
        Arguments {
            columns,
            computed: Vec::new(),
        }
    }

    /// The position of an expression's values.
    fn add(&mut self, expression: &ExpressionRef) -> usize {
        expression.column().unwrap_or_else(|| {
            self.computed.push(Arc::clone(expression));
            self.columns + self.computed.len() - 1
        })
    }

    /// What is computed beside the input's columns.
    pub(super) fn computed(&self) -> &[ExpressionRef] {
        &self.computed
    }
}

/// A function's evaluator.
pub(super) fn evaluator(
    function: &WindowFunction,
    arguments: &mut Arguments,
    task: &Arc<TaskContext>,
    metrics: &Arc<OperatorMetrics>,
) -> Box<dyn Evaluator> {
    match function {
        WindowFunction::Offset {
            input,
            offset,
            default,
            ignore_nulls,
        } => Box::new(Offset::new(
            arguments.add(input),
            *offset,
            default.as_ref().map(|default| arguments.add(default)),
            *ignore_nulls,
        )),
        WindowFunction::NthValue {
            input,
            n,
            ignore_nulls,
            frame,
        } => Box::new(Nth::new(arguments.add(input), *n, *ignore_nulls, *frame)),
        WindowFunction::Aggregate { measure, frame } => {
            let columns = measure.arguments.iter().map(|a| arguments.add(a)).collect();
            aggregate::evaluator(measure, columns, *frame, task, metrics)
        }
        ranking => Box::new(Ranking::new(ranking)),
    }
}
