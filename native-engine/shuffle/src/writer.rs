//! The sink of a stage that ends in an exchange: rows to partitions to one data file.
//!
//! ```text
//! batch ─► partition ids ─► counting sort ─► scatter, column by column ─► a buffer per partition
//!   buffer full ─► encode, compress, checksum: a frame ─► memory, or once refused a spill file
//! end ─► data file: partition after partition, spilled frames, frames in memory, the last rows
//! ```
//!
//! With one partition there is nothing to sort or to keep: frames go straight to the data file,
//! and large batches are encoded as they come.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arclight_columns::{Batch, Column, SparkType};
use arclight_memory::{Reservation, Spillable};
use arclight_operators::{EngineError, OperatorMetrics, OperatorRef, TaskContext};
use arclight_rows::unsafe_row_size;
use parking_lot::Mutex;

use crate::BlockError;
use crate::buffer::{ColumnBuffers, Run};
use crate::encode::PayloadEncoder;
use crate::frame::{BlockCompression, FrameEncoder};
use crate::output::{DataFile, FrameStore};
use crate::partition::{Partitioner, Partitioning};

/// Values of a dictionary up to which codes wait for their frame to be written.
const MOST_CODED_VALUES: usize = 32_768;

/// Memory that all partitions' buffers together aim at.
const BUFFERS_BYTES: u64 = 32 << 20;

/// A frame's least and greatest aim, in bytes as UnsafeRows: small frames compress badly and cost
/// a header and choices of encoding each, large ones fall out of the cache.
const FRAME_BYTES: (u64, u64) = (16 << 10, 256 << 10);

/// What a shuffle write reports; `proto/arclight/task.proto` has the same message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShuffleWriteResult {
    /// Bytes of each partition in the data file, in order; 0 for an empty one.
    pub partition_lengths: Vec<u64>,
    /// Rows written.
    pub rows: u64,
    /// Bytes of the data file.
    pub bytes: u64,
    /// Bytes the rows would take as UnsafeRows.
    pub unsafe_row_bytes: u64,
    /// Time in the writer, its input excluded.
    pub write_nanos: u64,
}

/// Writes its input's rows into a shuffle data file. Immutable and shared by tasks.
#[derive(Debug)]
pub struct ShuffleWriter {
    id: usize,
    input: OperatorRef,
    types: Vec<SparkType>,
    partitioning: Partitioning,
    compression: BlockCompression,
}

impl ShuffleWriter {
    /// A writer whose metrics are those of operator `id`.
    pub fn new(
        id: usize,
        input: OperatorRef,
        partitioning: Partitioning,
        compression: BlockCompression,
    ) -> Self {
        ShuffleWriter {
            id,
            types: input.schema().types(),
            input,
            partitioning,
            compression,
        }
    }

    /// What is written.
    pub fn input(&self) -> &OperatorRef {
        &self.input
    }

    /// One line that says what it does, for explain.
    pub fn describe(&self) -> String {
        format!("ShuffleWrite {}", self.partitioning)
    }

    /// Runs the task's input to its end and writes the data file at `path`. On any error there is
    /// no file.
    pub fn run(
        &self,
        task: &Arc<TaskContext>,
        path: &Path,
    ) -> Result<ShuffleWriteResult, EngineError> {
        let metrics = task.operator_metrics(self.id);
        let start = Instant::now();
        let output = DataFile::create(path)?;
        let partitions = self.partitioning.partitions();
        let mut partitioner = Partitioner::new(self.partitioning.clone(), task.partition);
        let state = State::new(self, task, &metrics, output)?;
        let shared = Arc::new(Shared(Mutex::new(state)));
        let weak = Arc::downgrade(&shared);
        task.memory.register(weak);
        let mut stream = self.input.open(task)?;
        let mut nanos = start.elapsed().as_nanos() as u64;
        let mut ids = Vec::new();
        while let Some(batch) = stream.next_batch()? {
            task.check_cancelled()?;
            let start = Instant::now();
            if !batch.is_empty() {
                let batch = without_large_dictionaries(batch)?;
                if partitions > 1 {
                    partitioner.assign(&batch, task, &metrics, &mut ids)?;
                }
                shared.0.lock().add(&batch, &ids)?;
                metrics.output(batch.active_rows());
            }
            nanos += start.elapsed().as_nanos() as u64;
        }
        let start = Instant::now();
        let mut result = shared.0.lock().finish()?;
        nanos += start.elapsed().as_nanos() as u64;
        result.write_nanos = nanos;
        OperatorMetrics::add(&metrics.elapsed_nanos, nanos);
        Ok(result)
    }
}

