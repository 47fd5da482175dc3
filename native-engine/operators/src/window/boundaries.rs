//! Where keys change from one row to the next: by columns, a batch at a time.

use arclight_columns::{Batch, Column, FixedWidth, NullBuffer, Selection, Values};
use arclight_expressions::ExpressionRef;
use arclight_expressions::value_order::{compare_doubles, compare_floats};

use crate::key_bytes::EncodedKeys;
use crate::metrics::OperatorMetrics;
use crate::operator::EngineError;
use crate::project::evaluate_all;
use crate::task::TaskContext;

/// Where partitions and peers begin.
#[derive(Default)]
pub(super) struct Beginnings {
    partitions: Boundaries,
    peers: Boundaries,
}

impl Beginnings {
    /// Which rows of a batch, all of them active, begin a partition, and which begin a group of
    /// peers; the latter empty without `orders`.
    pub(super) fn mark(
        &mut self,
        partitions: &[ExpressionRef],
        orders: Option<&[ExpressionRef]>,
        batch: &Batch,
        (task, metrics): (&TaskContext, &OperatorMetrics),
    ) -> Result<(Vec<bool>, Vec<bool>), EngineError> {
        let keys = evaluate_all(task, partitions, batch, metrics)?;
        let mut begins_partition = vec![false; batch.len()];
        self.partitions.mark(&keys, &mut begins_partition)?;
        let mut begins_peers = Vec::new();
        if let Some(orders) = orders {
            let keys = evaluate_all(task, orders, batch, metrics)?;
            begins_peers = begins_partition.clone();
            self.peers.mark(&keys, &mut begins_peers)?;
        }
        Ok((begins_partition, begins_peers))
    }
}

/// Finds the rows whose keys are not those of the row before. NULL equals NULL, NaN equals NaN and
/// -0.0 equals 0.0: Spark normalises partition keys so, and its orderings compare so.
#[derive(Default)]
struct Boundaries {
    /// The keys of the last row seen, columns of length 1.
    last: Option<Vec<Column>>,
}

impl Boundaries {
    /// Sets `begins[i]` where the keys of row `i` differ from those of the row before, of which the
    /// first one may be of the batch before. The first row ever differs.
    fn mark(&mut self, keys: &[Column], begins: &mut [bool]) -> Result<(), EngineError> {
        let Some(last_row) = begins.len().checked_sub(1) else {
            return Ok(());
        };
        begins[0] |= match &self.last {
            None => true,
            Some(last) => differ(last, keys)?,
        };
        for key in keys {
            changes(key, begins);
        }
        let last = keys.iter().map(|key| key.slice(last_row, 1).detached());
        self.last = Some(last.collect());
        Ok(())
    }
}

