//! Blocks, the writer and the reader together, over a temporary file and a host that hands out
//! its partitions; damage; refused memory; a full disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arclight_columns::{
    Batch, BinaryViewArray, Column, ColumnBuilder, Field, Schema, Selection, SparkType, Values,
};
use arclight_expressions::{ColumnRef, EvalError, ExpressionRef, JvmExpressions, murmur3};
use arclight_memory::{MemoryLimits, MemorySource, SpillDirectories, TaskMemory, UnboundedMemory};
use arclight_operators::{
    BatchStream, EngineError, FileFailure, HostError, HostServices, Operator, OperatorRef,
    RowBlock, ShuffleBlock, ShuffleFiles, Split, TaskContext, TaskSettings,
};
use arclight_rows::{RowBuffer, RowEncoder};
use parking_lot::Mutex;
use proptest::prelude::*;

use super::*;

// ---- data

/// A number sequence that tests can repeat.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        self.0 >> 16
    }

    fn push(&mut self, builder: &mut ColumnBuilder, nullable: bool) {
        let value = self.next();
        if nullable && value.is_multiple_of(5) {
            return builder.push_null();
        }
        let value = self.next();
        // Few distinct values, so that every encoding is met.
        let small = value % 7;
        match builder.data_type().clone() {
            SparkType::Null => builder.push_null(),
            SparkType::Boolean => builder.push_bool(small == 0),
            SparkType::Byte => builder.push_i8(value as i8),
            SparkType::Short => builder.push_i16(small as i16 - 3),
            SparkType::Int | SparkType::Date => builder.push_i32(value as i32 >> (value % 31)),
            SparkType::Float => builder.push_f32(f32::from_bits(value as u32)),
            SparkType::Double => builder.push_f64(f64::from_bits(value.rotate_left(16))),
            SparkType::Decimal { precision, .. } if precision > 18 => {
                builder.push_i128((value as i128) << (value % 70));
            }
            SparkType::String => {
                builder.push_bytes([b"", &b"abc"[..], b"a longer string"][small as usize % 3])
            }
            SparkType::Binary => {
                builder.push_bytes(&value.to_le_bytes().repeat(4)[..(value % 29) as usize]);
            }
            SparkType::Struct(_) => {
                for field in builder.struct_fields().unwrap() {
                    self.push(field, true);
                }
                builder.finish_struct();
            }
            SparkType::Array(_) => {
                let elements = builder.list_elements().unwrap();
                (0..small).for_each(|_| self.push(elements, true));
                builder.finish_list();
            }
            SparkType::Map(..) => {
                let entries = builder.list_elements().unwrap();
                for _ in 0..small {
                    let [key, item] = entries.struct_fields().unwrap() else {
                        panic!()
                    };
                    self.push(key, false);
                    self.push(item, true);
                    entries.finish_struct();
                }
                builder.finish_list();
            }
            _ => builder.push_i64(value as i64 >> (value % 60)),
        }
    }

    fn batch(&mut self, types: &[SparkType], rows: usize) -> Batch {
        let columns = types.iter().map(|data_type| {
            let mut builder = ColumnBuilder::new(data_type.clone(), rows);
            (0..rows).for_each(|_| self.push(&mut builder, true));
            builder.finish()
        });
        Batch::new(columns.collect(), rows)
    }
}

fn all_types() -> Vec<SparkType> {
    let field = |name: &str, t: SparkType, nullable| Field::new(name, t, nullable);
    let array = |t| SparkType::Array(Arc::new(field("element", t, true)));
    let structure = SparkType::Struct(
        [
            field("a", SparkType::Int, true),
            field("b", SparkType::String, true),
            field("c", array(SparkType::decimal(30, 2)), true),
        ]
        .into(),
    );
    vec![
        SparkType::Int,
        SparkType::Null,
        SparkType::Boolean,
        SparkType::Byte,
        SparkType::Short,
        SparkType::Long,
        SparkType::Float,
        SparkType::Double,
        SparkType::decimal(10, 2),
        SparkType::decimal(38, 6),
        SparkType::String,
        SparkType::Binary,
        SparkType::Date,
        SparkType::Timestamp,
        SparkType::TimestampNtz,
        array(SparkType::Long),
        array(structure.clone()),
        SparkType::Map(
            Arc::new(field("key", SparkType::Int, false)),
            Arc::new(field("value", structure.clone(), true)),
        ),
        structure,
        SparkType::Struct([].into()),
    ]
}

