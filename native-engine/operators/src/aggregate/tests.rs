use std::collections::BTreeMap;
use std::sync::Arc;

use arclight_columns::{Batch, Column, Field, Schema, Selection, SparkType};
use arclight_expressions::EvalMode;
use arclight_expressions::aggregates::{AggregateCall, build_aggregate};
use arclight_memory::{MemoryLimits, MemorySource, UnboundedMemory};
use proptest::prelude::*;

use super::*;
use crate::task::TaskSettings;
use crate::testing::{
    Limited, Memory, collect, column_ref, custom_task, ints, longs, rows, sorted_rows, strings,
    task,
};

fn measure(name: &str, phase: Phase, columns: &[(usize, SparkType)], output: SparkType) -> Measure {
    let function = build_aggregate(&AggregateCall {
        name: name.to_string(),
        argument_types: columns.iter().map(|(_, t)| t.clone()).collect(),
        output,
        mode: EvalMode::Ansi,
        ignore_nulls: false,
    })
    .unwrap();
    Measure {
        function,
        phase,
        arguments: columns
            .iter()
            .map(|(i, t)| column_ref(*i, t.clone()))
            .collect(),
        filter: None,
        update_fallback: None,
        evaluate_fallback: None,
    }
}

fn aggregate(
    input: OperatorRef,
    keys: &[(usize, SparkType)],
    measures: Vec<Measure>,
) -> HashAggregate {
    let mut types: Vec<SparkType> = keys.iter().map(|(_, t)| t.clone()).collect();
    for measure in &measures {
        types.extend(measure.output_types());
    }
    let field = |t: SparkType| Field::new("c", t, true);
    let groupings = keys
        .iter()
        .map(|(i, t)| column_ref(*i, t.clone()))
        .collect();
    let schema = Schema::new(types.into_iter().map(field).collect());
    HashAggregate::new(0, input, groupings, measures, schema)
}

/// Partial, then final, of `sum` and `count` of the last column by all others.
fn two_phases(input: OperatorRef) -> HashAggregate {
    let types = input.schema().types();
    let last = types.len() - 1;
    let keys: Vec<_> = types[..last].iter().cloned().enumerate().collect();
    let value = (last, types[last].clone());
    let partial = aggregate(
        input,
        &keys,
        vec![
            measure(
                "sum",
                Phase::Partial,
                std::slice::from_ref(&value),
                SparkType::Long,
            ),
            measure("count", Phase::Partial, &[value], SparkType::Long),
        ],
    );
    aggregate(
        Arc::new(partial),
        &keys,
        vec![
            measure(
                "sum",
                Phase::Final,
                &[(last, SparkType::Long)],
                SparkType::Long,
            ),
            measure(
                "count",
                Phase::Final,
                &[(last + 1, SparkType::Long)],
                SparkType::Long,
            ),
        ],
    )
}

fn dictionary(values: &[&str], codes: &[Option<u32>]) -> Column {
    let values: Vec<_> = values.iter().map(|v| Some(*v)).collect();
    let valid = codes.iter().map(Option::is_some).collect();
    let codes: Vec<u32> = codes.iter().map(|c| c.unwrap_or(0)).collect();
    Column::dictionary(codes.into(), Arc::new(strings(&values)), Some(valid))
}

#[test]
fn groups_dictionaries_that_differ_between_batches() {
    let first = vec![
        dictionary(&["a", "b"], &[Some(0), Some(1), None, Some(0)]),
        dictionary(&["x"], &[Some(0), Some(0), Some(0), None]),
        ints(&[Some(1), Some(2), Some(3), Some(4)]),
    ];
    let second = vec![
        dictionary(&["b", "unused", "c"], &[Some(0), Some(2), Some(0)]),
        dictionary(&["y", "x"], &[Some(1), Some(0), Some(0)]),
        ints(&[Some(10), None, Some(30)]),
    ];
    let third = vec![
        strings(&[Some("a"), Some("many"), None]),
        strings(&[Some("x"), Some("more"), Some("x")]),
        ints(&[Some(100), Some(200), Some(300)]),
    ];
    let batches = vec![
        Batch::new(first, 4),
        Batch::with_selection(second, Selection::from_rows(3, vec![0, 1])),
        Batch::new(third, 3),
    ];
    let output = collect(&two_phases(Memory::of(batches)), &task(3)).unwrap();
    assert_eq!(
        sorted_rows(&output),
        [
            "NULL,x,303,2",
            "a,NULL,4,1",
            "a,x,101,2",
            "b,x,12,2",
            "c,y,NULL,0",
            "many,more,200,1"
        ]
    );
}

