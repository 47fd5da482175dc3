use arclight_columns::{Column, ColumnBuilder, Field, Selection, SparkType, Values};
use proptest::prelude::*;

use super::*;
use crate::aggregate::Groups;
use crate::expression::EvalError;
use crate::value_bytes::{Floats, encode_value};

fn build(name: &str, types: &[SparkType], output: SparkType, mode: EvalMode) -> AggregateRef {
    build_aggregate(&AggregateCall {
        name: name.to_string(),
        argument_types: types.to_vec(),
        output,
        mode,
        ignore_nulls: false,
    })
    .unwrap()
}

fn longs(values: &[Option<i64>]) -> Column {
    let mut builder = ColumnBuilder::new(SparkType::Long, values.len());
    for value in values {
        match value {
            Some(value) => builder.push_i64(*value),
            None => builder.push_null(),
        }
    }
    builder.finish()
}

fn doubles(values: &[f64]) -> Column {
    Column::fixed(SparkType::Double, values.to_vec(), None)
}

fn decimals(precision: u8, scale: i8, values: &[i128]) -> Column {
    Column::fixed(SparkType::decimal(precision, scale), values.to_vec(), None)
}

/// One group over all rows.
fn one(function: &AggregateRef, arguments: &[Column], grouped: bool) -> Result<Column, EvalError> {
    let mut state = function.create(grouped);
    state.resize(1);
    let len = arguments.first().map_or(0, Column::len);
    state.update(&vec![0; len], arguments, &Selection::all(len))?;
    state.evaluate(0, 1)
}

/// One group over two halves, merged.
fn halves(function: &AggregateRef, arguments: &[Column]) -> Column {
    let len = arguments[0].len();
    let mut merged = function.create(true);
    merged.resize(1);
    for (from, to) in [(0, len / 2), (len / 2, len)] {
        let mut state = function.create(true);
        state.resize(1);
        let part: Vec<Column> = arguments.iter().map(|a| a.slice(from, to - from)).collect();
        let rows = Selection::all(to - from);
        state.update(&vec![0; to - from], &part, &rows).unwrap();
        let buffers = state.buffers(0, 1).unwrap();
        assert_eq!(
            buffers
                .iter()
                .map(|b| b.data_type().clone())
                .collect::<Vec<_>>(),
            function.buffer_types()
        );
        merged.merge(&[0], &buffers, &Selection::all(1)).unwrap();
    }
    merged.evaluate(0, 1).unwrap()
}

fn double(column: &Column) -> Option<f64> {
    (!column.is_null(0)).then(|| column.fixed_value(0).unwrap())
}

fn long(column: &Column) -> Option<i64> {
    (!column.is_null(0)).then(|| column.fixed_value(0).unwrap())
}

fn wide(column: &Column) -> Option<i128> {
    (!column.is_null(0)).then(|| column.fixed_value(0).unwrap())
}

#[test]
fn bigint_sums_follow_their_mode() {
    let column = longs(&[Some(i64::MAX), None, Some(1), Some(-1)]);
    let sum = |mode| build("sum", &[SparkType::Long], SparkType::Long, mode);
    let arguments = std::slice::from_ref(&column);
    let ansi = one(&sum(EvalMode::Ansi), arguments, true);
    assert!(matches!(ansi, Err(EvalError::Failed { row: 2 })));
    let legacy = one(&sum(EvalMode::Legacy), arguments, true).unwrap();
    assert_eq!(long(&legacy), Some(i64::MAX));
    assert_eq!(
        long(&one(&sum(EvalMode::Try), arguments, true).unwrap()),
        None
    );
    let nulls = [longs(&[None, None])];
    for mode in [EvalMode::Ansi, EvalMode::Legacy, EvalMode::Try] {
        assert_eq!(long(&one(&sum(mode), &nulls, true).unwrap()), None);
        assert_eq!(
            long(&halves(&sum(mode), &[longs(&[Some(1), None, Some(2)])])),
            Some(3)
        );
    }
}

#[test]
fn a_failing_row_leaves_the_rows_before_it_in_the_state() {
    let sum = build("sum", &[SparkType::Long], SparkType::Long, EvalMode::Ansi);
    let mut state = sum.create(true);
    state.resize(2);
    let column = longs(&[Some(5), Some(i64::MAX), Some(1), Some(7)]);
    let result = state.update(&[0, 1, 1, 0], &[column], &Selection::all(4));
    assert!(matches!(result, Err(EvalError::Failed { row: 2 })));
    assert_eq!(
        state.buffers(0, 2).unwrap()[0].as_slice::<i64>().unwrap(),
        [5, i64::MAX]
    );
}

