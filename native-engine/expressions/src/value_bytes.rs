//! One value of any type as bytes and back: for keys of hash tables and for aggregate states that
//! keep values. Equal values of one type give equal bytes once floats are normalised.

use arclight_columns::{Column, ColumnBuilder, Physical, SparkType, Values};

use crate::expression::EvalError;

/// What to do with the floats of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floats {
    /// Bits as they are.
    Keep,
    /// One NaN, no -0.0 (Spark's `NormalizeFloatingNumbers`), nested ones too.
    Normalize,
}

/// A double with one NaN and no -0.0.
#[inline]
pub fn normalize_double(value: f64) -> f64 {
    if value.is_nan() {
        f64::NAN
    } else {
        value + 0.0
    }
}

/// A float with one NaN and no -0.0.
#[inline]
pub fn normalize_float(value: f32) -> f32 {
    if value.is_nan() {
        f32::NAN
    } else {
        value + 0.0
    }
}

/// Appends the value of `row`: a byte that is 0 for NULL and 1 otherwise, then the value (fixed
/// widths in native order, decimals at their type's usual width, lengths as 32 bits).
pub fn encode_value(column: &Column, row: usize, floats: Floats, out: &mut Vec<u8>) {
    if column.is_null(row) {
        return out.push(0);
    }
    out.push(1);
    let (base, at) = column.locate(row);
    let Some(values) = base.as_flat() else {
        return;
    };
    match values {
        Values::Null => {}
        Values::Boolean(v) => out.push(u8::from(v.value(at))),
        Values::Int8(v) => out.extend_from_slice(&v[at].to_ne_bytes()),
        Values::Int16(v) => out.extend_from_slice(&v[at].to_ne_bytes()),
        Values::Int32(v) => out.extend_from_slice(&v[at].to_ne_bytes()),
        Values::Int64(v) if base.data_type().physical() == Physical::Int128 => {
            out.extend_from_slice(&i128::from(v[at]).to_ne_bytes());
        }
        Values::Int64(v) => out.extend_from_slice(&v[at].to_ne_bytes()),
        Values::Int128(v) => out.extend_from_slice(&v[at].to_ne_bytes()),
        Values::Float32(v) => {
            let value = match floats {
                Floats::Keep => v[at],
                Floats::Normalize => normalize_float(v[at]),
            };
            out.extend_from_slice(&value.to_bits().to_ne_bytes());
        }
        Values::Float64(v) => {
            let value = match floats {
                Floats::Keep => v[at],
                Floats::Normalize => normalize_double(v[at]),
            };
            out.extend_from_slice(&value.to_bits().to_ne_bytes());
        }
        Values::Bytes(v) => {
            let bytes = v.value(at);
            out.extend_from_slice(&(bytes.len() as u32).to_ne_bytes());
            out.extend_from_slice(bytes);
        }
        Values::Struct(children) => {
            for child in children {
                encode_value(child, at, floats, out);
            }
        }
        Values::List { offsets, elements } => {
            let (from, to) = (offsets[at] as usize, offsets[at + 1] as usize);
            out.extend_from_slice(&((to - from) as u32).to_ne_bytes());
            for element in from..to {
                encode_value(elements, element, floats, out);
            }
        }
    }
}

fn truncated() -> EvalError {
    EvalError::Internal("encoded value ends early".to_string())
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], EvalError> {
    if bytes.len() < count {
        return Err(truncated());
    }
    let (head, tail) = bytes.split_at(count);
    *bytes = tail;
    Ok(head)
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], EvalError> {
    take(bytes, N)?.try_into().map_err(|_| truncated())
}

/// Reads one value that [`encode_value`] wrote from the front of `bytes`, and appends it to a
/// builder of the same type.
pub fn decode_value(bytes: &mut &[u8], builder: &mut ColumnBuilder) -> Result<(), EvalError> {
    if array::<1>(bytes)? == [0] {
        builder.push_null();
        return Ok(());
    }
    match builder.data_type().physical() {
        Physical::Null => builder.push_null(),
        Physical::Boolean => builder.push_bool(array::<1>(bytes)? != [0]),
        Physical::Int8 => builder.push_i8(i8::from_ne_bytes(array(bytes)?)),
        Physical::Int16 => builder.push_i16(i16::from_ne_bytes(array(bytes)?)),
        Physical::Int32 => builder.push_i32(i32::from_ne_bytes(array(bytes)?)),
        Physical::Int64 => builder.push_i64(i64::from_ne_bytes(array(bytes)?)),
        Physical::Int128 => builder.push_i128(i128::from_ne_bytes(array(bytes)?)),
        Physical::Float32 => {
            builder.push_f32(f32::from_bits(u32::from_ne_bytes(array(bytes)?)));
        }
        Physical::Float64 => {
            builder.push_f64(f64::from_bits(u64::from_ne_bytes(array(bytes)?)));
        }
        Physical::Bytes => {
            let len = u32::from_ne_bytes(array(bytes)?) as usize;
            builder.push_bytes(take(bytes, len)?);
        }
        Physical::Struct => {
            for field in builder.struct_fields().ok_or_else(truncated)? {
                decode_value(bytes, field)?;
            }
            builder.finish_struct();
        }
        Physical::List => {
            let len = u32::from_ne_bytes(array(bytes)?);
            let elements = builder.list_elements().ok_or_else(truncated)?;
            for _ in 0..len {
                decode_value(bytes, elements)?;
            }
            builder.finish_list();
        }
    }
    Ok(())
}