#[test]
fn moves_to_a_hash_table_when_codes_run_out() {
    let names: Vec<String> = (0..3000).map(|i| format!("name {i}")).collect();
    let values: Vec<&str> = names.iter().map(String::as_str).collect();
    let codes: Vec<Option<u32>> = (0..3000).map(Some).collect();
    let batch = |v: i32| {
        let columns = vec![
            dictionary(&values, &codes),
            dictionary(&values, &codes),
            ints(&vec![Some(v); 3000]),
        ];
        Batch::new(columns, 3000)
    };
    let output = collect(
        &two_phases(Memory::of(vec![batch(1), batch(2)])),
        &task(1000),
    )
    .unwrap();
    let rows = rows(&output);
    assert_eq!(rows.len(), 3000);
    assert!(rows.contains(&"name 7,name 7,3,2".to_string()));
}

#[test]
fn without_keys_there_is_always_one_row() {
    for batches in [vec![], vec![Batch::new(vec![ints(&[])], 0)]] {
        let input = Memory::typed(vec![SparkType::Int], batches);
        let output = collect(&two_phases(input), &task(3)).unwrap();
        assert_eq!(rows(&output), ["NULL,0"]);
    }
}

#[test]
fn with_keys_an_empty_input_gives_nothing() {
    let input = Memory::typed(vec![SparkType::Int, SparkType::Int], vec![]);
    assert!(collect(&two_phases(input), &task(3)).unwrap().is_empty());
}

#[test]
fn normalises_float_keys() {
    let doubles = vec![0.0, -0.0, f64::NAN, -f64::NAN];
    let columns = vec![
        Column::fixed(SparkType::Double, doubles, None),
        ints(&[Some(1), Some(2), Some(3), Some(4)]),
    ];
    let output = collect(
        &two_phases(Memory::of(vec![Batch::new(columns, 4)])),
        &task(3),
    )
    .unwrap();
    assert_eq!(sorted_rows(&output), ["0.0,3,2", "NaN,7,2"]);
}

#[test]
fn filters_measures_and_counts_rows() {
    let flags = Column::boolean([true, false, true].into_iter().collect(), None);
    let columns = vec![ints(&[Some(1), Some(2), Some(4)]), flags];
    let batch = Batch::with_selection(columns, Selection::from_rows(3, vec![1, 2]));
    let mut sum = measure(
        "sum",
        Phase::Complete,
        &[(0, SparkType::Int)],
        SparkType::Long,
    );
    sum.filter = Some(column_ref(1, SparkType::Boolean));
    let count = measure("count", Phase::Complete, &[], SparkType::Long);
    let operator = aggregate(Memory::of(vec![batch]), &[], vec![sum, count]);
    assert_eq!(rows(&collect(&operator, &task(3)).unwrap()), ["4,2"]);
}

#[test]
fn distinct_keys_without_measures() {
    let batch = Batch::new(vec![longs(&[Some(1), Some(1), None, None, Some(2)])], 5);
    let operator = aggregate(Memory::of(vec![batch]), &[(0, SparkType::Long)], vec![]);
    assert_eq!(
        rows(&collect(&operator, &task(2)).unwrap()),
        ["1", "NULL", "2"]
    );
}

#[test]
fn overflow_without_a_fallback_is_an_error() {
    let batch = Batch::new(vec![longs(&[Some(i64::MAX), Some(1)])], 2);
    let sum = measure(
        "sum",
        Phase::Complete,
        &[(0, SparkType::Long)],
        SparkType::Long,
    );
    let operator = aggregate(Memory::of(vec![batch]), &[], vec![sum]);
    assert!(collect(&operator, &task(3)).is_err());
}

