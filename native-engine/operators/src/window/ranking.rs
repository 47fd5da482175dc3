//! Functions of a row's place in its partition and among its peers.

use arclight_columns::{Column, SparkType};

use super::WindowFunction;
use super::evaluator::{Block, Evaluator};
use super::store::Store;
use crate::operator::EngineError;

enum Kind {
    RowNumber,
    Rank,
    DenseRank(Dense),
    PercentRank,
    CumeDist,
    NTile(u64),
}

/// The last row's rank.
#[derive(Default)]
struct Dense {
    /// Where its partition begins.
    partition: u64,
    /// Its first peer.
    peer: u64,
    rank: i32,
}

impl Dense {
    fn next(&mut self, partition: u64, peer: u64) -> i32 {
        if self.rank == 0 || partition != self.partition {
            self.rank = 1;
        } else if peer != self.peer {
            self.rank += 1;
        }
        self.partition = partition;
        self.peer = peer;
        self.rank
    }
}

/// `row_number`, `rank`, `dense_rank`, `percent_rank`, `cume_dist` or `ntile`.
pub(super) struct Ranking(Kind);

impl Ranking {
    /// What computes `function`, which is one of these.
    pub(super) fn new(function: &WindowFunction) -> Self {
        Ranking(match function {
            WindowFunction::Rank => Kind::Rank,
            WindowFunction::DenseRank => Kind::DenseRank(Dense::default()),
            WindowFunction::PercentRank => Kind::PercentRank,
            WindowFunction::CumeDist => Kind::CumeDist,
            WindowFunction::NTile(buckets) => Kind::NTile(buckets.unsigned_abs().max(1)),
            _ => Kind::RowNumber,
        })
    }
}

fn ints(block: &Block<'_>, value: impl FnMut((usize, u64)) -> i32) -> Column {
    let rows = block.rows.clone().enumerate();
    Column::fixed(SparkType::Int, rows.map(value).collect(), None)
}

fn doubles(block: &Block<'_>, value: impl FnMut((usize, u64)) -> f64) -> Column {
    let rows = block.rows.clone().enumerate();
    Column::fixed(SparkType::Double, rows.map(value).collect(), None)
}

/// Which of `buckets` shares the row at `place` of `rows` is in: the first ones have a row more, if
/// the rows can't be shared out evenly.
fn ntile(place: u64, rows: u64, buckets: u64) -> u64 {
    let (size, larger) = (rows / buckets, rows % buckets);
    let in_larger = larger * (size + 1);
    if place < in_larger {
        place / (size + 1) + 1
    } else {
        larger + (place - in_larger) / size.max(1) + 1
    }
}

impl Evaluator for Ranking {
    fn evaluate(&mut self, block: &Block<'_>, _store: &mut Store) -> Result<Column, EngineError> {
        let positions = block.positions;
        let start = |index: usize| positions.partition(index).start;
        let rank = |index: usize| positions.first_peer(index) - start(index) + 1;
        Ok(match &mut self.0 {
            Kind::RowNumber => ints(block, |(i, row)| (row - start(i) + 1) as i32),
            Kind::Rank => ints(block, |(i, _)| rank(i) as i32),
            Kind::DenseRank(dense) => ints(block, |(i, _)| {
                dense.next(start(i), positions.first_peer(i))
            }),
            Kind::PercentRank => doubles(block, |(i, _)| {
                let partition = positions.partition(i);
                match partition.end - partition.start {
                    0 | 1 => 0.0,
                    rows => (rank(i) - 1) as f64 / (rows - 1) as f64,
                }
            }),
            Kind::CumeDist => doubles(block, |(i, _)| {
                let partition = positions.partition(i);
                let so_far = positions.last_peer(i) + 1 - partition.start;
                so_far as f64 / (partition.end - partition.start) as f64
            }),
            Kind::NTile(buckets) => ints(block, |(i, row)| {
                let partition = positions.partition(i);
                let rows = partition.end - partition.start;
                ntile(row - partition.start, rows, *buckets) as i32
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::ntile;

    #[test]
    fn shares_differ_by_one_row_at_most() {
        let tiles = |rows, buckets| {
            (0..rows)
                .map(|i| ntile(i, rows, buckets))
                .collect::<Vec<_>>()
        };
        assert_eq!(tiles(7, 3), [1, 1, 1, 2, 2, 3, 3]);
        assert_eq!(tiles(3, 5), [1, 2, 3]);
        assert_eq!(tiles(4, 2), [1, 1, 2, 2]);
        assert_eq!(tiles(2, 1), [1, 1]);
    }
}
