//! Membership over types, layouts and list lengths.

use std::sync::Arc;

use super::*;
use crate::leaf::ColumnRef;
use crate::testing::*;

#[track_caller]
fn check(column: &Column, options: &[Column], expected: &[Option<bool>]) {
    let layouts = [column.clone(), dictionary(column)];
    for column in layouts {
        let value = Arc::new(ColumnRef::new(0, column.data_type().clone()));
        let list = InList::new(value, options.to_vec()).unwrap();
        let rows = Selection::all(column.len());
        let result = evaluate(&list, std::slice::from_ref(&column), &rows).unwrap();
        assert_eq!(truths(&result), expected);
        let rows = Selection::from_rows(column.len(), vec![1]);
        let result = evaluate(&list, std::slice::from_ref(&column), &rows).unwrap();
        assert_eq!(truths(&result)[1], expected[1]);
    }
    for (row, expected) in expected.iter().enumerate() {
        let value = column.take(&[row as u32]).unwrap();
        let value = Arc::new(crate::leaf::Literal::new(value));
        let list = InList::new(value, options.to_vec()).unwrap();
        let result = evaluate(&list, &[], &Selection::all(2)).unwrap();
        assert_eq!(truths(&result), [*expected; 2]);
    }
}

fn ones(column: &Column) -> Vec<Column> {
    (0..column.len() as u32)
        .map(|row| column.take(&[row]).unwrap())
        .collect()
}

#[test]
fn few_and_many_options() {
    let column = strings(&[Some("b"), None, Some("x"), Some("a long one, not inline")]);
    let few = strings(&[Some("a"), Some("b"), Some("a long one, not inline")]);
    let expected = [Some(true), None, Some(false), Some(true)];
    check(&column, &ones(&few), &expected);
    let mut many = ones(&few);
    many.extend(ones(&strings(&[Some("c"); 10])));
    check(&column, &many, &expected);
    many.extend(ones(&strings(&[None])));
    let expected = [Some(true), None, None, Some(true)];
    check(&column, &many, &expected);

    for length in [3, 30] {
        let int = SparkType::Int;
        let column = fixed(&int, &[Some(1), None, Some(100), Some(-1)]);
        let options: Vec<Option<i32>> = (0..length).map(Some).collect();
        let expected = [Some(true), None, Some(false), Some(false)];
        check(&column, &ones(&fixed(&int, &options)), &expected);
    }
}

#[test]
fn decimals_of_two_widths() {
    let wide = SparkType::decimal(20, 0);
    let column = fixed(&wide, &[Some(1i64), Some(3), None]);
    let expected = [Some(true), Some(false), None];
    for copies in [1, 9] {
        let options = fixed(&wide, &vec![Some(1i128); copies]);
        check(&column, &ones(&options), &expected);
        let options = fixed(&wide, &vec![Some(1i64); copies]);
        check(&column, &ones(&options), &expected);
        let column = fixed(&wide, &[Some(1i128), Some(3), None]);
        check(&column, &ones(&options), &expected);
    }
}

#[test]
fn floats_are_equal_as_in_sql() {
    let double = SparkType::Double;
    let column = fixed(&double, &[Some(f64::NAN), Some(-0.0), Some(1.0)]);
    let options = ones(&fixed(&double, &[Some(-f64::NAN), Some(0.0)]));
    check(&column, &options, &[Some(true), Some(true), Some(false)]);
    let options = ones(&fixed::<f64>(&double, &[None]));
    check(&column, &options, &[None, None, None]);
}

#[test]
fn nothing_is_in_an_empty_list() {
    let column = fixed::<i32>(&SparkType::Int, &[Some(1), None]);
    check(&column, &[], &[Some(false), Some(false)]);
}

#[test]
fn types_must_agree() {
    let value = Arc::new(ColumnRef::new(0, SparkType::Int));
    let option = fixed::<i64>(&SparkType::Long, &[Some(1)]);
    assert!(InList::new(value, vec![option]).is_err());
}

#[test]
fn expressions_are_options_too() {
    let int = SparkType::Int;
    let columns = [
        fixed(&int, &[Some(1), Some(1), Some(1), None, Some(1)]),
        fixed(&int, &[Some(1), Some(2), None, Some(1), None]),
        fixed(&int, &[None, Some(3), Some(1), Some(1), Some(2)]),
    ];
    let references: Vec<crate::ExpressionRef> = (0..3)
        .map(|i| -> crate::ExpressionRef { Arc::new(ColumnRef::new(i, int.clone())) })
        .collect();
    let options = references[1..].to_vec();
    let list = InExpressions::new(Arc::clone(&references[0]), options).unwrap();
    let expected = [Some(true), Some(false), Some(true), None, None];
    let result = evaluate(&list, &columns, &Selection::all(5)).unwrap();
    assert_eq!(truths(&result), expected);
    let rows = Selection::from_rows(5, vec![1, 4]);
    let result = evaluate(&list, &columns, &rows).unwrap();
    assert_eq!(truths(&result)[1], expected[1]);
    assert_eq!(truths(&result)[4], expected[4]);
    assert!(InExpressions::new(Arc::clone(&references[0]), Vec::new()).is_err());
}

#[test]
fn options_behind_a_match_are_not_evaluated() {
    let long = SparkType::Long;
    let columns = [fixed(&long, &[Some(0i64), Some(5), None])];
    let value: crate::ExpressionRef = Arc::new(ColumnRef::new(0, long.clone()));
    let zero: crate::ExpressionRef =
        Arc::new(crate::leaf::Literal::new(fixed(&long, &[Some(0i64)])));
    let ten = Arc::new(crate::leaf::Literal::new(fixed(&long, &[Some(10i64)])));
    let quotient = crate::build(&crate::FunctionCall {
        name: "integral_divide".to_string(),
        arguments: vec![ten, Arc::clone(&value)],
        output: long.clone(),
        mode: crate::EvalMode::Ansi,
        zone: None,
    })
    .unwrap();
    let list = InExpressions::new(value, vec![zero, quotient]).unwrap();
    let result = evaluate(&list, &columns, &Selection::all(3)).unwrap();
    assert_eq!(truths(&result), [Some(true), Some(false), None]);
}
