//! Ascending ranges of rows or bytes, none of them empty or overlapping.

use std::ops::Range;

/// How many rows or bytes they hold.
pub(crate) fn count(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).sum()
}

/// Adds a range that is behind all others; one that goes on where the last one ends is joined to it.
pub(crate) fn append(ranges: &mut Vec<Range<u64>>, range: Range<u64>) {
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}

/// What is in both lists.
pub(crate) fn intersect(left: &[Range<u64>], right: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut both = Vec::new();
    let (mut l, mut r) = (0, 0);
    while let (Some(a), Some(b)) = (left.get(l), right.get(r)) {
        let (start, end) = (a.start.max(b.start), a.end.min(b.end));
        if start < end {
            both.push(start..end);
        }
        match a.end <= b.end {
            true => l += 1,
            false => r += 1,
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ranges() -> impl Strategy<Value = Vec<Range<u64>>> {
        prop::collection::vec((1_u64..5, 1_u64..5), 0..8).prop_map(|steps| {
            let mut at = 0;
            let steps = steps.into_iter().map(|(gap, length)| {
                let start = at + gap;
                at = start + length;
                start..at
            });
            steps.collect()
        })
    }

    proptest! {
        #[test]
        fn intersection_is_of_rows(left in ranges(), right in ranges()) {
            let rows = |r: &[Range<u64>]| r.iter().cloned().flatten().collect::<Vec<_>>();
            let both = intersect(&left, &right);
            let right = rows(&right);
            let expected = rows(&left).into_iter().filter(|row| right.contains(row));
            prop_assert_eq!(rows(&both), expected.collect::<Vec<_>>());
            prop_assert!(both.iter().all(|r| !r.is_empty()));
        }
    }
}
