//! `FilterRel`.

use std::sync::Arc;

use arclight_operators::{Filter, OperatorRef};
use substrait_prost::FilterRel;

use super::input;
use crate::decoder::{Decoder, operator_id};
use crate::error::PlanError;
use crate::expression::expression;

pub(super) fn decode(decoder: &Decoder, rel: &FilterRel) -> Result<OperatorRef, PlanError> {
    let child = input(decoder, &rel.input)?;
    let condition = rel
        .condition
        .as_deref()
        .ok_or(PlanError::Missing("FilterRel.condition"))?;
    let predicate = expression(decoder, child.schema(), condition)?;
    let filter = Filter::new(operator_id(&rel.common)?, child, predicate);
    Ok(Arc::new(filter))
}
