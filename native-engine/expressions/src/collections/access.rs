//! Reaching into structs, arrays and maps.

use std::cmp::Ordering;

use arclight_columns::{Batch, Column, FixedWidth, Selection, SparkType};

use super::{element_type, same_lists};
use crate::comparison::{comparable, compare_values};
use crate::expression::{EvalContext, EvalError, Expression, ExpressionRef};
use crate::function::{Failing, First, binary, nary, two};
use crate::kernel::{self, Outcome, try_each, union_validity};
use crate::registry::{BuildError, EvalMode, FunctionCall};

/// `GetStructField`: a struct → its field at a position, NULL where the struct is NULL. Never
/// fails.
#[derive(Debug)]
pub struct StructField {
    input: ExpressionRef,
    index: usize,
    data_type: SparkType,
}

impl StructField {
    /// Field `index` of `input`; an error if it is no struct or has no such field.
    pub fn new(input: ExpressionRef, index: usize) -> Result<Self, BuildError> {
        let field = match input.data_type() {
            SparkType::Struct(fields) => fields.get(index),
            _ => None,
        };
        match field.map(|field| field.data_type.clone()) {
            Some(data_type) => Ok(StructField {
                input,
                index,
                data_type,
            }),
            None => Err(BuildError::Signature {
                name: format!("field {index}"),
                arguments: input.data_type().to_string(),
                output: "its type".to_string(),
            }),
        }
    }
}

impl Expression for StructField {
    fn data_type(&self) -> &SparkType {
        &self.data_type
    }
    fn evaluate(
        &self,
        batch: &Batch,
        rows: &Selection,
        context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        let structs = self.input.evaluate(batch, rows, context)?;
        let field = structs.struct_field(self.index)?;
        Ok(field.with_type(self.data_type.clone()))
    }
    fn children(&self) -> Vec<&ExpressionRef> {
        vec![&self.input]
    }
    fn is_total(&self) -> bool {
        self.input.is_total()
    }
}

/// The int literal that a call has as its second argument.
fn literal(column: &Column) -> Result<i32, EvalError> {
    let value = column.as_constant().and_then(|v| v.fixed_value::<i32>(0));
    value.ok_or_else(|| EvalError::Internal("expected a literal int".to_string()))
}

/// `GetArrayStructFields`: an array of structs and the literal position of a field → the array of
/// these fields, NULL where the struct is. NULL for NULL. Never fails.
pub(super) fn array_struct_field(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let (array, position) = two(call)?;
    let structs = element_type(array.data_type());
    if !matches!(structs, Some(SparkType::Struct(_)))
        || element_type(&call.output).is_none()
        || *position.data_type() != SparkType::Int
    {
        return Err(call.unsupported());
    }
    let output = call.output.clone();
    Ok(binary(
        call,
        (array, position),
        First::Left,
        Failing::Never,
        move |array, position, rows| {
            let index = usize::try_from(literal(position)?)
                .map_err(|_| EvalError::Internal("expected a field's position".to_string()))?;
            same_lists(array, rows, &output, |structs| {
                Ok(structs.struct_field(index)?)
            })
        },
    ))
}

/// `Size`: an array or map, and perhaps an int → the number of its elements or entries, an int;
/// for NULL the second argument, or NULL without one. Never fails.
pub(super) fn size(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let list = call.argument(0)?.data_type();
    let default = call.arguments.get(1).map(|argument| argument.data_type());
    if !matches!(list, SparkType::Array(_) | SparkType::Map(..))
        || default.is_some_and(|d| *d != SparkType::Int)
        || call.arguments.len() > 2
        || call.output != SparkType::Int
    {
        return Err(call.unsupported());
    }
    Ok(nary(call, Failing::Never, |arguments, rows| {
        let [column, default @ ..] = arguments else {
            return Err(EvalError::Internal("expected a list".to_string()));
        };
        let lists = column.lists()?;
        let validity = column.logical_validity();
        match default.first() {
            None => {
                let sizes = kernel::map_rows(rows.len(), rows, |row| lists.range(row).len() as i32);
                Ok(Column::fixed(SparkType::Int, sizes, validity))
            }
            Some(default) => {
                let default = literal(default)?;
                let sizes = kernel::map_rows(rows.len(), rows, |row| match column.is_null(row) {
                    true => default,
                    false => lists.range(row).len() as i32,
                });
                Ok(Column::fixed(SparkType::Int, sizes, None))
            }
        }
    }))
}

/// Integers of any width as 64 bits.
fn integers(column: &Column) -> Result<Vec<i64>, EvalError> {
    fn wide<T: FixedWidth + Into<i64>>(column: &Column) -> Option<Vec<i64>> {
        let values = column.as_slice::<T>()?;
        Some(values.iter().map(|&v| v.into()).collect())
    }
    let flat = column.flatten();
    wide::<i32>(&flat)
        .or_else(|| wide::<i64>(&flat))
        .or_else(|| wide::<i16>(&flat))
        .or_else(|| wide::<i8>(&flat))
        .ok_or_else(|| kernel::wrong_width(column, arclight_columns::Physical::Int32))
}

