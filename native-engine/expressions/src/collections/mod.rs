//! Structs, arrays and maps: making them, and reaching into them.

mod access;
mod create;
mod order;
mod search;

use std::sync::Arc;

use arclight_columns::{Column, Selection, SparkType, Values};

use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, one, unary};
use crate::kernel::over_distinct;
use crate::registry::{BuildError, Entry, FunctionCall};

pub use access::StructField;

/// This family's functions.
pub(crate) const FUNCTIONS: &[Entry] = &[
    ("array", create::array),
    ("array_contains", search::array_contains),
    ("array_item", access::array_item),
    ("array_max", order::array_max),
    ("array_min", order::array_min),
    ("array_position", search::array_position),
    ("array_struct_field", access::array_struct_field),
    ("element_at", access::element_at),
    ("map", create::map),
    ("map_entries", map_entries),
    ("map_keys", map_keys),
    ("map_value", access::map_value),
    ("map_values", map_values),
    ("named_struct", create::named_struct),
    ("size", access::size),
    ("sort_array", order::sort_array),
];

/// The type of an array's elements.
fn element_type(data_type: &SparkType) -> Option<&SparkType> {
    match data_type {
        SparkType::Array(element) => Some(&element.data_type),
        _ => None,
    }
}

/// `MapKeys`: a map → the array of its keys, in the map's order. NULL for NULL. Never fails.
fn map_keys(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let argument = one(call)?;
    match (argument.data_type(), element_type(&call.output)) {
        (SparkType::Map(key, _), Some(element)) if key.data_type.is_alike(element) => {}
        _ => return Err(call.unsupported()),
    }
    lists_function(call, |elements| Ok(elements.struct_field(0)?))
}

/// `MapValues`: a map → the array of its values, in the map's order. NULL for NULL. Never fails.
fn map_values(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let argument = one(call)?;
    match (argument.data_type(), element_type(&call.output)) {
        (SparkType::Map(_, value), Some(element)) if value.data_type.is_alike(element) => {}
        _ => return Err(call.unsupported()),
    }
    lists_function(call, |elements| Ok(elements.struct_field(1)?))
}

/// `MapEntries`: a map → the array of its entries as structs of key and value. NULL for NULL.
/// Never fails.
fn map_entries(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let entry = one(call)?.data_type().list_element();
    match (&entry, element_type(&call.output)) {
        (Some(entry), Some(element)) if entry.data_type.is_alike(element) => {}
        _ => return Err(call.unsupported()),
    }
    lists_function(call, |elements| Ok(elements.clone()))
}

/// A function whose lists begin and end where its argument's do; `f` makes its elements.
fn lists_function(
    call: &FunctionCall,
    f: fn(&Column) -> Result<Column, EvalError>,
) -> Result<ExpressionRef, BuildError> {
    let output = call.output.clone();
    let argument = one(call)?;
    Ok(unary(
        call,
        argument,
        Failing::Never,
        move |column, rows| same_lists(column, rows, &output, f),
    ))
}

/// Lists that begin and end where those of `column` do; `f` makes their elements.
fn same_lists(
    column: &Column,
    rows: &Selection,
    output: &SparkType,
    f: impl Fn(&Column) -> Result<Column, EvalError>,
) -> Result<Column, EvalError> {
    over_distinct(column, rows, output, |flat, _| {
        let Some(Values::List { offsets, elements }) = flat.as_flat() else {
            return Err(not_lists(flat));
        };
        let values = Values::List {
            offsets: offsets.clone(),
            elements: Arc::new(f(elements)?),
        };
        let validity = flat.validity().cloned();
        Ok(Column::flat(output.clone(), flat.len(), values, validity))
    })
}

fn not_lists(column: &Column) -> EvalError {
    EvalError::Internal(format!(
        "expected lists, got a column of {}",
        column.data_type()
    ))
}

#[cfg(test)]
mod tests;
