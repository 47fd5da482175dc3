//! Shuffles: rows to partitions to a data file.

use std::hint::black_box;

use arclight_benches::{Contents, ROWS, Table, column, task};
use arclight_columns::SparkType;
use arclight_shuffle::{BlockCompression, Partitioning, ShuffleWriter};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("shuffle");
    group.throughput(Throughput::Elements(ROWS as u64));
    let folder = TempDir::new().expect("there is a folder for temporary files");
    let path = folder.path().join("shuffle.data");
    let contents = [
        Contents::Key(1 << 30),
        Contents::Amount,
        Contents::Text(1000),
    ];
    for partitions in [1, 200, 2000] {
        let partitioning = match partitions {
            1 => Partitioning::Single,
            _ => Partitioning::Hash {
                expressions: vec![column(0, SparkType::Long)],
                partitions,
            },
        };
        let table = Table::new(ROWS, &contents, 0);
        let writer = ShuffleWriter::new(0, table, partitioning, BlockCompression::Lz4);
        group.bench_function(format!("write {partitions} partitions"), |bencher| {
            bencher.iter(|| {
                let written = writer.run(&task(Vec::new()), &path);
                black_box(written.expect("the file can be written"))
            });
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
