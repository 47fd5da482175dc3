//! Arrow arrays of physical values to columns of Spark types.

use std::sync::Arc;

use arclight_columns::{
    Column, FixedWidth, MAX_LONG_DIGITS, NullBuffer, OffsetBuffer, ScalarBuffer, SparkType, Values,
};
use arclight_operators::{HostError, TaskContext};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef, BinaryViewArray};
use arrow_schema::DataType;

use crate::rebase::{
    FIRST_GREGORIAN_DAY, FIRST_SAME_MICROS, is_utc, julian_to_gregorian_days,
    julian_to_gregorian_micros_utc,
};
use crate::resolve::{Conversion, Node, NodeKind, Rebase, Refusal};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Why values did not become a column.
#[derive(Debug)]
pub(crate) enum ConvertError {
    /// The file has what cannot be read.
    Refused(Refusal),
    /// The JVM, which was asked for a part, failed.
    Host(HostError),
}

impl From<Refusal> for ConvertError {
    fn from(refusal: Refusal) -> Self {
        ConvertError::Refused(refusal)
    }
}

impl From<HostError> for ConvertError {
    fn from(error: HostError) -> Self {
        ConvertError::Host(error)
    }
}

type Result<T> = std::result::Result<T, Refusal>;
type Converted<T> = std::result::Result<T, ConvertError>;

/// The column of a node. Asks `task`'s JVM for old timestamps of time zones other than UTC.
pub(crate) fn convert(array: &ArrayRef, node: &Node, task: &TaskContext) -> Converted<Column> {
    convert_within(array, node, None, task)
}

/// The column of a part of structs, of which some may be NULL: there the part holds anything, even
/// if the file says that it is never NULL.
fn convert_within(
    array: &ArrayRef,
    node: &Node,
    structs: Option<&NullBuffer>,
    task: &TaskContext,
) -> Converted<Column> {
    let data_type = &node.data_type;
    let validity = NullBuffer::union(structs, array.nulls());
    match &node.kind {
        NodeKind::Leaf { conversion, .. } => leaf(array, conversion, data_type, validity, task),
        NodeKind::Struct(fields) => {
            let SparkType::Struct(types) = data_type else {
                return Err(unexpected(array, data_type).into());
            };
            let Some(array) = array.as_struct_opt() else {
                return Err(unexpected(array, data_type).into());
            };
            let children = fields
                .iter()
                .zip(types.iter())
                .map(|(field, wanted)| match field {
                    None => Ok(missing(&wanted.data_type, array.len())),
                    Some((position, node)) => {
                        let child = array.columns().get(*position);
                        let child =
                            child.ok_or_else(|| Refusal::corrupt("struct lacks a field"))?;
                        Ok(convert_within(child, node, validity.as_ref(), task)?.flatten())
                    }
                })
                .collect::<Converted<Vec<_>>>()?;
            let values = Values::Struct(children);
            Ok(Column::flat(
                data_type.clone(),
                array.len(),
                values,
                validity,
            ))
        }
        NodeKind::List(element) => {
            let Some(list) = array.as_list_opt::<i32>() else {
                return Err(unexpected(array, data_type).into());
            };
            let elements = convert(list.values(), element, task)?.flatten();
            Ok(list_column(data_type, list.offsets(), elements, validity))
        }
        NodeKind::Map(key, value) => {
            let Some(map) = array.as_map_opt() else {
                return Err(unexpected(array, data_type).into());
            };
            if map.keys().null_count() > 0 {
                return Err(Refusal::corrupt("a map key is NULL").into());
            }
            let entry = data_type.list_element();
            let entry = entry.ok_or_else(|| unexpected(array, data_type))?;
            let keys = convert(map.keys(), key, task)?.flatten();
            let items = convert(map.values(), value, task)?.flatten();
            let entries = Values::Struct(vec![keys, items]);
            let entries = Column::flat(entry.data_type, map.entries().len(), entries, None);
            Ok(list_column(data_type, map.offsets(), entries, validity))
        }
    }
}

fn list_column(
    data_type: &SparkType,
    offsets: &OffsetBuffer<i32>,
    elements: Column,
    validity: Option<NullBuffer>,
) -> Column {
    let values = Values::List {
        offsets: offsets.clone(),
        elements: Arc::new(elements),
    };
    Column::flat(data_type.clone(), offsets.len() - 1, values, validity)
}

