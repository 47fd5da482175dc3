//! Shuffle blocks to batches.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use arclight_columns::{Batch, Column, Schema};
use arclight_memory::Reservation;
use arclight_operators::{
    BatchStream, EngineError, HostServices, Operator, OperatorMetrics, OperatorRef, ShuffleBlock,
    Split, TaskContext,
};

use crate::BlockError;
use crate::decode::decode_payload;
use crate::frame::{FrameDecoder, HEADER, read_header};

/// Bytes asked for at a time, from a file or by upcall.
const READ_BYTES: usize = 1 << 20;

/// Small frames are gathered up to this many bytes in memory, whatever their rows.
const GATHER_BYTES: usize = 8 << 20;

/// Reads the blocks of a shuffle that Spark assigns to a task. Blocks are asked for one after the
/// other; a local one is read from its file, another comes through the JVM's stream. A block that
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

    fn open(&self, task: &Arc<TaskContext>) -> Result<Box<dyn BatchStream>, EngineError> {
        Ok(Box::new(ShuffleStream {
            input: self.input,
            types: self.schema.types(),
            task: Arc::clone(task),
            metrics: task.operator_metrics(self.id),
            memory: task.memory.reservation("shuffle read"),
            blocks: Blocks::default(),
            gathered: Vec::new(),
            gathered_rows: 0,
            gathered_bytes: 0,
            rest: None,
            ended: matches!(task.split(self.input), Split::Absent),
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
            if self.memory.bytes() == 0 {
                self.memory.grow(2 * READ_BYTES as u64)?;
            }
            let Some(frame) = self.next_frame()? else {
                self.ended = true;
                self.blocks.buffer = Vec::new();
                self.memory.resize(self.gathered_bytes as u64)?;
                continue;
            };
            self.settle(&frame)?;
            let rows = frame.len();
            if rows == 0 {
                continue;
            }
            if self.gathered.is_empty() && 2 * rows >= limit {
                self.rest = Some((frame, 0));
                continue;
            }
            let full = self.gathered_rows + rows > limit || self.gathered_bytes >= GATHER_BYTES;
            let before = if full { self.take_gathered()? } else { None };
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

    /// Settles the reservation to what is held, since frames have the sizes their writers gave
    /// them. It never sinks before the end, so that hardly any frame asks.
    fn settle(&mut self, frame: &Batch) -> Result<(), EngineError> {
        let held = self.blocks.buffer.len() + self.gathered_bytes + frame.memory_size();
        let missing = (held as u64).saturating_sub(self.memory.bytes());
        self.memory.grow(missing)?;
        Ok(())
    }

    /// The next rows of a long frame, at most `limit`.
    fn next_slice(&mut self, limit: usize) -> Option<Batch> {
        let (frame, done) = self.rest.take()?;
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
            loop {
                if !self.blocks.open {
                    match host.next_shuffle_block(input)? {
                        None => return Ok(None),
                        Some(block) => self.blocks.begin(block),
                    }
                }
                let before = self.blocks.bytes_read;
                let frame = self.blocks.next_frame(host, input, &self.types);
                let read = self.blocks.bytes_read - before;
                OperatorMetrics::add(&self.metrics.bytes_read, read);
                match frame {
                    Ok(Some(batch)) => return Ok(Some(batch)),
                    Ok(None) => {}
                    Err(Failure::Host(error)) => return Err(EngineError::Host(error)),
                    Err(Failure::Block(reason)) => {
                        return Err(EngineError::Host(host.shuffle_block_failed(input, &reason)));
                    }
                }
            }
        })
    }
}

/// Why a frame could not be had.
enum Failure {
    /// An upcall failed, and the JVM has the exception.
    Host(arclight_operators::HostError),
    /// The block is to blame.
    Block(String),
}

impl From<BlockError> for Failure {
    fn from(error: BlockError) -> Self {
        Failure::Block(error.to_string())
    }
}

enum Source {
    None,
    /// A local file that is yet to be opened.
    Path(std::path::PathBuf, u64, u64),
    File {
        file: File,
        offset: u64,
        left: u64,
    },
    Stream,
}

/// The current block, and the bytes read of it in one reused buffer.
struct Blocks {
    open: bool,
    source: Source,
    buffer: Vec<u8>,
    /// The bytes of `buffer` that were read and not yet used.
    start: usize,
    end: usize,
    frames: FrameDecoder,
    bytes_read: u64,
}

impl Default for Blocks {
    fn default() -> Self {
        Blocks {
            open: false,
            source: Source::None,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            frames: FrameDecoder::new(),
            bytes_read: 0,
        }
    }
}

impl Blocks {
    fn begin(&mut self, block: ShuffleBlock) {
        self.open = true;
        (self.start, self.end) = (0, 0);
        self.source = match block {
            ShuffleBlock::File {
                path,
                offset,
                length,
            } => Source::Path(path, offset, length),
            ShuffleBlock::Stream => Source::Stream,
        };
    }

    /// The rows of the block's next frame; `None` at its end, which closes it.
    fn next_frame(
        &mut self,
        host: &mut dyn HostServices,
        input: u32,
        types: &[arclight_columns::SparkType],
    ) -> Result<Option<Batch>, Failure> {
        if !self.ensure(HEADER, host, input)? {
            self.open = false;
            self.source = Source::None;
            return match self.end - self.start {
                0 => Ok(None),
                _ => Err(BlockError::Truncated.into()),
            };
        }
        let header = self.buffer[self.start..].first_chunk();
        let header = read_header(header.ok_or(BlockError::Truncated)?)?;
        let length = HEADER + header.length;
        if !self.ensure(length, host, input)? {
            return Err(BlockError::Truncated.into());
        }
        let frame = &self.buffer[self.start..self.start + length];
        let payload = self.frames.open(frame)?;
        self.start += length;
        Ok(Some(decode_payload(payload, types)?))
    }

    /// Reads on until `bytes` bytes are at hand; `false` if the block ends before.
    fn ensure(
        &mut self,
        bytes: usize,
        host: &mut dyn HostServices,
        input: u32,
    ) -> Result<bool, Failure> {
        while self.end - self.start < bytes {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            }
            // Grows only as bytes arrive: the length of a damaged header is never believed.
            if self.buffer.len() - self.end < READ_BYTES / 2 {
                self.buffer.resize(self.end + READ_BYTES, 0);
            }
            let read = self
                .source
                .read(&mut self.buffer[self.end..], host, input)?;
            if read == 0 {
                return Ok(false);
            }
            self.end += read;
            self.bytes_read += read as u64;
        }
        Ok(true)
    }
}

impl Source {
    /// Reads some bytes; 0 at the block's end.
    fn read(
        &mut self,
        buffer: &mut [u8],
        host: &mut dyn HostServices,
        input: u32,
    ) -> Result<usize, Failure> {
        if let Source::Path(path, offset, left) = self {
            let file = File::open(&*path)
                .map_err(|e| Failure::Block(format!("{}: {e}", path.display())))?;
            *self = Source::File {
                file,
                offset: *offset,
                left: *left,
            };
        }
        match self {
            Source::None | Source::Path(..) => Ok(0),
            Source::Stream => {
                let read = host.read_shuffle(input, buffer).map_err(Failure::Host)?;
                Ok(read.min(buffer.len()))
            }
            Source::File { file, offset, left } => {
                let wanted = buffer
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                if wanted == 0 {
                    return Ok(0);
                }
                let read = read_some(file, &mut buffer[..wanted], *offset)
                    .map_err(|e| Failure::Block(e.to_string()))?;
                if read == 0 {
                    return Err(BlockError::Truncated.into());
                }
                *offset += read as u64;
                *left -= read as u64;
                Ok(read)
            }
        }
    }
}

fn read_some(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
