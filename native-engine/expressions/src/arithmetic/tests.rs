//! Integers and floats in the three modes.

use proptest::prelude::*;

use super::*;
use crate::testing::*;

const EDGES: [i64; 7] = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];

/// All pairs of the edges of a width, as two columns.
macro_rules! pairs {
    ($native:ty, $data_type:expr) => {{
        let edges: Vec<$native> = vec![
            <$native>::MIN,
            <$native>::MIN + 1,
            -7,
            -3,
            -1,
            0,
            1,
            3,
            7,
            <$native>::MAX - 1,
            <$native>::MAX,
        ];
        let pairs: Vec<($native, $native)> = edges
            .iter()
            .flat_map(|&l| edges.iter().map(move |&r| (l, r)))
            .collect();
        let side = |f: fn(&($native, $native)) -> $native| {
            fixed(
                $data_type,
                &pairs.iter().map(|p| Some(f(p))).collect::<Vec<_>>(),
            )
        };
        (pairs.clone(), [side(|p| p.0), side(|p| p.1)])
    }};
}

macro_rules! width_test {
    ($name:ident, $native:ty, $data_type:expr) => {
        #[test]
        fn $name() {
            let data_type = $data_type;
            let (pairs, columns) = pairs!($native, &data_type);
            let operations: [(&str, fn(i128, i128) -> i128); 3] = [
                ("add", |l, r| l + r),
                ("subtract", |l, r| l - r),
                ("multiply", |l, r| l * r),
            ];
            for (name, exact) in operations {
                let exact = |&(l, r): &($native, $native)| exact(l.into(), r.into());
                let wrapped: Vec<_> = pairs.iter().map(|p| Some(exact(p) as $native)).collect();
                let result = run(name, &columns, &data_type, EvalMode::Legacy).unwrap();
                assert_eq!(values::<$native>(&result), wrapped);
                let checked: Vec<_> = pairs
                    .iter()
                    .map(|p| <$native>::try_from(exact(p)).ok())
                    .collect();
                let result = run(name, &columns, &data_type, EvalMode::Try).unwrap();
                assert_eq!(values::<$native>(&result), checked);
                let first = checked.iter().position(Option::is_none).unwrap();
                let result = run(name, &columns, &data_type, EvalMode::Ansi);
                assert!(matches!(result, Err(EvalError::Failed { row }) if row == first));
                let fine: Vec<u32> = (0..pairs.len() as u32)
                    .filter(|&row| checked[row as usize].is_some())
                    .collect();
                let expression = call(name, &columns, &data_type, EvalMode::Ansi);
                let rows = Selection::from_rows(pairs.len(), fine);
                let result = evaluate(expression.as_ref(), &columns, &rows).unwrap();
                let result = values::<$native>(&result);
                rows.for_each(|row| assert_eq!(result[row], checked[row]));
            }
            let rest: Vec<Option<$native>> = pairs
                .iter()
                .map(|&(l, r)| (r != 0).then(|| (i128::from(l) % i128::from(r).max(-i128::from(r).abs())) as $native))
                .collect();
            let result = run("remainder", &columns, &data_type, EvalMode::Legacy).unwrap();
            assert_eq!(values::<$native>(&result), rest);
            let zero = pairs.iter().position(|p| p.1 == 0).unwrap();
            for name in ["remainder", "pmod"] {
                let result = run(name, &columns, &data_type, EvalMode::Ansi);
                assert!(matches!(result, Err(EvalError::Failed { row }) if row == zero));
            }
        }
    };
}

width_test!(bytes, i8, SparkType::Byte);
width_test!(shorts, i16, SparkType::Short);
width_test!(ints, i32, SparkType::Int);
width_test!(longs, i64, SparkType::Long);

#[test]
fn positive_remainders() {
    let int = SparkType::Int;
    let left = fixed(
        &int,
        &[
            Some(-7),
            Some(-7),
            Some(7),
            Some(i32::MIN),
            Some(-1),
            None,
            Some(1),
        ],
    );
    let right = fixed(
        &int,
        &[
            Some(3),
            Some(-3),
            Some(-3),
            Some(-1),
            Some(i32::MIN),
            Some(0),
            Some(0),
        ],
    );
    // As in Java, the sum of remainder and divisor wraps: -1 + MIN is MAX.
    let expected = [
        Some(2),
        Some(-1),
        Some(1),
        Some(0),
        Some(i32::MAX),
        None,
        None,
    ];
    check_layouts(
        "pmod",
        &[left, right],
        &int,
        EvalMode::Legacy,
        values::<i32>,
        &expected,
    );
    // Sums of bytes are computed as ints.
    let byte = SparkType::Byte;
    let left = fixed(&byte, &[Some(-127i8)]);
    let right = fixed(&byte, &[Some(-128i8)]);
    let expected = [Some(-127)];
    check_layouts(
        "pmod",
        &[left, right],
        &byte,
        EvalMode::Legacy,
        values::<i8>,
        &expected,
    );
}

