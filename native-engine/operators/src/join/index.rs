//! Indexes from keys to rows of the build side.

use arclight_columns::{Column, Selection};

use super::keys::WordForm;
use crate::key_bytes::{EncodedKeys, GROUP, KeyHasher};
use crate::operator::EngineError;

/// An array of up to this many slots is taken whatever the number of rows, unless that is tiny.
const SMALL_ARRAY: u64 = 1 << 16;
/// An array of up to this many slots is taken where there are more than a few rows.
const ARRAY: u64 = 4 << 20;
/// The fewest rows for the latter.
const ARRAY_ROWS: u64 = 256;
/// Beyond it, an array of up to this many slots is taken where one in 50 is used.
const LARGE_ARRAY: u64 = 16 << 20;
/// Beyond that, an array is taken where it is no larger than a hash table.
const SLOTS_PER_ROW: u64 = 8;

/// Finds the first row of a key. A row is its position plus one; 0 is none.
pub(super) enum Index {
    /// No row has a key.
    Empty,
    /// A row for each possible word, and a last slot without one.
    Dense { form: WordForm, slots: Vec<u32> },
    /// A hash table of words.
    Words { form: WordForm, slots: WordSlots },
    /// A hash table of keys as bytes.
    Bytes(BytesSlots),
}

/// Chains `row` before the row `after` with the same key. `next` is made when first needed.
pub(super) fn link(next: &mut Vec<u32>, rows: usize, row: u32, after: u32) {
    if next.is_empty() {
        next.resize(rows, 0);
    }
    next[row as usize - 1] = after;
}

impl Index {
    /// Whether an array suits words up to `largest` of this many rows.
    pub(super) fn is_dense(largest: u64, rows: usize) -> bool {
        let rows = rows as u64;
        largest < SMALL_ARRAY
            || (largest < ARRAY && rows >= ARRAY_ROWS)
            || (largest < LARGE_ARRAY && largest / 50 < rows)
            || (largest < u64::from(u32::MAX) && largest / SLOTS_PER_ROW < rows)
    }

    pub(super) fn dense(
        form: WordForm,
        keys: &[Column],
        rows: &Selection,
        link: &mut impl FnMut(u32, u32),
    ) -> Result<Self, EngineError> {
        let (mut words, mut known) = (Vec::new(), Vec::new());
        form.words(keys, rows, &mut words, &mut known)?;
        let mut slots = vec![0u32; form.largest() as usize + 2];
        for (row, &word) in rows.iter().zip(&words) {
            let row = row as u32 + 1;
            let slot = &mut slots[word as usize];
            if *slot != 0 {
                link(row, *slot);
            }
            *slot = row;
        }
        Ok(Index::Dense { form, slots })
    }

    pub(super) fn words(
        form: WordForm,
        keys: &[Column],
        rows: &Selection,
        hasher: &KeyHasher,
        link: &mut impl FnMut(u32, u32),
    ) -> Result<Self, EngineError> {
        let (mut words, mut known) = (Vec::new(), Vec::new());
        form.words(keys, rows, &mut words, &mut known)?;
        let mut slots = WordSlots::new(words.len());
        slots.insert(hasher, rows, &words, link);
        Ok(Index::Words { form, slots })
    }

    pub(super) fn bytes(
        keys: &[Column],
        rows: &Selection,
        hasher: &KeyHasher,
        link: &mut impl FnMut(u32, u32),
    ) -> Self {
        let mut encoded = EncodedKeys::default();
        encoded.encode(keys, rows);
        Index::Bytes(BytesSlots::new(encoded, rows, hasher, link))
    }

    /// Calls `f` with the first row of each key, which it may change.
    pub(super) fn for_each_head(&mut self, mut f: impl FnMut(&mut u32)) {
        match self {
            Index::Empty => {}
            Index::Dense { slots, .. } => slots.iter_mut().filter(|row| **row != 0).for_each(f),
            Index::Words { slots, .. } => {
                let rows = slots.slots.iter_mut().map(|slot| &mut slot.row);
                rows.filter(|row| **row != 0).for_each(f);
            }
            Index::Bytes(slots) => {
                for &slot in slots.slots.iter().filter(|&&slot| slot != 0) {
                    f(&mut slots.heads[BytesSlots::key(slot)]);
                }
            }
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Index::Empty => "empty",
            Index::Dense { .. } => "array",
            Index::Words { .. } => "words",
            Index::Bytes(_) => "bytes",
        }
    }

    pub(super) fn memory_size(&self) -> usize {
        match self {
            Index::Empty => 0,
            Index::Dense { slots, .. } => 4 * slots.capacity(),
            Index::Words { slots, .. } => slots.slots.capacity() * size_of::<WordSlot>(),
            Index::Bytes(slots) => slots.memory_size(),
        }
    }
}

/// Slots for this many keys: a power of two, at most half of them used.
fn capacity(keys: usize) -> usize {
    (2 * keys).next_power_of_two().max(8)
}

#[derive(Clone, Copy, Default)]
struct WordSlot {
    word: u64,
    row: u32,
}

/// Open addressing with linear probing over words.
pub(super) struct WordSlots {
    slots: Vec<WordSlot>,
}

impl WordSlots {
    fn new(keys: usize) -> Self {
        WordSlots {
            slots: vec![WordSlot::default(); capacity(keys)],
        }
    }

