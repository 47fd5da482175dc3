//! The build side in memory: its rows and an index of their keys.

use std::cell::OnceCell;
use std::sync::{Arc, OnceLock};

use arclight_columns::{Batch, Column, ScalarBuffer, Selection, SparkType, Taker};

use super::index::{Index, link};
use super::keys::{WordForm, rows_with_keys};
use crate::key_bytes::{EncodedKeys, KeyHasher};
use crate::operator::EngineError;
use crate::runtime_filter::KeyFilter;

/// The most rows of a table: positions are 32 bits, and one value says none.
pub(super) const MAX_ROWS: usize = u32::MAX as usize - 1;

/// The rows of a join's build side, indexed by key. Immutable, so tasks may share it.
///
/// A row is named by its position plus one; 0 is no row. Rows with equal keys are chained, the
/// last one first, as in Spark's `HashedRelation`. Rows with a NULL among their keys are kept but
/// not found. Where keys have many rows, the rows are in another order than they came in.
pub struct JoinTable {
    rows: Batch,
    keys: Vec<usize>,
    index: Index,
    /// The next row with the same key, by row; empty if all keys are distinct.
    next: Vec<u32>,
    null_keys: bool,
    hasher: KeyHasher,
    memory_size: usize,
    /// Of each key, once asked for.
    filters: Vec<OnceLock<Option<Arc<KeyFilter>>>>,
}

impl std::fmt::Debug for JoinTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinTable")
            .field("rows", &self.rows.len())
            .field("index", &self.index.name())
            .field("unique", &self.is_unique())
            .field("memory_size", &self.memory_size)
            .finish()
    }
}

impl JoinTable {
    /// A table of the active rows of `batches`, whose columns have these types, by the columns at
    /// the positions `keys`. `equal_hashes` is the test setting.
    ///
    /// Takes memory without asking: the caller accounts for [`JoinTable::memory_size`].
    pub fn build(
        types: &[SparkType],
        keys: &[usize],
        batches: Vec<Batch>,
        equal_hashes: bool,
    ) -> Result<Self, EngineError> {
        Unindexed::new(types, keys, batches, equal_hashes)?.index()
    }