/// NULLs, flat as parts of nested columns have to be.
fn missing(data_type: &SparkType, len: usize) -> Column {
    Column::nulls(data_type.clone(), len).flatten()
}

fn unexpected(array: &dyn Array, wanted: &SparkType) -> Refusal {
    Refusal::corrupt(format!("{} cannot become {wanted}", array.data_type()))
}

fn leaf(
    array: &ArrayRef,
    conversion: &Conversion,
    data_type: &SparkType,
    validity: Option<NullBuffer>,
    task: &TaskContext,
) -> Converted<Column> {
    let values = match conversion {
        Conversion::Null => return Ok(Column::nulls(data_type.clone(), array.len()).flatten()),
        Conversion::Same => same(array, data_type)?,
        Conversion::Truncate if *data_type == SparkType::Byte => map32(array, |v| v as i8)?,
        Conversion::Truncate => map32(array, |v| v as i16)?,
        Conversion::Widen => map32(array, i64::from)?,
        Conversion::WidenUnsigned => map32(array, |v| i64::from(v as u32))?,
        Conversion::Unsigned64 => map64(array, |v| i128::from(v as u64))?,
        Conversion::ToDouble => match array.data_type() {
            DataType::Float32 => {
                let floats = array.as_primitive::<Float32Type>().values();
                Values::Float64(floats.iter().map(|&v| f64::from(v)).collect())
            }
            _ => map32(array, f64::from)?,
        },
        Conversion::Date(rebase) => Values::Int32(days(array, rebase)?),
        Conversion::DateToMicros(rebase) => {
            let days = days(array, rebase)?;
            let micros = |d: i32| i64::from(d).checked_mul(MICROS_PER_DAY);
            Values::Int64(checked(&days, validity.as_ref(), micros)?)
        }
        Conversion::Micros(rebase) => Values::Int64(rebase_micros(
            int64(array)?,
            validity.as_ref(),
            rebase,
            task,
        )?),
        Conversion::Millis(rebase) => {
            let millis = int64(array)?;
            let micros = checked(&millis, validity.as_ref(), |m| m.checked_mul(1000))?;
            Values::Int64(rebase_micros(micros, validity.as_ref(), rebase, task)?)
        }
        Conversion::Bytes => Values::Bytes(views(array, data_type)?),
        Conversion::Decimal { scale_up } => {
            let SparkType::Decimal { precision, .. } = data_type else {
                return Err(unexpected(array, data_type).into());
            };
            decimal(array, *scale_up, *precision, validity.as_ref())?
        }
    };
    Ok(Column::flat(
        data_type.clone(),
        array.len(),
        values,
        validity,
    ))
}

fn same(array: &ArrayRef, data_type: &SparkType) -> Result<Values> {
    Ok(match array.data_type() {
        DataType::Boolean => Values::Boolean(array.as_boolean().values().clone()),
        DataType::Int32 => Values::Int32(array.as_primitive::<Int32Type>().values().clone()),
        DataType::Int64 => Values::Int64(array.as_primitive::<Int64Type>().values().clone()),
        DataType::Float32 => Values::Float32(array.as_primitive::<Float32Type>().values().clone()),
        DataType::Float64 => Values::Float64(array.as_primitive::<Float64Type>().values().clone()),
        _ => return Err(unexpected(array, data_type)),
    })
}

fn int32(array: &ArrayRef) -> Result<&ScalarBuffer<i32>> {
    let array = array.as_primitive_opt::<Int32Type>();
    let array = array.ok_or_else(|| Refusal::corrupt("not INT32 values"))?;
    Ok(array.values())
}

fn int64(array: &ArrayRef) -> Result<ScalarBuffer<i64>> {
    if let Some(micros) = array.as_primitive_opt::<TimestampMicrosecondType>() {
        return Ok(micros.values().clone());
    }
    let array = array.as_primitive_opt::<Int64Type>();
    let array = array.ok_or_else(|| Refusal::corrupt("not INT64 values"))?;
    Ok(array.values().clone())
}

fn map32<T: FixedWidth>(array: &ArrayRef, f: impl Fn(i32) -> T) -> Result<Values> {
    let mapped: Vec<T> = int32(array)?.iter().map(|&v| f(v)).collect();
    Ok(T::wrap(mapped.into()))
}

fn map64<T: FixedWidth>(array: &ArrayRef, f: impl Fn(i64) -> T) -> Result<Values> {
    let mapped: Vec<T> = int64(array)?.iter().map(|&v| f(v)).collect();
    Ok(T::wrap(mapped.into()))
}

