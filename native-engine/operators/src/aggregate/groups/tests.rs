//! Group ids against a map of encoded keys.

use std::collections::HashMap;
use std::sync::Arc;

use arclight_columns::{Column, ColumnBuilder, NullBuffer, Selection, SparkType, Values};
use proptest::prelude::*;

use super::GroupIds;
use crate::key_bytes::{EncodedKeys, KeyHasher};

/// How a batch's strings lie.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Lie {
    Flat,
    /// Codes of the column's own.
    Own,
    /// Codes that columns share.
    Shared,
    Constant,
    Null,
}

/// Rows of a batch: for each a code, and for each key a value and whether it is NULL.
#[derive(Debug, Clone)]
struct Rows {
    codes: Vec<u32>,
    values: Vec<Vec<(u8, bool)>>,
    lies: Vec<Lie>,
    /// Which of a few dictionaries the codes are of.
    dictionary: usize,
    active: Vec<bool>,
}

const CODES: u32 = 7;

fn types() -> impl Strategy<Value = Vec<SparkType>> {
    let of_key = prop_oneof![
        4 => Just(SparkType::String),
        1 => Just(SparkType::Binary),
        1 => Just(SparkType::Boolean),
        1 => Just(SparkType::Byte),
        2 => Just(SparkType::Int),
        2 => Just(SparkType::Long),
        1 => Just(SparkType::Double),
        1 => Just(SparkType::Float),
        1 => Just(SparkType::Decimal { precision: 12, scale: 2 }),
        1 => Just(SparkType::Decimal { precision: 38, scale: 2 }),
    ];
    prop::collection::vec(of_key, 1..6)
}

fn batches(keys: usize) -> impl Strategy<Value = Vec<Rows>> {
    let lie = prop_oneof![
        2 => Just(Lie::Flat),
        3 => Just(Lie::Own),
        8 => Just(Lie::Shared),
        1 => Just(Lie::Constant),
        2 => Just(Lie::Null),
    ];
    let rows = (0..20usize, 0..3usize).prop_flat_map(move |(len, dictionary)| {
        let values = prop::collection::vec((0..3u8, prop::bool::weighted(0.1)), len);
        (
            prop::collection::vec(0..CODES, len),
            prop::collection::vec(values, keys),
            prop::collection::vec(lie.clone(), keys),
            Just(dictionary),
            prop::collection::vec(prop::bool::weighted(0.8), len),
        )
    });
    let rows = rows.prop_map(|(codes, values, lies, dictionary, active)| Rows {
        codes,
        values,
        lies,
        dictionary,
        active,
    });
    prop::collection::vec(rows, 1..12)
}

fn string(number: u8) -> Vec<u8> {
    // Some longer than a view holds.
    vec![b'a' + number; 3 + 9 * number as usize]
}

/// Dictionaries of every key, which batches share.
fn dictionaries(types: &[SparkType]) -> Vec<Vec<Arc<Column>>> {
    let column = |data_type: &SparkType, which: usize| {
        let mut builder = ColumnBuilder::new(data_type.clone(), CODES as usize);
        for code in 0..CODES as usize {
            // Codes of one dictionary may stand for the same value.
            builder.push_bytes(&string(((code + which) % 4) as u8));
        }
        Arc::new(builder.finish())
    };
    let of_key = |data_type: &SparkType| (0..3).map(|which| column(data_type, which)).collect();
    let is_bytes = |t: &&SparkType| matches!(t, SparkType::String | SparkType::Binary);
    types
        .iter()
        .map(|t| if is_bytes(&t) { of_key(t) } else { Vec::new() })
        .collect()
}

fn columns(types: &[SparkType], rows: &Rows, dictionaries: &[Vec<Arc<Column>>]) -> Vec<Column> {
    let len = rows.codes.len();
    let shared: arclight_columns::ScalarBuffer<u32> = rows.codes.clone().into();
    let column = |key: usize| {
        let data_type = &types[key];
        let values = &rows.values[key];
        let valid = || Some(NullBuffer::from_iter(values.iter().map(|&(_, null)| !null)));
        let fixed = |f: &dyn Fn(u8) -> f64| values.iter().map(|&(v, _)| f(v)).collect::<Vec<_>>();
        match data_type {
            SparkType::String | SparkType::Binary => match rows.lies[key] {
                Lie::Null => Column::nulls(data_type.clone(), len),
                Lie::Constant => Column::constant(dictionaries[key][0].slice(0, 1), len),
                Lie::Flat => {
                    let mut builder = ColumnBuilder::new(data_type.clone(), len);
                    for &(value, null) in values {
                        match null {
                            true => builder.push_null(),
                            false => builder.push_bytes(&string(value)),
                        }
                    }
                    builder.finish()
                }
                lie => {
                    let codes = match lie {
                        Lie::Own => shared.to_vec().into(),
                        _ => shared.clone(),
                    };
                    let values = Arc::clone(&dictionaries[key][rows.dictionary]);
                    Column::dictionary(codes, values, valid())
                }
            },
            SparkType::Boolean => {
                Column::boolean(values.iter().map(|&(v, _)| v > 1).collect(), valid())
            }
            SparkType::Byte => Column::fixed::<i8>(
                data_type.clone(),
                values.iter().map(|&(v, _)| v as i8 - 1).collect(),
                valid(),
            ),
            SparkType::Int => Column::fixed::<i32>(
                data_type.clone(),
                values.iter().map(|&(v, _)| i32::from(v) - 1).collect(),
                valid(),
            ),
            SparkType::Long => Column::fixed::<i64>(
                data_type.clone(),
                values.iter().map(|&(v, _)| i64::from(v) - 1).collect(),
                valid(),
            ),
            SparkType::Double => {
                let values = fixed(&|v| [0.0, -0.0, f64::NAN][v as usize]);
                Column::fixed::<f64>(data_type.clone(), values, valid())
            }
            SparkType::Float => {
                let values = fixed(&|v| [0.0, -0.0, 1.5][v as usize]);
                let values = values.into_iter().map(|v| v as f32).collect();
                Column::fixed::<f32>(data_type.clone(), values, valid())
            }
            // Wide decimals may be narrow in memory.
            SparkType::Decimal { precision, .. } if *precision <= 18 || rows.dictionary == 0 => {
                let values: Vec<i64> = values.iter().map(|&(v, _)| i64::from(v) - 1).collect();
                Column::flat(
                    data_type.clone(),
                    len,
                    Values::Int64(values.into()),
                    valid(),
                )
            }
            _ => {
                let wide = |v: u8| (i128::from(v) - 1) << (64 * u32::from(rows.dictionary == 2));
                let values = values.iter().map(|&(v, _)| wide(v)).collect();
                Column::fixed::<i128>(data_type.clone(), values, valid())
            }
        }
    };
    (0..types.len()).map(column).collect()
}

