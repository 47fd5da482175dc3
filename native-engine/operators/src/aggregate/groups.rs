//! Group ids: which group each row belongs to, by the fastest table that its keys allow.

use arclight_columns::{Column, Selection, SparkType};
use arclight_expressions::EvalError;

use super::bytes_table::BytesTable;
use super::code_table::CodeTable;
use super::wide_keys::WideKeys;
use super::word_table::WordTable;
use crate::key_bytes::KeyHasher;

enum Table {
    /// No keys: one group, which exists from the start.
    One,
    /// Not chosen yet.
    Undecided,
    Codes(CodeTable),
    Words(WordTable),
    Wide(Box<WideKeys>),
    Bytes(BytesTable),
}

/// Groups that are moved to another table at a time.
const MOVED_GROUPS: usize = 32_768;

impl Table {
    /// No groups yet (but one if there are no keys).
    fn of(types: &[SparkType]) -> Self {
        match types {
            [] => Table::One,
            _ => Table::Undecided,
        }
    }

    fn len(&self) -> usize {
        match self {
            Table::One => 1,
            Table::Undecided => 0,
            Table::Codes(table) => table.len(),
            Table::Words(table) => table.len(),
            Table::Wide(table) => table.len(),
            Table::Bytes(table) => table.len(),
        }
    }

    fn columns(
        &self,
        from: usize,
        to: usize,
        types: &[SparkType],
    ) -> Result<Vec<Column>, EvalError> {
        Ok(match self {
            Table::One | Table::Undecided => Vec::new(),
            Table::Codes(table) => table.columns(from, to),
            Table::Words(table) => table.columns(from, to, types),
            Table::Wide(table) => table.columns(from, to)?,
            Table::Bytes(table) => table.columns(from, to, types)?,
        })
    }

    fn memory_size(&self) -> usize {
        match self {
            Table::One | Table::Undecided => 0,
            Table::Codes(table) => table.memory_size(),
            Table::Words(table) => table.memory_size(),
            Table::Wide(table) => table.memory_size(),
            Table::Bytes(table) => table.memory_size(),
        }
    }
}

/// Numbers the distinct keys `0, 1, …` in order of first appearance; or runs of equal keys, of which
/// each gets a number (but NULL of a single key may have one number in all).
pub(super) struct GroupIds {
    types: Vec<SparkType>,
    hasher: KeyHasher,
    table: Table,
    runs: bool,
    /// Strings were seldom found by their codes.
    without_codes: bool,
}

impl GroupIds {
    /// No groups yet (but one if there are no keys).
    pub(super) fn new(types: Vec<SparkType>, hasher: KeyHasher) -> Self {
        GroupIds {
            table: Table::of(&types),
            types,
            hasher,
            runs: false,
            without_codes: false,
        }
    }

    /// Forgets all groups.
    pub(super) fn clear(&mut self) {
        self.table = Table::of(&self.types);
    }

    /// Whether runs are numbered from now on, or distinct keys. There must be no groups.
    pub(super) fn number_runs(&mut self, runs: bool) {
        self.runs = runs;
    }

    /// The number of groups.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Fills `groups` with the group of each active row.
    pub(super) fn assign(
        &mut self,
        keys: &[Column],
        rows: &Selection,
        groups: &mut Vec<u32>,
    ) -> Result<(), EvalError> {
        groups.clear();
        if let Table::Undecided = self.table {
            self.table = if !self.runs && CodeTable::suits(keys) {
                Table::Codes(CodeTable::new(&self.types))
            } else {
                self.hash_table(keys)
            };
        }
        if let Table::Codes(table) = &mut self.table
            && table.assign(keys, rows, groups).is_err()
        {
            let table = self.hash_table(keys);
            self.move_to(table, groups)?;
        }
        if let Table::Wide(table) = &self.table
            && !table.pays()
        {
            self.without_codes = true;
            self.move_to(Table::Bytes(BytesTable::new(self.hasher.clone())), groups)?;
        }
        self.look_up(keys, rows, groups)
    }

    /// Appends the group of each active row to `groups`, by a table other than [`CodeTable`].
    fn look_up(
        &mut self,
        keys: &[Column],
        rows: &Selection,
        groups: &mut Vec<u32>,
    ) -> Result<(), EvalError> {
        match &mut self.table {
            Table::One => groups.resize(rows.count(), 0),
            Table::Words(table) => table.assign(keys, rows, self.runs, groups)?,
            Table::Wide(table) => table.assign(keys, rows, self.runs, groups)?,
            Table::Bytes(table) => table.assign(keys, rows, self.runs, groups),
            Table::Codes(_) | Table::Undecided => {}
        }
        Ok(())
    }

    /// Moves the groups to another table; they keep their numbers. `groups` is overwritten.
    fn move_to(&mut self, table: Table, groups: &mut Vec<u32>) -> Result<(), EvalError> {
        let old = std::mem::replace(&mut self.table, table);
        let (mut from, len) = (0, old.len());
        while from < len {
            let to = len.min(from + MOVED_GROUPS);
            let known = old.columns(from, to, &self.types)?;
            self.look_up(&known, &Selection::all(to - from), groups)?;
            from = to;
        }
        groups.clear();
        Ok(())
    }

    /// A table for keys that lie as these do.
    fn hash_table(&self, keys: &[Column]) -> Table {
        if let Some(table) = WordTable::new(&self.types, self.hasher.clone()) {
            return Table::Words(table);
        }
        let wide = WideKeys::new(&self.types, keys, &self.hasher);
        match wide.filter(|keys| !(self.without_codes && keys.has_numbers())) {
            Some(table) => Table::Wide(Box::new(table)),
            None => Table::Bytes(BytesTable::new(self.hasher.clone())),
        }
    }

    /// The keys of groups `from..to`.
    pub(super) fn columns(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError> {
        self.table.columns(from, to, &self.types)
    }

    /// Bytes of memory behind the table.
    pub(super) fn memory_size(&self) -> usize {
        self.table.memory_size()
    }
}

#[cfg(test)]
mod tests;