#[test]
fn rows_pass_through_when_keys_hardly_repeat() {
    let batch = |from: i64| {
        let keys: Vec<Option<i64>> = (from..from + 60_000).map(Some).collect();
        Batch::new(vec![longs(&keys), ints(&vec![Some(1); 60_000])], 60_000)
    };
    let batches = vec![batch(0), batch(60_000), batch(120_000), batch(0)];
    let source = Memory::of(batches);
    let partial = aggregate(
        source.clone(),
        &[(0, SparkType::Long)],
        vec![measure(
            "count",
            Phase::Partial,
            &[(1, SparkType::Int)],
            SparkType::Long,
        )],
    );
    let task1 = task(8192);
    let output = collect(&partial, &task1).unwrap();
    assert_eq!(
        output.iter().map(Batch::active_rows).sum::<usize>(),
        240_000
    );
    let output = collect(&two_phases(source), &task(8192)).unwrap();
    let rows = rows(&output);
    assert_eq!(rows.len(), 180_000);
    assert!(rows.contains(&"5,2,2".to_string()) && rows.contains(&"60005,1,1".to_string()));
}

/// Batches of 50,000 rows of which each four that follow each other have a key, which is made of
/// its number.
fn clustered(keys: impl Fn(&[i64]) -> Vec<Column>) -> Arc<Memory> {
    const ROWS: i64 = 50_000;
    let batches = (0..8).map(|batch| {
        // A batch ends within a run.
        let numbers: Vec<i64> = (0..ROWS).map(|row| (batch * ROWS + row + 2) / 4).collect();
        let mut columns = keys(&numbers);
        columns.push(ints(&vec![Some(1); ROWS as usize]));
        Batch::new(columns, ROWS as usize)
    });
    Memory::of(batches.collect())
}

#[test]
fn clustered_rows_are_grouped_by_runs() {
    let text = |number: &i64| Some(format!("key {number}"));
    let inputs = [
        clustered(|n| vec![longs(&n.iter().map(|&n| Some(n)).collect::<Vec<_>>())]),
        clustered(|n| {
            let halves =
                |f: fn(i64) -> i64| n.iter().map(|&n| Some(f(n) as i32)).collect::<Vec<_>>();
            // A NULL of several keys is a value.
            let second: Vec<_> = halves(|n| n % 100);
            let second: Vec<_> = second.iter().map(|v| v.filter(|&v| v != 7)).collect();
            vec![ints(&halves(|n| n / 100)), ints(&second[..])]
        }),
        clustered(|n| {
            let texts: Vec<Option<String>> = n.iter().map(text).collect();
            vec![strings(
                &texts.iter().map(|t| t.as_deref()).collect::<Vec<_>>(),
            )]
        }),
    ];
    for input in inputs {
        let types = input.schema().types();
        let last = types.len() - 1;
        let keys: Vec<_> = types[..last].iter().cloned().enumerate().collect();
        let count = measure("count", Phase::Partial, &[], SparkType::Long);
        let partial = aggregate(input.clone(), &keys, vec![count]);
        let task = task(8192);
        // After two batches of trial keys go out as soon as there are enough, not at the end.
        let mut stream = partial.open(&task).unwrap();
        let (mut output, mut pulls) = (Vec::new(), Vec::new());
        while let Some(batch) = stream.next_batch().unwrap() {
            output.push(batch);
            pulls.push(input.pulled());
        }
        pulls.dedup();
        assert_eq!(pulls, [2, 3, 4, 5, 6, 7, 8]);
        drop(stream);
        // Each key once, though there is no table of them, and in order.
        assert_eq!(rows(&output).len(), 100_001);
        let counts: Vec<String> = rows(&output)
            .iter()
            .map(|row| row.rsplit(',').next().unwrap().to_string())
            .collect();
        assert_eq!((counts[0].as_str(), counts[100_000].as_str()), ("2", "2"));
        assert!(counts[1..100_000].iter().all(|count| count == "4"));
        let peak = task.metrics[0]
            .peak_memory_bytes
            .load(std::sync::atomic::Ordering::Relaxed);
        assert!(peak < 16 << 20, "{peak}");
        let both = collect(&two_phases(input), &crate::testing::task(8192)).unwrap();
        assert_eq!(rows(&both).len(), 100_001);
    }
}

#[test]
fn a_null_key_among_runs_may_be_given_several_times() {
    let input = clustered(|n| {
        let keys: Vec<_> = n.iter().map(|&n| Some(n).filter(|n| n % 20 != 0)).collect();
        vec![longs(&keys)]
    });
    let types = [(0, SparkType::Long)];
    let count = measure("count", Phase::Partial, &[], SparkType::Long);
    let partial = collect(&aggregate(input.clone(), &types, vec![count]), &task(8192)).unwrap();
    let nulls = rows(&partial)
        .iter()
        .filter(|row| row.starts_with("NULL"))
        .count();
    assert!(nulls > 5, "{nulls}");
    let output = collect(&two_phases(input), &task(8192)).unwrap();
    let rows = rows(&output);
    assert_eq!(rows.len(), 95_001);
    assert!(rows.contains(&"NULL,20000,20000".to_string()));
}