fn schema(types: &[SparkType]) -> Schema {
    let field = |(i, t): (usize, &SparkType)| Field::new(format!("c{i}"), t.clone(), true);
    Schema::new(types.iter().enumerate().map(field).collect())
}

/// The active rows as UnsafeRow bytes, which hold all there is to compare.
fn rows_of(batches: &[Batch], types: &[SparkType]) -> Vec<Vec<u8>> {
    let mut encoder = RowEncoder::new(types.to_vec());
    let mut buffer = RowBuffer::new();
    let mut rows = Vec::new();
    for batch in batches {
        encoder.encode(batch, &mut buffer).unwrap();
        let mut rest = buffer.bytes();
        for &length in buffer.lengths() {
            let (row, after) = rest.split_at(length as usize);
            rows.push(row.to_vec());
            rest = after;
        }
    }
    rows
}

// ---- tasks

#[derive(Debug)]
struct Given {
    schema: Schema,
    batches: Vec<Batch>,
    /// Asks the task to spill after each batch, as Spark may at any time.
    spill: bool,
}

struct GivenStream {
    batches: std::vec::IntoIter<Batch>,
    spill: Option<Arc<TaskContext>>,
}

impl Operator for Given {
    fn name(&self) -> &'static str {
        "Given"
    }
    fn schema(&self) -> &Schema {
        &self.schema
    }
    fn children(&self) -> Vec<&OperatorRef> {
        Vec::new()
    }
    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        Ok(Box::new(GivenStream {
            batches: self.batches.clone().into_iter(),
            spill: self.spill.then(|| Arc::clone(task)),
        }))
    }
}

impl BatchStream for GivenStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        if let Some(task) = &self.spill {
            task.memory.spill(u64::MAX);
        }
        Ok(self.batches.next())
    }
}

/// Hands out ranges of a file, as files or as streams read a few bytes at a time.
struct Host {
    blocks: std::vec::IntoIter<(PathBuf, u64, u64)>,
    stream: Option<usize>,
    current: Vec<u8>,
    /// Of how many blocks in files a partition is; 0 if blocks come in another order.
    blocks_a_partition: usize,
    failures: Arc<Mutex<Vec<String>>>,
}

impl JvmExpressions for Host {
    fn evaluate(&mut self, _: u32, _: &Batch, _: &SparkType) -> Result<Column, EvalError> {
        Err(EvalError::Internal("none".to_string()))
    }
}

impl HostServices for Host {
    fn is_cancelled(&mut self) -> bool {
        false
    }
    fn next_rows(&mut self, _: u32) -> Result<Option<RowBlock>, HostError> {
        Ok(None)
    }
    fn shuffle_files(&mut self, _: u32) -> Result<ShuffleFiles, HostError> {
        if self.stream.is_some() {
            return Ok(ShuffleFiles::default());
        }
        let given: Vec<_> = std::mem::take(&mut self.blocks).collect();
        let block = |(file, (_, offset, length)): (usize, &(PathBuf, u64, u64))| ShuffleBlock {
            file,
            offset: *offset,
            length: *length,
            partition: (file / self.blocks_a_partition.max(1)) as u32,
        };
        Ok(ShuffleFiles {
            blocks: given.iter().enumerate().map(block).collect(),
            paths: given.into_iter().map(|(path, _, _)| path).collect(),
            by_partition: self.blocks_a_partition > 0,
        })
    }
    fn next_shuffle_stream(&mut self, _: u32) -> Result<bool, HostError> {
        let Some((path, offset, length)) = self.blocks.next() else {
            return Ok(false);
        };
        let bytes = std::fs::read(path).unwrap();
        self.current = bytes[offset as usize..(offset + length) as usize].to_vec();
        Ok(true)
    }
    fn read_shuffle(&mut self, _: u32, buffer: &mut [u8]) -> Result<usize, HostError> {
        let count = self
            .current
            .len()
            .min(buffer.len())
            .min(self.stream.unwrap());
        buffer[..count].copy_from_slice(&self.current[..count]);
        self.current.drain(..count);
        Ok(count)
    }
    fn shuffle_block_failed(&mut self, _: u32, block: Option<usize>, reason: &str) -> HostError {
        assert_eq!(block.is_none(), self.stream.is_some());
        self.failures.lock().push(reason.to_string());
        HostError(format!("fetch failed: {reason}"))
    }
    fn open_file(&mut self, _: &str) -> Result<(u64, u64), FileFailure> {
        Err(HostError("none".to_string()).into())
    }
    fn read_file(&mut self, _: u64, _: u64, _: &mut [u8]) -> Result<(), FileFailure> {
        Err(HostError("none".to_string()).into())
    }
    fn file_failed(&mut self) -> Option<HostError> {
        None
    }
    fn close_file(&mut self, _: u64) {}
}

