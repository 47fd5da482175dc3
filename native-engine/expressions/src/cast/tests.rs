//! Numeric casts in the three modes; values beside comments were seen in Spark.

use arclight_columns::Column;

use super::*;
use crate::expression::EvalError;
use crate::registry::EvalMode;
use crate::testing::*;

const MODES: [EvalMode; 3] = [EvalMode::Legacy, EvalMode::Ansi, EvalMode::Try];

/// Checks a legacy cast, and that try_cast gives NULL and ANSI fails where `exact` is `None`.
#[track_caller]
fn check<R: PartialEq + std::fmt::Debug + Clone>(
    column: Column,
    output: &SparkType,
    read: impl Fn(&Column) -> Vec<Option<R>>,
    legacy: &[Option<R>],
    exact: &[Option<R>],
) {
    let arguments = [column];
    check_layouts("cast", &arguments, output, EvalMode::Legacy, &read, legacy);
    check_layouts("cast", &arguments, output, EvalMode::Try, &read, exact);
    let ansi = call("cast", &arguments, output, EvalMode::Ansi);
    for (row, value) in exact.iter().enumerate() {
        let rows = arclight_columns::Selection::from_rows(exact.len(), vec![row as u32]);
        let result = evaluate(ansi.as_ref(), &arguments, &rows);
        if value.is_none() && !arguments[0].is_null(row) {
            assert!(matches!(result, Err(EvalError::Failed { row: r }) if r == row));
        } else {
            assert_eq!(read(&result.unwrap())[row], *value);
        }
    }
}

#[test]
fn doubles_to_integers() {
    let column = || {
        fixed(
            &SparkType::Double,
            &[
                Some(300.0),
                Some(1e10),
                Some(f64::NAN),
                Some(-1.9),
                None,
                Some(9223372036854775808.0),
            ],
        )
    };
    // 300 = 44, 1e10 = -1
    let legacy = [Some(44i8), Some(-1), Some(0), Some(-1), None, Some(-1)];
    let exact = [None, None, None, Some(-1), None, None];
    check(column(), &SparkType::Byte, values::<i8>, &legacy, &exact);
    let max = Some(i32::MAX);
    let legacy = [Some(300), max, Some(0), Some(-1), None, max];
    let exact = [Some(300), None, None, Some(-1), None, None];
    check(column(), &SparkType::Int, values::<i32>, &legacy, &exact);
    // 2^63 passes as the largest.
    let max = Some(i64::MAX);
    let legacy = [
        Some(300),
        Some(10_000_000_000),
        Some(0),
        Some(-1),
        None,
        max,
    ];
    let exact = [Some(300), Some(10_000_000_000), None, Some(-1), None, max];
    check(column(), &SparkType::Long, values::<i64>, &legacy, &exact);
    let edge = fixed(
        &SparkType::Double,
        &[Some(-128.5), Some(127.9), Some(128.0), Some(-129.0)],
    );
    let legacy = [Some(-128i8), Some(127), Some(-128), Some(127)];
    let exact = [Some(-128), Some(127), None, None];
    check(edge, &SparkType::Byte, values::<i8>, &legacy, &exact);
}

#[test]
fn integers_to_integers() {
    let column = fixed(
        &SparkType::Long,
        &[Some(300i64), Some(-128), None, Some(i64::MIN)],
    );
    let legacy = [Some(44i8), Some(-128), None, Some(0)];
    let exact = [None, Some(-128), None, None];
    check(column, &SparkType::Byte, values::<i8>, &legacy, &exact);
    let column = fixed(&SparkType::Byte, &[Some(-5i8), None]);
    let expected = [Some(-5i64), None];
    check(
        column,
        &SparkType::Long,
        values::<i64>,
        &expected,
        &expected,
    );
}

#[test]
fn decimals_to_integers() {
    // 3000000000.7 = -1294967296
    let narrow = SparkType::decimal(11, 1);
    let column = || fixed(&narrow, &[Some(30_000_000_007i64), Some(-19), None]);
    let legacy = [Some(-1294967296), Some(-1), None];
    check(
        column(),
        &SparkType::Int,
        values::<i32>,
        &legacy,
        &[None, Some(-1), None],
    );
    let expected = [Some(3_000_000_000i64), Some(-1), None];
    check(
        column(),
        &SparkType::Long,
        values::<i64>,
        &expected,
        &expected,
    );
    let wide = SparkType::decimal(38, 0);
    let column = fixed(&wide, &[Some((1i128 << 64) + 7), Some(-7)]);
    check(
        column,
        &SparkType::Long,
        values::<i64>,
        &[Some(7), Some(-7)],
        &[None, Some(-7)],
    );
}

