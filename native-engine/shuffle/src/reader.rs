//! Shuffle blocks to batches.

use std::sync::Arc;

use arclight_columns::{Batch, Column, Schema};
use arclight_memory::Reservation;
use arclight_operators::{
    BatchStream, EngineError, Operator, OperatorMetrics, OperatorRef, TaskContext,
};

use crate::blocks::{Blocks, Failure, READ_BYTES};

/// Small frames are gathered up to this many bytes in memory, whatever their rows.
const GATHER_BYTES: usize = 8 << 20;

/// Rows after which it is worth noting that a partition of the shuffle has ended.
const PARTITION_ROWS: usize = 32 << 10;

/// Reads the blocks of a shuffle that Spark assigns to a task. Those on this host are read from their
/// files, partition by partition; the others come through the JVM's streams. A block that
/// is damaged or cannot be read becomes Spark's FetchFailedException, so that its map task runs
/// again.
#[derive(Debug)]
pub struct ShuffleRead {
    id: usize,
    input: u32,
    schema: Schema,
}

impl ShuffleRead {
    /// Reads shuffle input `input`, whose rows have the columns of `schema`; metrics are those of
    /// operator `id`. How blocks are compressed each of them says itself.
    pub fn new(id: usize, input: u32, schema: Schema) -> Self {
        ShuffleRead { id, input, schema }
    }
}

impl Operator for ShuffleRead {
    fn name(&self) -> &'static str {
        "ShuffleRead"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn children(&self) -> Vec<&OperatorRef> {
        Vec::new()
    }

    fn is_present(&self, task: &TaskContext) -> bool {
        task.has_split(self.input)
    }

    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        Ok(Box::new(ShuffleStream {
            input: self.input,
            types: self.schema.types(),
            task: Arc::clone(task),
            metrics: task.operator_metrics(self.id),
            memory: task.memory.reservation("shuffle read"),
            blocks: Blocks::new(self.input),
            partition: None,
            partition_rows: 0,
            fresh: false,
            began: false,
            gathered: Vec::new(),
            gathered_rows: 0,
            gathered_bytes: 0,
            rest: None,
            ended: !task.has_split(self.input),
        }))
    }
}

struct ShuffleStream {
    input: u32,
    types: Vec<arclight_columns::SparkType>,
    task: Arc<TaskContext>,
    metrics: Arc<OperatorMetrics>,
    /// For the buffer of bytes read, the frames that wait, and one more of them.
    memory: Reservation,
    blocks: Blocks,
    /// The partition of the last frame.
    partition: Option<u32>,
    /// Rows of its partition and those before, since the last one that was noted to begin.
    partition_rows: usize,
    /// Whether the rows that wait are the first of partitions that begin with them.
    fresh: bool,
    /// Whether the batch given last was.
    began: bool,
    /// Frames that wait to become one batch.
    gathered: Vec<Batch>,
    gathered_rows: usize,
    gathered_bytes: usize,
    /// A frame longer than a batch, and the rows of it already given out.
    rest: Option<(Batch, usize)>,
    ended: bool,
}

impl BatchStream for ShuffleStream {
    fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        self.task.check_cancelled()?;
        let metrics = Arc::clone(&self.metrics);
        let batch = metrics.timed(|| self.advance())?;
        if let Some(batch) = &batch {
            metrics.output(batch.len());
        }
        Ok(batch)
    }

    fn begins_partition(&self) -> bool {
        self.began
    }
}

impl ShuffleStream {
    fn advance(&mut self) -> Result<Option<Batch>, EngineError> {
        let limit = self.task.settings.batch_size.max(1);
        loop {
            if let Some(batch) = self.next_slice(limit) {
                return Ok(Some(batch));
            }
            if self.ended {
                let last = self.take_gathered()?;
                self.memory.free();
                return Ok(last);
            }
            self.memory.hold(2 * READ_BYTES as u64)?;
            let Some(frame) = self.next_frame()? else {
                self.ended = true;
                self.blocks.close();
                self.memory.shrink_to(self.gathered_bytes as u64);
                continue;
            };
            self.settle(&frame)?;
            let rows = frame.len();
            if rows == 0 {
                continue;
            }
            let begins = self.begins_anew(rows);
            if self.gathered.is_empty() && 2 * rows >= limit {
                self.rest = Some((frame, 0));
                self.fresh |= begins;
                continue;
            }
            let full =
                begins || self.gathered_rows + rows > limit || self.gathered_bytes >= GATHER_BYTES;
            let before = if full { self.take_gathered()? } else { None };
            self.fresh |= begins;
            if 2 * rows >= limit && self.gathered.is_empty() {
                self.rest = Some((frame, 0));
            } else {
                self.gathered_rows += rows;
                self.gathered_bytes += frame.memory_size();
                self.gathered.push(frame);
            }
            if before.is_some() {
                return Ok(before);
            }
        }
    }

    /// Whether a frame of so many rows begins a partition, and enough rows came before.
    fn begins_anew(&mut self, rows: usize) -> bool {
        let before = std::mem::replace(&mut self.partition, self.blocks.partition());
        let begins = self.partition_rows >= PARTITION_ROWS
            && self.partition.is_some()
            && before != self.partition;
        self.partition_rows = if begins {
            rows
        } else {
            self.partition_rows + rows
        };
        begins
    }

    /// Settles the reservation to what is held, since frames have the sizes their writers gave
    /// them. It never sinks before the end, so that hardly any frame asks.
    fn settle(&mut self, frame: &Batch) -> Result<(), EngineError> {
        let held = self.blocks.memory_size() + self.gathered_bytes + frame.memory_size();
        Ok(self.memory.hold(held as u64)?)
    }

    /// The next rows of a long frame, at most `limit`.
    fn next_slice(&mut self, limit: usize) -> Option<Batch> {
        let (frame, done) = self.rest.take()?;
        self.began = std::mem::take(&mut self.fresh);
        if done == 0 && frame.len() <= limit {
            return Some(frame);
        }
        let count = limit.min(frame.len() - done);
        let slice = |column: &Column| column.slice(done, count);
        let batch = Batch::new(frame.columns().iter().map(slice).collect(), count);
        if done + count < frame.len() {
            self.rest = Some((frame, done + count));
        }
        Some(batch)
    }

    fn take_gathered(&mut self) -> Result<Option<Batch>, EngineError> {
        let gathered = std::mem::take(&mut self.gathered);
        (self.gathered_rows, self.gathered_bytes) = (0, 0);
        if !gathered.is_empty() {
            self.began = std::mem::take(&mut self.fresh);
        }
        match &gathered[..] {
            [] => Ok(None),
            [only] => Ok(Some(only.clone())),
            _ => Ok(Some(Batch::concat(&gathered, &self.types)?)),
        }
    }

    /// The rows of the next frame of any block, or `None` when there are no more.
    fn next_frame(&mut self) -> Result<Option<Batch>, EngineError> {
        let (task, input) = (Arc::clone(&self.task), self.input);
        task.with_host(|host| {
            let before = self.blocks.bytes_read;
            let frame = self.blocks.next_frame(host, &self.types);
            let read = self.blocks.bytes_read - before;
            OperatorMetrics::add(&self.metrics.bytes_read, read);
            frame.map_err(|failure| match failure {
                Failure::Host(error) => EngineError::Host(error),
                Failure::Io(error) => EngineError::Io(error),
                Failure::Block(reason) => {
                    let position = self.blocks.position();
                    EngineError::Host(host.shuffle_block_failed(input, position, &reason))
                }
            })
        })
    }
}
