//! Structs, lists and maps: pruned, with missing parts, and old list layouts.

use std::sync::Arc;

use arclight_columns::{Field, SparkType as S};
use arrow_array::builder::*;
use arrow_array::*;
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field as ArrowField};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type};
use parquet::file::properties::WriterProperties;

use super::helpers::*;

fn properties() -> WriterProperties {
    WriterProperties::builder().build()
}

fn structure(fields: &[(&str, S)]) -> S {
    let fields = fields.iter();
    S::Struct(
        fields
            .map(|(n, t)| Field::new(*n, t.clone(), true))
            .collect(),
    )
}

fn array(element: S) -> S {
    S::Array(Arc::new(Field::new("element", element, true)))
}

/// Rows {1,"a"}, NULL, {NULL,"c"}, {4,NULL}.
fn structs() -> StructArray {
    let numbers = Int32Array::from(vec![Some(1), Some(0), None, Some(4)]);
    let words = StringArray::from(vec![Some("a"), Some(""), Some("c"), None]);
    StructArray::new(
        vec![
            ArrowField::new("Number", DataType::Int32, true),
            ArrowField::new("word", DataType::Utf8, true),
        ]
        .into(),
        vec![Arc::new(numbers), Arc::new(words)],
        Some(NullBuffer::from(vec![true, false, true, true])),
    )
}

#[test]
fn structs_by_name() {
    let files = Files::new();
    let batch = RecordBatch::try_from_iter([("s", Arc::new(structs()) as ArrayRef)]).unwrap();
    let file = files.arrow("f", &[batch], properties());
    let read = |data_type: S| {
        let scanned = scan(&schema(&[("s", data_type)]), vec![file.clone()]);
        scanned.unwrap().column(0)
    };
    let whole = structure(&[("number", S::Long), ("word", S::String)]);
    assert_eq!(read(whole), ["{1,a}", "NULL", "{NULL,c}", "{4,NULL}"]);
    let turned = structure(&[("word", S::String), ("number", S::Int)]);
    assert_eq!(read(turned), ["{a,1}", "NULL", "{c,NULL}", "{NULL,4}"]);
    let pruned = structure(&[("word", S::String)]);
    assert_eq!(read(pruned), ["{a}", "NULL", "{c}", "{NULL}"]);
    let more = structure(&[
        ("gone", S::Int),
        ("word", S::String),
        ("lost", array(S::Int)),
    ]);
    assert_eq!(
        read(more),
        ["{NULL,a,NULL}", "NULL", "{NULL,c,NULL}", "{NULL,NULL,NULL}"]
    );
    // A struct of which the file has no field is still NULL only where it is NULL.
    assert_eq!(
        read(structure(&[("gone", S::Int)])),
        ["{NULL}", "NULL", "{NULL}", "{NULL}"]
    );
    for wrong in [S::Int, array(S::Int), structure(&[("word", S::Int)])] {
        let error = scan(&schema(&[("s", wrong)]), vec![file.clone()])
            .err()
            .unwrap();
        assert!(error.to_string().contains("column: [s"), "{error}");
    }
}

