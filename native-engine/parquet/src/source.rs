//! Bytes of a file, local or behind the JVM, read ahead within column chunks.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use arclight_operators::{EngineError, FileFailure, FileSplit, ReadFileError, TaskContext};
use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

/// Bytes read at once from a local file; more would only push decoded values out of the cache.
const LOCAL_WINDOW: u64 = 512 << 10;
/// Bytes read at once from a remote file, where a request costs more than the bytes.
const REMOTE_WINDOW: u64 = 16 << 20;
/// What a page header is expected to fit in.
const HEADER: usize = 8 << 10;

enum Handle {
    Local(Mutex<File>),
    Remote { task: Arc<TaskContext>, handle: u64 },
}

/// A part of a column chunk that is in memory.
struct Window {
    /// The parts of the chunk that are to be read, ascending.
    parts: Vec<Range<u64>>,
    start: u64,
    bytes: Bytes,
}

impl Window {
    /// The part that a position is in.
    fn part(&self, position: u64) -> Option<Range<u64>> {
        let before = self.parts.partition_point(|part| part.end <= position);
        let part = self.parts.get(before)?;
        part.contains(&position).then(|| part.clone())
    }
}

/// An open file of one stream.
pub(crate) struct FileSource {
    path: String,
    length: u64,
    modified: Option<SystemTime>,
    handle: Handle,
    windows: Mutex<Vec<Window>>,
    /// The first failed upcall, which the Parquet reader's own errors cannot carry.
    failure: Mutex<Option<EngineError>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn host_error(path: &str, failure: FileFailure) -> EngineError {
    let (kind, message) = match failure {
        FileFailure::Missing(message) => (ReadFileError::NotFound, message),
        FileFailure::Unreadable(message) => (ReadFileError::Corrupt, message),
        FileFailure::Host(error) => return EngineError::Host(error),
    };
    EngineError::ReadFile {
        path: path.to_string(),
        message,
        kind,
    }
}

impl FileSource {
    /// Opens the file of a split. Fails with `NotFound` if the file is not there.
    pub(crate) fn open(split: &FileSplit, task: &Arc<TaskContext>) -> Result<Self, EngineError> {
        let (handle, length, modified) = if split.local {
            let error = |e: std::io::Error| EngineError::ReadFile {
                path: split.path.clone(),
                message: e.to_string(),
                kind: match e.kind() {
                    std::io::ErrorKind::NotFound => ReadFileError::NotFound,
                    _ => ReadFileError::Corrupt,
                },
            };
            let file = File::open(&split.path).map_err(error)?;
            let metadata = file.metadata().map_err(error)?;
            let modified = metadata.modified().ok();
            (Handle::Local(Mutex::new(file)), metadata.len(), modified)
        } else {
            let (handle, length) = task
                .with_host(|host| host.open_file(&split.path))
                .map_err(|failure| host_error(&split.path, failure))?;
            let task = Arc::clone(task);
            (Handle::Remote { task, handle }, length, None)
        };
        Ok(FileSource {
            path: split.path.clone(),
            length,
            modified,
            handle,
            windows: Mutex::new(Vec::new()),
            failure: Mutex::new(None),
        })
    }

    /// The file's size in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// When a local file was last changed.
    pub(crate) fn modified(&self) -> Option<SystemTime> {
        self.modified
    }

    /// Bytes read at once within a chunk.
    pub(crate) fn window(&self) -> u64 {
        match self.handle {
            Handle::Local(_) => LOCAL_WINDOW,
            Handle::Remote { .. } => REMOTE_WINDOW,
        }
    }

    /// Announces the column chunks to be read, each with its parts; forgets earlier ones.
    pub(crate) fn set_chunks(&self, chunks: Vec<Vec<Range<u64>>>) {
        *lock(&self.windows) = chunks
            .into_iter()
            .map(|parts| Window {
                start: 0,
                parts,
                bytes: Bytes::new(),
            })
            .collect();
    }

