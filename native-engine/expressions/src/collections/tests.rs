use std::sync::Arc;

use arclight_columns::{Column, ColumnBuilder, Field, Selection, SparkType};

use crate::expression::EvalError;
use crate::leaf::ColumnRef;
use crate::registry::EvalMode;
use crate::testing::{
    booleans, call, check_fails, check_layouts, dictionary, evaluate, fixed, run, strings, truths,
    values,
};

use super::StructField;

fn array_of(element: SparkType) -> SparkType {
    SparkType::Array(Arc::new(Field::new("element", element, true)))
}

fn map_of(key: SparkType, value: SparkType) -> SparkType {
    let key = Arc::new(Field::new("key", key, false));
    SparkType::Map(key, Arc::new(Field::new("value", value, true)))
}

fn struct_of(types: &[SparkType]) -> SparkType {
    let names = ["a", "b", "c"].iter().zip(types);
    SparkType::Struct(
        names
            .map(|(n, t)| Field::new(*n, t.clone(), true))
            .collect(),
    )
}

type Ints<'a> = Option<&'a [Option<i32>]>;

fn push_int(builder: &mut ColumnBuilder, value: Option<i32>) {
    match value {
        Some(value) => builder.push_i32(value),
        None => builder.push_null(),
    }
}

/// A column of arrays of ints.
fn lists(rows: &[Ints<'_>]) -> Column {
    let mut builder = ColumnBuilder::new(array_of(SparkType::Int), rows.len());
    for row in rows {
        match row {
            None => builder.push_null(),
            Some(row) => {
                let elements = builder.list_elements().unwrap();
                row.iter().for_each(|&value| push_int(elements, value));
                builder.finish_list();
            }
        }
    }
    builder.finish()
}

type Entries<'a> = Option<&'a [(i32, Option<i32>)]>;

/// A column of maps from int to int.
fn maps(rows: &[Entries<'_>]) -> Column {
    let mut builder = ColumnBuilder::new(map_of(SparkType::Int, SparkType::Int), rows.len());
    for row in rows {
        match row {
            None => builder.push_null(),
            Some(row) => {
                let entries = builder.list_elements().unwrap();
                for &(key, value) in *row {
                    let [keys, values] = entries.struct_fields().unwrap() else {
                        panic!()
                    };
                    keys.push_i32(key);
                    push_int(values, value);
                    entries.finish_struct();
                }
                builder.finish_list();
            }
        }
    }
    builder.finish()
}

/// A column of structs of an int and a string.
fn structs() -> Column {
    let data_type = struct_of(&[SparkType::Int, SparkType::String]);
    let mut builder = ColumnBuilder::new(data_type, 3);
    for (number, text) in [(Some(1), "x"), (None, "y")] {
        let [numbers, texts] = builder.struct_fields().unwrap() else {
            panic!()
        };
        push_int(numbers, number);
        texts.push_bytes(text.as_bytes());
        builder.finish_struct();
    }
    builder.push_null();
    builder.finish()
}

/// Values as text: nested ones in brackets.
fn show(column: &Column) -> Vec<String> {
    (0..column.len()).map(|row| show_one(column, row)).collect()
}

fn show_one(column: &Column, row: usize) -> String {
    use arclight_columns::Values as V;
    if column.is_null(row) {
        return "-".to_string();
    }
    let (base, at) = column.locate(row);
    match base.as_flat().unwrap() {
        V::Int32(v) => v[at].to_string(),
        V::Int64(v) => v[at].to_string(),
        V::Int128(v) => format!("{}w", v[at]),
        V::Bytes(v) => String::from_utf8_lossy(v.value(at)).to_string(),
        V::Struct(children) => {
            let parts: Vec<String> = children.iter().map(|c| show_one(c, at)).collect();
            format!("{{{}}}", parts.join(","))
        }
        V::List { offsets, elements } => {
            let parts: Vec<String> = (offsets[at]..offsets[at + 1])
                .map(|i| show_one(elements, i as usize))
                .collect();
            format!("[{}]", parts.join(","))
        }
        other => panic!("{other:?}"),
    }
}

const NUMBERS: &[Ints<'static>] = &[
    Some(&[Some(5), None, Some(-3), Some(5)]),
    Some(&[]),
    None,
    Some(&[None]),
    Some(&[Some(7)]),
];

#[track_caller]
fn check(name: &str, arguments: &[Column], output: &SparkType, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|e| e.to_string()).collect();
    check_layouts(name, arguments, output, EvalMode::Legacy, show, &expected);
}

#[test]
fn fields_of_structs() {
    let column = structs();
    let field = |index| {
        StructField::new(
            Arc::new(ColumnRef::new(0, column.data_type().clone())),
            index,
        )
    };
    assert!(field(2).is_err());
    let rows = Selection::all(3);
    for (index, expected) in [(0, ["1", "-", "-"]), (1, ["x", "y", "-"])] {
        let field = field(index).unwrap();
        let found = evaluate(&field, std::slice::from_ref(&column), &rows).unwrap();
        assert_eq!(show(&found), expected);
        let found = evaluate(&field, &[dictionary(&column)], &rows).unwrap();
        assert_eq!(show(&found), expected);
    }
    let nulls = Column::nulls(column.data_type().clone(), 3);
    let found = evaluate(&field(0).unwrap(), &[nulls], &rows).unwrap();
    assert_eq!(show(&found), ["-", "-", "-"]);
}

#[test]
fn sizes() {
    let arrays = lists(NUMBERS);
    check(
        "size",
        std::slice::from_ref(&arrays),
        &SparkType::Int,
        &["4", "0", "-", "1", "1"],
    );
    let default = Column::constant(fixed(&SparkType::Int, &[Some(-1)]), 5);
    let found = run(
        "size",
        &[arrays, default],
        &SparkType::Int,
        EvalMode::Legacy,
    )
    .unwrap();
    assert_eq!(show(&found), ["4", "0", "-1", "1", "1"]);
    let maps = maps(&[Some(&[(1, None), (2, Some(3))]), Some(&[]), None]);
    check("size", &[maps], &SparkType::Int, &["2", "0", "-"]);
}

#[test]
fn items_by_position() {
    let arrays = lists(NUMBERS);
    let at = fixed(&SparkType::Int, &[Some(2), Some(0), Some(0), Some(0), None]);
    check(
        "array_item",
        &[arrays.clone(), at],
        &SparkType::Int,
        &["-3", "-", "-", "-", "-"],
    );
    // A long is cut to 32 bits.
    let at = fixed(
        &SparkType::Long,
        &[Some(1_i64 << 32), Some(-1), Some(9), Some(-1), Some(1)],
    );
    check(
        "array_item",
        &[arrays.clone(), at.clone()],
        &SparkType::Int,
        &["5", "-", "-", "-", "-"],
    );
    let ok = at.take(&[0, 0, 2, 0, 0]).unwrap();
    let bad = at.take(&[0, 1, 2, 0, 0]).unwrap();
    let arrays = lists(&[NUMBERS[0], NUMBERS[4], None, NUMBERS[3], NUMBERS[4]]);
    let found = run(
        "array_item",
        &[arrays.clone(), ok],
        &SparkType::Int,
        EvalMode::Ansi,
    )
    .unwrap();
    assert_eq!(show(&found), ["5", "7", "-", "-", "7"]);
    check_fails("array_item", &[arrays, bad], &SparkType::Int, 1);
}

#[test]
fn elements_at_positions() {
    let arrays = lists(NUMBERS);
    let at = fixed(
        &SparkType::Int,
        &[Some(-2), Some(1), Some(1), Some(1), Some(-1)],
    );
    check(
        "element_at",
        &[arrays, at],
        &SparkType::Int,
        &["-3", "-", "-", "-", "7"],
    );
    let one = lists(&[NUMBERS[4], NUMBERS[4], NUMBERS[4]]);
    for (position, mode) in [
        (2, EvalMode::Ansi),
        (-2, EvalMode::Ansi),
        (0, EvalMode::Ansi),
        (0, EvalMode::Legacy),
    ] {
        let at = fixed(&SparkType::Int, &[Some(1), Some(position), Some(-1)]);
        let found = run("element_at", &[one.clone(), at], &SparkType::Int, mode);
        assert!(
            matches!(found, Err(EvalError::Failed { row: 1 })),
            "{position}"
        );
    }
    // An empty array has no position 0 either; the least int is left to Spark.
    let none = lists(&[Some(&[])]);
    let at = |position| fixed(&SparkType::Int, &[Some(position)]);
    let found = run(
        "element_at",
        &[none.clone(), at(0)],
        &SparkType::Int,
        EvalMode::Legacy,
    );
    assert!(matches!(found, Err(EvalError::Failed { row: 0 })));
    let found = run(
        "element_at",
        &[none, at(i32::MIN)],
        &SparkType::Int,
        EvalMode::Legacy,
    );
    assert!(matches!(found, Err(EvalError::Declined(_))));
}

#[test]
fn values_of_keys() {
    let maps = maps(&[
        Some(&[(1, Some(10)), (2, None), (1, Some(11))]),
        Some(&[(1, Some(10)), (2, None)]),
        Some(&[]),
        None,
        Some(&[(3, Some(30))]),
    ]);
    let keys = fixed(
        &SparkType::Int,
        &[Some(1), Some(2), Some(1), Some(1), Some(4)],
    );
    for name in ["map_value", "element_at"] {
        let arguments = [maps.clone(), keys.clone()];
        check(
            name,
            &arguments,
            &SparkType::Int,
            &["10", "-", "-", "-", "-"],
        );
    }
    let ints = array_of(SparkType::Int);
    check(
        "map_keys",
        std::slice::from_ref(&maps),
        &ints,
        &["[1,2,1]", "[1,2]", "[]", "-", "[3]"],
    );
    check(
        "map_values",
        std::slice::from_ref(&maps),
        &ints,
        &["[10,-,11]", "[10,-]", "[]", "-", "[30]"],
    );
    let entries = array_of(struct_of(&[SparkType::Int, SparkType::Int]));
    let expected = [
        "[{1,10},{2,-},{1,11}]",
        "[{1,10},{2,-}]",
        "[]",
        "-",
        "[{3,30}]",
    ];
    check("map_entries", &[maps], &entries, &expected);
}

#[test]
fn fields_of_structs_in_arrays() {
    let data_type = struct_of(&[SparkType::Int, SparkType::String]);
    let mut builder = ColumnBuilder::new(array_of(data_type), 3);
    let structs = structs();
    for row in 0..3 {
        builder.list_elements().unwrap().push_from(&structs, row);
    }
    builder.finish_list();
    builder.finish_list();
    builder.push_null();
    let arrays = builder.finish();
    for (index, element, expected) in [
        (0, SparkType::Int, ["[1,-,-]", "[]", "-"]),
        (1, SparkType::String, ["[x,y,-]", "[]", "-"]),
    ] {
        let position = Column::constant(fixed(&SparkType::Int, &[Some(index)]), 3);
        let output = array_of(element);
        let found = run(
            "array_struct_field",
            &[arrays.clone(), position],
            &output,
            EvalMode::Legacy,
        );
        assert_eq!(show(&found.unwrap()), expected);
    }
}

#[test]
fn searches() {
    let arrays = lists(NUMBERS);
    let wanted = fixed(
        &SparkType::Int,
        &[Some(5), Some(5), Some(5), Some(5), Some(7)],
    );
    let arguments = [arrays.clone(), wanted];
    let expected = [Some(true), Some(false), None, None, Some(true)];
    check_layouts(
        "array_contains",
        &arguments,
        &SparkType::Boolean,
        EvalMode::Ansi,
        truths,
        &expected,
    );
    check(
        "array_position",
        &arguments,
        &SparkType::Long,
        &["1", "0", "-", "0", "1"],
    );
    let wanted = fixed(
        &SparkType::Int,
        &[Some(-3), None, Some(5), Some(5), Some(5)],
    );
    let arguments = [arrays, wanted];
    let expected = [Some(true), None, None, None, Some(false)];
    check_layouts(
        "array_contains",
        &arguments,
        &SparkType::Boolean,
        EvalMode::Ansi,
        truths,
        &expected,
    );
    check(
        "array_position",
        &arguments,
        &SparkType::Long,
        &["3", "-", "-", "0", "0"],
    );
}

#[test]
fn order_of_elements() {
    let arrays = lists(NUMBERS);
    check(
        "array_min",
        std::slice::from_ref(&arrays),
        &SparkType::Int,
        &["-3", "-", "-", "-", "7"],
    );
    check(
        "array_max",
        std::slice::from_ref(&arrays),
        &SparkType::Int,
        &["5", "-", "-", "-", "7"],
    );
    let output = arrays.data_type().clone();
    let up = booleans(&[Some(true); 5]);
    let expected = ["[-,-3,5,5]", "[]", "-", "[-]", "[7]"];
    check("sort_array", &[arrays.clone(), up], &output, &expected);
    let down = booleans(&[Some(false), Some(false), Some(false), None, Some(false)]);
    let expected = ["[5,5,-3,-]", "[]", "-", "-", "[7]"];
    check("sort_array", &[arrays, down], &output, &expected);
}

#[test]
fn makes_structs_and_arrays() {
    let numbers = fixed(&SparkType::Int, &[Some(1), None, Some(3)]);
    let texts = strings(&[Some("a"), Some("b"), None]);
    let output = struct_of(&[SparkType::Int, SparkType::String]);
    let arguments = [numbers.clone(), texts];
    check(
        "named_struct",
        &arguments,
        &output,
        &["{1,a}", "{-,b}", "{3,-}"],
    );
    let more = fixed(&SparkType::Int, &[Some(7), Some(8), None]);
    let output = array_of(SparkType::Int);
    check(
        "array",
        &[numbers, more],
        &output,
        &["[1,7]", "[-,8]", "[3,-]"],
    );
    // A narrow decimal takes its type's usual width as a part.
    let wide = SparkType::decimal(25, 0);
    let narrow = fixed(&wide, &[Some(4_i64)]);
    let found = run("array", &[narrow], &array_of(wide), EvalMode::Legacy).unwrap();
    assert_eq!(show(&found), ["[4w]"]);
}

#[test]
fn makes_maps() {
    let keys = fixed(&SparkType::Int, &[Some(1), Some(2), Some(3)]);
    let others = fixed(&SparkType::Int, &[Some(4), Some(2), None]);
    let items = strings(&[Some("a"), None, Some("c")]);
    let output = map_of(SparkType::Int, SparkType::String);
    let arguments = [keys.clone(), items.clone()];
    check(
        "map",
        &arguments,
        &output,
        &["[{1,a}]", "[{2,-}]", "[{3,c}]"],
    );
    let arguments = [keys, items.clone(), others, items];
    let expression = call("map", &arguments, &output, EvalMode::Ansi);
    assert!(!expression.is_total());
    for (rows, expected) in [
        (vec![0], Some("[{1,a},{4,a}]")),
        (vec![0, 1], None),
        (vec![2], None),
    ] {
        let rows = Selection::from_rows(3, rows);
        match (evaluate(expression.as_ref(), &arguments, &rows), expected) {
            (Ok(found), Some(expected)) => assert_eq!(show_one(&found, 0), expected),
            (Err(EvalError::Declined(_)), None) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn doubles_are_found_as_spark_finds_them() {
    let zero = |value: f64| fixed(&SparkType::Double, &[Some(value)]);
    let arguments = [zero(-0.0), zero(f64::NAN)];
    let arrays = run(
        "array",
        &arguments,
        &array_of(SparkType::Double),
        EvalMode::Legacy,
    )
    .unwrap();
    for (value, position) in [(0.0, 1), (-f64::NAN, 2), (1.0, 0)] {
        let found = run(
            "array_position",
            &[arrays.clone(), zero(value)],
            &SparkType::Long,
            EvalMode::Legacy,
        );
        assert_eq!(values::<i64>(&found.unwrap()), [Some(position)]);
    }
}
