//! Expand: several rows for each input row, one a projection (Spark's `ExpandExec`; grouping sets).

use std::sync::Arc;

use arclight_columns::{Batch, Schema};
use arclight_expressions::ExpressionRef;

use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::pieces::Pieces;
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
            input: Pieces::new(self.input.open(task)?),
            projections: self.projections.clone(),
            projected: Vec::new().into_iter(),
            task: Arc::clone(task),
            metrics: task.operator_metrics(self.id),
        }))
    }
}

struct ExpandStream {
    input: Pieces,
    projections: Vec<Vec<ExpressionRef>>,
    /// The projections of the last batch that were not given out yet. They are evaluated together:
    /// of a row, Spark gives the last one before the next row's first.
    projected: std::vec::IntoIter<Batch>,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
}

impl BatchStream for ExpandStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        loop {
            if let Some(output) = self.projected.next() {
                self.metrics.output(output.active_rows());
                return Ok(Some(output));
            }
            let (task, metrics, projections) = (&self.task, &self.metrics, &self.projections);
            let projected = self.input.next(task, |batch| {
                let project = |projection: &Vec<ExpressionRef>| {
                    let columns = evaluate_all(task, projection, batch, metrics)?;
                    Ok(Batch::with_selection(columns, batch.selection().clone()))
                };
                metrics.timed(|| {
                    projections
                        .iter()
                        .map(project)
                        .collect::<Result<Vec<_>, _>>()
                })
            })?;
            match projected {
                Some(projected) => self.projected = projected.into_iter(),
                None => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FailsAt, Memory, collect, column_ref, ints, rows, task, until_failure};
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

    #[test]
    fn of_rows_before_a_failing_one_all_projections_come_first() {
        let schema = Schema::new(vec![Field::new("x", SparkType::Int, true)]);
        let projections: Vec<Vec<ExpressionRef>> = vec![
            vec![column_ref(0, SparkType::Int)],
            vec![Arc::new(FailsAt::new(0, SparkType::Int, 3))],
        ];
        let values = ints(&[Some(1), Some(2), Some(3), Some(4)]);
        let input = Memory::of(vec![Batch::new(vec![values], 4)]);
        let expand = Expand::new(0, input, projections, schema);
        let expected = ["1", "2", "1", "2"].map(str::to_string).to_vec();
        assert_eq!(until_failure(&expand, &task(8)), (expected, true));
    }
}
