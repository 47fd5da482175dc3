//! Three-valued logic and laziness.

use std::sync::Arc;

use super::*;
use crate::leaf::{ColumnRef, Literal};
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

fn of(name: &str, arguments: Vec<ExpressionRef>, output: SparkType) -> ExpressionRef {
    build(&FunctionCall {
        name: name.into(),
        arguments,
        output,
        mode: EvalMode::Ansi,
        zone: None,
    })
    .unwrap()
}

#[test]
fn decided_rows_are_not_evaluated() {
    // a AND (1 / b > 0), in ANSI mode: b is zero where a is FALSE.
    let double = SparkType::Double;
    let a = booleans(&[Some(true), Some(false), None, Some(true)]);
    let b = fixed(&double, &[Some(1.0), Some(0.0), Some(2.0), Some(-1.0)]);
    let literal = |value: f64| -> ExpressionRef {
        Arc::new(Literal::new(fixed(&SparkType::Double, &[Some(value)])))
    };
    let divisor = Arc::new(ColumnRef::new(1, SparkType::Double));
    let quotient = of("divide", vec![literal(1.0), divisor], SparkType::Double);
    let positive = of(
        "greater_than",
        vec![quotient, literal(0.0)],
        SparkType::Boolean,
    );
    let flag: ExpressionRef = Arc::new(ColumnRef::new(0, SparkType::Boolean));
    let columns = [a, b];
    let arguments = vec![Arc::clone(&flag), Arc::clone(&positive)];
    let and = of("and", arguments, SparkType::Boolean);
    let result = evaluate(and.as_ref(), &columns, &Selection::all(4)).unwrap();
    assert_eq!(
        truths(&result),
        [Some(true), Some(false), None, Some(false)]
    );
    let or = of("or", vec![flag, positive], SparkType::Boolean);
    let result = evaluate(or.as_ref(), &columns, &Selection::all(4));
    assert!(matches!(result, Err(EvalError::Failed { row: 1 })));
}

#[test]
fn any_number_of_operands_over_few_rows() {
    let columns = [
        booleans(&[Some(true), None, Some(true), Some(false)]),
        booleans(&[None, Some(true), Some(true), Some(true)]),
        booleans(&[Some(false), Some(true), Some(true), None]),
    ];
    let operands = |_: ()| -> Vec<ExpressionRef> {
        (0..3)
            .map(|i| -> ExpressionRef { Arc::new(ColumnRef::new(i, SparkType::Boolean)) })
            .collect()
    };
    let and = of("and", operands(()), SparkType::Boolean);
    let or = of("or", operands(()), SparkType::Boolean);
    for rows in [Selection::all(4), Selection::from_rows(4, vec![0, 1, 3])] {
        let all = truths(&evaluate(and.as_ref(), &columns, &rows).unwrap());
        let any = truths(&evaluate(or.as_ref(), &columns, &rows).unwrap());
        rows.for_each(|row| {
            assert_eq!(all[row], [Some(false), None, Some(true), Some(false)][row]);
            assert_eq!(any[row], Some(true));
        });
    }
}
