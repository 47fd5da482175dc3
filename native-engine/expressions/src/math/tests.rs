//! Rounding, extremes, bits; values beside comments were seen in Spark.

use arclight_columns::{Column, SparkType};

use crate::expression::EvalError;
use crate::registry::EvalMode;
use crate::testing::*;

fn scale(scale: i32, rows: usize) -> Column {
    Column::constant(fixed(&SparkType::Int, &[Some(scale)]), rows)
}

/// Rounds a column; `round` reads its scale when it is built, so layouts are tested one by one.
#[track_caller]
fn check_round<R: PartialEq + std::fmt::Debug>(
    name: &str,
    column: &Column,
    digits: i32,
    output: &SparkType,
    read: impl Fn(&Column) -> Vec<R>,
    expected: &[R],
) {
    for column in [column.clone(), dictionary(column)] {
        let arguments = [column.clone(), scale(digits, column.len())];
        let result = run(name, &arguments, output, EvalMode::Legacy).unwrap();
        assert_eq!(read(&result), expected, "{name} to {digits}");
    }
}

fn bits(column: &Column) -> Vec<Option<u64>> {
    values::<f64>(column)
        .into_iter()
        .map(|v| v.map(f64::to_bits))
        .collect()
}

#[test]
fn doubles_round_their_printed_digits() {
    let double = SparkType::Double;
    let column = fixed(
        &double,
        &[
            Some(1.005),
            Some(-0.4),
            Some(2.5),
            Some(-0.0),
            None,
            Some(f64::INFINITY),
            Some(2e23),
        ],
    );
    let same = |v: f64| Some(v.to_bits());
    let infinity = same(f64::INFINITY);
    // round(1.005, 2) = 1.01
    let expected = [
        same(1.01),
        same(-0.4),
        same(2.5),
        same(0.0),
        None,
        infinity,
        same(2e23),
    ];
    check_round("round", &column, 2, &double, bits, &expected);
    // round(-0.4) = 0.0
    let expected = [
        same(1.0),
        same(0.0),
        same(3.0),
        same(0.0),
        None,
        infinity,
        same(2e23),
    ];
    check_round("round", &column, 0, &double, bits, &expected);
    let expected = [
        same(1.0),
        same(0.0),
        same(2.0),
        same(0.0),
        None,
        infinity,
        same(2e23),
    ];
    check_round("bround", &column, 0, &double, bits, &expected);
    let column = fixed(
        &double,
        &[Some(1250.0), Some(-1350.0), Some(49.0), Some(1e-310)],
    );
    let expected = [same(1300.0), same(-1400.0), same(0.0), same(0.0)];
    check_round("round", &column, -2, &double, bits, &expected);
    let expected = [same(1200.0), same(-1400.0), same(0.0), same(0.0)];
    check_round("bround", &column, -2, &double, bits, &expected);
    let float = SparkType::Float;
    let column = fixed(&float, &[Some(1.15f32), Some(-2.5)]);
    // 1.15f is 1.149999976158142 as a double.
    check_round(
        "round",
        &column,
        1,
        &float,
        values::<f32>,
        &[Some(1.1), Some(-2.5)],
    );
}

#[test]
fn disputed_digits_are_declined_if_they_matter() {
    let double = SparkType::Double;
    // 2^-44 is 5.684341886080802E-14 or 5.6843418860808015E-14, depending on Java.
    let power = 2f64.powi(-44);
    let arguments = |digits| [fixed(&double, &[Some(power)]), scale(digits, 1)];
    let result = run("round", &arguments(10), &double, EvalMode::Legacy).unwrap();
    assert_eq!(bits(&result), [Some(0)]);
    for digits in [28, 29, 30] {
        let result = run("round", &arguments(digits), &double, EvalMode::Legacy);
        let declined = matches!(result, Err(EvalError::Declined(_)));
        assert!(declined || digits == 28, "{digits}: {result:?}");
    }
}