#[test]
fn lists_and_maps() {
    let files = Files::new();
    let mut lists = ListBuilder::new(Int32Builder::new());
    lists.append_value([Some(1), None]);
    lists.append_value([]);
    lists.append_null();
    lists.append_value([Some(3)]);
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    maps.keys().append_value("k");
    maps.values().append_value(1);
    maps.keys().append_value("l");
    maps.values().append_null();
    maps.append(true).unwrap();
    maps.append(false).unwrap();
    maps.append(true).unwrap();
    maps.keys().append_value("m");
    maps.values().append_value(2);
    maps.append(true).unwrap();
    let mut nested = ListBuilder::new(ListBuilder::new(StringBuilder::new()));
    nested.values().append_value([Some("a"), None]);
    nested.values().append_null();
    nested.append(true);
    nested.append(false);
    nested.append(true);
    nested.values().append_value([Some("b")]);
    nested.append(true);
    let elements = ListArray::new(
        Arc::new(ArrowField::new(
            "element",
            structs().data_type().clone(),
            true,
        )),
        arrow_buffer::OffsetBuffer::from_lengths([2, 0, 1, 1]),
        Arc::new(structs()),
        None,
    );
    let batch = RecordBatch::try_from_iter([
        ("list", Arc::new(lists.finish()) as ArrayRef),
        ("map", Arc::new(maps.finish()) as ArrayRef),
        ("nested", Arc::new(nested.finish()) as ArrayRef),
        ("structs", Arc::new(elements) as ArrayRef),
        (
            "after",
            Arc::new(Int32Array::from(vec![1, 2, 3, 4])) as ArrayRef,
        ),
    ])
    .unwrap();
    let file = files.arrow("f", &[batch], properties());
    let key = Arc::new(Field::new("key", S::String, false));
    let value = Arc::new(Field::new("value", S::Long, true));
    let schema = schema(&[
        ("after", S::Int),
        ("list", array(S::Long)),
        ("map", S::Map(key, value)),
        ("nested", array(array(S::String))),
        (
            "structs",
            array(structure(&[("gone", S::Date), ("word", S::String)])),
        ),
    ]);
    let scanned = scan(&schema, vec![file]).unwrap();
    assert_eq!(scanned.column(0), ["1", "2", "3", "4"]);
    assert_eq!(scanned.column(1), ["[1,NULL]", "[]", "NULL", "[3]"]);
    assert_eq!(
        scanned.column(2),
        ["[{k,1},{l,NULL}]", "NULL", "[]", "[{m,2}]"]
    );
    assert_eq!(
        scanned.column(3),
        ["[[a,NULL],NULL]", "NULL", "[]", "[[b]]"]
    );
    assert_eq!(
        scanned.column(4),
        ["[{NULL,a},NULL]", "[]", "[{NULL,c}]", "[{NULL,NULL}]"]
    );
}

/// A list of two rows, [1, 2] and [], whose repeated leaf is declared in different ways.
#[test]
fn old_list_layouts() {
    let layouts = [
        (
            "required group l (LIST) { repeated int32 element; }",
            "[1,2]",
        ),
        (
            "required group l (LIST) { repeated group array { required int32 v; } }",
            "[{1},{2}]",
        ),
        (
            "required group l (LIST) { repeated group l_tuple { required int32 v; } }",
            "[{1},{2}]",
        ),
        (
            "required group l (LIST) { repeated group bag { required int32 v; } }",
            "[1,2]",
        ),
        ("repeated int32 l;", "[1,2]"),
        ("repeated group l { required int32 v; }", "[{1},{2}]"),
    ];
    for (layout, expected) in layouts {
        let files = Files::new();
        let message = format!("message m {{ {layout} }}");
        let file = files.low_level(
            "f",
            &message,
            properties(),
            vec![Box::new(|column| {
                column
                    .typed::<Int32Type>()
                    .write_batch(&[1, 2], Some(&[1, 1, 0]), Some(&[0, 1, 0]))
                    .unwrap();
            })],
        );
        let element = if expected.contains('{') {
            structure(&[("v", S::Int)])
        } else {
            S::Int
        };
        let scanned = scan(&schema(&[("l", array(element))]), vec![file]).unwrap();
        assert_eq!(scanned.column(0), [expected, "[]"], "{layout}");
    }
}

/// The list [[1, 2], [3]] and the list [] of lists and of maps, in old layouts in which the repeated
/// group is the element and has one field.
#[test]
fn old_layouts_of_nested_lists() {
    let key = Arc::new(Field::new("key", S::Int, false));
    let value = Arc::new(Field::new("value", S::Int, true));
    let map = S::Map(key, value);
    let lists = array(array(S::Int));
    let number = |levels: &'static [i16]| -> WriteColumn {
        Box::new(move |column| {
            column
                .typed::<Int32Type>()
                .write_batch(&[1, 2, 3], Some(levels), Some(&[0, 2, 1, 0]))
                .unwrap();
        })
    };
    let layouts: Vec<(&str, S, Vec<WriteColumn>, &str)> = vec![
        (
            "repeated group array (LIST) { repeated int32 array; }",
            lists.clone(),
            vec![number(&[2, 2, 2, 0])],
            "[[1,2],[3]]",
        ),
        (
            "repeated group array (LIST) { repeated group bag { optional int32 array; } }",
            lists.clone(),
            vec![number(&[3, 3, 3, 0])],
            "[[1,2],[3]]",
        ),
        (
            "repeated group array (LIST) { repeated group array { required int32 v; } }",
            array(array(structure(&[("v", S::Int)]))),
            vec![number(&[2, 2, 2, 0])],
            "[[{1},{2}],[{3}]]",
        ),
        (
            "repeated group l_tuple (LIST) { repeated int32 l_tuple_tuple; }",
            lists,
            vec![number(&[2, 2, 2, 0])],
            "[[1,2],[3]]",
        ),
        (
            "repeated group array (MAP) { repeated group key_value {
                required int32 key; optional int32 value; } }",
            array(map),
            vec![number(&[2, 2, 2, 0]), number(&[3, 3, 3, 0])],
            "[[{1,1},{2,2}],[{3,3}]]",
        ),
        (
            "repeated group array { repeated int32 v; }",
            array(structure(&[("v", array(S::Int))])),
            vec![number(&[2, 2, 2, 0])],
            "[{[1,2]},{[3]}]",
        ),
    ];
    for (layout, element, columns, expected) in layouts {
        let files = Files::new();
        let message = format!("message m {{ required group l (LIST) {{ {layout} }} }}");
        let file = files.low_level("f", &message, properties(), columns);
        let scanned = scan(&schema(&[("l", element)]), vec![file]);
        assert_eq!(scanned.unwrap().column(0), [expected, "[]"], "{layout}");
    }
}

