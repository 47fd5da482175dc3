//! Columns from and to arrow arrays, without copying where the layouts agree.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt32Type,
};
use arrow_array::{
    Array, ArrayRef, BinaryViewArray, BooleanArray, Decimal128Array, ListArray, NullArray,
    PrimitiveArray, StructArray,
};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field as ArrowField, TimeUnit};

use crate::ColumnError;
use crate::column::{Column, Values};
use crate::types::{MAX_LONG_DIGITS, Physical, SparkType};

fn mismatch(array: &dyn Array, expected: &SparkType) -> ColumnError {
    ColumnError::Type {
        expected: expected.to_string(),
        found: array.data_type().to_string(),
    }
}

fn narrow(
    values: &ScalarBuffer<i128>,
    array: &dyn Array,
    precision: u8,
) -> Result<Values, ColumnError> {
    let narrowed = values.iter().map(|&v| v as i64).collect::<Vec<_>>();
    let lost = narrowed
        .iter()
        .zip(values.iter())
        .enumerate()
        .any(|(i, (&n, &v))| i128::from(n) != v && array.is_valid(i));
    if lost {
        return Err(ColumnError::Precision(precision));
    }
    Ok(Values::Int64(narrowed.into()))
}

impl Column {
    /// A column of type `data_type` from an array whose layout can hold it: the same physical
    /// width, any arrow decimal for decimals, any arrow string or binary array for byte strings,
    /// dictionaries of byte strings (kept as codes).
    pub fn from_array(array: &ArrayRef, data_type: &SparkType) -> Result<Column, ColumnError> {
        let len = array.len();
        let validity = array.nulls().cloned();
        let error = || mismatch(array.as_ref(), data_type);
        if let DataType::Dictionary(key, _) = array.data_type() {
            return match key.as_ref() {
                DataType::Int32 => dictionary::<Int32Type>(array, data_type, |k| k as u32),
                DataType::UInt32 => dictionary::<UInt32Type>(array, data_type, |k| k),
                _ => Err(error()),
            };
        }
        let values = match (data_type.physical(), array.data_type()) {
            (Physical::Null, _) => Values::Null,
            (_, DataType::Null) => return Ok(Column::nulls(data_type.clone(), len)),
            (Physical::Boolean, DataType::Boolean) => {
                Values::Boolean(array.as_boolean().values().clone())
            }
            (Physical::Int8, DataType::Int8) => {
                Values::Int8(array.as_primitive::<Int8Type>().values().clone())
            }
            (Physical::Int16, DataType::Int16) => {
                Values::Int16(array.as_primitive::<Int16Type>().values().clone())
            }
            (Physical::Int32, DataType::Int32) => {
                Values::Int32(array.as_primitive::<Int32Type>().values().clone())
            }
            (Physical::Int32, DataType::Date32) => {
                Values::Int32(array.as_primitive::<Date32Type>().values().clone())
            }
            (Physical::Int64 | Physical::Int128, DataType::Int64) => {
                Values::Int64(array.as_primitive::<Int64Type>().values().clone())
            }
            (Physical::Int64 | Physical::Int128, DataType::Decimal64(..)) => {
                Values::Int64(array.as_primitive::<Decimal64Type>().values().clone())
            }
            (Physical::Int64 | Physical::Int128, DataType::Decimal32(..)) => {
                let values = array.as_primitive::<Decimal32Type>().values();
                Values::Int64(values.iter().map(|&v| i64::from(v)).collect())
            }
            (Physical::Int64, DataType::Timestamp(TimeUnit::Microsecond, _)) => Values::Int64(
                array
                    .as_primitive::<TimestampMicrosecondType>()
                    .values()
                    .clone(),
            ),
            (Physical::Int64, DataType::Decimal128(..)) => {
                let values = array.as_primitive::<Decimal128Type>().values();
                let SparkType::Decimal { precision, .. } = data_type else {
                    return Err(error());
                };
                debug_assert!(*precision <= MAX_LONG_DIGITS);
                narrow(values, array.as_ref(), *precision)?
            }
            (Physical::Int128, DataType::Decimal128(..)) => {
                Values::Int128(array.as_primitive::<Decimal128Type>().values().clone())
            }
            (Physical::Float32, DataType::Float32) => {
                Values::Float32(array.as_primitive::<Float32Type>().values().clone())
            }
            (Physical::Float64, DataType::Float64) => {
                Values::Float64(array.as_primitive::<Float64Type>().values().clone())
            }
            (Physical::Bytes, _) => Values::Bytes(views(array).ok_or_else(error)?),
            (Physical::Struct, DataType::Struct(_)) => {
                let SparkType::Struct(fields) = data_type else {
                    return Err(error());
                };
                let children = array.as_struct().columns();
                if children.len() != fields.len() {
                    return Err(error());
                }
                Values::Struct(
                    children
                        .iter()
                        .zip(fields.iter())
                        .map(|(child, field)| Column::from_array(child, &field.data_type))
                        .collect::<Result<_, _>>()?,
                )
            }
            (Physical::List, DataType::List(_) | DataType::Map(..)) => {
                let (offsets, elements): (&OffsetBuffer<i32>, ArrayRef) =
                    if let Some(list) = array.as_list_opt::<i32>() {
                        (list.offsets(), Arc::clone(list.values()))
                    } else {
                        let map = array.as_map();
                        (map.offsets(), Arc::new(map.entries().clone()))
                    };
                let element = data_type.list_element().ok_or_else(error)?;
                let elements =
                    Arc::new(Column::from_array(&elements, &element.data_type)?.flatten());
                Values::List {
                    offsets: offsets.clone(),
                    elements,
                }
            }
            _ => return Err(error()),
        };
        Ok(Column::flat(data_type.clone(), len, values, validity))
    }

