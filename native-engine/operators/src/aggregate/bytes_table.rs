//! Group ids of keys of any types: a hash table over encoded keys.

use arclight_columns::{Column, Selection, SparkType};
use arclight_expressions::EvalError;

use super::slots::Slots;
use crate::key_bytes::{EncodedKeys, KeyHasher, decode};

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
        for index in 0..encoded.len() {
            let key = encoded.get(index);
            groups.push(if runs {
                self.continue_run(key)
            } else {
                self.find_or_insert(key)
            });
        }
        self.encoded = encoded;
    }

    fn key(&self, group: usize) -> &[u8] {
        key(&self.keys, &self.ends, group)
    }

    /// The group of the last row, if it has the same key, or else a new one.
    fn continue_run(&mut self, key: &[u8]) -> u32 {
        match self.ends.len().checked_sub(1) {
            Some(last) if self.key(last) == key => last as u32,
            _ => {
                self.push(key);
                self.ends.len() as u32 - 1
            }
        }
    }

    fn find_or_insert(&mut self, bytes: &[u8]) -> u32 {
        self.slots.make_room(1);
        let is_key = |group: u32| key(&self.keys, &self.ends, group as usize) == bytes;
        let hash = self.hasher.bytes(bytes);
        let group = self.slots.find_or_insert(hash, is_key);
        if group as usize == self.ends.len() {
            self.push(bytes);
        }
        group
    }

    fn push(&mut self, key: &[u8]) {
        self.keys.extend_from_slice(key);
        self.ends.push(self.keys.len());
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
    let start = if group == 0 { 0 } else { ends[group - 1] };
    &keys[start..ends[group]]
}
