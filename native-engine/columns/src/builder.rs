//! Building columns a value at a time, where a loop over slices will not do.

use std::sync::Arc;

use arrow_array::BinaryViewArray;
use arrow_array::builder::BinaryViewBuilder;
use arrow_buffer::{
    BooleanBufferBuilder, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer,
};

use crate::column::{Column, Values};
use crate::types::{Physical, SparkType};

/// Builds a list of byte strings.
pub struct BytesBuilder {
    inner: BinaryViewBuilder,
}

impl Default for BytesBuilder {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl BytesBuilder {
    /// A builder with room for `capacity` strings.
    pub fn with_capacity(capacity: usize) -> Self {
        BytesBuilder {
            // One block for most batches: short strings live in the views.
            inner: BinaryViewBuilder::with_capacity(capacity).with_fixed_block_size(64 * 1024),
        }
    }
    /// Appends one string.
    #[inline]
    pub fn push(&mut self, value: &[u8]) {
        self.inner.append_value(value);
    }
    /// The number of strings so far.
    pub fn len(&self) -> usize {
        arrow_array::builder::ArrayBuilder::len(&self.inner)
    }
    /// Whether there is none yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The strings.
    pub fn finish(mut self) -> BinaryViewArray {
        self.inner.finish()
    }
}

enum Parts {
    Null,
    Boolean(BooleanBufferBuilder),
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Int128(Vec<i128>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Bytes(BytesBuilder),
    Struct(Vec<ColumnBuilder>),
    List {
        offsets: Vec<i32>,
        elements: Box<ColumnBuilder>,
    },
}

/// Builds a flat column of any type, row by row. Pushing a value of another width than the
/// column's is a defect; it is stored as a default value and caught by a debug assertion.
pub struct ColumnBuilder {
    data_type: SparkType,
    validity: NullBufferBuilder,
    parts: Parts,
}

macro_rules! push_fixed {
    ($($name:ident: $native:ty => $variant:ident),*) => {$(
        /// Appends one value of this width.
        #[inline]
        pub fn $name(&mut self, value: $native) {
            if let Parts::$variant(values) = &mut self.parts {
                values.push(value);
                self.validity.append_non_null();
            } else {
                debug_assert!(false, "wrong width");
                self.push_default(true);
            }
        }
    )*};
}

impl ColumnBuilder {
    /// A builder for `data_type` with room for `capacity` rows.
    pub fn new(data_type: SparkType, capacity: usize) -> Self {
        let parts = match data_type.physical() {
            Physical::Null => Parts::Null,
            Physical::Boolean => Parts::Boolean(BooleanBufferBuilder::new(capacity)),
            Physical::Int8 => Parts::Int8(Vec::with_capacity(capacity)),
            Physical::Int16 => Parts::Int16(Vec::with_capacity(capacity)),
            Physical::Int32 => Parts::Int32(Vec::with_capacity(capacity)),
            Physical::Int64 => Parts::Int64(Vec::with_capacity(capacity)),
            Physical::Int128 => Parts::Int128(Vec::with_capacity(capacity)),
            Physical::Float32 => Parts::Float32(Vec::with_capacity(capacity)),
            Physical::Float64 => Parts::Float64(Vec::with_capacity(capacity)),
            Physical::Bytes => Parts::Bytes(BytesBuilder::with_capacity(capacity)),
            Physical::Struct => match &data_type {
                SparkType::Struct(fields) => Parts::Struct(
                    fields
                        .iter()
                        .map(|f| ColumnBuilder::new(f.data_type.clone(), capacity))
                        .collect(),
                ),
                _ => Parts::Null,
            },
            Physical::List => {
                let element = data_type
                    .list_element()
                    .map_or(SparkType::Null, |f| f.data_type);
                Parts::List {
                    offsets: vec![0],
                    elements: Box::new(ColumnBuilder::new(element, capacity)),
                }
            }
        };
        ColumnBuilder {
            data_type,
            validity: NullBufferBuilder::new(capacity),
            parts,
        }
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.validity.len()
    }

    /// Whether there is no row yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type being built.
    pub fn data_type(&self) -> &SparkType {
        &self.data_type
    }

    push_fixed!(push_i8: i8 => Int8, push_i16: i16 => Int16, push_i32: i32 => Int32,
        push_i64: i64 => Int64, push_i128: i128 => Int128, push_f32: f32 => Float32,
        push_f64: f64 => Float64);

    /// Appends one boolean.
    pub fn push_bool(&mut self, value: bool) {
        if let Parts::Boolean(values) = &mut self.parts {
            values.append(value);
            self.validity.append_non_null();
        } else {
            debug_assert!(false, "wrong width");
            self.push_default(true);
        }
    }