    /// The error of this file that a failure of the Parquet reader stands for.
    pub(crate) fn error(&self, error: impl std::fmt::Display) -> EngineError {
        if let Some(failure) = lock(&self.failure).take() {
            return failure;
        }
        EngineError::ReadFile {
            path: self.path.clone(),
            message: error.to_string(),
            kind: ReadFileError::Corrupt,
        }
    }

    fn read(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        if start
            .checked_add(length as u64)
            .is_none_or(|end| end > self.length)
        {
            return Err(ParquetError::EOF(format!(
                "{length} bytes at {start} are beyond the end of the file at {}",
                self.length
            )));
        }
        match &self.handle {
            Handle::Local(file) => {
                let mut file = lock(file);
                let mut buffer = Vec::with_capacity(length);
                file.seek(SeekFrom::Start(start))?;
                let read = file.by_ref().take(length as u64).read_to_end(&mut buffer)?;
                if read != length {
                    return Err(ParquetError::EOF(format!(
                        "{read} of {length} bytes at {start}: the file has shrunk"
                    )));
                }
                Ok(Bytes::from(buffer))
            }
            Handle::Remote { task, handle } => {
                let mut buffer = vec![0; length];
                task.with_host(|host| host.read_file(*handle, start, &mut buffer))
                    .map_err(|e| {
                        let message = e.to_string();
                        lock(&self.failure).get_or_insert_with(|| host_error(&self.path, e));
                        ParquetError::General(message)
                    })?;
                Ok(Bytes::from(buffer))
            }
        }
    }

    /// At least `length` bytes from `start`, and more if they are at hand.
    fn read_ahead(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let end = start.saturating_add(length as u64);
        let mut windows = lock(&self.windows);
        let window = windows.iter_mut().find_map(|window| {
            let part = window.part(start).filter(|part| end <= part.end)?;
            Some((window, part.end))
        });
        let Some((window, part_end)) = window else {
            return self.read(start, length);
        };
        let held = window.start..window.start + window.bytes.len() as u64;
        if held.start > start || end > held.end {
            let wanted = (part_end - start).min(self.window().max(length as u64));
            window.bytes = self.read(start, wanted as usize)?;
            window.start = start;
        }
        let offset = (start - window.start) as usize;
        Ok(window.bytes.slice(offset..))
    }
}

impl Drop for FileSource {
    fn drop(&mut self) {
        if let Handle::Remote { task, handle } = &self.handle {
            task.with_host(|host| host.close_file(*handle));
        }
    }
}

/// The file as the Parquet reader sees it.
#[derive(Clone)]
pub(crate) struct FileReader(pub(crate) Arc<FileSource>);

impl Length for FileReader {
    fn len(&self) -> u64 {
        self.0.length
    }
}

impl ChunkReader for FileReader {
    type T = HeaderReader;

    fn get_read(&self, start: u64) -> parquet::errors::Result<HeaderReader> {
        Ok(HeaderReader {
            source: Arc::clone(&self.0),
            position: start,
            buffer: Bytes::new(),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let mut bytes = self.0.read_ahead(start, length)?;
        bytes.truncate(length);
        Ok(bytes)
    }
}

/// Reads on from a position; made for page headers.
pub(crate) struct HeaderReader {
    source: Arc<FileSource>,
    position: u64,
    buffer: Bytes,
}

impl Read for HeaderReader {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.buffer.is_empty() {
            let chunk_end = lock(&self.source.windows)
                .iter()
                .find_map(|w| w.part(self.position))
                .map_or(self.source.length, |part| part.end);
            let left = chunk_end.saturating_sub(self.position);
            let wanted = left.min(HEADER as u64) as usize;
            if wanted == 0 {
                return Ok(0);
            }
            self.buffer = self
                .source
                .read_ahead(self.position, wanted)
                .map_err(std::io::Error::other)?;
        }
        let count = out.len().min(self.buffer.len());
        out[..count].copy_from_slice(&self.buffer.split_to(count));
        self.position += count as u64;
        Ok(count)
    }
}
