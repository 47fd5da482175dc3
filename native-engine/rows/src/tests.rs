//! Fixed byte vectors after Spark's writers, round trips, and damage.

use std::sync::Arc;

use arclight_columns::{
    Batch, BinaryViewArray, Column, ColumnBuilder, Field, NullBuffer, Selection, SparkType, Values,
};
use proptest::prelude::*;

use super::*;

fn encode(types: &[SparkType], batch: &Batch) -> RowBuffer {
    let mut buffer = RowBuffer::new();
    RowEncoder::new(types.to_vec())
        .encode(batch, &mut buffer)
        .unwrap();
    assert_eq!(
        unsafe_row_size(batch, types),
        buffer.bytes().len() as u64,
        "size without writing"
    );
    buffer
}

fn words(buffer: &RowBuffer) -> Vec<u64> {
    buffer
        .bytes()
        .chunks_exact(8)
        .map(|w| u64::from_le_bytes(w.try_into().unwrap()))
        .collect()
}

fn strings(values: &[&[u8]]) -> Column {
    Column::bytes(
        SparkType::String,
        BinaryViewArray::from_iter_values(values),
        None,
    )
}

fn array_of(element: SparkType) -> SparkType {
    SparkType::Array(Arc::new(Field::new("element", element, true)))
}

#[test]
fn fixed_widths_take_one_slot() {
    let types = [SparkType::Int, SparkType::Byte, SparkType::Double];
    let nulls = Some(NullBuffer::from(vec![true, false]));
    let columns = vec![
        Column::fixed(types[0].clone(), vec![-1i32, 7], None),
        Column::fixed(types[1].clone(), vec![-2i8, 9], nulls),
        Column::fixed(types[2].clone(), vec![f64::NAN, -0.0], None),
    ];
    let buffer = encode(&types, &Batch::new(columns, 2));
    assert_eq!(buffer.lengths(), &[32, 32]);
    assert_eq!(
        words(&buffer),
        [
            0,
            0xffff_ffff,
            0xfe,
            0x7ff8_0000_0000_0000,
            0b010,
            7,
            0,
            0x8000_0000_0000_0000
        ]
    );
}

#[test]
fn no_columns_make_rows_of_no_bytes() {
    let buffer = encode(&[], &Batch::new(vec![], 3));
    assert_eq!(buffer.lengths(), &[0, 0, 0]);
    assert!(buffer.bytes().is_empty());
    let columns = RowDecoder::new(vec![]).decode_buffer(&buffer).unwrap();
    assert!(columns.is_empty());
}

#[test]
fn strings_lie_padded_after_the_slots() {
    let types = [SparkType::String, SparkType::String];
    let columns = vec![strings(&[b"abc", b""]), strings(&[b"123456789", b"x"])];
    let buffer = encode(&types, &Batch::new(columns, 2));
    assert_eq!(buffer.lengths(), &[48, 32]);
    let expected = [
        0,
        24 << 32 | 3,
        32 << 32 | 9,
        u64::from_le_bytes(*b"abc\0\0\0\0\0"),
        u64::from_le_bytes(*b"12345678"),
        u64::from(b'9'),
        0,
        24 << 32,
        24 << 32 | 1,
        u64::from(b'x'),
    ];
    assert_eq!(words(&buffer), expected);
}

#[test]
fn wide_decimals_take_sixteen_bytes_even_when_null() {
    let wide = SparkType::decimal(38, 0);
    let nulls = Some(NullBuffer::from(vec![true, true, false]));
    let column = Column::fixed(wide.clone(), vec![128i128, -129, 5], nulls);
    let buffer = encode(std::slice::from_ref(&wide), &Batch::new(vec![column], 3));
    let expected = [
        0,
        16 << 32 | 2,
        u64::from_le_bytes([0x00, 0x80, 0, 0, 0, 0, 0, 0]),
        0,
        0,
        16 << 32 | 2,
        u64::from_le_bytes([0xff, 0x7f, 0, 0, 0, 0, 0, 0]),
        0,
        1,
        16 << 32,
        0,
        0,
    ];
    assert_eq!(words(&buffer), expected);
    // A column proven narrow has the same bytes.
    let narrow = Column::fixed(wide.clone(), vec![128i64], None);
    let narrow = encode(std::slice::from_ref(&wide), &Batch::new(vec![narrow], 1));
    assert_eq!(words(&narrow), expected[..4]);
}