fn is_valid(validity: Option<&NullBuffer>, row: usize) -> bool {
    validity.is_none_or(|v| v.is_valid(row))
}

/// `f` of every value; an overflow at a row that is not NULL is an error, as in Spark.
fn checked<T: FixedWidth>(
    values: &[T],
    validity: Option<&NullBuffer>,
    f: impl Fn(T) -> Option<i64>,
) -> Result<ScalarBuffer<i64>> {
    let mut out = Vec::with_capacity(values.len());
    for (row, &value) in values.iter().enumerate() {
        out.push(match f(value) {
            Some(result) => result,
            None if is_valid(validity, row) => return Err(Refusal::corrupt("long overflow")),
            None => 0,
        });
    }
    Ok(out.into())
}

fn days(array: &ArrayRef, rebase: &Rebase) -> Result<ScalarBuffer<i32>> {
    let days = int32(array)?;
    if *rebase == Rebase::Corrected || days.iter().all(|&d| d >= FIRST_GREGORIAN_DAY) {
        return Ok(days.clone());
    }
    Ok(days.iter().map(|&d| julian_to_gregorian_days(d)).collect())
}

/// Microseconds of the proleptic Gregorian calendar. What a time zone other than UTC had for a clock
/// before 1900 the JVM's calendars know: it is asked for those values, all in one call.
fn rebase_micros(
    micros: ScalarBuffer<i64>,
    validity: Option<&NullBuffer>,
    rebase: &Rebase,
    task: &TaskContext,
) -> Converted<ScalarBuffer<i64>> {
    let Rebase::Legacy(zone) = rebase else {
        return Ok(micros);
    };
    if micros.iter().all(|&m| m >= FIRST_SAME_MICROS) {
        return Ok(micros);
    }
    if zone.as_deref().is_some_and(is_utc) {
        return Ok(micros
            .iter()
            .map(|&m| julian_to_gregorian_micros_utc(m))
            .collect());
    }
    let old_rows: Vec<usize> = micros
        .iter()
        .enumerate()
        .filter(|&(row, &m)| m < FIRST_SAME_MICROS && is_valid(validity, row))
        .map(|(row, _)| row)
        .collect();
    if old_rows.is_empty() {
        return Ok(micros);
    }
    let mut old: Vec<i64> = old_rows.iter().map(|&row| micros[row]).collect();
    task.with_host(|host| host.rebase_micros(zone.as_deref(), &mut old))?;
    let mut rebased = micros.to_vec();
    for (row, value) in old_rows.into_iter().zip(old) {
        rebased[row] = value;
    }
    Ok(rebased.into())
}

fn views(array: &ArrayRef, data_type: &SparkType) -> Result<BinaryViewArray> {
    let views = match array.data_type() {
        DataType::BinaryView => array.as_binary_view().clone(),
        DataType::Binary => BinaryViewArray::from(array.as_binary::<i32>()),
        DataType::FixedSizeBinary(_) => {
            let fixed = array.as_fixed_size_binary();
            BinaryViewArray::from_iter_values((0..fixed.len()).map(|row| fixed.value(row)))
        }
        _ => return Err(unexpected(array, data_type)),
    };
    if views.nulls().is_none() {
        return Ok(views);
    }
    let (views, buffers, _) = views.into_parts();
    // SAFETY: views and buffers are those of a valid array, in which views at NULL rows are valid
    // too; only the null buffer is dropped.
    Ok(unsafe { BinaryViewArray::new_unchecked(views, buffers, None) })
}

/// The low 64 bits that Spark's `ParquetRowConverter.binaryToUnscaledLong` makes of big-endian
/// bytes, its shift distances modulo 64 included.
fn unscaled_long(bytes: &[u8]) -> i64 {
    let unscaled = bytes
        .iter()
        .fold(0_i64, |sum, &b| (sum << 8) | i64::from(b));
    let shift = 64_i64.wrapping_sub(8 * bytes.len() as i64) as u32 & 63;
    (unscaled << shift) >> shift
}

/// Big-endian two's complement; `None` if 128 bits do not hold it.
pub(crate) fn unscaled_wide(bytes: &[u8]) -> Option<i128> {
    let extra = bytes.len().saturating_sub(16);
    let (head, tail) = bytes.split_at(extra);
    let negative = bytes.first().is_some_and(|&b| b & 0x80 != 0);
    let fill = if negative { 0xff } else { 0 };
    if head.iter().any(|&b| b != fill) {
        return None;
    }
    if extra > 0 && tail.first().is_some_and(|&b| (b & 0x80 != 0) != negative) {
        return None;
    }
    let start: i128 = if negative { -1 } else { 0 };
    Some(
        tail.iter()
            .fold(start, |sum, &b| (sum << 8) | i128::from(b)),
    )
}