#[test]
fn groups_go_out_when_their_partitions_have_ended() {
    // Each key twice, in one batch.
    let batch = |from: i64, count: i64| {
        let keys: Vec<Option<i64>> = (0..2 * count).map(|row| Some(from + row % count)).collect();
        let rows = keys.len();
        Batch::new(vec![longs(&keys), ints(&vec![Some(1); rows])], rows)
    };
    let batches = vec![
        batch(0, 5000),
        // Few stay with those that follow.
        batch(5000, 100),
        batch(5100, 4000),
        batch(9100, 10),
        batch(9110, 5000),
    ];
    let operator = |input: &Arc<Memory>, by_partition| {
        let input: OperatorRef = input.clone();
        let count = measure("count", Phase::Complete, &[], SparkType::Long);
        aggregate(input, &[(0, SparkType::Long)], vec![count]).by_partition(by_partition)
    };
    let expected: Vec<String> = (0..14_110).map(|key| format!("{key},2")).collect();
    for (by_partition, pulls) in [(true, [2, 4, 5]), (false, [5, 5, 5])] {
        let input = Memory::partitions(batches.clone());
        let task = task(6000);
        let mut stream = operator(&input, by_partition).open(&task).unwrap();
        let mut output = Vec::new();
        for pulled in pulls {
            output.push(stream.next_batch().unwrap().unwrap());
            assert_eq!(input.pulled(), pulled);
        }
        assert!(stream.next_batch().unwrap().is_none());
        drop(stream);
        assert_eq!(rows(&output), expected);
        assert_eq!(task.memory.reserved(), 0);
    }
    // What was spilled, before there were many, is merged at the end.
    let batches: Vec<Batch> = (0..14).map(|part| batch(part * 1000, 1000)).collect();
    let expected = &expected[..14_000];
    for limit in [200_000, 300_000] {
        let limits = MemoryLimits {
            step: 1,
            refuse_once: false,
        };
        let settings = TaskSettings {
            batch_size: 1000,
            equal_hashes: false,
        };
        let task = custom_task(settings, Limited::new(limit), limits, Vec::new());
        let input = Memory::partitions(batches.clone());
        let output = collect(&operator(&input, true), &task).unwrap();
        let spilled = task.metrics[0]
            .spill_count
            .load(std::sync::atomic::Ordering::Relaxed);
        assert!(spilled > 0, "{limit}");
        let mut found = rows(&output);
        found.sort_by_key(|row| row.split(',').next().unwrap().parse::<i64>().unwrap());
        assert_eq!(found, expected);
    }
}

#[test]
fn runs_that_are_being_given_out_spill() {
    let input = clustered(|n| vec![longs(&n.iter().map(|&n| Some(n)).collect::<Vec<_>>())]);
    let tight = |limit: Option<u64>| {
        let settings = TaskSettings {
            batch_size: 3000,
            equal_hashes: false,
        };
        let source: Arc<dyn MemorySource> = match limit {
            Some(bytes) => Limited::new(bytes),
            None => Arc::new(UnboundedMemory),
        };
        let limits = MemoryLimits {
            step: 1,
            refuse_once: false,
        };
        custom_task(settings, source, limits, Vec::new())
    };
    let partial = |function: &str, output: SparkType| {
        let value = [(1, SparkType::Int)];
        let measure = measure(function, Phase::Partial, &value, output);
        aggregate(input.clone(), &[(0, SparkType::Long)], vec![measure])
    };
    // What came of the partial results, merged.
    let merged = |batches: &[Batch]| {
        let mut sums = BTreeMap::<i64, f64>::new();
        for row in rows(batches) {
            let (key, value) = row.split_once(',').unwrap();
            let value = value.split(',').next().unwrap();
            *sums.entry(key.parse().unwrap()).or_default() += value.parse::<f64>().unwrap();
        }
        sums
    };
    for (function, output) in [
        ("count", SparkType::Long),
        ("sum", SparkType::Long),
        ("avg", SparkType::Double),
    ] {
        let operator = partial(function, output);
        let (spilled, freed) = spilled_while_giving(&operator, &tight(None));
        assert!(freed > 0);
        let refused = collect(&operator, &tight(Some(3_500_000))).unwrap();
        for output in [spilled, refused] {
            let sums = merged(&output);
            assert_eq!(sums.len(), 100_001, "{function}");
            let ends = |key: i64| if key == 0 || key == 100_000 { 2.0 } else { 4.0 };
            assert!(
                sums.iter().all(|(&key, &sum)| sum == ends(key)),
                "{function}"
            );
        }
    }
}

