//! One column: a type, a layout, and which rows are NULL.

use std::sync::Arc;

use arrow_array::{Array, BinaryViewArray};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};

use crate::types::{Physical, SparkType};

/// Values laid out one after the other.
#[derive(Debug, Clone)]
pub enum Values {
    /// Only NULLs.
    Null,
    /// Bits.
    Boolean(BooleanBuffer),
    /// 8-bit integers.
    Int8(ScalarBuffer<i8>),
    /// 16-bit integers.
    Int16(ScalarBuffer<i16>),
    /// 32-bit integers.
    Int32(ScalarBuffer<i32>),
    /// 64-bit integers.
    Int64(ScalarBuffer<i64>),
    /// 128-bit integers.
    Int128(ScalarBuffer<i128>),
    /// 32-bit floats.
    Float32(ScalarBuffer<f32>),
    /// 64-bit floats.
    Float64(ScalarBuffer<f64>),
    /// Byte strings, as views. The array's own null buffer is never set.
    Bytes(BinaryViewArray),
    /// Child columns, each as long as the column.
    Struct(Vec<Column>),
    /// Offsets into the elements (for maps a struct of key and value).
    List {
        /// Where each row's elements begin and end.
        offsets: OffsetBuffer<i32>,
        /// All rows' elements.
        elements: Arc<Column>,
    },
}

/// How a column's rows find their values.
#[derive(Debug, Clone)]
pub enum Data {
    /// Row `i` has value `i`.
    Flat(Values),
    /// Row `i` has `values[codes[i]]`. The values are flat and hold no NULL; codes at NULL rows
    /// are in bounds unless there are no values.
    Dictionary {
        /// A value's position for each row.
        codes: ScalarBuffer<u32>,
        /// The distinct values (distinctness is not relied on).
        values: Arc<Column>,
    },
    /// Every row has the one value of this flat column of length 1, which may be NULL.
    Constant(Arc<Column>),
}

/// A column of a batch. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Column {
    data_type: SparkType,
    len: usize,
    validity: Option<NullBuffer>,
    data: Data,
}

/// Values of a fixed width: the bridge from generic kernels to [`Values`].
pub trait FixedWidth: Copy + Default + Send + Sync + arrow_buffer::ArrowNativeType {
    /// The layout's name.
    const PHYSICAL: Physical;
    /// These values, if they are of this width.
    fn values(values: &Values) -> Option<&ScalarBuffer<Self>>;
    /// Wraps a buffer.
    fn wrap(buffer: ScalarBuffer<Self>) -> Values;
}

macro_rules! fixed_width {
    ($($native:ty => $variant:ident),*) => {$(
        impl FixedWidth for $native {
            const PHYSICAL: Physical = Physical::$variant;
            fn values(values: &Values) -> Option<&ScalarBuffer<Self>> {
                match values {
                    Values::$variant(buffer) => Some(buffer),
                    _ => None,
                }
            }
            fn wrap(buffer: ScalarBuffer<Self>) -> Values {
                Values::$variant(buffer)
            }
        }
    )*};
}

fixed_width!(i8 => Int8, i16 => Int16, i32 => Int32, i64 => Int64, i128 => Int128, f32 => Float32, f64 => Float64);

impl Values {
    /// The layout.
    pub fn physical(&self) -> Physical {
        match self {
            Values::Null => Physical::Null,
            Values::Boolean(_) => Physical::Boolean,
            Values::Int8(_) => Physical::Int8,
            Values::Int16(_) => Physical::Int16,
            Values::Int32(_) => Physical::Int32,
            Values::Int64(_) => Physical::Int64,
            Values::Int128(_) => Physical::Int128,
            Values::Float32(_) => Physical::Float32,
            Values::Float64(_) => Physical::Float64,
            Values::Bytes(_) => Physical::Bytes,
            Values::Struct(_) => Physical::Struct,
            Values::List { .. } => Physical::List,
        }
    }

    /// Bytes of memory behind the values, shared buffers counted whole.
    pub fn memory_size(&self) -> usize {
        match self {
            Values::Null => 0,
            Values::Boolean(v) => v.inner().len(),
            Values::Int8(v) => v.len(),
            Values::Int16(v) => 2 * v.len(),
            Values::Int32(v) => 4 * v.len(),
            Values::Int64(v) => 8 * v.len(),
            Values::Int128(v) => 16 * v.len(),
            Values::Float32(v) => 4 * v.len(),
            Values::Float64(v) => 8 * v.len(),
            Values::Bytes(v) => {
                16 * v.len() + v.data_buffers().iter().map(|b| b.len()).sum::<usize>()
            }
            Values::Struct(children) => children.iter().map(Column::memory_size).sum(),
            Values::List { offsets, elements } => 4 * offsets.len() + elements.memory_size(),
        }
    }
}

