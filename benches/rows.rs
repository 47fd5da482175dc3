//! Columns to UnsafeRows and back.

use std::hint::black_box;

use arclight_benches::{Contents, ROWS, Table};
use arclight_rows::{RowBuffer, RowDecoder, RowEncoder};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rows");
    group.throughput(Throughput::Elements(ROWS as u64));
    let contents = [
        Contents::Key(1000),
        Contents::Sequence,
        Contents::Amount,
        Contents::Text(1000),
    ];
    for (nulls, suffix) in [(0, ""), (10, ", with nulls")] {
        let table = Table::new(ROWS, &contents, nulls);
        let types: Vec<_> = contents.iter().map(|c| c.data_type()).collect();
        let mut encoder = RowEncoder::new(types.clone());
        let mut buffer = RowBuffer::new();
        group.bench_function(format!("encode{suffix}"), |bencher| {
            bencher.iter(|| {
                for batch in table.batches() {
                    encoder.encode(batch, &mut buffer).expect("rows are short");
                    black_box(buffer.bytes());
                }
            });
        });
        let decoder = RowDecoder::new(types);
        let encoded = table.batches().iter().map(|batch| {
            let mut buffer = RowBuffer::new();
            encoder.encode(batch, &mut buffer).expect("rows are short");
            buffer
        });
        let encoded: Vec<_> = encoded.collect();
        group.bench_function(format!("decode{suffix}"), |bencher| {
            bencher.iter(|| {
                for buffer in &encoded {
                    black_box(decoder.decode_buffer(buffer).expect("rows are whole"));
                }
            });
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
