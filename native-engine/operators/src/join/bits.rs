//! A list of bits that are set one at a time.

/// As many bits as were asked for, none set at first.
#[derive(Debug, Clone)]
pub(super) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    pub(super) fn new(len: usize) -> Self {
        Bits {
            words: vec![0; len.div_ceil(64)],
        }
    }

    #[inline]
    pub(super) fn set(&mut self, at: usize) {
        self.words[at / 64] |= 1 << (at % 64);
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> bool {
        self.words[at / 64] >> (at % 64) & 1 == 1
    }

    /// Whether a bit from `from` to `to`, both included, is set.
    pub(super) fn any(&self, from: usize, to: usize) -> bool {
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

    /// Bytes that this many bits take.
    pub(super) fn bytes(len: usize) -> u64 {
        8 * len.div_ceil(64) as u64
    }
}
