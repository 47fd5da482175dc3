use std::sync::Arc;

use arclight_columns::{Batch, Column, Field, NullBuffer, SparkType};
use arclight_memory::{MemoryLimits, SpillDirectories, TaskMemory, UnboundedMemory};
use proptest::prelude::*;

use super::*;
use crate::host::NoHost;
use crate::task::TaskSettings;
use crate::testing::{Memory, collect, column_ref};

fn context(batch_size: usize, refuse_once: bool) -> Arc<TaskContext> {
    let limits = MemoryLimits {
        step: 1,
        refuse_once,
    };
    TaskContext::new(
        TaskSettings {
            batch_size,
            ..TaskSettings::default()
        },
        TaskMemory::new(Arc::new(UnboundedMemory), limits),
        SpillDirectories::new(Vec::new()),
        0,
        Vec::new(),
        1,
        Box::new(NoHost),
    )
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
    assert!(collect(&sort, &context(3, false)).unwrap().is_empty());
}

type Row = (Option<i64>, Vec<u8>, i64);

fn sorted_rows(batches: Vec<Batch>, spill: bool, batch_size: usize) -> Vec<Row> {
    let task = context(batch_size, spill);
    let keys = vec![
        key(0, SparkType::Long, false, true),
        key(1, SparkType::String, true, true),
    ];
    let types = vec![SparkType::Long, SparkType::String, SparkType::Long];
    let sort = Sort::new(0, Memory::typed(types, batches), keys);
    let output = collect(&sort, &task).unwrap();
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

proptest! {
    #[test]
    fn sorts_stably_in_memory_and_spilled(
        rows in prop::collection::vec((prop::option::of(-3i64..3), prop::collection::vec(0u8..3, 0..4)), 0..80),
        size in 1usize..20,
        spill: bool,
    ) {
        let numbered: Vec<Row> =
            rows.iter().enumerate().map(|(i, (k, s))| (*k, s.clone(), i as i64)).collect();
        let batches = numbered
            .chunks(size)
            .map(|part| {
                let first = longs(&part.iter().map(|r| r.0).collect::<Vec<_>>());
                let second = strings(&part.iter().map(|r| r.1.clone()).collect::<Vec<_>>());
                let third = longs(&part.iter().map(|r| Some(r.2)).collect::<Vec<_>>());
                Batch::new(vec![first, second, third], part.len())
            })
            .collect();
        let mut expected = numbered;
        // Descending with NULL first.
        let rank = |k: &Option<i64>| k.map_or(i64::MIN, |k| -k);
        expected.sort_by(|a, b| rank(&a.0).cmp(&rank(&b.0)).then_with(|| a.1.cmp(&b.1)));
        prop_assert_eq!(sorted_rows(batches, spill, 3), expected);
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
