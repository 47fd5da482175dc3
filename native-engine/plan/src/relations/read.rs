//! `ReadRel` over Parquet files, and the terms of its best-effort filter.

use std::sync::Arc;

use arclight_columns::Schema;
use arclight_operators::OperatorRef;
use arclight_parquet::{CompareOperator, ParquetScan as Scan, Pruning, PruningTerm, ScanOptions};
use substrait_prost::expression::field_reference::{ReferenceType, RootType};
use substrait_prost::expression::reference_segment;
use substrait_prost::expression::{RexType, ScalarFunction};
use substrait_prost::function_argument::ArgType;
use substrait_prost::read_rel::ReadType;
use substrait_prost::{Expression, ReadRel};

use crate::decoder::{Decoder, detail, operator_id};
use crate::error::PlanError;
use crate::literal::literal;
use crate::proto::ParquetScan;
use crate::types::schema;

pub(super) fn decode(decoder: &Decoder, rel: &ReadRel) -> Result<OperatorRef, PlanError> {
    let Some(ReadType::ExtensionTable(table)) = &rel.read_type else {
        return Err(PlanError::Unsupported(
            "ReadRel without extension table".to_string(),
        ));
    };
    let scan: ParquetScan = detail(table.detail.as_ref().ok_or(PlanError::Missing("detail"))?)?;
    let schema = schema(
        rel.base_schema
            .as_ref()
            .ok_or(PlanError::Missing("base_schema"))?,
    )?;
    let pruning = rel.best_effort_filter.as_deref().map(|filter| Pruning {
        terms: terms(decoder, &schema, filter),
    });
    let options = ScanOptions {
        input: scan.input,
        file_columns: scan.file_columns as usize,
        case_sensitive: scan.case_sensitive,
        ignore_corrupt_files: scan.ignore_corrupt_files,
        ignore_missing_files: scan.ignore_missing_files,
        legacy_datetime_default: scan.legacy_datetime_default,
        legacy_int96_default: scan.legacy_int96_default,
        row_index_column: scan.row_index_column.map(|c| c as usize),
        ignore_statistics: scan.ignore_statistics,
        ignore_page_index: scan.ignore_page_index,
    };
    let operator = Scan::new(operator_id(&rel.common)?, options, schema, pruning);
    Ok(Arc::new(operator))
}

/// The conjuncts of a filter that pruning understands; the filter is best effort, so others are
/// left out.
fn terms(decoder: &Decoder, schema: &Schema, filter: &Expression) -> Vec<PruningTerm> {
    let mut found = Vec::new();
    let mut open = vec![filter];
    while let Some(e) = open.pop() {
        match &e.rex_type {
            Some(RexType::ScalarFunction(call))
                if decoder
                    .function(call.function_reference)
                    .is_ok_and(|n| n == "and") =>
            {
                open.extend(call.arguments.iter().filter_map(value));
            }
            Some(RexType::ScalarFunction(call)) => {
                found.extend(term(decoder, schema, call));
            }
            Some(RexType::SingularOrList(list)) => {
                let column = list.value.as_deref().and_then(|v| column(schema, v));
                let literals: Option<Vec<_>> = list
                    .options
                    .iter()
                    .map(|o| match &o.rex_type {
                        Some(RexType::Literal(l)) => literal(l).ok(),
                        _ => None,
                    })
                    .collect();
                if let (Some(column), Some(literals)) = (column, literals) {
                    found.push(PruningTerm::In { column, literals });
                }
            }
            _ => {}
        }
    }
    found
}

fn term(decoder: &Decoder, schema: &Schema, call: &ScalarFunction) -> Option<PruningTerm> {
    let name = decoder.function(call.function_reference).ok()?;
    let first = call.arguments.first().and_then(value)?;
    match name {
        "is_null" => {
            return Some(PruningTerm::IsNull {
                column: column(schema, first)?,
            });
        }
        "is_not_null" => {
            return Some(PruningTerm::IsNotNull {
                column: column(schema, first)?,
            });
        }
        _ => {}
    }
    let operator = match name {
        "equal" => CompareOperator::Equal,
        "less_than" => CompareOperator::Less,
        "less_than_or_equal" => CompareOperator::LessOrEqual,
        "greater_than" => CompareOperator::Greater,
        "greater_than_or_equal" => CompareOperator::GreaterOrEqual,
        _ => return None,
    };
    let second = call.arguments.get(1).and_then(value)?;
    match (&first.rex_type, &second.rex_type) {
        (_, Some(RexType::Literal(l))) => Some(PruningTerm::Compare {
            column: column(schema, first)?,
            operator,
            literal: literal(l).ok()?,
        }),
        (Some(RexType::Literal(l)), _) => Some(PruningTerm::Compare {
            column: column(schema, second)?,
            operator: flipped(operator),
            literal: literal(l).ok()?,
        }),
        _ => None,
    }
}

fn value(argument: &substrait_prost::FunctionArgument) -> Option<&Expression> {
    match &argument.arg_type {
        Some(ArgType::Value(value)) => Some(value),
        _ => None,
    }
}

fn column(schema: &Schema, e: &Expression) -> Option<usize> {
    let Some(RexType::Selection(reference)) = &e.rex_type else {
        return None;
    };
    if matches!(reference.root_type, Some(RootType::Expression(_))) {
        return None;
    }
    let Some(ReferenceType::DirectReference(segment)) = &reference.reference_type else {
        return None;
    };
    let Some(reference_segment::ReferenceType::StructField(field)) = &segment.reference_type else {
        return None;
    };
    let index = field.field as usize;
    (field.child.is_none() && index < schema.len()).then_some(index)
}

/// The operator that compares the other way round.
fn flipped(operator: CompareOperator) -> CompareOperator {
    match operator {
        CompareOperator::Less => CompareOperator::Greater,
        CompareOperator::LessOrEqual => CompareOperator::GreaterOrEqual,
        CompareOperator::Greater => CompareOperator::Less,
        CompareOperator::GreaterOrEqual => CompareOperator::LessOrEqual,
        same => same,
    }
}