#[test]
fn integral_division() {
    let long = SparkType::Long;
    let left = fixed(
        &long,
        &[Some(7i64), Some(-7), Some(i64::MIN), None, Some(1)],
    );
    let right = fixed(&long, &[Some(2i64), Some(2), Some(-1), Some(0), Some(0)]);
    let arguments = [left, right];
    let expected = [Some(3), Some(-3), Some(i64::MIN), None, None];
    check_layouts(
        "integral_divide",
        &arguments,
        &long,
        EvalMode::Legacy,
        values::<i64>,
        &expected,
    );
    let expression = call("integral_divide", &arguments, &long, EvalMode::Ansi);
    for row in [2, 4] {
        let rows = Selection::from_rows(5, vec![row]);
        let result = evaluate(expression.as_ref(), &arguments, &rows);
        assert!(matches!(result, Err(EvalError::Failed { row: r }) if r == row as usize));
    }
    // NULL divided by zero is NULL.
    let rows = Selection::from_rows(5, vec![3]);
    let result = evaluate(expression.as_ref(), &arguments, &rows).unwrap();
    assert_eq!(values::<i64>(&result)[3], None);
}

fn bits(column: &Column) -> Vec<Option<u64>> {
    values::<f64>(column)
        .into_iter()
        .map(|v| v.map(|v| if v.is_nan() { 1 } else { v.to_bits() }))
        .collect()
}

#[test]
fn double_division() {
    let double = SparkType::Double;
    let left = fixed(
        &double,
        &[Some(1.0), Some(1.0), Some(0.0), Some(f64::INFINITY), None],
    );
    let right = fixed(
        &double,
        &[
            Some(0.0),
            Some(-4.0),
            Some(f64::NAN),
            Some(f64::INFINITY),
            Some(-0.0),
        ],
    );
    let arguments = [left, right];
    let nan = Some(1);
    let expected = [None, Some((-0.25f64).to_bits()), nan, nan, None];
    check_layouts(
        "divide",
        &arguments,
        &double,
        EvalMode::Legacy,
        bits,
        &expected,
    );
    check_layouts(
        "divide",
        &arguments,
        &double,
        EvalMode::Try,
        bits,
        &expected,
    );
    check_fails("divide", &arguments, &double, 0);
    let expected = [None, Some(1f64.to_bits()), nan, nan, None];
    check_layouts(
        "remainder",
        &arguments,
        &double,
        EvalMode::Legacy,
        bits,
        &expected,
    );
    let left = fixed(&double, &[Some(-7.5), Some(-7.5)]);
    let right = fixed(&double, &[Some(3.0), Some(-3.0)]);
    let expected = [Some(1.5f64.to_bits()), Some((-1.5f64).to_bits())];
    check_layouts(
        "pmod",
        &[left, right],
        &double,
        EvalMode::Legacy,
        bits,
        &expected,
    );
}

#[test]
fn signs() {
    let long = SparkType::Long;
    let column = fixed(&long, &EDGES.map(Some));
    let arguments = [column];
    let expected = EDGES.map(|v| Some(v.wrapping_neg()));
    check_layouts(
        "negate",
        &arguments,
        &long,
        EvalMode::Legacy,
        values::<i64>,
        &expected,
    );
    let expected = EDGES.map(|v| Some(v.wrapping_abs()));
    check_layouts(
        "abs",
        &arguments,
        &long,
        EvalMode::Legacy,
        values::<i64>,
        &expected,
    );
    for name in ["negate", "abs"] {
        check_fails(name, &arguments, &long, 0);
    }
    let double = SparkType::Double;
    let arguments = [fixed(&double, &[Some(-0.0), Some(0.0), None])];
    let zero = |v: f64| Some(v.to_bits());
    let expected = [zero(0.0), zero(-0.0), None];
    check_layouts(
        "negate",
        &arguments,
        &double,
        EvalMode::Ansi,
        bits,
        &expected,
    );
    let expected = [zero(0.0), zero(0.0), None];
    check_layouts("abs", &arguments, &double, EvalMode::Ansi, bits, &expected);
}

/// `NULL + (1 div 0)` is NULL in Spark: the second operand is not evaluated.
#[test]
fn operands_behind_null_are_not_evaluated() {
    let long = SparkType::Long;
    let columns = [
        fixed(&long, &[Some(1i64), None]),
        fixed(&long, &[Some(2i64), Some(1)]),
        fixed(&long, &[Some(1i64), Some(0)]),
    ];
    let build = |name: &str, arguments: Vec<ExpressionRef>| {
        crate::registry::build(&FunctionCall {
            name: name.into(),
            arguments,
            output: SparkType::Long,
            mode: EvalMode::Ansi,
            zone: None,
        })
        .unwrap()
    };
    let column = |i: usize| -> ExpressionRef {
        std::sync::Arc::new(crate::leaf::ColumnRef::new(i, SparkType::Long))
    };
    let quotient = build("integral_divide", vec![column(1), column(2)]);
    let sum = build("add", vec![column(0), quotient.clone()]);
    let rows = Selection::all(2);
    let result = evaluate(sum.as_ref(), &columns, &rows).unwrap();
    assert_eq!(values::<i64>(&result), [Some(3), None]);
    // Division looks at its divisor first.
    let divided = build("integral_divide", vec![quotient, column(0)]);
    let result = evaluate(divided.as_ref(), &columns, &rows).unwrap();
    assert_eq!(values::<i64>(&result), [Some(2), None]);
}

proptest! {
    #[test]
    fn doubles_wrap_nothing(l: f64, r: f64) {
        let double = SparkType::Double;
        let arguments = [fixed(&double, &[Some(l), None]), fixed(&double, &[Some(r), Some(r)])];
        let same = |v: f64| Some(if v.is_nan() { 1 } else { v.to_bits() });
        for (name, expected) in [("add", l + r), ("subtract", l - r), ("multiply", l * r)] {
            let expected = [same(expected), None];
            check_layouts(name, &arguments, &double, EvalMode::Ansi, bits, &expected);
        }
    }
}
