//! Why a plan or task message cannot be decoded.

use arclight_expressions::BuildError;

/// A plan or task message that cannot be decoded. The producer and this crate disagree: a defect,
/// which a task reports as an internal error.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Not protobuf, or not this message.
    #[error("not a valid message: {0}")]
    Decode(#[from] prost::DecodeError),
    /// A field that must be set is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Something of Substrait that the engine has no operator or kernel for.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// A reference to something that isn't there.
    #[error("dangling reference: {0}")]
    Dangling(String),
    /// A function call that cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A literal that does not fit its type.
    #[error("bad literal: {0}")]
    Literal(String),
    /// Expressions nested deeper than a task's stack is known to bear.
    #[error("expression nested deeper than {0} levels")]
    TooDeep(usize),
}
