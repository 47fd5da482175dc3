//! `Cast`, by source and target class.
//!
//! [`CASTS`] has one row for each pair of classes and what builds the cast; a pair without a row
//! is left to Spark. The mode is the call's: legacy (ANSI off), ANSI, or `try_cast`.

mod floats;
mod numeric;
mod text;
mod time;
mod time_text;

pub(crate) use text::{push_date, push_digits};

use std::sync::Arc;

use arclight_columns::{Column, SparkType};

use crate::expression::ExpressionRef;
use crate::function::{Failing, one, unary};
use crate::registry::{BuildError, Builder, Entry, FunctionCall};

/// This family's functions.
pub(crate) const FUNCTIONS: &[Entry] = &[("cast", build)];

/// What kind of type a cast starts from or ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Only NULL.
    Null,
    /// Boolean.
    Boolean,
    /// Byte, short, int, long.
    Integer,
    /// Float, double.
    Float,
    /// Decimals.
    Decimal,
    /// Strings.
    String,
    /// Byte strings.
    Binary,
    /// Days.
    Date,
    /// Instants.
    Timestamp,
    /// Wall-clock times.
    TimestampNtz,
    /// Arrays, maps, structs.
    Nested,
}

impl Class {
    /// The class of a type.
    pub fn of(data_type: &SparkType) -> Self {
        match data_type {
            SparkType::Null => Class::Null,
            SparkType::Boolean => Class::Boolean,
            SparkType::Byte | SparkType::Short | SparkType::Int | SparkType::Long => Class::Integer,
            SparkType::Float | SparkType::Double => Class::Float,
            SparkType::Decimal { .. } => Class::Decimal,
            SparkType::String => Class::String,
            SparkType::Binary => Class::Binary,
            SparkType::Date => Class::Date,
            SparkType::Timestamp => Class::Timestamp,
            SparkType::TimestampNtz => Class::TimestampNtz,
            SparkType::Array(_) | SparkType::Map(..) | SparkType::Struct(_) => Class::Nested,
        }
    }
}

/// The casts with kernels.
const CASTS: &[(Class, Class, Builder)] = &[
    (Class::Boolean, Class::Integer, numeric::boolean_to_number),
    (Class::Boolean, Class::Float, numeric::boolean_to_number),
    (Class::Boolean, Class::Decimal, numeric::boolean_to_number),
    (Class::Integer, Class::Boolean, numeric::to_boolean),
    (Class::Float, Class::Boolean, numeric::to_boolean),
    (Class::Decimal, Class::Boolean, numeric::to_boolean),
    (Class::Integer, Class::Integer, numeric::integer_to_integer),
    (Class::Integer, Class::Float, numeric::integer_to_float),
    (Class::Integer, Class::Decimal, numeric::integer_to_decimal),
    (Class::Float, Class::Integer, numeric::float_to_integer),
    (Class::Float, Class::Float, numeric::float_to_float),
    (Class::Float, Class::Decimal, numeric::float_to_decimal),
    (Class::Decimal, Class::Integer, numeric::decimal_to_integer),
    (Class::Decimal, Class::Float, numeric::decimal_to_float),
    (Class::Decimal, Class::Decimal, crate::decimal::cast),
    (Class::String, Class::Boolean, text::to_boolean),
    (Class::String, Class::Integer, text::to_integer),
    (Class::String, Class::Decimal, text::to_decimal),
    (Class::String, Class::Date, text::to_date),
    (Class::String, Class::Binary, text::same_bytes),
    (Class::Boolean, Class::String, text::from_boolean),
    (Class::Integer, Class::String, text::from_integer),
    (Class::Decimal, Class::String, text::from_decimal),
    (Class::Date, Class::String, text::from_date),
    (Class::Binary, Class::String, text::same_bytes),
    (Class::Date, Class::Timestamp, time::date_to_timestamp),
    (Class::Date, Class::TimestampNtz, time::date_to_wall_time),
    (Class::Timestamp, Class::Date, time::timestamp_to_date),
    (Class::TimestampNtz, Class::Date, time::wall_time_to_date),
    (
        Class::Timestamp,
        Class::TimestampNtz,
        time::timestamp_to_wall_time,
    ),
    (
        Class::TimestampNtz,
        Class::Timestamp,
        time::wall_time_to_timestamp,
    ),
    (Class::Timestamp, Class::Boolean, time::timestamp_to_boolean),
    (Class::Timestamp, Class::Integer, time::timestamp_to_integer),
    (Class::Timestamp, Class::Float, time::timestamp_to_float),
    (Class::Timestamp, Class::Decimal, time::timestamp_to_decimal),
    (Class::Boolean, Class::Timestamp, time::boolean_to_timestamp),
    (Class::Integer, Class::Timestamp, time::integer_to_timestamp),
    (Class::Float, Class::Timestamp, time::float_to_timestamp),
    (Class::Decimal, Class::Timestamp, time::decimal_to_timestamp),
    (Class::Timestamp, Class::String, time_text::to_text),
    (Class::TimestampNtz, Class::String, time_text::to_text),
    (Class::String, Class::Timestamp, time_text::to_timestamp),
    (Class::String, Class::TimestampNtz, time_text::to_wall_time),
    (Class::String, Class::Float, floats::from_text),
    (Class::Float, Class::String, floats::to_text),
    (Class::Integer, Class::Binary, text::integer_to_binary),
    (Class::Date, Class::Boolean, nulls),
    (Class::Date, Class::Integer, nulls),
    (Class::Date, Class::Float, nulls),
    (Class::Date, Class::Decimal, nulls),
];

/// `Cast`: what its source and target types say. NULL stays NULL.
fn build(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let argument = one(call)?;
    if *argument.data_type() == call.output {
        return Ok(Arc::clone(argument));
    }
    if argument.data_type().is_alike(&call.output) {
        let output = call.output.clone();
        return Ok(unary(call, argument, Failing::Never, move |column, _| {
            Ok(column.clone().with_type(output.clone()))
        }));
    }
    let classes = (Class::of(argument.data_type()), Class::of(&call.output));
    if classes.0 == Class::Null {
        return nulls(call);
    }
    CASTS
        .iter()
        .find(|(from, to, _)| (*from, *to) == classes)
        .map_or_else(|| Err(call.unsupported()), |(_, _, build)| build(call))
}

/// Void → any type, date → number or boolean: always NULL.
fn nulls(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let output = call.output.clone();
    Ok(unary(
        call,
        one(call)?,
        Failing::Never,
        move |_: &Column, rows| Ok(Column::nulls(output.clone(), rows.len())),
    ))
}

#[cfg(test)]
mod tests;
