//! Every physical type to every Spark type that Spark reads it as, and the refusals.

use std::sync::Arc;

use arclight_columns::SparkType as S;
use arclight_operators::{EngineError, FileSplit, ReadFileError};
use arrow_array::*;
use parquet::data_type::*;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::helpers::*;
use crate::ScanOptions;

fn properties() -> WriterProperties {
    WriterProperties::builder().build()
}

/// One required leaf of the given declaration, as each of the types.
fn one<T: DataType>(files: &Files, declaration: &str, data: Vec<T::T>) -> FileSplit
where
    T::T: 'static,
{
    let message = format!("message m {{ required {declaration}; }}");
    files.low_level("one", &message, properties(), vec![values::<T>(data, None)])
}

fn read(file: &FileSplit, as_type: S) -> Result<Vec<String>, EngineError> {
    let schema = schema(&[("c", as_type)]);
    Ok(scan(&schema, vec![file.clone()])?.column(0))
}

fn refused(file: &FileSplit, as_type: S) {
    let name = as_type.to_string();
    match read(file, as_type) {
        Err(EngineError::ReadFile {
            kind: ReadFileError::TypeMismatch(_),
            message,
            ..
        }) => assert!(
            message.contains(&name) && message.contains("[c]"),
            "{message}"
        ),
        other => panic!("{name}: {other:?}"),
    }
}

fn damaged(file: &FileSplit, as_type: S, text: &str) {
    match read(file, as_type) {
        Err(EngineError::ReadFile {
            kind: ReadFileError::Corrupt,
            message,
            ..
        }) => assert!(message.contains(text), "{message}"),
        other => panic!("{other:?}"),
    }
}

const DECIMAL_2: S = S::decimal(12, 2);

#[test]
fn int32_as_every_type() {
    let files = Files::new();
    let file = one::<Int32Type>(&files, "int32 c", vec![-1, 0, 70000]);
    for same in [
        S::Int,
        S::Date,
        S::Long,
        S::decimal(10, 0),
        S::decimal(20, 0),
    ] {
        assert_eq!(read(&file, same).unwrap(), ["-1", "0", "70000"]);
    }
    assert_eq!(read(&file, S::Short).unwrap(), ["-1", "0", "4464"]);
    assert_eq!(read(&file, S::Byte).unwrap(), ["-1", "0", "112"]);
    assert_eq!(read(&file, S::Double).unwrap(), ["-1.0", "0.0", "70000.0"]);
    assert_eq!(read(&file, DECIMAL_2).unwrap(), ["-100", "0", "7000000"]);
    assert_eq!(
        read(&file, S::decimal(30, 2)).unwrap(),
        ["-100", "0", "7000000"]
    );
    for other in [
        S::decimal(9, 0),
        S::decimal(11, 2),
        S::Float,
        S::String,
        S::Boolean,
    ] {
        refused(&file, other);
    }
    for other in [S::Timestamp, S::TimestampNtz, S::Binary, S::Null] {
        refused(&file, other);
    }
}

#[test]
fn unsigned_integers() {
    let files = Files::new();
    let file = one::<Int32Type>(&files, "int32 c (INTEGER(32,false))", vec![-1, 1]);
    assert_eq!(read(&file, S::Long).unwrap(), ["4294967295", "1"]);
    let file = one::<Int32Type>(&files, "int32 c (INTEGER(16,false))", vec![65535]);
    assert_eq!(read(&file, S::Int).unwrap(), ["65535"]);
    refused(&file, S::decimal(20, 0));
    let file = one::<Int32Type>(&files, "int32 c (UINT_8)", vec![255]);
    assert_eq!(read(&file, S::Short).unwrap(), ["255"]);
    let file = one::<Int64Type>(&files, "int64 c (INTEGER(64,false))", vec![-1, 1]);
    assert_eq!(
        read(&file, S::decimal(20, 0)).unwrap(),
        ["18446744073709551615", "1"]
    );
    assert_eq!(read(&file, S::Long).unwrap(), ["-1", "1"]);
    refused(&file, S::decimal(21, 0));
}

#[test]
fn int64_as_every_type() {
    let files = Files::new();
    let file = one::<Int64Type>(&files, "int64 c", vec![i64::MIN, i64::MAX]);
    let same = ["-9223372036854775808", "9223372036854775807"];
    assert_eq!(read(&file, S::Long).unwrap(), same);
    assert_eq!(read(&file, S::decimal(20, 0)).unwrap(), same);
    let scaled = ["-922337203685477580800", "922337203685477580700"];
    assert_eq!(read(&file, S::decimal(22, 2)).unwrap(), scaled);
    for other in [S::decimal(19, 0), S::Int, S::Double, S::Timestamp, S::Date] {
        refused(&file, other);
    }
}

