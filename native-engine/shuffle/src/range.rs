//! Range partitioning: rows against the bounds that Spark sampled, by the keys that sort too.

use std::cmp::Ordering;

use arclight_columns::{Column, Selection};
use arclight_operators::{EngineError, Keys, encode_keys};

/// Appends for each row of `rows` the first of the bounds that is not below it, as Spark's
/// `RangePartitioner.getPartition`. `columns` are aligned to the batch; `orders` has ascending and
/// nulls first of each.
pub(crate) fn assign(
    columns: &[Column],
    orders: &[(bool, bool)],
    bounds: &Keys,
    rows: &Selection,
    ids: &mut Vec<u32>,
) -> Result<(), EngineError> {
    // Columns say nothing at inactive rows.
    let active = match rows.rows() {
        None => columns.to_vec(),
        Some(active) => columns
            .iter()
            .map(|c| c.take(active))
            .collect::<Result<_, _>>()?,
    };
    let count = rows.count();
    let keys = encode_keys(&active, orders, count)?;
    match (&keys, bounds) {
        (Keys::Fixed(keys), Keys::Fixed(bounds)) => {
            let partition = |key: &u128| bounds.partition_point(|bound| bound < key) as u32;
            ids.extend(keys.iter().map(partition));
        }
        _ => ids.extend((0..count).map(|row| {
            let key = keys.bytes(row);
            let below = |bound: usize| bounds.bytes(bound).cmp(&key) == Ordering::Less;
            let (mut least, mut end) = (0, bounds.len());
            while least < end {
                let middle = least.midpoint(end);
                if below(middle) {
                    least = middle + 1;
                } else {
                    end = middle;
                }
            }
            least as u32
        })),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use arclight_columns::{ColumnBuilder, NullBuffer, SparkType};
    use proptest::prelude::*;

    use super::*;

    fn ids(columns: &[Column], bounds: &[Column], orders: &[(bool, bool)]) -> Vec<u32> {
        let bounds = encode_keys(bounds, orders, bounds[0].len()).unwrap();
        let rows = Selection::all(columns[0].len());
        let mut ids = Vec::new();
        assign(columns, orders, &bounds, &rows, &mut ids).unwrap();
        let some = rows.filter(|r| r % 2 == 1);
        let mut fewer = Vec::new();
        assign(columns, orders, &bounds, &some, &mut fewer).unwrap();
        assert!(some.iter().map(|r| &ids[r]).eq(&fewer));
        ids
    }

    #[test]
    fn floats_nulls_and_directions() {
        let validity = Some(NullBuffer::from(vec![true, true, true, true, false]));
        let key = |v: Vec<f64>| [Column::fixed(SparkType::Double, v, None)];
        let values = vec![-0.0, f64::NAN, 5.0, f64::INFINITY, 0.0];
        let keys = [Column::fixed(SparkType::Double, values, validity)];
        let up = key(vec![0.0, 5.0, f64::INFINITY]);
        assert_eq!(ids(&keys, &up, &[(true, true)]), [0, 3, 1, 2, 0]);
        assert_eq!(ids(&keys, &up, &[(true, false)]), [0, 3, 1, 2, 3]);
        let down = key(vec![f64::NAN, 5.0, 0.0]);
        assert_eq!(ids(&keys, &down, &[(false, false)]), [2, 0, 1, 1, 3]);
    }

    #[test]
    fn a_null_bound_and_a_second_key() {
        let validity = Some(NullBuffer::from(vec![false, true, true]));
        let first = Column::fixed(SparkType::Int, vec![0, 1, 1], validity);
        let mut second = ColumnBuilder::new(SparkType::String, 3);
        ["b", "a", "c"]
            .iter()
            .for_each(|s| second.push_bytes(s.as_bytes()));
        let second = second.finish();
        // Bounds (NULL, b) and (1, a).
        let bounds = [first.slice(0, 2), second.slice(0, 2)];
        let orders = [(true, true), (true, true)];
        assert_eq!(ids(&[first, second], &bounds, &orders), [0, 1, 2]);
    }

    proptest! {
        #[test]
        fn agrees_with_the_loop_of_spark(
            keys in prop::collection::vec(prop::option::of(-9i64..9), 1..40),
            bounds in prop::collection::btree_set(-9i64..9, 0..10),
            ascending: bool,
            nulls_first: bool,
            wide: bool,
        ) {
            let data_type = if wide { SparkType::decimal(38, 0) } else { SparkType::Long };
            let mut builder = ColumnBuilder::new(data_type.clone(), keys.len());
            keys.iter().for_each(|k| match k {
                Some(k) if wide => builder.push_i128(i128::from(*k)),
                Some(k) => builder.push_i64(*k),
                None => builder.push_null(),
            });
            let mut bounds: Vec<i64> = bounds.into_iter().collect();
            if !ascending {
                bounds.reverse();
            }
            let values = [Column::fixed(data_type, bounds.clone(), None)];
            let found = ids(&[builder.finish()], &values, &[(ascending, nulls_first)]);
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
