//! Relations → operators: one file per relation, dispatched here.

mod aggregate;
mod expand;
mod extension;
mod fetch;
mod filter;
mod generate;
mod join;
mod nested_loop;
mod project;
mod read;
mod set;
mod sort;
mod window;

use arclight_operators::OperatorRef;
use substrait_prost::Rel;
use substrait_prost::rel::RelType;

use crate::decoder::Decoder;
use crate::error::PlanError;

pub use sort::sort_keys;

/// The position of an operator's column, if there is such a column.
fn column(operator: &OperatorRef, position: u32) -> Result<usize, PlanError> {
    let columns = operator.schema().len();
    match position as usize {
        column if column < columns => Ok(column),
        _ => Err(PlanError::Dangling(format!(
            "column {position} of {columns}"
        ))),
    }
}

/// Decodes a relation and all below it.
pub fn relation(decoder: &Decoder, rel: &Rel) -> Result<OperatorRef, PlanError> {
    match rel
        .rel_type
        .as_ref()
        .ok_or(PlanError::Missing("Rel.rel_type"))?
    {
        RelType::Read(rel) => read::decode(decoder, rel),
        RelType::Filter(rel) => filter::decode(decoder, rel),
        RelType::Project(rel) => project::decode(decoder, rel),
        RelType::Aggregate(rel) => aggregate::decode(decoder, rel),
        RelType::Sort(rel) => sort::decode(decoder, rel),
        RelType::Fetch(rel) => fetch::decode(decoder, rel),
        RelType::TopN(rel) => fetch::decode_top_n(decoder, rel),
        RelType::Window(rel) => window::decode(decoder, rel),
        RelType::Expand(rel) => expand::decode(decoder, rel),
        RelType::Set(rel) => set::decode(decoder, rel),
        RelType::ExtensionSingle(rel) => extension::decode_single(decoder, rel),
        RelType::HashJoin(rel) => join::decode(decoder, rel),
        RelType::NestedLoopJoin(rel) => nested_loop::decode(decoder, rel),
        RelType::ExtensionLeaf(rel) => extension::decode_leaf(rel),
        other => {
            let text = format!("{other:?}");
            let name = text.split('(').next().unwrap_or_default().to_string();
            Err(PlanError::Unsupported(format!("relation {name}")))
        }
    }
}

/// Decodes a relation's input.
fn input(decoder: &Decoder, input: &Option<Box<Rel>>) -> Result<OperatorRef, PlanError> {
    relation(
        decoder,
        input.as_deref().ok_or(PlanError::Missing("input"))?,
    )
}
