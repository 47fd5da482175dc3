//! Batches in pieces, where a row of one fails: the rows before it are given out first, for whoever
//! reads may want no more than these. Spark's limits stop row by row (`BaseLimitExec`), and a row
//! behind the last one wanted raises nothing.

use arclight_columns::Batch;

use crate::operator::{BatchStream, EngineError};
use crate::task::TaskContext;

/// A stream's batches, for an operator that computes each row's output of the row alone.
pub(crate) struct Pieces {
    input: Box<dyn BatchStream>,
    /// What is left of a batch with a failing row, its next rows last.
    left: Vec<Batch>,
}

impl Pieces {
    /// The batches of `input`.
    pub(crate) fn new(input: Box<dyn BatchStream>) -> Self {
        Pieces {
            input,
            left: Vec::new(),
        }
    }

    /// What `work` makes of the next batch, or `None` at the end of the input. Where a row fails,
    /// `work` is done anew for half of the batch's rows, and again, until what comes before that row
    /// is through; only then the failure is returned. A failing `work` must leave no trace, or none
    /// that doing it again does not leave too.
    pub(crate) fn next<T>(
        &mut self,
        task: &TaskContext,
        mut work: impl FnMut(&Batch) -> Result<T, EngineError>,
    ) -> Result<Option<T>, EngineError> {
        loop {
            task.check_cancelled()?;
            let batch = match self.left.pop() {
                Some(piece) => piece,
                None => match self.input.next_batch()? {
                    Some(batch) => batch,
                    None => return Ok(None),
                },
            };
            match work(&batch) {
                Err(error) if batch.active_rows() > 1 && task.takes_back(&error) => {
                    let (selection, half) = (batch.selection(), batch.active_rows() / 2);
                    self.left.push(batch.select(selection.skip(half)));
                    self.left.push(batch.select(selection.limit(half)));
                }
                result => return result.map(Some),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;
    use crate::testing::{FailsAt, Memory, ints, task, until_failure};
    use arclight_columns::{Field, Schema, Selection, SparkType};
    use std::sync::Arc;

    /// What a projection gives of a batch's rows, and of a row of 100 behind it.
    fn projected(values: &[i32], selection: &[u32], failing: i32) -> (String, bool) {
        let column = ints(&values.iter().copied().map(Some).collect::<Vec<_>>());
        let selection = Selection::from_rows(values.len(), selection.to_vec());
        let more = Batch::new(vec![ints(&[Some(100)])], 1);
        let input = Memory::of(vec![Batch::with_selection(vec![column], selection), more]);
        let schema = Schema::new(vec![Field::new("x", SparkType::Int, true)]);
        let expression = Arc::new(FailsAt::new(0, SparkType::Int, failing));
        let project = Project::new(0, input, vec![expression], schema);
        let (rows, failed) = until_failure(&project, &task(8));
        (rows.join(" "), failed)
    }

    #[test]
    fn what_comes_before_a_failing_row_is_given_out() {
        let values = [7, 1, 2, 3, 4, 5, 6];
        for (position, &failing) in values.iter().enumerate() {
            let before: Vec<String> = values[..position].iter().map(i32::to_string).collect();
            let all: Vec<u32> = (0..values.len() as u32).collect();
            assert_eq!(projected(&values, &all, failing), (before.join(" "), true));
        }
        assert_eq!(projected(&values, &[0, 2, 5], 5), ("7 2".to_string(), true));
        assert_eq!(projected(&values, &[0], 100), ("7".to_string(), true));
    }

    #[test]
    fn rows_that_are_not_active_do_not_fail() {
        assert_eq!(
            projected(&[1, 2, 3], &[0, 2], 2),
            ("1 3 100".to_string(), false)
        );
        assert_eq!(projected(&[1, 2], &[], 2), ("100".to_string(), false));
    }
}
