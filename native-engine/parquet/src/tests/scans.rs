//! Files, splits, names and damage.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arclight_columns::{Column, SparkType as S};
use arclight_operators::{EngineError, FileSplit, ReadFileError};
use arrow_array::*;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use proptest::prelude::*;

use super::helpers::*;
use crate::ScanOptions;

fn batch(rows: std::ops::Range<i32>) -> RecordBatch {
    let numbers = Int32Array::from_iter_values(rows.clone());
    let words = StringArray::from_iter_values(rows.map(|r| format!("word {}", r % 5)));
    RecordBatch::try_from_iter([
        ("number", Arc::new(numbers) as ArrayRef),
        ("word", Arc::new(words) as ArrayRef),
    ])
    .unwrap()
}

fn groups_of(rows: usize) -> WriterProperties {
    WriterProperties::builder()
        .set_max_row_group_row_count(Some(rows))
        .set_compression(Compression::SNAPPY)
        .build()
}

fn numbers(rows: std::ops::Range<i32>) -> Vec<String> {
    rows.map(|r| r.to_string()).collect()
}

#[test]
fn row_groups_in_order_with_dictionaries_kept() {
    let files = Files::new();
    let file = files.arrow("f", &[batch(0..25)], groups_of(10));
    let schema = schema(&[("word", S::String), ("number", S::Int)]);
    let scanned = scan(&schema, vec![file]).unwrap();
    assert_eq!(scanned.column(1), numbers(0..25));
    let words: Vec<String> = (0..25).map(|r| format!("word {}", r % 5)).collect();
    assert_eq!(scanned.column(0), words);
    let lengths: Vec<usize> = scanned.batches.iter().map(|b| b.len()).collect();
    assert_eq!(lengths, [3, 3, 3, 1, 3, 3, 3, 1, 3, 2]);
    let values = |batch: usize| {
        let (codes, values) = scanned.batches[batch].column(0).as_dictionary().unwrap();
        assert_eq!(codes.len(), scanned.batches[batch].len());
        Arc::clone(values)
    };
    assert!(Arc::ptr_eq(&values(0), &values(3)));
    assert!(!Arc::ptr_eq(&values(3), &values(4)));
    assert_eq!(scanned.metrics.row_groups_read.load(Relaxed), 3);
    assert_eq!(scanned.metrics.files_read.load(Relaxed), 1);
    assert_eq!(scanned.metrics.output_rows.load(Relaxed), 25);
    assert!(scanned.metrics.bytes_read.load(Relaxed) > 0);
}

#[test]
fn dictionary_with_plain_pages_is_read_as_views() {
    let files = Files::new();
    let words = StringArray::from_iter_values((0..200).map(|r| format!("{r:032}")));
    let batch = RecordBatch::try_from_iter([("w", Arc::new(words) as ArrayRef)]).unwrap();
    let properties = WriterProperties::builder()
        .set_dictionary_page_size_limit(1000)
        .set_data_page_row_count_limit(20)
        .set_write_batch_size(10)
        .build();
    let file = files.arrow("f", &[batch], properties);
    let scanned = scan(&schema(&[("w", S::String)]), vec![file]).unwrap();
    assert!(scanned.batches[0].column(0).as_dictionary().is_none());
    let expected: Vec<String> = (0..200).map(|r| format!("{r:032}")).collect();
    assert_eq!(scanned.column(0), expected);
}

#[test]
fn each_row_group_is_in_exactly_one_split() {
    let files = Files::new();
    let file = files.arrow("f", &[batch(0..100)], groups_of(7));
    let schema = schema(&[("number", S::Int)]);
    for parts in [2, 3, 10, 1000] {
        let step = file.length.div_ceil(parts);
        let mut all = Vec::new();
        for part in 0..parts {
            let split = FileSplit {
                start: part * step,
                length: step,
                ..file.clone()
            };
            all.extend(scan(&schema, vec![split]).unwrap().column(0));
        }
        all.sort_by_key(|v| v.parse::<i32>().unwrap());
        assert_eq!(all, numbers(0..100), "{parts} parts");
    }
}

