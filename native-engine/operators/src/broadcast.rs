//! Broadcast input: the rows of a broadcast (Spark's `BroadcastExchangeExec` below a join).

use std::sync::Arc;

use arclight_columns::{Batch, Schema, SparkType};
use arclight_memory::Reservation;

use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
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
    fn is_present(&self, task: &TaskContext) -> bool {
        task.has_split(self.input)
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
            task.with_host(|host| host.rewind_broadcast(self.input))?;
        }
        Ok(Box::new(BroadcastStream {
            input: self.input,
            types: self.schema.types(),
            ended,
            memory: task.memory.reservation("broadcast input"),
            task: Arc::clone(task),
            metrics: task.operator_metrics(self.id),
        }))
    }
}

struct BroadcastStream {
    input: u32,
    types: Vec<SparkType>,
    ended: bool,
    /// For the batch given last.
    memory: Reservation,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
}

impl BatchStream for BroadcastStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        self.task.check_cancelled()?;
        if self.ended {
            return Ok(None);
        }
        let (task, types) = (&self.task, &self.types);
        let batch = self
            .metrics
            .timed(|| task.with_host(|host| host.next_broadcast(self.input, types)))?;
        match &batch {
            Some(batch) => {
                self.memory.hold(batch.memory_size() as u64)?;
                self.metrics.output(batch.len());
            }
            None => {
                self.ended = true;
                self.memory.free();
            }
        }
        Ok(batch)
    }
}
