//! Project: evaluates expressions over each batch (Spark's `ProjectExec`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arclight_columns::{Batch, Column, Schema};
use arclight_expressions::{ExpressionRef, JvmResults};

use crate::broadcast::BroadcastSource;
use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::pieces::Pieces;
use crate::runtime_filter::ScanColumn;
use crate::task::TaskContext;

/// Gives the values of `expressions` for each input row.
#[derive(Debug)]
pub struct Project {
    id: usize,
    input: OperatorRef,
    expressions: Vec<ExpressionRef>,
    schema: Schema,
    /// Tells projections of the process apart.
    number: u64,
}

impl Project {
    /// A projection of `input`; `schema` names and types the expressions' results.
    pub fn new(
        id: usize,
        input: OperatorRef,
        expressions: Vec<ExpressionRef>,
        schema: Schema,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Project {
            id,
            input,
            expressions,
            schema,
            number: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl Operator for Project {
    fn name(&self) -> &'static str {
        "Project"
    }
    fn schema(&self) -> &Schema {
        &self.schema
    }
    fn children(&self) -> Vec<&OperatorRef> {
        vec![&self.input]
    }
    fn describe(&self) -> String {
        format!("Project {:?}", self.expressions)
    }
    fn scan_column(&self, column: usize) -> Option<ScanColumn> {
        // A row that is left out below does not raise here, as it would for Spark.
        let column = self.expressions.get(column)?.column()?;
        match self.expressions.iter().all(|e| e.is_total()) {
            true => self.input.scan_column(column),
            false => None,
        }
    }
    // Expressions can't be compared: those that Spark evaluates are numbers within the stage. The
    // tasks of one stage share the projection itself.
    fn broadcast(&self) -> Option<BroadcastSource> {
        let below = self.input.broadcast()?;
        Some(BroadcastSource {
            input: below.input,
            signature: format!("{}projection {}/", below.signature, self.number),
        })
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        Ok(Box::new(ProjectStream {
            input: Pieces::new(self.input.open(task)?),
            expressions: self.expressions.clone(),
            task: Arc::clone(task),
            metrics: task.operator_metrics(self.id),
        }))
    }
}

struct ProjectStream {
    input: Pieces,
    expressions: Vec<ExpressionRef>,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
}

/// Evaluates expressions over a batch's active rows.
pub(crate) fn evaluate_all(
    task: &TaskContext,
    expressions: &[ExpressionRef],
    batch: &Batch,
    metrics: &OperatorMetrics,
) -> Result<Vec<Column>, EngineError> {
    let mut results = JvmResults::default();
    expressions
        .iter()
        .map(|e| task.evaluate_among(e, batch, batch.selection(), metrics, &mut results))
        .collect()
}

impl BatchStream for ProjectStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        let (task, metrics) = (&self.task, &self.metrics);
        let output = self.input.next(task, |batch| {
            let columns =
                metrics.timed(|| evaluate_all(task, &self.expressions, batch, metrics))?;
            Ok(Batch::with_selection(columns, batch.selection().clone()))
        })?;
        if let Some(output) = &output {
            metrics.output(output.active_rows());
        }
        Ok(output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Memory, collect, column_ref, ints, rows, task};
    use arclight_columns::{Field, Selection, SparkType};

    #[test]
    fn evaluates_in_order_and_keeps_the_selection() {
        let batch = Batch::with_selection(
            vec![ints(&[Some(1), Some(2)]), ints(&[None, Some(20)])],
            Selection::from_rows(2, vec![1]),
        );
        let fields = ["b", "a"].map(|n| Field::new(n, SparkType::Int, true));
        let expressions = vec![column_ref(1, SparkType::Int), column_ref(0, SparkType::Int)];
        let project = Project::new(
            0,
            Memory::of(vec![batch]),
            expressions,
            Schema::new(fields.to_vec()),
        );
        assert_eq!(rows(&collect(&project, &task(1)).unwrap()), ["20,2"]);
    }

    #[test]
    fn projects_no_columns() {
        let batch = Batch::new(vec![ints(&[Some(1), Some(2)])], 2);
        let project = Project::new(0, Memory::of(vec![batch]), vec![], Schema::default());
        let output = collect(&project, &task(1)).unwrap();
        assert_eq!(output[0].active_rows(), 2);
    }
}
