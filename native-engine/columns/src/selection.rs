//! Which rows of a batch are active.

use std::sync::Arc;

use arrow_buffer::{BooleanBuffer, NullBuffer};

/// The active rows of a batch of `len` rows: all of them, or an ascending list of positions.
#[derive(Debug, Clone)]
pub struct Selection {
    len: usize,
    rows: Option<Arc<[u32]>>,
}

impl Selection {
    /// All of `len` rows.
    pub fn all(len: usize) -> Self {
        Selection { len, rows: None }
    }

    /// The given positions, which must ascend and be below `len`.
    pub fn from_rows(len: usize, rows: Vec<u32>) -> Self {
        debug_assert!(rows.windows(2).all(|w| w[0] < w[1]));
        debug_assert!(rows.last().is_none_or(|&r| (r as usize) < len));
        if rows.len() == len {
            return Selection { len, rows: None };
        }
        Selection {
            len,
            rows: Some(rows.into()),
        }
    }

    /// The rows of `within` where the predicate is TRUE (not FALSE, not NULL).
    pub fn from_predicate(
        values: &BooleanBuffer,
        validity: Option<&NullBuffer>,
        within: &Selection,
    ) -> Self {
        let truth = match validity {
            None => values.clone(),
            Some(validity) => values & validity.inner(),
        };
        let rows = match &within.rows {
            None => truth.set_indices_u32().collect(),
            Some(rows) => rows
                .iter()
                .copied()
                .filter(|&r| truth.value(r as usize))
                .collect(),
        };
        Self::from_rows(within.len, rows)
    }

    /// Rows of the batch, active or not.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Number of active rows.
    pub fn count(&self) -> usize {
        self.rows.as_ref().map_or(self.len, |r| r.len())
    }

    /// Whether no row is active.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Whether every row is active.
    pub fn is_all(&self) -> bool {
        self.rows.is_none()
    }

    /// The active positions, or `None` if all are active.
    pub fn rows(&self) -> Option<&[u32]> {
        self.rows.as_deref()
    }

    /// The active positions as a list, made when all are active.
    pub fn to_rows(&self) -> Arc<[u32]> {
        match &self.rows {
            Some(rows) => Arc::clone(rows),
            None => (0..self.len as u32).collect(),
        }
    }

    /// Calls `f` with each active position, in order.
    #[inline]
    pub fn for_each(&self, mut f: impl FnMut(usize)) {
        match &self.rows {
            None => (0..self.len).for_each(f),
            Some(rows) => rows.iter().for_each(|&r| f(r as usize)),
        }
    }

    /// Calls `f` with each active position, in order, until it fails.
    #[inline]
    pub fn try_for_each<E>(&self, mut f: impl FnMut(usize) -> Result<(), E>) -> Result<(), E> {
        match &self.rows {
            None => (0..self.len).try_for_each(f),
            Some(rows) => rows.iter().try_for_each(|&r| f(r as usize)),
        }
    }

    /// The active positions, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let rows = self.rows.as_deref();
        (0..self.count()).map(move |i| rows.map_or(i, |r| r[i] as usize))
    }

    /// The position of the `index`-th active row.
    pub fn position(&self, index: usize) -> usize {
        self.rows.as_ref().map_or(index, |r| r[index] as usize)
    }

    /// The active rows for which `keep` says so.
    pub fn filter(&self, mut keep: impl FnMut(usize) -> bool) -> Self {
        let mut rows = Vec::with_capacity(self.count());
        self.for_each(|r| {
            if keep(r) {
                rows.push(r as u32);
            }
        });
        Self::from_rows(self.len, rows)
    }

    /// The first `count` active rows.
    pub fn limit(&self, count: usize) -> Self {
        if count >= self.count() {
            return self.clone();
        }
        let rows = match &self.rows {
            None => (0..count as u32).collect(),
            Some(rows) => rows[..count].to_vec(),
        };
        Self::from_rows(self.len, rows)
    }

    /// All but the first `count` active rows.
    pub fn skip(&self, count: usize) -> Self {
        let rows = self.to_rows();
        Self::from_rows(self.len, rows[count.min(rows.len())..].to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predicate_keeps_only_true() {
        let values = BooleanBuffer::from(vec![true, true, false, true]);
        let validity = NullBuffer::from(vec![true, false, true, true]);
        let all = Selection::from_predicate(&values, Some(&validity), &Selection::all(4));
        assert_eq!(all.rows(), Some(&[0u32, 3][..]));
        let within = Selection::from_rows(4, vec![2, 3]);
        let some = Selection::from_predicate(&values, None, &within);
        assert_eq!(some.rows(), Some(&[3u32][..]));
    }

    #[test]
    fn limits_and_skips_active_rows() {
        let selection = Selection::from_rows(5, vec![1, 2, 4]);
        assert_eq!(selection.limit(2).rows(), Some(&[1u32, 2][..]));
        assert_eq!(selection.skip(2).rows(), Some(&[4u32][..]));
        assert_eq!(selection.skip(9).count(), 0);
        assert!(Selection::from_rows(2, vec![0, 1]).is_all());
    }
}