/// The bytes of the first value that [`encode_value`] wrote at the front of `bytes`.
pub fn value_length(bytes: &[u8], data_type: &SparkType) -> Result<usize, EvalError> {
    let mut rest = bytes;
    skip_value(&mut rest, data_type)?;
    Ok(bytes.len() - rest.len())
}

fn skip_value(bytes: &mut &[u8], data_type: &SparkType) -> Result<(), EvalError> {
    if array::<1>(bytes)? == [0] {
        return Ok(());
    }
    let width = match data_type.physical() {
        Physical::Null => 0,
        Physical::Boolean | Physical::Int8 => 1,
        Physical::Int16 => 2,
        Physical::Int32 | Physical::Float32 => 4,
        Physical::Int64 | Physical::Float64 => 8,
        Physical::Int128 => 16,
        Physical::Bytes => u32::from_ne_bytes(array(bytes)?) as usize,
        Physical::Struct => {
            if let SparkType::Struct(fields) = data_type {
                for field in fields.iter() {
                    skip_value(bytes, &field.data_type)?;
                }
            }
            0
        }
        Physical::List => {
            let len = u32::from_ne_bytes(array(bytes)?);
            if let Some(element) = data_type.list_element() {
                for _ in 0..len {
                    skip_value(bytes, &element.data_type)?;
                }
            }
            0
        }
    };
    take(bytes, width)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arclight_columns::{BinaryViewArray, Field, NullBuffer};
    use std::sync::Arc;

    #[test]
    fn round_trips_nested_values() {
        let field = Field::new("s", SparkType::String, true);
        let list = SparkType::Array(Arc::new(field));
        let mut builder = ColumnBuilder::new(list.clone(), 3);
        if let Some(elements) = builder.list_elements() {
            elements.push_bytes(b"abc");
            elements.push_null();
        }
        builder.finish_list();
        builder.push_null();
        builder.finish_list();
        let column = builder.finish();
        let mut bytes = Vec::new();
        (0..3).for_each(|row| encode_value(&column, row, Floats::Keep, &mut bytes));
        assert_eq!(
            value_length(&bytes, &list).unwrap(),
            1 + 4 + (1 + 4 + 3) + 1
        );
        let mut builder = ColumnBuilder::new(list, 3);
        let mut rest = &bytes[..];
        (0..3).for_each(|_| decode_value(&mut rest, &mut builder).unwrap());
        assert!(rest.is_empty());
        let again = builder.finish();
        let mut other = Vec::new();
        (0..3).for_each(|row| encode_value(&again, row, Floats::Keep, &mut other));
        assert_eq!(bytes, other);
    }

    #[test]
    fn normalises_floats_and_widths() {
        let doubles = Column::fixed(
            SparkType::Double,
            vec![-0.0, 0.0, f64::NAN, -f64::NAN],
            None,
        );
        let encode = |row| {
            let mut out = Vec::new();
            encode_value(&doubles, row, Floats::Normalize, &mut out);
            out
        };
        assert_eq!(encode(0), encode(1));
        assert_eq!(encode(2), encode(3));
        let narrow = Column::fixed(SparkType::decimal(20, 0), vec![7i64], None);
        let mut out = Vec::new();
        encode_value(&narrow, 0, Floats::Keep, &mut out);
        assert_eq!(out.len(), 17);
    }

    #[test]
    fn refuses_truncated_bytes() {
        let strings = BinaryViewArray::from_iter_values([b"abcdef"]);
        let column = Column::bytes(SparkType::String, strings, None::<NullBuffer>);
        let mut out = Vec::new();
        encode_value(&column, 0, Floats::Keep, &mut out);
        let mut builder = ColumnBuilder::new(SparkType::String, 1);
        assert!(decode_value(&mut &out[..7], &mut builder).is_err());
    }
}