#[test]
fn decimal_sums_stick_at_null_with_keys_and_recover_without() {
    let most = 10i128.pow(38) - 1;
    let data_type = SparkType::decimal(38, 0);
    let column = [decimals(38, 0, &[most, most, -most])];
    let sum = |mode| {
        build(
            "sum",
            std::slice::from_ref(&data_type),
            data_type.clone(),
            mode,
        )
    };
    let legacy = sum(EvalMode::Legacy);
    assert_eq!(wide(&one(&legacy, &column, true).unwrap()), None);
    assert_eq!(wide(&one(&legacy, &column, false).unwrap()), Some(most));
    let ansi = one(&sum(EvalMode::Ansi), &column, true);
    assert!(matches!(ansi, Err(EvalError::Failed { row: 0 })));
    // The partial result says: not empty, and NULL.
    let mut state = legacy.create(true);
    state.resize(2);
    state.update(&[0; 3], &column, &Selection::all(3)).unwrap();
    let buffers = state.buffers(0, 2).unwrap();
    assert!(buffers[0].is_null(0) && !buffers[0].is_null(1));
    assert_eq!(buffers[1].boolean_value(0), Some(false));
    assert_eq!(buffers[1].boolean_value(1), Some(true));
    let mut merged = legacy.create(true);
    merged.resize(1);
    merged.merge(&[0, 0], &buffers, &Selection::all(2)).unwrap();
    assert!(merged.evaluate(0, 1).unwrap().is_null(0));
}

#[test]
fn an_overflowing_sum_without_keys_is_null() {
    let most = 10i128.pow(38) - 1;
    let data_type = SparkType::decimal(38, 0);
    let types = [data_type.clone()];
    let sum = build("sum", &types, data_type, EvalMode::Legacy);
    let column = [decimals(38, 0, &[most; 5])];
    assert_eq!(wide(&one(&sum, &column, false).unwrap()), None);
}

#[test]
fn decimal_sums_beyond_their_type_go_to_spark_as_text() {
    let most = 10i128.pow(38) - 1;
    let scaled = SparkType::decimal(38, 2);
    let sum = build(
        "sum",
        std::slice::from_ref(&scaled),
        scaled.clone(),
        EvalMode::Ansi,
    );
    let state = |grouped: bool, values: &[i128]| {
        let mut state = sum.create(grouped);
        state.resize(1);
        let column = [decimals(38, 2, values)];
        let groups = vec![0; values.len()];
        state
            .update(&groups, &column, &Selection::all(values.len()))
            .unwrap();
        state.evaluation_inputs(0, 1).unwrap().remove(0)
    };
    let text = |column: &Column| {
        let strings = column.as_bytes().unwrap();
        String::from_utf8(strings.value(0).to_vec()).unwrap()
    };
    assert_eq!(text(&state(false, &[150, -25])), "125E-2");
    assert_eq!(
        text(&state(false, &[most; 5])),
        format!("4{}5E-2", "9".repeat(37))
    );
    assert_eq!(
        text(&state(false, &[-most; 5])),
        format!("-4{}5E-2", "9".repeat(37))
    );
    assert!(state(true, &[most; 5]).is_null(0));

    // Such an average may fit again.
    let types = [SparkType::decimal(38, 0)];
    let average = build("avg", &types, SparkType::decimal(38, 0), EvalMode::Legacy);
    let column = [decimals(38, 0, &[most; 5])];
    let found = one(&average, &column, false);
    assert!(matches!(found, Err(EvalError::Declined(_))), "{found:?}");
}

#[test]
fn decimal_averages_round_half_up() {
    let types = [SparkType::decimal(15, 2)];
    let average = build("avg", &types, SparkType::decimal(19, 6), EvalMode::Ansi);
    let column = Column::fixed(SparkType::decimal(15, 2), vec![100i64, 100, 200], None);
    let result = halves(&average, &[column]);
    assert_eq!(wide(&result), Some(1_333_333));
    assert_eq!(average.buffer_types()[0], SparkType::decimal(25, 2));
    let merging = [SparkType::decimal(25, 2), SparkType::Long];
    let last = build("avg", &merging, SparkType::decimal(19, 6), EvalMode::Ansi);
    assert_eq!(last.buffer_types(), merging);
}

