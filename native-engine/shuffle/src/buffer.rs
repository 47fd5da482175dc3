//! Rows on their way to a partition: per column one buffer for each partition, filled by scatter.
//!
//! A batch's rows are first sorted by partition (their *order*); then column after column, each
//! partition's *run* of the order is gathered onto the end of its buffer.

use std::sync::Arc;

use arclight_columns::{
    BooleanBuffer, Column, ColumnError, Data, FixedWidth, NullBuffer, Physical, SparkType, Values,
};

use crate::encode::{PayloadEncoder, Wire};

/// Rows `order[start..end]` go to `partition`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) partition: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// One column's buffers, by partition.
pub(crate) enum ColumnBuffers {
    Null,
    Boolean(Vec<Fixed<bool>>),
    Int8(Vec<Fixed<i8>>),
    Int16(Vec<Fixed<i16>>),
    Int32(Vec<Fixed<i32>>),
    Int64(Vec<Fixed<i64>>),
    Int128(Vec<Fixed<i128>>),
    Float32(Vec<Fixed<f32>>),
    Float64(Vec<Fixed<f64>>),
    Bytes(Vec<Strings>),
    Nested(SparkType, Vec<Vec<Column>>),
}

/// Which rows are NULL; costs nothing until one may be.
#[derive(Default)]
struct Validity {
    rows: usize,
    /// Of each row whether it is not NULL; empty as long as none may be.
    valid: Vec<bool>,
}

impl Validity {
    fn push(&mut self, validity: Option<&NullBuffer>, rows: &[u32]) {
        match validity.filter(|v| v.null_count() > 0) {
            Some(validity) => {
                self.valid.resize(self.rows, true);
                let valid = rows.iter().map(|&r| validity.is_valid(r as usize));
                self.valid.extend(valid);
            }
            None if self.valid.is_empty() => {}
            None => self.valid.resize(self.rows + rows.len(), true),
        }
        self.rows += rows.len();
    }

    /// The rows' validity, if one of them is NULL.
    fn get(&self) -> Option<NullBuffer> {
        if self.valid.iter().all(|&valid| valid) {
            return None;
        }
        let bits = BooleanBuffer::collect_bool(self.valid.len(), |row| self.valid[row]);
        Some(NullBuffer::new(bits))
    }

    /// The same, and forgets the rows.
    fn finish(&mut self) -> Option<NullBuffer> {
        let validity = self.get();
        self.rows = 0;
        self.valid.clear();
        validity
    }
}

/// Values of one width.
#[derive(Default)]
pub(crate) struct Fixed<T> {
    values: Vec<T>,
    validity: Validity,
}

/// Byte strings: bytes one after the other, or codes as long as all come from one dictionary.
#[derive(Default)]
pub(crate) struct Strings {
    lengths: Vec<u32>,
    bytes: Vec<u8>,
    codes: Vec<u32>,
    dictionary: Option<Arc<Column>>,
    validity: Validity,
}

impl ColumnBuffers {
    /// Empty buffers for a column of this type.
    pub(crate) fn new(data_type: &SparkType, partitions: usize) -> Self {
        fn empty<T: Default>(partitions: usize) -> Vec<T> {
            (0..partitions).map(|_| T::default()).collect()
        }
        match data_type.physical() {
            Physical::Null => ColumnBuffers::Null,
            Physical::Boolean => ColumnBuffers::Boolean(empty(partitions)),
            Physical::Int8 => ColumnBuffers::Int8(empty(partitions)),
            Physical::Int16 => ColumnBuffers::Int16(empty(partitions)),
            Physical::Int32 => ColumnBuffers::Int32(empty(partitions)),
            Physical::Int64 => ColumnBuffers::Int64(empty(partitions)),
            Physical::Int128 => ColumnBuffers::Int128(empty(partitions)),
            Physical::Float32 => ColumnBuffers::Float32(empty(partitions)),
            Physical::Float64 => ColumnBuffers::Float64(empty(partitions)),
            Physical::Bytes => ColumnBuffers::Bytes(empty(partitions)),
            Physical::Struct | Physical::List => {
                ColumnBuffers::Nested(data_type.clone(), empty(partitions))
            }
        }
    }

