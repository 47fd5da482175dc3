//! Filters from a join's side for the scan below the other side.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use arclight_columns::{Column, Selection, SparkType};
use parking_lot::Mutex;

use super::key_filter::KeyFilter;
use crate::join::{integers, is_word, rows_with_keys};
use crate::operator::EngineError;

/// Rows after which a filter that lets more than half of them pass is switched off.
const TRIAL_ROWS: u64 = 64 * 1024;

/// What a scan's rows must have in a column to matter to a join above, in one task.
#[derive(Debug)]
pub struct RuntimeFilter {
    keys: Arc<KeyFilter>,
    seen: AtomicU64,
    passed: AtomicU64,
    off: AtomicBool,
}

impl RuntimeFilter {
    pub(crate) fn new(keys: Arc<KeyFilter>) -> Self {
        RuntimeFilter {
            keys,
            seen: AtomicU64::new(0),
            passed: AtomicU64::new(0),
            off: AtomicBool::new(false),
        }
    }

    /// A filter that lets the values of a column pass, for tests of scans; `None` for types that
    /// have none.
    pub fn of(values: &Column) -> Result<Option<Self>, EngineError> {
        Ok(KeyFilter::of(values)?.map(|keys| Self::new(Arc::new(keys))))
    }

    /// Whether there are filters of columns of this type: its values are told apart by 64 bits.
    pub fn is_key(data_type: &SparkType) -> bool {
        is_word(data_type)
    }

    /// The type of the columns it is for.
    pub fn data_type(&self) -> &SparkType {
        &self.keys.data_type
    }

    /// Whether it still filters rows. One that keeps more than half of the first rows does not.
    pub fn is_on(&self) -> bool {
        !self.off.load(Relaxed)
    }

    /// Whether some value from `smallest` to `largest` may pass; of a column of booleans,
    /// integers, dates, timestamps or decimals of up to 18 digits.
    pub fn overlaps(&self, smallest: i64, largest: i64) -> bool {
        self.keys.overlaps(smallest, largest)
    }

    /// The rows of `rows` whose values in `column`, which has the key's type, may pass. NULL does
    /// not.
    pub fn select(&self, column: &Column, rows: &Selection) -> Result<Selection, EngineError> {
        let valid = rows_with_keys(std::slice::from_ref(column), rows);
        let values = integers(column, &valid)?;
        let mut kept = vec![0u32; values.len()];
        let mut count = 0;
        // Writes each row and moves on if it passes: no branch to mispredict.
        let mut keep = |row: u32, pass: bool| {
            kept[count] = row;
            count += usize::from(pass);
        };
        match valid.rows() {
            None => (0u32..)
                .zip(&values[..])
                .for_each(|(row, &value)| keep(row, self.keys.may_contain(value))),
            Some(valid) => valid
                .iter()
                .zip(&values[..])
                .for_each(|(&row, &value)| keep(row, self.keys.may_contain(value))),
        }
        kept.truncate(count);
        self.judge(rows.count() as u64, count as u64);
        Ok(Selection::from_rows(rows.len(), kept))
    }

    fn judge(&self, seen: u64, passed: u64) {
        let before = self.seen.fetch_add(seen, Relaxed);
        let passed = passed + self.passed.fetch_add(passed, Relaxed);
        let seen = seen + before;
        if before < TRIAL_ROWS && seen >= TRIAL_ROWS && 2 * passed > seen {
            self.off.store(true, Relaxed);
        }
    }
}

/// A task's runtime filters: joins and the filters of other stages add them, the scans below look
/// for theirs.
#[derive(Debug, Default)]
pub struct RuntimeFilters(Mutex<HashMap<ScanColumn, Vec<Arc<RuntimeFilter>>>>);

/// A column of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ScanColumn {
    /// The scan's operator id.
    pub scan: usize,
    /// Position in the scan's schema.
    pub column: usize,
}

impl RuntimeFilters {
    /// Adds a filter. Whoever adds it takes care that rows which do not pass are of no use to
    /// anybody.
    pub fn add(&self, column: ScanColumn, filter: RuntimeFilter) {
        let mut filters = self.0.lock();
        filters.entry(column).or_default().push(Arc::new(filter));
    }

    /// The filters of a scan, with the positions of their columns.
    pub fn of_scan(&self, scan: usize) -> Vec<(usize, Arc<RuntimeFilter>)> {
        let filters = self.0.lock();
        let mut found: Vec<_> = filters
            .iter()
            .filter(|(column, _)| column.scan == scan)
            .flat_map(|(column, filters)| {
                filters
                    .iter()
                    .map(|filter| (column.column, Arc::clone(filter)))
            })
            .collect();
        found.sort_by_key(|(column, _)| *column);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ints, longs};
    use proptest::prelude::*;

    fn passing(filter: &RuntimeFilter, column: &Column) -> Vec<usize> {
        let rows = filter
            .select(column, &Selection::all(column.len()))
            .unwrap();
        rows.iter().collect()
    }

    #[test]
    fn a_small_range_is_exact() {
        let filter = RuntimeFilter::of(&ints(&[Some(3), None, Some(-70), Some(100)]));
        let filter = filter.unwrap().unwrap();
        let column = ints(&[
            Some(3),
            Some(4),
            None,
            Some(-70),
            Some(100),
            Some(101),
            Some(-71),
        ]);
        assert_eq!(passing(&filter, &column), [0, 3, 4]);
        assert!(filter.overlaps(-100, -70) && filter.overlaps(3, 3) && filter.overlaps(90, 200));
        assert!(!filter.overlaps(4, 99) && !filter.overlaps(-69, 2));
        assert!(!filter.overlaps(101, i64::MAX) && !filter.overlaps(i64::MIN, -71));
    }

    #[test]
    fn no_filter_without_keys_or_for_other_types() {
        assert!(RuntimeFilter::of(&ints(&[None])).unwrap().is_none());
        let wide = Column::fixed(SparkType::decimal(30, 0), vec![1i128], None);
        assert!(RuntimeFilter::of(&wide).unwrap().is_none());
    }

    #[test]
    fn few_others_pass_hashed_keys() {
        let key = |i: i64| Some(i.wrapping_mul(0x1234_5678_9abc_def1));
        let keys: Vec<_> = (0..10_000).map(key).collect();
        let filter = RuntimeFilter::of(&longs(&keys)).unwrap().unwrap();
        assert_eq!(passing(&filter, &longs(&keys)).len(), 10_000);
        let others: Vec<_> = (10_000..30_000).map(key).collect();
        assert!(passing(&filter, &longs(&others)).len() < 1000);
        assert!(filter.is_on());
    }

    #[test]
    fn switches_itself_off() {
        let filter = RuntimeFilter::of(&ints(&[Some(1)])).unwrap().unwrap();
        let column = ints(&vec![Some(1); 10_000]);
        for _ in 0..7 {
            assert!(filter.is_on());
            passing(&filter, &column);
        }
        assert!(!filter.is_on());
    }

    proptest! {
        #[test]
        fn never_drops_a_key(
            keys in proptest::collection::vec(any::<i64>(), 1..50),
            scale in 0..64u32,
        ) {
            let keys: Vec<_> = keys.iter().map(|key| Some(key >> scale)).collect();
            let column = longs(&keys);
            let filter = RuntimeFilter::of(&column).unwrap().unwrap();
            prop_assert_eq!(passing(&filter, &column).len(), keys.len());
            for key in keys.into_iter().flatten() {
                prop_assert!(filter.overlaps(key, key));
            }
        }
    }
}
