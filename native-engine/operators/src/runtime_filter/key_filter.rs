//! What is known of the keys of one side of a join, to tell values that are none of them.

use arclight_columns::{Column, Selection, SparkType};

use crate::join::{Bits, integers, is_word, rows_with_keys};
use crate::operator::EngineError;

/// The widest range of keys that is kept as a bit for each.
const BITS: u64 = 512 << 20;
/// Such a range whatever the number of keys.
const SMALL_BITS: u64 = 1 << 20;
/// Bits for each key beyond which hashed keys, which take a fifth of that or less, are better though
/// they are found all over the memory: keys of neighbouring rows are often neighbours.
const BITS_PER_KEY: u64 = 128;
/// The most keys that are kept hashed; a filter of more would not stay in a cache.
const HASHED_KEYS: usize = 4 << 20;

/// The keys of one column of a join's side: as much as is needed to tell that a value is not one.
#[derive(Debug)]
pub(crate) struct KeyFilter {
    pub(super) data_type: SparkType,
    smallest: i64,
    /// Less than the smallest if there are no keys.
    largest: i64,
    values: Values,
}

#[derive(Debug)]
enum Values {
    /// All between the smallest and the largest, as far as is known.
    Range,
    /// A bit for each from the smallest on.
    Bits(Bits),
    /// Four bits of one word for each key.
    Hashed(Vec<u64>),
}

/// The word and its bits for a value.
#[inline]
fn place(value: i64, words: usize) -> (usize, u64) {
    let hash = (value as u64 ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let hash = hash ^ (hash >> 32);
    let hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
    let bits = 1 << (hash & 63) | 1 << (hash >> 6 & 63) | 1 << (hash >> 12 & 63);
    let bits = bits | 1 << (hash >> 18 & 63);
    ((hash >> 32) as usize & (words - 1), bits)
}

impl KeyFilter {
    /// Bytes that the filter of this many keys takes, at most.
    pub(crate) fn bytes(rows: usize) -> u64 {
        SMALL_BITS / 8 + BITS_PER_KEY * rows.min(HASHED_KEYS) as u64 / 8
    }

    /// The filter of a build side's key column; `None` for types without one, or without keys.
    pub(crate) fn of(key: &Column) -> Result<Option<Self>, EngineError> {
        if !is_word(key.data_type()) {
            return Ok(None);
        }
        let rows = rows_with_keys(std::slice::from_ref(key), &Selection::all(key.len()));
        if rows.is_empty() {
            return Ok(None);
        }
        let keys = integers(key, &rows)?;
        Ok(Some(Self::of_integers(key.data_type().clone(), &keys)))
    }

    /// The filter of keys as integers ([`integers`]), which may repeat. Without keys nothing
    /// passes.
    pub(super) fn of_integers(data_type: SparkType, keys: &[i64]) -> Self {
        let smallest = keys.iter().copied().fold(i64::MAX, i64::min);
        let largest = keys.iter().copied().fold(i64::MIN, i64::max);
        let range = (largest as u64).wrapping_sub(smallest as u64);
        let count = keys.len() as u64;
        // 16 to 32 bits a key.
        let words = (keys.len() / 4).next_power_of_two();
        let dense = range < BITS && range / BITS_PER_KEY < count;
        let values = if keys.is_empty() {
            Values::Range
        } else if range < SMALL_BITS || dense {
            let mut bits = Bits::new(range as usize + 1);
            for &key in keys {
                bits.set((key as u64).wrapping_sub(smallest as u64) as usize);
            }
            Values::Bits(bits)
        } else if keys.len() <= HASHED_KEYS {
            let mut hashed = vec![0u64; words];
            for &key in keys {
                let (word, bits) = place(key, words);
                hashed[word] |= bits;
            }
            Values::Hashed(hashed)
        } else {
            Values::Range
        };
        KeyFilter {
            data_type,
            smallest,
            largest,
            values,
        }
    }

    /// Bytes it takes.
    pub(super) fn memory_size(&self) -> u64 {
        match &self.values {
            Values::Range => 0,
            Values::Bits(bits) => bits.memory_size(),
            Values::Hashed(words) => 8 * words.len() as u64,
        }
    }

    /// Whether some value from `smallest` to `largest` may be a key.
    pub(super) fn overlaps(&self, smallest: i64, largest: i64) -> bool {
        let low = smallest.max(self.smallest);
        let high = largest.min(self.largest);
        if low > high {
            return false;
        }
        match &self.values {
            Values::Bits(bits) => bits.any(self.offset(low), self.offset(high)),
            Values::Range | Values::Hashed(_) => true,
        }
    }

    /// Whether a value may be a key.
    #[inline]
    pub(super) fn may_contain(&self, value: i64) -> bool {
        if value < self.smallest || value > self.largest {
            return false;
        }
        match &self.values {
            Values::Range => true,
            Values::Bits(bits) => bits.get(self.offset(value)),
            Values::Hashed(words) => {
                let (word, bits) = place(value, words.len());
                words[word] & bits == bits
            }
        }
    }

    fn offset(&self, value: i64) -> usize {
        (value as u64).wrapping_sub(self.smallest as u64) as usize
    }
}
