//! The registry: a function's name (of `proto/functions/*.yaml`) and what builds it.
//!
//! A family's file has a `FUNCTIONS` table; [`scalar_functions`] lists the tables. Nothing else
//! dispatches on names.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arclight_columns::SparkType;

use crate::expression::ExpressionRef;

/// How arithmetic and casts fail (Spark's `EvalMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EvalMode {
    /// ANSI off: wraps, or NULL.
    #[default]
    Legacy,
    /// ANSI on: raises.
    Ansi,
    /// `try_` functions: NULL.
    Try,
}

/// The rules of a time zone, as java.time has them; the driver puts them in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ZoneRules {
    /// Spark's name of the zone.
    pub id: String,
    /// Instants (seconds since the epoch) at which the offset changes, ascending: all transitions
    /// from the first the zone has to the last within the supported years, recurring rules
    /// unrolled.
    pub transitions: Vec<i64>,
    /// Offsets in seconds: `offsets[0]` before the first transition, `offsets[i + 1]` from
    /// transition `i` on.
    pub offsets: Vec<i32>,
    /// Past the last transition recurring rules would go on (unrolled to a far year): instants
    /// beyond this second are declined by kernels. `None` if the last offset holds forever.
    pub valid_until: Option<i64>,
}

/// What a function is built from: the call of the plan, decoded.
#[derive(Debug, Clone)]
pub struct FunctionCall {
    /// The function's name in the catalogue.
    pub name: String,
    /// The arguments.
    pub arguments: Vec<ExpressionRef>,
    /// The result's type, as the plan says.
    pub output: SparkType,
    /// How the call fails.
    pub mode: EvalMode,
    /// The session's time zone where the function reads it.
    pub zone: Option<Arc<ZoneRules>>,
}

/// Why a call could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The name is in no table.
    #[error("no function named {0}")]
    Unknown(String),
    /// The function exists, but not for these types.
    #[error("{name} is not implemented for ({arguments}) -> {output}")]
    Signature {
        /// The function.
        name: String,
        /// Argument types.
        arguments: String,
        /// Result type.
        output: String,
    },
}

impl FunctionCall {
    /// The error for types the function does not take.
    pub fn unsupported(&self) -> BuildError {
        let arguments: Vec<String> = self
            .arguments
            .iter()
            .map(|a| a.data_type().to_string())
            .collect();
        BuildError::Signature {
            name: self.name.clone(),
            arguments: arguments.join(", "),
            output: self.output.to_string(),
        }
    }

    /// Argument `index`, or the error for a call with too few.
    pub fn argument(&self, index: usize) -> Result<&ExpressionRef, BuildError> {
        self.arguments.get(index).ok_or_else(|| self.unsupported())
    }
}

/// Builds an expression from a call.
pub type Builder = fn(&FunctionCall) -> Result<ExpressionRef, BuildError>;

/// A row of a family's table: the catalogue name and what builds it.
pub type Entry = (&'static str, Builder);

/// Every scalar function with a kernel, by name.
pub fn scalar_functions() -> &'static HashMap<&'static str, Builder> {
    static FUNCTIONS: OnceLock<HashMap<&'static str, Builder>> = OnceLock::new();
    FUNCTIONS.get_or_init(|| {
        crate::FAMILIES
            .iter()
            .flat_map(|family| family.iter().copied())
            .collect()
    })
}

/// Builds a call's expression.
pub fn build(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let builder = scalar_functions()
        .get(call.name.as_str())
        .ok_or_else(|| BuildError::Unknown(call.name.clone()))?;
    builder(call)
}
