//! UnsafeRows to columns.
//!
//! Every read is checked against the length of the row (or of the struct, array or map inside it),
//! so damaged rows are an error and never read beyond themselves.

use arclight_columns::{
    BooleanBuffer, BytesBuilder, Column, ColumnBuilder, FixedWidth, NullBuffer, SparkType,
};

use crate::RowError;
use crate::buffer::RowBuffer;
use crate::shape::{Shape, bit_words};

/// Reads UnsafeRows of given types.
#[derive(Debug)]
pub struct RowDecoder {
    types: Vec<SparkType>,
    shapes: Vec<Shape>,
}

/// A row, or a struct inside one.
type Row<'a> = &'a [u8];

fn word(bytes: &[u8], at: usize) -> Result<u64, RowError> {
    match bytes.get(at..at + 8).and_then(|b| b.try_into().ok()) {
        Some(word) => Ok(u64::from_le_bytes(word)),
        None => Err(RowError::Damaged("it ends early")),
    }
}

/// Whether bit `index` of the bits at byte `at` is set.
fn bit(bytes: &[u8], at: usize, index: usize) -> Result<bool, RowError> {
    Ok(word(bytes, at + index / 64 * 8)? >> (index % 64) & 1 == 1)
}

/// What a slot's offset and size point to.
fn variable(container: &[u8], slot: u64) -> Result<&[u8], RowError> {
    let (offset, size) = ((slot >> 32) as usize, slot as u32 as usize);
    container
        .get(offset..offset.saturating_add(size))
        .ok_or(RowError::Damaged("a value lies outside"))
}

fn wide_decimal(bytes: &[u8]) -> Result<i128, RowError> {
    if bytes.is_empty() || bytes.len() > 16 {
        return Err(RowError::Damaged("a decimal of no or too many bytes"));
    }
    let sign = if bytes[0] & 0x80 == 0 { 0 } else { 0xff };
    let mut wide = [sign; 16];
    wide[16 - bytes.len()..].copy_from_slice(bytes);
    Ok(i128::from_be_bytes(wide))
}

impl RowDecoder {
    /// A decoder for rows of these types.
    pub fn new(types: Vec<SparkType>) -> Self {
        RowDecoder {
            shapes: types.iter().map(Shape::of).collect(),
            types,
        }
    }

    /// The types of a row's fields.
    pub fn types(&self) -> &[SparkType] {
        &self.types
    }

    /// The columns of rows that lie one after the other from `rows` on, with these lengths.
    ///
    /// # Safety
    ///
    /// From `rows` on, as many bytes as the lengths sum up to must be readable and unchanged
    /// during the call. (Nothing is asked of their content.)
    pub unsafe fn decode(&self, rows: *const u8, lengths: &[i32]) -> Result<Vec<Column>, RowError> {
        let mut total = 0;
        for &length in lengths {
            total += usize::try_from(length).map_err(|_| RowError::Damaged("negative length"))?;
        }
        let bytes = if total == 0 {
            &[]
        } else {
            // SAFETY: the caller promises that many readable bytes; total is their sum.
            unsafe { std::slice::from_raw_parts(rows, total) }
        };
        self.decode_bytes(bytes, lengths)
    }

    /// The columns of the rows of a buffer.
    pub fn decode_buffer(&self, buffer: &RowBuffer) -> Result<Vec<Column>, RowError> {
        self.decode_bytes(buffer.bytes(), buffer.lengths())
    }

    /// The columns of rows that lie one after the other in `bytes`, with these lengths.
    pub fn decode_bytes(&self, bytes: &[u8], lengths: &[i32]) -> Result<Vec<Column>, RowError> {
        let fixed = 8 * (bit_words(self.shapes.len()) + self.shapes.len());
        let mut rows: Vec<Row<'_>> = Vec::with_capacity(lengths.len());
        let mut rest = bytes;
        for &length in lengths {
            let length =
                usize::try_from(length).map_err(|_| RowError::Damaged("negative length"))?;
            if length < fixed {
                return Err(RowError::Damaged("it is shorter than its fields"));
            }
            let (row, after) = rest
                .split_at_checked(length)
                .ok_or(RowError::Damaged("it ends early"))?;
            rows.push(row);
            rest = after;
        }
        (0..self.shapes.len())
            .map(|field| self.decode_column(field, &rows))
            .collect()
    }