type Row = (Option<i32>, Option<String>, Option<i32>);

fn batch(rows: &[Row]) -> Batch {
    let columns = vec![
        ints(&rows.iter().map(|r| r.0).collect::<Vec<_>>()),
        strings(&rows.iter().map(|r| r.1.as_deref()).collect::<Vec<_>>()),
        ints(&rows.iter().map(|r| r.2).collect::<Vec<_>>()),
    ];
    // The last row is not active, so that selections are met too.
    let active = (0..rows.len().saturating_sub(1) as u32).collect();
    Batch::with_selection(columns, Selection::from_rows(rows.len(), active))
}

fn expected(batches: &[Vec<Row>]) -> Vec<String> {
    let mut groups: BTreeMap<_, (Option<i64>, i64)> = BTreeMap::new();
    for rows in batches {
        for (a, b, v) in &rows[..rows.len().saturating_sub(1)] {
            let (sum, count) = groups.entry((*a, b.clone())).or_default();
            if let Some(v) = v {
                *sum = Some(sum.unwrap_or(0) + i64::from(*v));
                *count += 1;
            }
        }
    }
    let show = |v: Option<String>| v.unwrap_or("NULL".to_string());
    let mut rows: Vec<String> = groups
        .into_iter()
        .map(|((a, b), (sum, count))| {
            let (a, sum) = (a.map(|a| a.to_string()), sum.map(|s| s.to_string()));
            format!("{},{},{},{count}", show(a), show(b), show(sum))
        })
        .collect();
    rows.sort();
    rows
}

fn run(
    batches: &[Vec<Row>],
    settings: TaskSettings,
    limit: Option<u64>,
    refuse_once: bool,
) -> (Vec<String>, u64) {
    let source: Arc<dyn MemorySource> = match limit {
        Some(bytes) => Limited::new(bytes),
        None => Arc::new(UnboundedMemory),
    };
    let limits = MemoryLimits {
        step: 1,
        refuse_once,
    };
    let task = custom_task(settings, source, limits, Vec::new());
    let types = vec![SparkType::Int, SparkType::String, SparkType::Int];
    let input = Memory::typed(types, batches.iter().map(|rows| batch(rows)).collect());
    let output = collect(&two_phases(input), &task).unwrap();
    assert_eq!(task.memory.reserved(), 0);
    let spilled = &task.metrics[0].spill_count;
    (
        sorted_rows(&output),
        spilled.load(std::sync::atomic::Ordering::Relaxed),
    )
}

#[test]
fn spills_and_merges_under_a_limit() {
    let rows: Vec<Vec<Row>> = (0..200)
        .map(|b| {
            (0..50)
                .map(|i| {
                    (
                        Some(b * 31 % 70),
                        Some(format!("string {}", i * 17 % 40)),
                        Some(i),
                    )
                })
                .collect()
        })
        .collect();
    let settings = TaskSettings {
        batch_size: 64,
        equal_hashes: false,
    };
    let (output, spills) = run(&rows, settings, Some(200_000), false);
    assert!(spills > 0);
    assert_eq!(output, expected(&rows));
}

/// What an aggregation gives if it is asked to spill after each batch that it gives.
fn spilled_while_giving(operator: &dyn Operator, task: &Arc<TaskContext>) -> (Vec<Batch>, u64) {
    let mut stream = operator.open(task).unwrap();
    let mut batches = Vec::new();
    let mut freed = 0;
    while let Some(batch) = stream.next_batch().unwrap() {
        batches.push(batch);
        freed += task.memory.spill(u64::MAX);
    }
    drop(stream);
    assert_eq!(task.memory.reserved(), 0);
    (batches, freed)
}