#[test]
fn decimals_next_to_an_integer_are_left_to_spark() {
    // As a double this is 2147483647, cut it is 2147483646.
    let column = fixed(
        &SparkType::decimal(30, 18),
        &[Some(2_147_483_646_999_999_999_999_999_999i128)],
    );
    for (mode, declined) in [(EvalMode::Ansi, true), (EvalMode::Legacy, false)] {
        let result = run("cast", std::slice::from_ref(&column), &SparkType::Int, mode);
        assert_eq!(matches!(result, Err(EvalError::Declined(_))), declined);
    }
}

#[test]
fn decimals_to_floats_round_once() {
    let decimal = SparkType::decimal(38, 20);
    let texts = [
        "1.00000000000000000001",
        "0.1",
        "123456789012345678.90123456789012345678",
        "-0.3",
    ];
    let unscaled = |text: &str| {
        let (whole, fraction) = text.split_once('.').unwrap();
        format!("{whole}{fraction:0<20}").parse::<i128>().unwrap()
    };
    let column = || fixed(&decimal, &texts.map(|t| Some(unscaled(t))));
    let expected = texts.map(|t| Some(t.parse::<f64>().unwrap()));
    check(
        column(),
        &SparkType::Double,
        values::<f64>,
        &expected,
        &expected,
    );
    let expected = texts.map(|t| Some(t.parse::<f32>().unwrap()));
    check(
        column(),
        &SparkType::Float,
        values::<f32>,
        &expected,
        &expected,
    );
    let whole = fixed(
        &SparkType::decimal(38, 0),
        &[Some(i128::from(i64::MAX)), None],
    );
    let expected = [Some(9223372036854775807f64), None];
    check(
        whole,
        &SparkType::Double,
        values::<f64>,
        &expected,
        &expected,
    );
}

#[test]
fn integers_to_decimals() {
    let column = || {
        fixed(
            &SparkType::Int,
            &[Some(100), Some(99), None, Some(i32::MIN)],
        )
    };
    let expected = [None, Some(9900), None, None];
    check(
        column(),
        &SparkType::decimal(4, 2),
        decimals,
        &expected,
        &expected,
    );
    let expected = [Some(10000), Some(9900), None, Some(-214748364800)];
    check(
        column(),
        &SparkType::decimal(12, 2),
        decimals,
        &expected,
        &expected,
    );
    let expected = [100, 99].map(|v| Some(v * 10i128.pow(28)));
    let column = fixed(&SparkType::Int, &[Some(100), Some(99)]);
    check(
        column,
        &SparkType::decimal(38, 28),
        decimals,
        &expected,
        &expected,
    );
    let column = fixed(&SparkType::Long, &[Some(i64::MIN), None]);
    let expected = [Some(i128::from(i64::MIN)), None];
    check(
        column,
        &SparkType::decimal(20, 0),
        decimals,
        &expected,
        &expected,
    );
}

#[test]
fn booleans_both_ways() {
    let column = || booleans(&[Some(true), Some(false), None]);
    let expected = [Some(1i16), Some(0), None];
    check(
        column(),
        &SparkType::Short,
        values::<i16>,
        &expected,
        &expected,
    );
    let expected = [Some(10), Some(0), None];
    check(
        column(),
        &SparkType::decimal(3, 1),
        decimals,
        &expected,
        &expected,
    );
    let expected = [None, Some(0), None];
    check(
        column(),
        &SparkType::decimal(2, 2),
        decimals,
        &expected,
        &expected,
    );
    let expected = [Some(true), Some(false), Some(true), None];
    let column = fixed(
        &SparkType::Float,
        &[Some(f32::NAN), Some(-0.0), Some(0.5), None],
    );
    check(column, &SparkType::Boolean, truths, &expected, &expected);
    let column = fixed(
        &SparkType::decimal(20, 1),
        &[Some(1i128), Some(0), Some(-1), None],
    );
    check(column, &SparkType::Boolean, truths, &expected, &expected);
}

