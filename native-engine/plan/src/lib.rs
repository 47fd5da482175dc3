//! Plans: protobuf → operators, one file per relation; function anchors; the plan cache.

mod cache;
mod decoder;
mod error;
mod expression;
mod literal;
mod relations;
mod sink;
mod stage;
mod task;
#[cfg(test)]
mod tests;
mod types;

pub use cache::{Digest, PlanCache};
pub use decoder::CATALOGUE;
pub use error::PlanError;
pub use expression::MAX_DEPTH;
pub use sink::encode_write_result;
pub use stage::Stage;
pub use task::{Task, encode_metrics};
pub use types::decode_schema;

/// Generated types of `proto/arclight/*.proto`.
#[allow(missing_docs, clippy::all)]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/arclight.rs"));
}
