//! What an aggregate function is: state for many groups at once, in Spark's buffer layout.

use arclight_columns::{Column, Selection, SparkType};

use crate::expression::EvalError;

/// An aggregate function of given argument types. Immutable, shared by tasks.
pub trait AggregateFunction: Send + Sync + std::fmt::Debug {
    /// Types of the columns of a partial result, in the order of Spark's `aggBufferAttributes`.
    fn buffer_types(&self) -> Vec<SparkType>;

    /// The type of the result.
    fn data_type(&self) -> &SparkType;

    /// Empty state. `grouped` says whether there are grouping keys: without any, Spark keeps a
    /// decimal sum unbounded until it writes it out; with keys it checks every row.
    fn create(&self, grouped: bool) -> Box<dyn AggregateState>;
}

/// The groups that rows belong to.
#[derive(Clone, Copy)]
pub struct Groups<'a> {
    /// The group of each active row.
    pub of_rows: &'a [u32],
    /// Which groups, ascending then, begin as the group before; `None`: none does.
    pub chained: Option<&'a [bool]>,
}

impl<'a> Groups<'a> {
    /// Groups that have nothing to do with each other.
    pub fn apart(of_rows: &'a [u32]) -> Self {
        Groups {
            of_rows,
            chained: None,
        }
    }

    /// Groups of which those in `chained` begin as the group before.
    pub fn chained(of_rows: &'a [u32], chained: &'a [bool]) -> Self {
        Groups {
            of_rows,
            chained: Some(chained),
        }
    }
}

/// The state of one aggregate function for groups `0..n`.
///
/// `groups[i]` is the group of the `i`-th active row of `rows`; columns are aligned to the batch.
/// [`EvalError::Failed`] carries the batch position of the failing row and leaves the groups'
/// state as it was before that row.
pub trait AggregateState: Send {
    /// Makes room for groups `0..count`; new ones start empty.
    fn resize(&mut self, count: usize);

    /// Makes group `to` exactly what group `from` is.
    fn copy(&mut self, from: usize, to: usize);

    /// Takes in rows. A row that the function's FILTER clause drops is not in `rows`.
    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError>;

    /// Takes in rows, as [`AggregateState::update`] does, but a group that is chained is first made
    /// what the group before it is by then: so groups are what a frame holds that grows. Each row
    /// that fails belongs to a group that is already made so.
    fn take_in(
        &mut self,
        groups: Groups<'_>,
        arguments: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let Some(chained) = groups.chained else {
            return self.update(groups.of_rows, arguments, rows);
        };
        let mut from = 0;
        for run in groups.of_rows.chunk_by(|one, other| one == other) {
            let to = from + run.len();
            let group = run[0] as usize;
            if group > 0 && chained.get(group).is_some_and(|&chained| chained) {
                self.copy(group - 1, group);
            }
            let of_group = match rows.rows() {
                None => (from as u32..to as u32).collect(),
                Some(rows) => rows[from..to].to_vec(),
            };
            let of_group = Selection::from_rows(rows.len(), of_group);
            self.update(run, arguments, &of_group)?;
            from = to;
        }
        Ok(())
    }

    /// Takes in partial results.
    fn merge(
        &mut self,
        groups: &[u32],
        buffers: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError>;

    /// The partial results of groups `from..to`.
    fn buffers(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError>;

    /// What Spark's own evaluation of groups `from..to` is given: their partial results, but a sum
    /// of decimals as text, since without keys it may have more digits than its type.
    fn evaluation_inputs(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError> {
        self.buffers(from, to)
    }

    /// The results of groups `from..to`. `Failed { row }` counts from `from`; `Declined` leaves
    /// these groups to Spark's own evaluation of [`AggregateState::evaluation_inputs`].
    fn evaluate(&self, from: usize, to: usize) -> Result<Column, EvalError>;

    /// Bytes of memory the state holds.
    fn memory_size(&self) -> usize;
}
