//! Decimal arithmetic and conversion against exact oracles.

use arclight_columns::{Column, Selection, SparkType};
use arrow_buffer::i256;
use proptest::prelude::*;

use super::value::pow10_wide;
use super::*;
use crate::registry::EvalMode;
use crate::testing::*;

fn column(data_type: &SparkType, values: &[Option<i128>]) -> Column {
    match data_type {
        SparkType::Decimal { precision, .. } if *precision <= 18 => {
            let values: Vec<Option<i64>> = values.iter().map(|v| v.map(|v| v as i64)).collect();
            fixed(data_type, &values)
        }
        _ => fixed(data_type, values),
    }
}

/// The same values kept in 64 bits.
fn narrow(data_type: &SparkType, values: &[Option<i128>]) -> Column {
    let values: Vec<Option<i64>> = values.iter().map(|v| v.map(|v| v as i64)).collect();
    fixed(data_type, &values)
}

/// Spark's `DecimalType.adjustPrecisionScale`.
fn adjust(precision: i32, scale: i32) -> (u8, i8) {
    if precision <= 38 {
        return (precision as u8, scale as i8);
    }
    let integral = precision - scale;
    (38, (38 - integral).max(scale.min(6)) as i8)
}

#[test]
fn tpch_1_stays_narrow() {
    let price = SparkType::decimal(15, 2);
    let one_minus = SparkType::decimal(16, 2);
    let prices = column(&price, &[Some(9012345), None, Some(100)]);
    let discounts = column(&price, &[Some(4), Some(10), Some(0)]);
    let one = Column::constant(column(&SparkType::decimal(1, 0), &[Some(1)]), 3);
    let rest = run("subtract", &[one, discounts], &one_minus, EvalMode::Ansi).unwrap();
    assert_eq!(decimals(&rest), [Some(96), Some(90), Some(100)]);
    let discounted = SparkType::decimal(32, 4);
    let product = run("multiply", &[prices, rest], &discounted, EvalMode::Ansi).unwrap();
    assert_eq!(
        values::<i64>(&product),
        [Some(9012345 * 96), None, Some(10000)]
    );
    let tax = column(&one_minus, &[Some(108), Some(100), Some(101)]);
    let charged = SparkType::decimal(38, 6);
    let charge = run("multiply", &[product, tax], &charged, EvalMode::Ansi).unwrap();
    let expected = [Some(9012345 * 96 * 108), None, Some(1010000)];
    assert_eq!(values::<i64>(&charge), expected);
}

#[test]
fn overflow_follows_the_mode() {
    let wide = SparkType::decimal(38, 0);
    let max = POW10[38] - 1;
    let left = column(&wide, &[Some(1), Some(max), None]);
    let right = column(&wide, &[Some(2), Some(1), Some(1)]);
    for mode in [EvalMode::Legacy, EvalMode::Try] {
        let arguments = [left.clone(), right.clone()];
        check_layouts(
            "add",
            &arguments,
            &wide,
            mode,
            decimals,
            &[Some(3), None, None],
        );
    }
    check_fails("add", &[left, right], &wide, 1);
}

#[test]
fn products_beyond_128_bits_round_once() {
    // 10^38 - 1 over 10^38, squared, is 1 - 2e-38 + 1e-76.
    let all = SparkType::decimal(38, 38);
    let max = POW10[38] - 1;
    let arguments = [column(&all, &[Some(max)]), column(&all, &[Some(max)])];
    let output = SparkType::decimal(38, 37);
    let expected = [Some(POW10[37])];
    check_layouts(
        "multiply",
        &arguments,
        &output,
        EvalMode::Ansi,
        decimals,
        &expected,
    );
    // Ties go away from zero.
    let half = SparkType::decimal(2, 1);
    let arguments = [
        column(&half, &[Some(5), Some(-5)]),
        column(&half, &[Some(1), Some(1)]),
    ];
    let output = SparkType::decimal(4, 1);
    let expected = [Some(1), Some(-1)];
    check_layouts(
        "multiply",
        &arguments,
        &output,
        EvalMode::Ansi,
        decimals,
        &expected,
    );
}