proptest! {
    #[test]
    fn keys_have_the_groups_that_their_bytes_have(
        (types, batches) in types().prop_flat_map(|types| {
            let keys = types.len();
            (Just(types), batches(keys))
        }),
        equal_hashes: bool,
    ) {
        let mut ids = GroupIds::new(types.clone(), KeyHasher::new(equal_hashes));
        let dictionaries = dictionaries(&types);
        let (mut known, mut order) = (HashMap::new(), Vec::new());
        let (mut groups, mut encoded) = (Vec::new(), EncodedKeys::default());
        for rows in &batches {
            let keys = columns(&types, rows, &dictionaries);
            let active = (0..rows.active.len() as u32).filter(|&row| rows.active[row as usize]);
            let selection = Selection::from_rows(rows.active.len(), active.collect());
            ids.assign(&keys, &selection, &mut groups).unwrap();
            encoded.encode(&keys, &selection);
            let expected: Vec<u32> = (0..encoded.len())
                .map(|row| {
                    let key = encoded.get(row).to_vec();
                    *known.entry(key.clone()).or_insert_with(|| {
                        order.push(key);
                        order.len() as u32 - 1
                    })
                })
                .collect();
            prop_assert_eq!(&groups, &expected);
        }
        prop_assert_eq!(ids.len(), order.len());
        for from in [0, order.len() / 2] {
            let keys = ids.columns(from, order.len()).unwrap();
            encoded.encode(&keys, &Selection::all(order.len() - from));
            let given: Vec<Vec<u8>> = (0..encoded.len()).map(|i| encoded.get(i).to_vec()).collect();
            prop_assert_eq!(&given[..], &order[from..]);
        }
    }
}

/// A string column of codes into `dictionary`.
fn coded(codes: &[u32], dictionary: &Arc<Column>) -> Column {
    Column::dictionary(codes.to_vec().into(), Arc::clone(dictionary), None)
}

fn numbers(from: usize, to: usize) -> Column {
    let mut builder = ColumnBuilder::new(SparkType::String, to - from);
    for number in from..to {
        builder.push_bytes(format!("number {number}").as_bytes());
    }
    builder.finish()
}

#[test]
fn groups_keep_their_ids_when_codes_no_longer_help() {
    let types = vec![SparkType::String, SparkType::Long];
    let mut ids = GroupIds::new(types, KeyHasher::new(false));
    let longs = |len: usize| Column::fixed::<i64>(SparkType::Long, vec![5; len], None);
    let dictionary = Arc::new(numbers(0, 10_000));
    let codes: Vec<u32> = (0..10_000).collect();
    let mut groups = Vec::new();
    let batch = [coded(&codes, &dictionary), longs(codes.len())];
    ids.assign(&batch, &Selection::all(codes.len()), &mut groups)
        .unwrap();
    assert_eq!(groups, codes);
    assert!(matches!(ids.table, super::Table::Wide(_)));
    // Strings without codes, and new ones at that.
    for from in [10_000, 30_000, 50_000] {
        let strings = [numbers(from, from + 20_000), longs(20_000)];
        ids.assign(&strings, &Selection::all(20_000), &mut groups)
            .unwrap();
        let expected: Vec<u32> = (from as u32..from as u32 + 20_000).collect();
        assert_eq!(groups, expected);
    }
    assert!(matches!(ids.table, super::Table::Bytes(_)));
    ids.assign(&batch, &Selection::all(codes.len()), &mut groups)
        .unwrap();
    assert_eq!(groups, codes);
    assert_eq!(ids.len(), 70_000);
}

#[test]
fn columns_that_share_codes_do_so_afterwards() {
    let types = vec![SparkType::String, SparkType::Int, SparkType::String];
    let mut ids = GroupIds::new(types, KeyHasher::new(false));
    let (names, cities) = (Arc::new(numbers(0, 5000)), Arc::new(numbers(5000, 10_000)));
    let codes: arclight_columns::ScalarBuffer<u32> = (0..5000).rev().collect::<Vec<u32>>().into();
    let keys = [
        Column::dictionary(codes.clone(), names, None),
        Column::fixed::<i32>(SparkType::Int, vec![1; 5000], None),
        Column::dictionary(codes, cities, None),
    ];
    let mut groups = Vec::new();
    ids.assign(&keys, &Selection::all(5000), &mut groups)
        .unwrap();
    let given = ids.columns(0, 5000).unwrap();
    let codes = |column: &Column| column.as_dictionary().map(|(codes, _)| codes.as_ptr());
    assert!(codes(&given[0]).is_some());
    assert_eq!(codes(&given[0]), codes(&given[2]));
}
