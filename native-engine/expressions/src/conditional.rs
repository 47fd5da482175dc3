//! Conditionals: CASE, IF, COALESCE. Lazy: a branch is evaluated only at the rows that take it.

use std::sync::Arc;

use arclight_columns::{
    Batch, BooleanBuffer, Column, ColumnBuilder, FixedWidth, NullBuffer, Physical, Selection,
    SparkType, Values,
};

use crate::comparison::truth;
use crate::expression::{EvalContext, EvalError, Expression, ExpressionRef};
use crate::kernel::{Input, flat_or_constant, input};
use crate::registry::{BuildError, Entry, FunctionCall};

/// This family's functions.
pub(crate) const FUNCTIONS: &[Entry] = &[("coalesce", coalesce)];

/// `CaseWhen` and `If`: the value of the first branch whose condition is TRUE, else `otherwise`,
/// else NULL. A condition is evaluated only at rows no earlier branch took, a value only at rows
/// its branch took. NULL conditions are not TRUE.
#[derive(Debug)]
pub struct CaseWhen {
    /// Conditions (boolean) and values (all of the result's type), in order.
    pub branches: Vec<(ExpressionRef, ExpressionRef)>,
    /// The value where no condition is TRUE; NULL if absent.
    pub otherwise: Option<ExpressionRef>,
    data_type: SparkType,
}

impl CaseWhen {
    /// A CASE whose values have type `data_type`.
    pub fn new(
        branches: Vec<(ExpressionRef, ExpressionRef)>,
        otherwise: Option<ExpressionRef>,
        data_type: SparkType,
    ) -> Self {
        CaseWhen {
            branches,
            otherwise,
            data_type,
        }
    }
}

impl Expression for CaseWhen {
    fn data_type(&self) -> &SparkType {
        &self.data_type
    }

    fn evaluate(
        &self,
        batch: &Batch,
        rows: &Selection,
        context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        let mut parts = Vec::with_capacity(self.branches.len() + 1);
        let mut remaining = rows.clone();
        for (condition, value) in &self.branches {
            if remaining.is_empty() {
                break;
            }
            let condition = condition.evaluate(batch, &remaining, context)?;
            let taken = match condition.as_constant() {
                Some(one) if one.is_null(0) || one.boolean_value(0) == Some(false) => continue,
                Some(_) => remaining.clone(),
                None => {
                    let validity = condition.logical_validity();
                    Selection::from_predicate(&truth(&condition)?, validity.as_ref(), &remaining)
                }
            };
            if taken.is_empty() {
                continue;
            }
            remaining = difference(&remaining, &taken);
            let value = value.evaluate(batch, &taken, context)?;
            parts.push((taken, value));
        }
        if !remaining.is_empty() {
            let value = match &self.otherwise {
                Some(value) => value.evaluate(batch, &remaining, context)?,
                None => Column::nulls(self.data_type.clone(), rows.len()),
            };
            parts.push((remaining, value));
        }
        merge(&self.data_type, rows, &parts)
    }

    fn children(&self) -> Vec<&ExpressionRef> {
        self.branches
            .iter()
            .flat_map(|(condition, value)| [condition, value])
            .chain(&self.otherwise)
            .collect()
    }

    fn is_total(&self) -> bool {
        self.children().iter().all(|child| child.is_total())
    }
}

/// `Coalesce`: values of one type → the first that is not NULL, else NULL. A value is evaluated
/// only at rows where all before it are NULL.
#[derive(Debug)]
struct Coalesce {
    values: Vec<ExpressionRef>,
    data_type: SparkType,
}

fn coalesce(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    if call.arguments.is_empty() {
        return Err(call.unsupported());
    }
    Ok(Arc::new(Coalesce {
        values: call.arguments.clone(),
        data_type: call.output.clone(),
    }))
}

impl Expression for Coalesce {
    fn data_type(&self) -> &SparkType {
        &self.data_type
    }

    fn evaluate(
        &self,
        batch: &Batch,
        rows: &Selection,
        context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        let mut parts = Vec::with_capacity(self.values.len());
        let mut remaining = rows.clone();
        for value in &self.values {
            if remaining.is_empty() {
                break;
            }
            let column = value.evaluate(batch, &remaining, context)?;
            if !column.has_nulls() {
                parts.push((std::mem::replace(&mut remaining, none(rows)), column));
                break;
            }
            let taken = remaining.filter(|row| !column.is_null(row));
            if !taken.is_empty() {
                remaining = difference(&remaining, &taken);
                parts.push((taken, column));
            }
        }
        if !remaining.is_empty() {
            parts.push((remaining, Column::nulls(self.data_type.clone(), rows.len())));
        }
        merge(&self.data_type, rows, &parts)
    }

    fn children(&self) -> Vec<&ExpressionRef> {
        self.values.iter().collect()
    }

    fn is_total(&self) -> bool {
        self.values.iter().all(|value| value.is_total())
    }
}

/// No rows, of a batch as long as that of `rows`.
fn none(rows: &Selection) -> Selection {
    Selection::from_rows(rows.len(), Vec::new())
}

