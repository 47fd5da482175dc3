//! Comparisons, of every orderable type.
//!
//! Strings and binaries compare as unsigned bytes; NaN equals NaN and is larger than any number;
//! zeros of either sign are equal; a NULL field of a struct or element of an array comes first.

mod bytes;
mod values;

use arclight_columns::{BooleanBuffer, Column, Data, FixedWidth, Selection, SparkType, Values};

use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, First, binary, nary, two};
use crate::kernel::{self, flat_or_constant, over_distinct, union_validity};
use crate::registry::{BuildError, Entry, FunctionCall};

pub use values::compare_values;

/// This family's functions.
pub(crate) const FUNCTIONS: &[Entry] = &[
    ("equal", |call| build(call, Comparison::Equal, false)),
    ("less_than", |call| build(call, Comparison::Less, false)),
    ("less_than_or_equal", |call| {
        build(call, Comparison::LessOrEqual, false)
    }),
    ("greater_than", |call| build(call, Comparison::Less, true)),
    ("greater_than_or_equal", |call| {
        build(call, Comparison::LessOrEqual, true)
    }),
    ("equal_null_safe", equal_null_safe),
];

/// The three comparisons all others are made of, by swapping operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// `=`
    Equal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

/// Whether Spark orders the type (maps, for one, it does not).
pub(crate) fn is_orderable(data_type: &SparkType) -> bool {
    match data_type {
        SparkType::Map(..) => false,
        SparkType::Array(element) => is_orderable(&element.data_type),
        SparkType::Struct(fields) => fields.iter().all(|f| is_orderable(&f.data_type)),
        _ => true,
    }
}

/// Whether values of the two types compare without conversion: Spark has made them the same but
/// for nullability and names inside; decimals may differ in precision.
pub(crate) fn comparable(left: &SparkType, right: &SparkType) -> bool {
    match (left, right) {
        (SparkType::Decimal { scale: l, .. }, SparkType::Decimal { scale: r, .. }) => l == r,
        (SparkType::Array(l), SparkType::Array(r)) => comparable(&l.data_type, &r.data_type),
        (SparkType::Struct(l), SparkType::Struct(r)) => {
            l.len() == r.len()
                && l.iter()
                    .zip(r.iter())
                    .all(|(l, r)| comparable(&l.data_type, &r.data_type))
        }
        (SparkType::Map(..), _) => false,
        _ => left == right,
    }
}

fn check(call: &FunctionCall) -> Result<(&ExpressionRef, &ExpressionRef), BuildError> {
    let (left, right) = two(call)?;
    if call.output != SparkType::Boolean || !comparable(left.data_type(), right.data_type()) {
        return Err(call.unsupported());
    }
    Ok((left, right))
}

/// `EqualTo`, `LessThan`, `LessThanOrEqual`, `GreaterThan`, `GreaterThanOrEqual`: two values of
/// one orderable type → boolean, NULL where either is NULL. Never fails.
fn build(
    call: &FunctionCall,
    comparison: Comparison,
    swapped: bool,
) -> Result<ExpressionRef, BuildError> {
    let operands = check(call)?;
    Ok(binary(
        call,
        operands,
        First::Left,
        Failing::Never,
        move |left, right, rows| match swapped {
            false => compare(comparison, left, right, rows),
            true => compare(comparison, right, left, rows),
        },
    ))
}

/// `EqualNullSafe` (`<=>`): two values of one orderable type → boolean, never NULL: two NULLs are
/// equal, NULL and a value are not. Never fails.
fn equal_null_safe(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    check(call)?;
    Ok(nary(call, Failing::Never, |arguments, rows| {
        let [left, right] = arguments else {
            return Err(EvalError::Internal("expected two arguments".into()));
        };
        let equal = compare(Comparison::Equal, left, right, rows)?;
        if !left.has_nulls() && !right.has_nulls() {
            return Ok(equal);
        }
        let len = rows.len();
        let all = || BooleanBuffer::new_set(len);
        let valid = |column: &Column| {
            column
                .logical_validity()
                .map_or_else(all, |validity| validity.inner().clone())
        };
        let (left, right) = (valid(left), valid(right));
        let neither = !&(&left | &right);
        let bits = &(&truth(&equal)? & &(&left & &right)) | &neither;
        Ok(Column::boolean(bits, None))
    }))
}

/// The bits of a boolean column of any layout; unspecified at NULLs.
pub(crate) fn truth(column: &Column) -> Result<BooleanBuffer, EvalError> {
    let flat = match column.data() {
        Data::Constant(value) => {
            let bit = value.as_booleans().map(|bits| bits.value(0));
            return match bit {
                Some(true) => Ok(BooleanBuffer::new_set(column.len())),
                Some(false) => Ok(BooleanBuffer::new_unset(column.len())),
                None => Err(not_booleans(column)),
            };
        }
        Data::Flat(_) => column.as_booleans().cloned(),
        Data::Dictionary { .. } => column.flatten().as_booleans().cloned(),
    };
    flat.ok_or_else(|| not_booleans(column))
}

fn not_booleans(column: &Column) -> EvalError {
    EvalError::Internal(format!(
        "expected booleans, got a column of {}",
        column.data_type()
    ))
}

