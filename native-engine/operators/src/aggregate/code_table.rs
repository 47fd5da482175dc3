//! Group ids of keys with few distinct values (dictionary strings, booleans): each key's values
//! are numbered, and the numbers together index an array of groups.

use std::collections::HashMap;
use std::sync::Arc;

use arclight_columns::{
    BooleanBuffer, BytesBuilder, Column, Data, NullBuffer, Physical, Selection, SparkType,
};

/// A number no value has yet, a group no combination has yet.
const UNKNOWN: u32 = u32::MAX;
/// Bits of the array's index: beyond it a hash table is better.
const MAX_BITS: u32 = 16;
/// Dictionaries beyond this are no sign of few values.
const MAX_DICTIONARY: usize = 4096;
/// Dictionaries whose translation a key remembers: one a row group, and some to spare for inputs
/// that come in turns.
const REMEMBERED: usize = 8;

/// The numbers of one key's values; 0 is NULL.
struct Coder {
    data_type: SparkType,
    ids: HashMap<Box<[u8]>, u32, ahash::RandomState>,
    values: Vec<Box<[u8]>>,
    /// Dictionaries seen, with their codes' numbers.
    translations: Vec<(Arc<Column>, Vec<u32>)>,
    bits: u32,
}

impl Coder {
    fn new(data_type: SparkType) -> Self {
        Coder {
            data_type,
            ids: HashMap::default(),
            values: Vec::new(),
            translations: Vec::new(),
            bits: 2,
        }
    }

    fn id(&mut self, value: &[u8]) -> u32 {
        if let Some(&id) = self.ids.get(value) {
            return id;
        }
        self.values.push(value.into());
        let id = self.values.len() as u32;
        self.ids.insert(value.into(), id);
        id
    }

    /// The largest number in use.
    fn largest(&self) -> u32 {
        match self.data_type {
            SparkType::Boolean => 2,
            _ => self.values.len() as u32,
        }
    }

    /// The numbers of the active rows' values.
    fn number(&mut self, key: &Column, rows: &Selection, numbers: &mut Vec<u32>) {
        numbers.clear();
        if self.data_type == SparkType::Boolean {
            let number = |row| match key.is_null(row) {
                true => 0,
                false => 1 + u32::from(key.boolean_value(row).unwrap_or_default()),
            };
            numbers.extend(rows.iter().map(number));
            return;
        }
        match key.data() {
            Data::Constant(value) => {
                let number = match value.is_null(0) {
                    true => 0,
                    false => self.id(value.bytes_value(0).unwrap_or_default()),
                };
                numbers.resize(rows.count(), number);
            }
            Data::Dictionary { codes, values } => {
                let mut translation = self.translation(values);
                let valid = key.validity();
                let codes = &codes[..];
                let mut lookup = |code: u32| {
                    let number = translation[code as usize];
                    if number != UNKNOWN {
                        return number;
                    }
                    let value = values.bytes_value(code as usize).unwrap_or_default();
                    let number = self.id(value);
                    translation[code as usize] = number;
                    number
                };
                match (rows.rows(), valid) {
                    (None, None) => numbers.extend(codes.iter().map(|&code| lookup(code))),
                    (Some(active), None) => {
                        numbers.extend(active.iter().map(|&row| lookup(codes[row as usize])));
                    }
                    (_, Some(valid)) => {
                        numbers.extend(rows.iter().map(|row| match valid.is_valid(row) {
                            true => lookup(codes[row]),
                            false => 0,
                        }));
                    }
                }
                self.translations.push((Arc::clone(values), translation));
            }
            Data::Flat(_) => {
                for row in rows.iter() {
                    let number = match key.is_null(row) {
                        true => 0,
                        false => self.id(key.bytes_value(row).unwrap_or_default()),
                    };
                    numbers.push(number);
                }
            }
        }
    }

    /// The translation of a dictionary, taken out of those remembered.
    fn translation(&mut self, values: &Arc<Column>) -> Vec<u32> {
        let known = |(known, _): &(Arc<Column>, Vec<u32>)| Arc::ptr_eq(known, values);
        if let Some(at) = self.translations.iter().position(known) {
            return self.translations.swap_remove(at).1;
        }
        if self.translations.len() >= REMEMBERED {
            self.translations.remove(0);
        }
        vec![UNKNOWN; values.len()]
    }

