//! Which rows go together, on their way into batches.

use arclight_columns::{BooleanBuffer, Column, NullBuffer};

use crate::operator::EngineError;

/// Stands for no held row: NULLs.
pub(super) const NONE: u32 = u32::MAX;

/// Pairs of positions, in the order of the output.
#[derive(Default)]
pub(super) struct Pairs {
    streamed: Vec<u32>,
    held: Vec<u32>,
    given: usize,
}

impl Pairs {
    pub(super) fn push(&mut self, streamed: u32, held: u32) {
        self.streamed.push(streamed);
        self.held.push(held);
    }

    /// Appends one streamed row with several held ones.
    pub(super) fn push_all(&mut self, streamed: u32, held: impl Iterator<Item = u32>) {
        self.held.extend(held);
        self.streamed.resize(self.held.len(), streamed);
    }

    /// Pairs not given yet.
    pub(super) fn len(&self) -> usize {
        self.streamed.len() - self.given
    }

    /// The next pairs, at most `count`; forgets them once all are given.
    pub(super) fn next(&mut self, count: usize) -> (Vec<u32>, Vec<u32>) {
        let end = self.streamed.len().min(self.given + count);
        let next = (
            self.streamed[self.given..end].to_vec(),
            self.held[self.given..end].to_vec(),
        );
        self.given = end;
        if self.len() == 0 {
            self.streamed.clear();
            self.held.clear();
            self.given = 0;
        }
        next
    }
}

/// The held rows at `rows`; NULL where it is [`NONE`].
pub(super) fn take_or_null(column: &Column, rows: &[u32]) -> Result<Column, EngineError> {
    if !rows.contains(&NONE) {
        return Ok(column.take(rows)?);
    }
    if column.is_empty() {
        return Ok(Column::nulls(column.data_type().clone(), rows.len()));
    }
    let present = BooleanBuffer::collect_bool(rows.len(), |i| rows[i] != NONE);
    let rows: Vec<u32> = rows
        .iter()
        .map(|&r| if r == NONE { 0 } else { r })
        .collect();
    let taken = column.take(&rows)?.flatten();
    let validity = match taken.validity() {
        Some(validity) => validity.inner() & &present,
        None => present,
    };
    let values = taken
        .as_flat()
        .cloned()
        .ok_or_else(|| EngineError::Internal("a flattened column is not flat".to_string()))?;
    Ok(Column::flat(
        taken.data_type().clone(),
        rows.len(),
        values,
        Some(NullBuffer::new(validity)),
    ))
}
