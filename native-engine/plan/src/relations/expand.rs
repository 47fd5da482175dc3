//! `ExpandRel`: every output column switches between one expression per projection.

use std::sync::Arc;

use arclight_columns::{Field, Schema};
use arclight_operators::{Expand, OperatorRef};
use substrait_prost::ExpandRel;
use substrait_prost::expand_rel::expand_field::FieldType;

use super::input;
use crate::decoder::{Decoder, operator_id};
use crate::error::PlanError;
use crate::expression::expressions;

pub(super) fn decode(decoder: &Decoder, rel: &ExpandRel) -> Result<OperatorRef, PlanError> {
    let child = input(decoder, &rel.input)?;
    let mut columns = Vec::with_capacity(rel.fields.len());
    for field in &rel.fields {
        let Some(FieldType::SwitchingField(switching)) = &field.field_type else {
            return Err(PlanError::Unsupported(
                "ExpandRel without switching field".to_string(),
            ));
        };
        columns.push(expressions(decoder, child.schema(), &switching.duplicates)?);
    }
    let projections = columns.first().map_or(0, Vec::len);
    if projections == 0 || columns.iter().any(|c| c.len() != projections) {
        return Err(PlanError::Unsupported(
            "ExpandRel of uneven projections".to_string(),
        ));
    }
    let fields = columns
        .iter()
        .enumerate()
        .map(|(i, c)| Field::new(format!("{i}"), c[0].data_type().clone(), true))
        .collect();
    let lists = (0..projections)
        .map(|p| columns.iter().map(|c| Arc::clone(&c[p])).collect())
        .collect();
    let expand = Expand::new(operator_id(&rel.common)?, child, lists, Schema::new(fields));
    Ok(Arc::new(expand))
}