    /// The column as an arrow array of its *physical* type (a date is Int32, a decimal Int64 or
    /// Decimal128, a map a list of structs): for arrow's data-moving kernels. Flattens.
    pub fn to_array(&self) -> Result<ArrayRef, ColumnError> {
        let flat = self.flatten();
        let nulls = flat.validity().cloned();
        let len = flat.len();
        let Some(values) = flat.as_flat() else {
            return Ok(Arc::new(NullArray::new(len)));
        };
        Ok(match values {
            Values::Null => Arc::new(NullArray::new(len)),
            Values::Boolean(v) => Arc::new(BooleanArray::new(v.clone(), nulls)),
            Values::Int8(v) => Arc::new(PrimitiveArray::<Int8Type>::new(v.clone(), nulls)),
            Values::Int16(v) => Arc::new(PrimitiveArray::<Int16Type>::new(v.clone(), nulls)),
            Values::Int32(v) => Arc::new(PrimitiveArray::<Int32Type>::new(v.clone(), nulls)),
            Values::Int64(v) => Arc::new(PrimitiveArray::<Int64Type>::new(v.clone(), nulls)),
            Values::Int128(v) => Arc::new(Decimal128Array::new(v.clone(), nulls)),
            Values::Float32(v) => Arc::new(PrimitiveArray::<Float32Type>::new(v.clone(), nulls)),
            Values::Float64(v) => Arc::new(PrimitiveArray::<Float64Type>::new(v.clone(), nulls)),
            Values::Bytes(v) => Arc::new(BinaryViewArray::try_new(
                v.views().clone(),
                v.data_buffers().to_vec(),
                nulls,
            )?),
            Values::Struct(children) => {
                let arrays = children
                    .iter()
                    .map(Column::to_array)
                    .collect::<Result<Vec<_>, _>>()?;
                let fields: Vec<ArrowField> = arrays
                    .iter()
                    .enumerate()
                    .map(|(i, a)| ArrowField::new(i.to_string(), a.data_type().clone(), true))
                    .collect();
                if fields.is_empty() {
                    Arc::new(StructArray::new_empty_fields(len, nulls))
                } else {
                    Arc::new(StructArray::try_new(fields.into(), arrays, nulls)?)
                }
            }
            Values::List { offsets, elements } => {
                let elements = elements.to_array()?;
                let field = ArrowField::new("element", elements.data_type().clone(), true);
                Arc::new(ListArray::try_new(
                    Arc::new(field),
                    offsets.clone(),
                    elements,
                    nulls,
                )?)
            }
        })
    }
}

