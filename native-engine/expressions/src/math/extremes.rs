//! `Greatest` and `Least`.

use arclight_columns::{Column, Selection};

use crate::comparison::{Comparison, comparable, compare, is_orderable, truth};
use crate::conditional::{difference, merge};
use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, nary};
use crate::registry::{BuildError, FunctionCall};

/// `Greatest`, `Least`: values of one orderable type → the largest or smallest, NULLs skipped;
/// NULL where all are. Of equal values (zeros of either sign) the first is kept. Never fails.
pub(super) fn build(call: &FunctionCall, greatest: bool) -> Result<ExpressionRef, BuildError> {
    let fits = |a: &ExpressionRef| comparable(a.data_type(), &call.output);
    if call.arguments.len() < 2 || !call.arguments.iter().all(fits) || !is_orderable(&call.output) {
        return Err(call.unsupported());
    }
    let output = call.output.clone();
    Ok(nary(call, Failing::Never, move |columns, rows| {
        let mut columns = columns.iter();
        let Some(first) = columns.next() else {
            return Err(EvalError::Internal("no arguments".into()));
        };
        let mut best = first.clone();
        for column in columns {
            let replaced = replaced(&best, column, rows, greatest)?;
            if !replaced.is_empty() {
                let parts = [
                    (difference(rows, &replaced), best),
                    (replaced, column.clone()),
                ];
                best = merge(&output, rows, &parts)?;
            }
        }
        Ok(best.with_type(output.clone()))
    }))
}

/// The rows where `column` takes the place of `best`.
fn replaced(
    best: &Column,
    column: &Column,
    rows: &Selection,
    greatest: bool,
) -> Result<Selection, EvalError> {
    let better = match greatest {
        true => compare(Comparison::Less, best, column, rows)?,
        false => compare(Comparison::Less, column, best, rows)?,
    };
    let validity = better.logical_validity();
    let bits = truth(&better)?;
    if !best.has_nulls() {
        return Ok(Selection::from_predicate(&bits, validity.as_ref(), rows));
    }
    Ok(rows.filter(|row| {
        !column.is_null(row)
            && (best.is_null(row)
                || (bits.value(row) && validity.as_ref().is_none_or(|v| v.is_valid(row))))
    }))
}