#[test]
fn floats_and_integers() {
    let column = fixed(&SparkType::Int, &[Some(16_777_217), None]);
    let expected = [Some(16_777_216f32), None];
    check(
        column,
        &SparkType::Float,
        values::<f32>,
        &expected,
        &expected,
    );
    let column = fixed(&SparkType::Double, &[Some(1e300), Some(0.1)]);
    let expected = [Some(f32::INFINITY), Some(0.1f32)];
    check(
        column,
        &SparkType::Float,
        values::<f32>,
        &expected,
        &expected,
    );
}

#[test]
fn same_type_is_the_argument() {
    for mode in MODES {
        let column = fixed(&SparkType::Int, &[Some(1), None]);
        let result = run("cast", &[column], &SparkType::Int, mode).unwrap();
        assert_eq!(values::<i32>(&result), [Some(1), None]);
    }
}

#[test]
fn floats_to_decimals() {
    // 1.1f = 1.1000000238
    let decimal = SparkType::decimal(11, 10);
    let column = fixed(
        &SparkType::Float,
        &[Some(1.1f32), Some(-0.0), None, Some(10.5)],
    );
    let expected = [Some(11_000_000_238), Some(0), None, None];
    check(column, &decimal, decimals, &expected, &expected);
    let decimal = SparkType::decimal(3, 2);
    let column = fixed(
        &SparkType::Double,
        &[Some(1.005), Some(-1.004), Some(1e-300), Some(9.995)],
    );
    let expected = [Some(101), Some(-100), Some(0), None];
    check(column, &decimal, decimals, &expected, &expected);
    let wide = SparkType::decimal(38, 20);
    let column = fixed(&SparkType::Double, &[Some(123456.5), Some(1e15)]);
    let expected = [1234565 * 10i128.pow(19), 10i128.pow(35)].map(Some);
    check(column, &wide, decimals, &expected, &expected);
    // NULL even in ANSI mode.
    for mode in MODES {
        let column = fixed(
            &SparkType::Double,
            &[Some(f64::NAN), Some(f64::NEG_INFINITY)],
        );
        let result = run("cast", &[column], &wide, mode).unwrap();
        assert_eq!(decimals(&result), [None, None]);
    }
    let column = fixed(&SparkType::Double, &[Some(2e23)]);
    let result = run("cast", &[column], &wide, EvalMode::Legacy);
    assert!(matches!(result, Err(EvalError::Declined(_))));
}

#[test]
fn text_and_times_as_spark_has_them() {
    let zone = crate::spark_results::los_angeles();
    let content = include_str!("../../testdata/text_casts.tsv");
    let declined = crate::spark_results::check_file(content, Some(&zone));
    for line in &declined {
        let digits = line.bytes().filter(u8::is_ascii_digit).count();
        let odd = !line.is_ascii()
            || line.contains("\\x")
            || digits > 38
            || line.contains("0e50")
            || line.contains("1e-400");
        assert!(line.contains("decimal") && odd, "left to Spark: {line}");
    }
}

#[test]
fn times_and_floats_as_text_as_spark_has_them() {
    // Hexadecimal numbers, zones by name or odd, times of today, times whose zone goes on without
    // end, and numbers that versions of Java print differently.
    const LEFT_TO_SPARK: &[&str] = &[
        "0x1p3",
        "PST",
        "Europe",
        "\\xc3",
        "+18:00",
        "+19:00",
        "=12:34",
        "=T12",
        "=25:00",
        "+10000",
        "294247",
        "300000",
        "9223372036854775807",
        "-9223372036854775808",
        "253402300799999999",
        "253402329600000000",
        "e-324",
        "2e+23",
        "9007199254740992",
        "5.684341886080802e-14",
        "16777216.0",
        "0.001953125",
        "3.4028234663852886e+38",
    ];
    let zone = crate::spark_results::los_angeles();
    let content = include_str!("../../testdata/time_casts.tsv");
    let mut left = crate::spark_results::check_file(content, Some(&zone));
    left.retain(|line| !LEFT_TO_SPARK.iter().any(|part| line.contains(part)));
    assert_eq!(left, Vec::<String>::new());
}
