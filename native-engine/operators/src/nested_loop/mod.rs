//! Nested-loop join: every row of one side meets every row of the other, which is held (Spark's
//! `BroadcastNestedLoopJoinExec` and `CartesianProductExec`).

use std::sync::Arc;

use arclight_columns::{Schema, SparkType};
use arclight_expressions::ExpressionRef;

use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::task::TaskContext;

mod held;
mod pairs;
mod stream;
#[cfg(test)]
mod tests;

use stream::NestedLoopStream;

/// What a join gives for the rows that stream past the held ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NestedLoopKind {
    /// Every pair that matches.
    Inner,
    /// These, and each streamed row without a match once, beside NULLs.
    Outer,
    /// Each streamed row that has a match, once.
    Semi,
    /// Each streamed row that has no match.
    Anti,
    /// Each streamed row, and whether it has a match.
    Existence,
}

impl NestedLoopKind {
    /// Whether the held side's columns are in the output.
    pub fn gives_pairs(self) -> bool {
        matches!(self, NestedLoopKind::Inner | NestedLoopKind::Outer)
    }
}

/// Joins a stream with a held side by a condition over both, or by none. Rows come out in the order
/// of the stream, and for one streamed row in the order of the held side.
///
/// The condition is evaluated for the pairs that Spark evaluates it for: for semi, anti and
/// existence joins not beyond a streamed row's first match, unless it can't fail. A pair for which
/// it is NULL doesn't match.
///
/// The held side of an inner join goes to disk if it finds no memory, unless it is a broadcast. It is
/// then read once for every streamed batch, and rows come out in the order of its parts. Other joins
/// fail without memory.
#[derive(Debug)]
pub struct NestedLoopJoin {
    id: usize,
    streamed: OperatorRef,
    held: OperatorRef,
    /// Whether the held side's columns come first.
    held_left: bool,
    kind: NestedLoopKind,
    condition: Option<ExpressionRef>,
    schema: Schema,
}

impl NestedLoopJoin {
    /// A join of `streamed` and `held`. `condition` is over the columns of both, those of the held
    /// side first if `held_left`; `schema` is that of the output: both sides' columns in that order,
    /// or the streamed side's, for existence joins with a boolean behind.
    pub fn new(
        id: usize,
        streamed: OperatorRef,
        held: OperatorRef,
        held_left: bool,
        kind: NestedLoopKind,
        condition: Option<ExpressionRef>,
        schema: Schema,
    ) -> Self {
        NestedLoopJoin {
            id,
            streamed,
            held,
            held_left,
            kind,
            condition,
            schema,
        }
    }
}

impl Operator for NestedLoopJoin {
    fn name(&self) -> &'static str {
        "NestedLoopJoin"
    }
    fn schema(&self) -> &Schema {
        &self.schema
    }
    fn children(&self) -> Vec<&OperatorRef> {
        if self.held_left {
            vec![&self.held, &self.streamed]
        } else {
            vec![&self.streamed, &self.held]
        }
    }
    fn describe(&self) -> String {
        let side = if self.held_left { "left" } else { "right" };
        match &self.condition {
            Some(condition) => format!(
                "NestedLoopJoin {:?}, {side} side held, {condition:?}",
                self.kind
            ),
            None => format!("NestedLoopJoin {:?}, {side} side held", self.kind),
        }
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        if let Some(condition) = &self.condition
            && !matches!(condition.data_type(), SparkType::Boolean | SparkType::Null)
        {
            return Err(EngineError::Internal(format!(
                "join condition of type {}",
                condition.data_type()
            )));
        }
        Ok(Box::new(NestedLoopStream::new(self, task)?))
    }
}
