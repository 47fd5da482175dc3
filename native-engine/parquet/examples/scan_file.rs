//! Scans columns of a Parquet file a few times and says how long it takes:
//! `scan_file <rounds> <path> <name>:<type> …`, with types `int`, `bigint`, `double`, `date`,
//! `string` and `decimal(p,s)`.

use std::time::Instant;

use arclight_columns::{Field, Schema, SparkType, Values};
use arclight_memory::{SpillDirectories, TaskMemory};
use arclight_operators::{FileSplit, NoHost, Operator, Split, TaskContext, TaskSettings};
use arclight_parquet::{ParquetScan, ScanOptions};

/// As in the library.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error>;

fn spark_type(name: &str) -> Result<SparkType, Failure> {
    Ok(match name {
        "int" => SparkType::Int,
        "bigint" => SparkType::Long,
        "double" => SparkType::Double,
        "date" => SparkType::Date,
        "string" => SparkType::String,
        _ => {
            let inner = name
                .strip_prefix("decimal(")
                .and_then(|n| n.strip_suffix(')'));
            let (precision, scale) = inner
                .and_then(|n| n.split_once(','))
                .ok_or("unknown type")?;
            SparkType::decimal(precision.parse()?, scale.parse()?)
        }
    })
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rounds, path, columns @ ..] = &arguments[..] else {
        return Err("usage: scan_file <rounds> <path> <name>:<type> …".into());
    };
    let fields = columns.iter().map(|column| {
        let (name, data_type) = column.split_once(':').ok_or("a column needs a type")?;
        Ok(Field::new(name, spark_type(data_type)?, true))
    });
    let schema = Schema::new(fields.collect::<Result<Vec<_>, Failure>>()?);
    for _ in 0..rounds.parse::<usize>()? {
        round(path, &schema)?;
    }
    Ok(())
}

fn round(path: &str, schema: &Schema) -> Result<(), Failure> {
    let size = std::fs::metadata(path)?.len();
    let split = FileSplit {
        path: path.to_string(),
        local: true,
        start: 0,
        length: size,
        file_size: size,
        constants: Vec::new(),
    };
    let task = TaskContext::new(
        TaskSettings::default(),
        TaskMemory::unbounded(),
        SpillDirectories::new(Vec::new()),
        0,
        vec![Split::Files(vec![split])],
        1,
        Box::new(NoHost),
    );
    let options = ScanOptions {
        file_columns: schema.len(),
        ..ScanOptions::default()
    };
    let scan = ParquetScan::new(0, options, schema.clone(), None);
    let start = Instant::now();
    let mut stream = scan.open(&task)?;
    let (mut rows, mut dictionaries, mut sum) = (0, 0, 0_i128);
    while let Some(batch) = stream.next_batch()? {
        rows += batch.len();
        for column in batch.columns() {
            dictionaries += usize::from(column.as_dictionary().is_some());
            let valid = |row: &usize| !column.is_null(*row);
            match column.as_flat() {
                Some(Values::Int64(v)) => {
                    let rows = (0..v.len()).filter(valid);
                    sum += rows.map(|r| i128::from(v[r])).sum::<i128>();
                }
                Some(Values::Int32(v)) => {
                    let rows = (0..v.len()).filter(valid);
                    sum += rows.map(|r| i128::from(v[r])).sum::<i128>();
                }
                _ => {
                    let rows = (0..column.len()).filter(valid);
                    let lengths = rows.filter_map(|r| column.bytes_value(r).map(<[u8]>::len));
                    sum += lengths.sum::<usize>() as i128;
                }
            }
        }
    }
    let millis = start.elapsed().as_secs_f64() * 1000.0;
    println!("{millis:.1} ms, {rows} rows, sum {sum}, {dictionaries} dictionary columns");
    Ok(())
}