/// The elements of the lists of `column` that `position` chooses, as a column of type `output`;
/// `position` is called for active rows that are not NULL, with the row and its elements' range.
pub(super) fn choose(
    column: &Column,
    elements: &Column,
    validity: Option<arclight_columns::NullBuffer>,
    rows: &Selection,
    output: &SparkType,
    position: impl Fn(usize, std::ops::Range<usize>) -> Outcome<usize>,
) -> Result<Column, EvalError> {
    let lists = column.lists()?;
    let mut positions = vec![0_u32; rows.len()];
    let validity = try_each(rows, validity, |row| {
        Ok(position(row, lists.range(row)).map(|at| positions[row] = at as u32))
    })?;
    Ok(elements.gather(&positions, validity.as_ref(), output)?)
}

fn is_integer(data_type: &SparkType) -> bool {
    use SparkType as S;
    matches!(data_type, S::Byte | S::Short | S::Int | S::Long)
}

/// `GetArrayItem`: an array and a whole number, cut to 32 bits → the element at that position,
/// counted from 0. NULL where either is NULL; outside of the array fails in ANSI mode, else is
/// NULL.
pub(super) fn array_item(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let (array, position) = two(call)?;
    let fits = element_type(array.data_type()).is_some_and(|e| e.is_alike(&call.output));
    if !fits || !is_integer(position.data_type()) {
        return Err(call.unsupported());
    }
    let ansi = call.mode == EvalMode::Ansi;
    let failing = if ansi {
        Failing::Sometimes
    } else {
        Failing::Never
    };
    let output = call.output.clone();
    Ok(binary(
        call,
        (array, position),
        First::Left,
        failing,
        move |array, position, rows| {
            let validity = union_validity(array, position);
            let indices = integers(position)?;
            let elements = array.lists()?.elements();
            choose(array, elements, validity, rows, &output, |row, range| {
                // Spark's cast to int.
                let index = indices[row] as i32;
                match usize::try_from(index) {
                    Ok(index) if index < range.len() => Outcome::Value(range.start + index),
                    _ if ansi => Outcome::Fail,
                    _ => Outcome::Null,
                }
            })
        },
    ))
}

/// `ElementAt`. Of an array and an int → the element at that position, counted from 1, or from
/// the end if negative; position 0 fails, outside of the array fails in ANSI mode, else is NULL.
/// Of a map and a key → as [`map_value`]. NULL where either is NULL.
pub(super) fn element_at(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let (collection, position) = two(call)?;
    if matches!(collection.data_type(), SparkType::Map(..)) {
        return map_value(call);
    }
    let fits = element_type(collection.data_type()).is_some_and(|e| e.is_alike(&call.output));
    if !fits || *position.data_type() != SparkType::Int {
        return Err(call.unsupported());
    }
    let ansi = call.mode == EvalMode::Ansi;
    let output = call.output.clone();
    Ok(binary(
        call,
        (collection, position),
        First::Left,
        Failing::Sometimes,
        move |array, position, rows| {
            let validity = union_validity(array, position);
            let indices = integers(position)?;
            let elements = array.lists()?.elements();
            choose(array, elements, validity, rows, &output, |row, range| {
                let index = indices[row];
                let distance = index.unsigned_abs() as usize;
                if index == i64::from(i32::MIN) {
                    // Its absolute value overflows in Spark.
                    return Outcome::Decline("the least int as a position");
                }
                match index {
                    _ if distance > range.len() && ansi => Outcome::Fail,
                    _ if distance > range.len() => Outcome::Null,
                    0 => Outcome::Fail,
                    1.. => Outcome::Value(range.start + distance - 1),
                    _ => Outcome::Value(range.end - distance),
                }
            })
        },
    ))
}

/// `GetMapValue`: a map and a key → the value of the first entry with that key, NULL if there is
/// none; keys compare as SQL's `=` does. NULL where either is NULL. Never fails.
pub(super) fn map_value(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let (map, key) = two(call)?;
    let fits = match map.data_type() {
        SparkType::Map(keys, values) => {
            comparable(&keys.data_type, key.data_type()) && values.data_type.is_alike(&call.output)
        }
        _ => false,
    };
    if !fits {
        return Err(call.unsupported());
    }
    let output = call.output.clone();
    Ok(binary(
        call,
        (map, key),
        First::Left,
        Failing::Never,
        move |map, key, rows| {
            let validity = union_validity(map, key);
            let (keys, values) = map.lists()?.entries()?;
            choose(map, values, validity, rows, &output, |row, mut range| {
                let found = range.find(|&at| compare_values(keys, at, key, row) == Ordering::Equal);
                Outcome::or_null(found)
            })
        },
    ))
}
