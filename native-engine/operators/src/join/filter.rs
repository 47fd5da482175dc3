//! Filters from a join's build side for the scan below its probe side.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use arclight_columns::{Column, Selection, SparkType};
use parking_lot::Mutex;

use super::bits::Bits;
use super::keys::{integers, is_word, rows_with_keys};
use crate::operator::EngineError;

/// The widest range of keys that is kept as a bit for each.
const BITS: u64 = 16 << 20;
/// Such a range whatever the number of keys.
const SMALL_BITS: u64 = 1 << 20;
/// Bits for each key beyond which other filters are smaller.
const BITS_PER_KEY: u64 = 64;
/// The most keys that are kept hashed; a filter of more would not stay in a cache.
const HASHED_KEYS: usize = 4 << 20;
/// Rows after which a filter that lets more than half of them pass is switched off.
const TRIAL_ROWS: u64 = 64 * 1024;

/// The keys of one column of a build side: as much as is needed to tell that a value is not one.
#[derive(Debug)]
pub(super) struct KeyFilter {
    data_type: SparkType,
    smallest: i64,
    largest: i64,
    values: Values,
}

#[derive(Debug)]
enum Values {
    /// All between the smallest and the largest, as far as is known.
    Range,
    /// A bit for each from the smallest on.
    Bits(Bits),
    /// Four bits of one word for each key.
    Hashed(Vec<u64>),
}

/// The word and its bits for a value.
#[inline]
fn place(value: i64, words: usize) -> (usize, u64) {
    let hash = (value as u64 ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let hash = hash ^ (hash >> 32);
    let hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
    let bits = 1 << (hash & 63) | 1 << (hash >> 6 & 63) | 1 << (hash >> 12 & 63);
    let bits = bits | 1 << (hash >> 18 & 63);
    ((hash >> 32) as usize & (words - 1), bits)
}

impl KeyFilter {
    /// Bytes that the filter of this many keys takes, at most.
    pub(super) fn bytes(rows: usize) -> u64 {
        SMALL_BITS / 8 + BITS_PER_KEY * rows.min(HASHED_KEYS) as u64 / 8
    }

    /// The filter of a build side's key column; `None` for types without one, or without keys.
    pub(super) fn of(key: &Column) -> Result<Option<Self>, EngineError> {
        if !is_word(key.data_type()) {
            return Ok(None);
        }
        let rows = rows_with_keys(std::slice::from_ref(key), &Selection::all(key.len()));
        if rows.is_empty() {
            return Ok(None);
        }
        let keys = integers(key, &rows)?;
        let smallest = keys.iter().copied().fold(i64::MAX, i64::min);
        let largest = keys.iter().copied().fold(i64::MIN, i64::max);
        let range = (largest as u64).wrapping_sub(smallest as u64);
        let count = keys.len() as u64;
        let values = if range < SMALL_BITS || (range < BITS && range / BITS_PER_KEY < count) {
            let mut bits = Bits::new(range as usize + 1);
            for &key in &keys[..] {
                bits.set((key as u64).wrapping_sub(smallest as u64) as usize);
            }
            Values::Bits(bits)
        } else if keys.len() <= HASHED_KEYS {
            // 16 to 32 bits a key.
            let mut words = vec![0u64; (keys.len() / 4).next_power_of_two()];
            let len = words.len();
            for &key in &keys[..] {
                let (word, bits) = place(key, len);
                words[word] |= bits;
            }
            Values::Hashed(words)
        } else {
            Values::Range
        };
        Ok(Some(KeyFilter {
            data_type: key.data_type().clone(),
            smallest,
            largest,
            values,
        }))
    }

    #[inline]
    fn may_contain(&self, value: i64) -> bool {
        if value < self.smallest || value > self.largest {
            return false;
        }
        match &self.values {
            Values::Range => true,
            Values::Bits(bits) => bits.get(self.offset(value)),
            Values::Hashed(words) => {
                let (word, bits) = place(value, words.len());
                words[word] & bits == bits
            }
        }
    }

    fn offset(&self, value: i64) -> usize {
        (value as u64).wrapping_sub(self.smallest as u64) as usize
    }
}

/// What a scan's rows must have in a column to matter to a join above, in one task.
#[derive(Debug)]
pub struct RuntimeFilter {
    keys: Arc<KeyFilter>,
    seen: AtomicU64,
    passed: AtomicU64,
    off: AtomicBool,
}

impl RuntimeFilter {
    pub(super) fn new(keys: Arc<KeyFilter>) -> Self {
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
        let low = smallest.max(self.keys.smallest);
        let high = largest.min(self.keys.largest);
        if low > high {
            return false;
        }
        match &self.keys.values {
            Values::Bits(bits) => bits.any(self.keys.offset(low), self.keys.offset(high)),
            Values::Range | Values::Hashed(_) => true,
        }
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

/// A task's runtime filters: joins add them, the scans below look for theirs.
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
