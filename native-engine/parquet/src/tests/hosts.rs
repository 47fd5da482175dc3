//! Files behind the JVM, refused memory, and damage at every byte.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use arclight_columns::{Batch, Column, SparkType as S};
use arclight_expressions::{EvalError, JvmExpressions, NoJvm};
use arclight_memory::{MemoryLimits, MemorySource, TaskMemory, UnboundedMemory};
use arclight_operators::{
    EngineError, FileFailure, FileSplit, HostError, HostServices, NoHost, RowBlock, ShuffleFiles,
};
use arrow_array::*;
use parquet::file::properties::WriterProperties;

use super::helpers::*;
use super::types::old_file;
use crate::ScanOptions;

/// A JVM that has files, and fails to read after a number of reads.
#[derive(Default)]
struct Remote {
    files: HashMap<String, Vec<u8>>,
    open: HashMap<u64, String>,
    next: u64,
    reads_left: usize,
    /// Handles that are open, seen from outside.
    balance: Arc<Mutex<i64>>,
    cancelled: bool,
    /// The exception that a failed call left.
    failed: Option<String>,
}

impl Remote {
    fn fail(&mut self, failure: FileFailure) -> FileFailure {
        self.failed = Some(failure.to_string());
        failure
    }
}

impl JvmExpressions for Remote {
    fn evaluate(&mut self, index: u32, inputs: &Batch, t: &S) -> Result<Column, EvalError> {
        NoJvm.evaluate(index, inputs, t)
    }
}

impl HostServices for Remote {
    fn is_cancelled(&mut self) -> bool {
        self.cancelled
    }
    fn next_rows(&mut self, input: u32) -> Result<Option<RowBlock>, HostError> {
        NoHost.next_rows(input)
    }
    fn shuffle_files(&mut self, input: u32) -> Result<ShuffleFiles, HostError> {
        NoHost.shuffle_files(input)
    }
    fn next_shuffle_stream(&mut self, input: u32) -> Result<bool, HostError> {
        NoHost.next_shuffle_stream(input)
    }
    fn read_shuffle(&mut self, input: u32, buffer: &mut [u8]) -> Result<usize, HostError> {
        NoHost.read_shuffle(input, buffer)
    }
    fn shuffle_block_failed(&mut self, input: u32, at: Option<usize>, reason: &str) -> HostError {
        NoHost.shuffle_block_failed(input, at, reason)
    }
    fn open_file(&mut self, path: &str) -> Result<(u64, u64), FileFailure> {
        let Some(file) = self.files.get(path) else {
            return Err(self.fail(FileFailure::Missing(format!("no {path}"))));
        };
        let length = file.len() as u64;
        self.next += 1;
        self.open.insert(self.next, path.to_string());
        *self.balance.lock().unwrap() += 1;
        Ok((self.next, length))
    }
    fn read_file(&mut self, handle: u64, offset: u64, out: &mut [u8]) -> Result<(), FileFailure> {
        if self.reads_left == 0 {
            let lost = FileFailure::Unreadable("connection lost".to_string());
            return Err(self.fail(lost));
        }
        self.reads_left -= 1;
        let file = &self.files[&self.open[&handle]];
        out.copy_from_slice(&file[offset as usize..offset as usize + out.len()]);
        Ok(())
    }
    fn file_failed(&mut self) -> Option<HostError> {
        self.failed.take().map(HostError)
    }
    fn close_file(&mut self, handle: u64) {
        self.open.remove(&handle).unwrap();
        *self.balance.lock().unwrap() -= 1;
    }
    fn rebase_micros(&mut self, zone: Option<&str>, micros: &mut [i64]) -> Result<(), HostError> {
        let shift = match zone {
            None => 1,
            Some("Asia/Tokyo") => 2,
            Some(other) => return Err(HostError(format!("no zone {other}"))),
        };
        micros.iter_mut().for_each(|m| *m += shift);
        Ok(())
    }
}

