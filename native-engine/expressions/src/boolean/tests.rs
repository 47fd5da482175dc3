//! Three-valued logic and laziness.

use std::sync::Arc;

use super::*;
use crate::leaf::ColumnRef;
use crate::registry::{EvalMode, build};
use crate::testing::*;

const VALUES: [Option<bool>; 3] = [Some(true), Some(false), None];

#[test]
fn kleene_tables() {
    let pairs: Vec<(Option<bool>, Option<bool>)> = VALUES
        .iter()
        .flat_map(|&l| VALUES.iter().map(move |&r| (l, r)))
        .collect();
    let left = booleans(&pairs.iter().map(|p| p.0).collect::<Vec<_>>());
    let right = booleans(&pairs.iter().map(|p| p.1).collect::<Vec<_>>());
    let and: Vec<Option<bool>> = pairs
        .iter()
        .map(|&pair| match pair {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        })
        .collect();
    let or: Vec<Option<bool>> = pairs
        .iter()
        .map(|&pair| match pair {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        })
        .collect();
    let output = SparkType::Boolean;
    let arguments = [left, right];
    check_layouts("and", &arguments, &output, EvalMode::Ansi, truths, &and);
    check_layouts("or", &arguments, &output, EvalMode::Ansi, truths, &or);
    let negated = [Some(false), Some(true), None];
    check_layouts(
        "not",
        &[booleans(&VALUES)],
        &output,
        EvalMode::Ansi,
        truths,
        &negated,
    );
}

#[test]
fn decided_rows_are_not_evaluated() {
    // a AND (1 / b > 0), in ANSI mode: b is zero where a is FALSE.
    let a = booleans(&[Some(true), Some(false), None, Some(true)]);
    let b = fixed(
        &SparkType::Double,
        &[Some(1.0), Some(0.0), Some(2.0), Some(-1.0)],
    );
    let one = Column::constant(fixed(&SparkType::Double, &[Some(1.0f64)]), 4);
    let zero = Column::constant(fixed(&SparkType::Double, &[Some(0.0f64)]), 4);
    let of = |name: &str, arguments: Vec<ExpressionRef>, output: SparkType| {
        build(&FunctionCall {
            name: name.into(),
            arguments,
            output,
            mode: EvalMode::Ansi,
            zone: None,
        })
        .unwrap()
    };
    let literal = |c: &Column| -> ExpressionRef {
        Arc::new(crate::leaf::Literal::new(c.as_constant().unwrap().clone()))
    };
    let quotient = of(
        "divide",
        vec![
            literal(&one),
            Arc::new(ColumnRef::new(1, SparkType::Double)),
        ],
        SparkType::Double,
    );
    let positive = of(
        "greater_than",
        vec![quotient, literal(&zero)],
        SparkType::Boolean,
    );
    let flag: ExpressionRef = Arc::new(ColumnRef::new(0, SparkType::Boolean));
    let columns = [a, b];
    let and = of(
        "and",
        vec![Arc::clone(&flag), Arc::clone(&positive)],
        SparkType::Boolean,
    );
    let result = evaluate(and.as_ref(), &columns, &Selection::all(4)).unwrap();
    assert_eq!(
        truths(&result),
        [Some(true), Some(false), None, Some(false)]
    );
    let or = of("or", vec![flag, positive], SparkType::Boolean);
    let result = evaluate(or.as_ref(), &columns, &Selection::all(4));
    assert!(matches!(result, Err(EvalError::Failed { row: 1 })));
}
