//! Making structs, arrays and maps of columns.

use std::sync::Arc;

use arclight_columns::{Column, OffsetBuffer, Selection, SparkType, Values};

use super::element_type;
use crate::comparison::{comparable, compare_values};
use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, nary};
use crate::registry::{BuildError, FunctionCall};

/// The column as a part of a nested one: flat, in its type's usual width.
fn part(column: &Column) -> Column {
    match column.data_type() {
        SparkType::Decimal { .. }
            if column.data_type().physical() == arclight_columns::Physical::Int128 =>
        {
            column.widen()
        }
        _ => column.flatten(),
    }
}

/// `CreateNamedStruct`: values of the fields' types → the struct of them, never NULL. Never fails.
pub(super) fn named_struct(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let fits = match &call.output {
        SparkType::Struct(fields) => {
            let mut pairs = fields.iter().zip(&call.arguments);
            !fields.is_empty()
                && fields.len() == call.arguments.len()
                && pairs.all(|(f, a)| f.data_type.is_alike(a.data_type()))
        }
        _ => false,
    };
    if !fits {
        return Err(call.unsupported());
    }
    let output = call.output.clone();
    Ok(nary(call, Failing::Never, move |arguments, rows| {
        let values = Values::Struct(arguments.iter().map(part).collect());
        Ok(Column::flat(output.clone(), rows.len(), values, None))
    }))
}

/// `CreateArray`: at least one value, all of the elements' type → the array of them, never NULL.
/// Never fails.
pub(super) fn array(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let fits = element_type(&call.output).is_some_and(|element| {
        let mut arguments = call.arguments.iter();
        !call.arguments.is_empty() && arguments.all(|a| a.data_type().is_alike(element))
    });
    if !fits {
        return Err(call.unsupported());
    }
    let output = call.output.clone();
    Ok(nary(call, Failing::Never, move |arguments, rows| {
        let element = element_type(&output).cloned().unwrap_or(SparkType::Null);
        let arguments: Vec<&Column> = arguments.iter().collect();
        let values = Values::List {
            offsets: offsets(rows, arguments.len()),
            elements: Arc::new(interleave(&element, &arguments, rows)?),
        };
        Ok(Column::flat(output.clone(), rows.len(), values, None))
    }))
}

/// Lists of `count` elements at active rows, of none at others.
fn offsets(rows: &Selection, count: usize) -> OffsetBuffer<i32> {
    let mut lengths = vec![0; rows.len()];
    rows.for_each(|row| lengths[row] = count);
    OffsetBuffer::from_lengths(lengths)
}

/// The values of all columns at the first active row, then at the second, and so on.
fn interleave(
    data_type: &SparkType,
    columns: &[&Column],
    rows: &Selection,
) -> Result<Column, EvalError> {
    let parts: Vec<Column> = columns.iter().map(|column| part(column)).collect();
    let parts: Vec<&Column> = parts.iter().collect();
    let all = Column::concat(data_type, &parts)?;
    let (len, count) = (rows.len() as u32, columns.len() as u32);
    let order: Vec<u32> = rows
        .iter()
        .flat_map(|row| (0..count).map(move |column| column * len + row as u32))
        .collect();
    Ok(all.take(&order)?.with_type(data_type.clone()))
}

/// `CreateMap`: keys and values in turn → the map of them, in their order, never NULL. A NULL key
/// and equal keys are left to Spark, which raises or takes the last by a setting. Keys have no
/// floats within: Spark does not normalise them everywhere.
pub(super) fn map(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let SparkType::Map(key, value) = &call.output else {
        return Err(call.unsupported());
    };
    let pairs = call.arguments.chunks(2);
    let fits = !call.arguments.is_empty()
        && call.arguments.len().is_multiple_of(2)
        && comparable(&key.data_type, &key.data_type)
        && pairs.into_iter().all(|pair| {
            pair[0].data_type().is_alike(&key.data_type)
                && pair[1].data_type().is_alike(&value.data_type)
        });
    if !fits {
        return Err(call.unsupported());
    }
    let output = call.output.clone();
    Ok(nary(call, Failing::Sometimes, move |arguments, rows| {
        let SparkType::Map(key, value) = &output else {
            return Err(EvalError::Internal("expected a map".to_string()));
        };
        let keys: Vec<&Column> = arguments.iter().step_by(2).collect();
        let values: Vec<&Column> = arguments.iter().skip(1).step_by(2).collect();
        rows.try_for_each(|row| distinct(&keys, row))?;
        let entries = Values::Struct(vec![
            interleave(&key.data_type, &keys, rows)?,
            interleave(&value.data_type, &values, rows)?,
        ]);
        let entry = output.list_element().map(|field| field.data_type);
        let entry = entry.ok_or_else(|| EvalError::Internal("expected a map".to_string()))?;
        let entries = Column::flat(entry, rows.count() * keys.len(), entries, None);
        let values = Values::List {
            offsets: offsets(rows, keys.len()),
            elements: Arc::new(entries),
        };
        Ok(Column::flat(output.clone(), rows.len(), values, None))
    }))
}

fn distinct(keys: &[&Column], row: usize) -> Result<(), EvalError> {
    for (index, key) in keys.iter().enumerate() {
        if key.is_null(row) {
            return Err(EvalError::Declined("a NULL key of a map"));
        }
        let mut before = keys[..index].iter();
        if before.any(|other| compare_values(other, row, key, row).is_eq()) {
            return Err(EvalError::Declined("equal keys of a map"));
        }
    }
    Ok(())
}
