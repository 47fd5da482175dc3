//! Leaving out, while rows are gathered, those that a limit of each group above the sort leaves
//! out anyway (`rank() <= n` of a window: [`crate::WindowGroupLimit`]).
//!
//! From time to time what is gathered is put in order and counted as the limit counts it. Of a
//! group that is full only the rows up to the last one taken stay, and the key of that one bounds
//! the group from then on: no later row of the same key or a greater one gets below it any more.
//! The limit itself stays above the sort, and has few rows to read.

use std::ops::Deref;

use arclight_columns::SparkType;
use hashbrown::HashMap;

use super::key::{Keys, group_length};
use crate::window::{RankCounter, RankFunction};

/// Batches of rows that are gathered before they are first looked through.
const FIRST_LOOK: usize = 8;

/// A batch of fewer rows counts as many: it takes memory too.
const SMALL_BATCH: usize = 64;

/// The most bytes that bounds take.
const MAX_BYTES: usize = 4 << 20;

/// What an entry of a table takes beside its bytes.
const ENTRY_BYTES: usize = 48;

/// A limit of each group above a sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupLimit {
    /// How many sort keys, of the first ones, make a group. They are ascending, NULL first, and of
    /// types without fields or elements.
    pub group_keys: usize,
    /// What counts the rows of a group; peers are rows with equal sort keys.
    pub function: RankFunction,
    /// Rows of greater ranks are not wanted, but for the first of them in a group.
    pub limit: u64,
}

/// What the rows so far say of those to come.
pub(super) struct Pruning {
    limit: GroupLimit,
    /// The types of the keys that make a group.
    types: Vec<SparkType>,
    /// By a group's part of the key: the whole key from which on no row is wanted.
    bounds: HashMap<Box<[u8]>, Box<[u8]>, ahash::RandomState>,
    /// The bytes that they take.
    bytes: usize,
    /// Rows that stayed at the last look, and all that came since.
    came: usize,
    /// Rows that are gathered, small batches counted as larger ones.
    gathered: usize,
    first_look: usize,
    next_look: usize,
}

impl Pruning {
    pub(super) fn new(limit: GroupLimit, types: Vec<SparkType>, batch_size: usize) -> Self {
        let first_look = FIRST_LOOK * batch_size;
        Pruning {
            limit,
            types,
            bounds: HashMap::default(),
            bytes: 0,
            came: 0,
            gathered: 0,
            first_look,
            next_look: first_look,
        }
    }

    /// Of the next batch the rows that may be wanted; None if that are all.
    pub(super) fn wanted(&mut self, keys: &Keys) -> Option<Vec<u32>> {
        self.came += keys.len();
        if self.bounds.is_empty() {
            return None;
        }
        let is_wanted = |row: usize| {
            let key = keys.bytes(row);
            let bound = self.bounds.get(&key[..group_length(&key, &self.types)]);
            bound.is_none_or(|bound| key[..] < bound[..])
        };
        let wanted: Vec<u32> = (0..keys.len())
            .filter(|&row| is_wanted(row))
            .map(|row| row as u32)
            .collect();
        (wanted.len() < keys.len()).then_some(wanted)
    }

    /// Counts a batch that is gathered; says whether it is time to look through all of them.
    pub(super) fn gather(&mut self, rows: usize) -> bool {
        self.gathered += rows.max(SMALL_BATCH.min(self.first_look));
        self.gathered >= self.next_look
    }

    /// Nothing is gathered any more; the bounds hold for what comes.
    pub(super) fn begin_again(&mut self) {
        self.came = 0;
        self.gathered = 0;
        self.next_look = self.first_look;
    }

    /// Gives the bounds up.
    pub(super) fn forget(&mut self) {
        self.bounds = HashMap::default();
        self.bytes = 0;
    }

    /// Bytes of memory held.
    pub(super) fn memory_size(&self) -> u64 {
        self.bytes as u64
    }

    /// Looks through rows in order, whose keys `key` gives, by their places in it: the places of
    /// those that may be wanted. None if they are not so much fewer that dropping others pays.
    pub(super) fn look<K: Deref<Target = [u8]>>(
        &mut self,
        rows: usize,
        key: impl Fn(usize) -> K,
    ) -> Option<Vec<usize>> {
        let mut wanted = Vec::new();
        let mut from = 0;
        while from < rows {
            from = self.look_at_group(from, rows, &key, &mut wanted);
        }
        if wanted.len() > self.came / 2 {
            // Each look sorts once more: seldom then, and no look at single rows.
            self.next_look = self.first_look.max(16 * self.gathered);
            self.forget();
            return None;
        }
        self.came = wanted.len();
        self.gathered = wanted.len();
        self.next_look = self.first_look.max(4 * wanted.len());
        Some(wanted)
    }

    /// Looks through the group that begins at `from`; gives where the next one begins.
    fn look_at_group<K: Deref<Target = [u8]>>(
        &mut self,
        from: usize,
        rows: usize,
        key: &impl Fn(usize) -> K,
        wanted: &mut Vec<usize>,
    ) -> usize {
        let GroupLimit {
            function, limit, ..
        } = self.limit;
        let first = key(from);
        let group = &first[..group_length(&first, &self.types)];
        let mut counter = RankCounter::default();
        let mut row = from;
        while row < rows && key(row).starts_with(group) {
            let begins_peers = || row > from && key(row)[..] != key(row - 1)[..];
            if counter.take(function, limit, begins_peers) {
                wanted.push(row);
                if counter.is_full(limit) {
                    self.bound(group, &key(row));
                }
            }
            row += 1;
        }
        row
    }

    fn bound(&mut self, group: &[u8], key: &[u8]) {
        if let Some(bound) = self.bounds.get_mut(group) {
            // Rows that were spilled may have bounded it lower.
            if key < &bound[..] {
                *bound = key.into();
            }
        } else {
            let bytes = group.len() + key.len() + ENTRY_BYTES;
            if self.bytes + bytes <= MAX_BYTES {
                self.bytes += bytes;
                self.bounds.insert(group.into(), key.into());
            }
        }
    }
}
