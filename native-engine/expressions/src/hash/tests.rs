//! Vectors taken from Spark, and chaining over layouts.

use std::sync::Arc;

use arclight_columns::{BinaryViewArray, Field, NullBuffer, OffsetBuffer, ScalarBuffer};

use super::*;

fn strings(values: &[&str]) -> Column {
    let array = BinaryViewArray::from_iter_values(values.iter().map(|v| v.as_bytes()));
    Column::bytes(SparkType::String, array, None)
}

#[track_caller]
fn check(column: Column, murmur: i32, xx: Option<i64>) {
    let rows = Selection::all(1);
    assert_eq!(
        murmur3(std::slice::from_ref(&column), &rows, SEED),
        [murmur]
    );
    if let Some(xx) = xx {
        assert_eq!(xxhash(&[column], &rows, i64::from(SEED)), [xx]);
    }
}

#[test]
fn spark_vectors() {
    check(
        Column::fixed(SparkType::Int, vec![1i32], None),
        -559580957,
        Some(-6698625589789238999),
    );
    for zero in [0.0f64, -0.0] {
        check(
            Column::fixed(SparkType::Double, vec![zero], None),
            -1670924195,
            Some(-5252525462095825812),
        );
    }
    check(strings(&["abcde"]), 814637928, Some(-990457398947679591));
    check(strings(&[""]), 142593372, Some(-7444071767201028348));
    check(strings(&["é"]), 2119106806, None);
    let wide = SparkType::decimal(38, 2);
    let xx = Some(1973765065063347049);
    check(
        Column::fixed(wide.clone(), vec![123i128], None),
        -1536290115,
        xx,
    );
    check(Column::fixed(wide, vec![123i64], None), -1536290115, xx);
    let narrow = SparkType::decimal(18, 2);
    check(Column::fixed(narrow, vec![123i64], None), -46242105, None);
    check(Column::nulls(SparkType::Int, 1), 42, Some(42));
}

#[test]
fn long_bytes_xxhash() {
    // The empty seed's published vector of the algorithm itself for a 32-byte-and-more input.
    let text = b"Nobody inspects the spammish repetition";
    assert_eq!(XxHash64::bytes(text, 0) as u64, 0xFBCE_A83C_8A37_8BF1);
}

#[test]
fn bytes_are_shortest_two_complement() {
    for value in [
        0i128,
        1,
        -1,
        127,
        128,
        -128,
        -129,
        255,
        256,
        i128::MAX,
        i128::MIN,
    ] {
        let full = value.to_be_bytes();
        let fill = if value < 0 { 0xff } else { 0 };
        let mut start = 0;
        while start < 15 && full[start] == fill && (full[start + 1] ^ fill) < 0x80 {
            start += 1;
        }
        let expected = Murmur3::bytes(&full[start..], 42);
        assert_eq!(hash_decimal::<Murmur3>(value, 42), expected, "{value}");
    }
}

#[test]
fn chains_columns_and_skips_nulls() {
    let validity = Some(NullBuffer::from(vec![true, false, true]));
    let first = Column::fixed(SparkType::Int, vec![1i32, 2, 3], validity.clone());
    let values = Arc::new(strings(&["a", "b"]));
    let second = Column::dictionary(vec![0, 1, 1].into(), values, None);
    let rows = Selection::from_rows(3, vec![0, 1]);
    let expected = [
        Murmur3::bytes(b"a", Murmur3::int(1, 42)),
        Murmur3::bytes(b"b", 42),
    ];
    assert_eq!(murmur3(&[first, second], &rows, 42), expected);
}

#[test]
fn nested_values_fold() {
    let elements = Column::fixed(
        SparkType::Long,
        vec![1i64, 2, 3],
        Some(NullBuffer::from(vec![true, false, true])),
    );
    let list = Column::flat(
        SparkType::Array(Arc::new(Field::new("element", SparkType::Long, true))),
        2,
        Values::List {
            offsets: OffsetBuffer::new(ScalarBuffer::from(vec![0i32, 2, 3])),
            elements: Arc::new(elements),
        },
        None,
    );
    let flags = Column::boolean(vec![true, false].into(), None);
    let fields = [
        Field::new("a", list.data_type().clone(), true),
        Field::new("b", SparkType::Boolean, true),
    ];
    let both = Column::flat(
        SparkType::Struct(fields.into()),
        2,
        Values::Struct(vec![list, flags]),
        None,
    );
    let expected = [
        Murmur3::int(1, Murmur3::long(1, 42)),
        Murmur3::int(0, Murmur3::long(3, 42)),
    ];
    assert_eq!(murmur3(&[both], &Selection::all(2), 42), expected);
}
