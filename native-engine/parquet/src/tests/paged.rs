//! Pages that are left out by the page index, and columns that are read for the rows that are left.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arclight_columns::{Column, Field, SparkType as S};
use arclight_operators::{FileSplit, RuntimeFilter};
use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::*;
use parquet::file::properties::{WriterProperties, WriterVersion};
use proptest::prelude::*;

use super::helpers::*;
use crate::CompareOperator::{self, *};
use crate::{Pruning, PruningTerm, ScanOptions};

fn properties(page_rows: usize, group_rows: usize, version: WriterVersion) -> WriterProperties {
    WriterProperties::builder()
        .set_max_row_group_row_count(Some(group_rows))
        .set_data_page_row_count_limit(page_rows)
        .set_write_batch_size(1)
        .set_writer_version(version)
        .build()
}

/// Columns of every way of reading: ascending numbers, doubles by dictionary, codes, texts without a
/// dictionary of them, lists. Each is NULL at other rows; pages of each end at other rows.
fn batch(numbers: &[i64]) -> RecordBatch {
    let valid = |step: usize| {
        move |(row, number): (usize, &i64)| (row % step != step - 1).then_some(*number)
    };
    let column = |step| numbers.iter().enumerate().map(valid(step));
    let keys: Int64Array = column(11).collect();
    let doubles: Float64Array = column(7).map(|n| n.map(|n| (n % 5) as f64)).collect();
    let codes: StringArray = column(5)
        .map(|n| n.map(|n| format!("code {}", n % 3)))
        .collect();
    let texts: StringArray = column(3)
        .map(|n| n.map(|n| format!("{n} {}", n * n)))
        .collect();
    let mut lists = ListBuilder::new(Int64Builder::new());
    for number in numbers {
        (0..number % 4).for_each(|n| lists.values().append_value(n));
        lists.append(number % 9 != 0);
    }
    let exact = Int32Array::from_iter_values(0..numbers.len() as i32);
    RecordBatch::try_from_iter_with_nullable([
        ("k", Arc::new(keys) as ArrayRef, true),
        ("d", Arc::new(doubles) as ArrayRef, true),
        ("c", Arc::new(codes) as ArrayRef, true),
        ("t", Arc::new(texts) as ArrayRef, true),
        ("l", Arc::new(lists.finish()) as ArrayRef, true),
        ("row", Arc::new(exact) as ArrayRef, false),
    ])
    .unwrap()
}

fn columns() -> arclight_columns::Schema {
    schema(&[
        ("k", S::Long),
        ("d", S::Double),
        ("c", S::String),
        ("t", S::String),
        ("l", S::Array(Field::new("item", S::Long, true).into())),
        ("row", S::Int),
        ("index", S::Long),
    ])
}

/// All columns from the files but the last, which is the row's position in its file.
fn settings() -> ScanOptions {
    ScanOptions {
        file_columns: 6,
        row_index_column: Some(6),
        ..ScanOptions::default()
    }
}

fn term(operator: CompareOperator, literal: i64) -> Pruning {
    let literal = Column::fixed(S::Long, vec![literal], None);
    let terms = vec![PruningTerm::Compare {
        column: 0,
        operator,
        literal,
    }];
    Pruning { terms }
}

fn rows(scanned: &Scanned) -> Vec<Vec<String>> {
    let columns: Vec<_> = (0..7).map(|column| scanned.active(column)).collect();
    (0..columns[0].len())
        .map(|row| columns.iter().map(|c| c[row].clone()).collect())
        .collect()
}

fn pruned_rows(scanned: &Scanned) -> u64 {
    scanned.metrics.pruned_rows.load(Relaxed)
}

