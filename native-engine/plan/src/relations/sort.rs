//! `SortRel`, and sort fields wherever they occur.

use std::sync::Arc;

use arclight_columns::{Physical, Schema};
use arclight_operators::{GroupLimit, OperatorRef, RankFunction, Sort, SortKey};
use substrait_prost::rel::RelType;
use substrait_prost::sort_field::{SortDirection, SortKind};
use substrait_prost::{Expression, Rel, SortField, SortRel};

use super::input;
use crate::decoder::{Decoder, operator_id};
use crate::error::PlanError;
use crate::expression::expression;

pub(super) fn decode(decoder: &Decoder, rel: &SortRel) -> Result<OperatorRef, PlanError> {
    Ok(Arc::new(sort(decoder, rel)?))
}

/// Decodes the input of a limit of groups, which have equal `partitions` and are in the order of
/// `sorts`: if it is a sort of just these, one that knows of the limit.
pub(super) fn decode_below_limit(
    decoder: &Decoder,
    rel: &Option<Box<Rel>>,
    (partitions, sorts): (&[Expression], &[SortField]),
    function: RankFunction,
    limit: u64,
) -> Result<OperatorRef, PlanError> {
    let rel_type = rel.as_ref().and_then(|rel| rel.rel_type.as_ref());
    let Some(RelType::Sort(sorted)) = rel_type else {
        return input(decoder, rel);
    };
    let sort = sort(decoder, sorted)?;
    let ascending = |partition: &Expression| SortField {
        expr: Some(partition.clone()),
        sort_kind: Some(SortKind::Direction(SortDirection::AscNullsFirst as i32)),
    };
    let wanted = partitions.iter().map(ascending).chain(sorts.to_vec());
    let group_keys = partitions.len();
    if wanted.eq(sorted.sorts.iter().cloned()) && sort.keys()[..group_keys].iter().all(is_plain) {
        return Ok(Arc::new(sort.below(GroupLimit {
            group_keys,
            function,
            limit,
        })));
    }
    Ok(Arc::new(sort))
}

/// Whether a key has no fields or elements.
fn is_plain(key: &SortKey) -> bool {
    let physical = key.expression.data_type().physical();
    !matches!(physical, Physical::Struct | Physical::List)
}

fn sort(decoder: &Decoder, rel: &SortRel) -> Result<Sort, PlanError> {
    let child = input(decoder, &rel.input)?;
    let keys = sort_keys(decoder, child.schema(), &rel.sorts)?;
    Ok(Sort::new(operator_id(&rel.common)?, child, keys))
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
