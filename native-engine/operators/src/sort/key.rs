//! Normalised sort keys: bytes whose unsigned order is Spark's order of the rows.
//!
//! A key is the parts of its columns one after the other. A part is a marker byte (which puts
//! NULL first or last), then the value: integers big-endian with the sign bit flipped; floats with
//! -0.0 as 0.0 and every NaN the same, above all else; byte strings with each 0x00 as 0x00 0xFF
//! and 0x00 0x00 at the end; elements of arrays each after a 1, the end a 0; fields of structs one
//! after the other. Descending inverts the value's bytes. Source: Spark's `SortPrefix` and
//! `GenerateOrdering` for the order, NULL first within arrays and structs.

use arclight_columns::{Column, SparkType, Values};

use crate::operator::EngineError;

/// The widest key kept as an integer.
const FIXED: usize = 16;

/// The keys of rows, comparable by position.
#[derive(Debug, Clone)]
pub enum Keys {
    /// At most 16 bytes: big-endian, padded with zeros.
    Fixed(Vec<u128>),
    /// Bytes of row `i`: `bytes[offsets[i]..offsets[i + 1]]`.
    Variable {
        /// All rows' keys.
        bytes: Vec<u8>,
        /// One more than rows.
        offsets: Vec<usize>,
    },
}

impl Keys {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Keys::Fixed(keys) => keys.len(),
            Keys::Variable { offsets, .. } => offsets.len() - 1,
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The key of a row, as bytes.
    pub fn bytes(&self, row: usize) -> KeyBytes<'_> {
        match self {
            Keys::Fixed(keys) => KeyBytes::Fixed(keys[row].to_be_bytes()),
            Keys::Variable { bytes, offsets } => {
                KeyBytes::Variable(&bytes[offsets[row]..offsets[row + 1]])
            }
        }
    }

    /// The keys of some rows, in their order.
    pub(super) fn take(&self, rows: &[u32]) -> Keys {
        Keys::collect(self, rows.iter().map(|&row| self.bytes(row as usize)))
    }

    /// Keys as those of `like` are, one after the other.
    pub(super) fn collect<'a>(like: &Keys, keys: impl Iterator<Item = KeyBytes<'a>>) -> Keys {
        if let Keys::Fixed(_) = like {
            let integer = |key: KeyBytes<'_>| match key {
                KeyBytes::Fixed(bytes) => u128::from_be_bytes(bytes),
                KeyBytes::Variable(bytes) => {
                    debug_assert!(false, "keys of one sort are all of fixed width or none is");
                    fixed(bytes)
                }
            };
            return Keys::Fixed(keys.map(integer).collect());
        }
        let mut bytes = Vec::new();
        let mut offsets = vec![0];
        for key in keys {
            bytes.extend_from_slice(&key);
            offsets.push(bytes.len());
        }
        Keys::Variable { bytes, offsets }
    }

    /// Bytes of memory held.
    pub fn memory_size(&self) -> usize {
        match self {
            Keys::Fixed(keys) => 16 * keys.len(),
            Keys::Variable { bytes, offsets } => bytes.len() + 8 * offsets.len(),
        }
    }
}

/// How many of a key's bytes its first parts take, of columns of `types` that are ascending, NULL
/// first, and have no fields or elements.
pub(super) fn group_length(key: &[u8], types: &[SparkType]) -> usize {
    let mut position = 0;
    for data_type in types {
        let is_null = key[position] == 0;
        position += 1;
        match width(data_type) {
            // As many zeros for NULL.
            Some(width) => position += width,
            None if is_null => {}
            None => {
                // A zero of the value has 0xFF behind it, the end another zero.
                while key[position] != 0 || key[position + 1] != 0 {
                    position += if key[position] == 0 { 2 } else { 1 };
                }
                position += 2;
            }
        }
    }
    position
}

/// One key.
pub enum KeyBytes<'a> {
    /// Of a fixed width.
    Fixed([u8; FIXED]),
    /// Of any width.
    Variable(&'a [u8]),
}

impl std::ops::Deref for KeyBytes<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            KeyBytes::Fixed(bytes) => bytes,
            KeyBytes::Variable(bytes) => bytes,
        }
    }
}

/// The keys of rows `0..len` of `columns`, each ordered as `(ascending, nulls first)`.
pub fn encode_keys(
    columns: &[Column],
    orders: &[(bool, bool)],
    len: usize,
) -> Result<Keys, EngineError> {
    let width: Option<usize> = columns.iter().map(|c| fixed_width(c).map(|w| w + 1)).sum();
    let mut bytes = Vec::with_capacity(len * width.unwrap_or(24));
    let mut offsets = Vec::with_capacity(len + 1);
    offsets.push(0);
    for row in 0..len {
        for (column, &(ascending, nulls_first)) in columns.iter().zip(orders) {
            push(&mut bytes, column, row, ascending, nulls_first)?;
        }
        offsets.push(bytes.len());
    }
    if width.is_some_and(|width| width <= FIXED) {
        let keys = offsets
            .windows(2)
            .map(|pair| fixed(&bytes[pair[0]..pair[1]]));
        return Ok(Keys::Fixed(keys.collect()));
    }
    Ok(Keys::Variable { bytes, offsets })
}