#[test]
fn arrays_have_elements_at_their_width() {
    let types = [
        array_of(SparkType::Short),
        array_of(SparkType::decimal(20, 0)),
    ];
    let mut shorts = ColumnBuilder::new(types[0].clone(), 1);
    let elements = shorts.list_elements().unwrap();
    [1i16, -1, 3, 4]
        .into_iter()
        .for_each(|v| elements.push_i16(v));
    elements.push_null();
    shorts.finish_list();
    let mut decimals = ColumnBuilder::new(types[1].clone(), 1);
    let elements = decimals.list_elements().unwrap();
    elements.push_i128(-1);
    elements.push_null();
    elements.push_i128(1 << 64);
    decimals.finish_list();
    let batch = Batch::new(vec![shorts.finish(), decimals.finish()], 1);
    let buffer = encode(&types, &batch);
    let expected = [
        0,
        24 << 32 | 32,
        56 << 32 | 64,
        // Count, NULL bits, elements in two words.
        5,
        0b10000,
        0x0004_0003_ffff_0001,
        0,
        // Count, NULL bits, slots, values: 1 byte, and 9 bytes.
        3,
        0b010,
        40 << 32 | 1,
        0,
        48 << 32 | 9,
        0xff,
        1,
        0,
    ];
    assert_eq!(words(&buffer), expected);
}

#[test]
fn maps_and_structs_nest() {
    let fields = [
        Field::new("a", SparkType::Int, true),
        Field::new("b", SparkType::String, true),
    ];
    let map = SparkType::Map(
        Arc::new(Field::new("key", SparkType::Int, false)),
        Arc::new(Field::new(
            "value",
            SparkType::Struct(Arc::new(fields)),
            true,
        )),
    );
    let mut builder = ColumnBuilder::new(map.clone(), 1);
    let entries = builder.list_elements().unwrap();
    let [key, value] = entries.struct_fields().unwrap() else {
        panic!()
    };
    key.push_i32(7);
    let [a, b] = value.struct_fields().unwrap() else {
        panic!()
    };
    a.push_null();
    b.push_bytes(b"hi");
    value.finish_struct();
    entries.finish_struct();
    builder.finish_list();
    let buffer = encode(&[map], &Batch::new(vec![builder.finish()], 1));
    let expected = [
        0,
        16 << 32 | 88,
        // Bytes of the keys; keys: count, bits, one element.
        24,
        1,
        0,
        7,
        // Values: count, bits, slot, then the struct.
        1,
        0,
        24 << 32 | 32,
        0b01,
        0,
        24 << 32 | 2,
        u64::from_le_bytes(*b"hi\0\0\0\0\0\0"),
    ];
    assert_eq!(words(&buffer), expected);
}

#[test]
fn fields_beyond_64_have_a_second_word_of_bits() {
    let types = vec![SparkType::Int; 65];
    let mut columns = vec![Column::fixed(SparkType::Int, vec![1i32], None); 64];
    columns.push(Column::nulls(SparkType::Int, 1));
    let buffer = encode(&types, &Batch::new(columns, 1));
    assert_eq!(buffer.lengths(), &[8 * 67]);
    assert_eq!(words(&buffer)[..3], [0, 1, 1]);
    assert_eq!(words(&buffer)[66], 0);
}

#[test]
fn wrong_columns_are_an_error() {
    let batch = Batch::new(vec![strings(&[b"a"])], 1);
    let mut encoder = RowEncoder::new(vec![SparkType::Int]);
    let result = encoder.encode(&batch, &mut RowBuffer::new());
    assert!(matches!(result, Err(RowError::Columns { .. })));
}

