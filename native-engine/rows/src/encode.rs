//! Columns to UnsafeRows.
//!
//! Sizes first, then one column after the other: each writes its slot of all rows and, where a row
//! has a variable part, moves that row's cursor on.

use std::ops::Range;

use arclight_columns::{Batch, Column, Data, FixedWidth, SparkType, Values};

use crate::RowError;
use crate::buffer::RowBuffer;
use crate::shape::{Shape, add_column_words, bit_words, decimal_value, entries, minimal_bytes};

/// Writes batches as UnsafeRows. Keeps its scratch memory from batch to batch.
#[derive(Debug)]
pub struct RowEncoder {
    types: Vec<SparkType>,
    shapes: Vec<Shape>,
    /// Per row, the word where it begins.
    starts: Vec<usize>,
    /// Per row, the word where its variable part goes on.
    cursors: Vec<usize>,
}

/// A fixed-width value as its slot.
trait Slot: FixedWidth {
    fn slot(self) -> u64;
}

macro_rules! slots {
    ($($native:ty => $unsigned:ty),*) => {$(
        impl Slot for $native {
            #[inline(always)]
            fn slot(self) -> u64 {
                u64::from(<$unsigned>::from_ne_bytes(self.to_ne_bytes()))
            }
        }
    )*};
}

slots!(i8 => u8, i16 => u16, i32 => u32, i64 => u64, f32 => u32, f64 => u64);

impl RowEncoder {
    /// An encoder for rows of these types.
    pub fn new(types: Vec<SparkType>) -> Self {
        RowEncoder {
            shapes: types.iter().map(Shape::of).collect(),
            types,
            starts: Vec::new(),
            cursors: Vec::new(),
        }
    }

    /// The types of a row's fields.
    pub fn types(&self) -> &[SparkType] {
        &self.types
    }

    /// Replaces the rows of `buffer` by the active rows of `batch`, in order.
    pub fn encode(&mut self, batch: &Batch, buffer: &mut RowBuffer) -> Result<(), RowError> {
        buffer.clear();
        self.check(batch)?;
        self.lay_out(batch, buffer)?;
        for (field, column) in batch.columns().iter().enumerate() {
            self.write_column(field, column, batch, &mut buffer.words)?;
        }
        Ok(())
    }

    fn check(&self, batch: &Batch) -> Result<(), RowError> {
        let fits = batch.columns().len() == self.types.len()
            && batch
                .columns()
                .iter()
                .zip(&self.types)
                .all(|(c, t)| c.data_type().physical() == t.physical());
        if fits {
            return Ok(());
        }
        let found: Vec<String> = batch
            .columns()
            .iter()
            .map(|c| c.data_type().to_string())
            .collect();
        Err(RowError::Columns {
            expected: self.types.len(),
            found: found.join(", "),
        })
    }

    /// Finds where each row begins and ends, and makes room, zeroed.
    fn lay_out(&mut self, batch: &Batch, buffer: &mut RowBuffer) -> Result<(), RowError> {
        let rows = batch.active_rows();
        let fixed = bit_words(self.shapes.len()) + self.shapes.len();
        self.starts.clear();
        self.cursors.clear();
        if self.shapes.iter().all(Shape::is_fixed) {
            let wide = self
                .shapes
                .iter()
                .filter(|s| matches!(s, Shape::WideDecimal));
            let words = fixed + 2 * wide.count();
            self.starts.extend((0..rows).map(|row| row * words));
            self.cursors
                .extend((0..rows).map(|row| row * words + fixed));
            buffer.lengths.resize(rows, row_length(words)?);
            buffer.words.resize(rows * words, 0);
            return Ok(());
        }
        // Lengths are kept in `cursors` until starts are known.
        self.cursors.resize(rows, fixed);
        let lengths = &mut self.cursors;
        for (shape, column) in self.shapes.iter().zip(batch.columns()) {
            add_column_words(shape, column, batch, |row, words| lengths[row] += words);
        }
        let mut next = 0;
        for cursor in &mut self.cursors {
            let words = *cursor;
            buffer.lengths.push(row_length(words)?);
            self.starts.push(next);
            *cursor = next + fixed;
            next += words;
        }
        buffer.words.resize(next, 0);
        Ok(())
    }

