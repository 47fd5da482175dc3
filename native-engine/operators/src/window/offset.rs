//! Values of other rows: `lead`, `lag` and `nth_value`.

use std::collections::VecDeque;
use std::ops::Range;

use arclight_columns::Column;

use super::evaluator::{Block, Evaluator};
use super::frame::Frame;
use super::reader::{NullCursor, gather};
use super::store::Store;
use crate::operator::EngineError;

/// `lead`, or `lag` with a negative offset.
pub(super) struct Offset {
    input: usize,
    offset: i64,
    default: Option<usize>,
    ignore_nulls: bool,
    nulls: NullCursor,
    near: Near,
}

/// What is known of the rows near the last one whose input is not NULL.
#[derive(Default)]
struct Near {
    partition: Range<u64>,
    /// Such rows: the last ones before the current row, or the next ones behind it.
    rows: VecDeque<u64>,
    /// The first row that was not looked at.
    next: u64,
}

impl Offset {
    /// The value of column `input` so many rows on; where there is none, that of column `default`.
    pub(super) fn new(
        input: usize,
        offset: i64,
        default: Option<usize>,
        ignore_nulls: bool,
    ) -> Self {
        Offset {
            input,
            offset,
            default,
            ignore_nulls,
            nulls: NullCursor::default(),
            near: Near::default(),
        }
    }

    /// The row `offset` rows on, if NULLs are passed over: so many that are not NULL.
    fn without_nulls(
        &mut self,
        row: u64,
        partition: Range<u64>,
        store: &mut Store,
    ) -> Result<Option<u64>, EngineError> {
        let count = self.offset.unsigned_abs() as usize;
        let Near {
            partition: of,
            rows,
            next,
        } = &mut self.near;
        if *of != partition {
            rows.clear();
            *next = partition.start;
            *of = partition.clone();
        }
        if self.offset < 0 {
            while *next < row {
                if !self.nulls.is_null(store, self.input, *next)? {
                    rows.push_back(*next);
                    if rows.len() > count {
                        rows.pop_front();
                    }
                }
                *next += 1;
            }
            return Ok(rows.front().copied().filter(|_| rows.len() == count));
        }
        while rows.front().is_some_and(|&first| first <= row) {
            rows.pop_front();
        }
        *next = (*next).max(row + 1);
        while rows.len() < count && *next < partition.end {
            if !self.nulls.is_null(store, self.input, *next)? {
                rows.push_back(*next);
            }
            *next += 1;
        }
        Ok(rows.get(count - 1).copied())
    }
}

impl Evaluator for Offset {
    fn evaluate(&mut self, block: &Block<'_>, store: &mut Store) -> Result<Column, EngineError> {
        let mut wanted = Vec::with_capacity(block.batch.len());
        for (index, row) in block.rows.clone().enumerate() {
            let partition = block.positions.partition(index);
            wanted.push(if self.ignore_nulls && self.offset != 0 {
                self.without_nulls(row, partition, store)?
            } else {
                row.checked_add_signed(self.offset)
                    .filter(|row| partition.contains(row))
            });
        }
        let default = self.default.map(|default| block.batch.column(default));
        gather(store, self.input, &wanted, default)
    }

    fn end_chunk(&mut self) {
        self.nulls.release();
    }
}

/// `nth_value`.
pub(super) struct Nth {
    input: usize,
    n: u64,
    ignore_nulls: bool,
    frame: Frame,
    nulls: NullCursor,
    search: Search,
}

/// How far the n-th row that is not NULL was looked for from `from` on.
#[derive(Default)]
struct Search {
    from: Option<u64>,
    next: u64,
    seen: u64,
    found: Option<u64>,
}

impl Nth {
    /// The value of column `input` in the n-th row of the frame.
    pub(super) fn new(input: usize, n: u64, ignore_nulls: bool, frame: Frame) -> Self {
        Nth {
            input,
            n,
            ignore_nulls,
            frame,
            nulls: NullCursor::default(),
            search: Search::default(),
        }
    }

    fn without_nulls(
        &mut self,
        frame: Range<u64>,
        store: &mut Store,
    ) -> Result<Option<u64>, EngineError> {
        let search = &mut self.search;
        if search.from != Some(frame.start) {
            *search = Search {
                from: Some(frame.start),
                next: frame.start,
                seen: 0,
                found: None,
            };
        }
        while search.found.is_none() && search.next < frame.end {
            if !self.nulls.is_null(store, self.input, search.next)? {
                search.seen += 1;
                if search.seen == self.n {
                    search.found = Some(search.next);
                }
            }
            search.next += 1;
        }
        Ok(search.found.filter(|found| frame.contains(found)))
    }
}

impl Evaluator for Nth {
    fn evaluate(&mut self, block: &Block<'_>, store: &mut Store) -> Result<Column, EngineError> {
        let mut wanted = Vec::with_capacity(block.batch.len());
        for (index, row) in block.rows.clone().enumerate() {
            let frame = self.frame.of(row, index, block.positions);
            wanted.push(if self.ignore_nulls {
                self.without_nulls(frame, store)?
            } else {
                let nth = frame.start.checked_add(self.n.saturating_sub(1));
                nth.filter(|row| frame.contains(row))
            });
        }
        gather(store, self.input, &wanted, None)
    }

    fn end_chunk(&mut self) {
        self.nulls.release();
        self.search = Search::default();
    }
}
