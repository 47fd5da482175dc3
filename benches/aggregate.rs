//! Aggregations: sum and count by keys of few and many values, dense, wide and textual.

use std::hint::black_box;

use arclight_benches::{AMOUNT, Contents, ROWS, Table, column, run, task};
use arclight_columns::{Field, Schema, SparkType};
use arclight_expressions::EvalMode;
use arclight_expressions::aggregates::{AggregateCall, build_aggregate};
use arclight_operators::{HashAggregate, Measure, Phase};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const SUM: SparkType = SparkType::Decimal {
    precision: 22,
    scale: 2,
};

/// A function of the amounts.
fn measure(name: &str, output: SparkType) -> Measure {
    let function = build_aggregate(&AggregateCall {
        name: name.to_string(),
        argument_types: vec![AMOUNT],
        output,
        mode: EvalMode::Ansi,
        ignore_nulls: false,
    })
    .expect("the catalogue has the function");
    Measure {
        function,
        phase: Phase::Complete,
        arguments: vec![column(1, AMOUNT)],
        filter: None,
        update_fallback: None,
        evaluate_fallback: None,
    }
}

/// `SELECT key, sum(amount), count(amount) FROM table GROUP BY key`.
fn aggregation(key: Contents) -> HashAggregate {
    let measures = vec![measure("sum", SUM), measure("count", SparkType::Long)];
    let schema = Schema::new(vec![
        Field::new("key", key.data_type(), true),
        Field::new("sum", SUM, true),
        Field::new("count", SparkType::Long, false),
    ]);
    let table = Table::new(ROWS, &[key, Contents::Amount], 0);
    HashAggregate::new(0, table, vec![column(0, key.data_type())], measures, schema)
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("aggregate");
    group.throughput(Throughput::Elements(ROWS as u64));
    for (name, key) in [
        ("16 dense keys", Contents::Key(16)),
        ("100 thousand dense keys", Contents::Key(100_000)),
        ("100 thousand wide keys", Contents::WideKey(100_000)),
        ("16 texts", Contents::Text(16)),
        ("100 thousand texts", Contents::Text(100_000)),
        ("all keys different", Contents::Sequence),
    ] {
        let operator = aggregation(key);
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(run(&operator, &task(Vec::new()))));
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
