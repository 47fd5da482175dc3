//! Branches taken, merged and not evaluated.

use super::*;
use crate::leaf::{ColumnRef, Literal};
use crate::registry::{EvalMode, build};
use crate::testing::*;

fn column(index: usize, data_type: &SparkType) -> ExpressionRef {
    Arc::new(ColumnRef::new(index, data_type.clone()))
}

fn literal(column: Column) -> ExpressionRef {
    Arc::new(Literal::new(column))
}

/// 100 div column 1, which fails at zeros.
fn quotient() -> ExpressionRef {
    let hundred = literal(fixed(&SparkType::Long, &[Some(100i64)]));
    build(&FunctionCall {
        name: "integral_divide".into(),
        arguments: vec![hundred, column(1, &SparkType::Long)],
        output: SparkType::Long,
        mode: EvalMode::Ansi,
        zone: None,
    })
    .unwrap()
}

#[test]
fn branches_see_only_their_rows() {
    let long = SparkType::Long;
    let flags = booleans(&[Some(true), Some(false), None, Some(true)]);
    let divisors = fixed(&long, &[Some(5i64), Some(0), Some(0), None]);
    let columns = [flags, divisors];
    let case = CaseWhen::new(
        vec![(column(0, &SparkType::Boolean), quotient())],
        Some(literal(fixed(&long, &[Some(-1i64)]))),
        long.clone(),
    );
    assert!(!case.is_total());
    let result = evaluate(&case, &columns, &Selection::all(4)).unwrap();
    assert_eq!(values::<i64>(&result), [Some(20), Some(-1), Some(-1), None]);
    let without = CaseWhen::new(
        vec![(column(0, &SparkType::Boolean), quotient())],
        None,
        long.clone(),
    );
    let rows = Selection::from_rows(4, vec![0, 2]);
    let result = evaluate(&without, &columns, &rows).unwrap();
    assert_eq!(values::<i64>(&result)[0], Some(20));
    assert_eq!(values::<i64>(&result)[2], None);
}

#[test]
fn merges_every_layout() {
    let rows = Selection::all(4);
    let evens = Selection::from_rows(4, vec![0, 2]);
    let odds = Selection::from_rows(4, vec![1, 3]);
    let merge = |data_type: &SparkType, a: Column, b: Column| {
        merge(data_type, &rows, &[(evens.clone(), a), (odds.clone(), b)]).unwrap()
    };
    let texts = strings(&[Some("a"), Some("b"), None, Some("d")]);
    let x = Column::constant(strings(&[Some("x")]), 4);
    let result = merge(&SparkType::String, dictionary(&texts), x);
    assert_eq!(result.bytes_value(0), Some(&b"a"[..]));
    assert_eq!(result.bytes_value(1), Some(&b"x"[..]));
    assert!(result.is_null(2) && !result.is_null(3));

    let wide = SparkType::decimal(20, 0);
    let narrow = fixed(&wide, &[Some(1i64), Some(2), Some(3), Some(4)]);
    let big = fixed(&wide, &[Some(10i128); 4]);
    let result = merge(&wide, narrow.clone(), big);
    assert_eq!(decimals(&result), [Some(1), Some(10), Some(3), Some(10)]);
    let result = merge(&wide, narrow, Column::nulls(wide.clone(), 4));
    assert_eq!(values::<i64>(&result), [Some(1), None, Some(3), None]);

    let flags = booleans(&[Some(true), None, Some(false), None]);
    let result = merge(
        &SparkType::Boolean,
        flags,
        Column::nulls(SparkType::Boolean, 4),
    );
    assert_eq!(truths(&result), [Some(true), None, Some(false), None]);
}

#[test]
fn coalesce_stops_at_the_first_value() {
    let long = SparkType::Long;
    let columns = [
        fixed(&long, &[Some(1i64), None, None]),
        fixed(&long, &[Some(0i64), Some(4), None]),
    ];
    let coalesce = build(&FunctionCall {
        name: "coalesce".into(),
        arguments: vec![column(0, &long), quotient()],
        output: long.clone(),
        mode: EvalMode::Ansi,
        zone: None,
    })
    .unwrap();
    let result = evaluate(coalesce.as_ref(), &columns, &Selection::all(3)).unwrap();
    assert_eq!(values::<i64>(&result), [Some(1), Some(25), None]);
}