#[test]
fn decimals_round_to_their_new_type() {
    let from = SparkType::decimal(5, 3);
    let column = fixed(&from, &[Some(12345i64), Some(-12355), None, Some(99999)]);
    let to = SparkType::decimal(5, 2);
    let expected = [Some(1235), Some(-1236), None, Some(10000)];
    check_round("round", &column, 2, &to, decimals, &expected);
    let expected = [Some(1234), Some(-1236), None, Some(10000)];
    check_round("bround", &column, 2, &to, decimals, &expected);
    let to = SparkType::decimal(3, 0);
    let expected = [Some(10), Some(-10), None, Some(100)];
    check_round("round", &column, -1, &to, decimals, &expected);
    let to = SparkType::decimal(4, 0);
    let expected = [Some(0), Some(0), None, Some(0)];
    check_round("round", &column, -3, &to, decimals, &expected);
    // Beyond the precision it fails in every mode.
    let wide = SparkType::decimal(38, 0);
    let nines = fixed(&wide, &[Some(10i128.pow(38) - 1)]);
    let result = run("round", &[nines, scale(-1, 1)], &wide, EvalMode::Legacy);
    assert!(matches!(result, Err(EvalError::Failed { row: 0 })));
}

#[test]
fn integers_round_to_tens() {
    let byte = SparkType::Byte;
    let column = fixed(&byte, &[Some(125i8), Some(-15), Some(4), None]);
    let expected = [Some(-126i8), Some(-20), Some(0), None];
    check_round("round", &column, -1, &byte, values::<i8>, &expected);
    let expected = [Some(120i8), Some(-20), Some(0), None];
    check_round("bround", &column, -1, &byte, values::<i8>, &expected);
    let expected = [Some(125i8), Some(-15), Some(4), None];
    check_round("round", &column, 3, &byte, values::<i8>, &expected);
    let arguments = [column, scale(-1, 4)];
    let result = run("round", &arguments, &byte, EvalMode::Ansi);
    assert!(matches!(result, Err(EvalError::Failed { row: 0 })));
    let long = SparkType::Long;
    let column = fixed(&long, &[Some(i64::MAX), Some(5)]);
    let expected = [Some(10_000_000_000_000_000_000u64 as i64), Some(0)];
    check_round(
        "round",
        &column,
        -18,
        &long,
        values::<i64>,
        &[Some(9_000_000_000_000_000_000), Some(0)],
    );
    check_round("round", &column, -19, &long, values::<i64>, &expected);
    check_round(
        "round",
        &column,
        -40,
        &long,
        values::<i64>,
        &[Some(0), Some(0)],
    );
}

#[test]
fn whole_numbers() {
    let double = fixed(
        &SparkType::Double,
        &[
            Some(-1.5),
            Some(1.5),
            Some(f64::NAN),
            Some(1e300),
            Some(-1e300),
            None,
        ],
    );
    let long = SparkType::Long;
    let ansi = EvalMode::Ansi;
    let arguments = [double];
    let (min, max) = (Some(i64::MIN), Some(i64::MAX));
    let expected = [Some(-2), Some(1), Some(0), max, min, None];
    check_layouts("floor", &arguments, &long, ansi, values::<i64>, &expected);
    let expected = [Some(-1), Some(2), Some(0), max, min, None];
    check_layouts("ceil", &arguments, &long, ansi, values::<i64>, &expected);
    let from = SparkType::decimal(3, 2);
    let to = SparkType::decimal(2, 0);
    let arguments = [fixed(&from, &[Some(999i64), Some(-999), Some(-100), None])];
    let expected = [Some(9), Some(-10), Some(-1), None];
    check_layouts("floor", &arguments, &to, ansi, decimals, &expected);
    let expected = [Some(10), Some(-9), Some(-1), None];
    check_layouts("ceil", &arguments, &to, ansi, decimals, &expected);
}

#[test]
fn roots_and_signs() {
    let double = SparkType::Double;
    let nan = |column: &Column| -> Vec<Option<u64>> {
        values::<f64>(column)
            .into_iter()
            .map(|v| v.map(|v| if v.is_nan() { 1 } else { v.to_bits() }))
            .collect()
    };
    let arguments = [fixed(&double, &[Some(2.0), Some(-1.0), Some(-0.0), None])];
    let same = |v: f64| Some(v.to_bits());
    let expected = [same(2f64.sqrt()), Some(1), same(-0.0), None];
    check_layouts("sqrt", &arguments, &double, EvalMode::Ansi, nan, &expected);
    let expected = [same(1.0), same(-1.0), same(-0.0), None];
    check_layouts(
        "signum",
        &arguments,
        &double,
        EvalMode::Ansi,
        nan,
        &expected,
    );
}

