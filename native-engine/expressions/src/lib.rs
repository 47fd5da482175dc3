//! Spark-exact expressions: kernels, casts, aggregate functions, and their registry.
//!
//! One file (or folder) per family. A family has a `FUNCTIONS` table that [`FAMILIES`] lists;
//! whoever adds a function touches its family's file and the catalogue, nothing else.

pub mod aggregate;
pub mod aggregates;
mod arithmetic;
mod boolean;
mod cast;
mod collections;
mod comparison;
mod conditional;
mod datetime;
mod decimal;
mod digest;
mod expression;
mod function;
mod guard;
mod hash;
mod in_list;
mod java_double;
mod jvm_results;
pub mod kernel;
mod leaf;
mod math;
mod null;
mod registry;
#[cfg(test)]
mod spark_results;
mod strings;
#[cfg(test)]
mod testing;
pub mod value_bytes;
pub mod value_order;

pub use collections::StructField;
pub use comparison::compare_values;
pub use conditional::CaseWhen;
pub use expression::{
    EvalContext, EvalError, Expression, ExpressionRef, JvmExpressions, NoJvm, columns_read,
};
pub use guard::{JvmExpression, JvmFallback, scatter};
pub use hash::{SEED, murmur3, xxhash};
pub use in_list::{InExpressions, InList};
pub use jvm_results::JvmResults;
pub use leaf::{ColumnRef, Literal};
pub use registry::{
    BuildError, Builder, Entry, EvalMode, FunctionCall, ZoneRules, build, scalar_functions,
};

/// Every family's table of functions.
pub(crate) const FAMILIES: &[&[Entry]] = &[
    arithmetic::FUNCTIONS,
    boolean::FUNCTIONS,
    cast::FUNCTIONS,
    collections::FUNCTIONS,
    comparison::FUNCTIONS,
    conditional::FUNCTIONS,
    datetime::FUNCTIONS,
    decimal::FUNCTIONS,
    digest::FUNCTIONS,
    hash::FUNCTIONS,
    math::FUNCTIONS,
    null::FUNCTIONS,
    strings::FUNCTIONS,
];
