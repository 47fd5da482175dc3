//! Merging sorted runs.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use arclight_columns::{Batch, ColumnBuilder, SparkType};

use super::run::builders;
use crate::operator::EngineError;
use crate::spill::SpillReader;

/// The first row not yet given out of one run.
struct Head {
    key: Vec<u8>,
    run: usize,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        // Equal keys: the earlier run first, since its rows came first.
        self.key.cmp(&other.key).then(self.run.cmp(&other.run))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

struct Cursor {
    reader: SpillReader,
    batch: Batch,
    row: usize,
}

/// Merges sorted runs; the last column of each is the key.
pub struct Merge {
    cursors: Vec<Option<Cursor>>,
    heads: BinaryHeap<Reverse<Head>>,
    types: Vec<SparkType>,
}

impl Merge {
    /// A merge of `readers`, whose rows have columns of `types` and then the key.
    pub fn new(readers: Vec<SpillReader>, types: Vec<SparkType>) -> Result<Self, EngineError> {
        let mut merge = Merge {
            cursors: Vec::new(),
            heads: BinaryHeap::new(),
            types,
        };
        for (run, mut reader) in readers.into_iter().enumerate() {
            let cursor = reader.next_batch()?.map(|batch| Cursor {
                reader,
                batch,
                row: 0,
            });
            merge.cursors.push(cursor);
            merge.push_head(run)?;
        }
        Ok(merge)
    }

    fn push_head(&mut self, run: usize) -> Result<(), EngineError> {
        if let Some(cursor) = &self.cursors[run] {
            let keys = cursor.batch.column(self.types.len());
            let key = keys
                .bytes_value(cursor.row)
                .ok_or_else(|| EngineError::Internal("a spilled row has no key".to_string()))?
                .to_vec();
            self.heads.push(Reverse(Head { key, run }));
        }
        Ok(())
    }

    fn advance(&mut self, run: usize) -> Result<(), EngineError> {
        if let Some(cursor) = &mut self.cursors[run] {
            cursor.row += 1;
            if cursor.row == cursor.batch.len() {
                match cursor.reader.next_batch()? {
                    Some(batch) => {
                        cursor.batch = batch;
                        cursor.row = 0;
                    }
                    None => self.cursors[run] = None,
                }
            }
        }
        self.push_head(run)
    }

    /// The next rows in order, at most `size`.
    pub fn next_batch(&mut self, size: usize) -> Result<Option<Batch>, EngineError> {
        let mut columns = builders(&self.types, size);
        let mut rows = 0;
        while rows < size {
            let Some(Reverse(head)) = self.heads.pop() else {
                break;
            };
            if let Some(cursor) = &self.cursors[head.run] {
                for (builder, column) in columns.iter_mut().zip(cursor.batch.columns()) {
                    builder.push_from(column, cursor.row);
                }
            }
            rows += 1;
            self.advance(head.run)?;
        }
        if rows == 0 {
            return Ok(None);
        }
        Ok(Some(Batch::new(
            columns.into_iter().map(ColumnBuilder::finish).collect(),
            rows,
        )))
    }
}