/// Compares two columns of one type; NULL where either is NULL.
pub(crate) fn compare(
    comparison: Comparison,
    left: &Column,
    right: &Column,
    rows: &Selection,
) -> Result<Column, EvalError> {
    let is_null = |column: &Column| column.as_constant().is_some_and(|value| value.is_null(0));
    if is_null(left) || is_null(right) {
        return Ok(Column::nulls(SparkType::Boolean, rows.len()));
    }
    match (left.as_constant(), right.as_constant()) {
        (Some(left), Some(right)) => {
            let one = compare_flat(comparison, left, right, &Selection::all(1))?;
            Ok(Column::constant(one, rows.len()))
        }
        (None, Some(_)) => over_distinct(left, rows, &SparkType::Boolean, |left, rows| {
            compare_flat(comparison, left, right, rows)
        }),
        (Some(_), None) => over_distinct(right, rows, &SparkType::Boolean, |right, rows| {
            compare_flat(comparison, left, right, rows)
        }),
        (None, None) => compare_flat(
            comparison,
            &flat_or_constant(left),
            &flat_or_constant(right),
            rows,
        ),
    }
}

/// Compares flat columns or constants that are not NULL.
fn compare_flat(
    comparison: Comparison,
    left: &Column,
    right: &Column,
    rows: &Selection,
) -> Result<Column, EvalError> {
    let (left, right) = (&narrow_constant(left), &narrow_constant(right));
    let physical = |column: &Column| {
        let base = column.as_constant().unwrap_or(column);
        base.as_flat().map(Values::physical)
    };
    use arclight_columns::Physical as P;
    match (physical(left), physical(right)) {
        (Some(P::Int8), Some(P::Int8)) => ordered::<i8, i8, i8>(comparison, left, right, rows),
        (Some(P::Int16), Some(P::Int16)) => ordered::<i16, i16, i16>(comparison, left, right, rows),
        (Some(P::Int32), Some(P::Int32)) => ordered::<i32, i32, i32>(comparison, left, right, rows),
        (Some(P::Int64), Some(P::Int64)) => ordered::<i64, i64, i64>(comparison, left, right, rows),
        (Some(P::Int128), Some(P::Int128)) => {
            ordered::<i128, i128, i128>(comparison, left, right, rows)
        }
        (Some(P::Int64), Some(P::Int128)) => {
            ordered::<i64, i128, i128>(comparison, left, right, rows)
        }
        (Some(P::Int128), Some(P::Int64)) => {
            ordered::<i128, i64, i128>(comparison, left, right, rows)
        }
        (Some(P::Float32), Some(P::Float32)) => floats::<f32>(comparison, left, right, rows),
        (Some(P::Float64), Some(P::Float64)) => floats::<f64>(comparison, left, right, rows),
        (Some(P::Boolean), Some(P::Boolean)) => {
            let validity = union_validity(left, right);
            let (left, right) = (truth(left)?, truth(right)?);
            let bits = match comparison {
                Comparison::Equal => !&(&left ^ &right),
                Comparison::Less => &!&left & &right,
                Comparison::LessOrEqual => &!&left | &right,
            };
            Ok(Column::boolean(bits, validity))
        }
        (Some(P::Bytes), Some(P::Bytes)) => bytes::compare(comparison, left, right, rows),
        _ => values::compare(comparison, left, right, rows),
    }
}

/// A 128-bit constant in 64 bits if it fits, so that it meets narrow columns at their width.
fn narrow_constant(column: &Column) -> Column {
    let Some(value) = column.as_constant() else {
        return column.clone();
    };
    let narrow = value
        .as_slice::<i128>()
        .and_then(|values| i64::try_from(values[0]).ok());
    match narrow {
        Some(narrow) => Column::constant(
            Column::fixed(column.data_type().clone(), vec![narrow], None),
            column.len(),
        ),
        None => column.clone(),
    }
}

fn ordered<L, R, C>(
    comparison: Comparison,
    left: &Column,
    right: &Column,
    rows: &Selection,
) -> Result<Column, EvalError>
where
    L: FixedWidth + Into<C>,
    R: FixedWidth + Into<C>,
    C: PartialOrd,
{
    match comparison {
        Comparison::Equal => kernel::compare(left, right, rows, |l: L, r: R| l.into() == r.into()),
        Comparison::Less => kernel::compare(left, right, rows, |l: L, r: R| l.into() < r.into()),
        Comparison::LessOrEqual => {
            kernel::compare(left, right, rows, |l: L, r: R| l.into() <= r.into())
        }
    }
}

fn floats<T: FixedWidth + num_traits::Float>(
    comparison: Comparison,
    left: &Column,
    right: &Column,
    rows: &Selection,
) -> Result<Column, EvalError> {
    match comparison {
        Comparison::Equal => kernel::compare(left, right, rows, |l: T, r: T| {
            (l == r) | (l.is_nan() & r.is_nan())
        }),
        Comparison::Less => kernel::compare(left, right, rows, |l: T, r: T| {
            (l < r) | (!l.is_nan() & r.is_nan())
        }),
        Comparison::LessOrEqual => {
            kernel::compare(left, right, rows, |l: T, r: T| (l <= r) | r.is_nan())
        }
    }
}

#[cfg(test)]
mod tests;
