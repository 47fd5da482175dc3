use super::*;
use crate::testing::{
    FailsAt, Memory, collect, column_ref, ints, longs, rows, strings, task, until_failure,
};
use arclight_columns::{ColumnBuilder, Selection};

fn array_of(element: SparkType) -> SparkType {
    SparkType::Array(Arc::new(Field::new("element", element, true)))
}

/// Lists of ints.
fn lists(values: &[Option<&[Option<i32>]>]) -> Column {
    let mut builder = ColumnBuilder::new(array_of(SparkType::Int), values.len());
    for list in values {
        match list {
            None => builder.push_null(),
            Some(list) => {
                for row in 0..list.len() {
                    let elements = builder.list_elements().unwrap();
                    elements.push_from(&ints(list), row);
                }
                builder.finish_list();
            }
        }
    }
    builder.finish()
}

/// Three rows, of which the second is not active where `dense` is false.
fn batch(dense: bool) -> Batch {
    let columns = vec![
        strings(&[Some("a"), Some("b"), Some("c"), Some("d")]),
        lists(&[
            Some(&[Some(1), None, Some(3), Some(4)]),
            Some(&[Some(9)]),
            Some(&[]),
            None,
        ]),
    ];
    match dense {
        true => Batch::new(columns, 4),
        false => Batch::with_selection(columns, Selection::from_rows(4, vec![0, 2, 3])),
    }
}

fn generated(generator: Generator, kept: &[usize], outer: bool, input: Vec<Batch>) -> Vec<String> {
    let mut found: Vec<Vec<String>> = Vec::new();
    for batch_size in [1, 3, 100] {
        let input = Memory::of(input.clone());
        let generate = Generate::new(0, input, kept.to_vec(), outer, generator.clone()).unwrap();
        let output = collect(&generate, &task(batch_size)).unwrap();
        for batch in &output {
            assert!((1..=batch_size).contains(&batch.len()));
            let types: Vec<_> = batch
                .columns()
                .iter()
                .map(|c| c.data_type().clone())
                .collect();
            assert_eq!(types, generate.schema().types());
        }
        found.push(rows(&output));
    }
    assert!(found.iter().all(|rows| *rows == found[0]), "{found:?}");
    found.swap_remove(0)
}

fn explode(position: bool) -> Generator {
    Generator::Explode {
        collection: column_ref(1, array_of(SparkType::Int)),
        position,
    }
}

#[test]
fn explodes_arrays() {
    let twice = vec![batch(true), batch(false)];
    let found = generated(explode(false), &[0], false, twice.clone());
    let (dense, sparse) = (
        ["a,1", "a,NULL", "a,3", "a,4", "b,9"],
        ["a,1", "a,NULL", "a,3", "a,4"],
    );
    assert_eq!(found, [&dense[..], &sparse[..]].concat());
    let found = generated(explode(true), &[], true, vec![batch(true)]);
    assert_eq!(
        found,
        [
            "0,1",
            "1,NULL",
            "2,3",
            "3,4",
            "0,9",
            "NULL,NULL",
            "NULL,NULL"
        ]
    );
    let found = generated(explode(false), &[0, 0], true, vec![batch(false)]);
    assert_eq!(found[3..], ["a,a,4", "c,c,NULL", "d,d,NULL"]);
    let constant = Column::constant(lists(&[Some(&[Some(1), Some(2)])]), 2);
    let batch = Batch::new(vec![ints(&[Some(7), Some(8)]), constant], 2);
    let found = generated(explode(false), &[0], false, vec![batch]);
    assert_eq!(found, ["7,1", "7,2", "8,1", "8,2"]);
    let nulls = Column::nulls(array_of(SparkType::Int), 2);
    let batch = Batch::new(vec![ints(&[Some(7), Some(8)]), nulls], 2);
    assert_eq!(
        generated(explode(false), &[0], true, vec![batch]),
        ["7,NULL", "8,NULL"]
    );
}

