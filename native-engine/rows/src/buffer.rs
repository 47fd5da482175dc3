//! Rows one after the other in one reused, aligned buffer.

/// UnsafeRows laid one after the other, and their lengths: a row block as it crosses to the JVM.
#[derive(Debug, Default)]
pub struct RowBuffer {
    pub(crate) words: Vec<u64>,
    pub(crate) lengths: Vec<i32>,
}

impl RowBuffer {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// The rows' bytes; they begin at a multiple of 8, as every row in them.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: words are plain integers, so their memory is that many initialised bytes.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast(), 8 * self.words.len()) }
    }

    /// The length of each row in bytes.
    pub fn lengths(&self) -> &[i32] {
        &self.lengths
    }

    /// Number of rows.
    pub fn count(&self) -> usize {
        self.lengths.len()
    }

    /// Forgets the rows and keeps the memory.
    pub fn clear(&mut self) {
        self.words.clear();
        self.lengths.clear();
    }

    /// Replaces the rows by copies of these, each a multiple of 8 bytes long.
    pub fn copy_rows<'a>(&mut self, rows: impl IntoIterator<Item = &'a [u8]>) {
        self.clear();
        for row in rows {
            debug_assert_eq!(row.len() % 8, 0);
            self.lengths.push(row.len() as i32);
            let words = row.chunks_exact(8).map(|word| {
                let mut bytes = [0; 8];
                bytes.copy_from_slice(word);
                u64::from_le_bytes(bytes)
            });
            self.words.extend(words);
        }
    }

    /// Bytes of memory the buffer holds on to.
    pub fn memory_size(&self) -> usize {
        8 * self.words.capacity() + 4 * self.lengths.capacity()
    }
}