fn written(files: &Files) -> FileSplit {
    let numbers = Int32Array::from_iter_values(0..50);
    let words = StringArray::from_iter_values((0..50).map(|r| format!("word {}", r % 5)));
    let batch = RecordBatch::try_from_iter([
        ("number", Arc::new(numbers) as ArrayRef),
        ("word", Arc::new(words) as ArrayRef),
    ])
    .unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(20))
        .build();
    files.arrow("f", &[batch], properties)
}

fn remote(files: &Files, reads: usize) -> (Box<Remote>, Vec<FileSplit>, Arc<Mutex<i64>>) {
    let file = written(files);
    let bytes = std::fs::read(&file.path).unwrap();
    let path = "s3a://bucket/f".to_string();
    let host = Remote {
        files: HashMap::from([(path.clone(), bytes)]),
        reads_left: reads,
        ..Remote::default()
    };
    let balance = Arc::clone(&host.balance);
    let split = FileSplit {
        path,
        local: false,
        ..file
    };
    (Box::new(host), vec![split.clone(), split], balance)
}

#[test]
fn remote_files() {
    let schema = schema(&[("word", S::String), ("number", S::Int)]);
    let files = Files::new();
    let (host, splits, balance) = remote(&files, 1000);
    let memory = TaskMemory::unbounded();
    let scanned = scan_in(&schema, options(&schema), None, splits, 7, memory, host).unwrap();
    let expected: Vec<String> = (0..100).map(|r| (r % 50).to_string()).collect();
    assert_eq!(scanned.column(1), expected);
    assert_eq!(*balance.lock().unwrap(), 0);
    // The host's own error comes out, wherever reading fails, and nothing stays open.
    for reads in 0..5 {
        let (host, splits, balance) = remote(&files, reads);
        let memory = TaskMemory::unbounded();
        let result = scan_in(&schema, options(&schema), None, splits, 7, memory, host);
        match result.map(|s| s.rows()) {
            Err(EngineError::Host(error)) => assert_eq!(error.to_string(), "connection lost"),
            other => panic!("{reads}: {other:?}"),
        }
        assert_eq!(*balance.lock().unwrap(), 0);
    }
}

#[test]
fn remote_files_that_cannot_be_read_are_skipped_where_told() {
    let schema = schema(&[("word", S::String), ("number", S::Int)]);
    let files = Files::new();
    let run = |missing: bool, ignore_missing_files: bool, ignore_corrupt_files: bool| {
        let (mut host, mut splits, balance) = remote(&files, if missing { 1000 } else { 0 });
        if missing {
            splits[0].path = "s3a://bucket/gone".to_string();
        } else {
            // Only the first file's reads fail.
            splits.truncate(1);
        }
        host.cancelled = false;
        let options = ScanOptions {
            ignore_missing_files,
            ignore_corrupt_files,
            ..options(&schema)
        };
        let memory = TaskMemory::unbounded();
        let result = scan_in(&schema, options, None, splits, 7, memory, host);
        assert_eq!(*balance.lock().unwrap(), 0);
        result.map(|s| s.rows())
    };
    assert_eq!(run(true, true, false).unwrap(), 50);
    assert_eq!(run(false, false, true).unwrap(), 0);
    // Each setting ignores its own kind, and a missing file is not a corrupt one.
    for (missing, ignore_missing, ignore_corrupt) in [(true, false, true), (false, true, false)] {
        let result = run(missing, ignore_missing, ignore_corrupt);
        assert!(matches!(result, Err(EngineError::Host(_))), "{result:?}");
    }
}

