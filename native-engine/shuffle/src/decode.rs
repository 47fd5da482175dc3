//! A frame's payload to columns.
//!
//! Nothing in a payload is believed: every length is checked against the bytes left before memory
//! is taken for it, so damaged bytes are an error and never more.

use std::sync::Arc;

use arclight_columns::{
    Batch, BinaryViewArray, BooleanBuffer, Buffer, Column, NullBuffer, OffsetBuffer, Physical,
    ScalarBuffer, SparkType, Values,
};
use arrow_array::builder::make_view;

use crate::BlockError;
use crate::bits::{MAX_BITS, packed_bytes, unpack};
use crate::digits::{MAX_LENGTH, Pattern};
use crate::encode::{
    CONSTANT, DICTIONARY, DIGITS, LIST, PACKED, PLAIN, STRINGS, STRUCT, Wire, physical_code,
};

/// The most rows of a frame: constants cost no bytes, so something must bound their number.
pub(crate) const MAX_ROWS: usize = 1 << 24;

const fn damaged<T>(what: &'static str) -> Result<T, BlockError> {
    Err(BlockError::Damaged(what))
}

/// The rows of a payload whose columns have these types. Strings share the payload's memory.
pub fn decode_payload(payload: Vec<u8>, types: &[SparkType]) -> Result<Batch, BlockError> {
    let buffer = Buffer::from_vec(payload);
    let mut input = Input {
        buffer: &buffer,
        at: 0,
    };
    let rows = input.size()?;
    if rows > MAX_ROWS {
        return damaged("too many rows");
    }
    if input.size()? != types.len() {
        return damaged("another number of columns");
    }
    let columns = types
        .iter()
        .map(|data_type| input.column(data_type, rows, true))
        .collect::<Result<Vec<_>, _>>()?;
    if input.at != buffer.len() {
        return damaged("bytes left over");
    }
    Ok(Batch::new(columns, rows))
}

/// Strings that lie one after the other, of lengths that sum up to the buffer's, below 4 GiB.
fn views(data: Buffer, lengths: impl Iterator<Item = usize>) -> Values {
    let bytes = data.as_slice();
    let mut offset = 0;
    let views: Vec<u128> = lengths
        .map(|length| {
            let view = make_view(&bytes[offset..offset + length], 0, offset as u32);
            offset += length;
            view
        })
        .collect();
    // SAFETY: each view is made by make_view from that range of the one buffer, in whose bounds it
    // lies: the slice above is checked.
    let array = unsafe { BinaryViewArray::new_unchecked(views.into(), vec![data.clone()], None) };
    Values::Bytes(array)
}