impl Column {
    /// A flat column. `validity`, if given, is as long as the column; one without NULLs is dropped.
    pub fn flat(
        data_type: SparkType,
        len: usize,
        values: Values,
        validity: Option<NullBuffer>,
    ) -> Self {
        debug_assert!(validity.as_ref().is_none_or(|v| v.len() == len));
        let validity = validity.filter(|v| v.null_count() > 0);
        Column {
            data_type,
            len,
            validity,
            data: Data::Flat(values),
        }
    }

    /// A flat column of fixed-width values.
    pub fn fixed<T: FixedWidth>(
        data_type: SparkType,
        values: Vec<T>,
        validity: Option<NullBuffer>,
    ) -> Self {
        let len = values.len();
        Self::flat(
            data_type,
            len,
            T::wrap(ScalarBuffer::from(values)),
            validity,
        )
    }

    /// A flat column of booleans.
    pub fn boolean(values: BooleanBuffer, validity: Option<NullBuffer>) -> Self {
        Self::flat(
            SparkType::Boolean,
            values.len(),
            Values::Boolean(values),
            validity,
        )
    }

    /// A flat column of byte strings.
    pub fn bytes(
        data_type: SparkType,
        values: BinaryViewArray,
        validity: Option<NullBuffer>,
    ) -> Self {
        Self::flat(data_type, values.len(), Values::Bytes(values), validity)
    }

    /// A dictionary column; `values` must be flat and without NULLs, codes in its bounds.
    pub fn dictionary(
        codes: ScalarBuffer<u32>,
        values: Arc<Column>,
        validity: Option<NullBuffer>,
    ) -> Self {
        debug_assert!(matches!(values.data, Data::Flat(_)) && values.validity.is_none());
        let validity = validity.filter(|v| v.null_count() > 0);
        debug_assert!(validity.is_some() || codes.iter().all(|&c| (c as usize) < values.len()));
        Column {
            data_type: values.data_type.clone(),
            len: codes.len(),
            validity,
            data: Data::Dictionary { codes, values },
        }
    }

    /// `len` times the one value of `value`, a column of length 1.
    pub fn constant(value: Column, len: usize) -> Self {
        debug_assert_eq!(value.len, 1);
        let value = match &value.data {
            Data::Flat(_) => value,
            _ => value.flatten(),
        };
        let data_type = value.data_type.clone();
        Column {
            data_type,
            len,
            validity: None,
            data: Data::Constant(Arc::new(value)),
        }
    }

    /// `len` NULLs of a type.
    pub fn nulls(data_type: SparkType, len: usize) -> Self {
        let one = Self::flat(
            data_type.clone(),
            1,
            Self::default_values(&data_type, 1),
            Some(NullBuffer::new_null(1)),
        );
        Self::constant(one, len)
    }

    /// `len` default values (zeros, empty strings) in a type's usual layout.
    pub fn default_values(data_type: &SparkType, len: usize) -> Values {
        fn zeros<T: FixedWidth>(len: usize) -> Values {
            T::wrap(ScalarBuffer::from(vec![T::default(); len]))
        }
        match data_type.physical() {
            Physical::Null => Values::Null,
            Physical::Boolean => Values::Boolean(BooleanBuffer::new_unset(len)),
            Physical::Int8 => zeros::<i8>(len),
            Physical::Int16 => zeros::<i16>(len),
            Physical::Int32 => zeros::<i32>(len),
            Physical::Int64 => zeros::<i64>(len),
            Physical::Int128 => zeros::<i128>(len),
            Physical::Float32 => zeros::<f32>(len),
            Physical::Float64 => zeros::<f64>(len),
            Physical::Bytes => Values::Bytes(BinaryViewArray::from_iter_values(
                std::iter::repeat_n(&b""[..], len),
            )),
            Physical::Struct => {
                let SparkType::Struct(fields) = data_type else {
                    return Values::Null;
                };
                Values::Struct(
                    fields
                        .iter()
                        .map(|f| {
                            let values = Self::default_values(&f.data_type, len);
                            let validity = f.nullable.then(|| NullBuffer::new_null(len));
                            Column::flat(f.data_type.clone(), len, values, validity)
                        })
                        .collect(),
                )
            }
            Physical::List => {
                let element = data_type.list_element().map(|f| f.data_type);
                let element = element.unwrap_or(SparkType::Null);
                let elements =
                    Column::flat(element.clone(), 0, Self::default_values(&element, 0), None);
                Values::List {
                    offsets: OffsetBuffer::new_zeroed(len),
                    elements: Arc::new(elements),
                }
            }
        }
    }

    /// The Spark type.
    pub fn data_type(&self) -> &SparkType {
        &self.data_type
    }

