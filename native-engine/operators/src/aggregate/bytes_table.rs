//! Group ids of keys of any types: a hash table over encoded keys.

use arclight_columns::{Column, Selection, SparkType};
use arclight_expressions::EvalError;

use crate::key_bytes::{EncodedKeys, KeyHasher, decode};

/// A slot without a group.
const EMPTY: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Slot {
    /// The hash's upper half: most probes of other keys end here.
    salt: u32,
    group: u32,
}

const FREE: Slot = Slot {
    salt: 0,
    group: EMPTY,
};

/// Open addressing with linear probing, at most half full.
pub(super) struct BytesTable {
    hasher: KeyHasher,
    slots: Vec<Slot>,
    hashes: Vec<u64>,
    keys: Vec<u8>,
    ends: Vec<usize>,
    encoded: EncodedKeys,
}

impl BytesTable {
    pub(super) fn new(hasher: KeyHasher) -> Self {
        BytesTable {
            hasher,
            slots: vec![FREE; 1024],
            hashes: Vec::new(),
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
        let start = if group == 0 { 0 } else { self.ends[group - 1] };
        &self.keys[start..self.ends[group]]
    }

    /// The group of the last row, if it has the same key, or else a new one.
    fn continue_run(&mut self, key: &[u8]) -> u32 {
        match self.ends.len().checked_sub(1) {
            Some(last) if self.key(last) == key => last as u32,
            _ => {
                self.keys.extend_from_slice(key);
                self.ends.push(self.keys.len());
                self.ends.len() as u32 - 1
            }
        }
    }

    fn find_or_insert(&mut self, key: &[u8]) -> u32 {
        let hash = self.hasher.bytes(key);
        let salt = (hash >> 32) as u32;
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot.group == EMPTY {
                break;
            }
            if slot.salt == salt && self.key(slot.group as usize) == key {
                return slot.group;
            }
            at = (at + 1) & mask;
        }
        let group = self.ends.len() as u32;
        self.slots[at] = Slot { salt, group };
        self.hashes.push(hash);
        self.keys.extend_from_slice(key);
        self.ends.push(self.keys.len());
        if self.ends.len() * 2 > self.slots.len() {
            self.grow();
        }
        group
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        let mut slots = vec![FREE; mask + 1];
        for (group, &hash) in self.hashes.iter().enumerate() {
            let mut at = hash as usize & mask;
            while slots[at].group != EMPTY {
                at = (at + 1) & mask;
            }
            slots[at] = Slot {
                salt: (hash >> 32) as u32,
                group: group as u32,
            };
        }
        self.slots = slots;
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
        self.slots.capacity() * size_of::<Slot>()
            + self.hashes.capacity() * 8
            + self.ends.capacity() * 8
            + self.keys.capacity()
    }
}