#[test]
fn numbers_average_as_doubles() {
    let average = build("avg", &[SparkType::Long], SparkType::Double, EvalMode::Ansi);
    let column = longs(&[Some(1), None, Some(2)]);
    assert_eq!(double(&halves(&average, &[column])), Some(1.5));
    assert_eq!(
        double(&one(&average, &[longs(&[None])], true).unwrap()),
        None
    );
}

#[test]
fn a_sum_of_doubles_starts_at_zero() {
    let sum = build(
        "sum",
        &[SparkType::Double],
        SparkType::Double,
        EvalMode::Ansi,
    );
    let result = double(&one(&sum, &[doubles(&[-0.0])], true).unwrap()).unwrap();
    assert!(result == 0.0 && result.is_sign_positive());
}

#[test]
fn nan_is_largest_and_the_first_zero_stays() {
    let column = [doubles(&[-0.0, 0.0, f64::NAN, -1.0])];
    let run = |name, column: &[Column]| {
        let function = build(
            name,
            &[SparkType::Double],
            SparkType::Double,
            EvalMode::Ansi,
        );
        double(&one(&function, column, true).unwrap()).unwrap()
    };
    assert!(run("max", &column).is_nan());
    assert_eq!(run("min", &column), -1.0);
    let zeros = [doubles(&[-0.0, 0.0])];
    assert!(run("max", &zeros).is_sign_negative());
    assert!(run("min", &[doubles(&[0.0, -0.0])]).is_sign_positive());
}

#[test]
fn extremes_of_strings_and_booleans() {
    let mut builder = ColumnBuilder::new(SparkType::String, 4);
    for value in [
        &b"b"[..],
        b"\xff",
        b"",
        b"a longer string than a view holds",
    ] {
        builder.push_bytes(value);
    }
    builder.push_null();
    let column = builder.finish();
    let run = |name| {
        let function = build(
            name,
            &[SparkType::String],
            SparkType::String,
            EvalMode::Ansi,
        );
        halves(&function, std::slice::from_ref(&column))
            .bytes_value(0)
            .unwrap()
            .to_vec()
    };
    assert_eq!(run("max"), b"\xff");
    assert_eq!(run("min"), b"");
    let column = [Column::boolean([true, false].into_iter().collect(), None)];
    for (name, expected) in [("bool_and", false), ("bool_or", true)] {
        let function = build(
            name,
            &[SparkType::Boolean],
            SparkType::Boolean,
            EvalMode::Ansi,
        );
        assert_eq!(halves(&function, &column).boolean_value(0), Some(expected));
    }
}

#[test]
fn extremes_of_strings_of_one_group_and_of_several() {
    let values: Vec<Option<String>> = (0..40u32)
        .map(|i| (i % 7 != 0).then(|| "x".repeat((i * i % 23) as usize) + &i.to_string()))
        .collect();
    let mut builder = ColumnBuilder::new(SparkType::String, 40);
    for value in &values {
        match value {
            Some(value) => builder.push_bytes(value.as_bytes()),
            None => builder.push_null(),
        }
    }
    let column = [builder.finish()];
    for (name, group_count) in [("min", 1), ("max", 1), ("min", 3), ("max", 3)] {
        let function = build(
            name,
            &[SparkType::String],
            SparkType::String,
            EvalMode::Ansi,
        );
        let rows = Selection::from_rows(40, (3..38).collect());
        let groups: Vec<u32> = rows.iter().map(|row| row as u32 % group_count).collect();
        let mut state = function.create(true);
        state.resize(group_count as usize + 1);
        // Twice: the second batch finds the groups' values there.
        state.update(&groups, &column, &rows).unwrap();
        state.update(&groups, &column, &rows).unwrap();
        let found = state.evaluate(0, group_count as usize + 1).unwrap();
        for group in 0..group_count {
            let of_group = rows.iter().filter(|row| *row as u32 % group_count == group);
            let strings = of_group.filter_map(|row| values[row].as_deref());
            let expected = match name {
                "min" => strings.min(),
                _ => strings.max(),
            };
            let found = found.bytes_value(group as usize);
            assert_eq!(
                found,
                expected.map(str::as_bytes),
                "{name} of {group_count}"
            );
        }
        assert!(found.is_null(group_count as usize));
    }
}

