//! `SetRel`: UNION ALL by position. A task runs only branches whose inputs it has.

use std::sync::Arc;

use arclight_operators::{OperatorRef, Union};
use substrait_prost::SetRel;
use substrait_prost::set_rel::SetOp;

use super::relation;
use crate::decoder::{Decoder, operator_id};
use crate::error::PlanError;

pub(super) fn decode(decoder: &Decoder, rel: &SetRel) -> Result<OperatorRef, PlanError> {
    if rel.op != SetOp::UnionAll as i32 {
        return Err(PlanError::Unsupported(
            "set operation other than UNION ALL".to_string(),
        ));
    }
    let branches = rel
        .inputs
        .iter()
        .map(|branch| relation(decoder, branch))
        .collect::<Result<Vec<_>, _>>()?;
    let schema = branches
        .first()
        .ok_or(PlanError::Missing("SetRel.inputs"))?
        .schema()
        .clone();
    if branches.iter().any(|b| b.schema().len() != schema.len()) {
        return Err(PlanError::Unsupported(
            "UNION ALL of different columns".to_string(),
        ));
    }
    let union = Union::new(operator_id(&rel.common)?, branches, schema);
    Ok(Arc::new(union))
}
