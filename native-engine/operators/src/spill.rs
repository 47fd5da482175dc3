//! Batches in spill files, as blocks of UnsafeRows.
//!
//! A block is: rows (u32 little-endian), their lengths in bytes (u32 each), the rows. A run is the
//! blocks between two positions of one file.

use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use arclight_columns::{Batch, SparkType};
use arclight_memory::SpillFile;
use arclight_rows::{RowBuffer, RowDecoder, RowEncoder};

use crate::operator::EngineError;
use crate::task::TaskContext;

/// Bytes gathered before a write reaches the file.
const WRITE_BUFFER: usize = 1 << 20;

/// Part of a spill file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    from: u64,
    to: u64,
}

/// Writes batches of one schema to a spill file, run after run.
pub struct SpillWriter {
    file: Arc<SpillFile>,
    encoder: RowEncoder,
    buffer: RowBuffer,
    position: u64,
}

impl SpillWriter {
    /// A writer to a new file in one of Spark's local directories.
    pub fn new(task: &TaskContext, types: Vec<SparkType>) -> Result<Self, EngineError> {
        Ok(SpillWriter {
            file: Arc::new(task.spill.create()?),
            encoder: RowEncoder::new(types),
            buffer: RowBuffer::new(),
            position: 0,
        })
    }

    /// Appends the active rows of `batches` as one run.
    pub fn write_run(
        &mut self,
        batches: impl Iterator<Item = Result<Batch, EngineError>>,
    ) -> Result<Run, EngineError> {
        let from = self.position;
        let mut writer = BufWriter::with_capacity(WRITE_BUFFER, self.file.file());
        for batch in batches {
            let batch = batch?;
            if batch.is_empty() {
                continue;
            }
            self.buffer.clear();
            self.encoder
                .encode(&batch, &mut self.buffer)
                .map_err(|error| EngineError::Internal(error.to_string()))?;
            write_block(&mut writer, &self.buffer).map_err(|error| self.file.failed(error))?;
            let block = 4 + 4 * self.buffer.count() + self.buffer.bytes().len();
            self.position += block as u64;
        }
        writer.flush().map_err(|error| self.file.failed(error))?;
        Ok(Run {
            from,
            to: self.position,
        })
    }

    /// Bytes written so far.
    pub fn bytes_written(&self) -> u64 {
        self.position
    }

    /// A reader of one of this file's runs.
    pub fn reader(&self, run: Run) -> SpillReader {
        SpillReader {
            file: Arc::clone(&self.file),
            decoder: RowDecoder::new(self.encoder.types().to_vec()),
            position: run.from,
            end: run.to,
            bytes: Vec::new(),
        }
    }
}

fn write_block(writer: &mut impl Write, rows: &RowBuffer) -> std::io::Result<()> {
    writer.write_all(&(rows.count() as u32).to_le_bytes())?;
    for length in rows.lengths() {
        writer.write_all(&length.to_le_bytes())?;
    }
    writer.write_all(rows.bytes())
}

/// Reads the batches of one run, in the order they were written.
pub struct SpillReader {
    file: Arc<SpillFile>,
    decoder: RowDecoder,
    position: u64,
    end: u64,
    bytes: Vec<u8>,
}

impl SpillReader {
    /// The next batch, or `None` at the end of the run.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, EngineError> {
        if self.position >= self.end {
            return Ok(None);
        }
        self.read(4)?;
        let count = self
            .bytes
            .first_chunk()
            .map_or(0, |b| u32::from_le_bytes(*b)) as usize;
        self.read(4 * count)?;
        let lengths: Vec<i32> = self
            .bytes
            .chunks_exact(4)
            .map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        let size = lengths.iter().map(|&l| i64::from(l)).sum::<i64>().max(0) as usize;
        self.read(size)?;
        let columns = self
            .decoder
            .decode_bytes(&self.bytes, &lengths)
            .map_err(|error| EngineError::Internal(error.to_string()))?;
        Ok(Some(Batch::new(columns, count)))
    }

    /// Reads the next bytes into the buffer.
    fn read(&mut self, length: usize) -> Result<(), EngineError> {
        self.bytes.resize(length, 0);
        self.file
            .file()
            .read_exact_at(&mut self.bytes, self.position)
            .map_err(|error| self.file.failed(error))?;
        self.position += length as u64;
        Ok(())
    }
}
