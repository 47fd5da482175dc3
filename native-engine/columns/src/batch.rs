//! A batch: columns of one length and the rows of them that are active.

use crate::ColumnError;
use crate::column::Column;
use crate::select::Taker;
use crate::selection::Selection;

/// Columns plus the selection of active rows. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Batch {
    columns: Vec<Column>,
    selection: Selection,
}

impl Batch {
    /// A batch of `len` rows, all active. The length is given because there may be no columns.
    pub fn new(columns: Vec<Column>, len: usize) -> Self {
        Self::with_selection(columns, Selection::all(len))
    }

    /// A batch with the given active rows.
    pub fn with_selection(columns: Vec<Column>, selection: Selection) -> Self {
        debug_assert!(columns.iter().all(|c| c.len() == selection.len()));
        Batch { columns, selection }
    }

    /// The columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Column `index`.
    pub fn column(&self, index: usize) -> &Column {
        &self.columns[index]
    }

    /// Takes the columns.
    pub fn into_columns(self) -> Vec<Column> {
        self.columns
    }

    /// Rows, active or not.
    pub fn len(&self) -> usize {
        self.selection.len()
    }

    /// Number of active rows.
    pub fn active_rows(&self) -> usize {
        self.selection.count()
    }

    /// Whether no row is active.
    pub fn is_empty(&self) -> bool {
        self.selection.is_empty()
    }

    /// The active rows.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// The same columns with other active rows.
    pub fn select(&self, selection: Selection) -> Self {
        Self::with_selection(self.columns.clone(), selection)
    }

    /// The columns at these positions, with the same active rows.
    pub fn project(&self, positions: &[usize]) -> Self {
        let columns = positions.iter().map(|&p| self.columns[p].clone()).collect();
        Self::with_selection(columns, self.selection.clone())
    }

    /// Only the active rows, all active.
    pub fn compact(&self) -> Result<Self, ColumnError> {
        match self.selection.rows() {
            Some(rows) => self.take(rows),
            None => Ok(self.clone()),
        }
    }

    /// The rows at `rows`, active or not, in that order (positions may repeat), all active.
    pub fn take(&self, rows: &[u32]) -> Result<Self, ColumnError> {
        let mut taker = Taker::new(rows);
        let columns = self.columns.iter().map(|column| taker.take(column));
        let columns = columns.collect::<Result<Vec<_>, ColumnError>>()?;
        Ok(Batch::new(columns, rows.len()))
    }

    /// The same rows, holding on to little more than them (see [`Column::detached`]).
    pub fn detached(&self) -> Self {
        let columns = self.columns.iter().map(Column::detached).collect();
        Self::with_selection(columns, self.selection.clone())
    }

    /// The active rows of all batches, one after the other. All must have the same column types;
    /// `types` serves when there are none.
    pub fn concat(batches: &[Batch], types: &[crate::SparkType]) -> Result<Self, ColumnError> {
        let compacted = batches
            .iter()
            .map(Batch::compact)
            .collect::<Result<Vec<_>, _>>()?;
        let len = compacted.iter().map(Batch::len).sum();
        let columns = types
            .iter()
            .enumerate()
            .map(|(i, data_type)| {
                let parts: Vec<&Column> = compacted.iter().map(|b| b.column(i)).collect();
                Column::concat(data_type, &parts)
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Batch::new(columns, len))
    }

    /// Bytes of memory behind the columns, shared buffers counted whole.
    pub fn memory_size(&self) -> usize {
        self.columns.iter().map(Column::memory_size).sum()
    }
}
