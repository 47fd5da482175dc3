//! Kernels on numbers against results of Spark 4.1.3 (`spark/numbers.txt`, written by
//! `spark/write_numbers.py`).

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arclight_columns::{Batch, Column, ColumnBuilder, Selection, SparkType};
use arclight_expressions::{
    ColumnRef, EvalContext, EvalError, EvalMode, ExpressionRef, FunctionCall, Literal, NoJvm, build,
};

/// Rows that kernels leave to Spark because versions of Java differ on them, or because Spark's
/// way depends on how a value came about; more of them would make this test an empty one.
const MOST_DECLINED: f64 = 0.01;

fn data_type(text: &str) -> SparkType {
    match text {
        "boolean" => SparkType::Boolean,
        "tinyint" => SparkType::Byte,
        "smallint" => SparkType::Short,
        "int" => SparkType::Int,
        "bigint" => SparkType::Long,
        "float" => SparkType::Float,
        "double" => SparkType::Double,
        _ => {
            let inner = text
                .strip_prefix("decimal(")
                .unwrap()
                .strip_suffix(')')
                .unwrap();
            let (precision, scale) = inner.split_once(',').unwrap();
            SparkType::decimal(precision.parse().unwrap(), scale.parse().unwrap())
        }
    }
}

/// Appends a value in the file's form: unscaled decimals, the bits of floats.
fn push(builder: &mut ColumnBuilder, text: &str) {
    match builder.data_type().clone() {
        _ if text == "NULL" => builder.push_null(),
        SparkType::Boolean => builder.push_bool(text == "true"),
        SparkType::Byte => builder.push_i8(text.parse().unwrap()),
        SparkType::Short => builder.push_i16(text.parse().unwrap()),
        SparkType::Int => builder.push_i32(text.parse().unwrap()),
        SparkType::Long => builder.push_i64(text.parse().unwrap()),
        SparkType::Float if text == "NaN" => builder.push_f32(f32::NAN),
        SparkType::Float => {
            builder.push_f32(f32::from_bits(u32::from_str_radix(text, 16).unwrap()));
        }
        SparkType::Double if text == "NaN" => builder.push_f64(f64::NAN),
        SparkType::Double => {
            builder.push_f64(f64::from_bits(u64::from_str_radix(text, 16).unwrap()));
        }
        SparkType::Decimal { precision, .. } if precision <= 18 => {
            builder.push_i64(text.parse().unwrap());
        }
        _ => builder.push_i128(text.parse().unwrap()),
    }
}

/// A value in the file's form.
fn show(column: &Column, row: usize) -> String {
    if column.is_null(row) {
        return "NULL".to_string();
    }
    match column.data_type() {
        SparkType::Boolean => column.boolean_value(row).unwrap().to_string(),
        SparkType::Byte => column.fixed_value::<i8>(row).unwrap().to_string(),
        SparkType::Short => column.fixed_value::<i16>(row).unwrap().to_string(),
        SparkType::Int => column.fixed_value::<i32>(row).unwrap().to_string(),
        SparkType::Float => match column.fixed_value::<f32>(row).unwrap() {
            v if v.is_nan() => "NaN".to_string(),
            v => format!("{:08x}", v.to_bits()),
        },
        SparkType::Double => match column.fixed_value::<f64>(row).unwrap() {
            v if v.is_nan() => "NaN".to_string(),
            v => format!("{:016x}", v.to_bits()),
        },
        _ => match column.fixed_value::<i64>(row) {
            Some(value) => value.to_string(),
            None => column.fixed_value::<i128>(row).unwrap().to_string(),
        },
    }
}

/// Lines of one call: `MODE name types -> type : values = result`, a literal argument among the
/// values if there are more values than types.
struct Case<'a> {
    rows: Vec<(Vec<&'a str>, &'a str)>,
}

fn cases(text: &str) -> BTreeMap<(String, Option<&str>), Case<'_>> {
    let mut cases = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (head, rest) = line.split_once(" : ").unwrap();
        let (values, result) = rest.split_once(" = ").unwrap();
        let mut values: Vec<&str> = values.split(' ').collect();
        let types = head.split(" -> ").next().unwrap().split(' ').count() - 2;
        let literal = (values.len() > types).then(|| values.remove(types));
        cases
            .entry((head.to_string(), literal))
            .or_insert_with(|| Case { rows: Vec::new() })
            .rows
            .push((values, result));
    }
    cases
}

fn call(head: &str, literal: Option<&str>) -> (ExpressionRef, Vec<SparkType>) {
    let (left, output) = head.split_once(" -> ").unwrap();
    let mut words = left.split(' ');
    let mode = match words.next().unwrap() {
        "ANSI" => EvalMode::Ansi,
        "TRY" => EvalMode::Try,
        _ => EvalMode::Legacy,
    };
    let name = words.next().unwrap().to_string();
    let types: Vec<SparkType> = words.map(data_type).collect();
    let mut arguments: Vec<ExpressionRef> = types
        .iter()
        .enumerate()
        .map(|(i, t)| -> ExpressionRef { Arc::new(ColumnRef::new(i, t.clone())) })
        .collect();
    if let Some(literal) = literal {
        let mut builder = ColumnBuilder::new(SparkType::Int, 1);
        push(&mut builder, literal);
        arguments.push(Arc::new(Literal::new(builder.finish())));
    }
    let call = FunctionCall {
        name,
        arguments,
        output: data_type(output),
        mode,
        zone: None,
    };
    (build(&call).unwrap(), types)
}

#[test]
fn numbers_are_those_of_spark() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spark/numbers.txt");
    let text = fs::read_to_string(path).unwrap();
    let (mut compared, mut declined, mut wrong) = (0, 0, Vec::new());
    for ((head, literal), case) in cases(&text) {
        let (expression, types) = call(&head, literal);
        let columns: Vec<Column> = types
            .iter()
            .enumerate()
            .map(|(i, data_type)| {
                let mut builder = ColumnBuilder::new(data_type.clone(), case.rows.len());
                case.rows
                    .iter()
                    .for_each(|(values, _)| push(&mut builder, values[i]));
                builder.finish()
            })
            .collect();
        let len = case.rows.len();
        let batch = Batch::new(columns, len);
        let evaluate = |rows: &Selection| {
            let mut jvm = NoJvm;
            expression.evaluate(&batch, rows, &mut EvalContext::new(&mut jvm))
        };
        // Each row alone, then those without failure at once.
        let mut fine = Vec::new();
        for (row, (values, expected)) in case.rows.iter().enumerate() {
            compared += 1;
            let found = match evaluate(&Selection::from_rows(len, vec![row as u32])) {
                Ok(column) => {
                    fine.push(row as u32);
                    show(&column, row)
                }
                Err(EvalError::Failed { .. }) => "FAIL".to_string(),
                Err(EvalError::Declined(_)) => {
                    declined += 1;
                    continue;
                }
                Err(other) => other.to_string(),
            };
            if found != *expected {
                wrong.push(format!(
                    "{head} {literal:?} : {values:?} = {expected}, not {found}"
                ));
            }
        }
        let rows = Selection::from_rows(len, fine);
        let together = evaluate(&rows).unwrap();
        rows.for_each(|row| {
            let (values, expected) = &case.rows[row];
            let found = show(&together, row);
            if found != *expected {
                wrong.push(format!(
                    "{head} {literal:?} : {values:?} = {expected}, not {found}"
                ));
            }
        });
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(compared > 5000);
    let share = f64::from(declined) / f64::from(compared);
    assert!(share <= MOST_DECLINED, "{declined} of {compared} declined");
}