#[test]
fn the_jvm_rebases_old_timestamps_of_other_zones() {
    let schema = schema(&[("d", S::Date), ("t", S::Timestamp), ("i", S::Timestamp)]);
    let files = Files::new();
    let days = -719_164;
    let micros = i64::from(days) * 86_400_000_000;
    let mut written = 0;
    let mut run = |keys: &[(&str, &str)], micros: i64| {
        let version = ("org.apache.spark.version", "2.4.0");
        let keys = [&[version], keys].concat();
        written += 1;
        let file = old_file(&files, &format!("old {written}"), &keys, days, micros);
        let memory = TaskMemory::unbounded();
        let host = Box::new(Remote::default());
        scan_in(&schema, options(&schema), None, vec![file], 7, memory, host)
            .map(|scanned| [1, 2].map(|column| scanned.column(column)[0].clone()))
    };
    let tokyo = ("org.apache.spark.timeZone", "Asia/Tokyo");
    assert_eq!(
        run(&[tokyo], micros).unwrap(),
        [(micros + 2).to_string(), (micros + 2).to_string()]
    );
    assert_eq!(
        run(&[], micros).unwrap(),
        [(micros + 1).to_string(), (micros + 1).to_string()]
    );
    // Later ones are the same in both calendars: it isn't asked.
    assert_eq!(run(&[tokyo], 17).unwrap(), ["17", "17"]);
    let error = run(&[("org.apache.spark.timeZone", "Mars/Olympus")], micros).unwrap_err();
    assert!(matches!(error, EngineError::Host(_)), "{error:?}");
}

#[test]
fn a_killed_task_stops() {
    let schema = schema(&[("number", S::Int)]);
    let files = Files::new();
    let host = Box::new(Remote {
        cancelled: true,
        ..Remote::default()
    });
    let splits = vec![written(&files)];
    let memory = TaskMemory::unbounded();
    let result = scan_in(&schema, options(&schema), None, splits, 7, memory, host);
    assert!(matches!(result, Err(EngineError::Cancelled)));
}

struct Nothing;

impl MemorySource for Nothing {
    fn acquire(&self, _bytes: u64) -> u64 {
        0
    }
    fn release(&self, _bytes: u64) {}
}

#[test]
fn memory_is_reserved_and_a_little_is_used_though_refused() {
    let schema = schema(&[("number", S::Int)]);
    let files = Files::new();
    let splits = vec![written(&files)];
    let run = |source: Arc<dyn MemorySource>, refuse_once: bool| {
        let limits = MemoryLimits {
            refuse_once,
            ..MemoryLimits::default()
        };
        let memory = TaskMemory::new(source, limits);
        let host = Box::new(NoHost);
        let splits = splits.clone();
        scan_in(
            &schema,
            options(&schema),
            None,
            splits,
            7,
            memory.clone(),
            host,
        )
        .map(|s| (s.rows(), memory.peak() > 0))
    };
    assert_eq!(run(Arc::new(UnboundedMemory), true).unwrap(), (50, true));
    assert_eq!(run(Arc::new(Nothing), false).unwrap(), (50, false));
}

/// A damaged byte gives a typed error, or values that the file could have held. The reader may panic on nonsense, which fails the task at the library's door.
#[test]
fn damage_at_every_byte() {
    let schema = schema(&[("word", S::String), ("number", S::Int)]);
    let files = Files::new();
    let file = written(&files);
    let bytes = std::fs::read(&file.path).unwrap();
    let (mut errors, mut panics) = (0, 0);
    for position in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[position] ^= 0x55;
        let path = files.path(&format!("damaged {position}"));
        std::fs::write(&path, &damaged).unwrap();
        let split = whole(&path);
        let result = std::panic::catch_unwind(|| scan(&schema, vec![split]).map(|s| s.rows()));
        match result {
            Ok(Err(EngineError::ReadFile { .. })) => errors += 1,
            Ok(Err(other)) => panic!("{other:?}"),
            Ok(Ok(_)) => {}
            Err(_) => panics += 1,
        }
        std::fs::remove_file(&path).unwrap();
    }
    assert!(errors > bytes.len() / 10, "{errors} errors");
    assert!(panics < bytes.len() / 20, "{panics} panics");
}
