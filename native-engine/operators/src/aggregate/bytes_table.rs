//! Group ids of keys of any types: a hash table over encoded keys.

use arclight_columns::{Column, Selection, SparkType};
use arclight_expressions::EvalError;

use super::slots::{EMPTY, Slots};
use crate::key_bytes::{EncodedKeys, GROUP, KeyHasher, decode};

/// Keys are looked up by their bytes' hashes.
pub(super) struct BytesTable {
    hasher: KeyHasher,
    /// Of all groups, unless runs are numbered.
    slots: Slots,
    keys: Vec<u8>,
    ends: Vec<usize>,
    encoded: EncodedKeys,
}

impl BytesTable {
    pub(super) fn new(hasher: KeyHasher) -> Self {
        BytesTable {
            hasher,
            slots: Slots::new(),
            keys: Vec::new(),
            ends: Vec::new(),
            encoded: EncodedKeys::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Appends the group of each active row to `groups`: that of its key, or of its run of equal
    /// keys. A table does one or the other.
    pub(super) fn assign(
        &mut self,
        keys: &[Column],
        rows: &Selection,
        runs: bool,
        groups: &mut Vec<u32>,
    ) {
        let mut encoded = std::mem::take(&mut self.encoded);
        encoded.encode(keys, rows);
        if runs {
            self.continue_runs(&encoded, groups);
        } else {
            self.find_or_insert(&encoded, groups);
        }
        self.encoded = encoded;
    }

    fn key(&self, group: usize) -> &[u8] {
        key(&self.keys, &self.ends, group)
    }

    /// Appends to `groups` the last group, where a row has its key, or else a new one.
    fn continue_runs(&mut self, keys: &EncodedKeys, groups: &mut Vec<u32>) {
        for row in 0..keys.len() {
            let last = self.len().checked_sub(1);
            groups.push(match last {
                Some(last) if self.key(last) == keys.get(row) => last as u32,
                _ => self.push(keys.get(row)),
            });
        }
    }

    /// Appends the group of each row's key to `groups`.
    fn find_or_insert(&mut self, keys: &EncodedKeys, groups: &mut Vec<u32>) {
        let mut hashes = [0u64; GROUP];
        let mut found = [EMPTY; GROUP];
        let mut spans = [(0, 0); GROUP];
        let mut from = 0;
        // One step of the search for many keys after the other, so that their cache misses overlap.
        while from < keys.len() {
            let count = GROUP.min(keys.len() - from);
            self.slots.make_room(count);
            for (i, hash) in hashes[..count].iter_mut().enumerate() {
                *hash = self.hasher.bytes(keys.get(from + i));
            }
            self.slots.candidates(&hashes[..count], &mut found);
            for (span, &group) in spans.iter_mut().zip(&found[..count]) {
                *span = match group {
                    EMPTY => (0, 0),
                    group => span_of(&self.ends, group as usize),
                };
            }
            for (i, (found, &(start, end))) in found[..count].iter_mut().zip(&spans).enumerate() {
                if self.keys[start..end] != *keys.get(from + i) {
                    *found = EMPTY;
                }
            }
            for (i, (&found, &hash)) in found[..count].iter().zip(&hashes).enumerate() {
                groups.push(match found {
                    EMPTY => self.find_or_insert_one(keys.get(from + i), hash),
                    group => group,
                });
            }
            from += count;
        }
    }

    fn find_or_insert_one(&mut self, bytes: &[u8], hash: u64) -> u32 {
        let is_key = |group: u32| key(&self.keys, &self.ends, group as usize) == bytes;
        let group = self.slots.find_or_insert(hash, is_key);
        if group as usize == self.ends.len() {
            self.push(bytes);
        }
        group
    }

    /// A new group.
    fn push(&mut self, key: &[u8]) -> u32 {
        self.keys.extend_from_slice(key);
        self.ends.push(self.keys.len());
        self.ends.len() as u32 - 1
    }

    /// The keys of groups `from..to`.
    pub(super) fn columns(
        &self,
        from: usize,
        to: usize,
        types: &[SparkType],
    ) -> Result<Vec<Column>, EvalError> {
        decode((from..to).map(|group| self.key(group)), types)
    }

    pub(super) fn memory_size(&self) -> usize {
        self.slots.memory_size() + self.ends.capacity() * 8 + self.keys.capacity()
    }
}

/// The key of a group among all, which lie one after the other.
#[inline]
fn key<'a>(keys: &'a [u8], ends: &[usize], group: usize) -> &'a [u8] {
    let (start, end) = span_of(ends, group);
    &keys[start..end]
}

/// Where a group's key begins and ends.
#[inline]
fn span_of(ends: &[usize], group: usize) -> (usize, usize) {
    let start = if group == 0 { 0 } else { ends[group - 1] };
    (start, ends[group])
}