/// Ten to a power, 0..=38.
pub(crate) fn power_of_ten(power: u32) -> i128 {
    10_i128.checked_pow(power).unwrap_or(i128::MAX)
}

fn decimal(
    array: &ArrayRef,
    scale_up: u32,
    precision: u8,
    validity: Option<&NullBuffer>,
) -> Result<Values> {
    if precision <= MAX_LONG_DIGITS {
        let factor = power_of_ten(scale_up) as i64;
        let narrow = precision <= 9;
        // Spark keeps up to 9 digits in an int and cuts what does not fit.
        let finish = |v: i64| {
            let scaled = v.wrapping_mul(factor);
            if narrow {
                i64::from(scaled as i32)
            } else {
                scaled
            }
        };
        return Ok(Values::Int64(match array.data_type() {
            DataType::Int64 if factor == 1 && !narrow => int64(array)?,
            DataType::Int64 => int64(array)?.iter().map(|&v| finish(v)).collect(),
            DataType::Int32 => {
                let values = int32(array)?.iter();
                values.map(|&v| finish(i64::from(v))).collect()
            }
            DataType::FixedSizeBinary(_) if factor == 1 => {
                let fixed = array.as_fixed_size_binary();
                let values = (0..fixed.len()).map(|row| finish(unscaled_long(fixed.value(row))));
                values.collect()
            }
            _ => {
                let wide = unscaled_values(array, validity)?;
                wide.into_iter().map(|v| finish(v as i64)).collect()
            }
        }));
    }
    let wide: Vec<i128> = match array.data_type() {
        DataType::Int32 => int32(array)?.iter().map(|&v| i128::from(v)).collect(),
        DataType::Int64 => int64(array)?.iter().map(|&v| i128::from(v)).collect(),
        _ => unscaled_values(array, validity)?,
    };
    let (factor, limit) = (power_of_ten(scale_up), power_of_ten(u32::from(precision)));
    let mut out = Vec::with_capacity(wide.len());
    for (row, value) in wide.into_iter().enumerate() {
        let scaled = value.checked_mul(factor);
        out.push(match scaled.filter(|v| v.unsigned_abs() < limit as u128) {
            Some(scaled) => scaled,
            None if is_valid(validity, row) => {
                return Err(Refusal::corrupt(format!(
                    "a decimal value has more than {precision} digits"
                )));
            }
            None => 0,
        });
    }
    Ok(Values::Int128(out.into()))
}

fn unscaled_values(array: &ArrayRef, validity: Option<&NullBuffer>) -> Result<Vec<i128>> {
    let rows = 0..array.len();
    let of = |row: usize, bytes: &[u8]| match unscaled_wide(bytes) {
        Some(value) => Ok(value),
        None if is_valid(validity, row) => {
            Err(Refusal::corrupt("a decimal value has more than 128 bits"))
        }
        None => Ok(0),
    };
    match array.data_type() {
        DataType::BinaryView => {
            let views = array.as_binary_view();
            rows.map(|row| of(row, views.value(row))).collect()
        }
        DataType::FixedSizeBinary(_) => {
            let fixed = array.as_fixed_size_binary();
            rows.map(|row| of(row, fixed.value(row))).collect()
        }
        other => Err(Refusal::corrupt(format!("{other} holds no decimals"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unscaled_bytes() {
        assert_eq!(unscaled_wide(&[]), Some(0));
        assert_eq!(unscaled_wide(&[0xff]), Some(-1));
        assert_eq!(unscaled_wide(&[0x00, 0xff]), Some(255));
        let mut long = [0xff_u8; 20];
        assert_eq!(unscaled_wide(&long), Some(-1));
        long[0] = 0;
        assert_eq!(unscaled_wide(&long), None);
        let mut outside = [0_u8; 17];
        outside[1] = 0x80;
        assert_eq!(unscaled_wide(&outside), None);
        assert_eq!(unscaled_long(&[0xff, 0x00]), -256);
        assert_eq!(unscaled_long(&(-5_i64).to_be_bytes()), -5);
        assert_eq!(unscaled_long(&(-5_i128).to_be_bytes()), -5);
    }
}
