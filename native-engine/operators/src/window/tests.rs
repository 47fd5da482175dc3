use std::sync::Arc;

use arclight_columns::{Batch, Column, Selection, SparkType};
use arclight_expressions::EvalMode;
use arclight_expressions::aggregates::{AggregateCall, build_aggregate};
use arclight_memory::{MemoryLimits, MemorySource, UnboundedMemory};
use proptest::prelude::*;

use super::*;
use crate::aggregate::Phase;
use crate::task::TaskSettings;
use crate::testing::{Limited, Memory, collect, column_ref, custom_task, ints, longs, rows, task};

type Row = (Option<i32>, Option<i32>, Option<i64>);

fn measure(name: &str, argument: usize, output: SparkType) -> Measure {
    let call = AggregateCall {
        name: name.to_string(),
        argument_types: vec![SparkType::Long],
        output,
        mode: EvalMode::Legacy,
        ignore_nulls: false,
    };
    Measure {
        function: build_aggregate(&call).unwrap(),
        phase: Phase::Complete,
        arguments: vec![column_ref(argument, SparkType::Long)],
        filter: None,
        update_fallback: None,
        evaluate_fallback: None,
    }
}

fn sum(frame: Frame) -> WindowFunction {
    WindowFunction::Aggregate {
        measure: measure("sum", 2, SparkType::Long),
        frame,
    }
}

fn frame(unit: FrameUnit, lower: Bound, upper: Bound) -> Frame {
    Frame { unit, lower, upper }
}

const UNBOUNDED: Bound = Bound::Unbounded;
const CURRENT: Bound = Bound::Offset(0);

fn whole() -> Frame {
    frame(FrameUnit::Rows, UNBOUNDED, UNBOUNDED)
}

fn running(unit: FrameUnit) -> Frame {
    frame(unit, UNBOUNDED, CURRENT)
}

fn offset(offset: i64, default: bool, ignore_nulls: bool) -> WindowFunction {
    WindowFunction::Offset {
        input: column_ref(2, SparkType::Long),
        offset,
        default: default.then(|| column_ref(2, SparkType::Long)),
        ignore_nulls,
    }
}

fn nth(n: u64, ignore_nulls: bool, frame: Frame) -> WindowFunction {
    WindowFunction::NthValue {
        input: column_ref(2, SparkType::Long),
        n,
        ignore_nulls,
        frame,
    }
}

/// Batches of `size` rows: a key, an order and a value.
fn batches(rows: &[Row], size: usize) -> Vec<Batch> {
    rows.chunks(size)
        .map(|rows| {
            let columns = vec![
                ints(&rows.iter().map(|r| r.0).collect::<Vec<_>>()),
                ints(&rows.iter().map(|r| r.1).collect::<Vec<_>>()),
                longs(&rows.iter().map(|r| r.2).collect::<Vec<_>>()),
            ];
            Batch::new(columns, rows.len())
        })
        .collect()
}

fn window(input: Vec<Batch>, functions: Vec<WindowFunction>) -> Window {
    let types = vec![SparkType::Int, SparkType::Int, SparkType::Long];
    Window::new(
        0,
        Memory::typed(types, input),
        vec![column_ref(0, SparkType::Int)],
        vec![column_ref(1, SparkType::Int)],
        functions,
    )
}

/// What a function's column shows.
fn column(input: &[Row], size: usize, function: WindowFunction) -> Vec<String> {
    let window = window(batches(input, size), vec![function]);
    let output = collect(&window, &task(8)).unwrap();
    let last = |row: String| row.rsplit(',').next().unwrap_or_default().to_string();
    rows(&output).into_iter().map(last).collect()
}

const SAMPLE: [Row; 7] = [
    (None, Some(1), Some(10)),
    (None, Some(1), None),
    (Some(1), Some(1), Some(1)),
    (Some(1), Some(2), Some(2)),
    (Some(1), Some(2), None),
    (Some(1), Some(3), Some(4)),
    (Some(2), None, Some(7)),
];

