//! Spark-exact expressions: kernels, casts, aggregate functions, and their registry.
//!
//! One file (or folder) per family. A family has a `FUNCTIONS` table that [`FAMILIES`] lists;
//! whoever adds a function touches its family's file and the catalogue, nothing else.

pub mod aggregate;
mod expression;
mod guard;
pub mod kernel;
mod leaf;
mod registry;

pub use expression::{EvalContext, EvalError, Expression, ExpressionRef, JvmExpressions, NoJvm};
pub use guard::{JvmExpression, JvmFallback, scatter};
pub use leaf::{ColumnRef, Literal};
pub use registry::{
    BuildError, Builder, Entry, EvalMode, FunctionCall, ZoneRules, build, scalar_functions,
};

/// Every family's table of functions.
pub(crate) const FAMILIES: &[&[Entry]] = &[];
