//! Range partitioning: rows against the bounds that Spark sampled.

use std::cmp::Ordering;

use arclight_columns::{Column, FixedWidth, Selection, Values};

/// The bounds of a range partitioning over one sort key, and the direction.
#[derive(Debug, Clone)]
pub(crate) struct Bound<'a> {
    pub(crate) values: &'a Column,
    pub(crate) ascending: bool,
    pub(crate) nulls_first: bool,
}

/// Appends for each row of `rows` the first of `count` bounds that is not below it, as Spark's
/// `RangePartitioner.getPartition`. `keys` and `bounds` go by sort key.
pub(crate) fn assign(
    keys: &[Column],
    bounds: &[Bound<'_>],
    count: usize,
    rows: &Selection,
    ids: &mut Vec<u32>,
) {
    if let ([key], [bound]) = (keys, bounds) {
        let done = assign_fixed::<i32>(key, bound, rows, ids)
            || assign_fixed::<i64>(key, bound, rows, ids);
        if done {
            return;
        }
    }
    rows.for_each(|row| {
        let below = |position: usize| {
            let order = keys
                .iter()
                .zip(bounds)
                .map(|(key, bound)| compare_key(key, row, bound, position))
                .find(|order| order.is_ne());
            order == Some(Ordering::Greater)
        };
        let (mut least, mut end) = (0, count);
        while least < end {
            let middle = least.midpoint(end);
            if below(middle) {
                least = middle + 1;
            } else {
                end = middle;
            }
        }
        ids.push(least as u32);
    });
}

/// One key of a fixed width and bounds without NULL; `false` if it is not so.
fn assign_fixed<T: FixedWidth + Ord>(
    key: &Column,
    bound: &Bound<'_>,
    rows: &Selection,
    ids: &mut Vec<u32>,
) -> bool {
    let (Some(values), Some(bounds)) = (key.as_slice::<T>(), bound.values.as_slice::<T>()) else {
        return false;
    };
    if bound.values.has_nulls() {
        return false;
    }
    let null = if bound.nulls_first { 0 } else { bounds.len() };
    let ascending = bound.ascending;
    rows.for_each(|row| {
        let partition = match key.is_null(row) {
            true => null,
            false if ascending => bounds.partition_point(|b| *b < values[row]),
            false => bounds.partition_point(|b| *b > values[row]),
        };
        ids.push(partition as u32);
    });
    true
}

/// How a row's key stands to a bound in the sort's direction.
fn compare_key(key: &Column, row: usize, bound: &Bound<'_>, position: usize) -> Ordering {
    let null = if bound.nulls_first {
        Ordering::Less
    } else {
        Ordering::Greater
    };
    match (key.is_null(row), bound.values.is_null(position)) {
        (true, true) => Ordering::Equal,
        (true, false) => null,
        (false, true) => null.reverse(),
        (false, false) if bound.ascending => compare(key, row, bound.values, position),
        (false, false) => compare(key, row, bound.values, position).reverse(),
    }
}

/// Spark's order of two values, NULL (inside arrays and structs) before everything.
fn compare_nullable(left: &Column, l: usize, right: &Column, r: usize) -> Ordering {
    match (left.is_null(l), right.is_null(r)) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => compare(left, l, right, r),
    }
}

/// Spark's order of two values that are not NULL: NaN is the greatest and equal to itself, zeros
/// are equal, strings go by unsigned bytes, arrays and structs element by element.
fn compare(left: &Column, l: usize, right: &Column, r: usize) -> Ordering {
    let ((left, l), (right, r)) = (left.locate(l), right.locate(r));
    let (Some(left), Some(right)) = (left.as_flat(), right.as_flat()) else {
        return Ordering::Equal;
    };
    match (left, right) {
        (Values::Boolean(a), Values::Boolean(b)) => a.value(l).cmp(&b.value(r)),
        (Values::Int8(a), Values::Int8(b)) => a[l].cmp(&b[r]),
        (Values::Int16(a), Values::Int16(b)) => a[l].cmp(&b[r]),
        (Values::Int32(a), Values::Int32(b)) => a[l].cmp(&b[r]),
        (Values::Int64(a), Values::Int64(b)) => a[l].cmp(&b[r]),
        (Values::Int128(a), Values::Int128(b)) => a[l].cmp(&b[r]),
        (Values::Int64(a), Values::Int128(b)) => i128::from(a[l]).cmp(&b[r]),
        (Values::Int128(a), Values::Int64(b)) => a[l].cmp(&i128::from(b[r])),
        (Values::Float32(a), Values::Float32(b)) => {
            compare_floats(f64::from(a[l]), f64::from(b[r]))
        }
        (Values::Float64(a), Values::Float64(b)) => compare_floats(a[l], b[r]),
        (Values::Bytes(a), Values::Bytes(b)) => a.value(l).cmp(b.value(r)),
        (Values::Struct(a), Values::Struct(b)) => a
            .iter()
            .zip(b)
            .map(|(a, b)| compare_nullable(a, l, b, r))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal),
        (
            Values::List {
                offsets: a,
                elements: left,
            },
            Values::List {
                offsets: b,
                elements: right,
            },
        ) => {
            let (left_range, right_range) = (
                a[l] as usize..a[l + 1] as usize,
                b[r] as usize..b[r + 1] as usize,
            );
            left_range
                .clone()
                .zip(right_range.clone())
                .map(|(l, r)| compare_nullable(left, l, right, r))
                .find(|order| order.is_ne())
                .unwrap_or_else(|| left_range.len().cmp(&right_range.len()))
        }
        _ => Ordering::Equal,
    }
}

