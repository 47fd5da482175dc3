//! NULL and NaN tests.

use super::*;
use crate::registry::EvalMode;
use crate::testing::*;

#[test]
fn nulls_in_every_layout() {
    let arguments = [strings(&[Some("a"), None, Some("")])];
    let output = SparkType::Boolean;
    let expected = [Some(false), Some(true), Some(false)];
    check_layouts(
        "is_null",
        &arguments,
        &output,
        EvalMode::Ansi,
        truths,
        &expected,
    );
    let expected = [Some(true), Some(false), Some(true)];
    check_layouts(
        "is_not_null",
        &arguments,
        &output,
        EvalMode::Ansi,
        truths,
        &expected,
    );
}

#[test]
fn nan() {
    let double = SparkType::Double;
    let arguments = [fixed(&double, &[Some(f64::NAN), None, Some(1.0)])];
    let expected = [Some(true), Some(false), Some(false)];
    check_layouts(
        "is_nan",
        &arguments,
        &SparkType::Boolean,
        EvalMode::Ansi,
        truths,
        &expected,
    );
    let first = fixed(&double, &[Some(f64::NAN), None, Some(1.0), Some(f64::NAN)]);
    let second = fixed(&double, &[Some(2.0), Some(2.0), Some(2.0), None]);
    let expected = [Some(2.0), None, Some(1.0), None];
    check_layouts(
        "nanvl",
        &[first, second],
        &double,
        EvalMode::Ansi,
        values::<f64>,
        &expected,
    );
}

#[test]
fn normal_floats() {
    let bits = |column: &Column| -> Vec<Option<u64>> {
        values::<f64>(column)
            .into_iter()
            .map(|v| v.map(f64::to_bits))
            .collect()
    };
    let odd = f64::from_bits(0xfff8_0000_0000_0001);
    let arguments = [fixed(
        &SparkType::Double,
        &[Some(-0.0), Some(odd), Some(-1.5), None],
    )];
    let expected = [Some(0), Some(0x7ff8 << 48), Some((-1.5f64).to_bits()), None];
    let name = "normalize_nan_and_zero";
    check_layouts(
        name,
        &arguments,
        &SparkType::Double,
        EvalMode::Ansi,
        bits,
        &expected,
    );
}

#[test]
fn values_that_are_there_are_counted() {
    let columns = [
        fixed(
            &SparkType::Double,
            &[Some(1.0), Some(f64::NAN), None, Some(0.0)],
        ),
        strings(&[Some("a"), Some("b"), Some("c"), None]),
        Column::constant(fixed(&SparkType::Int, &[Some(2)]), 4),
    ];
    let result = run(
        "at_least_n_non_nulls",
        &columns,
        &SparkType::Boolean,
        EvalMode::Legacy,
    );
    let expected = [Some(true), Some(false), Some(false), Some(false)];
    assert_eq!(truths(&result.unwrap()), expected);
}