#[test]
fn division_rounds_half_up_and_refuses_zero() {
    let money = SparkType::decimal(10, 2);
    let left = column(&money, &[Some(100), Some(200), Some(-200), Some(100), None]);
    let right = column(&money, &[Some(300), Some(300), Some(300), Some(0), Some(0)]);
    let output = SparkType::decimal(23, 13);
    let third = 3333333333333i128;
    let expected = [
        Some(third),
        Some(2 * third + 1),
        Some(-2 * third - 1),
        None,
        None,
    ];
    let arguments = [left, right];
    check_layouts(
        "divide",
        &arguments,
        &output,
        EvalMode::Legacy,
        decimals,
        &expected,
    );
    check_fails("divide", &arguments, &output, 3);
}

#[test]
fn remainders_and_integral_quotients() {
    let a = SparkType::decimal(5, 1);
    let b = SparkType::decimal(6, 2);
    let left = column(&a, &[Some(-70), Some(70), Some(-70), Some(25)]);
    let right = column(&b, &[Some(300), Some(-300), Some(-300), Some(0)]);
    let arguments = [left, right];
    let rest = SparkType::decimal(6, 2);
    let legacy = EvalMode::Legacy;
    let expected = [Some(-100), Some(100), Some(-100), None];
    check_layouts("remainder", &arguments, &rest, legacy, decimals, &expected);
    let expected = [Some(200), Some(100), Some(-100), None];
    check_layouts("pmod", &arguments, &rest, legacy, decimals, &expected);
    let expected = [Some(-2), Some(-2), Some(2), None];
    let long = SparkType::Long;
    check_layouts(
        "integral_divide",
        &arguments,
        &long,
        legacy,
        values::<i64>,
        &expected,
    );
    for name in ["remainder", "pmod"] {
        check_fails(name, &arguments, &rest, 3);
    }
    check_fails("integral_divide", &arguments, &long, 3);
}

#[test]
fn impossible_quotients_are_left_to_spark() {
    let a = SparkType::decimal(38, 0);
    let b = SparkType::decimal(38, 38);
    let arguments = [column(&a, &[Some(POW10[38] - 1)]), column(&b, &[Some(7)])];
    let result = run("remainder", &arguments, &b, EvalMode::Legacy);
    assert!(matches!(result, Err(crate::EvalError::Declined(_))));
}

#[test]
fn integral_quotients_keep_the_low_bits() {
    let wide = SparkType::decimal(38, 0);
    let one = SparkType::decimal(1, 0);
    let value = (1i128 << 64) + 5;
    let arguments = [column(&wide, &[Some(value)]), column(&one, &[Some(1)])];
    let expected = [Some(5)];
    let long = SparkType::Long;
    check_layouts(
        "integral_divide",
        &arguments,
        &long,
        EvalMode::Ansi,
        values::<i64>,
        &expected,
    );
}

#[test]
fn conversions() {
    let from = SparkType::decimal(10, 3);
    let values_in = [Some(1005), Some(-1005), Some(1004), None, Some(9_999_995)];
    let to = SparkType::decimal(6, 2);
    let arguments = [column(&from, &values_in)];
    let expected = [Some(101), Some(-101), Some(100), None, None];
    for name in ["check_overflow", "cast"] {
        check_layouts(name, &arguments, &to, EvalMode::Legacy, decimals, &expected);
        check_fails(name, &arguments, &to, 4);
    }
    // Wider types take the values as they are.
    let wide = SparkType::decimal(30, 3);
    let result = run("cast", &arguments, &wide, EvalMode::Ansi).unwrap();
    assert_eq!(decimals(&result), values_in);
    assert!(result.as_slice::<i64>().is_some());
    // And back, from either width, the values have 64 bits.
    for column in [column(&wide, &values_in), narrow(&wide, &values_in)] {
        let result = run("cast", &[column], &from, EvalMode::Ansi).unwrap();
        assert_eq!(values::<i64>(&result)[0], Some(1005));
    }
    let scaled = SparkType::decimal(38, 20);
    let result = run("cast", &arguments, &scaled, EvalMode::Ansi).unwrap();
    assert_eq!(decimals(&result)[4], Some(9_999_995 * POW10[17]));
}