#[test]
fn pages_that_cannot_pass_are_not_read() {
    let files = Files::new();
    let numbers: Vec<i64> = (0..1000).collect();
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        let file = files.arrow("f", &[batch(&numbers)], properties(10, 500, version));
        let scan = |options: ScanOptions, pruning| {
            scan_with(&columns(), options, pruning, vec![file.clone()], 64).unwrap()
        };
        let all = scan(settings(), None);
        let some = scan(settings(), Some(term(Less, 25)));
        assert_eq!(
            (some.rows(), some.pruned(), pruned_rows(&some)),
            (30, 1, 470)
        );
        assert_eq!(rows(&some), rows(&all)[..30]);
        assert!(some.metrics.bytes_read.load(Relaxed) * 2 < all.metrics.bytes_read.load(Relaxed));
        let last = scan(settings(), Some(term(GreaterOrEqual, 730)));
        assert_eq!(rows(&last), rows(&all)[730..]);
        let none = scan(settings(), Some(term(Equal, -1)));
        assert_eq!((none.rows(), none.pruned()), (0, 2));
        // Off, wholly or in part.
        let options = ScanOptions {
            ignore_page_index: true,
            ..settings()
        };
        let groups = scan(options, Some(term(Less, 25)));
        assert_eq!((groups.rows(), groups.pruned()), (500, 1));
        let options = ScanOptions {
            ignore_statistics: true,
            ..settings()
        };
        assert_eq!(rows(&scan(options, Some(term(Less, 25)))), rows(&all));
    }
}

#[test]
fn pages_of_nulls() {
    let files = Files::new();
    let numbers: Int64Array = (0..40).map(|n| (n / 10 != 2).then_some(n)).collect();
    let batch = RecordBatch::try_from_iter([("k", Arc::new(numbers) as ArrayRef)]).unwrap();
    let file = files.arrow(
        "f",
        &[batch],
        properties(10, 40, WriterVersion::PARQUET_1_0),
    );
    let schema = schema(&[("k", S::Long)]);
    let run = |term: PruningTerm| {
        let pruning = Some(Pruning { terms: vec![term] });
        let scanned =
            scan_with(&schema, options(&schema), pruning, vec![file.clone()], 64).unwrap();
        scanned.column(0)
    };
    assert_eq!(run(PruningTerm::IsNull { column: 0 }), vec!["NULL"; 10]);
    assert_eq!(run(PruningTerm::IsNotNull { column: 0 }).len(), 30);
}

#[test]
fn keys_of_a_join_leave_out_pages_and_columns() {
    let files = Files::new();
    let numbers: Vec<i64> = (0..1000).collect();
    let file = files.arrow(
        "f",
        &[batch(&numbers)],
        properties(10, 1000, WriterVersion::PARQUET_1_0),
    );
    let scan = |keys: &[i64], batch_size: usize| {
        let keys = Column::fixed(S::Long, keys.to_vec(), None);
        let filter = RuntimeFilter::of(&keys).unwrap().unwrap();
        let files = vec![file.clone()];
        scan_filtered(&columns(), settings(), files, batch_size, vec![(0, filter)]).unwrap()
    };
    for batch_size in [3, 100, 1000] {
        // 5 rows; 10 is NULL, and below the bounds of its page.
        let scanned = scan(&[3, 10, 500, 777, 998], batch_size);
        assert_eq!(scanned.active(5), ["3", "500", "777", "998"]);
        assert_eq!(scanned.active(6), ["3", "500", "777", "998"]);
        assert_eq!(scanned.active(3), ["3 9", "NULL", "777 603729", "NULL"]);
        assert_eq!(scanned.active(2)[..2], ["code 0", "code 2"]);
        assert_eq!(pruned_rows(&scanned), 960);
        assert_eq!(scanned.metrics.filtered_rows.load(Relaxed), 36);
    }
    // Few rows of many in one page after the other: only these are decoded of most columns.
    let all: Vec<i64> = (0..1000).filter(|n| n % 110 == 42).collect();
    let scanned = scan(&all, 1000);
    assert_eq!(
        scanned.active(5),
        all.iter().map(i64::to_string).collect::<Vec<_>>()
    );
}

