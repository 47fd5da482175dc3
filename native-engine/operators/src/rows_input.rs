//! Rows input: rows of the JVM decoded into columns (Spark's `RowToColumnarExec`).

use std::sync::Arc;

use arclight_columns::{Batch, Schema};
use arclight_memory::Reservation;
use arclight_rows::RowDecoder;

use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::task::{Split, TaskContext};

/// Gives the rows of one of the stage's inputs.
#[derive(Debug)]
pub struct RowsInput {
    id: usize,
    input: u32,
    schema: Schema,
}

impl RowsInput {
    /// The rows of input `input`, which have the columns of `schema`.
    pub fn new(id: usize, input: u32, schema: Schema) -> Self {
        RowsInput { id, input, schema }
    }
}

impl Operator for RowsInput {
    fn name(&self) -> &'static str {
        "RowsInput"
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
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        Ok(Box::new(RowsStream {
            input: self.input,
            decoder: RowDecoder::new(self.schema.types()),
            ended: !matches!(task.split(self.input), Split::Rows),
            memory: task.memory.reservation("rows input"),
            task: Arc::clone(task),
            metrics: task.operator_metrics(self.id),
        }))
    }
}

struct RowsStream {
    input: u32,
    decoder: RowDecoder,
    ended: bool,
    /// For the JVM's block of rows, and the columns they are copied to.
    memory: Reservation,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
}

impl BatchStream for RowsStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        self.task.check_cancelled()?;
        if self.ended {
            return Ok(None);
        }
        let Some(block) = self.task.with_host(|host| host.next_rows(self.input))? else {
            self.ended = true;
            self.memory.free();
            return Ok(None);
        };
        // SAFETY: the host lends `count` rows and lengths until it is asked for the next.
        let lengths = unsafe { std::slice::from_raw_parts(block.lengths, block.count) };
        let bytes: u64 = lengths.iter().map(|&l| u64::from(l.unsigned_abs())).sum();
        let held = 2 * bytes + 4 * block.count as u64;
        self.memory.hold(held)?;
        let columns = self.metrics.timed(|| {
            // SAFETY: the rows are lent as their lengths are.
            unsafe { self.decoder.decode(block.rows, lengths) }
        });
        let columns = columns.map_err(|error| EngineError::Internal(error.to_string()))?;
        self.metrics.output(block.count);
        Ok(Some(Batch::new(columns, block.count)))
    }
}