    /// The same values under another type of the same layout.
    pub fn with_type(mut self, data_type: SparkType) -> Self {
        if self.data_type == data_type {
            // A dictionary stays the very same.
            return self;
        }
        match &self.data {
            Data::Flat(_) => {}
            Data::Dictionary { codes, values } => {
                let values = Arc::new(values.as_ref().clone().with_type(data_type.clone()));
                self.data = Data::Dictionary {
                    codes: codes.clone(),
                    values,
                };
            }
            Data::Constant(value) => {
                self.data = Data::Constant(Arc::new(
                    value.as_ref().clone().with_type(data_type.clone()),
                ));
            }
        }
        self.data_type = data_type;
        self
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How rows find their values.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Which rows are not NULL, of a flat or dictionary column; `None` if no row is NULL.
    /// A constant has none here: ask [`Column::is_null`] or its value.
    pub fn validity(&self) -> Option<&NullBuffer> {
        self.validity.as_ref()
    }

    /// Which rows are not NULL, whatever the layout (made for a constant NULL); `None` if no row
    /// is NULL.
    pub fn logical_validity(&self) -> Option<NullBuffer> {
        match &self.data {
            _ if self.data_type == SparkType::Null => Some(NullBuffer::new_null(self.len)),
            Data::Constant(value) if value.is_null(0) => Some(NullBuffer::new_null(self.len)),
            _ => self.validity.clone(),
        }
    }

    /// Whether row `row` is NULL.
    pub fn is_null(&self, row: usize) -> bool {
        match &self.data {
            _ if self.data_type == SparkType::Null => true,
            Data::Constant(value) => value.is_null(0),
            _ => self.validity.as_ref().is_some_and(|v| v.is_null(row)),
        }
    }

    /// Whether some row may be NULL.
    pub fn has_nulls(&self) -> bool {
        match &self.data {
            _ if self.data_type == SparkType::Null => self.len > 0,
            Data::Constant(value) => self.len > 0 && value.is_null(0),
            _ => self.validity.is_some(),
        }
    }

    /// The constant's value as a column of length 1.
    pub fn as_constant(&self) -> Option<&Column> {
        match &self.data {
            Data::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// Codes and values of a dictionary column.
    pub fn as_dictionary(&self) -> Option<(&[u32], &Arc<Column>)> {
        match &self.data {
            Data::Dictionary { codes, values } => Some((codes, values)),
            _ => None,
        }
    }

    /// The values of a flat column.
    pub fn as_flat(&self) -> Option<&Values> {
        match &self.data {
            Data::Flat(values) => Some(values),
            _ => None,
        }
    }

    /// The slice of a flat column of that width.
    pub fn as_slice<T: FixedWidth>(&self) -> Option<&[T]> {
        self.as_flat().and_then(T::values).map(|v| &v[..])
    }

    /// The byte strings of a flat column.
    pub fn as_bytes(&self) -> Option<&BinaryViewArray> {
        match self.as_flat() {
            Some(Values::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// The bits of a flat column of booleans.
    pub fn as_booleans(&self) -> Option<&BooleanBuffer> {
        match self.as_flat() {
            Some(Values::Boolean(values)) => Some(values),
            _ => None,
        }
    }

    /// Where in the underlying flat column row `row` finds its value: `(values, position)`.
    #[inline]
    pub fn locate(&self, row: usize) -> (&Column, usize) {
        match &self.data {
            Data::Flat(_) => (self, row),
            Data::Dictionary { codes, values } => (values, codes[row] as usize),
            Data::Constant(value) => (value, 0),
        }
    }

    /// The fixed-width value of a row that is not NULL, whatever the layout; `None` if the width
    /// is another. For rows at a time use [`Column::as_slice`].
    pub fn fixed_value<T: FixedWidth>(&self, row: usize) -> Option<T> {
        let (column, position) = self.locate(row);
        column.as_slice::<T>().map(|s| s[position])
    }

    /// The byte string of a row that is not NULL, whatever the layout.
    pub fn bytes_value(&self, row: usize) -> Option<&[u8]> {
        let (column, position) = self.locate(row);
        column.as_bytes().map(|b| b.value(position))
    }

    /// The boolean of a row that is not NULL, whatever the layout.
    pub fn boolean_value(&self, row: usize) -> Option<bool> {
        let (column, position) = self.locate(row);
        column.as_booleans().map(|b| b.value(position))
    }

    /// Bytes of memory behind the column, shared buffers counted whole.
    pub fn memory_size(&self) -> usize {
        let validity = self.validity.as_ref().map_or(0, |v| v.len().div_ceil(8));
        validity
            + match &self.data {
                Data::Flat(values) => values.memory_size(),
                Data::Dictionary { codes, values } => 4 * codes.len() + values.memory_size(),
                Data::Constant(value) => value.memory_size(),
            }
    }
}