#[test]
fn explodes_maps() {
    let key = Arc::new(Field::new("key", SparkType::Int, false));
    let value = Arc::new(Field::new("value", SparkType::Int, true));
    let data_type = SparkType::Map(key, value);
    let mut builder = ColumnBuilder::new(data_type.clone(), 2);
    builder.finish_list();
    for value in [Some(10), None] {
        let entries = builder.list_elements().unwrap();
        let [keys, values] = entries.struct_fields().unwrap() else {
            panic!()
        };
        keys.push_i32(value.unwrap_or(3));
        values.push_from(&ints(&[value]), 0);
        entries.finish_struct();
    }
    builder.finish_list();
    let batch = Batch::new(vec![ints(&[Some(1), Some(2)]), builder.finish()], 2);
    let generator = |position| Generator::Explode {
        collection: column_ref(1, data_type.clone()),
        position,
    };
    let found = generated(generator(true), &[0], true, vec![batch.clone()]);
    assert_eq!(found, ["1,NULL,NULL,NULL", "2,0,10,10", "2,1,3,NULL"]);
    assert_eq!(
        generated(generator(false), &[], false, vec![batch]),
        ["10,10", "3,NULL"]
    );
}

#[test]
fn inlines_structs() {
    let fields = [SparkType::Int, SparkType::String].map(|t| Field::new("f", t, true));
    let data_type = array_of(SparkType::Struct(Arc::new(fields)));
    let mut builder = ColumnBuilder::new(data_type.clone(), 2);
    let structs = builder.list_elements().unwrap();
    let [numbers, texts] = structs.struct_fields().unwrap() else {
        panic!()
    };
    numbers.push_i32(1);
    texts.push_bytes(b"x");
    structs.finish_struct();
    structs.push_null();
    builder.finish_list();
    builder.push_null();
    let batch = Batch::new(vec![builder.finish()], 2);
    let generator = Generator::Inline(column_ref(0, data_type));
    let found = generated(generator.clone(), &[], false, vec![batch.clone()]);
    assert_eq!(found, ["1,x", "NULL,NULL"]);
    let found = generated(generator, &[], true, vec![batch]);
    assert_eq!(found, ["1,x", "NULL,NULL", "NULL,NULL"]);
}

#[test]
fn stacks_and_replicates() {
    let columns = vec![
        ints(&[Some(1), None, Some(3)]),
        ints(&[Some(10), Some(20), Some(30)]),
        longs(&[Some(2), Some(-1), Some(1)]),
    ];
    let batch = Batch::with_selection(columns, Selection::from_rows(3, vec![0, 1]));
    let int = |index| column_ref(index, SparkType::Int);
    let generator = Generator::Stack {
        rows: 2,
        values: vec![int(0), int(1), int(1)],
    };
    let found = generated(generator, &[2], false, vec![batch.clone()]);
    assert_eq!(found, ["2,1,10", "2,10,NULL", "-1,NULL,20", "-1,20,NULL"]);
    let generator = Generator::ReplicateRows {
        count: column_ref(2, SparkType::Long),
        values: vec![int(1)],
    };
    assert_eq!(
        generated(generator, &[0], false, vec![batch]),
        ["1,10", "1,10"]
    );
    let wrong = Generator::Stack {
        rows: 2,
        values: vec![int(0), column_ref(2, SparkType::Long)],
    };
    assert!(Generate::new(0, Memory::typed(vec![], vec![]), vec![], false, wrong).is_err());
}

#[test]
fn rows_before_a_failing_one_come_first() {
    let values = vec![
        Arc::new(FailsAt::new(0, SparkType::Int, 3)) as ExpressionRef,
        column_ref(0, SparkType::Int),
    ];
    let stack = Generator::Stack { rows: 2, values };
    let column = ints(&[Some(1), Some(2), Some(3), Some(4)]);
    let input = Memory::of(vec![Batch::new(vec![column], 4)]);
    let generate = Generate::new(0, input, vec![], false, stack).unwrap();
    let expected = ["1", "1", "2", "2"].map(str::to_string).to_vec();
    assert_eq!(until_failure(&generate, &task(8)), (expected, true));
}
