//! Our leaves: rows of the JVM, broadcasts, shuffle blocks, ranges.

use std::sync::Arc;

use arclight_operators::{
    BroadcastInput as BroadcastInputOperator, Range, RowsInput as RowsInputOperator,
};
use arclight_shuffle::ShuffleRead;
use prost::Name;
use substrait_prost::ExtensionLeafRel;

use super::Decoded;
use crate::decoder::{detail, is_detail, operator_id};
use crate::error::PlanError;
use crate::proto::{BroadcastInput, RangeInput, RowsInput, ShuffleReadInput};
use crate::types::schema;

pub(super) fn decode_leaf(rel: &ExtensionLeafRel) -> Result<Decoded, PlanError> {
    let any = rel
        .detail
        .as_ref()
        .ok_or(PlanError::Missing("ExtensionLeafRel.detail"))?;
    let id = operator_id(&rel.common)?;
    let required = || PlanError::Missing("schema of a leaf");
    if is_detail(any, &RowsInput::full_name()) {
        let rows: RowsInput = detail(any)?;
        let schema = schema(rows.schema.as_ref().ok_or_else(required)?)?;
        let operator = RowsInputOperator::new(id, rows.input, schema);
        return Ok(Decoded::over(Arc::new(operator), vec![rows.input]));
    }
    if is_detail(any, &BroadcastInput::full_name()) {
        let rows: BroadcastInput = detail(any)?;
        let schema = schema(rows.schema.as_ref().ok_or_else(required)?)?;
        let operator = BroadcastInputOperator::new(id, rows.input, schema);
        return Ok(Decoded::over(Arc::new(operator), vec![rows.input]));
    }
    if is_detail(any, &ShuffleReadInput::full_name()) {
        let read: ShuffleReadInput = detail(any)?;
        let schema = schema(read.schema.as_ref().ok_or_else(required)?)?;
        let operator = ShuffleRead::new(id, read.input, schema);
        return Ok(Decoded::over(Arc::new(operator), vec![read.input]));
    }
    let range: RangeInput = detail(any)?;
    let count = (i128::from(range.count_high) << 64) | i128::from(range.count_low);
    let operator = Range::new(
        id,
        range.input,
        range.start,
        range.step,
        range.slices,
        count,
    );
    Ok(Decoded::over(Arc::new(operator), vec![range.input]))
}