/// The rows of `rows` that are not in `taken`, both of one batch.
pub(crate) fn difference(rows: &Selection, taken: &Selection) -> Selection {
    if taken.is_all() || taken.rows() == rows.rows() {
        return none(rows);
    }
    let mut taken = taken.iter().peekable();
    rows.filter(|row| {
        while taken.next_if(|&other| other < row).is_some() {}
        taken.next_if_eq(&row).is_none()
    })
}

/// One column out of parts, each specified at its rows; the parts' rows are disjoint and make up
/// `rows`.
pub(crate) fn merge(
    data_type: &SparkType,
    rows: &Selection,
    parts: &[(Selection, Column)],
) -> Result<Column, EvalError> {
    let parts: Vec<&(Selection, Column)> = parts.iter().filter(|p| !p.0.is_empty()).collect();
    match parts.as_slice() {
        [] => return Ok(Column::nulls(data_type.clone(), rows.len())),
        [(_, column)] => return Ok(column.clone().with_type(data_type.clone())),
        _ => {}
    }
    let widen = |column: &Column| {
        column.as_constant().map_or_else(
            || flat_or_constant(column),
            |value| Column::constant(value.clone(), column.len()),
        )
    };
    match merged_physical(data_type, &parts) {
        Physical::Boolean => merge_booleans(rows, &parts),
        Physical::Int8 => merge_fixed::<i8>(data_type, rows, &parts, widen),
        Physical::Int16 => merge_fixed::<i16>(data_type, rows, &parts, widen),
        Physical::Int32 => merge_fixed::<i32>(data_type, rows, &parts, widen),
        Physical::Int64 => merge_fixed::<i64>(data_type, rows, &parts, widen),
        Physical::Int128 => merge_fixed::<i128>(data_type, rows, &parts, Column::widen),
        Physical::Float32 => merge_fixed::<f32>(data_type, rows, &parts, widen),
        Physical::Float64 => merge_fixed::<f64>(data_type, rows, &parts, widen),
        _ => merge_any(data_type, rows, &parts),
    }
}

/// The width of the result: a wide decimal stays narrow if all parts are.
fn merged_physical(data_type: &SparkType, parts: &[&(Selection, Column)]) -> Physical {
    let usual = data_type.physical();
    let narrow = |column: &Column| {
        let base = column.as_constant().unwrap_or(column);
        let base = base.as_dictionary().map_or(base, |(_, values)| values);
        let null = column.as_constant().is_some_and(|value| value.is_null(0));
        null || matches!(base.as_flat(), Some(Values::Int64(_)))
    };
    if usual == Physical::Int128 && parts.iter().all(|(_, column)| narrow(column)) {
        return Physical::Int64;
    }
    usual
}

/// NULL where the part a row is from has NULL.
fn merge_validity(rows: &Selection, parts: &[&(Selection, Column)]) -> Option<NullBuffer> {
    if !parts.iter().any(|(_, column)| column.has_nulls()) {
        return None;
    }
    let mut bits = vec![true; rows.len()];
    for (part, column) in parts {
        if column.has_nulls() {
            part.for_each(|row| bits[row] = !column.is_null(row));
        }
    }
    Some(NullBuffer::from(bits))
}

fn merge_fixed<T: FixedWidth>(
    data_type: &SparkType,
    rows: &Selection,
    parts: &[&(Selection, Column)],
    prepare: impl Fn(&Column) -> Column,
) -> Result<Column, EvalError> {
    let mut result = vec![T::default(); rows.len()];
    for (part, column) in parts {
        if column.as_constant().is_some_and(|value| value.is_null(0)) {
            continue;
        }
        let column = prepare(column);
        match input::<T>(&column)? {
            Input::Constant(value) => part.for_each(|row| result[row] = value),
            Input::Slice(values) => part.for_each(|row| result[row] = values[row]),
        }
    }
    let validity = merge_validity(rows, parts);
    Ok(Column::fixed(data_type.clone(), result, validity))
}

fn merge_booleans(rows: &Selection, parts: &[&(Selection, Column)]) -> Result<Column, EvalError> {
    let mut result = vec![false; rows.len()];
    for (part, column) in parts {
        let bits = truth(column)?;
        part.for_each(|row| result[row] = bits.value(row));
    }
    let validity = merge_validity(rows, parts);
    Ok(Column::boolean(BooleanBuffer::from(result), validity))
}

fn merge_any(
    data_type: &SparkType,
    rows: &Selection,
    parts: &[&(Selection, Column)],
) -> Result<Column, EvalError> {
    const NO_PART: u32 = u32::MAX;
    let mut owner = vec![NO_PART; rows.len()];
    for (index, (part, _)) in parts.iter().enumerate() {
        part.for_each(|row| owner[row] = index as u32);
    }
    let mut builder = ColumnBuilder::new(data_type.clone(), rows.len());
    for (row, &owner) in owner.iter().enumerate() {
        match parts.get(owner as usize) {
            Some((_, column)) => builder.push_from(column, row),
            None => builder.push_null(),
        }
    }
    Ok(builder.finish())
}

#[cfg(test)]
mod tests;