struct Limited(Mutex<u64>);

impl MemorySource for Limited {
    fn acquire(&self, bytes: u64) -> u64 {
        let mut left = self.0.lock();
        let granted = bytes.min(*left);
        *left -= granted;
        granted
    }
    fn release(&self, bytes: u64) {
        *self.0.lock() += bytes;
    }
}

fn memory(limit: Option<u64>, refuse_once: bool) -> Arc<TaskMemory> {
    let source: Arc<dyn MemorySource> = match limit {
        Some(limit) => Arc::new(Limited(Mutex::new(limit))),
        None => Arc::new(UnboundedMemory),
    };
    let limits = MemoryLimits {
        step: 1 << 10,
        refuse_once,
    };
    TaskMemory::new(source, limits)
}

fn task(
    batch_size: usize,
    memory: Arc<TaskMemory>,
    blocks: Vec<(PathBuf, u64, u64)>,
    stream: Option<usize>,
) -> (Arc<TaskContext>, Arc<Mutex<Vec<String>>>) {
    let failures = Arc::new(Mutex::new(Vec::new()));
    let host = Host {
        blocks: blocks.into_iter(),
        stream,
        current: Vec::new(),
        blocks_a_partition: 2,
        failures: Arc::clone(&failures),
    };
    let settings = TaskSettings {
        batch_size,
        ..TaskSettings::default()
    };
    let task = TaskContext::new(
        settings,
        memory,
        SpillDirectories::new(Vec::new()),
        0,
        vec![Split::Shuffle],
        2,
        Box::new(host),
    );
    (task, failures)
}

fn writer(
    types: &[SparkType],
    batches: &[Batch],
    partitioning: Partitioning,
    compression: BlockCompression,
    spill: bool,
) -> ShuffleWriter {
    let input = Given {
        schema: schema(types),
        batches: batches.to_vec(),
        spill,
    };
    ShuffleWriter::new(0, Arc::new(input), partitioning, compression)
}

/// Everything that the blocks hold.
fn read(
    types: &[SparkType],
    batch_size: usize,
    blocks: Vec<(PathBuf, u64, u64)>,
    stream: Option<usize>,
) -> Result<Vec<Batch>, (EngineError, Vec<String>)> {
    let (task, failures) = task(batch_size, TaskMemory::unbounded(), blocks, stream);
    let mut stream = ShuffleRead::new(1, 0, schema(types)).open(&task).unwrap();
    let mut batches = Vec::new();
    loop {
        match stream.next_batch() {
            Ok(Some(batch)) => {
                assert!(batch.len() <= batch_size && !batch.is_empty());
                batches.push(batch);
            }
            Ok(None) => return Ok(batches),
            Err(error) => return Err((error, failures.lock().clone())),
        }
    }
}

/// A block for each partition of a data file.
fn blocks(path: &Path, result: &ShuffleWriteResult) -> Vec<(PathBuf, u64, u64)> {
    let mut offset = 0;
    let block = |&length: &u64| {
        offset += length;
        (path.to_path_buf(), offset - length, length)
    };
    result.partition_lengths.iter().map(block).collect()
}

fn column(index: usize, data_type: &SparkType) -> ExpressionRef {
    Arc::new(ColumnRef::new(index, data_type.clone()))
}

