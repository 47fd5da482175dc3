//! `ProjectRel`: its output is its expressions only (`RelCommon.emit` drops the input's columns).

use std::sync::Arc;

use arclight_columns::{Field, Schema};
use arclight_operators::{OperatorRef, Project};
use substrait_prost::ProjectRel;
use substrait_prost::rel_common::EmitKind;

use super::input;
use crate::decoder::{Decoder, operator_id};
use crate::error::PlanError;
use crate::expression::expressions;

pub(super) fn decode(decoder: &Decoder, rel: &ProjectRel) -> Result<OperatorRef, PlanError> {
    let child = input(decoder, &rel.input)?;
    let width = child.schema().len() as i32;
    let emitted = match rel.common.as_ref().and_then(|c| c.emit_kind.as_ref()) {
        Some(EmitKind::Emit(emit)) => emit.output_mapping.as_slice(),
        _ => return Err(PlanError::Missing("emit of ProjectRel")),
    };
    let expected = (width..width + rel.expressions.len() as i32).collect::<Vec<_>>();
    if emitted != expected {
        return Err(PlanError::Unsupported(
            "ProjectRel that emits its input".to_string(),
        ));
    }
    let list = expressions(decoder, child.schema(), &rel.expressions)?;
    let fields = list
        .iter()
        .enumerate()
        .map(|(i, e)| Field::new(format!("{i}"), e.data_type().clone(), true))
        .collect();
    let project = Project::new(operator_id(&rel.common)?, child, list, Schema::new(fields));
    Ok(Arc::new(project))
}
