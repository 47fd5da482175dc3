//! `In` and `InSet` with literals.

mod expressions;

use std::fmt;

use ahash::AHashSet;
use arclight_columns::{
    Batch, BooleanBuffer, Column, FixedWidth, NullBuffer, Selection, SparkType, Values,
};

use crate::comparison::{Comparison, comparable, compare, is_orderable, truth};
use crate::expression::{EvalContext, EvalError, Expression, ExpressionRef};
use crate::kernel::{map_bits, over_distinct};
use crate::registry::BuildError;

pub use expressions::InExpressions;

/// Up to this many options are compared one after the other, each in a vectorised loop.
const FEW: usize = 8;

/// `In`, `InSet`: a value and literals of its type → boolean: TRUE where the value equals an
/// option (NaN equals NaN, zeros are equal); else NULL where the value is NULL or an option is;
/// else FALSE. Without options always FALSE. Never fails of itself.
pub struct InList {
    value: ExpressionRef,
    /// The options that are not NULL, each a constant column of length 1.
    options: Vec<Column>,
    has_null: bool,
    has_options: bool,
    set: Option<Set>,
}

/// The options, hashed.
enum Set {
    Integers(AHashSet<i64>),
    Bytes(AHashSet<Box<[u8]>>),
}

impl fmt::Debug for InList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} IN ({} options)", self.value, self.options.len())
    }
}

impl InList {
    /// Whether `value` is among `options`, columns of length 1 and of its type (or of NULL's).
    pub fn new(value: ExpressionRef, options: Vec<Column>) -> Result<Self, BuildError> {
        let data_type = value.data_type();
        let fits = |option: &Column| {
            *option.data_type() == SparkType::Null || comparable(option.data_type(), data_type)
        };
        if !is_orderable(data_type) || !options.iter().all(|o| o.len() == 1 && fits(o)) {
            let types: Vec<String> = options.iter().map(|o| o.data_type().to_string()).collect();
            return Err(BuildError::Signature {
                name: "in".to_string(),
                arguments: format!("{data_type}, {}", types.join(", ")),
                output: SparkType::Boolean.to_string(),
            });
        }
        let has_options = !options.is_empty();
        let has_null = options.iter().any(|option| option.is_null(0));
        let options: Vec<Column> = options
            .into_iter()
            .filter(|option| !option.is_null(0))
            .map(|option| Column::constant(option.flatten(), 1))
            .collect();
        let set = (options.len() > FEW).then(|| Set::of(&options)).flatten();
        Ok(InList {
            value,
            options,
            has_null,
            has_options,
            set,
        })
    }

    /// Where a flat or constant column equals an option; unspecified at NULLs.
    fn matches(&self, column: &Column, rows: &Selection) -> Result<BooleanBuffer, EvalError> {
        if let Some(bits) = self
            .set
            .as_ref()
            .and_then(|set| set.matches(column.as_flat()?, rows))
        {
            return Ok(bits);
        }
        let none = BooleanBuffer::new_unset(rows.len());
        self.options.iter().try_fold(none, |bits, option| {
            let option = option.slice(0, rows.len());
            let equal = compare(Comparison::Equal, column, &option, rows)?;
            Ok(&bits | &truth(&equal)?)
        })
    }
}

impl Set {
    fn of(options: &[Column]) -> Option<Self> {
        let values = || options.iter().filter_map(Column::as_constant);
        let integers: Option<AHashSet<i64>> = values()
            .map(|value| match value.as_flat()? {
                Values::Int8(v) => Some(i64::from(v[0])),
                Values::Int16(v) => Some(i64::from(v[0])),
                Values::Int32(v) => Some(i64::from(v[0])),
                Values::Int64(v) => Some(v[0]),
                _ => None,
            })
            .collect();
        let bytes = || -> Option<AHashSet<Box<[u8]>>> {
            values()
                .map(|value| value.bytes_value(0).map(Box::from))
                .collect()
        };
        integers
            .map(Set::Integers)
            .or_else(|| bytes().map(Set::Bytes))
    }

    fn matches(&self, values: &Values, rows: &Selection) -> Option<BooleanBuffer> {
        fn integers<T: FixedWidth + Into<i64>>(
            values: &[T],
            set: &AHashSet<i64>,
            rows: &Selection,
        ) -> BooleanBuffer {
            map_bits(values.len(), rows, |row| set.contains(&values[row].into()))
        }
        match (self, values) {
            (Set::Integers(set), Values::Int8(v)) => Some(integers(v, set, rows)),
            (Set::Integers(set), Values::Int16(v)) => Some(integers(v, set, rows)),
            (Set::Integers(set), Values::Int32(v)) => Some(integers(v, set, rows)),
            (Set::Integers(set), Values::Int64(v)) => Some(integers(v, set, rows)),
            (Set::Bytes(set), Values::Bytes(v)) => {
                Some(map_bits(rows.len(), rows, |row| set.contains(v.value(row))))
            }
            _ => None,
        }
    }
}

impl Expression for InList {
    fn data_type(&self) -> &SparkType {
        &SparkType::Boolean
    }

    fn evaluate(
        &self,
        batch: &Batch,
        rows: &Selection,
        context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        let constant = |column: Column| Column::constant(column, rows.len());
        if !self.has_options {
            // Spark does not evaluate the value then.
            let bits = BooleanBuffer::from(vec![false]);
            return Ok(constant(Column::boolean(bits, None)));
        }
        let column = self.value.evaluate(batch, rows, context)?;
        let bits = match column.as_constant() {
            Some(value) if value.is_null(0) => {
                return Ok(Column::nulls(SparkType::Boolean, rows.len()));
            }
            _ => over_distinct(&column, rows, &SparkType::Boolean, |column, rows| {
                let bits = self.matches(column, rows)?;
                Ok(Column::boolean(bits, column.logical_validity()))
            })?,
        };
        if !self.has_null {
            return Ok(bits);
        }
        // What is not TRUE is NULL.
        let found = truth(&bits)?;
        let found = match bits.logical_validity() {
            Some(validity) => &found & validity.inner(),
            None => found,
        };
        Ok(Column::boolean(found.clone(), Some(NullBuffer::new(found))))
    }

    fn children(&self) -> Vec<&ExpressionRef> {
        vec![&self.value]
    }

    fn is_total(&self) -> bool {
        self.value.is_total()
    }
}

#[cfg(test)]
mod tests;
