//! Leaves: a column of the batch, a literal.

use arclight_columns::{Batch, Column, Selection, SparkType};

use crate::expression::{EvalContext, EvalError, Expression};

/// Column `index` of the batch.
#[derive(Debug)]
pub struct ColumnRef {
    /// Position in the batch.
    pub index: usize,
    data_type: SparkType,
}

impl ColumnRef {
    /// A reference to column `index`, which has type `data_type`.
    pub fn new(index: usize, data_type: SparkType) -> Self {
        ColumnRef { index, data_type }
    }
}

impl Expression for ColumnRef {
    fn data_type(&self) -> &SparkType {
        &self.data_type
    }
    fn evaluate(
        &self,
        batch: &Batch,
        _rows: &Selection,
        _context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        batch
            .columns()
            .get(self.index)
            .cloned()
            .ok_or_else(|| EvalError::Internal(format!("no column {}", self.index)))
    }
    fn column(&self) -> Option<usize> {
        Some(self.index)
    }
    fn is_total(&self) -> bool {
        true
    }
}

/// One value for every row, NULL included.
#[derive(Debug)]
pub struct Literal {
    value: Column,
}

impl Literal {
    /// The value of `value`, a column of length 1.
    pub fn new(value: Column) -> Self {
        debug_assert_eq!(value.len(), 1);
        Literal { value }
    }

    /// The value, as a column of length 1.
    pub fn value(&self) -> &Column {
        &self.value
    }
}

impl Expression for Literal {
    fn data_type(&self) -> &SparkType {
        self.value.data_type()
    }
    fn evaluate(
        &self,
        _batch: &Batch,
        rows: &Selection,
        _context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        Ok(Column::constant(self.value.clone(), rows.len()))
    }
    fn is_total(&self) -> bool {
        true
    }
}