/// Whether the first rows of two batches have other keys.
fn differ(one: &[Column], other: &[Column]) -> Result<bool, EngineError> {
    for (one, other) in one.iter().zip(other) {
        let pair = Column::concat(one.data_type(), &[one, &other.slice(0, 1)])?;
        let mut begins = [false; 2];
        changes(&pair, &mut begins);
        if begins[1] {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Sets `begins[i]` where the value of row `i > 0` differs from that of row `i - 1`.
fn changes(column: &Column, begins: &mut [bool]) {
    if column.as_constant().is_some() {
        return;
    }
    let valid = column.validity();
    if let Some((codes, values)) = column.as_dictionary() {
        let differ = |i: usize| {
            codes[i] != codes[i - 1]
                && values.bytes_value(codes[i] as usize)
                    != values.bytes_value(codes[i - 1] as usize)
        };
        if values.as_bytes().is_some() {
            return mark(valid, begins, differ);
        }
    }
    fn plain<T: FixedWidth + PartialEq>(
        values: &[T],
        valid: Option<&NullBuffer>,
        begins: &mut [bool],
    ) {
        mark(valid, begins, |i| values[i] != values[i - 1]);
    }
    match column.as_flat() {
        Some(Values::Null) => {}
        Some(Values::Boolean(v)) => mark(valid, begins, |i| v.value(i) != v.value(i - 1)),
        Some(Values::Int8(v)) => plain(v, valid, begins),
        Some(Values::Int16(v)) => plain(v, valid, begins),
        Some(Values::Int32(v)) => plain(v, valid, begins),
        Some(Values::Int64(v)) => plain(v, valid, begins),
        Some(Values::Int128(v)) => plain(v, valid, begins),
        Some(Values::Float32(v)) => {
            mark(valid, begins, |i| compare_floats(v[i], v[i - 1]).is_ne());
        }
        Some(Values::Float64(v)) => {
            mark(valid, begins, |i| compare_doubles(v[i], v[i - 1]).is_ne());
        }
        Some(Values::Bytes(v)) => mark(valid, begins, |i| v.value(i) != v.value(i - 1)),
        _ => {
            let mut encoded = EncodedKeys::default();
            encoded.encode(std::slice::from_ref(column), &Selection::all(column.len()));
            mark(None, begins, |i| encoded.get(i) != encoded.get(i - 1));
        }
    }
}

/// Sets `begins[i]` where one of the rows `i` and `i - 1` is NULL, or neither and they differ.
#[inline]
fn mark(valid: Option<&NullBuffer>, begins: &mut [bool], differ: impl Fn(usize) -> bool) {
    match valid {
        None => {
            for (i, begins) in begins.iter_mut().enumerate().skip(1) {
                *begins |= differ(i);
            }
        }
        Some(valid) => {
            for (i, begins) in begins.iter_mut().enumerate().skip(1) {
                *begins |= match (valid.is_valid(i), valid.is_valid(i - 1)) {
                    (true, true) => differ(i),
                    (now, before) => now != before,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arclight_columns::SparkType;

    use super::*;
    use crate::testing::{ints, strings};

    fn marked(boundaries: &mut Boundaries, keys: &[Column]) -> Vec<bool> {
        let mut begins = vec![false; keys.first().map_or(0, Column::len)];
        boundaries.mark(keys, &mut begins).unwrap();
        begins
    }

    #[test]
    fn keys_change_within_and_across_batches() {
        let mut boundaries = Boundaries::default();
        let a = [
            ints(&[None, None, Some(1), Some(1)]),
            strings(&[Some("x"), Some("x"), Some("x"), None]),
        ];
        assert_eq!(marked(&mut boundaries, &a), [true, false, true, true]);
        let b = [ints(&[Some(1), Some(2)]), strings(&[None, None])];
        assert_eq!(marked(&mut boundaries, &b), [false, true]);
        let none: [Column; 2] = [ints(&[]), strings(&[])];
        assert!(marked(&mut boundaries, &none).is_empty());
        assert_eq!(marked(&mut boundaries, &b), [true, true]);
    }

    #[test]
    fn floats_compare_as_spark_normalises_them() {
        let values = vec![-0.0, 0.0, f64::NAN, -f64::NAN, 1.0];
        let column = Column::fixed(SparkType::Double, values, None);
        let found = marked(&mut Boundaries::default(), &[column]);
        assert_eq!(found, [true, false, true, false, true]);
    }

    #[test]
    fn dictionaries_may_hold_a_value_twice() {
        let values = Arc::new(strings(&[Some("a"), Some("b"), Some("a")]));
        let column = Column::dictionary(vec![0, 2, 1, 1].into(), values, None);
        let found = marked(&mut Boundaries::default(), &[column]);
        assert_eq!(found, [true, false, true, false]);
    }

    #[test]
    fn without_keys_all_rows_are_alike() {
        let mut boundaries = Boundaries::default();
        let mut begins = [false; 2];
        boundaries.mark(&[], &mut begins).unwrap();
        assert_eq!(begins, [true, false]);
        let mut begins = [false; 2];
        boundaries.mark(&[], &mut begins).unwrap();
        assert_eq!(begins, [false, false]);
    }
}