/// A leaf of two structs, of which the second is NULL, without values.
fn no_values(repetitions: Option<&'static [i16]>) -> WriteColumn {
    Box::new(move |column| {
        column
            .typed::<Int32Type>()
            .write_batch(&[], Some(&[1, 0]), repetitions)
            .unwrap();
    })
}

/// Which structs are NULL is known from what they have, be it only maps and lists.
#[test]
fn structs_of_which_nothing_is_asked() {
    let layouts: [(&str, Vec<WriteColumn>); 3] = [
        (
            "optional group m (MAP) { repeated group key_value {
                required int32 key; optional int32 value; } }",
            vec![no_values(Some(&[0, 0])), no_values(Some(&[0, 0]))],
        ),
        (
            "repeated int32 r; optional int32 v;",
            vec![no_values(Some(&[0, 0])), no_values(None)],
        ),
        (
            "optional group l (LIST) { repeated group list { optional int32 element; } }",
            vec![no_values(Some(&[0, 0]))],
        ),
    ];
    for (layout, columns) in layouts {
        let files = Files::new();
        let message = format!("message m {{ optional group s {{ {layout} }} }}");
        let file = files.low_level("f", &message, properties(), columns);
        let gone = structure(&[("gone", S::Int)]);
        let scanned = scan(&schema(&[("s", gone)]), vec![file]).unwrap();
        assert_eq!(scanned.column(0), ["{NULL}", "NULL"], "{layout}");
    }
}

/// A part that is never NULL holds nothing where its struct is NULL, not an old timestamp.
#[test]
fn parts_of_null_structs_are_not_rebased() {
    use parquet::data_type::{Int96, Int96Type};
    use parquet::file::metadata::KeyValue;
    let files = Files::new();
    let keys = ["org.apache.spark.version", "org.apache.spark.legacyINT96"]
        .map(|key| KeyValue::new(key.to_string(), "3.1.0".to_string()));
    let properties = WriterProperties::builder()
        .set_key_value_metadata(Some(keys.to_vec()))
        .build();
    let mut epoch = Int96::new();
    epoch.set_data(0, 0, 2_440_588);
    let message = "message m { optional group s { required int96 t; } }";
    let columns = vec![values::<Int96Type>(vec![epoch], Some(vec![0, 1]))];
    let file = files.low_level("f", message, properties, columns);
    let wanted = structure(&[("t", S::Timestamp)]);
    let scanned = scan(&schema(&[("s", wanted)]), vec![file]).unwrap();
    assert_eq!(scanned.column(0), ["NULL", "{0}"]);
}

#[test]
fn unreadable_neighbours_do_not_matter() {
    let files = Files::new();
    let message = "message m {
        required int32 time (TIME(MILLIS,true));
        required binary b;
        required int32 c;
    }";
    let columns = vec![
        values::<Int32Type>(vec![1], None),
        values::<ByteArrayType>(vec![ByteArray::from("x")], None),
        values::<Int32Type>(vec![5], None),
    ];
    let file = files.low_level("f", message, properties(), columns);
    assert_eq!(
        scan(&schema(&[("c", S::Int)]), vec![file])
            .unwrap()
            .column(0),
        ["5"]
    );
}
