//! Hash joins: tables that fit the caches and that don't, dense, wide and textual keys.

use std::hint::black_box;

use arclight_benches::{Contents, ROWS, Table, run, task};
use arclight_operators::{HashJoin, JoinKind, JoinSide, JoinSpec};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Rows of the probe side per row of the built one.
const SMALL: usize = 256;
const LARGE: usize = 2;

/// Keys of that many values.
type Keys = fn(u64) -> Contents;

/// A join of a table with another one of `1 / share` of its rows.
fn join(kind: JoinKind, share: usize, key: Keys) -> HashJoin {
    let built = ROWS / share;
    let key = key(built as u64);
    let left = Table::new(ROWS, &[key, Contents::Amount], 0);
    let right = Table::new(built, &[key, Contents::Sequence], 0);
    let spec = JoinSpec::by_keys(kind, JoinSide::Right, vec![0], vec![0]);
    HashJoin::new(0, left, right, spec).expect("the keys fit")
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("join");
    group.throughput(Throughput::Elements(ROWS as u64));
    let kinds = [
        ("inner", JoinKind::Inner),
        ("semi", JoinKind::LeftSemi),
        ("outer", JoinKind::LeftOuter),
    ];
    let shares = [("small", SMALL), ("large", LARGE)];
    let keys: [(&str, Keys); 3] = [
        ("dense keys", Contents::Key),
        ("wide keys", Contents::WideKey),
        ("texts", Contents::Text),
    ];
    for (kind_name, kind) in kinds {
        for (share_name, share) in shares {
            for (key_name, key) in keys {
                let operator = join(kind, share, key);
                let name = format!("{kind_name}, {share_name} table, {key_name}");
                group.bench_function(name, |bencher| {
                    bencher.iter(|| black_box(run(&operator, &task(Vec::new()))));
                });
            }
        }
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