#[test]
fn first_and_last_keep_or_pass_over_nulls() {
    let column = longs(&[None, Some(1), Some(2), None]);
    for (name, ignore_nulls, expected) in [
        ("first", false, None),
        ("first", true, Some(1)),
        ("last", false, None),
        ("last", true, Some(2)),
    ] {
        let function = build_aggregate(&AggregateCall {
            name: name.to_string(),
            argument_types: vec![SparkType::Long],
            output: SparkType::Long,
            mode: EvalMode::Ansi,
            ignore_nulls,
        })
        .unwrap();
        let arguments = std::slice::from_ref(&column);
        assert_eq!(
            long(&one(&function, arguments, true).unwrap()),
            expected,
            "{name}"
        );
        assert_eq!(long(&halves(&function, arguments)), expected, "{name}");
    }
}

#[test]
fn of_equal_orderings_the_last_value_stays() {
    let types = [SparkType::Long, SparkType::Long];
    let values = longs(&[Some(1), Some(2), None, Some(4), Some(5)]);
    let orderings = longs(&[Some(7), Some(9), Some(9), None, Some(7)]);
    let arguments = [values, orderings];
    let max = build("max_by", &types, SparkType::Long, EvalMode::Ansi);
    assert_eq!(long(&one(&max, &arguments, true).unwrap()), None);
    let min = build("min_by", &types, SparkType::Long, EvalMode::Ansi);
    assert_eq!(long(&one(&min, &arguments, true).unwrap()), Some(5));
    assert_eq!(long(&halves(&min, &arguments)), Some(5));
}

#[test]
fn statistics_as_spark_gives_them_for_one_partition() {
    let run = |name: &str, arguments: &[Column]| {
        let types = vec![SparkType::Double; arguments.len()];
        let function = build(name, &types, SparkType::Double, EvalMode::Ansi);
        double(&one(&function, arguments, true).unwrap())
    };
    let three = [doubles(&[1.0, 2.0, 3.0])];
    assert_eq!(run("stddev_pop", &three), Some(0.816496580927726));
    assert_eq!(run("stddev_samp", &three), Some(1.0));
    assert_eq!(run("var_pop", &three), Some(0.6666666666666666));
    assert_eq!(run("var_samp", &three), Some(1.0));
    let four = [doubles(&[-10.0, -20.0, 100.0, 1000.0])];
    assert_eq!(run("skewness", &four), Some(1.1135657469022011));
    assert_eq!(run("kurtosis", &four), Some(-0.7014368047529609));
    let other = [doubles(&[1.0, 10.0, 100.0, 10.0, 1.0])];
    assert_eq!(run("kurtosis", &other), Some(0.19432323191698986));
    let pairs = [doubles(&[3.0, 3.0, 6.0]), doubles(&[2.0, 3.0, 4.0])];
    assert_eq!(run("corr", &pairs), Some(0.8660254037844387));
    let pairs = [three[0].clone(), three[0].clone()];
    assert_eq!(run("covar_pop", &pairs), Some(0.6666666666666666));
    assert_eq!(run("covar_samp", &pairs), Some(1.0));
    let single = [doubles(&[4.0])];
    assert_eq!(run("stddev_samp", &single), None);
    assert_eq!(run("var_pop", &single), Some(0.0));
    assert_eq!(run("var_pop", &[doubles(&[])]), None);
}

#[test]
fn a_division_by_zero_in_a_correlation_is_left_to_spark() {
    let types = [SparkType::Double, SparkType::Double];
    let corr = build("corr", &types, SparkType::Double, EvalMode::Ansi);
    let arguments = [doubles(&[1.0, 1.0]), doubles(&[1.0, 2.0])];
    let result = one(&corr, &arguments, true);
    assert!(matches!(result, Err(EvalError::Declined(_))));
}

fn elements(column: &Column) -> Vec<f64> {
    let Some(Values::List { offsets, elements }) = column.as_flat() else {
        return Vec::new();
    };
    (offsets[0] as usize..offsets[1] as usize)
        .map(|i| elements.fixed_value(i).unwrap())
        .collect()
}

