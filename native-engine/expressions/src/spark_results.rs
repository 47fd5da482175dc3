//! Calls with Spark's own results, as files of `testdata/` have them: a call a line, fields
//! between tabs — function, mode (A: ANSI, N: legacy, T: try), type and text of the result, and
//! `type=text` of each argument; a last literal argument may follow the function and a colon. NULL is
//! `\N`, an exception `ERROR`; bytes may be `\xHH`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arclight_columns::{Column, ColumnBuilder, Selection, SparkType};

use crate::expression::{EvalError, ExpressionRef};
use crate::leaf::{ColumnRef, Literal};
use crate::registry::{EvalMode, FunctionCall, ZoneRules, build};
use crate::testing::evaluate;

struct Line<'a> {
    result: &'a str,
    arguments: Vec<&'a str>,
    text: &'a str,
}

fn data_type(name: &str) -> SparkType {
    match name {
        "boolean" => SparkType::Boolean,
        "tinyint" => SparkType::Byte,
        "smallint" => SparkType::Short,
        "int" => SparkType::Int,
        "bigint" => SparkType::Long,
        "float" => SparkType::Float,
        "double" => SparkType::Double,
        "date" => SparkType::Date,
        "timestamp" => SparkType::Timestamp,
        "timestamp_ntz" => SparkType::TimestampNtz,
        "string" => SparkType::String,
        "binary" => SparkType::Binary,
        decimal => {
            let inner = decimal.strip_prefix("decimal(").unwrap();
            let (precision, scale) = inner.strip_suffix(')').unwrap().split_once(',').unwrap();
            SparkType::Decimal {
                precision: precision.parse().unwrap(),
                scale: scale.parse().unwrap(),
            }
        }
    }
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        match (first, rest.first()) {
            (b'\\', Some(b'\\')) => {
                out.push(b'\\');
                rest = &rest[1..];
            }
            (b'\\', Some(b'x')) => {
                let digits = std::str::from_utf8(&rest[1..3]).unwrap();
                out.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &rest[3..];
            }
            _ => out.push(first),
        }
    }
    out
}

fn column(data_type: &SparkType, texts: &[&str]) -> Column {
    let mut builder = ColumnBuilder::new(data_type.clone(), texts.len());
    for &text in texts {
        if text == "\\N" {
            builder.push_null();
            continue;
        }
        match data_type {
            SparkType::Boolean => builder.push_bool(text == "true"),
            SparkType::Byte => builder.push_i8(text.parse().unwrap()),
            SparkType::Short => builder.push_i16(text.parse().unwrap()),
            SparkType::Int | SparkType::Date => builder.push_i32(text.parse().unwrap()),
            SparkType::Long | SparkType::Timestamp | SparkType::TimestampNtz => {
                builder.push_i64(text.parse().unwrap())
            }
            SparkType::Float => builder.push_f32(text.parse::<f64>().unwrap() as f32),
            SparkType::Double => builder.push_f64(text.parse().unwrap()),
            SparkType::Decimal { precision, .. } if *precision <= 18 => {
                builder.push_i64(text.parse().unwrap())
            }
            SparkType::Decimal { .. } => builder.push_i128(text.parse().unwrap()),
            _ => builder.push_bytes(&unescape(text)),
        }
    }
    builder.finish()
}

fn show(column: &Column, row: usize) -> String {
    if column.is_null(row) {
        return "NULL".into();
    }
    if let Some(bytes) = column.bytes_value(row) {
        return format!("{:?}", String::from_utf8_lossy(bytes)) + &format!("{bytes:02x?}");
    }
    // Zeros have signs, but NaN is one value.
    let float = column
        .fixed_value::<f32>(row)
        .map(f64::from)
        .or_else(|| column.fixed_value::<f64>(row));
    if let Some(float) = float {
        return format!("{float:?}");
    }
    let number = column
        .boolean_value(row)
        .map(i128::from)
        .or_else(|| column.fixed_value::<i8>(row).map(i128::from))
        .or_else(|| column.fixed_value::<i16>(row).map(i128::from))
        .or_else(|| column.fixed_value::<i32>(row).map(i128::from))
        .or_else(|| column.fixed_value::<i64>(row).map(i128::from))
        .or_else(|| column.fixed_value::<i128>(row));
    number.unwrap().to_string()
}

/// Evaluates every call of a file in every layout. Returns the lines of calls that were left to
/// Spark, and panics with all calls whose results are others.
#[track_caller]
pub(crate) fn check_file(content: &str, zone: Option<&Arc<ZoneRules>>) -> Vec<String> {
    let mut groups: BTreeMap<String, Vec<Line<'_>>> = BTreeMap::new();
    for text in content.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = text.split('\t').collect();
        let arguments: Vec<(&str, &str)> = fields[4..]
            .iter()
            .map(|a| a.split_once('=').unwrap())
            .collect();
        let types: Vec<&str> = arguments.iter().map(|a| a.0).collect();
        let key = format!(
            "{}\t{}\t{}\t{}",
            fields[0],
            fields[1],
            fields[2],
            types.join("\t")
        );
        groups.entry(key).or_default().push(Line {
            result: fields[3],
            arguments: arguments.iter().map(|a| a.1).collect(),
            text,
        });
    }
    assert!(!groups.is_empty());
    let mut declined = Vec::new();
    let mut wrong = Vec::new();
    for (key, lines) in &groups {
        check_group(key, lines, zone, &mut declined, &mut wrong);
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    declined
}

