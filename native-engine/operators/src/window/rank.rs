//! Ranks of rows in their partitions, as a limit counts them.

/// What counts the rows of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RankFunction {
    /// Rows.
    RowNumber,
    /// Rows before the first peer.
    Rank,
    /// Groups of peers.
    DenseRank,
}

/// Counts the rows of one partition, which come in order.
#[derive(Debug, Default)]
pub(crate) struct RankCounter {
    /// Rows taken.
    rows: u64,
    /// The rank of the last of them, counted from 0; of a number of rows the next one's.
    rank: u64,
}

impl RankCounter {
    /// Whether no further row is taken.
    pub(crate) fn is_full(&self, limit: u64) -> bool {
        self.rank >= limit
    }

    /// Takes the next row unless there are enough; says whether it did. The first row of a rank
    /// beyond `limit` is still taken: its rank is known only then.
    pub(crate) fn take(
        &mut self,
        function: RankFunction,
        limit: u64,
        begins_peers: impl FnOnce() -> bool,
    ) -> bool {
        if self.is_full(limit) {
            return false;
        }
        match function {
            RankFunction::RowNumber => self.rank += 1,
            _ if self.rows == 0 || !begins_peers() => {}
            RankFunction::Rank => self.rank = self.rows,
            RankFunction::DenseRank => self.rank += 1,
        }
        self.rows += 1;
        true
    }
}