#[test]
fn computes_each_function() {
    use FrameUnit::{Range, Rows};
    let cases = [
        (WindowFunction::RowNumber, "1 2 1 2 3 4 1"),
        (WindowFunction::Rank, "1 1 1 2 2 4 1"),
        (WindowFunction::DenseRank, "1 1 1 2 2 3 1"),
        (WindowFunction::NTile(3), "1 2 1 1 2 3 1"),
        (WindowFunction::CumeDist, "1.0 1.0 0.25 0.75 0.75 1.0 1.0"),
        (sum(whole()), "10 10 7 7 7 7 7"),
        (sum(running(Rows)), "10 10 1 3 3 7 7"),
        (sum(running(Range)), "10 10 1 3 3 7 7"),
        (
            sum(frame(Rows, Bound::Offset(-1), Bound::Offset(1))),
            "10 10 3 3 6 4 7",
        ),
        (
            sum(frame(Rows, UNBOUNDED, Bound::Offset(-2))),
            "NULL NULL NULL NULL 1 3 NULL",
        ),
        (sum(frame(Range, CURRENT, UNBOUNDED)), "10 10 7 6 6 4 7"),
        (sum(frame(Range, CURRENT, CURRENT)), "10 10 1 2 2 4 7"),
        (offset(1, false, false), "NULL NULL 2 NULL 4 NULL NULL"),
        (offset(-1, true, false), "10 10 1 1 2 NULL 7"),
        (offset(1, false, true), "NULL NULL 2 4 4 NULL NULL"),
        (offset(-2, false, true), "NULL NULL NULL NULL 1 1 NULL"),
        (nth(2, false, whole()), "NULL NULL 2 2 2 2 NULL"),
        (nth(3, true, whole()), "NULL NULL 4 4 4 4 NULL"),
        (nth(2, false, running(Rows)), "NULL NULL NULL 2 2 2 NULL"),
        (
            nth(1, true, frame(Rows, Bound::Offset(1), Bound::Offset(2))),
            "NULL NULL 2 4 4 NULL NULL",
        ),
    ];
    for size in [1, 2, 3, 100] {
        for (function, expected) in &cases {
            let found = column(&SAMPLE, size, function.clone()).join(" ");
            assert_eq!(&found, expected, "{function:?} of batches of {size}");
        }
    }
}

#[test]
fn running_functions_give_a_batch_as_soon_as_it_came() {
    let rows = [(Some(1), Some(1), Some(1)); 9];
    let functions = vec![WindowFunction::Rank, sum(running(FrameUnit::Rows))];
    let input = Memory::of(batches(&rows, 3));
    let window = Window::new(
        0,
        input.clone(),
        vec![column_ref(0, SparkType::Int)],
        vec![column_ref(1, SparkType::Int)],
        functions,
    );
    let mut stream = window.open(&task(8)).unwrap();
    for pulled in 1..=3 {
        assert_eq!(stream.next_batch().unwrap().unwrap().len(), 3);
        assert_eq!(input.pulled(), pulled);
    }
    assert!(stream.next_batch().unwrap().is_none());
}

#[test]
fn empty_batches_and_inactive_rows_do_not_count() {
    let all = batches(&SAMPLE, 7).remove(0);
    let none = all.select(Selection::from_rows(7, Vec::new()));
    let some = all.select(Selection::from_rows(7, vec![0, 3, 5, 6]));
    let window = |input| window(input, vec![WindowFunction::RowNumber, sum(whole())]);
    let input = vec![none.clone(), some, none.clone()];
    let found = rows(&collect(&window(input), &task(8)).unwrap());
    assert_eq!(
        found,
        ["NULL,1,10,1,10", "1,2,2,1,6", "1,3,4,2,6", "2,NULL,7,1,7"]
    );
    assert!(rows(&collect(&window(vec![none]), &task(8)).unwrap()).is_empty());
    assert!(rows(&collect(&window(Vec::new()), &task(8)).unwrap()).is_empty());
}

#[test]
fn without_keys_all_rows_are_one_partition() {
    let input = Memory::of(batches(&SAMPLE, 2));
    let functions = vec![WindowFunction::Rank, sum(running(FrameUnit::Range))];
    let window = Window::new(0, input, Vec::new(), Vec::new(), functions);
    let found = rows(&collect(&window, &task(8)).unwrap());
    assert!(found.iter().all(|row| row.ends_with(",1,24")), "{found:?}");
}

fn every_function() -> Vec<WindowFunction> {
    use FrameUnit::{Range, Rows};
    vec![
        WindowFunction::RowNumber,
        WindowFunction::Rank,
        WindowFunction::DenseRank,
        WindowFunction::PercentRank,
        WindowFunction::CumeDist,
        WindowFunction::NTile(4),
        offset(2, true, false),
        offset(-3, false, true),
        offset(40, false, true),
        nth(3, true, whole()),
        nth(2, false, running(Range)),
        sum(whole()),
        sum(running(Rows)),
        sum(running(Range)),
        sum(frame(Rows, UNBOUNDED, Bound::Offset(3))),
        sum(frame(Rows, UNBOUNDED, Bound::Offset(-3))),
        sum(frame(Rows, Bound::Offset(-3), Bound::Offset(5))),
        sum(frame(Rows, Bound::Offset(2), UNBOUNDED)),
        sum(frame(Range, CURRENT, UNBOUNDED)),
        sum(frame(Range, CURRENT, CURRENT)),
    ]
}