    /// Appends the rows of `column` in `order` to the partitions of their runs.
    pub(crate) fn scatter(
        &mut self,
        column: &Column,
        order: &[u32],
        runs: &[Run],
    ) -> Result<(), ColumnError> {
        match self {
            ColumnBuffers::Null => Ok(()),
            ColumnBuffers::Boolean(buffers) => {
                let flat = column.flatten();
                let values = flat.as_booleans().ok_or_else(|| mismatch(column))?;
                let validity = flat.validity();
                for run in runs {
                    let rows = &order[run.start..run.end];
                    let buffer = &mut buffers[run.partition];
                    let bits = rows.iter().map(|&r| values.value(r as usize));
                    buffer.values.extend(bits);
                    buffer.validity.push(validity, rows);
                }
                Ok(())
            }
            ColumnBuffers::Int8(buffers) => scatter_fixed(buffers, column, order, runs),
            ColumnBuffers::Int16(buffers) => scatter_fixed(buffers, column, order, runs),
            ColumnBuffers::Int32(buffers) => scatter_fixed(buffers, column, order, runs),
            ColumnBuffers::Int64(buffers) => scatter_fixed(buffers, column, order, runs),
            ColumnBuffers::Int128(buffers) => scatter_fixed(buffers, &column.widen(), order, runs),
            ColumnBuffers::Float32(buffers) => scatter_fixed(buffers, column, order, runs),
            ColumnBuffers::Float64(buffers) => scatter_fixed(buffers, column, order, runs),
            ColumnBuffers::Bytes(buffers) => scatter_strings(buffers, column, order, runs),
            ColumnBuffers::Nested(_, buffers) => {
                for run in runs {
                    let rows = column.take(&order[run.start..run.end])?;
                    buffers[run.partition].push(rows);
                }
                Ok(())
            }
        }
    }

    /// Appends a partition's rows as a column to a payload, and forgets them.
    pub(crate) fn encode(
        &mut self,
        partition: usize,
        rows: usize,
        payload: &mut PayloadEncoder,
    ) -> Result<(), ColumnError> {
        match self {
            ColumnBuffers::Null => {
                payload.column(&Column::flat(SparkType::Null, rows, Values::Null, None))
            }
            ColumnBuffers::Boolean(buffers) => {
                let buffer = &mut buffers[partition];
                let values = &buffer.values;
                let bits = BooleanBuffer::collect_bool(values.len(), |i| values[i]);
                payload.booleans(&bits, buffer.validity.finish().as_ref());
                buffer.values.clear();
            }
            ColumnBuffers::Int8(buffers) => buffers[partition].encode(payload),
            ColumnBuffers::Int16(buffers) => buffers[partition].encode(payload),
            ColumnBuffers::Int32(buffers) => buffers[partition].encode(payload),
            ColumnBuffers::Int64(buffers) => buffers[partition].encode(payload),
            ColumnBuffers::Int128(buffers) => buffers[partition].encode(payload),
            ColumnBuffers::Float32(buffers) => buffers[partition].encode(payload),
            ColumnBuffers::Float64(buffers) => buffers[partition].encode(payload),
            ColumnBuffers::Bytes(buffers) => buffers[partition].encode(payload),
            ColumnBuffers::Nested(data_type, buffers) => {
                let parts = std::mem::take(&mut buffers[partition]);
                let parts: Vec<&Column> = parts.iter().collect();
                payload.column(&Column::concat(data_type, &parts)?);
            }
        }
        Ok(())
    }

    /// Gives back a partition's memory; its rows must have been encoded.
    pub(crate) fn release(&mut self, partition: usize) {
        match self {
            ColumnBuffers::Null => {}
            ColumnBuffers::Boolean(buffers) => buffers[partition] = Fixed::default(),
            ColumnBuffers::Int8(buffers) => buffers[partition] = Fixed::default(),
            ColumnBuffers::Int16(buffers) => buffers[partition] = Fixed::default(),
            ColumnBuffers::Int32(buffers) => buffers[partition] = Fixed::default(),
            ColumnBuffers::Int64(buffers) => buffers[partition] = Fixed::default(),
            ColumnBuffers::Int128(buffers) => buffers[partition] = Fixed::default(),
            ColumnBuffers::Float32(buffers) => buffers[partition] = Fixed::default(),
            ColumnBuffers::Float64(buffers) => buffers[partition] = Fixed::default(),
            ColumnBuffers::Bytes(buffers) => buffers[partition] = Strings::default(),
            ColumnBuffers::Nested(_, buffers) => buffers[partition] = Vec::new(),
        }
    }
}

fn mismatch(column: &Column) -> ColumnError {
    ColumnError::Type {
        expected: "the layout of the type".to_string(),
        found: column.data_type().to_string(),
    }
}