#[test]
fn floats() {
    let files = Files::new();
    let file = one::<FloatType>(&files, "float c", vec![1.1, f32::NAN, -0.0]);
    assert_eq!(read(&file, S::Float).unwrap(), ["1.1", "NaN", "-0.0"]);
    assert_eq!(
        read(&file, S::Double).unwrap(),
        ["1.100000023841858", "NaN", "-0.0"]
    );
    refused(&file, S::Long);
    let file = one::<DoubleType>(&files, "double c", vec![5e-324, f64::INFINITY]);
    assert_eq!(read(&file, S::Double).unwrap(), ["5e-324", "inf"]);
    refused(&file, S::Float);
    let file = one::<BoolType>(&files, "boolean c", vec![true, false, true]);
    assert_eq!(read(&file, S::Boolean).unwrap(), ["true", "false", "true"]);
    refused(&file, S::Int);
}

#[test]
fn byte_strings_keep_invalid_utf8() {
    let files = Files::new();
    let invalid = vec![ByteArray::from(vec![0xff_u8, b'a']), ByteArray::from("é")];
    for declaration in [
        "binary c",
        "binary c (STRING)",
        "binary c (JSON)",
        "binary c (ENUM)",
    ] {
        let file = one::<ByteArrayType>(&files, declaration, invalid.clone());
        for as_type in [S::String, S::Binary] {
            let schema = schema(&[("c", as_type)]);
            let scanned = scan(&schema, vec![file.clone()]).unwrap();
            let column = scanned.batches[0].column(0);
            assert_eq!(column.bytes_value(0), Some(&[0xff, b'a'][..]));
            assert_eq!(column.bytes_value(1), Some("é".as_bytes()));
        }
        refused(&file, S::Int);
    }
    let fixed = vec![FixedLenByteArray::from(vec![1_u8, 2, 3])];
    let file = one::<FixedLenByteArrayType>(&files, "fixed_len_byte_array(3) c", fixed);
    let schema = schema(&[("c", S::Binary)]);
    let scanned = scan(&schema, vec![file.clone()]).unwrap();
    assert_eq!(
        scanned.batches[0].column(0).bytes_value(0),
        Some(&[1, 2, 3][..])
    );
    refused(&file, S::String);
}

#[test]
fn decimals_of_every_physical_type() {
    let files = Files::new();
    let check = |file: &FileSplit| {
        for (as_type, factor) in [
            (S::decimal(8, 2), 1_i128),
            (S::decimal(9, 2), 1),
            (S::decimal(12, 2), 1),
            (S::decimal(9, 3), 10),
            (S::decimal(18, 4), 100),
            (S::decimal(38, 2), 1),
            (S::decimal(38, 12), 10_i128.pow(10)),
        ] {
            let expected = [12345678 * factor, -12345678 * factor, 0].map(|v| v.to_string());
            assert_eq!(read(file, as_type.clone()).unwrap(), expected, "{as_type}");
        }
        for other in [
            S::decimal(7, 2),
            S::decimal(12, 1),
            S::decimal(8, 3),
            S::Float,
        ] {
            refused(file, other);
        }
    };
    let data = [12345678_i32, -12345678, 0];
    check(&one::<Int32Type>(
        &files,
        "int32 c (DECIMAL(8,2))",
        data.to_vec(),
    ));
    let longs = data.map(i64::from).to_vec();
    check(&one::<Int64Type>(&files, "int64 c (DECIMAL(8,2))", longs));
    let bytes = |length: usize| {
        data.map(|v| i128::from(v).to_be_bytes()[16 - length..].to_vec())
            .to_vec()
    };
    for length in [4, 8, 16] {
        let fixed = bytes(length)
            .into_iter()
            .map(FixedLenByteArray::from)
            .collect();
        let declaration = format!("fixed_len_byte_array({length}) c (DECIMAL(8,2))");
        check(&one::<FixedLenByteArrayType>(&files, &declaration, fixed));
    }
    let mut binary: Vec<ByteArray> = bytes(4).into_iter().map(ByteArray::from).collect();
    binary[2] = ByteArray::from(vec![0_u8; 20]);
    check(&one::<ByteArrayType>(
        &files,
        "binary c (DECIMAL(8,2))",
        binary,
    ));
}

