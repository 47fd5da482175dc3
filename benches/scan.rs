//! Scans of Parquet files: numbers, decimals, texts, few and many.

use std::hint::black_box;
use std::sync::Arc;

use arclight_benches::{AMOUNT, ROWS, mixed, run, task};
use arclight_columns::{Field, Schema, SparkType};
use arclight_operators::{FileSplit, Split};
use arclight_parquet::{ParquetScan, ScanOptions};
use arrow_array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

/// The columns by name, with the types they are read as.
fn columns() -> [(&'static str, SparkType, ArrayRef); 4] {
    let random = |row: usize| mixed(row as u64);
    let amounts = (0..ROWS).map(|row| i128::from(random(row) % 10_000_000));
    let amounts = Decimal128Array::from_iter_values(amounts)
        .with_precision_and_scale(12, 2)
        .expect("the values have 12 digits");
    let flags = (0..ROWS).map(|row| ["AIR", "MAIL", "RAIL", "SHIP"][random(row) as usize % 4]);
    let texts = (0..ROWS).map(|row| format!("a comment of some length, {}", random(row)));
    [
        (
            "sequence",
            SparkType::Long,
            Arc::new(Int64Array::from_iter_values(0..ROWS as i64)),
        ),
        ("amount", AMOUNT, Arc::new(amounts)),
        (
            "flag",
            SparkType::String,
            Arc::new(StringArray::from_iter_values(flags)),
        ),
        (
            "text",
            SparkType::String,
            Arc::new(StringArray::from_iter_values(texts)),
        ),
    ]
}

/// A Parquet file of one column, in Snappy.
fn file(folder: &TempDir, name: &str, values: ArrayRef) -> FileSplit {
    let path = folder.path().join(format!("{name}.parquet"));
    let batch = RecordBatch::try_from_iter([(name, values)]).expect("one column");
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build();
    let file = std::fs::File::create(&path).expect("the file can be made");
    let mut writer =
        ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a schema");
    writer.write(&batch).expect("the file can be written");
    writer.close().expect("the file can be written");
    let size = std::fs::metadata(&path).expect("the file is there").len();
    FileSplit {
        path: path.to_string_lossy().into_owned(),
        local: true,
        start: 0,
        length: size,
        file_size: size,
        constants: Vec::new(),
    }
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scan");
    group.throughput(Throughput::Elements(ROWS as u64));
    let folder = TempDir::new().expect("there is a folder for temporary files");
    for (name, data_type, values) in columns() {
        let split = Split::Files(vec![file(&folder, name, values)]);
        let options = ScanOptions {
            file_columns: 1,
            ..ScanOptions::default()
        };
        let schema = Schema::new(vec![Field::new(name, data_type, true)]);
        let scan = ParquetScan::new(0, options, schema, None);
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(run(&scan, &task(vec![split.clone()]))));
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
