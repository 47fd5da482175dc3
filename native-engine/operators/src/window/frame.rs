//! Frames: which rows of its partition a row's value is computed of.

use std::ops::Range;

use super::layout::Positions;

/// What a frame's bounds count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameUnit {
    /// Rows.
    Rows,
    /// Groups of peers; the only offset is 0, the current row's peers.
    Range,
}

/// Where a frame begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Where the partition does.
    Unbounded,
    /// So many rows behind the current one (before it, if negative), which is included.
    Offset(i64),
}

/// The rows from one bound to another, both included (Spark's `SpecifiedWindowFrame`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// What the bounds count.
    pub unit: FrameUnit,
    /// Where it begins.
    pub lower: Bound,
    /// Where it ends.
    pub upper: Bound,
}

impl Frame {
    /// Whether it is the whole partition.
    pub(super) fn is_whole(self) -> bool {
        self.lower == Bound::Unbounded && self.upper == Bound::Unbounded
    }

    /// Whether it only grows from row to row.
    pub(super) fn grows(self) -> bool {
        self.lower == Bound::Unbounded
    }

    /// Whether it is what has come so far: the partition up to the current row.
    pub(super) fn is_running(self) -> bool {
        self.grows() && self.unit == FrameUnit::Rows && self.upper == Bound::Offset(0)
    }

    /// Whether it depends on which rows are peers.
    pub(super) fn needs_peers(self) -> bool {
        self.unit == FrameUnit::Range && !self.is_whole()
    }

    /// The frame of the `index`-th row of a block, which is row `row` of the input. It is within
    /// the row's partition, and may be empty.
    pub(super) fn of(self, row: u64, index: usize, positions: &Positions) -> Range<u64> {
        let partition = positions.partition(index);
        let (first, end) = match self.unit {
            FrameUnit::Range if self.needs_peers() => {
                (positions.first_peer(index), positions.last_peer(index) + 1)
            }
            _ => (row, row + 1),
        };
        let within = |row: u64, offset: i64| {
            row.saturating_add_signed(offset)
                .clamp(partition.start, partition.end)
        };
        let lower = match self.lower {
            Bound::Unbounded => partition.start,
            Bound::Offset(offset) => within(first, offset),
        };
        let upper = match self.upper {
            Bound::Unbounded => partition.end,
            Bound::Offset(offset) => within(end, offset),
        };
        lower..upper.max(lower)
    }
}
