//! Union: the rows of its branches, one branch after the other (Spark's `UnionExec`).

use std::sync::Arc;

use arclight_columns::{Batch, Schema};

use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::task::TaskContext;

/// Gives the rows of the branches that are present in the task: a task of a Spark union belongs to
/// one partition of one branch.
#[derive(Debug)]
pub struct Union {
    id: usize,
    branches: Vec<OperatorRef>,
    schema: Schema,
}

impl Union {
    /// A union of branches with the columns of `schema`.
    pub fn new(id: usize, branches: Vec<OperatorRef>, schema: Schema) -> Self {
        Union {
            id,
            branches,
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
    fn is_present(&self, task: &TaskContext) -> bool {
        self.branches.iter().any(|branch| branch.is_present(task))
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        let branches = self.branches.iter().rev();
        Ok(Box::new(UnionStream {
            branches: branches
                .filter(|branch| branch.is_present(task))
                .cloned()
                .collect(),
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
    use crate::limit::Limit;
    use crate::task::Split;
    use crate::testing::{Memory, collect, ints, rows, task_with_splits};

    /// A row that is there in the tasks that have a split of its input.
    fn branch(input: u32, value: i32) -> OperatorRef {
        Arc::new(Reading(
            input,
            Memory::of(vec![Batch::new(vec![ints(&[Some(value)])], 1)]),
        ))
    }

    #[derive(Debug)]
    struct Reading(u32, OperatorRef);

    impl Operator for Reading {
        fn name(&self) -> &'static str {
            "Reading"
        }
        fn schema(&self) -> &Schema {
            self.1.schema()
        }
        fn children(&self) -> Vec<&OperatorRef> {
            Vec::new()
        }
        fn is_present(&self, task: &TaskContext) -> bool {
            task.has_split(self.0)
        }
        fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
            self.1.open(task)
        }
    }

    fn union(branches: Vec<OperatorRef>) -> OperatorRef {
        let schema = branches[0].schema().clone();
        Arc::new(Union::new(0, branches, schema))
    }

    fn run(operator: &OperatorRef, splits: Vec<Split>) -> Vec<String> {
        rows(&collect(operator.as_ref(), &task_with_splits(splits)).unwrap())
    }

    #[test]
    fn runs_the_branches_that_are_present() {
        let union = union(vec![branch(0, 1), branch(1, 2), branch(2, 3)]);
        assert_eq!(
            run(&union, vec![Split::Rows, Split::Absent, Split::Rows]),
            ["1", "3"]
        );
        assert_eq!(run(&union, vec![Split::Absent, Split::Rows]), ["2"]);
        assert!(run(&union, vec![]).is_empty());
    }

    #[test]
    fn branches_with_unions_are_present_with_any_branch_of_these() {
        let inner = union(vec![branch(0, 1), branch(1, 2)]);
        let union = union(vec![
            Arc::new(Limit::new(0, inner, 0, Some(10))),
            union(vec![branch(2, 3), branch(3, 4)]),
        ]);
        let only = |input: usize| {
            let mut splits: Vec<_> = (0..4).map(|_| Split::Absent).collect();
            splits[input] = Split::Rows;
            splits
        };
        for input in 0..4 {
            assert_eq!(run(&union, only(input)), [(input + 1).to_string()]);
        }
    }
}
