//! Group ids of keys that lie in words of 64 bits: as they are, or as numbers of theirs.

use arclight_columns::{Column, Selection, SparkType};
use arclight_expressions::EvalError;

use super::numbered::NumberedKeys;
use super::packing::{Packing, Words, fits};
use super::wide_table::WideTable;
use crate::key_bytes::KeyHasher;

/// Keys of fixed width and the numbers of those that have none, in a table of words.
pub(super) struct WideKeys {
    types: Vec<SparkType>,
    /// The keys without a fixed width.
    numbered: Vec<NumberedKeys>,
    /// The positions of the others.
    fixed: Vec<usize>,
    /// Where the numbers are, then the others.
    packing: Packing,
    table: WideTable,
    words: Words,
    numbers: Vec<u32>,
}

impl WideKeys {
    /// A table for keys of these types, if they lie as `keys` do; `None` if another is better.
    pub(super) fn new(types: &[SparkType], keys: &[Column], hasher: &KeyHasher) -> Option<Self> {
        let numbered = NumberedKeys::sets(types, keys, hasher)?;
        let fixed: Vec<usize> = (0..types.len()).filter(|&p| fits(&types[p])).collect();
        let numbers = numbered.iter().map(|_| SparkType::Int);
        let packed = numbers.chain(fixed.iter().map(|&p| types[p].clone()));
        let packing = Packing::new(&packed.collect::<Vec<_>>(), true)?;
        if packing.width() == 0 {
            return None;
        }
        Some(WideKeys {
            types: types.to_vec(),
            numbered,
            fixed,
            table: WideTable::new(packing.width(), hasher.clone()),
            packing,
            words: Words::default(),
            numbers: Vec::new(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are keys without a fixed width.
    pub(super) fn has_numbers(&self) -> bool {
        !self.numbered.is_empty()
    }

    /// Whether numbers are found by codes more often than by values.
    pub(super) fn pays(&self) -> bool {
        self.numbered.iter().all(NumberedKeys::pays)
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
        self.words.reset(rows.count(), self.packing.width());
        let (numbers, values) = self.packing.parts().split_at(self.numbered.len());
        for (numbered, &part) in self.numbered.iter_mut().zip(numbers) {
            numbered.number(keys, rows, &mut self.numbers);
            self.words.pack_numbers(&self.numbers, part);
        }
        for (&position, &part) in self.fixed.iter().zip(values) {
            self.words.pack(&keys[position], rows, part)?;
        }
        match runs {
            true => self.table.continue_runs(&self.words, groups),
            false => self.table.find_or_insert(&self.words, groups),
        }
        Ok(())
    }

    /// The keys of groups `from..to`.
    pub(super) fn columns(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError> {
        let packed = self.table.keys(from, to);
        let mut columns: Vec<Option<Column>> = vec![None; self.types.len()];
        let (numbers, values) = self.packing.parts().split_at(self.numbered.len());
        for (numbered, &part) in self.numbered.iter().zip(numbers) {
            let keys = numbered.columns(packed.numbers(part))?;
            for (&position, key) in numbered.positions().iter().zip(keys) {
                columns[position] = Some(key);
            }
        }
        for (&position, &part) in self.fixed.iter().zip(values) {
            columns[position] = Some(packed.column(part, &self.types[position], None));
        }
        let missing = || EvalError::Internal("a group key without a place".to_string());
        let columns = columns.into_iter().map(|column| column.ok_or_else(missing));
        columns.collect()
    }

    pub(super) fn memory_size(&self) -> usize {
        let numbered = self.numbered.iter().map(NumberedKeys::memory_size);
        self.table.memory_size() + self.words.memory_size() + numbered.sum::<usize>()
    }
}