#[test]
fn row_positions_and_constants() {
    let files = Files::new();
    let mut file = files.arrow("f", &[batch(0..5000)], groups_of(800));
    let part = Column::fixed(S::Int, vec![77], None);
    file.constants = vec![part, Column::nulls(S::String, 1)];
    // The second half of the file.
    file.start = file.length / 2;
    let schema = schema(&[
        ("number", S::Int),
        ("_tmp_metadata_row_index", S::Long),
        ("part", S::Int),
        ("name", S::String),
    ]);
    let options = ScanOptions {
        file_columns: 2,
        row_index_column: Some(1),
        ..ScanOptions::default()
    };
    let scanned = scan_with(&schema, options, None, vec![file.clone()], 3).unwrap();
    assert!(scanned.rows() > 0 && scanned.rows() < 5000);
    assert_eq!(scanned.column(0), scanned.column(1));
    assert_eq!(scanned.column(2), vec!["77"; scanned.rows()]);
    assert_eq!(scanned.column(3), vec!["NULL"; scanned.rows()]);
    assert!(scanned.batches[0].column(2).as_constant().is_some());
    // The same with the row index among the constant columns.
    let reordered = super::helpers::schema(&[
        ("number", S::Int),
        ("part", S::Int),
        ("_tmp_metadata_row_index", S::Long),
        ("name", S::String),
    ]);
    let options = ScanOptions {
        file_columns: 1,
        row_index_column: Some(2),
        ..ScanOptions::default()
    };
    let scanned = scan_with(&reordered, options, None, vec![file], 3).unwrap();
    assert_eq!(scanned.column(0), scanned.column(2));
    assert_eq!(scanned.column(3), vec!["NULL"; scanned.rows()]);
}

#[test]
fn no_columns_and_no_rows() {
    let files = Files::new();
    let file = files.arrow("f", &[batch(0..20)], groups_of(8));
    let scanned = scan(&schema(&[]), vec![file]).unwrap();
    assert_eq!(scanned.rows(), 20);
    assert_eq!(scanned.metrics.bytes_read.load(Relaxed), 0);
    let empty = files.arrow("e", &[batch(0..0)], groups_of(8));
    assert_eq!(
        scan(&schema(&[("number", S::Int)]), vec![empty])
            .unwrap()
            .rows(),
        0
    );
    assert_eq!(scan(&schema(&[]), vec![]).unwrap().rows(), 0);
}

#[test]
fn names() {
    let files = Files::new();
    let array = |v: i32| Arc::new(Int32Array::from(vec![v])) as ArrayRef;
    let batch =
        RecordBatch::try_from_iter([("A", array(1)), ("b", array(2)), ("B", array(3))]).unwrap();
    let file = files.arrow("f", &[batch], WriterProperties::builder().build());
    let columns = |names: &[&str], case_sensitive: bool| {
        let fields: Vec<(&str, S)> = names.iter().map(|n| (*n, S::Int)).collect();
        let schema = schema(&fields);
        let options = ScanOptions {
            case_sensitive,
            ..options(&schema)
        };
        let scanned = scan_with(&schema, options, None, vec![file.clone()], 3)?;
        let columns = 0..names.len();
        Ok::<_, EngineError>(
            columns
                .map(|c| scanned.column(c)[0].clone())
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(columns(&["a", "gone"], false).unwrap(), ["1", "NULL"]);
    assert_eq!(
        columns(&["a", "A", "B", "b"], true).unwrap(),
        ["NULL", "1", "3", "2"]
    );
    let error = columns(&["b"], false).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("Found duplicate field(s) \"b\": [b, B]"),
        "{text}"
    );
    // A file without any of the columns still has rows.
    assert_eq!(columns(&["gone"], false).unwrap(), ["NULL"]);
}

#[test]
fn missing_and_damaged_files() {
    let files = Files::new();
    let good = files.arrow("good", &[batch(0..20)], groups_of(8));
    let schema = schema(&[("number", S::Int)]);
    let bytes = std::fs::read(files.path("good")).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(files.path(name), bytes).unwrap();
        whole(&files.path(name))
    };
    let truncated = write("truncated", &bytes[..bytes.len() - 20]);
    let text = write("text", b"this is not Parquet, not at all");
    let tiny = write("tiny", b"PAR1");
    let mut zeros = bytes.clone();
    zeros[4..200].fill(0);
    let zeros = write("zeros", &zeros);
    let gone = whole(&files.path("gone"));
    let scan_all = |file: &FileSplit, corrupt: bool, missing: bool| {
        let options = ScanOptions {
            ignore_corrupt_files: corrupt,
            ignore_missing_files: missing,
            ..options(&schema)
        };
        scan_with(&schema, options, None, vec![file.clone(), good.clone()], 3)
    };
    let kind =
        |file: &FileSplit, corrupt: bool, missing: bool| match scan_all(file, corrupt, missing)
            .map(|s| s.rows())
        {
            Err(EngineError::ReadFile { kind, path, .. }) => {
                assert_eq!(path, file.path);
                kind
            }
            other => panic!("{other:?}"),
        };
    for file in [&truncated, &text, &tiny, &zeros] {
        assert_eq!(kind(file, false, true), ReadFileError::Corrupt);
        let rows = scan_all(file, true, false).unwrap().rows();
        assert_eq!(rows, 20, "{}", file.path);
    }
    let message = |file| {
        scan_all(file, false, false)
            .map(|s| s.rows())
            .unwrap_err()
            .to_string()
    };
    assert!(message(&text).contains("is not a Parquet file. Expected magic number at tail"));
    assert!(message(&tiny).contains("is not a Parquet file (length is too low: 4)"));
    assert_eq!(kind(&gone, true, false), ReadFileError::NotFound);
    assert_eq!(scan_all(&gone, false, true).unwrap().rows(), 20);
}

