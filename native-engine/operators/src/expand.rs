//! Expand: several rows for each input row, one a projection (Spark's `ExpandExec`; grouping sets).

use std::sync::Arc;

use arclight_columns::{Batch, Schema};
use arclight_expressions::ExpressionRef;

use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::project::evaluate_all;
use crate::task::TaskContext;

/// Gives, for each batch, the rows of each projection, one projection's after the other's.
#[derive(Debug)]
pub struct Expand {
    id: usize,
    input: OperatorRef,
    projections: Vec<Vec<ExpressionRef>>,
    schema: Schema,
}

impl Expand {
    /// An expansion of `input`; each projection gives columns of `schema`'s types.
    pub fn new(
        id: usize,
        input: OperatorRef,
        projections: Vec<Vec<ExpressionRef>>,
        schema: Schema,
    ) -> Self {
        Expand {
            id,
            input,
            projections,
            schema,
        }
    }
}

impl Operator for Expand {
    fn name(&self) -> &'static str {
        "Expand"
    }
    fn schema(&self) -> &Schema {
        &self.schema
    }
    fn children(&self) -> Vec<&OperatorRef> {
        vec![&self.input]
    }
    fn describe(&self) -> String {
        format!("Expand {:?}", self.projections)
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        Ok(Box::new(ExpandStream {
            input: self.input.open(task)?,
            projections: self.projections.clone(),
            batch: None,
            next: 0,
            task: Arc::clone(task),
            metrics: task.operator_metrics(self.id),
        }))
    }
}

struct ExpandStream {
    input: Box<dyn BatchStream>,
    projections: Vec<Vec<ExpressionRef>>,
    batch: Option<Batch>,
    next: usize,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
}

impl BatchStream for ExpandStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        loop {
            self.task.check_cancelled()?;
            if let Some(batch) = &self.batch
                && let Some(projection) = self.projections.get(self.next)
            {
                self.next += 1;
                let columns = self
                    .metrics
                    .timed(|| evaluate_all(&self.task, projection, batch, &self.metrics))?;
                self.metrics.output(batch.active_rows());
                let selection = batch.selection().clone();
                return Ok(Some(Batch::with_selection(columns, selection)));
            }
            self.batch = self.input.next_batch()?;
            self.next = 0;
            if self.batch.is_none() {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Memory, collect, column_ref, ints, rows, task};
    use arclight_columns::{Field, SparkType};

    #[test]
    fn gives_each_projection_of_each_batch() {
        let batch = |v| Batch::new(vec![ints(&[Some(v), None]), ints(&[Some(7), Some(8)])], 2);
        let schema = Schema::new(vec![Field::new("x", SparkType::Int, true)]);
        let projections = vec![
            vec![column_ref(0, SparkType::Int)],
            vec![column_ref(1, SparkType::Int)],
        ];
        let input = Memory::of(vec![batch(1), batch(2)]);
        let expand = Expand::new(0, input, projections, schema);
        let output = rows(&collect(&expand, &task(1)).unwrap());
        assert_eq!(output, ["1", "NULL", "7", "8", "2", "NULL", "7", "8"]);
    }
}
