//! NULL and NaN: `IsNull`, `IsNotNull`, `IsNaN`, `NaNvl`, and normalisation of floats.

use std::sync::Arc;

use arclight_columns::{Batch, BooleanBuffer, Column, Data, Selection, SparkType, Values};

use crate::conditional::{difference, merge};
use crate::expression::{EvalContext, EvalError, Expression, ExpressionRef};
use crate::function::{Failing, nary, one, two, unary};
use crate::kernel;
use crate::registry::{BuildError, Entry, FunctionCall};

/// This family's functions.
pub(crate) const FUNCTIONS: &[Entry] = &[
    ("is_null", |call| is_null(call, true)),
    ("is_not_null", |call| is_null(call, false)),
    ("is_nan", is_nan),
    ("nanvl", nanvl),
    ("normalize_nan_and_zero", normalize),
    ("at_least_n_non_nulls", at_least),
];

/// `IsNull`, `IsNotNull`: any type → boolean, never NULL. Never fails.
fn is_null(call: &FunctionCall, wanted: bool) -> Result<ExpressionRef, BuildError> {
    one(call)?;
    if call.output != SparkType::Boolean {
        return Err(call.unsupported());
    }
    Ok(nary(call, Failing::Never, move |arguments, rows| {
        let [column] = arguments else {
            return Err(EvalError::Internal("expected one argument".into()));
        };
        let all = |bit: bool| {
            let bits = BooleanBuffer::from(vec![bit]);
            Column::constant(Column::boolean(bits, None), rows.len())
        };
        if let Data::Constant(value) = column.data() {
            return Ok(all(value.is_null(0) == wanted));
        }
        Ok(match column.logical_validity() {
            None => all(!wanted),
            Some(validity) if wanted => Column::boolean(!validity.inner(), None),
            Some(validity) => Column::boolean(validity.inner().clone(), None),
        })
    }))
}

/// `AtLeastNNonNulls`: values of any types, and a number (int) as the last argument → boolean: whether
/// so many are neither NULL nor NaN. Never NULL, never fails.
fn at_least(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let number = call.arguments.last().map(|a| a.data_type());
    if number != Some(&SparkType::Int) || call.output != SparkType::Boolean {
        return Err(call.unsupported());
    }
    Ok(nary(call, Failing::Never, |arguments, rows| {
        let Some((number, values)) = arguments.split_last() else {
            return Err(EvalError::Internal("expected a number".into()));
        };
        let number = number
            .as_constant()
            .and_then(|value| value.fixed_value::<i32>(0))
            .ok_or_else(|| EvalError::Internal("the number is no literal".into()))?;
        let counts = |column: &Column, row: usize| {
            let nan = match column.data_type() {
                SparkType::Float => column.fixed_value::<f32>(row).is_some_and(f32::is_nan),
                SparkType::Double => column.fixed_value::<f64>(row).is_some_and(f64::is_nan),
                _ => false,
            };
            !column.is_null(row) && !nan
        };
        let bits = kernel::map_bits(rows.len(), rows, |row| {
            values.iter().filter(|column| counts(column, row)).count() as i64 >= i64::from(number)
        });
        Ok(Column::boolean(bits, None))
    }))
}

/// `IsNaN`: float or double → boolean, FALSE for NULL. Never fails.
fn is_nan(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let argument = one(call)?;
    let double = match (argument.data_type(), &call.output) {
        (SparkType::Double, SparkType::Boolean) => true,
        (SparkType::Float, SparkType::Boolean) => false,
        _ => return Err(call.unsupported()),
    };
    Ok(unary(
        call,
        argument,
        Failing::Never,
        move |column, rows| {
            let column = column.flatten();
            let validity = column.validity();
            let valid = |row: usize| validity.is_none_or(|v| v.is_valid(row));
            let bits = match (double, column.as_flat()) {
                (true, Some(Values::Float64(v))) => {
                    kernel::map_bits(v.len(), rows, |row| v[row].is_nan() && valid(row))
                }
                (false, Some(Values::Float32(v))) => {
                    kernel::map_bits(v.len(), rows, |row| v[row].is_nan() && valid(row))
                }
                _ => return Err(kernel::wrong_width(&column, call_physical(double))),
            };
            Ok(Column::boolean(bits, None))
        },
    ))
}

fn call_physical(double: bool) -> arclight_columns::Physical {
    match double {
        true => arclight_columns::Physical::Float64,
        false => arclight_columns::Physical::Float32,
    }
}

/// `NormalizeNaNAndZero`: float or double → the same type, every NaN the canonical one and -0.0
/// as 0.0. NULL stays NULL. Never fails.
fn normalize(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let argument = one(call)?;
    let output = call.output.clone();
    match (argument.data_type(), &call.output) {
        (SparkType::Double, SparkType::Double) => {
            Ok(unary(
                call,
                argument,
                Failing::Never,
                move |column, rows| {
                    kernel::unary(column, rows, &output, |v: f64| {
                        // Adding 0.0 turns -0.0 into 0.0 and changes nothing else.
                        if v.is_nan() { f64::NAN } else { v + 0.0 }
                    })
                },
            ))
        }
        (SparkType::Float, SparkType::Float) => Ok(unary(
            call,
            argument,
            Failing::Never,
            move |column, rows| {
                kernel::unary(column, rows, &output, |v: f32| {
                    if v.is_nan() { f32::NAN } else { v + 0.0 }
                })
            },
        )),
        _ => Err(call.unsupported()),
    }
}

/// `NaNvl`: two floats or doubles → the first unless it is NaN, else the second, which is
/// evaluated only there. NULL where the chosen one is.
#[derive(Debug)]
struct NanValue {
    value: ExpressionRef,
    replacement: ExpressionRef,
}

fn nanvl(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let (value, replacement) = two(call)?;
    let types = (value.data_type(), replacement.data_type());
    match types {
        (SparkType::Double, SparkType::Double) | (SparkType::Float, SparkType::Float) => {
            Ok(Arc::new(NanValue {
                value: Arc::clone(value),
                replacement: Arc::clone(replacement),
            }))
        }
        _ => Err(call.unsupported()),
    }
}

impl Expression for NanValue {
    fn data_type(&self) -> &SparkType {
        self.value.data_type()
    }
    fn evaluate(
        &self,
        batch: &Batch,
        rows: &Selection,
        context: &mut EvalContext<'_>,
    ) -> Result<Column, EvalError> {
        let column = self.value.evaluate(batch, rows, context)?.flatten();
        let nan = rows.filter(|row| {
            !column.is_null(row)
                && match column.as_flat() {
                    Some(Values::Float64(v)) => v[row].is_nan(),
                    Some(Values::Float32(v)) => v[row].is_nan(),
                    _ => false,
                }
        });
        if nan.is_empty() {
            return Ok(column);
        }
        let replacement = self.replacement.evaluate(batch, &nan, context)?;
        let numbers = difference(rows, &nan);
        let parts = [(numbers, column), (nan, replacement)];
        merge(self.data_type(), rows, &parts)
    }
    fn children(&self) -> Vec<&ExpressionRef> {
        vec![&self.value, &self.replacement]
    }
    fn is_total(&self) -> bool {
        self.value.is_total() && self.replacement.is_total()
    }
}

#[cfg(test)]
mod tests;