#[test]
fn a_changed_file_is_not_read_by_its_old_footer() {
    let files = Files::new();
    let schema = schema(&[("number", S::Int)]);
    let file = files.arrow("f", &[batch(0..20)], groups_of(8));
    assert_eq!(scan(&schema, vec![file]).unwrap().rows(), 20);
    let file = files.arrow("f", &[batch(0..31)], groups_of(8));
    assert_eq!(scan(&schema, vec![file]).unwrap().column(0), numbers(0..31));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Any values, nulls, page and group sizes, codecs and versions come back as written.
    #[test]
    fn round_trip(
        longs in prop::collection::vec(prop::option::of(any::<i64>()), 1..200),
        modulus in 1_i64..60,
        group in 1_usize..80,
        page in 1_usize..40,
        batch_size in 1_usize..50,
        dictionary in any::<bool>(),
        second_version in any::<bool>(),
        codec in 0_usize..4,
    ) {
        let files = Files::new();
        let text = |v: &Option<i64>| v.map(|v| "x".repeat((v.unsigned_abs() % 40) as usize) + &v.to_string());
        let small: Vec<Option<i64>> = longs.iter().map(|v| v.map(|v| v % modulus)).collect();
        let texts: Vec<Option<String>> = small.iter().map(text).collect();
        let required: Vec<f64> = longs.iter().map(|v| v.unwrap_or(0) as f64).collect();
        let batch = RecordBatch::try_from_iter([
            ("long", Arc::new(Int64Array::from(longs.clone())) as ArrayRef),
            ("small", Arc::new(Int64Array::from(small.clone())) as ArrayRef),
            ("text", Arc::new(StringArray::from(texts.clone())) as ArrayRef),
            ("double", Arc::new(Float64Array::from(required.clone())) as ArrayRef),
        ]).unwrap();
        let codec = [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::ZSTD(ZstdLevel::default()),
            Compression::LZ4_RAW,
        ][codec];
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(group))
            .set_data_page_row_count_limit(page)
            .set_write_batch_size(page)
            .set_dictionary_enabled(dictionary)
            .set_compression(codec)
            .set_writer_version(if second_version { WriterVersion::PARQUET_2_0 } else { WriterVersion::PARQUET_1_0 })
            .build();
        let file = files.arrow("f", &[batch], properties);
        let schema = schema(&[("long", S::Long), ("small", S::Long), ("text", S::String), ("double", S::Double)]);
        let scanned = scan_with(&schema, options(&schema), None, vec![file], batch_size).unwrap();
        let shown = |v: &Option<i64>| v.map_or("NULL".to_string(), |v| v.to_string());
        prop_assert_eq!(scanned.column(0), longs.iter().map(shown).collect::<Vec<_>>());
        prop_assert_eq!(scanned.column(1), small.iter().map(shown).collect::<Vec<_>>());
        let texts: Vec<String> = texts.into_iter().map(|t| t.unwrap_or("NULL".to_string())).collect();
        prop_assert_eq!(scanned.column(2), texts);
        prop_assert_eq!(scanned.column(3), required.iter().map(|v| format!("{v:?}")).collect::<Vec<_>>());
    }
}
