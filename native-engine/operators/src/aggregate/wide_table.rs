//! Group ids of keys of several words: a hash table over words.

use super::packing::{Packed, Words};
use super::slots::{EMPTY, Slots};
use crate::key_bytes::{GROUP, KeyHasher};

/// Rows are looked up by their words' hashes.
pub(super) struct WideTable {
    hasher: KeyHasher,
    width: usize,
    /// Of all groups, unless runs are numbered.
    slots: Slots,
    /// The words of each group's key, one group's after the other's.
    words: Vec<u64>,
    len: usize,
}

impl WideTable {
    /// A table for keys of so many words, one at least.
    pub(super) fn new(width: usize, hasher: KeyHasher) -> Self {
        WideTable {
            hasher,
            width,
            slots: Slots::new(),
            words: Vec::new(),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The keys of groups `from..to`.
    pub(super) fn keys(&self, from: usize, to: usize) -> Packed<'_> {
        Packed {
            words: &self.words[from * self.width..to * self.width],
            width: self.width,
        }
    }

    pub(super) fn memory_size(&self) -> usize {
        self.slots.memory_size() + 8 * self.words.capacity()
    }

    /// Appends the group of each row's key to `groups`.
    pub(super) fn find_or_insert(&mut self, keys: &Words, groups: &mut Vec<u32>) {
        let mut hashes = [0u64; GROUP];
        let mut found = [EMPTY; GROUP];
        let mut from = 0;
        // One step of the search for many keys after the other, so that their cache misses overlap.
        while from < keys.rows() {
            let count = GROUP.min(keys.rows() - from);
            self.slots.make_room(count);
            let hashes = &mut hashes[..count];
            hashes.fill(0);
            for word in 0..self.width {
                let words = &keys.word(word)[from..from + count];
                for (hash, &word) in hashes.iter_mut().zip(words) {
                    *hash = self.hasher.word(*hash ^ word);
                }
            }
            self.slots.candidates(hashes, &mut found);
            for (i, found) in found[..count].iter_mut().enumerate() {
                if *found != EMPTY && !is_key(&self.words, self.width, *found, keys, from + i) {
                    *found = EMPTY;
                }
            }
            for (i, (&found, &hash)) in found.iter().zip(&*hashes).enumerate() {
                groups.push(match found {
                    EMPTY => self.find_or_insert_one(keys, from + i, hash),
                    group => group,
                });
            }
            from += count;
        }
    }

    /// Appends to `groups` the last group, where a row has its key, or else a new one.
    pub(super) fn continue_runs(&mut self, keys: &Words, groups: &mut Vec<u32>) {
        for row in 0..keys.rows() {
            let last = (self.len as u32).checked_sub(1);
            groups.push(match last {
                Some(last) if is_key(&self.words, self.width, last, keys, row) => last,
                _ => self.push(keys, row),
            });
        }
    }

    /// A new group.
    fn push(&mut self, keys: &Words, row: usize) -> u32 {
        let words = (0..self.width).map(|word| keys.get(word, row));
        self.words.extend(words);
        self.len += 1;
        self.len as u32 - 1
    }

    fn find_or_insert_one(&mut self, keys: &Words, row: usize, hash: u64) -> u32 {
        let key = |group| is_key(&self.words, self.width, group, keys, row);
        let group = self.slots.find_or_insert(hash, key);
        if group as usize == self.len {
            self.push(keys, row);
        }
        group
    }
}

#[inline]
fn is_key(words: &[u64], width: usize, group: u32, keys: &Words, row: usize) -> bool {
    let words = &words[group as usize * width..][..width];
    let mut differ = 0;
    for (word, &of_group) in words.iter().enumerate() {
        differ |= of_group ^ keys.get(word, row);
    }
    differ == 0
}