fn limited(source: Arc<dyn MemorySource>, refuse_once: bool) -> Arc<crate::task::TaskContext> {
    let settings = TaskSettings {
        batch_size: 8,
        equal_hashes: false,
    };
    let limits = MemoryLimits {
        step: 1,
        refuse_once,
    };
    custom_task(settings, source, limits, Vec::new())
}

#[test]
fn a_partition_larger_than_memory_goes_through_the_disk() {
    let rows: Vec<Row> = (0..3000)
        .map(|i| {
            let key = if i < 2500 { 1 } else { i };
            let value = (i % 3 > 0).then_some(i64::from(i));
            (Some(key), Some(i / 7), value)
        })
        .collect();
    let window = || window(batches(&rows, 64), every_function());
    let expected = self::rows(&collect(&window(), &task(8)).unwrap());
    assert_eq!(expected.len(), rows.len());
    let tight = limited(Limited::new(4096), false);
    assert_eq!(self::rows(&collect(&window(), &tight).unwrap()), expected);
    let metrics = tight.operator_metrics(0);
    let spilled = metrics
        .spilled_bytes
        .load(std::sync::atomic::Ordering::Relaxed);
    assert!(spilled > 0);
    drop(metrics);
    assert_eq!(tight.memory.reserved(), 0);
    let refused = limited(Arc::new(UnboundedMemory), true);
    assert_eq!(self::rows(&collect(&window(), &refused).unwrap()), expected);
}

#[test]
fn what_is_in_memory_is_spilled_on_request() {
    let rows: Vec<Row> = (0..100)
        .map(|i| (Some(i / 50), Some(i), Some(i64::from(i))))
        .collect();
    let window = || window(batches(&rows, 10), every_function());
    let expected = self::rows(&collect(&window(), &task(8)).unwrap());
    let task = limited(Arc::new(UnboundedMemory), false);
    let mut stream = window().open(&task).unwrap();
    let mut found = Vec::new();
    while let Some(batch) = stream.next_batch().unwrap() {
        found.push(batch);
        task.memory.spill(u64::MAX);
    }
    assert_eq!(self::rows(&found), expected);
}

/// The rows of a frame, as Spark's bounds choose them.
fn in_frame(rows: &[Row], i: usize, frame: Frame) -> Vec<usize> {
    let peers = |j: usize| rows[j].1 == rows[i].1;
    let same: Vec<usize> = (0..rows.len())
        .filter(|&j| rows[j].0 == rows[i].0)
        .collect();
    same.into_iter()
        .filter(|&j| {
            let distance = j as i64 - i as i64;
            let from = match frame.lower {
                Bound::Unbounded => true,
                Bound::Offset(0) if frame.unit == FrameUnit::Range => j > i || peers(j),
                Bound::Offset(offset) => distance >= offset,
            };
            let to = match frame.upper {
                Bound::Unbounded => true,
                Bound::Offset(0) if frame.unit == FrameUnit::Range => j < i || peers(j),
                Bound::Offset(offset) => distance <= offset,
            };
            from && to
        })
        .collect()
}

