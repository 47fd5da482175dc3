//! Group ids of keys that fit 64 bits together: a hash table over words.

use arclight_columns::{
    BooleanBuffer, Column, FixedWidth, NullBuffer, Physical, Selection, SparkType, Values,
};
use arclight_expressions::EvalError;
use arclight_expressions::value_bytes::{normalize_double, normalize_float};

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

/// Where a key lies in the word.
#[derive(Debug, Clone, Copy)]
struct Part {
    shift: u32,
    bits: u32,
}

/// Open addressing with linear probing, at most half full. Several keys are packed with a NULL
/// bit each; NULL of a single key has a group beside the table.
pub(super) struct WordTable {
    hasher: KeyHasher,
    parts: Vec<Part>,
    slots: Vec<Slot>,
    words: Vec<u64>,
    null_group: u32,
    /// The word and group of the last row that was not NULL, while runs are numbered.
    run: Option<(u64, u32)>,
    scratch: Vec<u64>,
}

fn bits(data_type: &SparkType) -> Option<u32> {
    Some(match data_type.physical() {
        Physical::Boolean => 1,
        Physical::Int8 => 8,
        Physical::Int16 => 16,
        Physical::Int32 | Physical::Float32 => 32,
        Physical::Int64 | Physical::Float64 => 64,
        _ => return None,
    })
}

impl WordTable {
    /// A table for keys of these types, if they fit.
    pub(super) fn new(types: &[SparkType], hasher: KeyHasher) -> Option<Self> {
        let mut shift = 0;
        let mut parts = Vec::new();
        for data_type in types {
            let bits = bits(data_type)?;
            parts.push(Part { shift, bits });
            shift += bits + 1;
        }
        if types.is_empty() || (types.len() > 1 && shift > 64) {
            return None;
        }
        Some(WordTable {
            hasher,
            parts,
            slots: vec![FREE; 1024],
            words: Vec::new(),
            null_group: EMPTY,
            run: None,
            scratch: Vec::new(),
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
        words.clear();
        words.resize(rows.count(), 0);
        for (key, part) in keys.iter().zip(&self.parts) {
            pack(key, rows, *part, &mut words)?;
        }
        let single_nulls = match keys {
            [key] => key.logical_validity(),
            _ => None,
        };
        match single_nulls {
            None if runs => groups.extend(words.iter().map(|&word| self.continue_run(word))),
            None => self.find_or_insert_all(&words, groups),
            Some(valid) => {
                for (row, &word) in rows.iter().zip(&words) {
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
        let words = &self.words[from..to];
        let single = types.len() == 1;
        self.parts
            .iter()
            .zip(types)
            .map(|(part, data_type)| {
                let valid = if single {
                    let null = (self.null_group as usize).checked_sub(from);
                    null.filter(|&null| null < words.len()).map(|null| {
                        NullBuffer::new(BooleanBuffer::collect_bool(words.len(), |i| i != null))
                    })
                } else {
                    let null_bit = part.shift + part.bits;
                    let bits = BooleanBuffer::collect_bool(words.len(), |i| {
                        (words[i] >> null_bit) & 1 == 0
                    });
                    Some(NullBuffer::new(bits))
                };
                unpack(words, *part, data_type, valid)
            })
            .collect()
    }

    pub(super) fn memory_size(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>() + self.words.capacity() * 8
    }
}

fn pack(key: &Column, rows: &Selection, part: Part, words: &mut [u64]) -> Result<(), EvalError> {
    let key = key.flatten();
    // A single key takes the whole word; its NULLs are told apart by the caller.
    let null_bit = part.shift + part.bits;
    let valid = key.logical_validity().filter(|_| null_bit < 64);
    fn fill(
        rows: &Selection,
        words: &mut [u64],
        valid: Option<&NullBuffer>,
        (shift, null_bit): (u32, u32),
        value: impl Fn(usize) -> u64,
    ) {
        match (rows.rows(), valid) {
            (None, None) => {
                for (row, word) in words.iter_mut().enumerate() {
                    *word |= value(row) << shift;
                }
            }
            (Some(active), None) => {
                for (word, &row) in words.iter_mut().zip(active) {
                    *word |= value(row as usize) << shift;
                }
            }
            (_, Some(valid)) => {
                for (word, row) in words.iter_mut().zip(rows.iter()) {
                    *word |= if valid.is_valid(row) {
                        value(row) << shift
                    } else {
                        1 << null_bit
                    };
                }
            }
        }
    }
    let at = (part.shift, null_bit);
    let valid = valid.as_ref();
    match key.as_flat() {
        Some(Values::Boolean(v)) => fill(rows, words, valid, at, |r| u64::from(v.value(r))),
        Some(Values::Int8(v)) => fill(rows, words, valid, at, |r| u64::from(v[r] as u8)),
        Some(Values::Int16(v)) => fill(rows, words, valid, at, |r| u64::from(v[r] as u16)),
        Some(Values::Int32(v)) => fill(rows, words, valid, at, |r| u64::from(v[r] as u32)),
        Some(Values::Int64(v)) => fill(rows, words, valid, at, |r| v[r] as u64),
        Some(Values::Float32(v)) => fill(rows, words, valid, at, |r| {
            u64::from(normalize_float(v[r]).to_bits())
        }),
        Some(Values::Float64(v)) => {
            fill(rows, words, valid, at, |r| normalize_double(v[r]).to_bits());
        }
        _ => {
            return Err(EvalError::Internal(format!(
                "a group key of type {}",
                key.data_type()
            )));
        }
    }
    Ok(())
}

fn unpack(words: &[u64], part: Part, data_type: &SparkType, valid: Option<NullBuffer>) -> Column {
    let shift = part.shift;
    fn fixed<T: FixedWidth>(
        words: &[u64],
        data_type: &SparkType,
        valid: Option<NullBuffer>,
        value: impl Fn(u64) -> T,
    ) -> Column {
        let values = words.iter().map(|&w| value(w)).collect();
        Column::fixed::<T>(data_type.clone(), values, valid)
    }
    match data_type.physical() {
        Physical::Boolean => {
            let bits = BooleanBuffer::collect_bool(words.len(), |i| (words[i] >> shift) & 1 == 1);
            Column::boolean(bits, valid)
        }
        Physical::Int8 => fixed(words, data_type, valid, |w| (w >> shift) as i8),
        Physical::Int16 => fixed(words, data_type, valid, |w| (w >> shift) as i16),
        Physical::Int32 => fixed(words, data_type, valid, |w| (w >> shift) as i32),
        Physical::Float32 => fixed(words, data_type, valid, |w| {
            f32::from_bits((w >> shift) as u32)
        }),
        Physical::Float64 => fixed(words, data_type, valid, |w| f64::from_bits(w >> shift)),
        _ => fixed(words, data_type, valid, |w| (w >> shift) as i64),
    }
}