    /// The rows.
    pub fn rows(&self) -> &Batch {
        &self.rows
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The positions of the key columns.
    pub fn keys(&self) -> &[usize] {
        &self.keys
    }

    /// Whether some row has a NULL among its keys.
    pub fn has_null_keys(&self) -> bool {
        self.null_keys
    }

    /// Whether all keys are distinct.
    pub fn is_unique(&self) -> bool {
        self.next.is_empty()
    }

    /// Bytes of memory behind rows and index.
    pub fn memory_size(&self) -> usize {
        self.memory_size
    }

    /// The row after `row` with the same key, or 0.
    #[inline]
    pub(super) fn next(&self, row: u32) -> u32 {
        match self.next.is_empty() {
            true => 0,
            false => self.next[row as usize - 1],
        }
    }

    /// The filter of the table's `key`-th key, made by the first who asks; `None` for types that
    /// have none. Its memory is not part of [`JoinTable::memory_size`].
    pub(super) fn filter(&self, key: usize) -> Result<Option<Arc<KeyFilter>>, EngineError> {
        let (Some(cell), Some(&column)) = (self.filters.get(key), self.keys.get(key)) else {
            return Ok(None);
        };
        if let Some(filter) = cell.get() {
            return Ok(filter.clone());
        }
        let filter = KeyFilter::of(self.rows.column(column))?.map(Arc::new);
        Ok(cell.get_or_init(|| filter).clone())
    }

    /// Finds the rows of the keys at `rows`, none of which may be NULL.
    pub(super) fn find(
        &self,
        keys: &[Column],
        rows: &Selection,
        lookup: &mut Lookup,
    ) -> Result<(), EngineError> {
        let count = rows.count();
        lookup.found.clear();
        lookup.found.resize(count, 0);
        match &self.index {
            Index::Empty => {}
            Index::Dense { form, slots } => {
                form.words(keys, rows, &mut lookup.words, &mut lookup.known)?;
                let none = slots.len() as u64 - 1;
                for ((found, &word), &known) in lookup
                    .found
                    .iter_mut()
                    .zip(&lookup.words)
                    .zip(&lookup.known)
                {
                    let at = if known { word } else { none };
                    *found = slots[at.min(none) as usize];
                }
            }
            Index::Words { form, slots } => {
                form.words(keys, rows, &mut lookup.words, &mut lookup.known)?;
                slots.find(
                    &self.hasher,
                    &lookup.words,
                    &lookup.known,
                    &mut lookup.found,
                );
            }
            Index::Bytes(slots) => {
                lookup.encoded.encode(keys, rows);
                slots.find(&self.hasher, &lookup.encoded, &mut lookup.found);
            }
        }
        lookup.keep_found(rows);
        Ok(())
    }
}

/// The result of looking up a batch's keys, and what is reused between batches.
#[derive(Default)]
pub(super) struct Lookup {
    /// Positions of the batch's rows that were found, ascending.
    pub(super) rows: Vec<u32>,
    /// The first of the table's rows with each one's key.
    pub(super) heads: Vec<u32>,
    found: Vec<u32>,
    words: Vec<u64>,
    known: Vec<bool>,
    encoded: EncodedKeys,
}

impl Lookup {
    fn keep_found(&mut self, rows: &Selection) {
        let count = self.found.len();
        self.rows.clear();
        self.rows.resize(count, 0);
        self.heads.clear();
        self.heads.resize(count, 0);
        let mut kept = 0;
        // Writes each row and moves on if it was found: no branch to mispredict.
        let mut keep = |row: u32, head: u32| {
            self.rows[kept] = row;
            self.heads[kept] = head;
            kept += usize::from(head != 0);
        };
        match rows.rows() {
            None => (0u32..)
                .zip(&self.found)
                .for_each(|(row, &head)| keep(row, head)),
            Some(rows) => rows
                .iter()
                .zip(&self.found)
                .for_each(|(&row, &head)| keep(row, head)),
        }
        self.rows.truncate(kept);
        self.heads.truncate(kept);
    }
}

/// Rows that are together but not indexed yet: what the index will take can be asked.
pub(super) struct Unindexed {
    rows: Batch,
    keys: Vec<usize>,
    with_keys: Selection,
    form: Option<WordForm>,
    hasher: KeyHasher,
    equal_hashes: bool,
    dense: bool,
    /// Whether rows may be put elsewhere.
    movable: bool,
}

impl Unindexed {
    pub(super) fn new(
        types: &[SparkType],
        keys: &[usize],
        batches: Vec<Batch>,
        equal_hashes: bool,
    ) -> Result<Self, EngineError> {
        let rows = concat(types, batches)?;
        if rows.len() > MAX_ROWS {
            let message = format!("{} rows on a join's build side", rows.len());
            return Err(EngineError::Internal(message));
        }
        let columns = key_columns(&rows, keys);
        let with_keys = rows_with_keys(&columns, rows.selection());
        let form = match with_keys.is_empty() {
            true => None,
            false => WordForm::of(&columns, &with_keys)?,
        };
        let dense = !equal_hashes
            && form
                .as_ref()
                .is_some_and(|form| Index::is_dense(form.largest(), with_keys.count()));
        Ok(Unindexed {
            rows,
            keys: keys.to_vec(),
            with_keys,
            form,
            hasher: KeyHasher::new(equal_hashes),
            equal_hashes,
            dense,
            movable: true,
        })
    }

    /// Bytes that the index takes beyond [`index_bytes`] of its rows: an array's.
    pub(super) fn dense_bytes(&self) -> u64 {
        match &self.form {
            Some(form) if self.dense => 4 * (form.largest() + 2),
            _ => 0,
        }
    }

    /// Does without an array.
    pub(super) fn forgo_dense(&mut self) {
        self.dense = false;
    }

    /// Leaves rows where they are.
    pub(super) fn keep_places(&mut self) {
        self.movable = false;
    }

