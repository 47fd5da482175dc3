//! The terms of a filter above the scan.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arclight_columns::{Column, Schema, SparkType as S};
use arclight_expressions::{ColumnRef, EvalMode, ExpressionRef, FunctionCall, Literal, build};
use arclight_memory::TaskMemory;
use arclight_operators::{
    BatchStream, EngineError, FileSplit, Filter, NoHost, Operator, OperatorRef, RuntimeFilter,
    TaskContext,
};
use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::*;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;

use super::helpers::*;
use crate::ParquetScan;

const ROWS: i64 = 3000;

/// `k` counts from 0 and is NULL at every seventh, `t` is a text of few, `f` is flat and `l` a list,
/// each of the row.
fn file(files: &Files) -> FileSplit {
    let keys = (0..ROWS).map(|row| (row % 7 != 6).then_some(row));
    let texts = (0..ROWS).map(|row| format!("text {}", row % 10));
    let flat = (0..ROWS).map(|row| format!("row {row}"));
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in 0..ROWS {
        lists.append_value((0..row % 3).map(|i| Some(format!("{row}.{i}"))));
    }
    let batch = RecordBatch::try_from_iter([
        ("k", Arc::new(Int64Array::from_iter(keys)) as ArrayRef),
        ("t", Arc::new(StringArray::from_iter_values(texts))),
        ("f", Arc::new(StringArray::from_iter_values(flat))),
        ("l", Arc::new(lists.finish())),
    ]);
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(1000))
        .build();
    files.arrow("f", &[batch.unwrap()], properties)
}

fn columns() -> Schema {
    let text = arclight_columns::Field::new("element", S::String, true);
    schema(&[
        ("l", S::Array(Arc::new(text))),
        ("f", S::String),
        ("k", S::Long),
        ("t", S::String),
    ])
}

fn call(name: &str, arguments: Vec<ExpressionRef>) -> ExpressionRef {
    build(&FunctionCall {
        name: name.to_string(),
        arguments,
        output: S::Boolean,
        mode: EvalMode::Legacy,
        zone: None,
    })
    .unwrap()
}

fn key(name: &str, value: i64) -> ExpressionRef {
    let value = Literal::new(Column::fixed(S::Long, vec![value], None));
    call(
        name,
        vec![Arc::new(ColumnRef::new(2, S::Long)), Arc::new(value)],
    )
}

fn text(name: &str, value: &str) -> ExpressionRef {
    let mut builder = arclight_columns::ColumnBuilder::new(S::String, 1);
    builder.push_bytes(value.as_bytes());
    let value = Literal::new(builder.finish());
    call(
        name,
        vec![Arc::new(ColumnRef::new(3, S::String)), Arc::new(value)],
    )
}

/// Hides that its input filters itself.
#[derive(Debug)]
struct Plain(OperatorRef);

impl Operator for Plain {
    fn name(&self) -> &'static str {
        "Plain"
    }
    fn schema(&self) -> &Schema {
        self.0.schema()
    }
    fn children(&self) -> Vec<&OperatorRef> {
        vec![&self.0]
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        self.0.open(task)
    }
}

/// The rows that a filter leaves, of a scan that evaluates it and of one that doesn't.
fn both(
    file: &FileSplit,
    predicate: &ExpressionRef,
    batch_size: usize,
    keys: Option<&[i64]>,
) -> [Vec<Vec<String>>; 2] {
    let schema = columns();
    [false, true].map(|plain| {
        let scan = Arc::new(ParquetScan::new(0, options(&schema), schema.clone(), None));
        let input: OperatorRef = match plain {
            true => Arc::new(Plain(scan)),
            false => scan,
        };
        let filter = Filter::new(1, input, Arc::clone(predicate));
        let task = task_of(
            vec![file.clone()],
            batch_size,
            TaskMemory::unbounded(),
            Box::new(NoHost),
        );
        if let Some(keys) = keys {
            let keys = Column::fixed(S::Long, keys.to_vec(), None);
            let keys = RuntimeFilter::of(&keys).unwrap().unwrap();
            let column = ParquetScan::new(0, options(&schema), schema.clone(), None)
                .scan_column(2)
                .unwrap();
            task.runtime_filters.add(column, keys);
        }
        let scanned = run(&filter, &task).unwrap();
        let rows: Vec<Vec<String>> = (0..4).map(|column| scanned.active(column)).collect();
        let given = task.operator_metrics(1).output_rows.load(Relaxed);
        assert_eq!(given, rows[0].len() as u64);
        if keys.is_none() {
            assert_eq!(scanned.metrics.output_rows.load(Relaxed), ROWS as u64);
        }
        rows
    })
}