fn oracle(rows: &[Row], i: usize, function: &WindowFunction) -> String {
    let show = |value: Option<i64>| value.map_or("NULL".to_string(), |v| v.to_string());
    let partition = in_frame(rows, i, whole());
    match function {
        WindowFunction::Offset {
            offset,
            default,
            ignore_nulls,
            ..
        } => {
            let mut others: Vec<usize> = partition
                .into_iter()
                .filter(|&j| if *offset > 0 { j > i } else { j < i })
                .filter(|&j| !ignore_nulls || rows[j].2.is_some())
                .collect();
            if *offset < 0 {
                others.reverse();
            }
            let nth = others.get(offset.unsigned_abs() as usize - 1);
            let default = default.as_ref().and(rows[i].2);
            show(nth.map_or(default, |&j| rows[j].2))
        }
        WindowFunction::NthValue {
            n,
            ignore_nulls,
            frame,
            ..
        } => {
            let rows_of = in_frame(rows, i, *frame).into_iter();
            let mut counted = rows_of.filter(|&j| !ignore_nulls || rows[j].2.is_some());
            show(counted.nth(*n as usize - 1).and_then(|j| rows[j].2))
        }
        WindowFunction::Aggregate { frame, .. } => {
            let values = in_frame(rows, i, *frame).into_iter();
            let values: Vec<i64> = values.filter_map(|j| rows[j].2).collect();
            show((!values.is_empty()).then(|| values.iter().sum()))
        }
        WindowFunction::RowNumber => (1 + i - partition[0]).to_string(),
        WindowFunction::NTile(n) => {
            let (count, n) = (partition.len(), *n as usize);
            let sizes = (0..n).map(|t| count / n + usize::from(t < count % n));
            let tiles: Vec<usize> = sizes
                .enumerate()
                .flat_map(|(tile, size)| vec![tile + 1; size])
                .collect();
            tiles[i - partition[0]].to_string()
        }
        ranking => {
            let before = |j: &usize| *j < i && rows[*j].1 != rows[i].1;
            let rank = partition.iter().copied().filter(|j| before(j)).count();
            let last = in_frame(rows, i, running(FrameUnit::Range)).len();
            match ranking {
                WindowFunction::Rank => (rank + 1).to_string(),
                WindowFunction::DenseRank => {
                    let mut orders: Vec<_> = partition.iter().filter(|j| before(j)).collect();
                    orders.dedup_by_key(|j| rows[**j].1);
                    (orders.len() + 1).to_string()
                }
                WindowFunction::CumeDist => format!("{:?}", last as f64 / partition.len() as f64),
                _ if partition.len() == 1 => "0.0".to_string(),
                _ => format!("{:?}", rank as f64 / (partition.len() - 1) as f64),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn agrees_with_an_oracle(
        mut rows in proptest::collection::vec(
            (proptest::option::of(0..4i32), proptest::option::of(0..4i32), proptest::option::of(-9..9i64)),
            0..60,
        ),
        size in 1..9usize,
        bytes in prop_oneof![Just(0u64), 200..2000u64, Just(u64::MAX)],
    ) {
        rows.sort_by_key(|row| (row.0, row.1));
        let functions = every_function();
        let window = window(batches(&rows, size), functions.clone());
        let task = limited(Limited::new(bytes), false);
        let found = self::rows(&collect(&window, &task).unwrap());
        prop_assert_eq!(found.len(), rows.len());
        for (i, row) in found.iter().enumerate() {
            let values: Vec<&str> = row.split(',').skip(3).collect();
            for (value, function) in values.iter().zip(&functions) {
                prop_assert_eq!(*value, oracle(&rows, i, function), "{:?} of row {}", function, i);
            }
        }
    }

    #[test]
    fn running_sums_of_floats_add_in_row_order(
        values in proptest::collection::vec(-1e9..1e9f64, 1..50),
        size in 1..9usize,
    ) {
        let sum = |frame| {
            let call = AggregateCall {
                name: "sum".to_string(),
                argument_types: vec![SparkType::Double],
                output: SparkType::Double,
                mode: EvalMode::Legacy,
                ignore_nulls: false,
            };
            let measure = Measure {
                function: build_aggregate(&call).unwrap(),
                phase: Phase::Complete,
                arguments: vec![column_ref(0, SparkType::Double)],
                filter: None,
                update_fallback: None,
                evaluate_fallback: None,
            };
            WindowFunction::Aggregate { measure, frame }
        };
        let batches = values
            .chunks(size)
            .map(|v| Batch::new(vec![Column::fixed(SparkType::Double, v.to_vec(), None)], v.len()))
            .collect();
        let sliding = frame(FrameUnit::Rows, Bound::Offset(-3), Bound::Offset(1));
        let functions = vec![sum(running(FrameUnit::Rows)), sum(sliding)];
        let window = Window::new(0, Memory::of(batches), Vec::new(), Vec::new(), functions);
        let found = rows(&collect(&window, &task(8)).unwrap());
        for (i, row) in found.iter().enumerate() {
            let add = |values: &[f64]| values.iter().fold(0.0, |sum, v| sum + v);
            let sliding = &values[i.saturating_sub(3)..(i + 2).min(values.len())];
            let expected = format!("{:?},{:?},{:?}", values[i], add(&values[..=i]), add(sliding));
            prop_assert_eq!(row, &expected);
        }
    }
}

fn limit(function: RankFunction, limit: u64, keys: bool, size: usize) -> (Vec<String>, usize) {
    let input = Memory::of(batches(&SAMPLE, size));
    let partitions = match keys {
        true => vec![column_ref(0, SparkType::Int)],
        false => Vec::new(),
    };
    let orders = vec![column_ref(1, SparkType::Int)];
    let operator = WindowGroupLimit::new(0, input.clone(), partitions, orders, function, limit);
    let output = collect(&operator, &task(8)).unwrap();
    (rows(&output), input.pulled())
}

#[test]
fn limits_each_partition() {
    use RankFunction::{DenseRank, Rank, RowNumber};
    for size in [1, 2, 7] {
        let given = |function, limit_| limit(function, limit_, true, size).0.len();
        assert_eq!(given(RowNumber, 1), 3);
        assert_eq!(given(RowNumber, 2), 5);
        // A row's rank is known when it has been given: one of rank 2 is.
        assert_eq!(given(Rank, 1), 5);
        assert_eq!(given(Rank, 2), 7);
        assert_eq!(given(DenseRank, 1), 5);
        assert_eq!(given(DenseRank, 3), 7);
    }
    let (given, pulled) = limit(RowNumber, 2, false, 2);
    assert_eq!((given.len(), pulled), (2, 1));
}