    pub(super) fn index(self) -> Result<JoinTable, EngineError> {
        let mut rows = self.rows;
        let columns = key_columns(&rows, &self.keys);
        let null_keys = self.with_keys.count() < rows.len();
        let (mut next, mut links) = (Vec::new(), 0);
        let mut link = |row: u32, after: u32| {
            links += 1;
            link(&mut next, rows.len(), row, after);
        };
        let mut index = match self.form {
            _ if self.with_keys.is_empty() => Index::Empty,
            Some(form) if self.dense => Index::dense(form, &columns, &self.with_keys, &mut link)?,
            Some(form) => Index::words(form, &columns, &self.with_keys, &self.hasher, &mut link)?,
            None => Index::bytes(&columns, &self.with_keys, &self.hasher, &mut link),
        };
        debug_assert!(!self.equal_hashes || !matches!(index, Index::Dense { .. }));
        let keys = self.with_keys.count() - links;
        drop(columns);
        if self.movable && links > 0 && self.with_keys.count() >= ADJACENT * keys {
            (rows, next) = adjacent(rows, &self.with_keys, &mut index, &next)?;
        }
        let memory_size = rows.memory_size() + index.memory_size() + 4 * next.capacity();
        Ok(JoinTable {
            filters: self.keys.iter().map(|_| OnceLock::new()).collect(),
            rows,
            keys: self.keys,
            index,
            next,
            null_keys,
            hasher: self.hasher,
            memory_size,
        })
    }
}

/// Rows a key, on average, from which on those of a key are put side by side.
const ADJACENT: usize = 4;

/// The rows in another order, and their links: each key's rows lie one after the other, as they
/// were chained, so that pairs read columns from one end to the other (strings' codes, at least).
/// Rows without a key come last.
fn adjacent(
    rows: Batch,
    with_keys: &Selection,
    index: &mut Index,
    next: &[u32],
) -> Result<(Batch, Vec<u32>), EngineError> {
    let len = rows.len();
    let mut order = Vec::with_capacity(len);
    let mut links = Vec::with_capacity(len);
    index.for_each_head(|head| {
        let mut row = *head;
        *head = order.len() as u32 + 1;
        while row != 0 {
            order.push(row - 1);
            links.push(order.len() as u32 + 1);
            row = next[row as usize - 1];
        }
        links.pop();
        links.push(0);
    });
    let mut found = with_keys.iter().peekable();
    order.extend((0..len as u32).filter(|&row| found.next_if_eq(&(row as usize)).is_none()));
    links.resize(len, 0);
    let mut taker = Taker::new(&order);
    let columns = rows.into_columns().into_iter();
    let columns = columns
        .map(|column| taker.take(&column))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((Batch::new(columns, len), links))
}

/// Bytes that indexing takes for each row, at most, beside an array (see
/// [`Unindexed::dense_bytes`]) and a copy of keys that are bytes: slots, links, words, a new order.
pub(super) fn index_bytes(rows: usize) -> u64 {
    80 * rows as u64
}

pub(super) fn key_columns(batch: &Batch, keys: &[usize]) -> Vec<Column> {
    keys.iter().map(|&key| batch.column(key).clone()).collect()
}

/// The active rows of all batches. Batches give up a column once it is moved, so that no more than
/// one column is held twice. Byte strings, unless all parts have one dictionary, become
/// dictionaries, whose codes, the rows' numbers, they share: pairs then copy codes instead of views,
/// once for all of a row's strings, and who groups by them looks each row's strings up once.
fn concat(types: &[SparkType], batches: Vec<Batch>) -> Result<Batch, EngineError> {
    let mut len = 0;
    let mut sources = Vec::with_capacity(batches.len());
    for batch in batches {
        let batch = batch.compact()?;
        len += batch.len();
        if !batch.is_empty() {
            sources.push(batch.into_columns().into_iter());
        }
    }
    let numbers: OnceCell<ScalarBuffer<u32>> = OnceCell::new();
    let mut columns = Vec::with_capacity(types.len());
    for data_type in types {
        let parts: Vec<Column> = sources.iter_mut().filter_map(Iterator::next).collect();
        let parts: Vec<&Column> = parts.iter().collect();
        let column = Column::concat(data_type, &parts)?;
        let column = match column.as_constant() {
            Some(_) => column.flatten(),
            None => column,
        };
        columns.push(match column.as_bytes() {
            Some(strings) => {
                let values = Column::bytes(data_type.clone(), strings.clone(), None);
                let codes = numbers.get_or_init(|| (0..len as u32).collect());
                let valid = column.validity().cloned();
                Column::dictionary(codes.clone(), Arc::new(values), valid)
            }
            None => column,
        });
    }
    Ok(Batch::new(columns, len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ints, longs, strings};

    /// Where the rows of each of `wanted` keys are, as a table of `keys` and places chains them.
    fn chains(keys: Column, wanted: &Column, equal_hashes: bool) -> (JoinTable, Vec<Vec<u32>>) {
        let types = [keys.data_type().clone(), SparkType::Int];
        let places: Vec<Option<i32>> = (0..keys.len() as i32).map(Some).collect();
        let batch = Batch::new(vec![keys, ints(&places)], places.len());
        let table = JoinTable::build(&types, &[0], vec![batch], equal_hashes).unwrap();
        let mut lookup = Lookup::default();
        let rows = Selection::all(wanted.len());
        let keys = std::slice::from_ref(wanted);
        table.find(keys, &rows, &mut lookup).unwrap();
        let chains = lookup.heads.iter().map(|&head| {
            let mut chain = vec![head];
            while table.next(chain[chain.len() - 1]) != 0 {
                chain.push(table.next(chain[chain.len() - 1]));
            }
            chain
        });
        let chains = chains.collect();
        (table, chains)
    }

    fn place(table: &JoinTable, row: u32) -> i32 {
        let places = table.rows().column(1);
        places.fixed_value::<i32>(row as usize - 1).unwrap()
    }

    #[test]
    fn many_rows_of_a_key_lie_side_by_side() {
        let numbers = [3, 1, 0, 3, 1, 3, 1, 3, 1, 0];
        let number = |n: i64| (n != 0).then_some(n << 40);
        let text = |n: i64| (n != 0).then(|| ["", "one", "two", "three"][n as usize]);
        let small: Vec<Option<i32>> = numbers.map(|n| number(n).map(|n| (n >> 40) as i32)).into();
        let cases = [
            (ints(&small), ints(&[Some(1), Some(2), Some(3)]), false),
            (ints(&small), ints(&[Some(1), Some(2), Some(3)]), true),
            (
                longs(&numbers.map(number)),
                longs(&[1, 2, 3].map(number)),
                false,
            ),
            (
                strings(&numbers.map(text)),
                strings(&[1, 2, 3].map(text)),
                false,
            ),
        ];
        for (keys, wanted, equal_hashes) in cases {
            let (table, chains) = chains(keys, &wanted, equal_hashes);
            let places = chains
                .iter()
                .map(|chain| chain.iter().map(|&row| place(&table, row)).collect());
            let places: Vec<Vec<i32>> = places.collect();
            assert_eq!(places, [[8, 6, 4, 1], [7, 5, 3, 0]], "{table:?}");
            for chain in chains {
                assert!(chain.windows(2).all(|rows| rows[0] + 1 == rows[1]));
            }
            let others = [place(&table, 9), place(&table, 10)];
            assert_eq!(others, [2, 9], "rows without a key come last");
            assert!(table.has_null_keys());
        }
    }

    #[test]
    fn few_rows_of_a_key_stay_where_they_are() {
        let keys = ints(&[Some(1), Some(2), Some(1), Some(3)]);
        let (table, chains) = chains(keys, &ints(&[Some(1), Some(3)]), false);
        assert_eq!(chains, [vec![3, 1], vec![4]]);
        assert_eq!(place(&table, 3), 2);
    }
}