#[test]
fn collects_lists_and_sets() {
    let field = Field::new("element", SparkType::Double, false);
    let array = SparkType::Array(Arc::new(field));
    let column = [doubles(&[1.0, -0.0, 1.0, f64::NAN, 0.0, f64::NAN])];
    let list = build(
        "collect_list",
        &[SparkType::Double],
        array.clone(),
        EvalMode::Ansi,
    );
    assert_eq!(elements(&halves(&list, &column)).len(), 6);
    let set = build("collect_set", &[SparkType::Double], array, EvalMode::Ansi);
    for result in [halves(&set, &column), one(&set, &column, true).unwrap()] {
        let values = elements(&result);
        assert_eq!(values.len(), 4);
        assert!(values[1] == 0.0 && values[1].is_sign_negative());
        assert_eq!(values.iter().filter(|v| v.is_nan()).count(), 2);
    }
}

#[test]
fn refuses_types_it_does_not_take() {
    let call = |name: &str, output| AggregateCall {
        name: name.to_string(),
        argument_types: vec![SparkType::String],
        output,
        mode: EvalMode::Ansi,
        ignore_nulls: false,
    };
    assert!(build_aggregate(&call("sum", SparkType::String)).is_err());
    assert!(build_aggregate(&call("bit_and", SparkType::Double)).is_err());
    assert!(build_aggregate(&call("no such function", SparkType::Long)).is_err());
}

type Fold = fn(i64, i64) -> i64;

proptest! {
    /// Many groups, selections, NULLs and two phases against folds.
    #[test]
    fn agrees_with_folds(
        rows in proptest::collection::vec((0..40u32, proptest::option::of(-9..9i64), any::<bool>()), 0..200),
        groups in 1..40u32,
        cut in 0..200usize,
    ) {
        let group: Vec<u32> = rows.iter().map(|r| r.0 % groups).collect();
        let values: Vec<Option<i64>> = rows.iter().map(|r| r.1).collect();
        let column = longs(&values);
        let cut = cut.min(rows.len());
        let part = |from: usize, to: usize| {
            let active = (from..to).filter(|&i| rows[i].2).map(|i| i as u32).collect();
            Selection::from_rows(rows.len(), active)
        };
        let fold = |g: u32, f: Fold| {
            (0..rows.len())
                .filter(|&i| rows[i].2 && group[i] == g)
                .filter_map(|i| values[i])
                .reduce(f)
        };
        let folds: [(&str, Fold); 6] = [
            ("sum", |a, b| a + b),
            ("min", i64::min),
            ("max", i64::max),
            ("bit_and", |a, b| a & b),
            ("bit_or", |a, b| a | b),
            ("bit_xor", |a, b| a ^ b),
        ];
        for (name, f) in folds {
            let function = build(name, &[SparkType::Long], SparkType::Long, EvalMode::Ansi);
            let mut merged = function.create(true);
            merged.resize(groups as usize);
            for rows in [part(0, cut), part(cut, rows.len())] {
                let mut state = function.create(true);
                state.resize(groups as usize);
                let of_rows: Vec<u32> = rows.iter().map(|r| group[r]).collect();
                state.update(&of_rows, std::slice::from_ref(&column), &rows).unwrap();
                let buffers = state.buffers(0, groups as usize).unwrap();
                let all: Vec<u32> = (0..groups).collect();
                merged.merge(&all, &buffers, &Selection::all(groups as usize)).unwrap();
            }
            let result = merged.evaluate(0, groups as usize).unwrap();
            for g in 0..groups {
                let row = g as usize;
                let found = (!result.is_null(row)).then(|| result.fixed_value(row).unwrap());
                prop_assert_eq!(found, fold(g, f), "{} of group {}", name, g);
            }
        }
    }
}