/// The batch with columns flat that are codes into far more values than a frame has rows: a join's
/// build side may be one dictionary. It would hardly be written as such, would be held on to until
/// then, and each value would be fetched from afar to be hashed, measured and copied.
fn without_large_dictionaries(batch: Batch) -> Result<Batch, EngineError> {
    let is_large = |column: &Column| {
        let dictionary = column.as_dictionary();
        dictionary.is_some_and(|(_, values)| values.len() > MOST_CODED_VALUES)
    };
    if !batch.columns().iter().any(is_large) {
        return Ok(batch);
    }
    let batch = match 2 * batch.active_rows() < batch.len() {
        true => batch.compact()?,
        false => batch,
    };
    let columns = batch.columns().iter().map(|column| match is_large(column) {
        true => column.flatten(),
        false => column.clone(),
    });
    let selection = batch.selection().clone();
    Ok(Batch::with_selection(columns.collect(), selection))
}

/// A task's state where Spark can ask it to spill.
struct Shared(Mutex<State>);

impl Spillable for Shared {
    fn spill(&self, _bytes: u64) {
        // In use further up the call stack: nothing can be given back now.
        let Some(mut state) = self.0.try_lock() else {
            return;
        };
        if let Err(error) = state.spill() {
            state.failure = Some(error);
        }
    }
}

/// How much a partition's buffer holds.
#[derive(Clone, Copy, Default)]
struct Fill {
    rows: usize,
    /// Bytes since the last frame, as UnsafeRows.
    bytes: u64,
    /// Bytes reserved for it: buffers keep their memory from frame to frame.
    held: u64,
}

struct State {
    types: Vec<SparkType>,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
    reservation: Reservation,
    fills: Vec<Fill>,
    columns: Vec<ColumnBuffers>,
    encoder: Encoder,
    frames: FrameStore,
    /// Taken at the end.
    output: Option<DataFile>,
    frame_rows: usize,
    frame_bytes: u64,
    rows: u64,
    unsafe_row_bytes: u64,
    /// What went wrong while spilling for somebody else.
    failure: Option<EngineError>,
    order: Vec<u32>,
    runs: Vec<Run>,
}

/// Makes frames of rows.
struct Encoder {
    payload: PayloadEncoder,
    frames: FrameEncoder,
    frame: Vec<u8>,
}

fn internal(error: BlockError) -> EngineError {
    EngineError::Internal(error.to_string())
}

impl State {
    fn new(
        writer: &ShuffleWriter,
        task: &Arc<TaskContext>,
        metrics: &Arc<OperatorMetrics>,
        output: DataFile,
    ) -> Result<Self, EngineError> {
        let partitions = writer.partitioning.partitions();
        let (least, most) = FRAME_BYTES;
        Ok(State {
            types: writer.types.clone(),
            task: Arc::clone(task),
            metrics: Arc::clone(metrics),
            reservation: task.memory.reservation("shuffle write"),
            fills: vec![Fill::default(); partitions],
            columns: writer
                .types
                .iter()
                .map(|t| ColumnBuffers::new(t, partitions))
                .collect(),
            encoder: Encoder {
                payload: PayloadEncoder::new(),
                frames: FrameEncoder::new(writer.compression).map_err(internal)?,
                frame: Vec::new(),
            },
            frames: FrameStore::new(partitions),
            output: Some(output),
            frame_rows: task.settings.batch_size.max(1),
            frame_bytes: (BUFFERS_BYTES / partitions as u64).clamp(least, most),
            rows: 0,
            unsafe_row_bytes: 0,
            failure: None,
            order: Vec::new(),
            runs: Vec::new(),
        })
    }

