//! The order of an array's elements.

use std::cmp::Ordering;
use std::sync::Arc;

use arclight_columns::{Column, OffsetBuffer, SparkType, Values};

use super::access::choose;
use super::element_type;
use crate::comparison::{compare_values, is_orderable};
use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, First, binary, one, two, unary};
use crate::kernel::{Outcome, try_each, union_validity};
use crate::registry::{BuildError, FunctionCall};

/// `ArrayMin`: an array of orderable elements → the least one that is not NULL, of equal ones the
/// first; NULL if there is none, or for NULL. Never fails.
pub(super) fn array_min(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    extreme(call, Ordering::Less)
}

/// `ArrayMax`: an array of orderable elements → the greatest one that is not NULL, of equal ones
/// the first; NULL if there is none, or for NULL. Never fails.
pub(super) fn array_max(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    extreme(call, Ordering::Greater)
}

fn extreme(call: &FunctionCall, wanted: Ordering) -> Result<ExpressionRef, BuildError> {
    let argument = one(call)?;
    let fits = element_type(argument.data_type())
        .is_some_and(|e| is_orderable(e) && e.is_alike(&call.output));
    if !fits {
        return Err(call.unsupported());
    }
    let output = call.output.clone();
    Ok(unary(call, argument, Failing::Never, move |array, rows| {
        let elements = array.lists()?.elements();
        let better = |best, at| match compare_values(elements, at, elements, best) == wanted {
            true => at,
            false => best,
        };
        let validity = array.logical_validity();
        choose(array, elements, validity, rows, &output, |_, range| {
            Outcome::or_null(range.filter(|&at| !elements.is_null(at)).reduce(better))
        })
    }))
}

/// Whether a type is or has a floating-point one: Spark sorts arrays of these in two ways.
fn has_floats(data_type: &SparkType) -> bool {
    match data_type {
        SparkType::Float | SparkType::Double => true,
        SparkType::Array(element) => has_floats(&element.data_type),
        SparkType::Struct(fields) => fields.iter().any(|f| has_floats(&f.data_type)),
        _ => false,
    }
}

/// `SortArray`: an array of orderable elements without floats, and a boolean → the same elements
/// in ascending order with NULLs first, or in descending order with NULLs last; equal ones keep
/// their order. NULL where either is NULL. Never fails.
pub(super) fn sort_array(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let (array, ascending) = two(call)?;
    let fits = element_type(array.data_type()).is_some_and(|e| is_orderable(e) && !has_floats(e));
    if !fits
        || !array.data_type().is_alike(&call.output)
        || *ascending.data_type() != SparkType::Boolean
    {
        return Err(call.unsupported());
    }
    let output = call.output.clone();
    Ok(binary(
        call,
        (array, ascending),
        First::Left,
        Failing::Never,
        move |array, ascending, rows| {
            let lists = array.lists()?;
            let elements = lists.elements();
            let mut order: Vec<u32> = Vec::new();
            let mut lengths = vec![0_usize; rows.len()];
            let validity = try_each(rows, union_validity(array, ascending), |row| {
                let start = order.len();
                order.extend(lists.range(row).map(|at| at as u32));
                let sorted = &mut order[start..];
                let up = ascending.boolean_value(row).unwrap_or(true);
                sorted.sort_by(|&l, &r| {
                    let order = nulls_first(elements, l as usize, r as usize);
                    if up { order } else { order.reverse() }
                });
                lengths[row] = sorted.len();
                Ok::<_, EvalError>(Outcome::Value(()))
            })?;
            let values = Values::List {
                offsets: OffsetBuffer::from_lengths(lengths),
                elements: Arc::new(elements.take(&order)?),
            };
            Ok(Column::flat(output.clone(), rows.len(), values, validity))
        },
    ))
}

fn nulls_first(elements: &Column, l: usize, r: usize) -> Ordering {
    match (elements.is_null(l), elements.is_null(r)) {
        (false, false) => compare_values(elements, l, elements, r),
        (left, right) => right.cmp(&left),
    }
}
