//! Group ids of keys of several words: a hash table over words.

use super::packing::{Packed, Words};
use crate::key_bytes::{GROUP, KeyHasher};

/// A slot without a group, a row whose group is not known yet.
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

fn salt(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// Open addressing with linear probing, at most half full.
pub(super) struct WideTable {
    hasher: KeyHasher,
    width: usize,
    slots: Vec<Slot>,
    /// The words of each group's key, one group's after the other's.
    words: Vec<u64>,
    /// One for each group, unless runs are numbered.
    hashes: Vec<u64>,
    len: usize,
}

impl WideTable {
    /// A table for keys of so many words, one at least.
    pub(super) fn new(width: usize, hasher: KeyHasher) -> Self {
        WideTable {
            hasher,
            width,
            slots: vec![FREE; 1024],
            words: Vec::new(),
            hashes: Vec::new(),
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
        self.slots.capacity() * size_of::<Slot>()
            + 8 * (self.words.capacity() + self.hashes.capacity())
    }

    /// Appends the group of each row's key to `groups`.
    pub(super) fn find_or_insert(&mut self, keys: &Words, groups: &mut Vec<u32>) {
        let mut hashes = [0u64; GROUP];
        let mut firsts = [FREE; GROUP];
        let mut found = [EMPTY; GROUP];
        let mut from = 0;
        // One step of the search for many keys after the other, so that their cache misses overlap.
        while from < keys.rows() {
            let count = GROUP.min(keys.rows() - from);
            self.make_room(count);
            let mask = self.slots.len() - 1;
            let hashes = &mut hashes[..count];
            hashes.fill(0);
            for word in 0..self.width {
                let words = &keys.word(word)[from..from + count];
                for (hash, &word) in hashes.iter_mut().zip(words) {
                    *hash = self.hasher.word(*hash ^ word);
                }
            }
            for (first, &hash) in firsts.iter_mut().zip(&*hashes) {
                *first = self.slots[hash as usize & mask];
            }
            for (i, (found, first)) in found[..count].iter_mut().zip(&firsts).enumerate() {
                let same = first.group != EMPTY
                    && first.salt == salt(hashes[i])
                    && self.is_key(first.group, keys, from + i);
                *found = if same { first.group } else { EMPTY };
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
                Some(last) if self.is_key(last, keys, row) => last,
                _ => self.push(keys, row),
            });
        }
    }

    #[inline]
    fn is_key(&self, group: u32, keys: &Words, row: usize) -> bool {
        let words = &self.words[group as usize * self.width..][..self.width];
        let mut differ = 0;
        for (word, &of_group) in words.iter().enumerate() {
            differ |= of_group ^ keys.get(word, row);
        }
        differ == 0
    }

    /// A new group.
    fn push(&mut self, keys: &Words, row: usize) -> u32 {
        let words = (0..self.width).map(|word| keys.get(word, row));
        self.words.extend(words);
        self.len += 1;
        self.len as u32 - 1
    }

    fn find_or_insert_one(&mut self, keys: &Words, row: usize, hash: u64) -> u32 {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot.group == EMPTY {
                break;
            }
            if slot.salt == salt(hash) && self.is_key(slot.group, keys, row) {
                return slot.group;
            }
            at = (at + 1) & mask;
        }
        let group = self.push(keys, row);
        self.hashes.push(hash);
        self.slots[at] = Slot {
            salt: salt(hash),
            group,
        };
        group
    }

    /// Makes room for `more` further keys.
    fn make_room(&mut self, more: usize) {
        let mut size = self.slots.len();
        while (self.hashes.len() + more) * 2 > size {
            size *= 2;
        }
        if size == self.slots.len() {
            return;
        }
        let mask = size - 1;
        let mut slots = vec![FREE; size];
        for (group, &hash) in (0..).zip(&self.hashes) {
            let mut at = hash as usize & mask;
            while slots[at].group != EMPTY {
                at = (at + 1) & mask;
            }
            slots[at] = Slot {
                salt: salt(hash),
                group,
            };
        }
        self.slots = slots;
    }
}