#[test]
fn wide_decimals_and_their_limits() {
    let files = Files::new();
    let top = 10_i128.pow(38) - 1;
    let fixed = |v: i128| FixedLenByteArray::from(v.to_be_bytes().to_vec());
    let declaration = "fixed_len_byte_array(16) c (DECIMAL(38,0))";
    let data = vec![fixed(top), fixed(-top)];
    let file = one::<FixedLenByteArrayType>(&files, declaration, data);
    assert_eq!(
        read(&file, S::decimal(38, 0)).unwrap(),
        [top.to_string(), (-top).to_string()]
    );
    let file = one::<FixedLenByteArrayType>(&files, declaration, vec![fixed(top + 1)]);
    damaged(&file, S::decimal(38, 0), "38 digits");
    let data = vec![ByteArray::from(vec![1_u8; 17])];
    let file = one::<ByteArrayType>(&files, "binary c (DECIMAL(38,0))", data);
    damaged(&file, S::decimal(38, 0), "128 bits");
}

#[test]
fn timestamps() {
    let files = Files::new();
    let micros = vec![-1_i64, 1_700_000_000_000_000];
    let same = ["-1", "1700000000000000"];
    for adjusted in ["true", "false"] {
        let declaration = format!("int64 c (TIMESTAMP(MICROS,{adjusted}))");
        let file = one::<Int64Type>(&files, &declaration, micros.clone());
        for as_type in [S::Timestamp, S::TimestampNtz, S::Long] {
            assert_eq!(read(&file, as_type).unwrap(), same);
        }
        let declaration = format!("int64 c (TIMESTAMP(MILLIS,{adjusted}))");
        let file = one::<Int64Type>(&files, &declaration, vec![-1, 5]);
        for as_type in [S::Timestamp, S::TimestampNtz] {
            assert_eq!(read(&file, as_type).unwrap(), ["-1000", "5000"]);
        }
        assert_eq!(read(&file, S::Long).unwrap(), ["-1", "5"]);
        let file = one::<Int64Type>(&files, &declaration, vec![i64::MAX / 999]);
        damaged(&file, S::Timestamp, "overflow");
        let declaration = format!("int64 c (TIMESTAMP(NANOS,{adjusted}))");
        let file = one::<Int64Type>(&files, &declaration, vec![1]);
        refused(&file, S::Timestamp);
        assert_eq!(read(&file, S::Long).unwrap(), ["1"]);
    }
    let file = one::<Int64Type>(&files, "int64 c (TIMESTAMP_MILLIS)", vec![7]);
    assert_eq!(read(&file, S::Timestamp).unwrap(), ["7000"]);
    let file = one::<Int32Type>(&files, "int32 c (DATE)", vec![-1, 2]);
    assert_eq!(read(&file, S::Date).unwrap(), ["-1", "2"]);
    assert_eq!(
        read(&file, S::TimestampNtz).unwrap(),
        ["-86400000000", "172800000000"]
    );
    refused(&file, S::Timestamp);
}

fn int96(julian_day: i32, nanos: i64) -> Int96 {
    let mut value = Int96::new();
    value.set_data(nanos as u32, (nanos >> 32) as u32, julian_day as u32);
    value
}

#[test]
fn int96_beyond_the_range_of_nanoseconds() {
    let files = Files::new();
    // 9999-12-31, 0001-01-01, and half a second before the epoch.
    let data = vec![
        int96(5_373_484, 1_999),
        int96(1_721_426, 0),
        int96(2_440_587, 86_399_500_000_000),
    ];
    let file = one::<Int96Type>(&files, "int96 c", data);
    let expected = ["253402214400000001", "-62135596800000000", "-500000"];
    assert_eq!(read(&file, S::Timestamp).unwrap(), expected);
    assert_eq!(read(&file, S::TimestampNtz).unwrap(), expected);
    refused(&file, S::Long);
}

/// Writes dates and timestamps with keys that say who wrote the file.
pub(super) fn old_file(
    files: &Files,
    name: &str,
    keys: &[(&str, &str)],
    days: i32,
    micros: i64,
) -> FileSplit {
    let keys = keys
        .iter()
        .map(|(k, v)| KeyValue::new(k.to_string(), v.to_string()));
    let properties = WriterProperties::builder()
        .set_key_value_metadata(Some(keys.collect()))
        .build();
    let message = "message m {
        required int32 d (DATE);
        required int64 t (TIMESTAMP(MICROS,true));
        required int96 i;
    }";
    let day = (micros.div_euclid(86_400_000_000) + 2_440_588) as i32;
    let nanos = micros.rem_euclid(86_400_000_000) * 1000;
    let columns = vec![
        values::<Int32Type>(vec![days], None),
        values::<Int64Type>(vec![micros], None),
        values::<Int96Type>(vec![int96(day, nanos)], None),
    ];
    files.low_level(name, message, properties, columns)
}

