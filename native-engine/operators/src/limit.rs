//! Limit: skips rows, gives so many, and pulls no batch more than it needs (Spark's `LocalLimitExec`,
//! `GlobalLimitExec`).

use std::sync::Arc;

use arclight_columns::{Batch, Schema};

use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::task::TaskContext;

/// Gives at most `limit` rows of its input after skipping `offset`.
#[derive(Debug)]
pub struct Limit {
    id: usize,
    input: OperatorRef,
    offset: u64,
    limit: Option<u64>,
}

impl Limit {
    /// `limit` rows (all, if `None`) of `input` after the first `offset`.
    pub fn new(id: usize, input: OperatorRef, offset: u64, limit: Option<u64>) -> Self {
        Limit {
            id,
            input,
            offset,
            limit,
        }
    }
}

impl Operator for Limit {
    fn name(&self) -> &'static str {
        "Limit"
    }
    fn schema(&self) -> &Schema {
        self.input.schema()
    }
    fn children(&self) -> Vec<&OperatorRef> {
        vec![&self.input]
    }
    fn describe(&self) -> String {
        format!("Limit {:?} offset {}", self.limit, self.offset)
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        Ok(Box::new(LimitStream {
            input: Some(self.input.open(task)?),
            skip: self.offset,
            left: self.limit.unwrap_or(u64::MAX),
            task: Arc::clone(task),
            metrics: task.operator_metrics(self.id),
        }))
    }
}

struct LimitStream {
    /// Dropped as soon as nothing more is wanted of it.
    input: Option<Box<dyn BatchStream>>,
    skip: u64,
    left: u64,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
}

impl BatchStream for LimitStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        loop {
            self.task.check_cancelled()?;
            if self.left == 0 {
                self.input = None;
            }
            let Some(input) = &mut self.input else {
                return Ok(None);
            };
            let Some(batch) = input.next_batch()? else {
                self.input = None;
                return Ok(None);
            };
            let (skip, left) = (self.skip, self.left);
            let rows = batch.active_rows() as u64;
            let skipped = skip.min(rows);
            self.skip -= skipped;
            let taken = (rows - skipped).min(left);
            self.left -= taken;
            if taken == 0 {
                continue;
            }
            let selection = batch.selection();
            let selection = if skipped > 0 {
                selection.skip(skipped as usize).limit(taken as usize)
            } else {
                selection.limit(taken as usize)
            };
            self.metrics.output(selection.count());
            return Ok(Some(batch.select(selection)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Memory, collect, ints, rows, task};
    use arclight_columns::Selection;

    fn input() -> Arc<Memory> {
        let first = Batch::with_selection(
            vec![ints(&[Some(0), Some(1), Some(2), Some(3)])],
            Selection::from_rows(4, vec![1, 2, 3]),
        );
        let second = Batch::new(vec![ints(&[Some(4), Some(5)])], 2);
        Memory::of(vec![first, second])
    }

    #[test]
    fn skips_and_limits_across_batches() {
        let run = |offset, limit| {
            let limit = Limit::new(0, input(), offset, limit);
            rows(&collect(&limit, &task(1)).unwrap()).join(" ")
        };
        assert_eq!(run(0, None), "1 2 3 4 5");
        assert_eq!(run(0, Some(2)), "1 2");
        assert_eq!(run(2, Some(2)), "3 4");
        assert_eq!(run(4, Some(7)), "5");
        assert_eq!(run(9, Some(1)), "");
        assert_eq!(run(0, Some(0)), "");
    }

    #[test]
    fn pulls_no_more_than_it_needs() {
        let source = input();
        let limit = Limit::new(0, source.clone(), 1, Some(2));
        collect(&limit, &task(1)).unwrap();
        assert_eq!(source.pulled(), 1);
        let source = input();
        collect(&Limit::new(0, source.clone(), 0, Some(0)), &task(1)).unwrap();
        assert_eq!(source.pulled(), 0);
    }
}
