//! Sorts and first rows in order, by numbers and texts.

use std::hint::black_box;

use arclight_benches::{Contents, ROWS, Table, column, run, task};
use arclight_operators::{Sort, SortKey, TopN};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn keys(contents: &[Contents]) -> Vec<SortKey> {
    let key = |(index, contents): (usize, &Contents)| SortKey {
        expression: column(index, contents.data_type()),
        ascending: index.is_multiple_of(2),
        nulls_first: true,
    };
    contents.iter().enumerate().map(key).collect()
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sort");
    group.throughput(Throughput::Elements(ROWS as u64));
    let number = [Contents::WideKey(ROWS as u64)];
    let text = [Contents::Text(ROWS as u64)];
    let both = [Contents::Text(1000), Contents::Amount];
    let tables: [(&str, &[Contents]); 3] = [
        ("numbers", &number),
        ("texts", &text),
        ("texts, then decimals", &both),
    ];
    for (name, contents) in tables {
        let table = Table::new(ROWS, &[contents, &[Contents::Sequence]].concat(), 0);
        let sort = Sort::new(0, table.clone(), keys(contents));
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(run(&sort, &task(Vec::new()))));
        });
        let first = TopN::new(0, table, keys(contents), 0, 100);
        group.bench_function(format!("first 100 by {name}"), |bencher| {
            bencher.iter(|| black_box(run(&first, &task(Vec::new()))));
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