    fn insert(
        &mut self,
        hasher: &KeyHasher,
        rows: &Selection,
        words: &[u64],
        link: &mut impl FnMut(u32, u32),
    ) {
        let mask = self.slots.len() - 1;
        let mut places = [0usize; GROUP];
        let mut rows = rows.iter();
        for words in words.chunks(GROUP) {
            let mut touched = 0;
            for (place, &word) in places.iter_mut().zip(words) {
                *place = hasher.word(word) as usize & mask;
                // Brings the slot into the cache, without waiting for the one before.
                touched |= self.slots[*place].row;
            }
            std::hint::black_box(touched);
            for ((&place, &word), row) in places.iter().zip(words).zip(&mut rows) {
                let row = row as u32 + 1;
                let mut at = place;
                loop {
                    let slot = &mut self.slots[at];
                    if slot.row == 0 {
                        *slot = WordSlot { word, row };
                        break;
                    }
                    if slot.word == word {
                        link(row, slot.row);
                        slot.row = row;
                        break;
                    }
                    at = (at + 1) & mask;
                }
            }
        }
    }

    /// The first row of each word that is `known`; 0 for the others.
    pub(super) fn find(
        &self,
        hasher: &KeyHasher,
        words: &[u64],
        known: &[bool],
        found: &mut [u32],
    ) {
        let mask = self.slots.len() - 1;
        let mut places = [0usize; GROUP];
        let mut firsts = [WordSlot::default(); GROUP];
        let groups = words.chunks(GROUP).zip(known.chunks(GROUP));
        for ((words, known), found) in groups.zip(found.chunks_mut(GROUP)) {
            for (place, &word) in places.iter_mut().zip(words) {
                *place = hasher.word(word) as usize & mask;
            }
            for (first, &place) in firsts.iter_mut().zip(&places[..words.len()]) {
                *first = self.slots[place];
            }
            for (i, found) in found.iter_mut().enumerate() {
                let word = words[i];
                let mut slot = firsts[i];
                let mut at = places[i];
                while slot.row != 0 && slot.word != word {
                    at = (at + 1) & mask;
                    slot = self.slots[at];
                }
                *found = if known[i] { slot.row } else { 0 };
            }
        }
    }
}

/// Open addressing with linear probing over keys as bytes. A slot is the hash's upper half and
/// the number of the key, plus one: other keys rarely cost a look at their bytes.
pub(super) struct BytesSlots {
    slots: Vec<u64>,
    keys: EncodedKeys,
    /// The first row of each key.
    heads: Vec<u32>,
    /// Whether key `i` is row `i`.
    numbered: bool,
}

const SALT: u64 = 0xffff_ffff_0000_0000;

impl BytesSlots {
    fn new(
        keys: EncodedKeys,
        rows: &Selection,
        hasher: &KeyHasher,
        link: &mut impl FnMut(u32, u32),
    ) -> Self {
        let mut slots = BytesSlots {
            slots: vec![0; capacity(keys.len())],
            heads: rows.iter().map(|row| row as u32 + 1).collect(),
            keys,
            numbered: rows.is_all(),
        };
        slots.insert(hasher, link);
        slots
    }

    /// The number of the key in a slot that has one.
    fn key(slot: u64) -> usize {
        (slot & !SALT) as usize - 1
    }

    fn insert(&mut self, hasher: &KeyHasher, link: &mut impl FnMut(u32, u32)) {
        let mask = self.slots.len() - 1;
        for key in 0..self.keys.len() {
            let bytes = self.keys.get(key);
            let hash = hasher.bytes(bytes);
            let mut at = hash as usize & mask;
            loop {
                let slot = self.slots[at];
                if slot == 0 {
                    self.slots[at] = (hash & SALT) | (key as u64 + 1);
                    break;
                }
                let other = Self::key(slot);
                if slot & SALT == hash & SALT && self.keys.get(other) == bytes {
                    // The slot keeps naming the first key, whose head moves on.
                    link(self.heads[key], self.heads[other]);
                    self.heads[other] = self.heads[key];
                    self.numbered = false;
                    break;
                }
                at = (at + 1) & mask;
            }
        }
    }

    /// The first row of each key; 0 where there is none.
    pub(super) fn find(&self, hasher: &KeyHasher, keys: &EncodedKeys, found: &mut [u32]) {
        let mask = self.slots.len() - 1;
        let mut hashes = [0u64; GROUP];
        let mut firsts = [0u64; GROUP];
        for (group, found) in found.chunks_mut(GROUP).enumerate() {
            let from = group * GROUP;
            for (i, hash) in hashes[..found.len()].iter_mut().enumerate() {
                *hash = hasher.bytes(keys.get(from + i));
            }
            for (first, &hash) in firsts.iter_mut().zip(&hashes[..found.len()]) {
                *first = self.slots[hash as usize & mask];
            }
            for (i, found) in found.iter_mut().enumerate() {
                let hash = hashes[i];
                let mut slot = firsts[i];
                let mut at = hash as usize & mask;
                while slot != 0 {
                    let other = Self::key(slot);
                    if slot & SALT == hash & SALT && self.keys.get(other) == keys.get(from + i) {
                        *found = match self.numbered {
                            true => other as u32 + 1,
                            false => self.heads[other],
                        };
                        break;
                    }
                    at = (at + 1) & mask;
                    slot = self.slots[at];
                }
            }
        }
    }

    fn memory_size(&self) -> usize {
        8 * self.slots.capacity() + self.keys.memory_size() + 4 * self.heads.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_where_they_are_small_or_well_used() {
        assert!(Index::is_dense(1000, 1));
        assert!(Index::is_dense(4_000_000, 256));
        assert!(!Index::is_dense(4_000_000, 10));
        assert!(Index::is_dense(15_000_000, 400_000));
        assert!(!Index::is_dense(15_000_000, 200_000));
        assert!(Index::is_dense(60_000_000, 15_000_000));
        assert!(!Index::is_dense(60_000_000, 1_500_000));
        assert!(!Index::is_dense(u64::MAX, usize::MAX));
    }
}
