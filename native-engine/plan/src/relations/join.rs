//! `HashJoinRel`: keys are plain columns of both sides; what else there is to it, in `JoinInfo`.

use std::sync::Arc;

use arclight_columns::Schema;
use arclight_operators::{HashJoin, JoinKind, JoinSide, JoinSpec, OperatorRef};
use substrait_prost::comparison_join_key::comparison_type::InnerType;
use substrait_prost::comparison_join_key::{ComparisonType, SimpleComparisonType};
use substrait_prost::expression::FieldReference;
use substrait_prost::expression::field_reference::ReferenceType;
use substrait_prost::expression::reference_segment;
use substrait_prost::hash_join_rel::{BuildInput, JoinType};
use substrait_prost::rel_common::EmitKind;
use substrait_prost::{HashJoinRel, RelCommon};

use super::input;
use crate::decoder::{Decoder, enhancement, operator_id};
use crate::error::PlanError;
use crate::expression::expression;
use crate::proto::JoinInfo;

pub(super) fn decode(decoder: &Decoder, rel: &HashJoinRel) -> Result<OperatorRef, PlanError> {
    let left = input(decoder, &rel.left)?;
    let right = input(decoder, &rel.right)?;
    if rel.post_join_filter.is_some() {
        return Err(PlanError::Unsupported("post_join_filter".to_string()));
    }
    let mut left_keys = Vec::with_capacity(rel.keys.len());
    let mut right_keys = Vec::with_capacity(rel.keys.len());
    for key in &rel.keys {
        if !is_equality(&key.comparison) {
            let message = format!("join comparison {:?}", key.comparison);
            return Err(PlanError::Unsupported(message));
        }
        left_keys.push(column(&key.left)?);
        right_keys.push(column(&key.right)?);
    }
    let residual = match &rel.residual_expression {
        Some(condition) => {
            let fields = left.schema().fields.iter().chain(&*right.schema().fields);
            let both = Schema::new(fields.cloned().collect());
            Some(expression(decoder, &both, condition)?)
        }
        None => None,
    };
    let info: JoinInfo = enhancement(&rel.advanced_extension)?;
    let spec = JoinSpec {
        kind: kind(rel.r#type)?,
        build: match BuildInput::try_from(rel.build_input) {
            Ok(BuildInput::Left) => JoinSide::Left,
            Ok(BuildInput::Right | BuildInput::Unspecified) => JoinSide::Right,
            Err(_) => return Err(PlanError::Unsupported("build input".to_string())),
        },
        left_keys,
        right_keys,
        residual,
        null_aware: info.null_aware_anti,
        keeps_order: info.keeps_order,
        emit: emit(&rel.common)?,
    };
    let id = operator_id(&rel.common)?;
    let join = HashJoin::new(id, left, right, spec)
        .map_err(|error| PlanError::Unsupported(error.to_string()))?;
    Ok(Arc::new(join))
}

fn kind(join_type: i32) -> Result<JoinKind, PlanError> {
    Ok(match JoinType::try_from(join_type) {
        Ok(JoinType::Inner) => JoinKind::Inner,
        Ok(JoinType::Left) => JoinKind::LeftOuter,
        Ok(JoinType::Right) => JoinKind::RightOuter,
        Ok(JoinType::Outer) => JoinKind::FullOuter,
        Ok(JoinType::LeftSemi) => JoinKind::LeftSemi,
        Ok(JoinType::LeftAnti) => JoinKind::LeftAnti,
        Ok(JoinType::LeftMark) => JoinKind::LeftMark,
        Ok(other) => return Err(PlanError::Unsupported(other.as_str_name().to_string())),
        Err(_) => return Err(PlanError::Unsupported(format!("join type {join_type}"))),
    })
}

fn is_equality(comparison: &Option<ComparisonType>) -> bool {
    let inner = comparison.as_ref().and_then(|c| c.inner_type.as_ref());
    matches!(inner, Some(InnerType::Simple(simple)) if *simple == SimpleComparisonType::Eq as i32)
}

fn column(reference: &Option<FieldReference>) -> Result<usize, PlanError> {
    let reference = reference.as_ref().and_then(|r| r.reference_type.as_ref());
    let Some(ReferenceType::DirectReference(segment)) = reference else {
        return Err(PlanError::Missing("direct reference of a join key"));
    };
    match &segment.reference_type {
        Some(reference_segment::ReferenceType::StructField(field)) if field.child.is_none() => {
            usize::try_from(field.field)
                .map_err(|_| PlanError::Dangling(format!("join key {}", field.field)))
        }
        _ => Err(PlanError::Unsupported("join key of a part".to_string())),
    }
}

/// The output columns that a relation picks, if it does.
fn emit(common: &Option<RelCommon>) -> Result<Option<Vec<usize>>, PlanError> {
    let Some(EmitKind::Emit(emit)) = common.as_ref().and_then(|c| c.emit_kind.as_ref()) else {
        return Ok(None);
    };
    let position = |&position: &i32| {
        usize::try_from(position)
            .map_err(|_| PlanError::Dangling(format!("output column {position}")))
    };
    emit.output_mapping
        .iter()
        .map(position)
        .collect::<Result<_, _>>()
        .map(Some)
}
