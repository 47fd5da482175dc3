//! Where frames go: a task's data file, and before it memory and spill files.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use arclight_memory::{SpillDirectories, SpillFile};
use arclight_operators::EngineError;

/// Frames below this size are gathered before they are written.
const WRITE_BUFFER: usize = 256 << 10;

/// The data file of a map task. Removed unless [`DataFile::finish`] is reached.
pub(crate) struct DataFile {
    path: PathBuf,
    file: File,
    pending: Vec<u8>,
    length: u64,
    finished: bool,
}

impl DataFile {
    /// A new, empty file at `path`.
    pub(crate) fn create(path: &Path) -> std::io::Result<Self> {
        let file = File::create(path).map_err(|error| of_file(path, error))?;
        Ok(DataFile {
            path: path.to_path_buf(),
            file,
            pending: Vec::new(),
            length: 0,
            finished: false,
        })
    }

    /// Bytes written so far.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.pending.len() + bytes.len() > WRITE_BUFFER {
            self.flush()?;
        }
        if bytes.len() >= WRITE_BUFFER {
            self.file
                .write_all(bytes)
                .map_err(|error| of_file(&self.path, error))?;
        } else {
            self.pending.extend_from_slice(bytes);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file
            .write_all(&self.pending)
            .map_err(|error| of_file(&self.path, error))?;
        self.pending.clear();
        Ok(())
    }

    /// Keeps the file.
    pub(crate) fn finish(mut self) -> std::io::Result<u64> {
        self.flush()?;
        self.finished = true;
        Ok(self.length)
    }
}

/// The error, saying which file it is of.
fn of_file(path: &Path, error: std::io::Error) -> std::io::Error {
    std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

impl Drop for DataFile {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        // Whatever else the path may name (a device), only a file or a link is ours to remove.
        let ours = std::fs::symlink_metadata(&self.path)
            .is_ok_and(|m| m.file_type().is_file() || m.file_type().is_symlink());
        if ours {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Frames in a spill file: where those of each partition lie.
struct Spill {
    file: SpillFile,
    /// Offset and length, by partition.
    segments: Vec<(u64, u64)>,
}

/// The frames of all partitions until the data file is written: in memory, and once memory was
/// wanted back, in spill files.
pub(crate) struct FrameStore {
    memory: Vec<Vec<Box<[u8]>>>,
    spills: Vec<Spill>,
}

impl FrameStore {
    /// No frames of `partitions` partitions.
    pub(crate) fn new(partitions: usize) -> Self {
        FrameStore {
            memory: (0..partitions).map(|_| Vec::new()).collect(),
            spills: Vec::new(),
        }
    }

    /// Keeps a frame in memory.
    pub(crate) fn push(&mut self, partition: usize, frame: &[u8]) {
        self.memory[partition].push(frame.into());
    }

    /// Moves all frames to a new spill file, and with each partition's the frames that `more`
    /// appends to the buffer given to it. Returns the bytes written.
    pub(crate) fn spill(
        &mut self,
        directories: &SpillDirectories,
        mut more: impl FnMut(usize, &mut Vec<u8>) -> Result<(), EngineError>,
    ) -> Result<u64, EngineError> {
        let spill = directories.create()?;
        let mut file = spill.file();
        let mut segments = Vec::with_capacity(self.memory.len());
        let mut pending = Vec::new();
        let mut written = 0;
        let mut write = |pending: &mut Vec<u8>, least: usize| -> std::io::Result<()> {
            if pending.len() >= least {
                file.write_all(pending)?;
                written += pending.len() as u64;
                pending.clear();
            }
            Ok(())
        };
        let mut offset = 0;
        for (partition, frames) in self.memory.iter_mut().enumerate() {
            let start = offset;
            for frame in frames.drain(..) {
                pending.extend_from_slice(&frame);
                offset += frame.len() as u64;
                write(&mut pending, WRITE_BUFFER).map_err(|error| spill.failed(error))?;
            }
            let before = pending.len();
            more(partition, &mut pending)?;
            offset += (pending.len() - before) as u64;
            segments.push((start, offset - start));
            write(&mut pending, WRITE_BUFFER).map_err(|error| spill.failed(error))?;
        }
        write(&mut pending, 0).map_err(|error| spill.failed(error))?;
        debug_assert_eq!(written, offset);
        self.spills.push(Spill {
            file: spill,
            segments,
        });
        Ok(offset)
    }

    /// Copies a partition's frames to the data file, oldest first, and forgets those in memory.
    pub(crate) fn drain(
        &mut self,
        partition: usize,
        output: &mut DataFile,
    ) -> Result<(), EngineError> {
        let mut buffer = Vec::new();
        for spill in &self.spills {
            let (mut offset, mut left) = spill.segments[partition];
            while left > 0 {
                buffer.resize(left.min(4 * WRITE_BUFFER as u64) as usize, 0);
                spill
                    .file
                    .file()
                    .read_exact_at(&mut buffer, offset)
                    .map_err(|error| spill.file.failed(error))?;
                output.write(&buffer)?;
                offset += buffer.len() as u64;
                left -= buffer.len() as u64;
            }
        }
        for frame in std::mem::take(&mut self.memory[partition]) {
            output.write(&frame)?;
        }
        Ok(())
    }
}
