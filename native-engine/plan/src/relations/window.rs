//! `ConsistentPartitionWindowRel`: a column for each window function. And limits of its partitions,
//! which are ours, in an `ExtensionSingleRel`.

use std::sync::Arc;

use arclight_columns::Schema;
use arclight_expressions::ExpressionRef;
use arclight_operators::{
    Bound, Frame, FrameUnit, OperatorRef, RankFunction, Window, WindowFunction, WindowGroupLimit,
};
use substrait_prost::consistent_partition_window_rel::WindowRelFunction;
use substrait_prost::expression::RexType;
use substrait_prost::expression::literal::LiteralType;
use substrait_prost::expression::window_function::bound::Kind;
use substrait_prost::expression::window_function::{Bound as PlanBound, BoundsType};
use substrait_prost::{
    AggregateFunction, AggregationPhase, ConsistentPartitionWindowRel, Expression,
    ExtensionSingleRel, SortField,
};

use super::aggregate::{decode_measure, values};
use super::fetch::number;
use super::input;
use super::sort::decode_below_limit;
use crate::decoder::{Decoder, enhancement, flag, operator_id};
use crate::error::PlanError;
use crate::expression::{expression, expressions};
use crate::proto;
use crate::proto::{WindowFallbacks, aggregate_fallbacks};

pub(super) fn decode(
    decoder: &Decoder,
    rel: &ConsistentPartitionWindowRel,
) -> Result<OperatorRef, PlanError> {
    let child = input(decoder, &rel.input)?;
    let fallbacks: WindowFallbacks = enhancement(&rel.advanced_extension)?;
    let functions = rel
        .window_functions
        .iter()
        .enumerate()
        .map(|(i, call)| {
            let fallback = fallbacks.measures.get(i).cloned().unwrap_or_default();
            function(decoder, child.schema(), call, fallback)
        })
        .collect::<Result<Vec<_>, PlanError>>()?;
    let partitions = expressions(decoder, child.schema(), &rel.partition_expressions)?;
    let orders = orders(decoder, child.schema(), &rel.sorts)?;
    let id = operator_id(&rel.common)?;
    let operator = Window::new(id, child, partitions, orders, functions);
    Ok(Arc::new(operator))
}

pub(super) fn decode_group_limit(
    decoder: &Decoder,
    rel: &ExtensionSingleRel,
    limit: &proto::WindowGroupLimit,
) -> Result<OperatorRef, PlanError> {
    use proto::window_group_limit::RankFunction as Kind;
    let function = match limit.function() {
        Kind::RowNumber => RankFunction::RowNumber,
        Kind::Rank => RankFunction::Rank,
        Kind::DenseRank => RankFunction::DenseRank,
    };
    let rows = u64::from(limit.limit);
    let order = (&limit.partitions[..], &limit.sorts[..]);
    let child = decode_below_limit(decoder, &rel.input, order, function, rows)?;
    let operator = WindowGroupLimit::new(
        operator_id(&rel.common)?,
        Arc::clone(&child),
        expressions(decoder, child.schema(), &limit.partitions)?,
        orders(decoder, child.schema(), &limit.sorts)?,
        function,
        rows,
    );
    Ok(Arc::new(operator))
}

/// What rows are ordered by. In which direction does not matter: the input is in order.
fn orders(
    decoder: &Decoder,
    schema: &Schema,
    sorts: &[SortField],
) -> Result<Vec<ExpressionRef>, PlanError> {
    let key = |sort: &SortField| {
        let key = sort.expr.as_ref();
        expression(
            decoder,
            schema,
            key.ok_or(PlanError::Missing("SortField.expr"))?,
        )
    };
    sorts.iter().map(key).collect()
}