// ---- writer to reader

/// Writes and reads, and checks each partition's rows, in their order, against `expected`.
fn round_trip(
    types: &[SparkType],
    batches: &[Batch],
    partitioning: &Partitioning,
    compression: BlockCompression,
    (batch_size, limit, refuse_once, spill): (usize, Option<u64>, bool, bool),
    expected: impl Fn(&Batch) -> Vec<u32>,
) -> (ShuffleWriteResult, u64) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let memory = memory(limit, refuse_once);
    let (task, _) = task(batch_size, Arc::clone(&memory), Vec::new(), None);
    let result = writer(types, batches, partitioning.clone(), compression, spill)
        .run(&task, &path)
        .unwrap();
    assert_eq!(memory.reserved(), 0);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), result.bytes);
    assert_eq!(result.partition_lengths.iter().sum::<u64>(), result.bytes);
    assert_eq!(result.partition_lengths.len(), partitioning.partitions());
    let mut wanted = vec![Vec::new(); partitioning.partitions()];
    for batch in batches {
        let rows = rows_of(std::slice::from_ref(batch), types);
        for (row, id) in rows.into_iter().zip(expected(batch)) {
            wanted[id as usize].push(row);
        }
    }
    let total: usize = wanted.iter().map(Vec::len).sum();
    assert_eq!(result.rows, total as u64);
    let bytes: usize = wanted.iter().flatten().map(Vec::len).sum();
    assert_eq!(result.unsafe_row_bytes, bytes as u64);
    for (block, wanted) in blocks(&path, &result).into_iter().zip(&wanted) {
        assert_eq!(block.2 == 0, wanted.is_empty());
        let found = read(types, batch_size, vec![block.clone()], None).unwrap();
        assert_eq!(&rows_of(&found, types), wanted);
        let found = read(types, batch_size, vec![block], Some(1000)).unwrap();
        assert_eq!(&rows_of(&found, types), wanted);
    }
    // All partitions as blocks of one reader, and as one block.
    let all: Vec<Vec<u8>> = wanted.concat();
    let found = read(types, batch_size, blocks(&path, &result), None).unwrap();
    assert_eq!(rows_of(&found, types), all);
    let found = read(types, batch_size, vec![(path, 0, result.bytes)], None).unwrap();
    assert_eq!(rows_of(&found, types), all);
    let spills = task.metrics[0]
        .spill_count
        .load(std::sync::atomic::Ordering::Relaxed);
    (result, spills)
}

fn batches(types: &[SparkType], sizes: &[usize]) -> Vec<Batch> {
    let mut seeded = Seeded(7);
    sizes
        .iter()
        .map(|&rows| seeded.batch(types, rows))
        .collect()
}

fn hash(types: &[SparkType], partitions: u32) -> (Partitioning, impl Fn(&Batch) -> Vec<u32>) {
    let partitioning = Partitioning::Hash {
        expressions: vec![column(0, &types[0])],
        partitions,
    };
    let expected = move |batch: &Batch| {
        let hashes = murmur3(&batch.columns()[..1], batch.selection(), 42);
        let pmod = |h: &i32| {
            let n = partitions as i32;
            let r = h % n;
            (if r < 0 { (r + n) % n } else { r }) as u32
        };
        hashes.iter().map(pmod).collect()
    };
    (partitioning, expected)
}

const PLENTY: (usize, Option<u64>, bool, bool) = (8192, None, false, false);

#[test]
fn every_type_and_compression() {
    let types = all_types();
    let mut given = batches(&types, &[300, 0, 700]);
    given[0] = given[0].select(Selection::all(300).filter(|r| r % 3 != 0));
    let (partitioning, expected) = hash(&types, 5);
    for compression in [
        BlockCompression::None,
        BlockCompression::Lz4,
        BlockCompression::Zstd(1),
        BlockCompression::Snappy,
    ] {
        round_trip(
            &types,
            &given,
            &partitioning,
            compression,
            PLENTY,
            &expected,
        );
    }
}

