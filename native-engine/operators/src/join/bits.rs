//! A list of bits that are set one at a time.

/// As many bits as were asked for, none set at first.
#[derive(Debug, Clone)]
pub(crate) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    pub(crate) fn new(len: usize) -> Self {
        Bits {
            words: vec![0; len.div_ceil(64)],
        }
    }

    #[inline]
    pub(crate) fn set(&mut self, at: usize) {
        self.words[at / 64] |= 1 << (at % 64);
    }

    #[inline]
    pub(crate) fn get(&self, at: usize) -> bool {
        self.words[at / 64] >> (at % 64) & 1 == 1
    }

    /// Whether a bit from `from` to `to`, both included, is set.
    pub(crate) fn any(&self, from: usize, to: usize) -> bool {
        let (first, last) = (from / 64, to / 64);
        let head = u64::MAX << (from % 64);
        let tail = u64::MAX >> (63 - to % 64);
        if first == last {
            return self.words[first] & head & tail != 0;
        }
        self.words[first] & head != 0
            || self.words[last] & tail != 0
            || self.words[first + 1..last].iter().any(|&word| word != 0)
    }

    /// Bytes it takes.
    pub(crate) fn memory_size(&self) -> u64 {
        8 * self.words.len() as u64
    }

    /// Bytes that this many bits take.
    pub(crate) fn bytes(len: usize) -> u64 {
        8 * len.div_ceil(64) as u64
    }
}
