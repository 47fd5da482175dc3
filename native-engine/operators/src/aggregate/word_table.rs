//! Group ids of keys that fit 64 bits together: a hash table over words.

use arclight_columns::{BooleanBuffer, Column, NullBuffer, Selection, SparkType};
use arclight_expressions::EvalError;

use super::packing::{Packed, Packing, Words};
use crate::key_bytes::{GROUP, KeyHasher};

const EMPTY: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Slot {
    key: u64,
    group: u32,
}

const FREE: Slot = Slot {
    key: 0,
    group: EMPTY,
};

/// Open addressing with linear probing, at most half full. Several keys are packed with a NULL
/// bit each; NULL of a single key has a group beside the table.
pub(super) struct WordTable {
    hasher: KeyHasher,
    packing: Packing,
    slots: Vec<Slot>,
    words: Vec<u64>,
    null_group: u32,
    /// The word and group of the last row that was not NULL, while runs are numbered.
    run: Option<(u64, u32)>,
    scratch: Words,
}

impl WordTable {
    /// A table for keys of these types, if they fit.
    pub(super) fn new(types: &[SparkType], hasher: KeyHasher) -> Option<Self> {
        let packing = Packing::new(types, types.len() > 1)?;
        if packing.width() != 1 {
            return None;
        }
        Some(WordTable {
            hasher,
            packing,
            slots: vec![FREE; 1024],
            words: Vec::new(),
            null_group: EMPTY,
            run: None,
            scratch: Words::default(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// Appends the group of each active row to `groups`: that of its key, or of its run of equal
    /// keys. A table does one or the other.
    pub(super) fn assign(
        &mut self,
        keys: &[Column],
        rows: &Selection,
        runs: bool,
        groups: &mut Vec<u32>,
    ) -> Result<(), EvalError> {
        let mut words = std::mem::take(&mut self.scratch);
        words.reset(rows.count(), 1);
        for (key, &part) in keys.iter().zip(self.packing.parts()) {
            words.pack(key, rows, part)?;
        }
        let single_nulls = match keys {
            [key] => key.logical_validity(),
            _ => None,
        };
        match single_nulls {
            None if runs => {
                groups.extend(words.word(0).iter().map(|&word| self.continue_run(word)))
            }
            None => self.find_or_insert_all(words.word(0), groups),
            Some(valid) => {
                for (row, &word) in rows.iter().zip(words.word(0)) {
                    groups.push(if !valid.is_valid(row) {
                        self.null_group()
                    } else if runs {
                        self.continue_run(word)
                    } else {
                        self.find_or_insert(word)
                    });
                }
            }
        }
        self.scratch = words;
        Ok(())
    }

    fn null_group(&mut self) -> u32 {
        if self.null_group == EMPTY {
            self.null_group = self.words.len() as u32;
            self.words.push(0);
        }
        self.null_group
    }

    /// The group of the last row, if it has the same word, or else a new one.
    #[inline]
    fn continue_run(&mut self, word: u64) -> u32 {
        match self.run {
            Some((last, group)) if last == word => group,
            _ => {
                let group = self.words.len() as u32;
                self.words.push(word);
                self.run = Some((word, group));
                group
            }
        }
    }

    /// Appends the groups of words. Rows of one key often follow each other, so a word is compared
    /// with the one before it first.
    fn find_or_insert_all(&mut self, words: &[u64], groups: &mut Vec<u32>) {
        let mut places = [0usize; GROUP];
        let mut firsts = [FREE; GROUP];
        for words in words.chunks(GROUP) {
            self.make_room(words.len());
            let mask = self.slots.len() - 1;
            for (place, &word) in places.iter_mut().zip(words) {
                *place = self.hasher.word(word) as usize & mask;
            }
            for (first, &place) in firsts.iter_mut().zip(&places[..words.len()]) {
                *first = self.slots[place];
            }
            let (mut before, mut group) = (0, EMPTY);
            for ((&word, &place), &first) in words.iter().zip(&places).zip(&firsts) {
                if group == EMPTY || word != before {
                    (before, group) = (word, self.find_or_insert_at(word, place, first));
                }
                groups.push(group);
            }
        }
    }

    fn find_or_insert(&mut self, word: u64) -> u32 {
        self.make_room(1);
        let place = self.hasher.word(word) as usize & (self.slots.len() - 1);
        self.find_or_insert_at(word, place, self.slots[place])
    }

    /// The group of a word whose search begins at `place`, where `first` was the slot a moment ago.
    #[inline]
    fn find_or_insert_at(&mut self, word: u64, place: usize, first: Slot) -> u32 {
        let mask = self.slots.len() - 1;
        let (mut at, mut slot) = (place, first);
        if slot.group == EMPTY {
            // Another row may have taken it since.
            slot = self.slots[at];
        }
        while slot.group != EMPTY {
            if slot.key == word {
                return slot.group;
            }
            at = (at + 1) & mask;
            slot = self.slots[at];
        }
        let group = self.words.len() as u32;
        self.slots[at] = Slot { key: word, group };
        self.words.push(word);
        group
    }

    /// Makes room for `more` further keys.
    fn make_room(&mut self, more: usize) {
        while (self.words.len() + more) * 2 > self.slots.len() {
            self.grow();
        }
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        let mut slots = vec![FREE; mask + 1];
        for slot in self.slots.iter().filter(|s| s.group != EMPTY) {
            let mut at = self.hasher.word(slot.key) as usize & mask;
            while slots[at].group != EMPTY {
                at = (at + 1) & mask;
            }
            slots[at] = *slot;
        }
        self.slots = slots;
    }

    /// The keys of groups `from..to`.
    pub(super) fn columns(&self, from: usize, to: usize, types: &[SparkType]) -> Vec<Column> {
        let packed = Packed {
            words: &self.words[from..to],
            width: 1,
        };
        let null = (self.null_group as usize).checked_sub(from);
        let valid = null
            .filter(|&null| null < to - from)
            .map(|null| NullBuffer::new(BooleanBuffer::collect_bool(to - from, |i| i != null)));
        let parts = self.packing.parts().iter().zip(types);
        parts
            .map(|(&part, data_type)| packed.column(part, data_type, valid.clone()))
            .collect()
    }

    pub(super) fn memory_size(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>() + self.words.capacity() * 8
    }
}