#[test]
fn tiny_batches_and_many_partitions() {
    let types = all_types();
    let given = batches(&types, &[40, 1, 90]);
    let (partitioning, expected) = hash(&types, 50);
    let tiny = (3, None, false, false);
    round_trip(
        &types,
        &given,
        &partitioning,
        BlockCompression::Lz4,
        tiny,
        expected,
    );
    let one = |batch: &Batch| vec![0; batch.active_rows()];
    let single = Partitioning::Single;
    round_trip(&types, &given, &single, BlockCompression::Lz4, tiny, one);
}

#[test]
fn single_partition_with_and_without_whole_batches() {
    let types = all_types();
    let mut given = batches(&types, &[700, 5, 300, 512, 1000, 3]);
    given[3] = given[3].select(Selection::all(512).filter(|r| r % 2 == 0));
    let one = |batch: &Batch| vec![0; batch.active_rows()];
    for settings in [
        PLENTY,
        (512, None, false, false),
        (512, None, true, true),
        (100, Some(100_000), false, true),
    ] {
        let single = Partitioning::Single;
        round_trip(
            &types,
            &given,
            &single,
            BlockCompression::Zstd(1),
            settings,
            one,
        );
    }
}

#[test]
fn dictionaries_and_constants_keep_their_rows() {
    let types = [SparkType::String, SparkType::String, SparkType::Long];
    let mut seeded = Seeded(3);
    let words = |count: usize, seeded: &mut Seeded| {
        let mut builder = ColumnBuilder::new(SparkType::String, count);
        (0..count)
            .for_each(|i| builder.push_bytes(format!("word {i} {}", seeded.next()).as_bytes()));
        Arc::new(builder.finish())
    };
    let shared = words(20, &mut seeded);
    let mut given = Vec::new();
    for i in 0..6 {
        let rows = 500;
        let own = words(if i % 2 == 0 { 30 } else { 9000 }, &mut seeded);
        let mut codes = |values: &Arc<Column>| {
            let codes: Vec<u32> = (0..rows)
                .map(|_| (seeded.next() % values.len() as u64) as u32)
                .collect();
            let validity = (i % 3 == 0).then(|| {
                (0..rows)
                    .map(|_| !seeded.next().is_multiple_of(4))
                    .collect::<Vec<bool>>()
                    .into()
            });
            Column::dictionary(codes.into(), Arc::clone(values), validity)
        };
        let columns = vec![
            codes(&shared),
            codes(&own),
            Column::constant(
                Column::fixed(SparkType::Long, vec![i as i64 / 2], None),
                rows,
            ),
        ];
        given.push(Batch::new(columns, rows));
    }
    let (partitioning, expected) = hash(&types, 4);
    for batch_size in [50, 8192] {
        let settings = (batch_size, None, false, false);
        let compression = BlockCompression::Lz4;
        round_trip(
            &types,
            &given,
            &partitioning,
            compression,
            settings,
            &expected,
        );
        let one = |batch: &Batch| vec![0; batch.active_rows()];
        round_trip(
            &types,
            &given,
            &Partitioning::Single,
            compression,
            settings,
            one,
        );
    }
}

#[test]
fn round_robin_and_empty_partitions() {
    let types = [SparkType::Int, SparkType::String];
    let given = batches(&types, &[3, 4]);
    let partitioning = Partitioning::RoundRobin {
        partitions: 10,
        start: 8,
    };
    let next = std::cell::Cell::new(8);
    let expected = |batch: &Batch| {
        let id = |_| {
            next.set((next.get() + 1) % 10);
            (next.get() + 9) % 10
        };
        (0..batch.active_rows()).map(id).collect()
    };
    let (result, _) = round_trip(
        &types,
        &given,
        &partitioning,
        BlockCompression::None,
        PLENTY,
        expected,
    );
    assert_eq!(result.partition_lengths[7], 0);
}