#[test]
fn unscaled_longs() {
    let decimal = SparkType::decimal(5, 2);
    let longs = fixed(&SparkType::Long, &[Some(99_999i64), Some(100_000), None]);
    let arguments = [longs];
    let expected = [Some(99_999), None, None];
    check_layouts(
        "make_decimal",
        &arguments,
        &decimal,
        EvalMode::Legacy,
        decimals,
        &expected,
    );
    check_fails("make_decimal", &arguments, &decimal, 1);
    let arguments = [column(&decimal, &[Some(-5), None])];
    let long = SparkType::Long;
    let expected = [Some(-5), None];
    check_layouts(
        "unscaled_value",
        &arguments,
        &long,
        EvalMode::Ansi,
        values::<i64>,
        &expected,
    );
}

#[test]
fn negation_of_the_narrowest() {
    let wide = SparkType::decimal(20, 0);
    let arguments = [narrow(&wide, &[Some(i64::MIN.into()), Some(3), None])];
    let expected = [Some(1i128 << 63), Some(-3), None];
    check_layouts(
        "negate",
        &arguments,
        &wide,
        EvalMode::Ansi,
        decimals,
        &expected,
    );
    let expected = [Some(1i128 << 63), Some(3), None];
    check_layouts(
        "abs",
        &arguments,
        &wide,
        EvalMode::Ansi,
        decimals,
        &expected,
    );
}

/// A precision, a scale within it, and values of the type, NULLs among them.
fn typed() -> impl Strategy<Value = (u8, u8, Vec<Option<i128>>)> {
    (1u8..=38)
        .prop_flat_map(|precision| (Just(precision), 0..=precision))
        .prop_flat_map(|(precision, scale)| {
            let max = POW10[precision as usize] - 1;
            let small = max.min(1000);
            let value = prop_oneof![-max..=max, Just(max), Just(-max), -small..=small];
            let values = prop::collection::vec(prop::option::weighted(0.9, value), 3);
            (Just(precision), Just(scale), values)
        })
}

fn wide(value: i128) -> i256 {
    i256::from_i128(value)
}

/// `value / 10^digits` rounded HALF_UP, within a precision.
fn oracle_round(value: i256, digits: i32, precision: u8) -> Option<i128> {
    let (ten, two) = (pow10_wide(digits as u8), wide(2));
    let half = ten.wrapping_div(two);
    let shifted = if value.is_negative() {
        value.wrapping_sub(half)
    } else {
        value.wrapping_add(half)
    };
    // An odd power has no exact half, but 10^0 is the only one.
    let rounded = if digits == 0 {
        value
    } else {
        shifted.wrapping_div(ten)
    };
    rounded
        .to_i128()
        .filter(|v| v.unsigned_abs() < POW10[precision as usize].unsigned_abs())
}