    fn decode_column(&self, field: usize, rows: &[Row<'_>]) -> Result<Column, RowError> {
        let data_type = &self.types[field];
        let slot = 8 * (bit_words(self.shapes.len()) + field);
        let fixed = Fixed {
            rows,
            slot,
            field,
            data_type,
        };
        match data_type {
            SparkType::Null => Ok(Column::nulls(SparkType::Null, rows.len())),
            SparkType::Boolean => {
                let bits = BooleanBuffer::collect_bool(rows.len(), |i| rows[i][slot] != 0);
                Ok(Column::boolean(bits, fixed.validity()))
            }
            SparkType::Byte => Ok(fixed.column(|w| w as i8)),
            SparkType::Short => Ok(fixed.column(|w| w as i16)),
            SparkType::Int | SparkType::Date => Ok(fixed.column(|w| w as i32)),
            SparkType::Float => Ok(fixed.column(|w| f32::from_bits(w as u32))),
            SparkType::Double => Ok(fixed.column(f64::from_bits)),
            SparkType::Long | SparkType::Timestamp | SparkType::TimestampNtz => {
                Ok(fixed.column(|w| w as i64))
            }
            SparkType::String | SparkType::Binary => fixed.strings(),
            SparkType::Decimal { .. } if matches!(self.shapes[field], Shape::Fixed(_)) => {
                Ok(fixed.column(|w| w as i64))
            }
            _ => {
                let mut builder = ColumnBuilder::new(data_type.clone(), rows.len());
                for row in rows {
                    read_field(&mut builder, &self.shapes[field], row, field, slot)?;
                }
                Ok(builder.finish())
            }
        }
    }
}

/// One field of rows that are all long enough for it.
struct Fixed<'a> {
    rows: &'a [Row<'a>],
    slot: usize,
    field: usize,
    data_type: &'a SparkType,
}

impl Fixed<'_> {
    fn validity(&self) -> Option<NullBuffer> {
        let (byte, mask) = (self.field / 8, 1u8 << (self.field % 8));
        let rows = self.rows;
        let bits = BooleanBuffer::collect_bool(rows.len(), |i| rows[i][byte] & mask == 0);
        Some(NullBuffer::new(bits)).filter(|v| v.null_count() > 0)
    }

    fn column<T: FixedWidth>(&self, value: impl Fn(u64) -> T) -> Column {
        let read = |row: &Row<'_>| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&row[self.slot..self.slot + 8]);
            value(u64::from_le_bytes(bytes))
        };
        let values = self.rows.iter().map(read).collect::<Vec<T>>();
        Column::fixed(self.data_type.clone(), values, self.validity())
    }

    fn strings(&self) -> Result<Column, RowError> {
        let validity = self.validity();
        let mut strings = BytesBuilder::with_capacity(self.rows.len());
        for (i, row) in self.rows.iter().enumerate() {
            if validity.as_ref().is_some_and(|v| v.is_null(i)) {
                strings.push(b"");
            } else {
                strings.push(variable(row, word(row, self.slot)?)?);
            }
        }
        Ok(Column::bytes(
            self.data_type.clone(),
            strings.finish(),
            validity,
        ))
    }
}

/// Appends field `field` of a row, whose slot is at byte `slot`.
fn read_field(
    builder: &mut ColumnBuilder,
    shape: &Shape,
    row: Row<'_>,
    field: usize,
    slot: usize,
) -> Result<(), RowError> {
    if bit(row, 0, field)? {
        builder.push_null();
        return Ok(());
    }
    read_value(builder, shape, row, word(row, slot)?)
}