fn dictionary<K: ArrowDictionaryKeyType>(
    array: &ArrayRef,
    data_type: &SparkType,
    code: impl Fn(K::Native) -> u32,
) -> Result<Column, ColumnError> {
    let dictionary = array.as_dictionary::<K>();
    let values = Column::from_array(dictionary.values(), data_type)?;
    let codes: Vec<u32> = dictionary
        .keys()
        .values()
        .iter()
        .map(|&k| code(k))
        .collect();
    if values.has_nulls() {
        // Legal in arrow, not here: NULL belongs to the rows.
        let rows = codes
            .iter()
            .map(|&c| c.min(values.len().saturating_sub(1) as u32));
        let taken = values.take(&rows.collect::<Vec<_>>())?;
        let validity = arrow_buffer::NullBuffer::union(taken.validity(), dictionary.nulls());
        let flat = taken.as_flat().cloned().unwrap_or(Values::Null);
        return Ok(Column::flat(data_type.clone(), array.len(), flat, validity));
    }
    let validity = dictionary.nulls().cloned();
    Ok(Column::dictionary(
        codes.into(),
        Arc::new(values.flatten()),
        validity,
    ))
}

fn views(array: &ArrayRef) -> Option<BinaryViewArray> {
    let views: BinaryViewArray = match array.data_type() {
        DataType::BinaryView => array.as_binary_view().clone(),
        DataType::Utf8View => array.as_string_view().clone().to_binary_view(),
        DataType::Binary => array.as_binary::<i32>().into(),
        DataType::Utf8 => {
            arrow_array::StringViewArray::from(array.as_string::<i32>()).to_binary_view()
        }
        DataType::LargeBinary => array.as_binary::<i64>().into(),
        DataType::FixedSizeBinary(_) => {
            let fixed = array.as_fixed_size_binary();
            BinaryViewArray::from_iter_values((0..fixed.len()).map(|i| fixed.value(i)))
        }
        _ => return None,
    };
    if views.nulls().is_none() {
        return Some(views);
    }
    // SAFETY: views and buffers come from a valid array and are unchanged; only the null buffer
    // is dropped, and the views at NULL rows of an arrow array are required to be valid too.
    Some(unsafe {
        BinaryViewArray::new_unchecked(views.views().clone(), views.data_buffers().to_vec(), None)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_narrow_only_without_loss() {
        let array: ArrayRef = Arc::new(Decimal128Array::from(vec![Some(5), None, Some(-7)]));
        let column = Column::from_array(&array, &SparkType::decimal(10, 2)).unwrap();
        assert_eq!(column.as_slice::<i64>().unwrap()[2], -7);
        assert!(column.is_null(1));
        let array: ArrayRef = Arc::new(Decimal128Array::from(vec![i128::MAX / 8]));
        assert!(Column::from_array(&array, &SparkType::decimal(10, 2)).is_err());
    }

    #[test]
    fn nested_round_trip() {
        let elements = Column::fixed(SparkType::Int, vec![1, 2, 3], None);
        let element = crate::Field::new("element", SparkType::Int, true);
        let list = Column::flat(
            SparkType::Array(Arc::new(element)),
            2,
            Values::List {
                offsets: OffsetBuffer::from_lengths([2, 1]),
                elements: Arc::new(elements),
            },
            None,
        );
        let taken = list.take(&[1, 0]).unwrap();
        let Some(Values::List { offsets, elements }) = taken.as_flat() else {
            panic!()
        };
        assert_eq!(&offsets[..], &[0, 1, 3]);
        assert_eq!(elements.as_slice::<i32>().unwrap(), &[3, 1, 2]);
    }
}