#[test]
fn rows_are_left_out_by_all_terms() {
    let files = Files::new();
    let file = file(&files);
    let predicate = call(
        "and",
        vec![
            call("is_not_null", vec![Arc::new(ColumnRef::new(2, S::Long))]),
            text("equal", "text 3"),
            key("less_than", 60),
        ],
    );
    let [scanned, filtered] = both(&file, &predicate, 8192, None);
    assert_eq!(scanned[2], ["3", "23", "33", "43", "53"]);
    assert_eq!(
        scanned[1],
        ["row 3", "row 23", "row 33", "row 43", "row 53"]
    );
    assert_eq!(scanned[0][2], "[]");
    assert_eq!(scanned[0][1], "[23.0,23.1]");
    assert_eq!(scanned, filtered);
    let [none, _] = both(&file, &key("less_than", -1), 100, None);
    assert!(none[0].is_empty());
}

#[test]
fn terms_of_columns_that_are_not_in_the_file() {
    let files = Files::new();
    let mut file = file(&files);
    file.constants = vec![Column::fixed(S::Long, vec![7i64], None)];
    let schema = schema(&[
        ("missing", S::Long),
        ("t", S::String),
        ("index", S::Long),
        ("p", S::Long),
    ]);
    let mut options = options(&schema);
    options.file_columns = 3;
    options.row_index_column = Some(2);
    let long = |name: &str, column: usize, value: i64| {
        let value = Literal::new(Column::fixed(S::Long, vec![value], None));
        let column = Arc::new(ColumnRef::new(column, S::Long));
        call(name, vec![column, Arc::new(value)])
    };
    let rows = |terms: Vec<ExpressionRef>| {
        let scan = ParquetScan::new(0, options.clone(), schema.clone(), None);
        let filter = Filter::new(1, Arc::new(scan), call("and", terms));
        let memory = TaskMemory::unbounded();
        let task = task_of(vec![file.clone()], 500, memory, Box::new(NoHost));
        run(&filter, &task).unwrap()
    };
    // Few rows are left before the other columns are read, or all are.
    let few = rows(vec![long("less_than", 2, 3), long("equal", 3, 7)]);
    assert_eq!(few.active(1), ["text 0", "text 1", "text 2"]);
    assert_eq!(few.active(2), ["0", "1", "2"]);
    assert_eq!(few.active(0), ["NULL"; 3]);
    let all = rows(vec![long("less_than", 2, ROWS), long("equal", 3, 7)]);
    assert_eq!(all.active(3).len(), ROWS as usize);
    assert!(
        rows(vec![long("equal", 3, 8), long("less_than", 2, 3)])
            .batches
            .is_empty()
    );
    assert!(
        rows(vec![long("equal", 0, 1), long("less_than", 2, 3)])
            .batches
            .is_empty()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn agrees_with_a_filter_above(
        terms in prop::collection::vec((0..4usize, 0..ROWS, 0..12i64), 1..5),
        batch_size in prop::sample::select(vec![7usize, 100, 500, 8192]),
        keys in prop::option::of(prop::collection::vec(0..ROWS, 1..40)),
    ) {
        let files = Files::new();
        let file = file(&files);
        let terms: Vec<ExpressionRef> = terms
            .into_iter()
            .map(|(kind, value, few)| match kind {
                0 => key("less_than", value),
                1 => key("greater_than", value),
                2 => text("equal", &format!("text {few}")),
                _ => text("less_than", &format!("text {few}")),
            })
            .collect();
        let predicate = match terms.len() {
            1 => Arc::clone(&terms[0]),
            _ => call("and", terms),
        };
        let [scanned, filtered] = both(&file, &predicate, batch_size, keys.as_deref());
        prop_assert_eq!(scanned, filtered);
    }
}
