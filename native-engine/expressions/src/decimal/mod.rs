//! Decimals: unscaled integers of 64 or 128 bits, with Spark's rounding and overflow rules.
//!
//! A kernel first bounds the batch's values (one cheap pass). Where the bounds prove that nothing
//! overflows, an unchecked loop runs, in 64 bits if the results fit: a column of
//! `decimal(38, 6)` then holds 64-bit values. Otherwise each row is computed exactly, in 256 bits
//! where 128 do not do, and checked against the declared precision.
//!
//! Spark computes products with 39 digits and quotients with 39 decimals, cut off, and then rounds
//! HALF_UP once; that is the exact result rounded HALF_UP.

mod arithmetic;
mod convert;
mod division;
mod value;

pub(crate) use arithmetic::{Operation, build as build_arithmetic};
pub(crate) use convert::{check_overflow as cast, negate_or_abs, rescale, rescale_kernel};
pub(crate) use division::{Division, build as build_division};
pub(crate) use value::{
    DecimalType, POW10, Rounding, Unscaled, decimal_rows, divide_rounded, overflow, unscaled,
};

use crate::registry::Entry;

/// This family's functions; arithmetic and casts dispatch here from their own tables.
pub(crate) const FUNCTIONS: &[Entry] = &[
    ("check_overflow", convert::check_overflow),
    ("unscaled_value", convert::unscaled_value),
    ("make_decimal", convert::make_decimal),
];

#[cfg(test)]
mod tests;
