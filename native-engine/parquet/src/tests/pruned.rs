//! Pruning by statistics: what may go, and what must stay.

use std::sync::Arc;

use arclight_columns::{Column, SparkType as S};
use arclight_operators::FileSplit;
use arrow_array::*;
use parquet::data_type::*;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;

use super::helpers::*;
use crate::CompareOperator::{self, *};
use crate::{Pruning, PruningTerm};

fn properties(rows: usize) -> WriterProperties {
    WriterProperties::builder()
        .set_max_row_group_row_count(Some(rows))
        .set_statistics_truncate_length(Some(4))
        .build()
}

fn compare(operator: CompareOperator, literal: Column) -> PruningTerm {
    PruningTerm::Compare {
        column: 0,
        operator,
        literal,
    }
}

/// How many row groups the term prunes of a file whose only column is `c`.
fn pruned(file: &FileSplit, data_type: S, term: PruningTerm) -> u64 {
    let schema = schema(&[("c", data_type)]);
    let pruning = Some(Pruning { terms: vec![term] });
    let scanned = scan_with(&schema, options(&schema), pruning, vec![file.clone()], 100).unwrap();
    scanned.pruned()
}

fn long(value: i64) -> Column {
    Column::fixed(S::Long, vec![value], None)
}

fn double(value: f64) -> Column {
    Column::fixed(S::Double, vec![value], None)
}

fn text(value: &str) -> Column {
    let values = arclight_columns::BinaryViewArray::from_iter_values([value.as_bytes()]);
    Column::bytes(S::String, values, None)
}

#[test]
fn integers() {
    let files = Files::new();
    let numbers = Int64Array::from_iter_values(0..30);
    let batch = RecordBatch::try_from_iter([("c", Arc::new(numbers) as ArrayRef)]).unwrap();
    // 0..=9, 10..=19, 20..=29.
    let file = files.arrow("f", &[batch], properties(10));
    let count = |operator, value| pruned(&file, S::Long, compare(operator, long(value)));
    assert_eq!(count(Equal, 10), 2);
    assert_eq!(count(Equal, 30), 3);
    assert_eq!(count(NotEqual, 10), 0);
    assert_eq!(count(Less, 10), 2);
    assert_eq!(count(LessOrEqual, 10), 1);
    assert_eq!(count(Greater, 19), 2);
    assert_eq!(count(GreaterOrEqual, 19), 1);
    let list = |values: &[i64]| PruningTerm::In {
        column: 0,
        literals: values.iter().map(|&v| long(v)).collect(),
    };
    assert_eq!(pruned(&file, S::Long, list(&[5, 25])), 1);
    assert_eq!(pruned(&file, S::Long, list(&[-1])), 3);
    // A literal of another type, or NULL, proves nothing.
    let int = Column::fixed(S::Int, vec![100], None);
    assert_eq!(pruned(&file, S::Long, compare(Equal, int)), 0);
    assert_eq!(
        pruned(&file, S::Long, compare(Equal, Column::nulls(S::Long, 1))),
        0
    );
    assert_eq!(pruned(&file, S::Long, PruningTerm::IsNull { column: 0 }), 3);
    assert_eq!(
        pruned(&file, S::Long, PruningTerm::IsNotNull { column: 0 }),
        0
    );
    // A conjunction.
    let schema = schema(&[("c", S::Long)]);
    let terms = vec![compare(Greater, long(9)), compare(Less, long(20))];
    let pruning = Some(Pruning { terms });
    let scanned = scan_with(&schema, options(&schema), pruning, vec![file], 100).unwrap();
    assert_eq!(scanned.pruned(), 2);
    assert_eq!(scanned.column(0).len(), 10);
}

#[test]
fn constants_groups_and_nulls() {
    let files = Files::new();
    let numbers = Int64Array::from(vec![Some(7), Some(7), None, None, Some(7), None]);
    let batch = RecordBatch::try_from_iter([("c", Arc::new(numbers) as ArrayRef)]).unwrap();
    let file = files.arrow("f", &[batch], properties(2));
    assert_eq!(pruned(&file, S::Long, compare(NotEqual, long(7))), 3);
    assert_eq!(pruned(&file, S::Long, compare(Equal, long(7))), 1);
    assert_eq!(pruned(&file, S::Long, PruningTerm::IsNull { column: 0 }), 1);
    assert_eq!(
        pruned(&file, S::Long, PruningTerm::IsNotNull { column: 0 }),
        1
    );
    // A column that the file lacks is NULL.
    let schema = schema(&[("gone", S::Long)]);
    let run = |term: PruningTerm| {
        let pruning = Some(Pruning { terms: vec![term] });
        let scanned = scan_with(&schema, options(&schema), pruning, vec![file.clone()], 9);
        scanned.unwrap().rows()
    };
    assert_eq!(run(compare(NotEqual, long(7))), 0);
    assert_eq!(run(PruningTerm::IsNotNull { column: 0 }), 0);
    assert_eq!(run(PruningTerm::IsNull { column: 0 }), 6);
}