/// The rest of a payload.
struct Input<'a> {
    buffer: &'a Buffer,
    at: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], BlockError> {
        let all: &'a [u8] = self.buffer.as_slice();
        let end = self.at.checked_add(bytes).filter(|&end| end <= all.len());
        let end = end.ok_or(BlockError::Damaged("it ends early"))?;
        let taken = &all[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// Takes bytes as a buffer that shares the payload's memory.
    fn share(&mut self, bytes: usize) -> Result<Buffer, BlockError> {
        let start = self.at;
        self.take(bytes)?;
        Ok(self.buffer.slice_with_length(start, bytes))
    }

    fn byte(&mut self) -> Result<u8, BlockError> {
        Ok(self.take(1)?[0])
    }

    fn size(&mut self) -> Result<usize, BlockError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                // Sizes of memory: never near the top bits.
                return match usize::try_from(value) {
                    Ok(size) if size <= i64::MAX as usize => Ok(size),
                    _ => damaged("a size beyond memory"),
                };
            }
        }
        damaged("a size without end")
    }

    fn bits(&mut self, rows: usize) -> Result<BooleanBuffer, BlockError> {
        let bytes = self.share(rows.div_ceil(8))?;
        Ok(BooleanBuffer::new(bytes, 0, rows))
    }

    fn packed<T>(&mut self, rows: usize, f: impl Fn(u64) -> T) -> Result<Vec<T>, BlockError> {
        let bits = u32::from(self.byte()?);
        if bits == 0 || bits > MAX_BITS {
            return damaged("packed with no or too many bits");
        }
        let bytes = packed_bytes(rows, bits).ok_or(BlockError::Damaged("a size beyond memory"))?;
        Ok(unpack(self.take(bytes)?, bits, rows, f))
    }

    fn column(
        &mut self,
        data_type: &SparkType,
        rows: usize,
        top: bool,
    ) -> Result<Column, BlockError> {
        let head = self.take(3)?;
        let (encoding, physical, flags) = (head[0], head[1], head[2]);
        let expected = data_type.physical();
        let narrow = expected == Physical::Int128 && physical == physical_code(Physical::Int64);
        if physical != physical_code(expected) && !narrow {
            return damaged("a column of another layout");
        }
        let physical = if narrow { Physical::Int64 } else { expected };
        let validity = match flags {
            0 => None,
            1 => Some(NullBuffer::new(self.bits(rows)?)),
            _ => return damaged("unknown flags"),
        };
        if encoding == CONSTANT {
            if !top || validity.is_some() {
                return damaged("a constant in the wrong place");
            }
            let value = self.column(data_type, 1, false)?;
            return Ok(Column::constant(value, rows));
        }
        if encoding == DICTIONARY {
            if !top {
                return damaged("a dictionary in the wrong place");
            }
            return self.dictionary(data_type, rows, validity);
        }
        let values = self.values(data_type, physical, encoding, rows)?;
        Ok(Column::flat(data_type.clone(), rows, values, validity))
    }

    fn values(
        &mut self,
        data_type: &SparkType,
        physical: Physical,
        encoding: u8,
        rows: usize,
    ) -> Result<Values, BlockError> {
        match (physical, encoding) {
            (Physical::Null, PLAIN) => Ok(Values::Null),
            (Physical::Boolean, PLAIN) => Ok(Values::Boolean(self.bits(rows)?)),
            (Physical::Int8, _) => self.fixed::<i8>(encoding, rows),
            (Physical::Int16, _) => self.fixed::<i16>(encoding, rows),
            (Physical::Int32, _) => self.fixed::<i32>(encoding, rows),
            (Physical::Int64, _) => self.fixed::<i64>(encoding, rows),
            (Physical::Int128, _) => self.fixed::<i128>(encoding, rows),
            (Physical::Float32, PLAIN) => self.fixed::<f32>(encoding, rows),
            (Physical::Float64, PLAIN) => self.fixed::<f64>(encoding, rows),
            (Physical::Bytes, STRINGS) => self.strings(rows),
            (Physical::Bytes, DIGITS) => self.digits(rows),
            (Physical::Struct, STRUCT) => self.children(data_type, rows),
            (Physical::List, LIST) => self.list(data_type, rows),
            _ => damaged("an encoding the layout does not have"),
        }
    }

    fn fixed<T: Wire>(&mut self, encoding: u8, rows: usize) -> Result<Values, BlockError> {
        let values: Vec<T> = match encoding {
            PLAIN => {
                let bytes = rows.checked_mul(T::SIZE);
                let bytes = bytes.ok_or(BlockError::Damaged("a size beyond memory"))?;
                let bytes = self.take(bytes)?;
                bytes.chunks_exact(T::SIZE).map(T::get).collect()
            }
            PACKED => {
                let base = T::get(self.take(T::SIZE)?);
                self.packed(rows, |difference| T::add(base, difference))?
            }
            _ => return damaged("an encoding the layout does not have"),
        };
        Ok(T::wrap(ScalarBuffer::from(values)))
    }

    /// Lengths, and the total that they must sum up to.
    fn lengths(&mut self, rows: usize) -> Result<(Vec<usize>, usize), BlockError> {
        let lengths = self.packed(rows, |length| length as usize)?;
        let total = self.size()?;
        // 56 bits each and at most 2^40 of them in any memory: the sum cannot wrap around to the
        // total, but be strict.
        let sum = lengths
            .iter()
            .try_fold(0usize, |sum, &length| sum.checked_add(length));
        if sum != Some(total) {
            return damaged("lengths do not sum up");
        }
        Ok((lengths, total))
    }

    fn strings(&mut self, rows: usize) -> Result<Values, BlockError> {
        let (lengths, total) = self.lengths(rows)?;
        if u32::try_from(total).is_err() {
            return damaged("strings beyond 4 GiB");
        }
        Ok(views(self.share(total)?, lengths.into_iter()))
    }

    fn digits(&mut self, rows: usize) -> Result<Values, BlockError> {
        let length = self.size()?;
        if length > MAX_LENGTH {
            return damaged("digits of too long strings");
        }
        let kinds = self.take(length)?.to_vec();
        let characters = self.take(length)?.to_vec();
        let pattern = Pattern::new(kinds, characters);
        let pattern = pattern.ok_or(BlockError::Damaged("a pattern that is none"))?;
        let total = rows.checked_mul(length);
        if total.is_none_or(|total| u32::try_from(total).is_err()) {
            return damaged("strings beyond 4 GiB");
        }
        let packed = self.take(rows * pattern.packed_length())?;
        let strings = Buffer::from_vec(pattern.unpack(packed));
        Ok(views(strings, std::iter::repeat_n(length, rows)))
    }

    fn dictionary(
        &mut self,
        data_type: &SparkType,
        rows: usize,
        validity: Option<NullBuffer>,
    ) -> Result<Column, BlockError> {
        let count = self.size()?;
        let codes = self.packed(rows, |code| code as u32)?;
        let values = self.column(data_type, count, false)?;
        if values.as_bytes().is_none() || values.has_nulls() {
            return damaged("a dictionary of other than strings");
        }
        let in_bounds = |row: usize, code: u32| {
            (code as usize) < count
                || (count == 0 && validity.as_ref().is_some_and(|v| v.is_null(row)))
        };
        if !codes.iter().enumerate().all(|(row, &c)| in_bounds(row, c)) {
            return damaged("a code beyond the dictionary");
        }
        Ok(Column::dictionary(codes.into(), Arc::new(values), validity))
    }

    fn children(&mut self, data_type: &SparkType, rows: usize) -> Result<Values, BlockError> {
        let SparkType::Struct(fields) = data_type else {
            return damaged("a struct of no type");
        };
        if self.size()? != fields.len() {
            return damaged("another number of fields");
        }
        let children = fields
            .iter()
            .map(|field| self.column(&field.data_type, rows, false));
        Ok(Values::Struct(children.collect::<Result<_, _>>()?))
    }

    fn list(&mut self, data_type: &SparkType, rows: usize) -> Result<Values, BlockError> {
        let (lengths, total) = self.lengths(rows)?;
        let Some(element) = data_type.list_element() else {
            return damaged("a list of no type");
        };
        if i32::try_from(total).is_err() {
            return damaged("more elements than a column can have");
        }
        let elements = self.column(&element.data_type, total, false)?;
        Ok(Values::List {
            offsets: OffsetBuffer::from_lengths(lengths),
            elements: Arc::new(elements),
        })
    }
}
