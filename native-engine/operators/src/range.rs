//! Range: consecutive integers (Spark's `RangeExec`).

use std::sync::Arc;

use arclight_columns::{Batch, Column, Field, Schema, SparkType};

use crate::metrics::OperatorMetrics;
use crate::operator::{BatchStream, EngineError, Operator, OperatorRef};
use crate::task::{Split, TaskContext};

/// Gives a slice of `start, start + step, …` (`count` bigints in all) in one column `id`.
#[derive(Debug)]
pub struct Range {
    id: usize,
    input: u32,
    start: i64,
    step: i64,
    slices: u32,
    count: i128,
    schema: Schema,
}

impl Range {
    /// A range cut in `slices`; a task's slice is split `input`.
    pub fn new(id: usize, input: u32, start: i64, step: i64, slices: u32, count: i128) -> Self {
        Range {
            id,
            input,
            start,
            step,
            slices,
            count,
            schema: Schema::new(vec![Field::new("id", SparkType::Long, false)]),
        }
    }

    /// The first value of slice `slice` and the number of its values.
    fn slice(&self, slice: u32) -> (i64, u64) {
        // RangeExec's arithmetic: exact, then clamped to bigint. Products stay below 2^127, as a
        // count of at most 2^64 times a slice number of at most 2^31 is divided by the slices first.
        let bound = |slice: i128| {
            let index = slice * self.count / i128::from(self.slices.max(1));
            let value = index.saturating_mul(i128::from(self.step)) + i128::from(self.start);
            value.clamp(i128::from(i64::MIN), i128::from(i64::MAX))
        };
        let (first, end) = (bound(i128::from(slice)), bound(i128::from(slice) + 1));
        let step = i128::from(self.step);
        if step == 0 {
            return (first as i64, 0);
        }
        let (length, rest) = ((end - first) / step, (end - first) % step);
        let length = if length < 0 {
            0
        } else {
            length + i128::from(rest != 0)
        };
        (first as i64, length as u64)
    }
}

impl Operator for Range {
    fn name(&self) -> &'static str {
        "Range"
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
    fn describe(&self) -> String {
        format!("Range from {} step {}", self.start, self.step)
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        let (next, left) = match task.split(self.input) {
            Split::Slice(slice) => self.slice(*slice),
            Split::Absent => (0, 0),
            other => {
                return Err(EngineError::Internal(format!(
                    "a range got the split {other:?}"
                )));
            }
        };
        Ok(Box::new(RangeStream {
            next,
            left,
            step: self.step,
            task: Arc::clone(task),
            metrics: task.operator_metrics(self.id),
        }))
    }
}

struct RangeStream {
    next: i64,
    left: u64,
    step: i64,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
}

impl BatchStream for RangeStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        self.task.check_cancelled()?;
        let count = self.left.min(self.task.settings.batch_size as u64) as usize;
        if count == 0 {
            return Ok(None);
        }
        let values: Vec<i64> = self.metrics.timed(|| {
            let (next, step) = (self.next, self.step);
            (0..count as i64)
                .map(|i| next.wrapping_add(i.wrapping_mul(step)))
                .collect()
        });
        // Past the last value this may wrap; then nothing is left.
        self.next = self
            .next
            .wrapping_add((count as i64).wrapping_mul(self.step));
        self.left -= count as u64;
        self.metrics.output(count);
        let column = Column::fixed(SparkType::Long, values, None);
        Ok(Some(Batch::new(vec![column], count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{collect, rows, task_with_splits};

    fn run(range: &Range, slice: u32) -> String {
        let task = task_with_splits(vec![Split::Slice(slice)]);
        rows(&collect(range, &task).unwrap()).join(" ")
    }

    #[test]
    fn slices_as_spark_does() {
        let range = Range::new(0, 0, 0, 1, 3, 10);
        assert_eq!(run(&range, 0), "0 1 2");
        assert_eq!(run(&range, 1), "3 4 5");
        assert_eq!(run(&range, 2), "6 7 8 9");
        let down = Range::new(0, 0, 5, -2, 2, 3);
        assert_eq!(run(&down, 0), "5");
        assert_eq!(run(&down, 1), "3 1");
    }

    #[test]
    fn clamps_at_the_ends_of_bigint() {
        // A bigint end is exclusive, so Spark's ranges never hold the largest value.
        let range = Range::new(0, 0, i64::MAX - 2, 2, 1, 2);
        assert_eq!(run(&range, 0), format!("{}", i64::MAX - 2));
        let all = Range::new(0, 0, i64::MIN, i64::MAX, 1, 3);
        assert_eq!(run(&all, 0), format!("{} -1 {}", i64::MIN, i64::MAX - 1));
        assert_eq!(run(&Range::new(0, 0, 0, 1, 4, 0), 2), "");
    }
}
