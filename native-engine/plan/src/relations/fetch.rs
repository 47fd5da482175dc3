//! `FetchRel` and `TopNRel`: offset and count are literals.

use std::sync::Arc;

use arclight_operators::{Limit, OperatorRef, TopN};
use substrait_prost::expression::RexType;
use substrait_prost::expression::literal::LiteralType;
use substrait_prost::{Expression, FetchRel, TopNRel};

use super::input;
use super::sort::sort_keys;
use crate::decoder::{Decoder, operator_id};
use crate::error::PlanError;

pub(super) fn decode(decoder: &Decoder, rel: &FetchRel) -> Result<OperatorRef, PlanError> {
    let child = input(decoder, &rel.input)?;
    let offset = number(&rel.offset_expr)?.unwrap_or(0);
    let limit = number(&rel.count_expr)?;
    let limit = Limit::new(operator_id(&rel.common)?, child, offset, limit);
    Ok(Arc::new(limit))
}

pub(super) fn decode_top_n(decoder: &Decoder, rel: &TopNRel) -> Result<OperatorRef, PlanError> {
    let child = input(decoder, &rel.input)?;
    let keys = sort_keys(decoder, child.schema(), &rel.sorts)?;
    let offset = number(&rel.offset)?.unwrap_or(0);
    let limit = number(&rel.count)?.ok_or(PlanError::Missing("TopNRel.count"))?;
    let top_n = TopN::new(operator_id(&rel.common)?, child, keys, offset, limit);
    Ok(Arc::new(top_n))
}

/// The number that a literal of an offset or count is.
pub(super) fn number(e: &Option<Box<Expression>>) -> Result<Option<u64>, PlanError> {
    let Some(e) = e else { return Ok(None) };
    let value = match &e.rex_type {
        Some(RexType::Literal(literal)) => match literal.literal_type {
            Some(LiteralType::I64(value)) => value,
            Some(LiteralType::I32(value)) => i64::from(value),
            _ => return Err(PlanError::Unsupported("offset or count".to_string())),
        },
        _ => {
            return Err(PlanError::Unsupported(
                "offset or count expression".to_string(),
            ));
        }
    };
    u64::try_from(value)
        .map(Some)
        .map_err(|_| PlanError::Literal(format!("negative offset or count {value}")))
}
