//! `FilterRel`.

use std::sync::Arc;

use arclight_operators::Filter;
use substrait_prost::FilterRel;

use super::{Decoded, input};
use crate::decoder::{Decoder, operator_id};
use crate::error::PlanError;
use crate::expression::expression;

pub(super) fn decode(decoder: &Decoder, rel: &FilterRel) -> Result<Decoded, PlanError> {
    let child = input(decoder, &rel.input)?;
    let condition = rel
        .condition
        .as_deref()
        .ok_or(PlanError::Missing("FilterRel.condition"))?;
    let predicate = expression(decoder, child.schema(), condition)?;
    let filter = Filter::new(operator_id(&rel.common)?, child.operator, predicate);
    Ok(Decoded::of(Arc::new(filter)))
}