fn check_group(
    key: &str,
    lines: &[Line<'_>],
    zone: Option<&Arc<ZoneRules>>,
    declined: &mut Vec<String>,
    wrong: &mut Vec<String>,
) {
    let fields: Vec<&str> = key.split('\t').collect();
    let mode = match fields[1] {
        "A" => EvalMode::Ansi,
        "T" => EvalMode::Try,
        _ => EvalMode::Legacy,
    };
    let output = data_type(fields[2]);
    let columns: Vec<Column> = fields[3..]
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let texts: Vec<&str> = lines.iter().map(|line| line.arguments[i]).collect();
            column(&data_type(name), &texts)
        })
        .collect();
    let call = |columns: &[Column]| {
        let arguments = columns.iter().enumerate().map(|(i, c)| -> ExpressionRef {
            match c.as_constant() {
                Some(value) => Arc::new(Literal::new(value.clone())),
                None => Arc::new(ColumnRef::new(i, c.data_type().clone())),
            }
        });
        let mut arguments: Vec<ExpressionRef> = arguments.collect();
        let (name, last) = match fields[0] {
            "like" => ("like", Some("\\\\")),
            name => name
                .split_once(':')
                .map_or((name, None), |(name, last)| (name, Some(last))),
        };
        if let Some(last) = last {
            let literal = Literal::new(column(&SparkType::String, &[last]));
            arguments.push(Arc::new(literal));
        }
        build(&FunctionCall {
            name: name.to_string(),
            arguments,
            output: output.clone(),
            mode,
            zone: zone.cloned(),
        })
        .unwrap()
    };
    let results: Vec<&str> = lines.iter().map(|line| line.result).collect();
    let known: Vec<&str> = results
        .iter()
        .map(|&r| if r == "ERROR" { "\\N" } else { r })
        .collect();
    let expected = column(&output, &known);
    // Each row by itself, as constants: `locate` and `like` have literals in plans, too.
    let mut good = Vec::new();
    for (row, line) in lines.iter().enumerate() {
        let constants: Vec<Column> = columns
            .iter()
            .enumerate()
            .map(|(i, c)| match i {
                0 => c.clone(),
                _ => Column::constant(c.take(&[row as u32]).unwrap(), c.len()),
            })
            .collect();
        let only = Selection::from_rows(lines.len(), vec![row as u32]);
        match evaluate(call(&constants).as_ref(), &constants, &only) {
            Ok(result) => {
                let (found, wanted) = (show(&result, row), show(&expected, row));
                if line.result == "ERROR" || found != wanted {
                    wrong.push(format!("{}: found {found}", line.text));
                } else {
                    good.push(row as u32);
                }
            }
            Err(EvalError::Failed { row: failed }) => {
                if line.result != "ERROR" || failed != row {
                    wrong.push(format!("{}: failed", line.text));
                }
            }
            Err(EvalError::Declined(_)) => declined.push(line.text.to_string()),
            Err(other) => wrong.push(format!("{}: {other}", line.text)),
        }
    }
    // All that are not left to Spark together: flat, as dictionaries, over part of the rows.
    let repeated: Vec<u32> = (0..good.len() as u32 * 5)
        .map(|i| i % good.len() as u32)
        .collect();
    let flat: Vec<Column> = columns.iter().map(|c| c.take(&good).unwrap()).collect();
    let expected = expected.take(&good).unwrap();
    let long: Vec<Column> = flat.iter().map(|c| c.take(&repeated).unwrap()).collect();
    let coded: Vec<Column> = flat
        .iter()
        .map(|c| {
            let codes = repeated.clone().into();
            let nulls = c.take(&repeated).unwrap().validity().cloned();
            let flat = c.as_flat().unwrap().clone();
            let values = Column::flat(c.data_type().clone(), c.len(), flat, None);
            Column::dictionary(codes, Arc::new(values), nulls)
        })
        .collect();
    let sparse: Vec<u32> = (0..repeated.len() as u32).filter(|r| r % 11 == 3).collect();
    for (columns, rows) in [
        (&flat, Selection::all(good.len())),
        (&long, Selection::from_rows(repeated.len(), sparse.clone())),
        (&coded, Selection::all(repeated.len())),
        (&coded, Selection::from_rows(repeated.len(), sparse)),
    ] {
        if rows.is_empty() {
            continue;
        }
        match evaluate(call(columns).as_ref(), columns, &rows) {
            Ok(result) => rows.for_each(|row| {
                let wanted = show(&expected, row % good.len());
                let found = show(&result, row);
                if found != wanted {
                    let line = lines[good[row % good.len()] as usize].text;
                    wrong.push(format!("{line}: found {found} among others"));
                }
            }),
            Err(other) => wrong.push(format!("{key}: {other}")),
        }
    }
}

/// The rules of America/Los_Angeles.
pub(crate) fn los_angeles() -> Arc<ZoneRules> {
    let mut transitions = Vec::new();
    let mut offsets = Vec::new();
    let lines = include_str!("../testdata/los_angeles.tsv").lines();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let (second, offset) = line.split_once('\t').unwrap();
        if second != "first" {
            transitions.push(second.parse().unwrap());
        }
        offsets.push(offset.parse().unwrap());
    }
    Arc::new(ZoneRules {
        id: "America/Los_Angeles".into(),
        valid_until: Some(10_413_792_000),
        transitions,
        offsets,
    })
}