fn compare_floats(left: f64, right: f64) -> Ordering {
    match left.partial_cmp(&right) {
        Some(order) => order,
        None => left.is_nan().cmp(&right.is_nan()),
    }
}

#[cfg(test)]
mod tests {
    use arclight_columns::{ColumnBuilder, NullBuffer, SparkType};
    use proptest::prelude::*;

    use super::*;

    fn ids(keys: &[Column], bounds: &[Bound<'_>]) -> Vec<u32> {
        let mut ids = Vec::new();
        let rows = Selection::all(keys[0].len());
        assign(keys, bounds, bounds[0].values.len(), &rows, &mut ids);
        ids
    }

    fn bound(values: &Column, ascending: bool, nulls_first: bool) -> Bound<'_> {
        Bound {
            values,
            ascending,
            nulls_first,
        }
    }

    #[test]
    fn floats_nulls_and_directions() {
        let validity = Some(NullBuffer::from(vec![true, true, true, true, false]));
        let key = |v: Vec<f64>| Column::fixed(SparkType::Double, v, None);
        let keys = Column::fixed(
            SparkType::Double,
            vec![-0.0, f64::NAN, 5.0, f64::INFINITY, 0.0],
            validity,
        );
        let up = key(vec![0.0, 5.0, f64::INFINITY]);
        let keys = std::slice::from_ref(&keys);
        assert_eq!(ids(keys, &[bound(&up, true, true)]), [0, 3, 1, 2, 0]);
        assert_eq!(ids(keys, &[bound(&up, true, false)]), [0, 3, 1, 2, 3]);
        let down = key(vec![f64::NAN, 5.0, 0.0]);
        assert_eq!(ids(keys, &[bound(&down, false, false)]), [2, 0, 1, 1, 3]);
    }

    #[test]
    fn a_null_bound_and_a_second_key() {
        let first = Column::fixed(
            SparkType::Int,
            vec![0, 1, 1],
            Some(NullBuffer::from(vec![false, true, true])),
        );
        let mut second = ColumnBuilder::new(SparkType::String, 3);
        ["b", "a", "c"]
            .iter()
            .for_each(|s| second.push_bytes(s.as_bytes()));
        let second = second.finish();
        let keys = [first.clone(), second.clone()];
        // Bounds (NULL, b) and (1, a).
        let bounds = [first.slice(0, 2), second.slice(0, 2)];
        let bounds = [bound(&bounds[0], true, true), bound(&bounds[1], true, true)];
        assert_eq!(ids(&keys, &bounds), [0, 1, 2]);
    }

    proptest! {
        #[test]
        fn fast_path_agrees_with_the_loop_of_spark(
            keys in prop::collection::vec(prop::option::of(-9i64..9), 1..40),
            bounds in prop::collection::btree_set(-9i64..9, 0..10),
            ascending: bool,
            nulls_first: bool,
        ) {
            let mut builder = ColumnBuilder::new(SparkType::Long, keys.len());
            keys.iter().for_each(|k| match k {
                Some(k) => builder.push_i64(*k),
                None => builder.push_null(),
            });
            let key = [builder.finish()];
            let mut bounds: Vec<i64> = bounds.into_iter().collect();
            if !ascending {
                bounds.reverse();
            }
            let values = Column::fixed(SparkType::Long, bounds.clone(), None);
            let found = ids(&key, &[bound(&values, ascending, nulls_first)]);
            for (k, id) in keys.iter().zip(found) {
                let above = |bound: i64| match k {
                    None => !nulls_first,
                    Some(k) if ascending => *k > bound,
                    Some(k) => *k < bound,
                };
                let mut partition = 0;
                while partition < bounds.len() && above(bounds[partition]) {
                    partition += 1;
                }
                prop_assert_eq!(id as usize, partition);
            }
        }
    }
}