fn leaf() -> impl Strategy<Value = SparkType> {
    prop::sample::select(vec![
        SparkType::Null,
        SparkType::Boolean,
        SparkType::Byte,
        SparkType::Short,
        SparkType::Int,
        SparkType::Long,
        SparkType::Float,
        SparkType::Double,
        SparkType::decimal(10, 2),
        SparkType::decimal(38, 6),
        SparkType::String,
        SparkType::Binary,
        SparkType::Date,
        SparkType::Timestamp,
        SparkType::TimestampNtz,
    ])
}

fn any_type() -> impl Strategy<Value = SparkType> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        let key = leaf().prop_filter("keys are not NULL", |t| *t != SparkType::Null);
        prop_oneof![
            inner.clone().prop_map(array_of),
            (key, inner.clone()).prop_map(|(k, v)| SparkType::Map(
                Arc::new(Field::new("key", k, false)),
                Arc::new(Field::new("value", v, true)),
            )),
            prop::collection::vec(inner, 0..4).prop_map(|types| {
                let field = |t: SparkType| Field::new("f", t, true);
                SparkType::Struct(types.into_iter().map(field).collect())
            }),
        ]
    })
}

/// Pushes a value made from `seed`; every fourth is NULL.
fn push_seeded(builder: &mut ColumnBuilder, seed: &mut u64, nullable: bool) {
    *seed = seed
        .wrapping_mul(6364136223846793005)
        .wrapping_add(1442695040888963407);
    let value = *seed >> 16;
    if nullable && value.is_multiple_of(4) {
        return builder.push_null();
    }
    match builder.data_type().clone() {
        SparkType::Null => builder.push_null(),
        SparkType::Boolean => builder.push_bool(value & 4 == 0),
        SparkType::Byte => builder.push_i8(value as i8),
        SparkType::Short => builder.push_i16(value as i16),
        SparkType::Int | SparkType::Date => builder.push_i32(value as i32),
        SparkType::Float => builder.push_f32(f32::from_bits(value as u32)),
        SparkType::Double => builder.push_f64(f64::from_bits(*seed)),
        SparkType::Decimal { precision, .. } if precision > 18 => {
            builder.push_i128(i128::from(*seed as i64) << (value % 60));
        }
        SparkType::String | SparkType::Binary => {
            builder.push_bytes(&seed.to_le_bytes().repeat(4)[..(value % 27) as usize]);
        }
        SparkType::Struct(_) => {
            for field in builder.struct_fields().unwrap() {
                push_seeded(field, seed, true);
            }
            builder.finish_struct();
        }
        SparkType::Array(_) => {
            let elements = builder.list_elements().unwrap();
            (0..value % 5).for_each(|_| push_seeded(elements, seed, true));
            builder.finish_list();
        }
        SparkType::Map(..) => {
            let entries = builder.list_elements().unwrap();
            for _ in 0..value % 4 {
                let [key, item] = entries.struct_fields().unwrap() else {
                    panic!()
                };
                push_seeded(key, seed, false);
                push_seeded(item, seed, true);
                entries.finish_struct();
            }
            builder.finish_list();
        }
        _ => builder.push_i64(*seed as i64),
    }
}

fn seeded_batch(types: &[SparkType], rows: usize, mut seed: u64) -> Batch {
    let columns = types.iter().map(|data_type| {
        let mut builder = ColumnBuilder::new(data_type.clone(), rows);
        (0..rows).for_each(|_| push_seeded(&mut builder, &mut seed, true));
        builder.finish()
    });
    Batch::new(columns.collect(), rows)
}