#[test]
fn doubles_with_nan_and_zeros() {
    let files = Files::new();
    let numbers = Float64Array::from(vec![1.0, f64::NAN, 2.0, 3.0]);
    let batch = RecordBatch::try_from_iter([("c", Arc::new(numbers) as ArrayRef)]).unwrap();
    let file = files.arrow("f", &[batch], properties(2));
    let count = |operator, value| pruned(&file, S::Double, compare(operator, double(value)));
    // NaN is greater than everything and differs from everything else.
    assert_eq!(count(Greater, 5.0), 0);
    assert_eq!(count(GreaterOrEqual, 5.0), 0);
    assert_eq!(count(NotEqual, 1.0), 0);
    assert_eq!(count(Equal, f64::NAN), 0);
    assert_eq!(count(Less, f64::NAN), 0);
    // Below the minimum there is certainly nothing.
    assert_eq!(count(Less, 1.0), 2);
    assert_eq!(count(Equal, 1.5), 2);
    assert_eq!(count(Equal, 2.5), 1);
    let zeros = Float64Array::from(vec![-0.0, -0.0, 0.0, 0.0]);
    let batch = RecordBatch::try_from_iter([("c", Arc::new(zeros) as ArrayRef)]).unwrap();
    let file = files.arrow("z", &[batch], properties(2));
    let count = |operator, value| pruned(&file, S::Double, compare(operator, double(value)));
    for zero in [0.0, -0.0] {
        assert_eq!(count(Equal, zero), 0);
        assert_eq!(count(LessOrEqual, zero), 0);
        assert_eq!(count(GreaterOrEqual, zero), 0);
        assert_eq!(count(Less, zero), 2);
    }
}

#[test]
fn shortened_strings() {
    let files = Files::new();
    let words = StringArray::from(vec!["aaaaaa", "aaaaab", "zzzzzz", "zzzzzz"]);
    let batch = RecordBatch::try_from_iter([("c", Arc::new(words) as ArrayRef)]).unwrap();
    let file = files.arrow("f", &[batch], properties(2));
    let count = |operator, value: &str| pruned(&file, S::String, compare(operator, text(value)));
    assert_eq!(count(Equal, "aaaaaa"), 1);
    assert_eq!(count(Equal, "zzzzzz"), 1);
    assert_eq!(count(Equal, "m"), 2);
    // The second group's values are all equal, but its bounds are not them.
    assert_eq!(count(NotEqual, "zzzzzz"), 0);
    assert_eq!(count(Less, "aaaa"), 2);
    assert_eq!(count(Greater, "zzzzzz"), 1);
    // A shortened upper bound is above the values.
    assert_eq!(count(Greater, "aaaaab"), 0);
}

#[test]
fn bloom_filters() {
    let files = Files::new();
    // Every other number and word, so that bounds alone prove nothing.
    let numbers = Int64Array::from_iter((0..100).map(|n| (n != 6).then_some(2 * n)));
    let words = StringArray::from_iter_values((0..100).map(|n| format!("w{:03}", 2 * n)));
    let batch = RecordBatch::try_from_iter([
        ("n", Arc::new(numbers) as ArrayRef),
        ("w", Arc::new(words) as ArrayRef),
    ])
    .unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(50))
        .set_bloom_filter_enabled(true)
        .set_bloom_filter_fpp(0.0001)
        .build();
    let file = files.arrow("f", &[batch], properties);
    let run = |term: PruningTerm, first: S| {
        let schema = schema(&[("n", first), ("w", S::String)]);
        let pruning = Some(Pruning { terms: vec![term] });
        let scanned = scan_with(&schema, options(&schema), pruning, vec![file.clone()], 100);
        scanned.unwrap()
    };
    for n in 0..99 {
        let scanned = run(compare(Equal, long(n)), S::Long);
        let held = n % 2 == 0 && n != 12;
        assert_eq!(scanned.pruned(), if held { 1 } else { 2 }, "{n}");
        assert_eq!(scanned.column(0).contains(&n.to_string()), held);
    }
    let words = |values: &[&str]| PruningTerm::In {
        column: 1,
        literals: values.iter().map(|v| text(v)).collect(),
    };
    assert_eq!(run(words(&["w001", "w013"]), S::Long).pruned(), 2);
    assert_eq!(run(words(&["w001", "w014"]), S::Long).pruned(), 1);
    assert_eq!(run(words(&["w014", "w198"]), S::Long).pruned(), 0);
    // Other operators, NULL, and converted columns are not the filter's business.
    assert_eq!(run(compare(LessOrEqual, long(13)), S::Long).pruned(), 1);
    assert_eq!(
        run(compare(Equal, Column::nulls(S::Long, 1)), S::Long).pruned(),
        0
    );
    let wide = S::decimal(22, 2);
    let literal = Column::fixed(wide.clone(), vec![1200_i128], None);
    assert_eq!(run(compare(Equal, literal), wide).pruned(), 1);
}