/// Functions of a bigint, with their results' types, and of two doubles.
fn all_functions() -> Vec<(AggregateRef, Vec<usize>)> {
    let call = |name: &str, types: Vec<SparkType>, output: SparkType| {
        build(name, &types, output, EvalMode::Legacy)
    };
    let (long, double) = (SparkType::Long, SparkType::Double);
    let decimal = SparkType::decimal(20, 2);
    let mut functions = vec![
        (call("avg", vec![long.clone()], double.clone()), vec![0]),
        (call("sum", vec![double.clone()], double.clone()), vec![1]),
        (
            call("avg", vec![decimal.clone()], SparkType::decimal(24, 6)),
            vec![2],
        ),
        (
            call("sum", vec![decimal.clone()], SparkType::decimal(30, 2)),
            vec![2],
        ),
        (call("min", vec![decimal.clone()], decimal), vec![2]),
        (
            call("max", vec![SparkType::String], SparkType::String),
            vec![3],
        ),
        (
            call(
                "max_by",
                vec![SparkType::String, long.clone()],
                SparkType::String,
            ),
            vec![3, 0],
        ),
        (
            build("sum", &[SparkType::Long], long.clone(), EvalMode::Try),
            vec![0],
        ),
    ];
    for name in [
        "count", "sum", "min", "max", "first", "last", "bit_and", "bit_xor",
    ] {
        functions.push((call(name, vec![long.clone()], long.clone()), vec![0]));
    }
    for name in ["stddev_samp", "var_pop", "kurtosis"] {
        functions.push((call(name, vec![double.clone()], double.clone()), vec![1]));
    }
    functions.push((
        call("covar_pop", vec![double.clone(), double.clone()], double),
        vec![1, 1],
    ));
    for name in ["collect_list", "collect_set"] {
        let element = Field::new("element", long.clone(), false);
        let list = SparkType::Array(std::sync::Arc::new(element));
        functions.push((call(name, vec![long.clone()], list), vec![0]));
    }
    functions
}

proptest! {
    /// Groups that each begin as the one before have what a group of all its rows has, to the bit.
    #[test]
    fn chained_groups_are_prefixes(
        rows in proptest::collection::vec((proptest::option::of(-9..9i64), any::<bool>(), any::<bool>()), 1..60),
        cut in 0..60usize,
    ) {
        let values: Vec<Option<i64>> = rows.iter().map(|r| r.0).collect();
        let halves: Vec<f64> = values.iter().map(|v| v.unwrap_or(7) as f64 / 7.0).collect();
        let wide: Vec<i128> = values.iter().map(|v| i128::from(v.unwrap_or(0)) << 50).collect();
        let mut texts = ColumnBuilder::new(SparkType::String, rows.len());
        for value in &values {
            match value {
                Some(value) => texts.push_bytes(format!("a text beyond a view {value}").as_bytes()),
                None => texts.push_null(),
            }
        }
        let columns = [longs(&values), doubles(&halves), decimals(20, 2, &wide), texts.finish()];
        // A row of the second kind begins a group, one of the third a group of its own.
        let mut groups = Vec::new();
        let (mut chained, mut firsts) = (vec![false], vec![0]);
        for (row, &(_, begins, anew)) in rows.iter().enumerate() {
            if row > 0 && (begins || anew) {
                chained.push(!anew);
                firsts.push(if anew { row } else { firsts[firsts.len() - 1] });
            }
            groups.push(chained.len() as u32 - 1);
        }
        let count = chained.len();
        for (function, arguments) in all_functions() {
            let arguments: Vec<Column> = arguments.iter().map(|&i| columns[i].clone()).collect();
            let mut state = function.create(false);
            state.resize(count);
            // In two updates: the group that goes on is not begun again.
            let cut = cut.min(rows.len());
            let mut links = chained.clone();
            for (from, to) in [(0, cut), (cut, rows.len())] {
                let some = Selection::from_rows(rows.len(), (from as u32..to as u32).collect());
                let linked = Groups::chained(&groups[from..to], &links);
                state.take_in(linked, &arguments, &some).unwrap();
                if let Some(&last) = groups[from..to].last() {
                    links[last as usize] = false;
                }
            }
            for (group, &first) in firsts.iter().enumerate() {
                let end = groups.iter().rposition(|&g| g as usize == group).unwrap() + 1;
                let mut alone = function.create(false);
                alone.resize(1);
                let some = Selection::from_rows(rows.len(), (first as u32..end as u32).collect());
                alone.update(&vec![0; end - first], &arguments, &some).unwrap();
                let bytes = |buffers: Result<Vec<Column>, EvalError>| {
                    let mut bytes = Vec::new();
                    for buffer in buffers.unwrap() {
                        encode_value(&buffer, 0, Floats::Keep, &mut bytes);
                    }
                    bytes
                };
                let (found, expected) = (state.buffers(group, group + 1), alone.buffers(0, 1));
                prop_assert_eq!(bytes(found), bytes(expected), "{:?} {}", function, group);
            }
            let before = state.memory_size();
            state.resize(0);
            prop_assert!(state.memory_size() <= before);
        }
    }
}
