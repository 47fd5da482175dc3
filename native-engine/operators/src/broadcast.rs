//! Broadcast input: the rows of a broadcast (Spark's `BroadcastExchangeExec` below a join).

use std::sync::Arc;

use arclight_columns::Schema;

use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::rows_input::rows;
use crate::task::{Split, TaskContext};

/// Rows that are the same in every task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroadcastSource {
    /// The stage's input, which is a broadcast.
    pub input: u32,
    /// What was done to the broadcast's rows: equal signatures over one broadcast mean equal rows.
    pub signature: String,
}

/// Gives all rows of a broadcast, in its order.
#[derive(Debug)]
pub struct BroadcastInput {
    id: usize,
    input: u32,
    schema: Schema,
}

impl BroadcastInput {
    /// The rows of broadcast `input`, which have the columns of `schema`.
    pub fn new(id: usize, input: u32, schema: Schema) -> Self {
        BroadcastInput { id, input, schema }
    }
}

impl Operator for BroadcastInput {
    fn name(&self) -> &'static str {
        "BroadcastInput"
    }
    fn schema(&self) -> &Schema {
        &self.schema
    }
    fn children(&self) -> Vec<&OperatorRef> {
        Vec::new()
    }
    fn broadcast(&self) -> Option<BroadcastSource> {
        Some(BroadcastSource {
            input: self.input,
            signature: String::new(),
        })
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        let ended = !matches!(task.split(self.input), Split::Broadcast(_));
        if !ended {
            task.with_host(|host| host.rewind_rows(self.input))?;
        }
        Ok(rows(task, self.id, self.input, &self.schema, ended))
    }
}
