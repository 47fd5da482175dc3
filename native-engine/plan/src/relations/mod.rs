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

use arclight_columns::Schema;
use arclight_operators::OperatorRef;
use substrait_prost::Rel;
use substrait_prost::rel::RelType;

use crate::decoder::Decoder;
use crate::error::PlanError;

pub use sort::sort_keys;

/// An operator, and what relations over it ask of it.
pub struct Decoded {
    /// The operator.
    pub operator: OperatorRef,
}

impl Decoded {
    fn of(operator: OperatorRef) -> Self {
        Decoded { operator }
    }

    /// The columns it gives.
    fn schema(&self) -> &Schema {
        self.operator.schema()
    }

    /// The position of a column, if there is such a column.
    fn column(&self, position: u32) -> Result<usize, PlanError> {
        let columns = self.schema().len();
        match position as usize {
            column if column < columns => Ok(column),
            _ => Err(PlanError::Dangling(format!(
                "column {position} of {columns}"
            ))),
        }
    }
}

/// Decodes a relation and all below it.
pub fn relation(decoder: &Decoder, rel: &Rel) -> Result<Decoded, PlanError> {
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
fn input(decoder: &Decoder, input: &Option<Box<Rel>>) -> Result<Decoded, PlanError> {
    relation(
        decoder,
        input.as_deref().ok_or(PlanError::Missing("input"))?,
    )
}
