//! The blocks that a task reads of a shuffle, frame by frame.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use arclight_columns::{Batch, SparkType};
use arclight_operators::{HostError, HostServices, ShuffleFiles};

use crate::BlockError;
use crate::decode::decode_payload;
use crate::frame::{FrameDecoder, HEADER, read_header};

/// Bytes asked for at a time, from a file or by upcall.
pub(crate) const READ_BYTES: usize = 1 << 20;

/// Linux's numbers of the errors that a process, or the machine, has too many files open.
const TOO_MANY_FILES: [i32; 2] = [24, 23];

/// Why a frame could not be had.
pub(crate) enum Failure {
    /// An upcall failed, and the JVM has the exception.
    Host(HostError),
    /// The block is to blame.
    Block(String),
    /// Neither is.
    Io(io::Error),
}

impl From<BlockError> for Failure {
    fn from(error: BlockError) -> Self {
        Failure::Block(error.to_string())
    }
}

enum Source {
    None,
    File {
        file: Arc<File>,
        offset: u64,
        left: u64,
    },
    Stream,
}

/// The blocks of one shuffle input: those in files, each file opened once, then the JVM's streams.
/// The bytes read lie in one reused buffer.
pub(crate) struct Blocks {
    input: u32,
    /// Asked for before the first block.
    files: Option<ShuffleFiles>,
    open: Vec<Option<Arc<File>>>,
    /// The position of the next block in a file.
    next: usize,
    source: Source,
    buffer: Vec<u8>,
    /// The bytes of `buffer` that were read and not yet used.
    start: usize,
    end: usize,
    frames: FrameDecoder,
    /// Bytes read of all blocks.
    pub(crate) bytes_read: u64,
}

impl Blocks {
    pub(crate) fn new(input: u32) -> Self {
        Blocks {
            input,
            files: None,
            open: Vec::new(),
            next: 0,
            source: Source::None,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            frames: FrameDecoder::new(),
            bytes_read: 0,
        }
    }

    /// Bytes of memory behind the bytes read.
    pub(crate) fn memory_size(&self) -> usize {
        self.buffer.len()
    }

    /// Gives the memory back and closes the files; there are no further frames.
    pub(crate) fn close(&mut self) {
        self.buffer = Vec::new();
        self.open = Vec::new();
        self.source = Source::None;
    }

    /// The partition of the block that the last frame was of, where blocks come partition by
    /// partition.
    pub(crate) fn partition(&self) -> Option<u32> {
        let files = self.files.as_ref().filter(|files| files.by_partition)?;
        Some(files.blocks.get(self.next.checked_sub(1)?)?.partition)
    }

    /// The position, among the blocks in files, of the one being read.
    pub(crate) fn position(&self) -> Option<usize> {
        match self.source {
            Source::Stream => None,
            _ => self.next.checked_sub(1),
        }
    }

    /// The rows of the next frame of any block, or `None` when there are no more.
    pub(crate) fn next_frame(
        &mut self,
        host: &mut dyn HostServices,
        types: &[SparkType],
    ) -> Result<Option<Batch>, Failure> {
        loop {
            if let Source::None = self.source
                && !self.next_block(host)?
            {
                return Ok(None);
            }
            if let Some(frame) = self.frame_of_block(host, types)? {
                return Ok(Some(frame));
            }
        }
    }

    fn next_block(&mut self, host: &mut dyn HostServices) -> Result<bool, Failure> {
        (self.start, self.end) = (0, 0);
        if self.files.is_none() {
            let files = host.shuffle_files(self.input).map_err(Failure::Host)?;
            self.open = vec![None; files.paths.len()];
            self.files = Some(files);
        }
        let block = self.files.as_ref().and_then(|f| f.blocks.get(self.next));
        if let Some(&block) = block {
            self.next += 1;
            self.source = Source::File {
                file: self.file(block.file)?,
                offset: block.offset,
                left: block.length,
            };
            return Ok(true);
        }
        self.open = Vec::new();
        let more = host
            .next_shuffle_stream(self.input)
            .map_err(Failure::Host)?;
        if more {
            self.source = Source::Stream;
        }
        Ok(more)
    }

    /// A file, opened if it is not yet. Of many only the last is kept open.
    fn file(&mut self, index: usize) -> Result<Arc<File>, Failure> {
        if let Some(Some(file)) = self.open.get(index) {
            return Ok(Arc::clone(file));
        }
        let files = self.files.as_ref();
        let path = files
            .and_then(|files| files.paths.get(index))
            .ok_or_else(|| Failure::Block(format!("there is no file {index}")))?;
        if files.is_none_or(|files| !files.by_partition) {
            self.open.fill(None);
        }
        let exhausted =
            |e: &io::Error| matches!(e.raw_os_error(), Some(n) if TOO_MANY_FILES.contains(&n));
        let opened = match File::open(path) {
            Err(error) if exhausted(&error) => {
                self.open.fill(None);
                File::open(path)
            }
            other => other,
        };
        let file = match opened {
            Ok(file) => Arc::new(file),
            // To read the block from elsewhere would not help.
            Err(error) if exhausted(&error) => return Err(Failure::Io(error)),
            Err(error) => return Err(Failure::Block(format!("{}: {error}", path.display()))),
        };
        self.open[index] = Some(Arc::clone(&file));
        Ok(file)
    }

    /// The rows of the block's next frame; `None` at its end, which closes it.
    fn frame_of_block(
        &mut self,
        host: &mut dyn HostServices,
        types: &[SparkType],
    ) -> Result<Option<Batch>, Failure> {
        if !self.ensure(HEADER, host)? {
            if self.end > self.start {
                return Err(BlockError::Truncated.into());
            }
            self.source = Source::None;
            return Ok(None);
        }
        let header = self.buffer[self.start..].first_chunk();
        let header = read_header(header.ok_or(BlockError::Truncated)?)?;
        let length = HEADER + header.length;
        if !self.ensure(length, host)? {
            return Err(BlockError::Truncated.into());
        }
        let frame = &self.buffer[self.start..self.start + length];
        let payload = self.frames.open(frame)?;
        self.start += length;
        Ok(Some(decode_payload(payload, types)?))
    }

    /// Reads on until `bytes` bytes are at hand; `false` if the block ends before.
    fn ensure(&mut self, bytes: usize, host: &mut dyn HostServices) -> Result<bool, Failure> {
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
                .read(&mut self.buffer[self.end..], host, self.input)?;
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
        match self {
            Source::None => Ok(0),
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
