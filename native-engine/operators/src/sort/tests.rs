use std::sync::Arc;

use arclight_columns::{Batch, Column, Field, NullBuffer, SparkType};
use arclight_memory::MemoryLimits;
use proptest::prelude::*;

use super::*;
use crate::task::TaskSettings;
use crate::testing::{Limited, Memory, collect, column_ref, custom_task};
use crate::window::{RankFunction, WindowGroupLimit};

/// A task with so many bytes of memory.
fn context(batch_size: usize, bytes: u64) -> Arc<TaskContext> {
    let limits = MemoryLimits {
        step: 1,
        refuse_once: false,
    };
    let settings = TaskSettings {
        batch_size,
        ..TaskSettings::default()
    };
    custom_task(settings, Limited::new(bytes), limits, Vec::new())
}

fn longs(values: &[Option<i64>]) -> Column {
    let validity = NullBuffer::from(values.iter().map(Option::is_some).collect::<Vec<_>>());
    let values = values.iter().map(|v| v.unwrap_or(0)).collect::<Vec<_>>();
    Column::fixed(SparkType::Long, values, Some(validity))
}

fn strings(values: &[Vec<u8>]) -> Column {
    let array = arclight_columns::BinaryViewArray::from_iter_values(values.iter());
    Column::bytes(SparkType::String, array, None)
}

fn key(index: usize, data_type: SparkType, ascending: bool, nulls_first: bool) -> SortKey {
    SortKey {
        expression: column_ref(index, data_type),
        ascending,
        nulls_first,
    }
}

fn ordered(column: &Column, ascending: bool, nulls_first: bool) -> Vec<usize> {
    let keys = encode_keys(
        std::slice::from_ref(column),
        &[(ascending, nulls_first)],
        column.len(),
    );
    let keys = keys.unwrap();
    let mut order: Vec<usize> = (0..column.len()).collect();
    order.sort_by(|&a, &b| keys.bytes(a).cmp(&keys.bytes(b)));
    order
}

#[test]
fn floats_order_as_spark_orders_them() {
    let values = vec![
        f64::NAN,
        1.0,
        -0.0,
        f64::NEG_INFINITY,
        0.0,
        f64::INFINITY,
        -f64::NAN,
        -1.0,
    ];
    let column = Column::fixed(SparkType::Double, values, None);
    assert_eq!(ordered(&column, true, true), [3, 7, 2, 4, 1, 5, 0, 6]);
    assert_eq!(ordered(&column, false, true), [0, 6, 5, 1, 2, 4, 7, 3]);
}

#[test]
fn nulls_and_zero_bytes_order_as_spark_orders_them() {
    let column = longs(&[Some(5), None, Some(i64::MIN), Some(-1)]);
    assert_eq!(ordered(&column, true, true), [1, 2, 3, 0]);
    assert_eq!(ordered(&column, false, false), [0, 3, 2, 1]);
    let column = strings(&[
        b"a\0".to_vec(),
        b"a".to_vec(),
        b"".to_vec(),
        b"a\0b".to_vec(),
        b"b".to_vec(),
    ]);
    assert_eq!(ordered(&column, true, true), [2, 1, 0, 3, 4]);
}

#[test]
fn decimals_of_two_widths_compare() {
    let t = SparkType::decimal(20, 0);
    let narrow = Column::fixed(t.clone(), vec![-3i64], None);
    let wide = Column::fixed(t, vec![-4i128], None);
    let [a, b] = [narrow, wide].map(|c| encode_keys(&[c], &[(true, true)], 1).unwrap());
    assert!(a.bytes(0)[..] > b.bytes(0)[..]);
}

#[test]
fn empty_input_gives_nothing() {
    let sort = Sort::new(
        0,
        Memory::typed(vec![SparkType::Long], vec![]),
        vec![key(0, SparkType::Long, true, true)],
    );
    assert!(collect(&sort, &context(3, u64::MAX)).unwrap().is_empty());
}

type Row = (Option<i64>, Vec<u8>, i64);

fn types() -> Vec<SparkType> {
    vec![SparkType::Long, SparkType::String, SparkType::Long]
}

fn batches(rows: &[Row], size: usize) -> Vec<Batch> {
    rows.chunks(size)
        .map(|part| {
            let first = longs(&part.iter().map(|r| r.0).collect::<Vec<_>>());
            let second = strings(&part.iter().map(|r| r.1.clone()).collect::<Vec<_>>());
            let third = longs(&part.iter().map(|r| Some(r.2)).collect::<Vec<_>>());
            Batch::new(vec![first, second, third], part.len())
        })
        .collect()
}

fn sorted_rows(batches: Vec<Batch>, bytes: u64, batch_size: usize) -> Vec<Row> {
    let keys = vec![
        key(0, SparkType::Long, false, true),
        key(1, SparkType::String, true, true),
    ];
    let sort = Sort::new(0, Memory::typed(types(), batches), keys);
    rows_of(&sort, &context(batch_size, bytes))
}

fn rows_of(operator: &dyn Operator, task: &Arc<TaskContext>) -> Vec<Row> {
    let output = collect(operator, task).unwrap();
    assert_eq!(task.memory.reserved(), 0);
    output
        .iter()
        .flat_map(|b| {
            (0..b.len()).map(|r| {
                let first = (!b.column(0).is_null(r)).then(|| b.column(0).fixed_value(r).unwrap());
                (
                    first,
                    b.column(1).bytes_value(r).unwrap().to_vec(),
                    b.column(2).fixed_value(r).unwrap(),
                )
            })
        })
        .collect()
}