    /// Appends one byte string.
    pub fn push_bytes(&mut self, value: &[u8]) {
        if let Parts::Bytes(values) = &mut self.parts {
            values.push(value);
            self.validity.append_non_null();
        } else {
            debug_assert!(false, "wrong width");
            self.push_default(true);
        }
    }

    /// Appends NULL.
    pub fn push_null(&mut self) {
        self.push_default(false);
    }

    fn push_default(&mut self, valid: bool) {
        match &mut self.parts {
            Parts::Null => {}
            Parts::Boolean(v) => v.append(false),
            Parts::Int8(v) => v.push(0),
            Parts::Int16(v) => v.push(0),
            Parts::Int32(v) => v.push(0),
            Parts::Int64(v) => v.push(0),
            Parts::Int128(v) => v.push(0),
            Parts::Float32(v) => v.push(0.0),
            Parts::Float64(v) => v.push(0.0),
            Parts::Bytes(v) => v.push(b""),
            Parts::Struct(children) => children.iter_mut().for_each(|c| c.push_default(false)),
            Parts::List { offsets, elements } => offsets.push(elements.len() as i32),
        }
        self.validity
            .append(valid && !matches!(self.parts, Parts::Null));
    }

    /// The builders of a struct's fields: push one value to each, then [`Self::finish_struct`].
    pub fn struct_fields(&mut self) -> Option<&mut [ColumnBuilder]> {
        match &mut self.parts {
            Parts::Struct(children) => Some(children),
            _ => None,
        }
    }

    /// Ends one struct value that is not NULL.
    pub fn finish_struct(&mut self) {
        self.validity.append_non_null();
    }

    /// The builder of a list's elements: push this row's, then [`Self::finish_list`].
    pub fn list_elements(&mut self) -> Option<&mut ColumnBuilder> {
        match &mut self.parts {
            Parts::List { elements, .. } => Some(elements),
            _ => None,
        }
    }

    /// Ends one list value that is not NULL.
    pub fn finish_list(&mut self) {
        if let Parts::List { offsets, elements } = &mut self.parts {
            offsets.push(elements.len() as i32);
            self.validity.append_non_null();
        }
    }

    /// Appends row `row` of `column`, which has this builder's type (narrow decimals are widened).
    pub fn push_from(&mut self, column: &Column, row: usize) {
        if column.is_null(row) {
            return self.push_null();
        }
        let (base, position) = column.locate(row);
        let Some(values) = base.as_flat() else {
            return self.push_null();
        };
        match values {
            Values::Null => self.push_null(),
            Values::Boolean(v) => self.push_bool(v.value(position)),
            Values::Int8(v) => self.push_i8(v[position]),
            Values::Int16(v) => self.push_i16(v[position]),
            Values::Int32(v) => self.push_i32(v[position]),
            Values::Int64(v) => match self.parts {
                Parts::Int128(_) => self.push_i128(i128::from(v[position])),
                _ => self.push_i64(v[position]),
            },
            Values::Int128(v) => self.push_i128(v[position]),
            Values::Float32(v) => self.push_f32(v[position]),
            Values::Float64(v) => self.push_f64(v[position]),
            Values::Bytes(v) => self.push_bytes(v.value(position)),
            Values::Struct(children) => {
                if let Parts::Struct(builders) = &mut self.parts {
                    for (builder, child) in builders.iter_mut().zip(children) {
                        builder.push_from(child, position);
                    }
                }
                self.finish_struct();
            }
            Values::List { offsets, elements } => {
                if let Parts::List {
                    elements: builder, ..
                } = &mut self.parts
                {
                    for i in offsets[position] as usize..offsets[position + 1] as usize {
                        builder.push_from(elements, i);
                    }
                }
                self.finish_list();
            }
        }
    }

    /// The column.
    pub fn finish(mut self) -> Column {
        let len = self.validity.len();
        let validity: Option<NullBuffer> = self.validity.finish();
        let values = match self.parts {
            Parts::Null => Values::Null,
            Parts::Boolean(mut v) => Values::Boolean(v.finish()),
            Parts::Int8(v) => Values::Int8(v.into()),
            Parts::Int16(v) => Values::Int16(v.into()),
            Parts::Int32(v) => Values::Int32(v.into()),
            Parts::Int64(v) => Values::Int64(v.into()),
            Parts::Int128(v) => Values::Int128(v.into()),
            Parts::Float32(v) => Values::Float32(v.into()),
            Parts::Float64(v) => Values::Float64(v.into()),
            Parts::Bytes(v) => Values::Bytes(v.finish()),
            Parts::Struct(children) => {
                Values::Struct(children.into_iter().map(ColumnBuilder::finish).collect())
            }
            Parts::List { offsets, elements } => Values::List {
                offsets: OffsetBuffer::new(ScalarBuffer::from(offsets)),
                elements: Arc::new(elements.finish()),
            },
        };
        Column::flat(self.data_type, len, values, validity)
    }
}
