//! Spilling: state that gives memory back, and the files it goes to.

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::reservation::MemoryError;

/// State that can move itself to disk.
pub trait Spillable: Send + Sync {
    /// Frees at least `bytes` if it can. State that is in use (its lock is taken) does nothing.
    fn spill(&self, bytes: u64);
}

/// Spark's local directories, used in turn.
#[derive(Debug)]
pub struct SpillDirectories {
    directories: Vec<PathBuf>,
    next: AtomicUsize,
}

impl SpillDirectories {
    /// Directories to use; the system's temporary directory if none is given.
    pub fn new(directories: Vec<PathBuf>) -> Self {
        let directories = if directories.is_empty() {
            vec![std::env::temp_dir()]
        } else {
            directories
        };
        SpillDirectories {
            directories,
            next: AtomicUsize::new(0),
        }
    }

    /// A new, already unlinked file: it disappears with its last handle, however the task ends.
    pub fn create(&self) -> Result<SpillFile, MemoryError> {
        let mut failure = None;
        for _ in 0..self.directories.len() {
            let index = self.next.fetch_add(1, Ordering::Relaxed) % self.directories.len();
            let directory = self.directories[index].clone();
            match tempfile::tempfile_in(&directory) {
                Ok(file) => return Ok(SpillFile { file, directory }),
                Err(error) => failure = Some(MemoryError::Io { directory, error }),
            }
        }
        Err(failure.unwrap_or_else(|| MemoryError::Io {
            directory: PathBuf::new(),
            error: std::io::Error::other("there is no local directory"),
        }))
    }
}

/// An anonymous file in one of Spark's local directories.
#[derive(Debug)]
pub struct SpillFile {
    file: File,
    directory: PathBuf,
}

impl SpillFile {
    /// The file, to write sequentially and read by position.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The error that a failed write or read of the file is.
    pub fn failed(&self, error: std::io::Error) -> MemoryError {
        MemoryError::Io {
            directory: self.directory.clone(),
            error,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn leaves_no_file_behind() {
        let directory = tempfile::tempdir().unwrap();
        let directories = SpillDirectories::new(vec![directory.path().to_path_buf()]);
        let spill = directories.create().unwrap();
        spill.file().write_all(b"abc").unwrap();
        let mut buffer = [0u8; 3];
        spill.file().read_exact_at(&mut buffer, 0).unwrap();
        assert_eq!(&buffer, b"abc");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn takes_the_next_directory_and_names_the_one_that_fails() {
        let good = tempfile::tempdir().unwrap();
        let bad = good.path().join("file");
        std::fs::write(&bad, b"").unwrap();
        let both = SpillDirectories::new(vec![bad.clone(), good.path().to_path_buf()]);
        both.create().unwrap();
        both.create().unwrap();
        let error = SpillDirectories::new(vec![bad.clone()]).create();
        let text = error.map(|_| ()).unwrap_err().to_string();
        assert!(text.contains(bad.to_str().unwrap()), "{text}");
    }
}