#[test]
fn a_damaged_page_index_is_none() {
    let files = Files::new();
    let numbers: Vec<i64> = (0..1000).collect();
    let file = files.arrow(
        "f",
        &[batch(&numbers)],
        properties(10, 500, WriterVersion::PARQUET_1_0),
    );
    let bytes = std::fs::read(&file.path).unwrap();
    // Between the last page and the footer.
    let footer = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap());
    let end = bytes.len() - 8 - footer as usize;
    let scan = |file: FileSplit| {
        scan_with(&columns(), settings(), Some(term(Less, 25)), vec![file], 64).map(|s| s.rows())
    };
    assert_eq!(scan(file.clone()).unwrap(), 30);
    for (count, start) in (end - 4000..end).step_by(7).enumerate() {
        let mut damaged = bytes.clone();
        damaged[start..start + 3].fill([0xff, 0x00, 0x80][count % 3]);
        // A name of its own: footers are remembered.
        let path = files.path(&format!("damaged {count}"));
        std::fs::write(&path, damaged).unwrap();
        // There may be an error, or, where a bound is another one now, fewer rows; never a crash, and
        // never rows of a row group that its own statistics leave out.
        if let Ok(rows) = scan(whole(&path)) {
            assert!(rows <= 500, "{rows}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    /// Any pages, terms and keys: what passes comes whole, in order, with every column its own.
    #[test]
    fn nothing_is_lost_or_mixed_up(
        numbers in prop::collection::vec(0..60_i64, 1..300),
        sorted in any::<bool>(),
        page_rows in 1_usize..40,
        group_rows in 20_usize..200,
        batch_size in 1_usize..130,
        literal in 0..60_i64,
        operator in prop::sample::select(vec![Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual]),
        second in any::<bool>(),
        keys in prop::option::of(prop::collection::vec(0..60_i64, 1..4)),
    ) {
        let mut numbers = numbers;
        if sorted {
            numbers.sort_unstable();
        }
        let version = if second { WriterVersion::PARQUET_2_0 } else { WriterVersion::PARQUET_1_0 };
        let files = Files::new();
        let file = files.arrow("f", &[batch(&numbers)], properties(page_rows, group_rows, version));
        let all = scan_with(&columns(), settings(), None, vec![file.clone()], 64).unwrap();
        let all = rows(&all);
        let (scanned, passes): (_, Box<dyn Fn(i64) -> bool>) = match keys {
            Some(keys) => {
                let column = Column::fixed(S::Long, keys.clone(), None);
                let filter = RuntimeFilter::of(&column).unwrap().unwrap();
                let files = vec![file];
                let scanned =
                    scan_filtered(&columns(), settings(), files, batch_size, vec![(0, filter)]);
                (scanned.unwrap(), Box::new(move |n| keys.contains(&n)))
            }
            None => {
                let pruning = Some(term(operator, literal));
                let scanned = scan_with(&columns(), settings(), pruning, vec![file], batch_size);
                let passes = move |n: i64| match operator {
                    Equal => n == literal,
                    NotEqual => n != literal,
                    Less => n < literal,
                    LessOrEqual => n <= literal,
                    Greater => n > literal,
                    GreaterOrEqual => n >= literal,
                };
                (scanned.unwrap(), Box::new(passes))
            }
        };
        let found = rows(&scanned);
        // Each row is one of the file's, and they are in its order.
        let mut before = None;
        for row in &found {
            let position: usize = row[6].parse().unwrap();
            prop_assert_eq!(row, &all[position]);
            prop_assert!(before < Some(position));
            before = Some(position);
        }
        let positions: Vec<&String> = found.iter().map(|row| &row[6]).collect();
        for row in &all {
            if row[0].parse().is_ok_and(&passes) {
                prop_assert!(positions.contains(&&row[6]), "row {:?} is lost", row);
            }
        }
    }
}