#[test]
fn old_calendars() {
    let files = Files::new();
    let schema = schema(&[("d", S::Date), ("t", S::Timestamp), ("i", S::Timestamp)]);
    let days = -719164;
    let micros = i64::from(days) * 86_400_000_000 + 5;
    let show = |file: &FileSplit, options: ScanOptions| {
        let scanned = scan_with(&schema, options, None, vec![file.clone()], 3)?;
        Ok::<_, EngineError>(
            (0..3)
                .map(|c| scanned.column(c)[0].clone())
                .collect::<Vec<_>>(),
        )
    };
    let as_is = [days.to_string(), micros.to_string(), micros.to_string()];
    let moved = micros + 2 * 86_400_000_000;
    let rebased = [(days + 2).to_string(), moved.to_string(), moved.to_string()];
    let version = "org.apache.spark.version";
    let utc = ("org.apache.spark.timeZone", "UTC");
    let legacy = ("org.apache.spark.legacyDateTime", "");
    let legacy_int96 = ("org.apache.spark.legacyINT96", "");
    let file = old_file(&files, "new", &[(version, "4.1.3")], days, micros);
    assert_eq!(show(&file, options(&schema)).unwrap(), as_is);
    let file = old_file(&files, "unknown", &[], days, micros);
    assert_eq!(show(&file, options(&schema)).unwrap(), as_is);
    for keys in [
        vec![(version, "2.4.0"), utc],
        vec![(version, "4.1.3"), legacy, legacy_int96, utc],
    ] {
        let file = old_file(&files, &format!("old{}", keys.len()), &keys, days, micros);
        assert_eq!(show(&file, options(&schema)).unwrap(), rebased);
    }
    let file = old_file(&files, "3.0", &[(version, "3.0.1"), utc], days, micros);
    let int96_only = [as_is[0].clone(), as_is[1].clone(), rebased[2].clone()];
    assert_eq!(show(&file, options(&schema)).unwrap(), int96_only);
    // Without a time zone, old timestamps are for the JVM; dates and modern timestamps are not.
    let file = old_file(&files, "no zone", &[(version, "2.4.0")], days, micros);
    let error = show(&file, options(&schema)).unwrap_err();
    assert!(matches!(error, EngineError::Host(_)), "{error:?}");
    let file = old_file(&files, "modern", &[(version, "2.4.0")], days, 17);
    let modern = [rebased[0].clone(), "17".to_string(), "17".to_string()];
    assert_eq!(show(&file, options(&schema)).unwrap(), modern);
    let file = old_file(&files, "default", &[], days, 17);
    let legacy = ScanOptions {
        legacy_datetime_default: true,
        legacy_int96_default: true,
        ..options(&schema)
    };
    assert_eq!(show(&file, legacy).unwrap(), modern);
}

#[test]
fn nulls_of_every_layout() {
    let files = Files::new();
    let batch = RecordBatch::try_from_iter([
        (
            "i",
            Arc::new(Int32Array::from(vec![Some(1), None, Some(3), None])) as ArrayRef,
        ),
        (
            "s",
            Arc::new(StringArray::from(vec![None, Some("b"), Some(""), None])) as ArrayRef,
        ),
        ("n", Arc::new(NullArray::new(4)) as ArrayRef),
        (
            "a",
            Arc::new(StringArray::from(vec![None::<&str>; 4])) as ArrayRef,
        ),
    ])
    .unwrap();
    for dictionaries in [true, false] {
        let properties = WriterProperties::builder()
            .set_dictionary_enabled(dictionaries)
            .build();
        let file = files.arrow(
            &format!("n{dictionaries}"),
            std::slice::from_ref(&batch),
            properties,
        );
        let schema = schema(&[
            ("i", S::Long),
            ("s", S::String),
            ("n", S::Null),
            ("a", S::String),
        ]);
        let scanned = scan(&schema, vec![file]).unwrap();
        assert_eq!(scanned.column(0), ["1", "NULL", "3", "NULL"]);
        assert_eq!(scanned.column(1), ["NULL", "b", "", "NULL"]);
        assert_eq!(scanned.column(2), ["NULL"; 4]);
        assert_eq!(scanned.column(3), ["NULL"; 4]);
    }
}
