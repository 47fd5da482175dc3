//! `SortRel`, and sort fields wherever they occur.

use std::sync::Arc;

use arclight_columns::Schema;
use arclight_operators::{OperatorRef, Sort, SortKey};
use substrait_prost::sort_field::{SortDirection, SortKind};
use substrait_prost::{SortField, SortRel};

use super::input;
use crate::decoder::{Decoder, operator_id};
use crate::error::PlanError;
use crate::expression::expression;

pub(super) fn decode(decoder: &Decoder, rel: &SortRel) -> Result<OperatorRef, PlanError> {
    let child = input(decoder, &rel.input)?;
    let keys = sort_keys(decoder, child.schema(), &rel.sorts)?;
    let sort = Sort::new(operator_id(&rel.common)?, child, keys);
    Ok(Arc::new(sort))
}

/// Decodes sort fields over an input's columns.
pub fn sort_keys(
    decoder: &Decoder,
    schema: &Schema,
    sorts: &[SortField],
) -> Result<Vec<SortKey>, PlanError> {
    sorts
        .iter()
        .map(|sort| {
            let e = sort
                .expr
                .as_ref()
                .ok_or(PlanError::Missing("SortField.expr"))?;
            let direction = match sort.sort_kind {
                Some(SortKind::Direction(direction)) => SortDirection::try_from(direction).ok(),
                _ => None,
            };
            let (ascending, nulls_first) = match direction {
                Some(SortDirection::AscNullsFirst) => (true, true),
                Some(SortDirection::AscNullsLast) => (true, false),
                Some(SortDirection::DescNullsFirst) => (false, true),
                Some(SortDirection::DescNullsLast) => (false, false),
                _ => return Err(PlanError::Unsupported("sort kind".to_string())),
            };
            Ok(SortKey {
                expression: expression(decoder, schema, e)?,
                ascending,
                nulls_first,
            })
        })
        .collect()
}