#[test]
fn range_bounds_are_unsafe_rows() {
    let types = [SparkType::Long, SparkType::String];
    let given = batches(&types, &[200]);
    let key = Column::fixed(SparkType::Long, vec![-5i64, 0, 1000], None);
    let bounds = rows_of(&[Batch::new(vec![key], 3)], &types[..1]);
    let keys = vec![arclight_operators::SortKey {
        expression: column(0, &types[0]),
        ascending: true,
        nulls_first: true,
    }];
    assert!(Partitioning::range(keys.clone(), &bounds, 3).is_err());
    // One partition more than bounds need: it stays empty.
    let partitioning = Partitioning::range(keys, &bounds, 5).unwrap();
    let expected = |batch: &Batch| {
        let key = batch.column(0);
        let id = |row| match key.is_null(row) {
            true => 0,
            false => [-5, 0, 1000]
                .iter()
                .filter(|&&b| key.as_slice::<i64>().unwrap()[row] > b)
                .count() as u32,
        };
        (0..batch.len()).map(id).collect()
    };
    round_trip(
        &types,
        &given,
        &partitioning,
        BlockCompression::Lz4,
        PLENTY,
        expected,
    );
}

#[test]
fn nothing_at_all() {
    let types = [SparkType::Int];
    let (partitioning, expected) = hash(&types, 3);
    let (result, _) = round_trip(
        &types,
        &[],
        &partitioning,
        BlockCompression::Lz4,
        PLENTY,
        expected,
    );
    assert_eq!(result.partition_lengths, [0, 0, 0]);
    // Rows without columns are rows still.
    let given = [Batch::new(Vec::new(), 100_000)];
    let single = Partitioning::Single;
    let one = |batch: &Batch| vec![0; batch.active_rows()];
    let (result, _) = round_trip(&[], &given, &single, BlockCompression::Lz4, PLENTY, one);
    assert_eq!(result.rows, 100_000);
}

#[test]
fn spills_when_refused_and_when_asked() {
    let types = all_types();
    let given = batches(&types, &[200; 12]);
    let (partitioning, expected) = hash(&types, 7);
    let run = |settings| {
        let compression = BlockCompression::Lz4;
        round_trip(
            &types,
            &given,
            &partitioning,
            compression,
            settings,
            &expected,
        )
        .1
    };
    assert_eq!(run((64, None, false, false)), 0);
    assert!(run((64, Some(400_000), false, false)) > 0);
    assert!(run((64, None, false, true)) >= 11);
    // Refused when nothing is held yet: there is nothing to spill.
    assert_eq!(run((64, None, true, false)), 0);
}

#[test]
fn without_memory_a_batch_at_a_time_goes_to_disk() {
    let types = all_types();
    let given = batches(&types, &[200; 5]);
    let (partitioning, expected) = hash(&types, 7);
    let (compression, settings) = (BlockCompression::Lz4, (8192, Some(1000), false, false));
    let (_, spills) = round_trip(
        &types,
        &given,
        &partitioning,
        compression,
        settings,
        expected,
    );
    assert!(spills >= 4, "{spills}");
}

#[test]
fn too_little_memory_is_an_error_and_leaves_no_file() {
    let types = [SparkType::Long, SparkType::Binary];
    // 20 MB of rows.
    let long = Column::fixed(SparkType::Long, (0..200).collect::<Vec<i64>>(), None);
    let wide = Column::bytes(
        SparkType::Binary,
        BinaryViewArray::from_iter_values([vec![7; 100_000]]),
        None,
    );
    let given = [Batch::new(vec![long, Column::constant(wide, 200)], 200)];
    let (partitioning, _) = hash(&types, 7);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let (task, _) = task(8192, memory(Some(1000), false), Vec::new(), None);
    let writer = writer(&types, &given, partitioning, BlockCompression::Lz4, false);
    let result = writer.run(&task, &path);
    assert!(matches!(result, Err(EngineError::Memory(_))));
    assert!(!path.exists());
}

#[test]
fn a_full_disk_is_an_error_and_leaves_no_file() {
    let types = [SparkType::Long];
    let given = batches(&types, &[1000; 3]);
    let directory = tempfile::tempdir().unwrap();
    for partitions in [1, 4] {
        // A link, so that what is removed is not the device.
        let path = directory.path().join("data");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let (task, _) = task(100, memory(None, false), Vec::new(), None);
        let (partitioning, _) = hash(&types, partitions);
        let writer = writer(&types, &given, partitioning, BlockCompression::None, false);
        let result = writer.run(&task, &path);
        assert!(matches!(result, Err(EngineError::Io(_))));
        assert!(std::fs::symlink_metadata(&path).is_err());
    }
    let missing = directory.path().join("none").join("data");
    let (task, _) = task(100, memory(None, false), Vec::new(), None);
    let (partitioning, _) = hash(&types, 4);
    let writer = writer(&types, &given, partitioning, BlockCompression::None, false);
    assert!(matches!(
        writer.run(&task, &missing),
        Err(EngineError::Io(_))
    ));
}

