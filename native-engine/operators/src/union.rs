//! Union: the rows of its branches, one branch after the other (Spark's `UnionExec`).

use std::sync::Arc;

use arclight_columns::{Batch, Schema};

use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::task::{Split, TaskContext};

/// Gives the rows of the branches whose inputs are present in the task: a task of a Spark union
/// belongs to one partition of one branch.
#[derive(Debug)]
pub struct Union {
    id: usize,
    branches: Vec<OperatorRef>,
    inputs: Vec<Vec<u32>>,
    schema: Schema,
}

impl Union {
    /// A union of branches, each with the numbers of the stage inputs it reads. A branch runs
    /// unless one of its inputs is absent.
    pub fn new(id: usize, branches: Vec<(OperatorRef, Vec<u32>)>, schema: Schema) -> Self {
        let (branches, inputs) = branches.into_iter().unzip();
        Union {
            id,
            branches,
            inputs,
            schema,
        }
    }
}

impl Operator for Union {
    fn name(&self) -> &'static str {
        "Union"
    }
    fn schema(&self) -> &Schema {
        &self.schema
    }
    fn children(&self) -> Vec<&OperatorRef> {
        self.branches.iter().collect()
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        let present = |inputs: &Vec<u32>| {
            inputs
                .iter()
                .all(|&input| !matches!(task.split(input), Split::Absent))
        };
        let branches = self
            .branches
            .iter()
            .zip(&self.inputs)
            .filter(|(_, inputs)| present(inputs))
            .map(|(branch, _)| Arc::clone(branch));
        Ok(Box::new(UnionStream {
            branches: branches.rev().collect(),
            current: None,
            task: Arc::clone(task),
            metrics: task.operator_metrics(self.id),
        }))
    }
}

struct UnionStream {
    /// The branches still to open, last first.
    branches: Vec<OperatorRef>,
    current: Option<Box<dyn BatchStream>>,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
}

impl BatchStream for UnionStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        loop {
            if let Some(current) = &mut self.current {
                if let Some(batch) = current.next_batch()? {
                    self.metrics.output(batch.active_rows());
                    return Ok(Some(batch));
                }
                self.current = None;
            }
            let Some(branch) = self.branches.pop() else {
                return Ok(None);
            };
            self.current = Some(branch.open(&self.task)?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Memory, collect, ints, rows, task_with_splits};

    #[test]
    fn runs_the_branches_that_are_present() {
        let branch = |v| -> OperatorRef { Memory::of(vec![Batch::new(vec![ints(&[Some(v)])], 1)]) };
        let schema = branch(0).schema().clone();
        let branches = vec![
            (branch(1), vec![0]),
            (branch(2), vec![1]),
            (branch(3), vec![]),
        ];
        let union = Union::new(0, branches, schema);
        let task = task_with_splits(vec![Split::Rows, Split::Absent]);
        assert_eq!(rows(&collect(&union, &task).unwrap()), ["1", "3"]);
    }
}
