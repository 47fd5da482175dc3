//! The lists of a column of arrays or maps, whatever its layout.

use std::ops::Range;

use arrow_buffer::NullBuffer;

use crate::ColumnError;
use crate::column::{Column, Data, Values};
use crate::types::SparkType;

/// The lists of a column: where in the elements each row's begin and end.
#[derive(Debug, Clone, Copy)]
pub struct Lists<'a> {
    column: &'a Column,
    offsets: &'a [i32],
    elements: &'a Column,
}

impl Column {
    /// The lists of a column of arrays or maps; an error for other columns.
    pub fn lists(&self) -> Result<Lists<'_>, ColumnError> {
        let base = match self.data() {
            Data::Flat(_) => self,
            Data::Dictionary { values, .. } | Data::Constant(values) => values.as_ref(),
        };
        match base.as_flat() {
            Some(Values::List { offsets, elements }) => Ok(Lists {
                column: self,
                offsets: &offsets[..],
                elements,
            }),
            _ => Err(ColumnError::Type {
                expected: "a list".to_string(),
                found: self.data_type().to_string(),
            }),
        }
    }

    /// The field of structs at each row, whatever the layout: NULL where the struct is NULL.
    pub fn struct_field(&self, index: usize) -> Result<Column, ColumnError> {
        let not_found = || ColumnError::Type {
            expected: format!("a struct with field {index}"),
            found: self.data_type().to_string(),
        };
        match self.data() {
            Data::Flat(Values::Struct(children)) => {
                let child = children.get(index).ok_or_else(not_found)?;
                Ok(child.with_more_nulls(self.validity()))
            }
            Data::Constant(value) => {
                let field = value.struct_field(index)?;
                Ok(Column::constant(field, self.len()))
            }
            Data::Dictionary { .. } => self.flatten().struct_field(index),
            _ => Err(not_found()),
        }
    }

    /// The same values, NULL also where `validity` says so.
    pub fn with_more_nulls(&self, validity: Option<&NullBuffer>) -> Column {
        let Some(more) = validity else {
            return self.clone();
        };
        let flat = self.flatten();
        let validity = NullBuffer::union(flat.logical_validity().as_ref(), Some(more));
        let values = flat.as_flat().cloned().unwrap_or(Values::Null);
        Column::flat(self.data_type().clone(), self.len(), values, validity)
    }

    /// The rows at `rows` as a column of `data_type`, NULL where `validity` says so; `rows` may
    /// hold anything there. The column must be flat, the types alike but for names and nullability.
    pub fn gather(
        &self,
        rows: &[u32],
        validity: Option<&NullBuffer>,
        data_type: &SparkType,
    ) -> Result<Column, ColumnError> {
        if self.is_empty() {
            return Ok(Column::nulls(data_type.clone(), rows.len()));
        }
        let last = self.len() as u32 - 1;
        let taken = if rows.iter().any(|&row| row > last) {
            let rows: Vec<u32> = rows.iter().map(|&row| row.min(last)).collect();
            self.take(&rows)?
        } else {
            self.take(rows)?
        };
        Ok(taken.with_more_nulls(validity).with_type(data_type.clone()))
    }
}

impl<'a> Lists<'a> {
    /// Where row `row`'s elements are; nowhere if the row is NULL.
    #[inline]
    pub fn range(&self, row: usize) -> Range<usize> {
        if self.column.is_null(row) {
            return 0..0;
        }
        let position = self.column.locate(row).1;
        self.offsets[position] as usize..self.offsets[position + 1] as usize
    }

    /// The elements that [`Lists::range`] points into; of a map structs of key and value.
    pub fn elements(&self) -> &'a Column {
        self.elements
    }

    /// The keys and values of a map's entries.
    pub fn entries(&self) -> Result<(&'a Column, &'a Column), ColumnError> {
        match self.elements.as_flat() {
            Some(Values::Struct(parts)) if parts.len() == 2 => Ok((&parts[0], &parts[1])),
            _ => Err(ColumnError::Type {
                expected: "entries of a map".to_string(),
                found: self.elements.data_type().to_string(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{ColumnBuilder, Field};

    fn lists() -> Column {
        let element = Field::new("element", SparkType::Int, true);
        let mut builder = ColumnBuilder::new(SparkType::Array(Arc::new(element)), 3);
        for value in [7, 8] {
            builder.list_elements().unwrap().push_i32(value);
        }
        builder.finish_list();
        builder.push_null();
        builder.list_elements().unwrap().push_i32(9);
        builder.finish_list();
        builder.finish()
    }

    #[test]
    fn lists_of_every_layout() {
        let flat = lists();
        let ranges = |column: &Column| {
            let lists = column.lists().unwrap();
            (0..column.len())
                .map(|r| lists.range(r))
                .collect::<Vec<_>>()
        };
        assert_eq!(ranges(&flat), [0..2, 0..0, 2..3]);
        let constant = Column::constant(flat.take(&[2]).unwrap(), 2);
        assert_eq!(ranges(&constant), [0..1, 0..1]);
        let null = Column::nulls(flat.data_type().clone(), 2);
        assert_eq!(ranges(&null), [0..0, 0..0]);
        let values = Arc::new(flat.take(&[0, 2]).unwrap());
        let codes = Column::dictionary(vec![1, 0].into(), values, None);
        assert_eq!(ranges(&codes), [2..3, 0..2]);
    }

    #[test]
    fn fields_of_null_structs_are_null() {
        let fields = [Field::new("x", SparkType::Int, true)];
        let mut builder = ColumnBuilder::new(SparkType::Struct(Arc::new(fields)), 2);
        builder.struct_fields().unwrap()[0].push_i32(1);
        builder.finish_struct();
        builder.push_null();
        let structs = builder.finish();
        let field = structs.struct_field(0).unwrap();
        assert_eq!(field.fixed_value::<i32>(0), Some(1));
        assert!(field.is_null(1));
        let constant = Column::constant(structs.take(&[0]).unwrap(), 3);
        assert_eq!(
            constant.struct_field(0).unwrap().fixed_value::<i32>(2),
            Some(1)
        );
        assert!(structs.struct_field(1).is_err());
    }

    #[test]
    fn gathers_with_nulls() {
        let column = Column::fixed(SparkType::Int, vec![1, 2], None);
        let validity = NullBuffer::from(vec![true, false, true]);
        let taken = column
            .gather(&[1, 99, 0], Some(&validity), &SparkType::Int)
            .unwrap();
        assert_eq!(taken.fixed_value::<i32>(0), Some(2));
        assert!(taken.is_null(1));
        let empty = Column::fixed(SparkType::Int, Vec::<i32>::new(), None);
        let none = NullBuffer::new_null(1);
        assert!(
            empty
                .gather(&[0], Some(&none), &SparkType::Int)
                .unwrap()
                .is_null(0)
        );
    }
}