    fn write_column(
        &mut self,
        field: usize,
        column: &Column,
        batch: &Batch,
        words: &mut [u64],
    ) -> Result<(), RowError> {
        let base = match column.data() {
            Data::Flat(_) => column,
            Data::Dictionary { values, .. } | Data::Constant(values) => values.as_ref(),
        };
        let Some(values) = base.as_flat() else {
            return Err(RowError::Damaged("a column's values are not flat"));
        };
        let slot = bit_words(self.shapes.len()) + field;
        let starts = &self.starts[..];
        let mut slots = Slots {
            starts,
            slot,
            column,
            batch,
            words,
        };
        slots.write_nulls(field);
        match (&self.shapes[field], values) {
            (Shape::Fixed(_), Values::Boolean(v)) => slots.write(|p| u64::from(v.value(p))),
            (Shape::Fixed(_), Values::Int8(v)) => slots.write_values(v),
            (Shape::Fixed(_), Values::Int16(v)) => slots.write_values(v),
            (Shape::Fixed(_), Values::Int32(v)) => slots.write_values(v),
            (Shape::Fixed(_), Values::Int64(v)) => slots.write_values(v),
            (Shape::Fixed(_), Values::Float32(v)) => slots.write_values(v),
            (Shape::Fixed(_), Values::Float64(v)) => slots.write_values(v),
            (Shape::Fixed(_), Values::Int128(v)) => slots.write(|p| v[p] as u64),
            (Shape::Null, _) => {}
            (Shape::Fixed(_), _) => return Err(RowError::Damaged("values of no fixed width")),
            (Shape::Bytes, Values::Bytes(strings)) => {
                let rows = starts.iter().zip(&mut self.cursors);
                for ((&start, cursor), row) in rows.zip(batch.selection().iter()) {
                    if !column.is_null(row) {
                        let bytes = strings.value(column.locate(row).1);
                        words[start + slot] = offset_and_size(start, *cursor, bytes.len());
                        write_bytes(words, cursor, bytes);
                    }
                }
            }
            (shape, _) => {
                let rows = starts.iter().zip(&mut self.cursors);
                for ((&start, cursor), row) in rows.zip(batch.selection().iter()) {
                    write_field(words, shape, column, row, (start, start + slot), cursor);
                }
            }
        }
        Ok(())
    }
}

/// One field of all active rows.
struct Slots<'a> {
    starts: &'a [usize],
    slot: usize,
    column: &'a Column,
    batch: &'a Batch,
    words: &'a mut [u64],
}

impl Slots<'_> {
    fn write_nulls(&mut self, field: usize) {
        if !self.column.has_nulls() {
            return;
        }
        let (word, bit) = (field / 64, 1u64 << (field % 64));
        for (&start, row) in self.starts.iter().zip(self.batch.selection().iter()) {
            if self.column.is_null(row) {
                self.words[start + word] |= bit;
            }
        }
    }

    fn write_values<T: Slot>(&mut self, values: &[T]) {
        let plain = self.column.as_flat().is_some() && !self.column.has_nulls();
        if plain && self.batch.selection().is_all() {
            for (&start, &value) in self.starts.iter().zip(values) {
                self.words[start + self.slot] = value.slot();
            }
        } else {
            self.write(|p| values[p].slot());
        }
    }

    /// Writes the slots of rows that are not NULL.
    fn write(&mut self, value: impl Fn(usize) -> u64) {
        for (&start, row) in self.starts.iter().zip(self.batch.selection().iter()) {
            if !self.column.is_null(row) {
                self.words[start + self.slot] = value(self.column.locate(row).1);
            }
        }
    }
}

fn row_length(words: usize) -> Result<i32, RowError> {
    i32::try_from(8 * words).map_err(|_| RowError::TooLong(8 * words as u64))
}

/// The slot of a value of `size` bytes at word `position` of what begins at word `start`.
fn offset_and_size(start: usize, position: usize, size: usize) -> u64 {
    ((8 * (position - start)) as u64) << 32 | size as u64
}

/// The bytes of words, in the order of memory.
fn bytes_of(words: &mut [u64]) -> &mut [u8] {
    // SAFETY: any bytes make valid words and the slice covers exactly their memory.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), 8 * words.len()) }
}

/// Copies `bytes` to the cursor and moves it on by whole words; the padding is zero already.
fn write_bytes(words: &mut [u64], cursor: &mut usize, bytes: &[u8]) {
    let count = bytes.len().div_ceil(8);
    bytes_of(&mut words[*cursor..*cursor + count])[..bytes.len()].copy_from_slice(bytes);
    *cursor += count;
}