    fn column(&self, numbers: impl ExactSizeIterator<Item = u32>) -> Column {
        let numbers: Vec<u32> = numbers.collect();
        let len = numbers.len();
        let valid = numbers
            .contains(&0)
            .then(|| NullBuffer::new(BooleanBuffer::collect_bool(len, |i| numbers[i] != 0)));
        if self.data_type == SparkType::Boolean {
            let bits = BooleanBuffer::collect_bool(len, |i| numbers[i] == 2);
            return Column::boolean(bits, valid);
        }
        if self.values.is_empty() {
            return Column::nulls(self.data_type.clone(), len);
        }
        let mut builder = BytesBuilder::with_capacity(self.values.len());
        self.values.iter().for_each(|value| builder.push(value));
        let values = Column::bytes(self.data_type.clone(), builder.finish(), None);
        let codes: Vec<u32> = numbers.iter().map(|n| n.saturating_sub(1)).collect();
        Column::dictionary(codes.into(), Arc::new(values), valid)
    }
}

/// An array of groups, indexed by the numbers of all keys.
pub(super) struct CodeTable {
    coders: Vec<Coder>,
    index: Vec<u32>,
    /// The numbers of each group's values, key by key.
    groups: Vec<Vec<u32>>,
    scratch: Vec<Vec<u32>>,
}

/// There are too many values: the groups must move to a hash table.
pub(super) struct TooMany;

impl CodeTable {
    /// Whether keys laid out like this are likely to have few values.
    pub(super) fn suits(keys: &[Column]) -> bool {
        !keys.is_empty()
            && keys.iter().all(|key| match key.data() {
                _ if *key.data_type() == SparkType::Boolean => true,
                Data::Dictionary { values, .. } => {
                    key.data_type().physical() == Physical::Bytes && values.len() <= MAX_DICTIONARY
                }
                Data::Constant(_) => key.data_type().physical() == Physical::Bytes,
                Data::Flat(_) => false,
            })
            && 2 * keys.len() as u32 <= MAX_BITS
    }

    pub(super) fn new(types: &[SparkType]) -> Self {
        let coders: Vec<Coder> = types.iter().cloned().map(Coder::new).collect();
        CodeTable {
            index: vec![UNKNOWN; 1 << (2 * coders.len())],
            groups: vec![Vec::new(); coders.len()],
            scratch: vec![Vec::new(); coders.len()],
            coders,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.groups.first().map_or(0, Vec::len)
    }

    /// Appends the group of each active row to `groups`; no group is added if there would be too
    /// many.
    pub(super) fn assign(
        &mut self,
        keys: &[Column],
        rows: &Selection,
        groups: &mut Vec<u32>,
    ) -> Result<(), TooMany> {
        let mut wider = false;
        for ((coder, key), numbers) in self.coders.iter_mut().zip(keys).zip(&mut self.scratch) {
            coder.number(key, rows, numbers);
            while coder.largest() >> coder.bits > 0 {
                coder.bits += 1;
                wider = true;
            }
        }
        if wider {
            self.widen()?;
        }
        let start = groups.len();
        let mut shift = 0;
        for (k, coder) in self.coders.iter().enumerate() {
            let numbers = &self.scratch[k];
            if k == 0 {
                groups.extend_from_slice(numbers);
            } else {
                let indices = groups[start..].iter_mut();
                indices.zip(numbers).for_each(|(g, &n)| *g |= n << shift);
            }
            shift += coder.bits;
        }
        let index = &mut self.index[..];
        for (i, group) in groups[start..].iter_mut().enumerate() {
            let slot = &mut index[*group as usize];
            if *slot == UNKNOWN {
                *slot = self.groups[0].len() as u32;
                for (of_key, numbers) in self.groups.iter_mut().zip(&self.scratch) {
                    of_key.push(numbers[i]);
                }
            }
            *group = *slot;
        }
        Ok(())
    }

    fn widen(&mut self) -> Result<(), TooMany> {
        let bits: u32 = self.coders.iter().map(|c| c.bits).sum();
        if bits > MAX_BITS {
            return Err(TooMany);
        }
        self.index = vec![UNKNOWN; 1 << bits];
        for group in 0..self.len() {
            let (mut at, mut shift) = (0, 0);
            for (coder, of_key) in self.coders.iter().zip(&self.groups) {
                at |= of_key[group] << shift;
                shift += coder.bits;
            }
            self.index[at as usize] = group as u32;
        }
        Ok(())
    }

    /// The keys of groups `from..to`.
    pub(super) fn columns(&self, from: usize, to: usize) -> Vec<Column> {
        self.coders
            .iter()
            .zip(&self.groups)
            .map(|(coder, numbers)| coder.column(numbers[from..to].iter().copied()))
            .collect()
    }

    pub(super) fn memory_size(&self) -> usize {
        let coders: usize = self
            .coders
            .iter()
            .map(|c| {
                let values: usize = c.values.iter().map(|v| 2 * v.len() + 64).sum();
                let translations: usize = c.translations.iter().map(|(_, t)| 4 * t.len()).sum();
                values + translations
            })
            .sum();
        let groups: usize = self.groups.iter().map(|g| 4 * g.capacity()).sum();
        coders + groups + 4 * self.index.capacity()
    }
}