#[test]
fn partitions_that_begin_are_noted_after_many_rows() {
    let types = [SparkType::Int];
    let directory = tempfile::tempdir().unwrap();
    let counts = [20_000, 20_000, 10_000, 40_000, 7];
    let files: Vec<(PathBuf, u64, u64)> = counts
        .iter()
        .enumerate()
        .map(|(partition, &count)| {
            let path = directory.path().join(format!("{partition}"));
            let values = vec![partition as i32; count];
            let column = Column::fixed(SparkType::Int, values, None);
            let given = [Batch::new(vec![column], count)];
            let (write, _) = task(8192, memory(None, false), Vec::new(), None);
            let single = Partitioning::Single;
            let length = writer(&types, &given, single, BlockCompression::None, false)
                .run(&write, &path)
                .unwrap()
                .bytes;
            (path, 0, length)
        })
        .collect();
    let noted = |stream: Option<usize>| {
        let (task, _) = task(8192, TaskMemory::unbounded(), files.clone(), stream);
        let mut stream = ShuffleRead::new(1, 0, schema(&types)).open(&task).unwrap();
        let (mut rows, mut noted) = (0, Vec::new());
        while let Some(batch) = stream.next_batch().unwrap() {
            if stream.begins_partition() {
                noted.push(rows);
            }
            rows += batch.len();
        }
        assert_eq!(rows, 90_007);
        noted
    };
    // Of two blocks each; the second partition has enough rows by itself.
    assert_eq!(noted(None), [40_000, 90_000]);
    assert_eq!(noted(Some(1 << 20)), []);
}

// ---- damage

#[test]
fn damaged_blocks_fail_the_fetch() {
    let types = all_types();
    let given = batches(&types, &[400]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let (write, _) = task(100, memory(None, false), Vec::new(), None);
    let single = Partitioning::Single;
    writer(&types, &given, single, BlockCompression::Lz4, false)
        .run(&write, &path)
        .unwrap();
    let good = std::fs::read(&path).unwrap();
    let length = good.len() as u64;
    let fails = |blocks: Vec<(PathBuf, u64, u64)>, stream| {
        let (error, failures) = read(&types, 100, blocks, stream).unwrap_err();
        assert!(matches!(error, EngineError::Host(_)), "{error}");
        assert_eq!(failures.len(), 1);
    };
    for at in (0..good.len()).step_by(97).chain(0..20) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        std::fs::write(&path, &bad).unwrap();
        fails(vec![(path.clone(), 0, length)], None);
        fails(vec![(path.clone(), 0, length)], Some(1 << 20));
    }
    std::fs::write(&path, &good).unwrap();
    fails(vec![(path.clone(), 0, length - 1)], None);
    fails(vec![(path.clone(), 0, length - 1)], Some(100));
    fails(vec![(path.clone(), 0, length + 1)], None);
    fails(vec![(path.clone(), 0, 7)], None);
    fails(vec![(directory.path().join("none"), 0, 10)], None);
    assert!(read(&types, 100, vec![(path, 0, length)], None).is_ok());
}

fn payload(batch: &Batch) -> Vec<u8> {
    let mut encoder = PayloadEncoder::new();
    encoder.begin(batch.len(), batch.columns().len());
    batch.columns().iter().for_each(|c| encoder.column(c));
    encoder.payload().to_vec()
}