fn scatter_fixed<T: FixedWidth>(
    buffers: &mut [Fixed<T>],
    column: &Column,
    order: &[u32],
    runs: &[Run],
) -> Result<(), ColumnError> {
    let flat = column.flatten();
    let values = flat.as_slice::<T>().ok_or_else(|| mismatch(column))?;
    let validity = flat.validity();
    for run in runs {
        let rows = &order[run.start..run.end];
        let buffer = &mut buffers[run.partition];
        buffer
            .values
            .extend(rows.iter().map(|&r| values[r as usize]));
        buffer.validity.push(validity, rows);
    }
    Ok(())
}

fn scatter_strings(
    buffers: &mut [Strings],
    column: &Column,
    order: &[u32],
    runs: &[Run],
) -> Result<(), ColumnError> {
    let flat;
    let column = match column.data() {
        Data::Constant(_) => {
            flat = column.flatten();
            &flat
        }
        _ => column,
    };
    let validity = column.validity();
    for run in runs {
        let rows = &order[run.start..run.end];
        let buffer = &mut buffers[run.partition];
        match column.data() {
            Data::Dictionary { codes, values } if buffer.takes_codes(values) => {
                buffer.dictionary = Some(Arc::clone(values));
                let codes = rows.iter().map(|&r| codes[r as usize]);
                buffer.codes.extend(codes);
            }
            Data::Dictionary { codes, values } => {
                buffer.drop_codes();
                let strings = values.as_bytes().ok_or_else(|| mismatch(column))?;
                for &row in rows {
                    match column.is_null(row as usize) {
                        true => buffer.push(b""),
                        false => buffer.push(strings.value(codes[row as usize] as usize)),
                    }
                }
            }
            _ => {
                buffer.drop_codes();
                let strings = column.as_bytes().ok_or_else(|| mismatch(column))?;
                for &row in rows {
                    match column.is_null(row as usize) {
                        true => buffer.push(b""),
                        false => buffer.push(strings.value(row as usize)),
                    }
                }
            }
        }
        buffer.validity.push(validity, rows);
    }
    Ok(())
}

impl<T: Wire> Fixed<T> {
    fn encode(&mut self, payload: &mut PayloadEncoder) {
        let validity = self.validity.finish();
        payload.fixed(&self.values, validity.as_ref());
        self.values.clear();
    }
}

impl Strings {
    /// Whether codes into these values can be kept: all strings so far are such codes.
    fn takes_codes(&self, values: &Arc<Column>) -> bool {
        match &self.dictionary {
            Some(dictionary) => Arc::ptr_eq(dictionary, values),
            None => self.lengths.is_empty() && values.as_bytes().is_some(),
        }
    }

    /// Turns codes into the strings they stand for.
    fn drop_codes(&mut self) {
        let Some(dictionary) = self.dictionary.take() else {
            return;
        };
        let codes = std::mem::take(&mut self.codes);
        let validity = self.validity.get();
        if let Some(strings) = dictionary.as_bytes() {
            for (row, &code) in codes.iter().enumerate() {
                match validity.as_ref().is_some_and(|v| v.is_null(row)) {
                    true => self.push(b""),
                    false => self.push(strings.value(code as usize)),
                }
            }
        }
    }

    fn push(&mut self, string: &[u8]) {
        self.lengths.push(string.len() as u32);
        self.bytes.extend_from_slice(string);
    }

    fn encode(&mut self, payload: &mut PayloadEncoder) {
        let validity = self.validity.finish();
        match self.dictionary.take() {
            Some(dictionary) => payload.codes(&self.codes, &dictionary, validity.as_ref()),
            None => {
                let strings = Slices {
                    lengths: &self.lengths,
                    bytes: &self.bytes,
                };
                payload.strings(strings, validity.as_ref());
            }
        }
        self.codes.clear();
        self.lengths.clear();
        self.bytes.clear();
    }
}

/// Strings that lie one after the other.
#[derive(Clone)]
struct Slices<'a> {
    lengths: &'a [u32],
    bytes: &'a [u8],
}

impl<'a> Iterator for Slices<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (&length, lengths) = self.lengths.split_first()?;
        let (string, bytes) = self.bytes.split_at(length as usize);
        (self.lengths, self.bytes) = (lengths, bytes);
        Some(string)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.lengths.len(), Some(self.lengths.len()))
    }
}

impl ExactSizeIterator for Slices<'_> {}