/// Enough for all rows of a test, or for a few batches.
fn memory() -> impl Strategy<Value = u64> {
    prop_oneof![Just(u64::MAX), 6_000..20_000u64]
}

#[test]
fn little_memory_makes_runs() {
    let rows: Vec<Row> = (0..200).map(|i| (Some(i % 7), vec![1], i)).collect();
    let spills = |limit: Option<GroupLimit>| {
        let sort = by_group(batches(&rows, 10), false, limit);
        let task = context(4, 6_000);
        rows_of(&sort, &task);
        let metrics = task.operator_metrics(0);
        metrics
            .spill_count
            .load(std::sync::atomic::Ordering::Relaxed)
    };
    assert!(spills(None) > 1);
    let limit = GroupLimit {
        group_keys: 1,
        function: RankFunction::RowNumber,
        limit: 2,
    };
    assert_eq!(spills(Some(limit)), 0);
}

proptest! {
    #[test]
    fn sorts_stably_in_memory_and_spilled(
        rows in prop::collection::vec((prop::option::of(-3i64..3), prop::collection::vec(0u8..3, 0..4)), 0..80),
        size in 1usize..20,
        bytes in memory(),
    ) {
        let numbered: Vec<Row> =
            rows.iter().enumerate().map(|(i, (k, s))| (*k, s.clone(), i as i64)).collect();
        let batches = batches(&numbered, size);
        let mut expected = numbered;
        // Descending with NULL first.
        let rank = |k: &Option<i64>| k.map_or(i64::MIN, |k| -k);
        expected.sort_by(|a, b| rank(&a.0).cmp(&rank(&b.0)).then_with(|| a.1.cmp(&b.1)));
        prop_assert_eq!(sorted_rows(batches, bytes, 3), expected);
    }

    #[test]
    fn a_limit_of_groups_leaves_the_same_rows(
        rows in prop::collection::vec((prop::option::of(-2i64..2), prop::collection::vec(0u8..2, 0..3)), 0..200),
        size in 1usize..20,
        by_string: bool,
        function in prop_oneof![
            Just(RankFunction::RowNumber), Just(RankFunction::Rank), Just(RankFunction::DenseRank)],
        limit in 0u64..6,
        bytes in memory(),
    ) {
        let numbered: Vec<Row> =
            rows.iter().enumerate().map(|(i, (k, s))| (*k, s.clone(), i as i64)).collect();
        let limited = |knows: bool| {
            let known = knows.then_some(GroupLimit { group_keys: 1, function, limit });
            let sort = by_group(batches(&numbered, size), by_string, known);
            let (group, order) = (sort.keys()[0].expression.clone(), sort.keys()[1].expression.clone());
            let limit = WindowGroupLimit::new(
                1, Arc::new(sort), vec![group], vec![order], function, limit);
            rows_of(&limit, &context(1, bytes))
        };
        prop_assert_eq!(limited(true), limited(false));
    }
}

/// A sort in which one of two columns makes the groups, and the other orders their rows.
fn by_group(batches: Vec<Batch>, by_string: bool, limit: Option<GroupLimit>) -> Sort {
    let keys = match by_string {
        false => vec![
            key(0, SparkType::Long, true, true),
            key(1, SparkType::String, false, false),
        ],
        true => vec![
            key(1, SparkType::String, true, true),
            key(0, SparkType::Long, false, false),
        ],
    };
    let sort = Sort::new(0, Memory::typed(types(), batches), keys);
    match limit {
        Some(limit) => sort.below(limit),
        None => sort,
    }
}

#[test]
fn a_limit_of_groups_keeps_few_rows_in_memory() {
    let rows: Vec<Row> = (0..10_000)
        .map(|i| (Some(i * 7919 % 10_007), vec![(i % 3) as u8; 5], i))
        .collect();
    let gathered = |limit: Option<GroupLimit>| {
        let sort = by_group(batches(&rows, 100), true, limit);
        let task = context(100, u64::MAX);
        (rows_of(&sort, &task).len(), task.memory.peak())
    };
    let limit = GroupLimit {
        group_keys: 1,
        function: RankFunction::Rank,
        limit: 10,
    };
    let (all, all_bytes) = gathered(None);
    let (few, few_bytes) = gathered(Some(limit));
    assert_eq!(all, 10_000);
    assert!(few < 1_000, "{few} rows");
    assert!(few_bytes < all_bytes / 8, "{few_bytes} of {all_bytes}");
}

#[test]
fn the_part_of_a_key_that_makes_a_group_is_found() {
    let strings = strings(&[b"a\0b".to_vec(), b"".to_vec(), b"\0".to_vec()]);
    let longs = longs(&[Some(1), None, Some(-1)]);
    let columns = [strings, longs.clone(), longs];
    let keys = encode_keys(&columns, &[(true, true); 3], 3).unwrap();
    let types = [SparkType::String, SparkType::Long];
    for (row, string) in [b"a\0\xffb".len(), 0, 2].into_iter().enumerate() {
        let length = key::group_length(&keys.bytes(row), &types);
        assert_eq!(length, 1 + string + 2 + 9);
        assert_eq!(keys.bytes(row).len(), length + 9);
        assert_eq!(key::group_length(&keys.bytes(row), &[]), 0);
    }
}

#[test]
fn schema_is_the_inputs() {
    let input = Memory::typed(vec![SparkType::Long], vec![]);
    let sort = Sort::new(0, input, vec![]);
    assert_eq!(
        sort.schema().fields[0],
        Field::new("c0", SparkType::Long, true)
    );
}