/// Appends a value that is not NULL: `slot` is the value, or its offset and size in `container`.
fn read_value(
    builder: &mut ColumnBuilder,
    shape: &Shape,
    container: &[u8],
    slot: u64,
) -> Result<(), RowError> {
    match shape {
        Shape::Null => builder.push_null(),
        Shape::Fixed(_) => push_fixed(builder, slot),
        Shape::WideDecimal => builder.push_i128(wide_decimal(variable(container, slot)?)?),
        Shape::Bytes => builder.push_bytes(variable(container, slot)?),
        Shape::Struct(shapes) => {
            let row = variable(container, slot)?;
            if let Some(fields) = builder.struct_fields() {
                let slots = 8 * bit_words(shapes.len());
                for (field, (shape, builder)) in shapes.iter().zip(fields).enumerate() {
                    read_field(builder, shape, row, field, slots + 8 * field)?;
                }
            }
            builder.finish_struct();
        }
        Shape::Array(element) => {
            let array = Array::of(variable(container, slot)?, element)?;
            if let Some(elements) = builder.list_elements() {
                (0..array.count).try_for_each(|i| array.read(elements, element, i))?;
            }
            builder.finish_list();
        }
        Shape::Map(key, value) => {
            let map = variable(container, slot)?;
            let (_, arrays) = map
                .split_at_checked(8)
                .ok_or(RowError::Damaged("it ends early"))?;
            let (keys, values) = usize::try_from(word(map, 0)?)
                .ok()
                .and_then(|bytes| arrays.split_at_checked(bytes))
                .ok_or(RowError::Damaged("a map's keys lie outside"))?;
            let (keys, values) = (Array::of(keys, key)?, Array::of(values, value)?);
            if keys.count != values.count {
                return Err(RowError::Damaged(
                    "a map's keys and values differ in number",
                ));
            }
            if let Some(entries) = builder.list_elements() {
                for i in 0..keys.count {
                    if let Some([k, v]) = entries.struct_fields() {
                        keys.read(k, key, i)?;
                        values.read(v, value, i)?;
                    }
                    entries.finish_struct();
                }
            }
            builder.finish_list();
        }
    }
    Ok(())
}

/// An array whose fixed part lies within its bytes.
struct Array<'a> {
    bytes: &'a [u8],
    count: usize,
    elements: usize,
}

impl<'a> Array<'a> {
    fn of(bytes: &'a [u8], shape: &Shape) -> Result<Self, RowError> {
        let count = word(bytes, 0)?;
        // Every element has at least one byte, which bounds what follows.
        if count > bytes.len() as u64 {
            return Err(RowError::Damaged("an array has more elements than bytes"));
        }
        let count = count as usize;
        let elements = 8 + 8 * bit_words(count);
        if elements + shape.element_bytes() * count > bytes.len() {
            return Err(RowError::Damaged("an array ends early"));
        }
        Ok(Array {
            bytes,
            count,
            elements,
        })
    }

    fn read(
        &self,
        builder: &mut ColumnBuilder,
        shape: &Shape,
        index: usize,
    ) -> Result<(), RowError> {
        if bit(self.bytes, 8, index)? {
            builder.push_null();
            return Ok(());
        }
        let width = shape.element_bytes();
        let at = self.elements + width * index;
        let mut slot = [0; 8];
        slot[..width].copy_from_slice(&self.bytes[at..at + width]);
        read_value(builder, shape, self.bytes, u64::from_le_bytes(slot))
    }
}

fn push_fixed(builder: &mut ColumnBuilder, slot: u64) {
    match builder.data_type() {
        SparkType::Boolean => builder.push_bool(slot as u8 != 0),
        SparkType::Byte => builder.push_i8(slot as i8),
        SparkType::Short => builder.push_i16(slot as i16),
        SparkType::Int | SparkType::Date => builder.push_i32(slot as i32),
        SparkType::Float => builder.push_f32(f32::from_bits(slot as u32)),
        SparkType::Double => builder.push_f64(f64::from_bits(slot)),
        _ => builder.push_i64(slot as i64),
    }
}
