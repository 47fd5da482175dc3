//! Filters and projections: comparisons, texts, decimal arithmetic.

use std::hint::black_box;

use arclight_benches::{AMOUNT, Contents, ROWS, Table, call, column, run, task, text};
use arclight_columns::{Field, Schema, SparkType};
use arclight_operators::{Filter, Operator, Project};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const PRODUCT: SparkType = SparkType::Decimal {
    precision: 25,
    scale: 4,
};

fn bench(criterion: &mut Criterion) {
    let contents = [
        Contents::Amount,
        Contents::Amount,
        Contents::Text(1000),
        Contents::Text(1000),
    ];
    let amounts = || vec![column(0, AMOUNT), column(1, AMOUNT)];
    let texts = || vec![column(2, SparkType::String), column(3, SparkType::String)];
    let like = |pattern| {
        let arguments = vec![column(2, SparkType::String), text(pattern), text("\\")];
        call("like", arguments, SparkType::Boolean)
    };
    let mut group = criterion.benchmark_group("filter");
    group.throughput(Throughput::Elements(ROWS as u64));
    for (nulls, suffix) in [(0, ""), (10, ", with nulls")] {
        let table = Table::new(ROWS, &contents, nulls);
        let less = call("less_than", amounts(), SparkType::Boolean);
        let same = call("equal", texts(), SparkType::Boolean);
        let product = call("multiply", amounts(), PRODUCT);
        let schema = Schema::new(vec![Field::new("product", PRODUCT, true)]);
        let filter = |predicate| Box::new(Filter::new(0, table.clone(), predicate));
        let operators: [(&str, Box<dyn Operator>); 5] = [
            ("decimals", filter(less)),
            ("texts", filter(same)),
            ("texts with parts", filter(like("%9%77%"))),
            ("texts with a beginning", filter(like("Customer#0000009%"))),
            (
                "decimal product",
                Box::new(Project::new(0, table.clone(), vec![product], schema)),
            ),
        ];
        for (name, operator) in operators {
            let task = task(Vec::new());
            group.bench_function(format!("{name}{suffix}"), |bencher| {
                bencher.iter(|| black_box(run(operator.as_ref(), &task)));
            });
        }
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
