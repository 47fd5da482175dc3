//! Runtime filters of joins above the scan.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arclight_columns::{Column, SparkType as S};
use arclight_operators::{FileSplit, RuntimeFilter};
use arrow_array::*;
use parquet::file::properties::WriterProperties;

use super::helpers::*;

/// A hundred rows in row groups of ten: `k` counts from 0 and is NULL at every seventh, `v` is a
/// text of it.
fn file(files: &Files) -> FileSplit {
    let key = |row: i64| (row % 7 != 6).then_some(row);
    let keys = Int64Array::from_iter((0..100).map(key));
    let texts = StringArray::from_iter_values((0..100).map(|row| format!("row {}", row % 50)));
    let batch = RecordBatch::try_from_iter([
        ("k", Arc::new(keys) as ArrayRef),
        ("v", Arc::new(texts) as ArrayRef),
    ]);
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(10))
        .build();
    files.arrow("f", &[batch.unwrap()], properties)
}

fn filter(keys: &[i64]) -> RuntimeFilter {
    let keys = Column::fixed(S::Long, keys.to_vec(), None);
    RuntimeFilter::of(&keys).unwrap().unwrap()
}

#[test]
fn leaves_out_row_groups_and_rows() {
    let files = Files::new();
    let file = file(&files);
    let schema = schema(&[("v", S::String), ("k", S::Long)]);
    let scan = |keys: &[i64]| {
        let filters = vec![(1, filter(keys))];
        scan_filtered(&schema, options(&schema), vec![file.clone()], 4, filters).unwrap()
    };
    // Those between the smallest and the largest are told apart too; 13 is NULL.
    let scanned = scan(&[1, 13, 88, 89, 3000]);
    assert_eq!(scanned.active(1), ["1", "88", "89"]);
    assert_eq!(scanned.active(0), ["row 1", "row 38", "row 39"]);
    assert_eq!(scanned.pruned(), 7);
    assert_eq!(scanned.metrics.filtered_rows.load(Relaxed), 27);
    assert_eq!(scanned.metrics.output_rows.load(Relaxed), 3);
    let scanned = scan(&[-5, 1000]);
    assert_eq!((scanned.batches.len(), scanned.pruned()), (0, 10));
}

#[test]
fn all_filters_of_a_scan_hold() {
    let files = Files::new();
    let file = file(&files);
    let schema = schema(&[("k", S::Long)]);
    let filters = vec![(0, filter(&[1, 2, 3])), (0, filter(&[2, 3, 4]))];
    let scanned = scan_filtered(&schema, options(&schema), vec![file], 100, filters).unwrap();
    assert_eq!(scanned.active(0), ["2", "3"]);
}

#[test]
fn constants_and_missing_columns_are_filtered() {
    let files = Files::new();
    let mut file = file(&files);
    file.constants = vec![Column::fixed(S::Long, vec![7i64], None)];
    let schema = schema(&[("k", S::Long), ("missing", S::Long), ("p", S::Long)]);
    let mut options = options(&schema);
    options.file_columns = 2;
    let rows = |column: usize, key: i64| {
        let filters = vec![(column, filter(&[key]))];
        let files = vec![file.clone()];
        let scanned = scan_filtered(&schema, options.clone(), files, 100, filters).unwrap();
        scanned.active(0).len()
    };
    assert_eq!(rows(2, 7), 100);
    assert_eq!(rows(2, 8), 0);
    assert_eq!(rows(1, 7), 0);
}

#[test]
fn filters_of_another_type_do_nothing() {
    let files = Files::new();
    let file = file(&files);
    let schema = schema(&[("k", S::Long)]);
    let ints = Column::fixed(S::Int, vec![1i32], None);
    let filters = vec![(0, RuntimeFilter::of(&ints).unwrap().unwrap())];
    let scanned = scan_filtered(&schema, options(&schema), vec![file], 100, filters).unwrap();
    assert_eq!((scanned.rows(), scanned.pruned()), (100, 0));
}
