//! Looking for a value in an array.

use std::cmp::Ordering;

use arclight_columns::{Column, SparkType};

use super::element_type;
use crate::comparison::{comparable, compare_values};
use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, First, binary, two};
use crate::kernel::{Outcome, try_each, union_validity};
use crate::registry::{BuildError, FunctionCall};

/// Checks the arguments: an array and a value of its elements' type, which has an order.
fn operands(
    call: &FunctionCall,
    output: SparkType,
) -> Result<(&ExpressionRef, &ExpressionRef), BuildError> {
    let (array, value) = two(call)?;
    let fits = element_type(array.data_type()).is_some_and(|e| comparable(e, value.data_type()));
    if !fits || call.output != output {
        return Err(call.unsupported());
    }
    Ok((array, value))
}

/// `ArrayContains`: an array and a value → whether an element equals it, as SQL's `=`: NULL if
/// none does but one is NULL, or where either argument is NULL. Never fails.
pub(super) fn array_contains(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let operands = operands(call, SparkType::Boolean)?;
    Ok(binary(
        call,
        operands,
        First::Left,
        Failing::Never,
        |array, value, rows| {
            let lists = array.lists()?;
            let elements = lists.elements();
            let mut found = vec![false; rows.len()];
            let validity = try_each(rows, union_validity(array, value), |row| {
                let mut some_null = false;
                for at in lists.range(row) {
                    if elements.is_null(at) {
                        some_null = true;
                    } else if compare_values(elements, at, value, row) == Ordering::Equal {
                        found[row] = true;
                        return Ok(Outcome::Value(()));
                    }
                }
                Ok::<_, EvalError>(match some_null {
                    true => Outcome::Null,
                    false => Outcome::Value(()),
                })
            })?;
            Ok(Column::boolean(found.into(), validity))
        },
    ))
}

/// `ArrayPosition`: an array and a value → the position of the first element that equals it,
/// counted from 1, as a long; 0 if there is none. NULL where either is NULL. Never fails.
pub(super) fn array_position(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let operands = operands(call, SparkType::Long)?;
    Ok(binary(
        call,
        operands,
        First::Left,
        Failing::Never,
        |array, value, rows| {
            let lists = array.lists()?;
            let elements = lists.elements();
            let mut positions = vec![0_i64; rows.len()];
            let validity = try_each(rows, union_validity(array, value), |row| {
                let is_it = |at: &usize| {
                    !elements.is_null(*at)
                        && compare_values(elements, *at, value, row) == Ordering::Equal
                };
                let mut range = lists.range(row);
                let start = range.start;
                positions[row] = range.find(is_it).map_or(0, |at| (at - start + 1) as i64);
                Ok::<_, EvalError>(Outcome::Value(()))
            })?;
            Ok(Column::fixed(SparkType::Long, positions, validity))
        },
    ))
}