#[test]
fn groups_that_are_being_given_out_spill() {
    let rows: Vec<Vec<Row>> = (0..20)
        .map(|b| {
            let row = |i: i32| (Some(b % 7), Some(format!("string {}", i % 30)), Some(i));
            (0..60).map(row).collect()
        })
        .collect();
    let types = vec![SparkType::Int, SparkType::String, SparkType::Int];
    let input = || Memory::typed(types.clone(), rows.iter().map(|r| batch(r)).collect());
    let tight = || {
        let settings = TaskSettings {
            batch_size: 16,
            equal_hashes: false,
        };
        let limits = MemoryLimits {
            step: 1,
            refuse_once: false,
        };
        custom_task(settings, Arc::new(UnboundedMemory), limits, Vec::new())
    };
    // Results, which are evaluated from what was spilled.
    let (output, freed) = spilled_while_giving(&two_phases(input()), &tight());
    assert!(freed > 0);
    assert_eq!(sorted_rows(&output), expected(&rows));
    // Buffers and bare keys go out as they are, in the order they would have had.
    let sum = measure(
        "sum",
        Phase::Partial,
        &[(2, SparkType::Int)],
        SparkType::Long,
    );
    let keys = [(0, SparkType::Int), (1, SparkType::String)];
    for measures in [vec![sum], vec![]] {
        let operator = aggregate(input(), &keys, measures);
        let (output, freed) = spilled_while_giving(&operator, &tight());
        assert!(freed > 0);
        assert_eq!(
            crate::testing::rows(&output),
            crate::testing::rows(&collect(&operator, &tight()).unwrap())
        );
    }
}

#[test]
fn distinct_keys_pass_through_where_they_are_merged_above() {
    let batch = |from: i64| {
        let keys: Vec<Option<i64>> = (from..from + 60_000).map(Some).collect();
        Batch::new(vec![longs(&keys)], 60_000)
    };
    let input = Memory::of(vec![batch(0), batch(60_000), batch(0)]);
    let types = [(0, SparkType::Long)];
    let partial = |repeats: bool| {
        let once = aggregate(input.clone(), &types, vec![]);
        let keys = vec![column_ref(0, SparkType::Long)];
        let schema = once.schema().clone();
        HashAggregate::with_repeats(0, input.clone(), keys, vec![], schema, repeats)
    };
    let count = |operator: &dyn Operator| rows(&collect(operator, &task(8192)).unwrap()).len();
    assert_eq!(count(&partial(false)), 120_000);
    assert_eq!(count(&partial(true)), 180_000);
    assert_eq!(
        count(&aggregate(Arc::new(partial(true)), &types, vec![])),
        120_000
    );
}

#[test]
fn merged_groups_pass_through_where_they_are_merged_above() {
    let batch = |from: i64| {
        let keys: Vec<Option<i64>> = (from..from + 60_000).map(Some).collect();
        let counts = vec![Some(2); 60_000];
        Batch::new(vec![longs(&keys), longs(&counts)], 60_000)
    };
    let input = Memory::of(vec![batch(0), batch(60_000), batch(0)]);
    let types = [(0, SparkType::Long)];
    let counts = |phase: Phase| {
        vec![measure(
            "count",
            phase,
            &[(1, SparkType::Long)],
            SparkType::Long,
        )]
    };
    let merging = |repeats: bool| {
        let once = aggregate(input.clone(), &types, counts(Phase::PartialMerge));
        let keys = vec![column_ref(0, SparkType::Long)];
        let (schema, counts) = (once.schema().clone(), counts(Phase::PartialMerge));
        HashAggregate::with_repeats(0, input.clone(), keys, counts, schema, repeats)
    };
    let found = |operator: &dyn Operator| rows(&collect(operator, &task(8192)).unwrap());
    assert_eq!(found(&merging(false)).len(), 120_000);
    assert_eq!(found(&merging(true)).len(), 180_000);
    let once = aggregate(input.clone(), &types, counts(Phase::Final));
    let twice = aggregate(Arc::new(merging(true)), &types, counts(Phase::Final));
    assert_eq!(found(&twice), found(&once));
}

fn row() -> impl Strategy<Value = Row> {
    (
        proptest::option::of(-3..3i32),
        proptest::option::of("[ab]{0,2}|long enough to leave the view [xyz]"),
        proptest::option::of(-100..100i32),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn agrees_with_a_map(
        batches in proptest::collection::vec(proptest::collection::vec(row(), 0..20), 0..8),
        batch_size in 1..5usize,
        equal_hashes: bool,
        refuse_once: bool,
    ) {
        let settings = TaskSettings { batch_size, equal_hashes };
        let (output, _) = run(&batches, settings, None, refuse_once);
        prop_assert_eq!(output, expected(&batches));
    }
}