/// A key of at most 16 bytes as an integer; of a longer one its first bytes.
fn fixed(key: &[u8]) -> u128 {
    let mut bytes = [0u8; FIXED];
    let length = key.len().min(FIXED);
    bytes[..length].copy_from_slice(&key[..length]);
    u128::from_be_bytes(bytes)
}

/// The bytes of a value, where all values have as many. Declared types decide, since the two
/// widths of a decimal must give comparable keys.
fn fixed_width(column: &Column) -> Option<usize> {
    width(column.data_type())
}

fn width(data_type: &SparkType) -> Option<usize> {
    use arclight_columns::Physical;
    match data_type.physical() {
        Physical::Null => Some(0),
        Physical::Boolean | Physical::Int8 => Some(1),
        Physical::Int16 => Some(2),
        Physical::Int32 | Physical::Float32 => Some(4),
        Physical::Int64 | Physical::Float64 => Some(8),
        Physical::Int128 => Some(16),
        Physical::Bytes | Physical::Struct | Physical::List => None,
    }
}

fn push(
    bytes: &mut Vec<u8>,
    column: &Column,
    row: usize,
    ascending: bool,
    nulls_first: bool,
) -> Result<(), EngineError> {
    let null = column.is_null(row);
    bytes.push(u8::from(null != nulls_first));
    if null {
        // Padding keeps keys of fixed-width columns equally long.
        bytes.extend(std::iter::repeat_n(0u8, fixed_width(column).unwrap_or(0)));
        return Ok(());
    }
    let from = bytes.len();
    push_value(bytes, column, row)?;
    if !ascending {
        bytes[from..].iter_mut().for_each(|b| *b = !*b);
    }
    Ok(())
}

fn push_value(bytes: &mut Vec<u8>, column: &Column, row: usize) -> Result<(), EngineError> {
    let (base, position) = column.locate(row);
    let wide = fixed_width(column) == Some(16);
    match base.as_flat() {
        None | Some(Values::Null) => {}
        Some(Values::Boolean(v)) => bytes.push(u8::from(v.value(position))),
        Some(Values::Int8(v)) => bytes.push((v[position] as u8) ^ 0x80),
        Some(Values::Int16(v)) => {
            bytes.extend(((v[position] as u16) ^ (1 << 15)).to_be_bytes());
        }
        Some(Values::Int32(v)) => {
            bytes.extend(((v[position] as u32) ^ (1 << 31)).to_be_bytes());
        }
        Some(Values::Int64(v)) if wide => push_i128(bytes, i128::from(v[position])),
        Some(Values::Int64(v)) => {
            bytes.extend(((v[position] as u64) ^ (1 << 63)).to_be_bytes());
        }
        Some(Values::Int128(v)) => push_i128(bytes, v[position]),
        Some(Values::Float32(v)) => {
            let value = v[position];
            let bits = if value.is_nan() {
                u32::MAX
            } else {
                let bits = (value + 0.0).to_bits();
                if bits >> 31 == 1 {
                    !bits
                } else {
                    bits | (1 << 31)
                }
            };
            bytes.extend(bits.to_be_bytes());
        }
        Some(Values::Float64(v)) => {
            let value = v[position];
            let bits = if value.is_nan() {
                u64::MAX
            } else {
                let bits = (value + 0.0).to_bits();
                if bits >> 63 == 1 {
                    !bits
                } else {
                    bits | (1 << 63)
                }
            };
            bytes.extend(bits.to_be_bytes());
        }
        Some(Values::Bytes(v)) => {
            for &byte in v.value(position) {
                bytes.push(byte);
                if byte == 0 {
                    bytes.push(0xFF);
                }
            }
            bytes.extend([0, 0]);
        }
        Some(Values::Struct(children)) => {
            for child in children {
                push(bytes, child, position, true, true)?;
            }
        }
        Some(Values::List { offsets, elements }) => {
            for i in offsets[position] as usize..offsets[position + 1] as usize {
                bytes.push(1);
                push(bytes, elements, i, true, true)?;
            }
            bytes.push(0);
        }
    }
    Ok(())
}

fn push_i128(bytes: &mut Vec<u8>, value: i128) {
    bytes.extend(((value as u128) ^ (1 << 127)).to_be_bytes());
}