proptest! {
    #[test]
    fn sums_and_products((p1, s1, left) in typed(), (p2, s2, right) in typed()) {
        let l = SparkType::decimal(p1, s1 as i8);
        let r = SparkType::decimal(p2, s2 as i8);
        let (p1, s1, p2, s2) = (p1 as i32, s1 as i32, p2 as i32, s2 as i32);
        for name in ["add", "subtract", "multiply"] {
            let exact_scale = if name == "multiply" { s1 + s2 } else { s1.max(s2) };
            let (precision, scale) = match name {
                "multiply" => adjust(p1 + p2 + 1, s1 + s2),
                _ => adjust((p1 - s1).max(p2 - s2) + s1.max(s2) + 1, s1.max(s2)),
            };
            let drop = exact_scale - scale as i32;
            let expected: Vec<Option<i128>> = left.iter().zip(&right).map(|(a, b)| {
                let (a, b) = (wide((*a)?), wide((*b)?));
                let (up_a, up_b) = (pow10_wide((exact_scale - s1) as u8), pow10_wide((exact_scale - s2) as u8));
                let exact = match name {
                    "multiply" => a.wrapping_mul(b),
                    "add" => a.wrapping_mul(up_a).wrapping_add(b.wrapping_mul(up_b)),
                    _ => a.wrapping_mul(up_a).wrapping_sub(b.wrapping_mul(up_b)),
                };
                oracle_round(exact, drop, precision)
            }).collect();
            let output = SparkType::decimal(precision, scale);
            let arguments = [column(&l, &left), column(&r, &right)];
            check_layouts(name, &arguments, &output, EvalMode::Legacy, decimals, &expected);
            // Wide types whose values have 64 bits.
            let fits = |v: &Option<i128>| v.is_none_or(|v| i64::try_from(v).is_ok());
            if left.iter().chain(&right).all(fits) {
                let arguments = [narrow(&l, &left), narrow(&r, &right)];
                check_layouts(name, &arguments, &output, EvalMode::Legacy, decimals, &expected);
            }
        }
    }

    #[test]
    fn quotients((p1, s1, left) in typed(), (p2, s2, right) in typed()) {
        let (l, r) = (SparkType::decimal(p1, s1 as i8), SparkType::decimal(p2, s2 as i8));
        let (p1, s1, p2, s2) = (p1 as i32, s1 as i32, p2 as i32, s2 as i32);
        let scale = (s1 + p2 + 1).max(6);
        let (precision, scale) = adjust(p1 - s1 + s2 + scale, scale);
        let exponent = scale as i32 - s1 + s2;
        prop_assume!(exponent >= 0);
        let expected: Vec<Option<i128>> = left.iter().zip(&right).map(|(a, b)| {
            let (a, b) = ((*a)?, (*b)?);
            if b == 0 {
                return None;
            }
            // Digit by digit, as on paper.
            let negative = (a < 0) != (b < 0);
            let (a, b) = (wide(a).wrapping_abs(), wide(b).wrapping_abs());
            let limit = wide(POW10[38]);
            let mut quotient = a.wrapping_div(b);
            let mut rest = a.wrapping_rem(b);
            for _ in 0..exponent {
                let next = rest.wrapping_mul(wide(10));
                quotient = quotient.wrapping_mul(wide(10)).wrapping_add(next.wrapping_div(b));
                rest = next.wrapping_rem(b);
                if quotient >= limit {
                    return None;
                }
            }
            if rest.wrapping_add(rest) >= b {
                quotient = quotient.wrapping_add(wide(1));
            }
            let quotient = quotient.to_i128().filter(|&q| q < POW10[precision as usize])?;
            Some(if negative { -quotient } else { quotient })
        }).collect();
        let output = SparkType::decimal(precision, scale);
        let arguments = [column(&l, &left), column(&r, &right)];
        check_layouts("divide", &arguments, &output, EvalMode::Legacy, decimals, &expected);
    }

    #[test]
    fn rescaling((p1, s1, values) in typed(), p2 in 1u8..=38, s2 in 0u8..=38) {
        prop_assume!(s2 <= p2);
        let (from, to) = (SparkType::decimal(p1, s1 as i8), SparkType::decimal(p2, s2 as i8));
        let expected: Vec<Option<i128>> = values.iter().map(|v| {
            let up = wide((*v)?).wrapping_mul(pow10_wide(s2.saturating_sub(s1)));
            oracle_round(up, s1.saturating_sub(s2) as i32, p2)
        }).collect();
        check_layouts("cast", &[column(&from, &values)], &to, EvalMode::Legacy, decimals, &expected);
    }
}

#[test]
fn unused_rows_do_not_fail() {
    let wide_type = SparkType::decimal(38, 0);
    let max = POW10[38] - 1;
    let columns = [
        column(&wide_type, &[Some(max), Some(1)]),
        column(&wide_type, &[Some(1), Some(1)]),
    ];
    let expression = call("add", &columns, &wide_type, EvalMode::Ansi);
    let rows = Selection::from_rows(2, vec![1]);
    let result = evaluate(expression.as_ref(), &columns, &rows).unwrap();
    assert_eq!(decimals(&result)[1], Some(2));
}
