//! Our own relations. Leaves: rows of the JVM, broadcasts, shuffle blocks, ranges. Over one input:
//! filters by another stage's keys and their collection, generators, limits of window partitions.

use std::sync::Arc;

use arclight_operators::{
    BroadcastInput as BroadcastInputOperator, CollectKeys as CollectKeysOperator,
    FilterByKeys as FilterByKeysOperator, OperatorRef, Range, RowsInput as RowsInputOperator,
    RuntimeFilter, StageFilter,
};
use arclight_shuffle::ShuffleRead;
use prost::Name;
use substrait_prost::{ExtensionLeafRel, ExtensionSingleRel};

use super::{generate, input, window};
use crate::decoder::{Decoder, detail, is_detail, operator_id};
use crate::error::PlanError;
use crate::proto;
use crate::proto::{
    BroadcastInput, CollectKeys, FilterByKeys, RangeInput, RowsInput, ShuffleReadInput,
    WindowGroupLimit,
};
use crate::types::schema;

pub(super) fn decode_leaf(rel: &ExtensionLeafRel) -> Result<OperatorRef, PlanError> {
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
        return Ok(Arc::new(operator));
    }
    if is_detail(any, &BroadcastInput::full_name()) {
        let rows: BroadcastInput = detail(any)?;
        let schema = schema(rows.schema.as_ref().ok_or_else(required)?)?;
        let operator = BroadcastInputOperator::new(id, rows.input, schema);
        return Ok(Arc::new(operator));
    }
    if is_detail(any, &ShuffleReadInput::full_name()) {
        let read: ShuffleReadInput = detail(any)?;
        let schema = schema(read.schema.as_ref().ok_or_else(required)?)?;
        let operator = ShuffleRead::new(id, read.input, schema);
        return Ok(Arc::new(operator));
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
    Ok(Arc::new(operator))
}

pub(super) fn decode_single(
    decoder: &Decoder,
    rel: &ExtensionSingleRel,
) -> Result<OperatorRef, PlanError> {
    let any = rel
        .detail
        .as_ref()
        .ok_or(PlanError::Missing("ExtensionSingleRel.detail"))?;
    if is_detail(any, &CollectKeys::full_name()) {
        return collect_keys(decoder, rel, &detail(any)?);
    }
    if is_detail(any, &FilterByKeys::full_name()) {
        return filter_by_keys(decoder, rel, &detail(any)?);
    }
    if is_detail(any, &WindowGroupLimit::full_name()) {
        return window::decode_group_limit(decoder, rel, &detail(any)?);
    }
    generate::decode(decoder, rel, &detail(any)?)
}

/// A column's position, if there is such a column and it can be told apart by 64 bits.
fn key_column(child: &OperatorRef, column: u32) -> Result<usize, PlanError> {
    let column = super::column(child, column)?;
    let data_type = &child.schema().fields[column].data_type;
    if !RuntimeFilter::is_key(data_type) {
        return Err(PlanError::Unsupported(format!("keys of type {data_type}")));
    }
    Ok(column)
}

fn collect_keys(
    decoder: &Decoder,
    rel: &ExtensionSingleRel,
    collect: &CollectKeys,
) -> Result<OperatorRef, PlanError> {
    let child = input(decoder, &rel.input)?;
    let columns = collect.columns.iter();
    let columns = columns
        .map(|&column| key_column(&child, column))
        .collect::<Result<_, _>>()?;
    let limit = collect.limit as usize;
    let id = operator_id(&rel.common)?;
    let operator = CollectKeysOperator::new(id, child, columns, limit);
    Ok(Arc::new(operator))
}

fn filter_by_keys(
    decoder: &Decoder,
    rel: &ExtensionSingleRel,
    by_keys: &FilterByKeys,
) -> Result<OperatorRef, PlanError> {
    let child = input(decoder, &rel.input)?;
    let filter = |filter: &proto::filter_by_keys::Filter| {
        let column = key_column(&child, filter.column)?;
        let data_type = child.schema().fields[column].data_type.clone();
        StageFilter::new(column, data_type, &filter.key_sets)
            .map_err(|error| PlanError::Literal(error.to_string()))
    };
    let filters = by_keys.filters.iter().map(filter);
    let filters = filters.collect::<Result<_, _>>()?;
    let id = operator_id(&rel.common)?;
    let operator = FilterByKeysOperator::new(id, child, filters);
    Ok(Arc::new(operator))
}