fn function(
    decoder: &Decoder,
    schema: &Schema,
    call: &WindowRelFunction,
    fallback: aggregate_fallbacks::Measure,
) -> Result<WindowFunction, PlanError> {
    let name = decoder.function(call.function_reference)?;
    let arguments = values(&call.arguments)?;
    let argument = |index: usize| -> Result<&Expression, PlanError> {
        let argument = arguments.get(index).copied();
        argument.ok_or(PlanError::Missing("argument of a window function"))
    };
    let value = |index: usize| expression(decoder, schema, argument(index)?);
    let ignore_nulls = flag(&call.options, "ignore_nulls");
    Ok(match name {
        "row_number" => WindowFunction::RowNumber,
        "rank" => WindowFunction::Rank,
        "dense_rank" => WindowFunction::DenseRank,
        "percent_rank" => WindowFunction::PercentRank,
        "cume_dist" => WindowFunction::CumeDist,
        "ntile" => WindowFunction::NTile(positive(argument(0)?)?),
        "offset" => WindowFunction::Offset {
            input: value(0)?,
            offset: integer(argument(1)?)?,
            default: match arguments.len() {
                0..=2 => None,
                _ => Some(value(2)?),
            },
            ignore_nulls,
        },
        "nth_value" => WindowFunction::NthValue {
            input: value(0)?,
            n: positive(argument(1)?)?.unsigned_abs(),
            ignore_nulls,
            frame: frame(call)?,
        },
        _ => {
            let aggregate = AggregateFunction {
                function_reference: call.function_reference,
                arguments: call.arguments.clone(),
                options: call.options.clone(),
                output_type: call.output_type.clone(),
                phase: AggregationPhase::InitialToResult as i32,
                ..Default::default()
            };
            WindowFunction::Aggregate {
                measure: decode_measure(decoder, schema, &aggregate, None, fallback)?,
                frame: frame(call)?,
            }
        }
    })
}

fn integer(e: &Expression) -> Result<i64, PlanError> {
    if let Some(RexType::Literal(literal)) = &e.rex_type {
        match literal.literal_type {
            Some(LiteralType::I32(value)) => return Ok(i64::from(value)),
            Some(LiteralType::I64(value)) => return Ok(value),
            _ => {}
        }
    }
    Err(PlanError::Unsupported(
        "a window function's number that is no literal".to_string(),
    ))
}

fn positive(e: &Expression) -> Result<i64, PlanError> {
    match integer(e)? {
        number if number > 0 => Ok(number),
        number => Err(PlanError::Literal(format!("{number} of a window function"))),
    }
}

fn frame(call: &WindowRelFunction) -> Result<Frame, PlanError> {
    let frame = Frame {
        unit: match BoundsType::try_from(call.bounds_type) {
            Ok(BoundsType::Rows) => FrameUnit::Rows,
            Ok(BoundsType::Range) => FrameUnit::Range,
            _ => return Err(PlanError::Unsupported("bounds of a window".to_string())),
        },
        lower: bound(&call.lower_bound)?,
        upper: bound(&call.upper_bound)?,
    };
    let by_value = |bound| matches!(bound, Bound::Offset(offset) if offset != 0);
    if frame.unit == FrameUnit::Range && (by_value(frame.lower) || by_value(frame.upper)) {
        return Err(PlanError::Unsupported("RANGE with an offset".to_string()));
    }
    Ok(frame)
}

fn bound(bound: &Option<PlanBound>) -> Result<Bound, PlanError> {
    let offset = |e: &Option<Box<Expression>>| {
        let rows = number(e)?.ok_or(PlanError::Missing("offset of a bound"))?;
        i64::try_from(rows).map_err(|_| PlanError::Literal(format!("{rows} rows of a bound")))
    };
    Ok(match bound.as_ref().and_then(|bound| bound.kind.as_ref()) {
        None | Some(Kind::Unbounded(_)) => Bound::Unbounded,
        Some(Kind::CurrentRow(_)) => Bound::Offset(0),
        Some(Kind::Preceding(rows)) => Bound::Offset(-offset(&rows.offset_expr)?),
        Some(Kind::Following(rows)) => Bound::Offset(offset(&rows.offset_expr)?),
    })
}