#[test]
fn converted_bounds() {
    let files = Files::new();
    let low_level = |name: &str, declaration: &str, data: Vec<i32>| {
        let message = format!("message m {{ required int32 c{declaration}; }}");
        let properties = WriterProperties::builder().build();
        files.low_level(
            name,
            &message,
            properties,
            vec![values::<Int32Type>(data, None)],
        )
    };
    let plain = low_level("plain", "", vec![10, 20, 300]);
    assert_eq!(pruned(&plain, S::Long, compare(Greater, long(300))), 1);
    assert_eq!(
        pruned(&plain, S::Double, compare(Greater, double(299.5))),
        0
    );
    assert_eq!(
        pruned(&plain, S::Double, compare(Greater, double(300.0))),
        1
    );
    let decimal = |v: i64| Column::fixed(S::decimal(12, 2), vec![v], None);
    assert_eq!(
        pruned(&plain, S::decimal(12, 2), compare(Less, decimal(1000))),
        1
    );
    assert_eq!(
        pruned(&plain, S::decimal(12, 2), compare(Less, decimal(1001))),
        0
    );
    // 300 is cut to 44.
    let byte = |v: i8| Column::fixed(S::Byte, vec![v], None);
    assert_eq!(pruned(&plain, S::Byte, compare(Equal, byte(44))), 0);
    let unsigned = low_level("unsigned", " (INTEGER(32,false))", vec![-1, 1]);
    assert_eq!(pruned(&unsigned, S::Long, compare(Greater, long(5))), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// No row that passes is ever pruned.
    #[test]
    fn nothing_is_lost(
        numbers in prop::collection::vec(prop::option::of(0..6_usize), 1..30),
        group in 1_usize..5,
        literal in 0..6_usize,
        operator in prop::sample::select(vec![Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual]),
    ) {
        // In Spark's order, both zeros equal.
        let hostile = [f64::NEG_INFINITY, -0.0, 0.0, 1.5, f64::INFINITY, f64::NAN];
        let rank = [0, 1, 1, 2, 3, 4];
        let words = ["", "aaaa", "aaaaa", "aaaab", "\u{7f}", "ü"];
        let passes = |ordering: std::cmp::Ordering| match operator {
            Equal => ordering.is_eq(),
            NotEqual => ordering.is_ne(),
            Less => ordering.is_lt(),
            LessOrEqual => ordering.is_le(),
            Greater => ordering.is_gt(),
            GreaterOrEqual => ordering.is_ge(),
        };
        let files = Files::new();
        let doubles: Float64Array = numbers.iter().map(|n| n.map(|n| hostile[n])).collect();
        let texts: StringArray = numbers.iter().map(|n| n.map(|n| words[n])).collect();
        let ids = Int32Array::from_iter_values(0..numbers.len() as i32);
        let batch = RecordBatch::try_from_iter([
            ("d", Arc::new(doubles) as ArrayRef),
            ("s", Arc::new(texts) as ArrayRef),
            ("id", Arc::new(ids) as ArrayRef),
        ]).unwrap();
        let file = files.arrow("f", &[batch], properties(group));
        let of_double = |n: usize| passes(rank[n].cmp(&rank[literal]));
        let of_text = |n: usize| passes(words[n].cmp(words[literal]));
        let terms: [(Column, &dyn Fn(usize) -> bool); 2] =
            [(double(hostile[literal]), &of_double), (text(words[literal]), &of_text)];
        for (column, (literal, passes)) in terms.into_iter().enumerate() {
            let schema = schema(&[("d", S::Double), ("s", S::String), ("id", S::Int)]);
            let term = PruningTerm::Compare { column, operator, literal };
            let pruning = Some(Pruning { terms: vec![term] });
            let scanned = scan_with(&schema, options(&schema), pruning, vec![file.clone()], 7).unwrap();
            let kept = scanned.column(2);
            for (row, number) in numbers.iter().enumerate() {
                if number.is_some_and(passes) {
                    prop_assert!(kept.contains(&row.to_string()), "row {} is lost", row);
                }
            }
        }
    }
}
