//! `NestedLoopJoinRel`: which side is held is in [`NestedLoopJoinInfo`].

use std::sync::Arc;

use arclight_columns::{Field, Schema, SparkType};
use arclight_operators::{NestedLoopJoin, NestedLoopKind, OperatorRef};
use substrait_prost::NestedLoopJoinRel;
use substrait_prost::nested_loop_join_rel::JoinType;

use super::input;
use crate::decoder::{Decoder, enhancement, operator_id};
use crate::error::PlanError;
use crate::expression::expression;
use crate::proto::NestedLoopJoinInfo;

pub(super) fn decode(decoder: &Decoder, rel: &NestedLoopJoinRel) -> Result<OperatorRef, PlanError> {
    let left = input(decoder, &rel.left)?;
    let right = input(decoder, &rel.right)?;
    let info: NestedLoopJoinInfo = enhancement(&rel.advanced_extension)?;
    let kind = match (rel.r#type(), info.hold_left) {
        (JoinType::Inner, _) => NestedLoopKind::Inner,
        (JoinType::Left, false) | (JoinType::Right, true) => NestedLoopKind::Outer,
        (JoinType::LeftSemi, false) => NestedLoopKind::Semi,
        (JoinType::LeftAnti, false) => NestedLoopKind::Anti,
        (JoinType::LeftMark, false) => NestedLoopKind::Existence,
        (other, _) => {
            return Err(PlanError::Unsupported(format!(
                "NestedLoopJoinRel {other:?}"
            )));
        }
    };
    let nullable = |schema: &Schema, outer: bool| -> Vec<Field> {
        schema
            .fields
            .iter()
            .map(|f| Field::new(f.name.clone(), f.data_type.clone(), f.nullable || outer))
            .collect()
    };
    let pairs = [left.schema(), right.schema()].map(|schema| nullable(schema, false));
    let condition = rel
        .expression
        .as_deref()
        .map(|condition| expression(decoder, &Schema::new(pairs.concat()), condition))
        .transpose()?;
    let outer = kind == NestedLoopKind::Outer;
    let mut fields = nullable(left.schema(), outer && info.hold_left);
    match kind {
        NestedLoopKind::Inner | NestedLoopKind::Outer => {
            fields.extend(nullable(right.schema(), outer && !info.hold_left));
        }
        NestedLoopKind::Existence => fields.push(Field::new("exists", SparkType::Boolean, false)),
        NestedLoopKind::Semi | NestedLoopKind::Anti => {}
    }
    let (streamed, held) = if info.hold_left {
        (right, left)
    } else {
        (left, right)
    };
    let join = NestedLoopJoin::new(
        operator_id(&rel.common)?,
        streamed,
        held,
        info.hold_left,
        kind,
        condition,
        Schema::new(fields),
    );
    Ok(Arc::new(join))
}
