//! Comparisons over every layout and type.

use std::cmp::Ordering;
use std::sync::Arc;

use arclight_columns::{Field, OffsetBuffer, ScalarBuffer};
use proptest::prelude::*;

use super::*;
use crate::registry::EvalMode;
use crate::testing::*;

/// Checks all comparisons of two columns against the rows' orders; `None` is NULL on a side.
#[track_caller]
fn check_all(left: &Column, right: &Column, orders: &[Option<Ordering>]) {
    type Test = (&'static str, fn(Ordering) -> bool);
    let tests: [Test; 5] = [
        ("equal", Ordering::is_eq),
        ("less_than", Ordering::is_lt),
        ("less_than_or_equal", Ordering::is_le),
        ("greater_than", Ordering::is_gt),
        ("greater_than_or_equal", Ordering::is_ge),
    ];
    let arguments = [left.clone(), right.clone()];
    let output = SparkType::Boolean;
    for (name, test) in tests {
        let expected: Vec<Option<bool>> = orders.iter().map(|o| o.map(test)).collect();
        check_layouts(name, &arguments, &output, EvalMode::Ansi, truths, &expected);
    }
    let expected: Vec<Option<bool>> = orders
        .iter()
        .enumerate()
        .map(|(row, order)| {
            Some(match order {
                Some(order) => order.is_eq(),
                None => left.is_null(row) && right.is_null(row),
            })
        })
        .collect();
    check_layouts(
        "equal_null_safe",
        &arguments,
        &output,
        EvalMode::Ansi,
        truths,
        &expected,
    );
}

fn orders<T>(
    left: &[Option<T>],
    right: &[Option<T>],
    order: impl Fn(&T, &T) -> Ordering,
) -> Vec<Option<Ordering>> {
    left.iter()
        .zip(right)
        .map(|(l, r)| Some(order(l.as_ref()?, r.as_ref()?)))
        .collect()
}

fn optional<T: Clone + std::fmt::Debug>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Vec<Option<T>>> {
    prop::collection::vec(prop::option::weighted(0.8, value), 4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn ints(l in optional(-2i32..2), r in optional(-2i32..2)) {
        let t = SparkType::Date;
        check_all(&fixed(&t, &l), &fixed(&t, &r), &orders(&l, &r, i32::cmp));
    }

    #[test]
    fn decimals_of_two_widths(l in optional(-2i64..2), r in optional(-2i64..2)) {
        let t = SparkType::decimal(20, 2);
        let wide: Vec<Option<i128>> = r.iter().map(|v| v.map(i128::from)).collect();
        let expected = orders(&l, &r, i64::cmp);
        check_all(&fixed(&t, &l), &fixed(&t, &r), &expected);
        check_all(&fixed(&t, &l), &fixed(&t, &wide), &expected);
        let expected = orders(&r, &l, i64::cmp);
        check_all(&fixed(&t, &wide), &fixed(&t, &l), &expected);
    }

    #[test]
    fn byte_strings(
        l in optional(prop_oneof!["[ab]{0,3}", "same-long-prefix-[ab]{0,2}", "é|z"]),
        r in optional(prop_oneof!["[ab]{0,3}", "same-long-prefix-[ab]{0,2}", "é|z"]),
    ) {
        let view = |v: &[Option<String>]| {
            strings(&v.iter().map(|s| s.as_deref()).collect::<Vec<_>>())
        };
        let expected = orders(&l, &r, |l, r| l.as_bytes().cmp(r.as_bytes()));
        check_all(&view(&l), &view(&r), &expected);
    }

    #[test]
    fn bits(l in optional(any::<bool>()), r in optional(any::<bool>())) {
        check_all(&booleans(&l), &booleans(&r), &orders(&l, &r, bool::cmp));
    }
}

#[test]
fn floats_have_one_nan_and_one_zero() {
    let values = [
        -f64::NAN,
        f64::INFINITY,
        1.0,
        0.0,
        -0.0,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    let rank = |v: f64| match v {
        v if v.is_nan() => 9,
        f64::INFINITY => 8,
        f64::NEG_INFINITY => -8,
        v => v as i32,
    };
    for l in values {
        for r in values {
            let expected = [Some(rank(l).cmp(&rank(r)))];
            let (t, f) = (SparkType::Double, SparkType::Float);
            check_all(&fixed(&t, &[Some(l)]), &fixed(&t, &[Some(r)]), &expected);
            let (l, r) = (l as f32, r as f32);
            check_all(&fixed(&f, &[Some(l)]), &fixed(&f, &[Some(r)]), &expected);
        }
    }
}

fn lists(rows: &[&[Option<i32>]]) -> Column {
    let elements: Vec<Option<i32>> = rows.iter().flat_map(|r| r.iter().copied()).collect();
    let mut offsets = vec![0i32];
    for row in rows {
        offsets.push(offsets[offsets.len() - 1] + row.len() as i32);
    }
    let element = Field::new("element", SparkType::Int, true);
    Column::flat(
        SparkType::Array(Arc::new(element)),
        rows.len(),
        Values::List {
            offsets: OffsetBuffer::new(ScalarBuffer::from(offsets)),
            elements: Arc::new(fixed(&SparkType::Int, &elements)),
        },
        None,
    )
}

#[test]
fn nested_values_order_nulls_first_and_prefixes_before() {
    let left = lists(&[&[Some(1)], &[None], &[Some(1), Some(2)], &[None]]);
    let right = lists(&[&[Some(1), None], &[Some(-5)], &[Some(1), Some(2)], &[None]]);
    let expected = [
        Ordering::Less,
        Ordering::Less,
        Ordering::Equal,
        Ordering::Equal,
    ];
    check_all(&left, &right, &expected.map(Some));
}

#[test]
fn maps_do_not_compare() {
    let field = Arc::new(Field::new("key", SparkType::Int, false));
    let map = SparkType::Map(Arc::clone(&field), field);
    assert!(!is_orderable(&map) && !comparable(&map, &map));
}

/// Long enough for chunks of 64 rows and a rest.
#[test]
fn long_columns() {
    let int = SparkType::Int;
    let values: Vec<Option<i32>> = (0..200).map(|i| Some(i * 37 % 101)).collect();
    let column = fixed(&int, &values);
    let fifty = Column::constant(fixed(&int, &[Some(50)]), 200);
    let reversed: Vec<Option<i32>> = values.iter().rev().copied().collect();
    for right in [fifty, fixed(&int, &reversed)] {
        for (left, right) in [(&column, &right), (&right, &column)] {
            let result = compare(Comparison::Less, left, right, &Selection::all(200)).unwrap();
            let value = |c: &Column, row| c.fixed_value::<i32>(row).unwrap();
            let expected: Vec<Option<bool>> = (0..200)
                .map(|row| Some(value(left, row) < value(right, row)))
                .collect();
            assert_eq!(truths(&result), expected);
        }
    }
}