    /// Takes a batch's active rows, whose partitions are `ids` (not looked at if there is but one).
    fn add(&mut self, batch: &Batch, ids: &[u32]) -> Result<(), EngineError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let rows = batch.active_rows();
        let bytes = unsafe_row_size(batch, &self.types);
        self.rows += rows as u64;
        self.unsafe_row_bytes += bytes;
        if self.fills.len() == 1 && 2 * rows >= self.frame_rows && rows <= self.frame_rows {
            return self.write_whole(batch);
        }
        let mut ends = self.sort(batch, ids);
        let row_bytes = bytes.div_ceil(rows.max(1) as u64);
        loop {
            // As many rows of each partition as its buffer has room for.
            self.runs.clear();
            for (partition, (next, end)) in ends.iter_mut().enumerate() {
                let room = self.frame_rows - self.fills[partition].rows;
                let count = room.min(*end - *next);
                if count > 0 {
                    self.runs.push(Run {
                        partition,
                        start: *next,
                        end: *next + count,
                    });
                    *next += count;
                }
            }
            if self.runs.is_empty() {
                return Ok(());
            }
            self.reserve(row_bytes)?;
            for (buffers, column) in self.columns.iter_mut().zip(batch.columns()) {
                buffers.scatter(column, &self.order, &self.runs)?;
            }
            self.fill(row_bytes)?;
        }
    }

    /// Sorts the active rows by partition, keeping their order within; gives each partition's
    /// range of the order.
    fn sort(&mut self, batch: &Batch, ids: &[u32]) -> Vec<(usize, usize)> {
        let partitions = self.fills.len();
        if partitions == 1 {
            self.order.clear();
            self.order
                .extend(batch.selection().iter().map(|row| row as u32));
            return vec![(0, self.order.len())];
        }
        let mut ranges = vec![(0, 0); partitions];
        for &id in ids {
            ranges[id as usize].1 += 1;
        }
        let mut next = 0;
        for range in &mut ranges {
            let count = range.1;
            *range = (next, next);
            next += count;
        }
        self.order.resize(ids.len(), 0);
        for (&id, row) in ids.iter().zip(batch.selection().iter()) {
            let end = &mut ranges[id as usize].1;
            self.order[*end] = row as u32;
            *end += 1;
        }
        ranges
    }

    /// Reserves what the runs add to their buffers; spills if that is refused. Refused even then,
    /// one batch's rows are working memory: the next batch finds them spilled.
    fn reserve(&mut self, row_bytes: u64) -> Result<(), EngineError> {
        let wanted = |state: &State| -> u64 {
            let more = state.runs.iter().map(|run| {
                let fill = &state.fills[run.partition];
                let bytes = fill.bytes + (run.end - run.start) as u64 * row_bytes;
                bytes.saturating_sub(fill.held)
            });
            more.sum()
        };
        let bytes = wanted(self);
        if !self.reservation.try_grow(bytes) {
            self.spill()?;
            let bytes = wanted(self);
            self.reservation.hold(bytes)?;
        }
        for run in &self.runs {
            let fill = &mut self.fills[run.partition];
            let bytes = fill.bytes + (run.end - run.start) as u64 * row_bytes;
            fill.held = fill.held.max(bytes);
        }
        OperatorMetrics::max(&self.metrics.peak_memory_bytes, self.reservation.bytes());
        Ok(())
    }

    /// Counts the scattered runs, and makes frames of full buffers.
    fn fill(&mut self, row_bytes: u64) -> Result<(), EngineError> {
        // All are counted before the first frame, whose memory may be refused: a spill takes what
        // is counted.
        for run in &self.runs {
            let fill = &mut self.fills[run.partition];
            fill.rows += run.end - run.start;
            fill.bytes += (run.end - run.start) as u64 * row_bytes;
        }
        for index in 0..self.runs.len() {
            let partition = self.runs[index].partition;
            let fill = &self.fills[partition];
            if fill.rows >= self.frame_rows || fill.bytes >= self.frame_bytes {
                self.flush(partition)?;
            }
        }
        Ok(())
    }

    /// Makes a frame of a partition's buffer.
    fn flush(&mut self, partition: usize) -> Result<(), EngineError> {
        let fill = &mut self.fills[partition];
        self.encoder
            .encode_buffer(&mut self.columns, partition, fill)?;
        self.store(partition)
    }

    /// Keeps the frame just made.
    fn store(&mut self, partition: usize) -> Result<(), EngineError> {
        let frame = &self.encoder.frame[..];
        if let (1, Some(output)) = (self.fills.len(), &mut self.output) {
            output.write(frame)?;
            return Ok(());
        }
        let refused = !self.reservation.try_grow(frame.len() as u64);
        // If refused it is there for the moment of the spill only.
        self.frames.push(partition, frame);
        if refused {
            self.spill()?;
        }
        Ok(())
    }

    /// One partition and enough rows: no buffer in between.
    fn write_whole(&mut self, batch: &Batch) -> Result<(), EngineError> {
        if self.fills[0].rows > 0 {
            self.flush(0)?;
        }
        let batch = batch.compact()?;
        self.encoder.encode_batch(&batch)?;
        self.store(0)
    }

    /// Moves all rows out of memory. Reserves nothing.
    fn spill(&mut self) -> Result<(), EngineError> {
        let buffered = self.fills.iter().any(|fill| fill.rows > 0);
        if self.reservation.bytes() == 0 && !buffered {
            return Ok(());
        }
        if self.fills.len() == 1 {
            // The data file itself is where one partition spills to.
            if buffered {
                self.flush(0)?;
            }
        } else {
            let (encoder, columns, fills) = (&mut self.encoder, &mut self.columns, &mut self.fills);
            let written = self.frames.spill(&self.task.spill, |partition, frames| {
                let fill = &mut fills[partition];
                if fill.rows > 0 {
                    encoder.encode_buffer(columns, partition, fill)?;
                    frames.extend_from_slice(&encoder.frame);
                }
                columns.iter_mut().for_each(|c| c.release(partition));
                Ok(())
            })?;
            OperatorMetrics::add(&self.metrics.spilled_bytes, written);
            OperatorMetrics::add(&self.metrics.spill_count, 1);
        }
        for (partition, fill) in self.fills.iter_mut().enumerate() {
            if fill.held > 0 {
                self.columns.iter_mut().for_each(|c| c.release(partition));
            }
            *fill = Fill::default();
        }
        self.reservation.free();
        Ok(())
    }

    /// Writes the data file.
    fn finish(&mut self) -> Result<ShuffleWriteResult, EngineError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut output = self
            .output
            .take()
            .ok_or_else(|| EngineError::Internal("a shuffle file finished twice".to_string()))?;
        let mut partition_lengths = Vec::with_capacity(self.fills.len());
        let mut last = 0;
        for partition in 0..self.fills.len() {
            self.frames.drain(partition, &mut output)?;
            if self.fills[partition].rows > 0 {
                let fill = &mut self.fills[partition];
                self.encoder
                    .encode_buffer(&mut self.columns, partition, fill)?;
                output.write(&self.encoder.frame)?;
            }
            partition_lengths.push(output.length() - last);
            last = output.length();
        }
        let bytes = output.finish()?;
        self.reservation.free();
        Ok(ShuffleWriteResult {
            partition_lengths,
            rows: self.rows,
            bytes,
            unsafe_row_bytes: self.unsafe_row_bytes,
            write_nanos: 0,
        })
    }
}

impl Encoder {
    /// Makes `frame` of a partition's buffer, and empties it.
    fn encode_buffer(
        &mut self,
        columns: &mut [ColumnBuffers],
        partition: usize,
        fill: &mut Fill,
    ) -> Result<(), EngineError> {
        self.payload.begin(fill.rows, columns.len());
        for buffers in columns {
            buffers.encode(partition, fill.rows, &mut self.payload)?;
        }
        (fill.rows, fill.bytes) = (0, 0);
        self.seal()
    }

    /// Makes `frame` of a batch whose rows are all active.
    fn encode_batch(&mut self, batch: &Batch) -> Result<(), EngineError> {
        self.payload.begin(batch.len(), batch.columns().len());
        for column in batch.columns() {
            self.payload.column(column);
        }
        self.seal()
    }

    fn seal(&mut self) -> Result<(), EngineError> {
        self.frame.clear();
        self.frames
            .encode(self.payload.payload(), &mut self.frame)
            .map_err(internal)
    }
}
