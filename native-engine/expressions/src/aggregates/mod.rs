//! Aggregate functions, one file a family, and their registry.

mod average;
mod bits;
mod collect;
mod count;
mod covariance;
mod decimal;
mod extreme;
mod first_last;
mod loops;
mod max_by;
mod moments;
mod sum;
mod value_store;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arclight_columns::SparkType;

use crate::aggregate::AggregateFunction;
use crate::registry::{BuildError, EvalMode};

/// A shared aggregate function.
pub type AggregateRef = Arc<dyn AggregateFunction>;

/// What an aggregate function is built from: a measure of the plan, decoded.
#[derive(Debug, Clone)]
pub struct AggregateCall {
    /// The function's name in the catalogue.
    pub name: String,
    /// Types of the measure's arguments: the function's inputs where the phase takes in rows, its
    /// buffer columns where it merges.
    pub argument_types: Vec<SparkType>,
    /// The type of the function's *result*, in every phase (Spark's `aggregateFunction.dataType`).
    pub output: SparkType,
    /// How the function overflows.
    pub mode: EvalMode,
    /// `first` and `last` only: whether NULLs are passed over.
    pub ignore_nulls: bool,
}

impl AggregateCall {
    fn unsupported(&self) -> BuildError {
        let arguments: Vec<String> = self.argument_types.iter().map(|t| t.to_string()).collect();
        BuildError::Signature {
            name: self.name.clone(),
            arguments: arguments.join(", "),
            output: self.output.to_string(),
        }
    }

    fn argument(&self, index: usize) -> Result<&SparkType, BuildError> {
        self.argument_types
            .get(index)
            .ok_or_else(|| self.unsupported())
    }
}

/// Builds an aggregate function from a call.
pub type AggregateBuilder = fn(&AggregateCall) -> Result<AggregateRef, BuildError>;

/// A row of a family's table.
pub type AggregateEntry = (&'static str, AggregateBuilder);

const FAMILIES: &[&[AggregateEntry]] = &[
    count::FUNCTIONS,
    sum::FUNCTIONS,
    average::FUNCTIONS,
    extreme::FUNCTIONS,
    first_last::FUNCTIONS,
    max_by::FUNCTIONS,
    moments::FUNCTIONS,
    covariance::FUNCTIONS,
    bits::FUNCTIONS,
    collect::FUNCTIONS,
];

/// Every aggregate function, by its name in the catalogue.
pub fn aggregate_functions() -> &'static HashMap<&'static str, AggregateBuilder> {
    static FUNCTIONS: OnceLock<HashMap<&'static str, AggregateBuilder>> = OnceLock::new();
    FUNCTIONS.get_or_init(|| {
        FAMILIES
            .iter()
            .flat_map(|family| family.iter().copied())
            .collect()
    })
}

/// Builds a call's aggregate function.
pub fn build_aggregate(call: &AggregateCall) -> Result<AggregateRef, BuildError> {
    let builder = aggregate_functions()
        .get(call.name.as_str())
        .ok_or_else(|| BuildError::Unknown(call.name.clone()))?;
    builder(call)
}

#[cfg(test)]
mod tests;
