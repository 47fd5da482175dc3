//! Plans: protobuf → operators, one file per relation; function anchors; the plan cache.

/// Generated types of `proto/arclight/*.proto`.
#[allow(missing_docs, clippy::all)]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/arclight.rs"));
}
