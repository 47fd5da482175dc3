//! `AggregateRel`: a phase per measure; a merging measure's arguments are its buffer's columns.

use std::sync::Arc;

use arclight_columns::{Field, Schema};
use arclight_expressions::aggregates::{AggregateCall, build_aggregate};
use arclight_operators::{HashAggregate, Measure, OperatorRef, Phase};
use substrait_prost::function_argument::ArgType;
use substrait_prost::{
    AggregateFunction, AggregateRel, AggregationPhase, Expression, FunctionArgument,
};

use super::input;
use crate::decoder::{Decoder, enhancement, eval_mode, flag, operator_id};
use crate::error::PlanError;
use crate::expression::{expression, expressions};
use crate::proto::{AggregateFallbacks, aggregate_fallbacks};
use crate::types::required_type;

pub(super) fn decode(decoder: &Decoder, rel: &AggregateRel) -> Result<OperatorRef, PlanError> {
    let child = input(decoder, &rel.input)?;
    let groupings = expressions(decoder, child.schema(), &rel.grouping_expressions)?;
    let fallbacks: AggregateFallbacks = enhancement(&rel.advanced_extension)?;
    let measures = rel
        .measures
        .iter()
        .enumerate()
        .map(|(i, measure)| {
            let call = measure
                .measure
                .as_ref()
                .ok_or(PlanError::Missing("Measure.measure"))?;
            let filter = match &measure.filter {
                Some(e) => Some(expression(decoder, child.schema(), e)?),
                None => None,
            };
            let fallback = fallbacks.measures.get(i).cloned().unwrap_or_default();
            decode_measure(decoder, child.schema(), call, filter, fallback)
        })
        .collect::<Result<Vec<_>, PlanError>>()?;
    let types = groupings
        .iter()
        .map(|g| vec![g.data_type().clone()])
        .chain(measures.iter().map(|m| match m.phase {
            Phase::Partial | Phase::PartialMerge => m.function.buffer_types(),
            Phase::Final | Phase::Complete => vec![m.function.data_type().clone()],
        }))
        .flatten();
    let fields = types
        .enumerate()
        .map(|(i, t)| Field::new(format!("{i}"), t, true))
        .collect();
    let id = operator_id(&rel.common)?;
    let schema = Schema::new(fields);
    let repeats = fallbacks.merged_above && !measures.iter().any(|m| m.phase.finishes());
    let operator = HashAggregate::with_repeats(id, child, groupings, measures, schema, repeats);
    let operator = operator.by_partition(fallbacks.by_partition);
    Ok(Arc::new(operator))
}

/// A call of an aggregate function.
pub(super) fn decode_measure(
    decoder: &Decoder,
    schema: &Schema,
    call: &AggregateFunction,
    filter: Option<arclight_expressions::ExpressionRef>,
    fallback: aggregate_fallbacks::Measure,
) -> Result<Measure, PlanError> {
    let phase = match AggregationPhase::try_from(call.phase) {
        Ok(AggregationPhase::InitialToIntermediate) => Phase::Partial,
        Ok(AggregationPhase::IntermediateToIntermediate) => Phase::PartialMerge,
        Ok(AggregationPhase::IntermediateToResult) => Phase::Final,
        Ok(AggregationPhase::InitialToResult) => Phase::Complete,
        _ => return Err(PlanError::Unsupported("aggregation phase".to_string())),
    };
    let arguments = expressions(decoder, schema, values(&call.arguments)?)?;
    let function = build_aggregate(&AggregateCall {
        name: decoder.function(call.function_reference)?.to_string(),
        argument_types: arguments.iter().map(|a| a.data_type().clone()).collect(),
        output: required_type(&call.output_type)?,
        mode: eval_mode(&call.options)?,
        ignore_nulls: flag(&call.options, "ignore_nulls"),
    })?;
    Ok(Measure {
        function,
        phase,
        arguments,
        filter,
        update_fallback: fallback.update,
        evaluate_fallback: fallback.evaluate,
    })
}

/// The arguments of a call, all of which are values.
pub(super) fn values(arguments: &[FunctionArgument]) -> Result<Vec<&Expression>, PlanError> {
    arguments
        .iter()
        .map(|argument| match &argument.arg_type {
            Some(ArgType::Value(value)) => Ok(value),
            _ => Err(PlanError::Unsupported("enum or type argument".to_string())),
        })
        .collect()
}
