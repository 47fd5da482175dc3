//! AND, OR, NOT, with SQL's three values.
//!
//! AND and OR take any number of operands and are lazy: an operand that may fail is evaluated
//! only at rows the ones before it have not decided.

use std::sync::Arc;

use arclight_columns::{Batch, BooleanBuffer, Column, NullBuffer, Selection, SparkType};

use crate::comparison::truth;
use crate::expression::{EvalContext, EvalError, Expression, ExpressionRef};
use crate::function::{Failing, one, unary};
use crate::registry::{BuildError, Entry, FunctionCall};

/// This family's functions.
pub(crate) const FUNCTIONS: &[Entry] = &[
    ("and", |call| junction(call, false)),
    ("or", |call| junction(call, true)),
    ("not", not),
];

/// `And`, `Or`: booleans → boolean. AND is FALSE where an operand is, else NULL where one is;
/// OR is TRUE where an operand is, else NULL where one is. Fails where an operand does that is
/// not preceded by a deciding one.
#[derive(Debug)]
struct Junction {
    operands: Vec<ExpressionRef>,
    /// The value that decides: FALSE for AND, TRUE for OR.
    deciding: bool,
}

fn junction(call: &FunctionCall, deciding: bool) -> Result<ExpressionRef, BuildError> {
    let booleans = call
        .arguments
        .iter()
        .all(|a| *a.data_type() == SparkType::Boolean);
    if !booleans || call.arguments.is_empty() {
        return Err(call.unsupported());
    }
    Ok(Arc::new(Junction {
        operands: call.arguments.clone(),
        deciding,
    }))
}

impl Expression for Junction {
    fn data_type(&self) -> &SparkType {
        &SparkType::Boolean
    }

    fn evaluate(
        &self,
        batch: &Batch,
        rows: &Selection,
        context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        let mut operands = self.operands.iter();
        let Some(first) = operands.next() else {
            return Err(EvalError::Internal("no operands".into()));
        };
        let column = first.evaluate(batch, rows, context)?;
        let (mut open, mut nulls) = self.decide(&column)?;
        if !rows.is_all() {
            open = &open & &mask(rows);
        }
        for operand in operands {
            let undecided = open.count_set_bits();
            if undecided == 0 {
                break;
            }
            // An operand that cannot fail may see decided rows: cheaper while they are few.
            let column = if operand.is_total() && undecided * 2 >= rows.count() {
                operand.evaluate(batch, rows, context)?
            } else {
                let undecided = Selection::from_predicate(&open, None, rows);
                operand.evaluate(batch, &undecided, context)?
            };
            let (next_open, next_nulls) = self.decide(&column)?;
            open = &open & &next_open;
            nulls = match (nulls, next_nulls) {
                (Some(a), Some(b)) => Some(&a | &b),
                (a, b) => a.or(b),
            };
        }
        let values = if self.deciding { !&open } else { open.clone() };
        let validity = nulls.map(|nulls| NullBuffer::new(!&(&nulls & &open)));
        Ok(Column::boolean(values, validity))
    }

    fn children(&self) -> Vec<&ExpressionRef> {
        self.operands.iter().collect()
    }

    fn conjuncts(&self) -> Option<&[ExpressionRef]> {
        (!self.deciding).then_some(&self.operands)
    }

    fn is_total(&self) -> bool {
        self.operands.iter().all(|o| o.is_total())
    }
}

impl Junction {
    /// Which rows an operand leaves open (those where it is not the deciding value), and where it
    /// is NULL.
    fn decide(&self, column: &Column) -> Result<(BooleanBuffer, Option<BooleanBuffer>), EvalError> {
        if *column.data_type() != SparkType::Boolean {
            return Err(EvalError::Internal("operand is not boolean".into()));
        }
        let values = truth(column)?;
        let open = if self.deciding { !&values } else { values };
        Ok(match column.logical_validity() {
            None => (open, None),
            Some(validity) => {
                let nulls = !validity.inner();
                (&open | &nulls, Some(nulls))
            }
        })
    }
}

/// Bits set at the active rows.
fn mask(rows: &Selection) -> BooleanBuffer {
    let mut bits = vec![false; rows.len()];
    rows.for_each(|row| bits[row] = true);
    BooleanBuffer::from(bits)
}

/// `Not`: boolean → boolean; NULL stays NULL. Never fails.
fn not(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let argument = one(call)?;
    if *argument.data_type() != SparkType::Boolean {
        return Err(call.unsupported());
    }
    Ok(unary(call, argument, Failing::Never, |column, _| {
        if let Some(value) = column.as_constant() {
            let negated = Column::boolean(!&truth(value)?, value.validity().cloned());
            return Ok(Column::constant(negated, column.len()));
        }
        Ok(Column::boolean(!&truth(column)?, column.logical_validity()))
    }))
}

#[cfg(test)]
mod tests;