#[test]
fn extremes_skip_nulls_and_keep_the_first() {
    let double = SparkType::Double;
    let left = fixed(
        &double,
        &[Some(-0.0), None, Some(f64::NAN), None, Some(1.0)],
    );
    let right = fixed(&double, &[Some(0.0), Some(2.0), Some(1.0), None, Some(3.0)]);
    let bits = |column: &Column| -> Vec<Option<u64>> {
        values::<f64>(column)
            .into_iter()
            .map(|v| v.map(f64::to_bits))
            .collect()
    };
    let same = |v: f64| Some(v.to_bits());
    let arguments = [left, right];
    let expected = [same(-0.0), same(2.0), same(f64::NAN), None, same(3.0)];
    check_layouts(
        "greatest",
        &arguments,
        &double,
        EvalMode::Ansi,
        bits,
        &expected,
    );
    let expected = [same(-0.0), same(2.0), same(1.0), None, same(1.0)];
    check_layouts(
        "least",
        &arguments,
        &double,
        EvalMode::Ansi,
        bits,
        &expected,
    );
    let texts = |column: &Column| -> Vec<Option<Vec<u8>>> {
        (0..column.len())
            .map(|row| (!column.is_null(row)).then(|| column.bytes_value(row).unwrap().to_vec()))
            .collect()
    };
    let text = |s: &str| Some(s.as_bytes().to_vec());
    let arguments = [
        strings(&[Some("b"), None, Some("z")]),
        strings(&[Some("a"), Some("x"), Some("é")]),
    ];
    let expected = [text("b"), text("x"), text("é")];
    check_layouts(
        "greatest",
        &arguments,
        &SparkType::String,
        EvalMode::Ansi,
        texts,
        &expected,
    );
}

#[test]
fn bitwise() {
    let int = SparkType::Int;
    let arguments = [
        fixed(&int, &[Some(12), Some(-1), None]),
        fixed(&int, &[Some(10), Some(33), Some(1)]),
    ];
    let ansi = EvalMode::Ansi;
    let read = values::<i32>;
    check_layouts(
        "bitwise_and",
        &arguments,
        &int,
        ansi,
        read,
        &[Some(8), Some(33), None],
    );
    check_layouts(
        "bitwise_or",
        &arguments,
        &int,
        ansi,
        read,
        &[Some(14), Some(-1), None],
    );
    check_layouts(
        "bitwise_xor",
        &arguments,
        &int,
        ansi,
        read,
        &[Some(6), Some(!33), None],
    );
    // Java shifts ints by the low five bits.
    check_layouts(
        "shiftleft",
        &arguments,
        &int,
        ansi,
        read,
        &[Some(12288), Some(-2), None],
    );
    check_layouts(
        "shiftright",
        &arguments,
        &int,
        ansi,
        read,
        &[Some(0), Some(-1), None],
    );
    let expected = [Some(0), Some(i32::MAX), None];
    check_layouts(
        "shiftrightunsigned",
        &arguments,
        &int,
        ansi,
        read,
        &expected,
    );
    check_layouts(
        "bitwise_not",
        &arguments[..1],
        &int,
        ansi,
        read,
        &[Some(-13), Some(0), None],
    );
    let long = SparkType::Long;
    let arguments = [
        fixed(&long, &[Some(-1i64), Some(1)]),
        fixed(&int, &[Some(63), Some(-1)]),
    ];
    let expected = [Some(1i64), Some(0)];
    check_layouts(
        "shiftrightunsigned",
        &arguments,
        &long,
        ansi,
        values::<i64>,
        &expected,
    );
    let expected = [Some(i64::MIN), Some(i64::MIN)];
    check_layouts(
        "shiftleft",
        &arguments,
        &long,
        ansi,
        values::<i64>,
        &expected,
    );
}