#[test]
fn encodings_earn_their_keep() {
    let rows = 1000;
    let size = |column: Column| payload(&Batch::new(vec![column], rows)).len();
    let fixed = |f: &dyn Fn(i64) -> i64| {
        Column::fixed(
            SparkType::Long,
            (0..rows as i64).map(f).collect::<Vec<i64>>(),
            None,
        )
    };
    assert!(size(fixed(&|_| i64::MIN)) < 20);
    assert!(size(fixed(&|i| i64::MAX - i % 4)) < 250 + 30);
    assert!(size(fixed(&|i| i << 54)) <= 8000 + 10);
    let mut strings = ColumnBuilder::new(SparkType::String, rows);
    (0..rows).for_each(|i| strings.push_bytes(format!("a long string {}", i % 8).as_bytes()));
    assert!(size(strings.finish()) < 375 + 200);
}

proptest! {
    #[test]
    fn a_payload_reads_back(seed: u64, rows in 0usize..150) {
        let types = all_types();
        let batch = Seeded(seed).batch(&types, rows);
        let bytes = payload(&batch);
        let back = decode_payload(bytes, &types).unwrap();
        prop_assert_eq!(rows_of(&[back], &types), rows_of(&[batch], &types));
    }

    #[test]
    fn digits_read_back_and_damaged_ones_are_only_an_error(
        values in prop::collection::vec(prop::option::weighted(0.8, any::<u128>()), 100..300),
        nested: bool,
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut texts = ColumnBuilder::new(SparkType::String, values.len());
        for value in &values {
            match value.map(|v| format!("{v:032x}")) {
                None => texts.push_null(),
                Some(hex) => {
                    let uuid = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
                    texts.push_bytes(uuid.join("-").as_bytes());
                }
            }
        }
        let (mut column, mut data_type) = (texts.finish(), SparkType::String);
        if nested {
            data_type = SparkType::Struct([Field::new("text", data_type, true)].into());
            let fields = Values::Struct(vec![column]);
            column = Column::flat(data_type.clone(), values.len(), fields, None);
        }
        let types = [data_type];
        let batch = Batch::new(vec![column], values.len());
        let bytes = payload(&batch);
        // 16 bytes each, and the pattern.
        prop_assert!(bytes.len() < 17 * values.len() + 100, "{}", bytes.len());
        let back = decode_payload(bytes.clone(), &types).unwrap();
        prop_assert_eq!(rows_of(&[back], &types), rows_of(&[batch], &types));
        let mut damaged = bytes;
        for (at, value) in damages {
            let at = at.index(damaged.len().min(120));
            damaged[at] = value;
        }
        if let Ok(batch) = decode_payload(damaged, &types) && batch.len() < 10_000 {
            rows_of(&[batch], &types);
        }
    }

    // The checksum keeps damage away from here; were it not so, this must hold still.
    #[test]
    fn damage_without_a_checksum_is_only_an_error(
        seed: u64,
        column in 0usize..20,
        rows in 1usize..150,
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let types = [all_types()[column].clone()];
        let mut bytes = payload(&Seeded(seed).batch(&types, rows));
        for (at, value) in damages {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let length = bytes.len();
        if let Ok(batch) = decode_payload(bytes, &types) {
            // What is believed can be used, and took memory in proportion.
            prop_assert!(batch.memory_size() <= 1000 * (length + 1));
            if batch.len() < 10_000 {
                rows_of(&[batch], &types);
            }
        }
    }

    #[test]
    fn damaged_frames_are_errors(
        body in prop::collection::vec(0u8..4, 0..2000),
        code in 0usize..4,
        at: prop::sample::Index,
        bit in 0u32..8,
    ) {
        let compression = [
            BlockCompression::None,
            BlockCompression::Lz4,
            BlockCompression::Zstd(1),
            BlockCompression::Snappy,
        ][code];
        let mut frame = Vec::new();
        FrameEncoder::new(compression).unwrap().encode(&body, &mut frame).unwrap();
        frame.push(9);
        let mut decoder = FrameDecoder::new();
        let (opened, rest) = decoder.decode(&frame).unwrap();
        prop_assert_eq!(opened, body);
        prop_assert_eq!(rest, &[9][..]);
        frame.pop();
        let at = at.index(frame.len());
        prop_assert!(decoder.decode(&frame[..at]).is_err());
        frame[at] ^= 1 << bit;
        prop_assert!(decoder.decode(&frame).is_err());
    }
}