/// Writes a field of a row that is not one of the simple loops: `target` is the word where the
/// row begins and the word of the slot. NULL bits are the caller's.
fn write_field(
    words: &mut [u64],
    shape: &Shape,
    column: &Column,
    row: usize,
    target: (usize, usize),
    cursor: &mut usize,
) {
    let (start, slot) = target;
    if let Shape::WideDecimal = shape {
        // Takes its 16 bytes always: Spark updates such a field in place.
        let value = (!column.is_null(row)).then(|| decimal_value(column, row).unwrap_or_default());
        let size = value.map_or(0, minimal_bytes);
        words[slot] = offset_and_size(start, *cursor, size);
        if let Some(value) = value {
            let bytes = value.to_be_bytes();
            write_bytes(words, &mut cursor.clone(), &bytes[16 - size..]);
        }
        *cursor += 2;
    } else if !column.is_null(row) {
        write_value(words, shape, column, row, target, cursor);
    }
}

/// Writes a value that is not NULL: into its slot, or into the variable part at the cursor.
fn write_value(
    words: &mut [u64],
    shape: &Shape,
    column: &Column,
    row: usize,
    target: (usize, usize),
    cursor: &mut usize,
) {
    let (start, slot) = target;
    let (base, position) = column.locate(row);
    let begin = *cursor;
    let size = match (shape, base.as_flat()) {
        (Shape::Fixed(_), _) => {
            words[slot] = fixed_slot(base, position);
            return;
        }
        (Shape::WideDecimal, _) => {
            // In an array: only the bytes it needs.
            let value = decimal_value(column, row).unwrap_or_default();
            let size = minimal_bytes(value);
            write_bytes(words, cursor, &value.to_be_bytes()[16 - size..]);
            size
        }
        (Shape::Bytes, Some(Values::Bytes(strings))) => {
            let bytes = strings.value(position);
            write_bytes(words, cursor, bytes);
            bytes.len()
        }
        (Shape::Struct(shapes), Some(Values::Struct(children))) => {
            write_struct(words, shapes, children, position, cursor);
            8 * (*cursor - begin)
        }
        (Shape::Array(element), Some(Values::List { offsets, elements })) => {
            let range = offsets[position] as usize..offsets[position + 1] as usize;
            write_array(words, element, elements, range, cursor);
            8 * (*cursor - begin)
        }
        (Shape::Map(key, value), Some(Values::List { offsets, elements })) => {
            let range = offsets[position] as usize..offsets[position + 1] as usize;
            if let Some((keys, values)) = entries(elements) {
                *cursor += 1;
                write_array(words, key, keys, range.clone(), cursor);
                words[begin] = 8 * (*cursor - begin - 1) as u64;
                write_array(words, value, values, range, cursor);
            }
            8 * (*cursor - begin)
        }
        _ => return,
    };
    words[slot] = offset_and_size(start, begin, size);
}

fn write_struct(
    words: &mut [u64],
    shapes: &[Shape],
    children: &[Column],
    row: usize,
    cursor: &mut usize,
) {
    let start = *cursor;
    let slots = start + bit_words(shapes.len());
    *cursor = slots + shapes.len();
    for (field, (shape, child)) in shapes.iter().zip(children).enumerate() {
        if child.is_null(row) {
            words[start + field / 64] |= 1 << (field % 64);
        }
        write_field(words, shape, child, row, (start, slots + field), cursor);
    }
}

fn write_array(
    words: &mut [u64],
    shape: &Shape,
    elements: &Column,
    range: Range<usize>,
    cursor: &mut usize,
) {
    let start = *cursor;
    let count = range.len();
    let slots = start + 1 + bit_words(count);
    let width = shape.element_bytes();
    words[start] = count as u64;
    *cursor = slots + (width * count).div_ceil(8);
    for (index, element) in range.enumerate() {
        if elements.is_null(element) {
            words[start + 1 + index / 64] |= 1 << (index % 64);
        } else if width == 8 {
            let target = (start, slots + index);
            write_value(words, shape, elements, element, target, cursor);
        } else {
            let (base, position) = elements.locate(element);
            let value = fixed_slot(base, position).to_le_bytes();
            let at = width * index;
            bytes_of(&mut words[slots..])[at..at + width].copy_from_slice(&value[..width]);
        }
    }
}

/// The slot of a fixed-width value of a flat column.
fn fixed_slot(column: &Column, position: usize) -> u64 {
    match column.as_flat() {
        Some(Values::Boolean(v)) => u64::from(v.value(position)),
        Some(Values::Int8(v)) => v[position].slot(),
        Some(Values::Int16(v)) => v[position].slot(),
        Some(Values::Int32(v)) => v[position].slot(),
        Some(Values::Int64(v)) => v[position].slot(),
        Some(Values::Int128(v)) => v[position] as u64,
        Some(Values::Float32(v)) => v[position].slot(),
        Some(Values::Float64(v)) => v[position].slot(),
        _ => 0,
    }
}