/// A value as text, NULL and float bits told apart.
fn show(column: &Column, row: usize) -> String {
    if column.is_null(row) {
        return "NULL".to_string();
    }
    let (base, p) = column.locate(row);
    match base.as_flat().unwrap() {
        Values::Null => "NULL".to_string(),
        Values::Boolean(v) => v.value(p).to_string(),
        Values::Int8(v) => v[p].to_string(),
        Values::Int16(v) => v[p].to_string(),
        Values::Int32(v) => v[p].to_string(),
        Values::Int64(v) => v[p].to_string(),
        Values::Int128(v) => v[p].to_string(),
        Values::Float32(v) => format!("f{:x}", v[p].to_bits()),
        Values::Float64(v) => format!("d{:x}", v[p].to_bits()),
        Values::Bytes(v) => format!("{:?}", v.value(p)),
        Values::Struct(children) => {
            let fields: Vec<_> = children.iter().map(|c| show(c, p)).collect();
            format!("({})", fields.join(","))
        }
        Values::List { offsets, elements } => {
            let range = offsets[p] as usize..offsets[p + 1] as usize;
            format!("{:?}", range.map(|i| show(elements, i)).collect::<Vec<_>>())
        }
    }
}

proptest! {
    #[test]
    fn round_trip(
        types in prop::collection::vec(any_type(), 0..5),
        rows in 0usize..20,
        seed: u64,
        keep in 1usize..4,
    ) {
        let batch = seeded_batch(&types, rows, seed);
        let active = Selection::all(rows).filter(|r| r % keep == 0);
        let batch = batch.select(active.clone());
        let buffer = encode(&types, &batch);
        let decoder = RowDecoder::new(types.clone());
        // SAFETY: the buffer holds the bytes its lengths say.
        let columns = unsafe { decoder.decode(buffer.bytes().as_ptr(), buffer.lengths()) }.unwrap();
        for (before, after) in batch.columns().iter().zip(&columns) {
            prop_assert_eq!(after.len(), active.count());
            for (i, row) in active.iter().enumerate() {
                prop_assert_eq!(show(before, row), show(after, i));
            }
        }
        // Dictionaries and constants have the bytes of the flat column.
        if rows > 0 && types.iter().all(|t| !t.is_nested()) {
            let codes: Vec<u32> = (0..rows as u32).map(|r| r / 2).collect();
            let columns: Vec<Column> = batch.columns().iter().map(|c| {
                let values = Column::flat(
                    c.data_type().clone(), rows, c.as_flat().unwrap().clone(), None);
                Column::dictionary(codes.clone().into(), Arc::new(values), c.validity().cloned())
            }).collect();
            let flat = columns.iter().map(Column::flatten).collect();
            let coded = encode(&types, &Batch::with_selection(columns, active.clone()));
            let flat = encode(&types, &Batch::with_selection(flat, active.clone()));
            prop_assert_eq!(words(&coded), words(&flat));
            let ones: Vec<Column> = batch.columns().iter()
                .map(|c| Column::constant(c.slice(0, 1), rows)).collect();
            let flat = ones.iter().map(Column::flatten).collect();
            let ones = encode(&types, &Batch::with_selection(ones, active.clone()));
            let flat = encode(&types, &Batch::with_selection(flat, active));
            prop_assert_eq!(words(&ones), words(&flat));
        }
    }

    #[test]
    fn damage_never_reads_outside(
        types in prop::collection::vec(any_type(), 1..4),
        rows in 1usize..4,
        seed: u64,
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in 0usize..64,
    ) {
        let batch = seeded_batch(&types, rows, seed);
        let buffer = encode(&types, &batch);
        let mut bytes = buffer.bytes().to_vec();
        for (at, value) in damages {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let decoder = RowDecoder::new(types);
        let _ = decoder.decode_bytes(&bytes, buffer.lengths());
        bytes.truncate(bytes.len().saturating_sub(cut + 1));
        prop_assert!(decoder.decode_bytes(&bytes, buffer.lengths()).is_err());
        prop_assert!(decoder.decode_bytes(&bytes, &[-8]).is_err());
    }
}
