//! `In` with a list of expressions.

use arclight_columns::{Batch, BooleanBuffer, Column, NullBuffer, Selection, SparkType};

use crate::comparison::{Comparison, comparable, compare, is_orderable, truth};
use crate::conditional::difference;
use crate::expression::{EvalContext, EvalError, Expression, ExpressionRef};
use crate::registry::BuildError;

/// `In`: a value and expressions of its type → boolean: TRUE where the value equals an option (NaN
/// equals NaN, zeros are equal); else NULL where the value is NULL or an option is; else FALSE. An
/// option is evaluated only at rows where the value is not NULL and equals none before it. Never
/// fails of itself.
#[derive(Debug)]
pub struct InExpressions {
    value: ExpressionRef,
    options: Vec<ExpressionRef>,
}

impl InExpressions {
    /// Whether `value` is among `options`, of which there is one at least.
    pub fn new(value: ExpressionRef, options: Vec<ExpressionRef>) -> Result<Self, BuildError> {
        let data_type = value.data_type();
        let fits = |option: &ExpressionRef| comparable(option.data_type(), data_type);
        if !is_orderable(data_type) || options.is_empty() || !options.iter().all(fits) {
            let types: Vec<String> = options.iter().map(|o| o.data_type().to_string()).collect();
            return Err(BuildError::Signature {
                name: "in".to_string(),
                arguments: format!("{data_type}, {}", types.join(", ")),
                output: SparkType::Boolean.to_string(),
            });
        }
        Ok(InExpressions { value, options })
    }
}

impl Expression for InExpressions {
    fn data_type(&self) -> &SparkType {
        &SparkType::Boolean
    }

    fn evaluate(
        &self,
        batch: &Batch,
        rows: &Selection,
        context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        let value = self.value.evaluate(batch, rows, context)?;
        let mut found = vec![false; rows.len()];
        let mut valid = vec![true; rows.len()];
        rows.for_each(|row| valid[row] = !value.is_null(row));
        let mut open = rows.filter(|row| valid[row]);
        for option in &self.options {
            if open.is_empty() {
                break;
            }
            let option = option.evaluate(batch, &open, context)?;
            let equal = compare(Comparison::Equal, &value, &option, &open)?;
            let validity = equal.logical_validity();
            let bits = truth(&equal)?;
            let matched = Selection::from_predicate(&bits, validity.as_ref(), &open);
            if let Some(validity) = &validity {
                open.for_each(|row| valid[row] &= validity.is_valid(row));
            }
            matched.for_each(|row| found[row] = true);
            if !matched.is_empty() {
                open = difference(&open, &matched);
            }
        }
        // A match makes up for a NULL before it.
        rows.for_each(|row| valid[row] |= found[row]);
        Ok(Column::boolean(
            BooleanBuffer::from(found),
            Some(NullBuffer::from(valid)),
        ))
    }

    fn children(&self) -> Vec<&ExpressionRef> {
        std::iter::once(&self.value).chain(&self.options).collect()
    }

    fn is_total(&self) -> bool {
        self.children().iter().all(|child| child.is_total())
    }
}
