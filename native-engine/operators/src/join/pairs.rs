//! Candidate pairs: rows of a probe batch, each with the rows of the table that have its key.

use arclight_columns::{Batch, Selection};

use super::table::JoinTable;

/// A batch whose pairs are not all given out.
pub(super) struct Pending {
    pub(super) batch: Batch,
    /// Positions in the batch, and the first of the table's rows for each (0: none, which leaves a
    /// row with NULLs).
    pub(super) rows: Vec<u32>,
    pub(super) heads: Vec<u32>,
    pub(super) next: Next,
}

/// How far a batch's pairs are given out.
#[derive(Clone, Copy, Default)]
pub(super) struct Next {
    /// The row that is next, and which of its chain (0: the first).
    pub(super) at: usize,
    pub(super) chain: u32,
    /// Whether the row has had a match.
    pub(super) any: bool,
}

/// Candidate pairs, in order.
#[derive(Default)]
pub(super) struct Pairs {
    pub(super) rows: Vec<u32>,
    /// Rows of the table, 0 for none.
    pub(super) builds: Vec<u32>,
    /// Whether it is the last of its probe row; empty where nobody wants to know.
    pub(super) last: Vec<bool>,
}

impl Pending {
    /// The next candidate pairs, up to `size`. Where `ends`, it says which are the last of a row.
    pub(super) fn fill(&mut self, table: &JoinTable, size: usize, ends: bool) -> Pairs {
        let mut pairs = Pairs::default();
        let least = size.min(self.rows.len() - self.next.at);
        pairs.rows.reserve(least);
        pairs.builds.reserve(least);
        while self.next.at < self.rows.len() && pairs.rows.len() < size {
            let mut build = match self.next.chain {
                0 => self.heads[self.next.at],
                chain => chain,
            };
            loop {
                pairs.builds.push(build);
                if build != 0 {
                    build = table.next(build);
                }
                if build == 0 || pairs.builds.len() == size {
                    break;
                }
            }
            pairs
                .rows
                .resize(pairs.builds.len(), self.rows[self.next.at]);
            if ends {
                pairs.last.resize(pairs.builds.len() - 1, false);
                pairs.last.push(build == 0);
            }
            self.next.chain = build;
            self.next.at += usize::from(build == 0);
        }
        pairs
    }

    /// The pairs that hold; where `outer`, rows of which none does keep their place, without a row
    /// of the table.
    pub(super) fn keep(&mut self, pairs: &Pairs, kept: &Selection, outer: bool) -> Pairs {
        if !outer {
            return Pairs {
                rows: kept.iter().map(|pair| pairs.rows[pair]).collect(),
                builds: kept.iter().map(|pair| pairs.builds[pair]).collect(),
                last: Vec::new(),
            };
        }
        let mut result = Pairs::default();
        let mut kept = kept.iter().peekable();
        for (pair, &row) in pairs.rows.iter().enumerate() {
            if kept.next_if_eq(&pair).is_some() {
                result.rows.push(row);
                result.builds.push(pairs.builds[pair]);
                self.next.any = true;
            }
            if pairs.last[pair] {
                if !self.next.any {
                    result.rows.push(row);
                    result.builds.push(0);
                }
                self.next.any = false;
            }
        }
        result
    }
}
