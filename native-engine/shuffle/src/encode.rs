//! Columns to a frame's payload: each column chooses its encoding from its own values.

use std::collections::HashMap;

use arclight_columns::{BooleanBuffer, Column, Data, FixedWidth, NullBuffer, Physical, Values};
use arrow_array::Array;

use crate::bits::{MAX_BITS, bits_for, pack};
use crate::digits::Pattern;

pub(crate) const PLAIN: u8 = 0;
pub(crate) const PACKED: u8 = 1;
pub(crate) const CONSTANT: u8 = 2;
pub(crate) const DICTIONARY: u8 = 3;
pub(crate) const STRINGS: u8 = 4;
pub(crate) const STRUCT: u8 = 5;
pub(crate) const LIST: u8 = 6;
pub(crate) const DIGITS: u8 = 7;

/// Strings below this number are not worth looking for repetition in.
const MIN_DICTIONARY_ROWS: usize = 64;

/// After this many strings, a dictionary is given up if more than half of them were distinct.
const DICTIONARY_TRIAL: usize = 256;

/// A layout's byte in a block.
pub(crate) fn physical_code(physical: Physical) -> u8 {
    match physical {
        Physical::Null => 0,
        Physical::Boolean => 1,
        Physical::Int8 => 2,
        Physical::Int16 => 3,
        Physical::Int32 => 4,
        Physical::Int64 => 5,
        Physical::Int128 => 6,
        Physical::Float32 => 7,
        Physical::Float64 => 8,
        Physical::Bytes => 9,
        Physical::Struct => 10,
        Physical::List => 11,
    }
}

/// A fixed-width value in a block.
pub(crate) trait Wire: FixedWidth {
    /// Its bytes.
    const SIZE: usize;
    /// Appends it.
    fn put(self, out: &mut Vec<u8>);
    /// Reads it from its bytes.
    fn get(bytes: &[u8]) -> Self;
    /// Whether both have the same bytes.
    fn same(self, other: Self) -> bool;
    /// The least of values and how far above it the greatest is, if they can be packed.
    fn range(values: impl Iterator<Item = Self>) -> Option<(Self, u64)>;
    /// How far this is above `base`.
    fn above(self, base: Self) -> u64;
    /// What is that far above `base`.
    fn add(base: Self, difference: u64) -> Self;
}

macro_rules! wire {
    ($($native:ty, $size:literal, { $($body:item)* })*) => {$(
        impl Wire for $native {
            const SIZE: usize = $size;
            #[inline(always)]
            fn put(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            #[inline(always)]
            fn get(bytes: &[u8]) -> Self {
                let mut value = [0; $size];
                value.copy_from_slice(bytes);
                <$native>::from_le_bytes(value)
            }
            #[inline(always)]
            fn same(self, other: Self) -> bool {
                self.to_le_bytes() == other.to_le_bytes()
            }
            $($body)*
        }
    )*};
}

macro_rules! wire_integers {
    ($($native:ty, $size:literal);*) => {
        wire! {$(
            $native, $size, {
                fn range(values: impl Iterator<Item = Self>) -> Option<(Self, u64)> {
                    let (mut least, mut greatest) = (<$native>::MAX, <$native>::MIN);
                    values.for_each(|v| {
                        least = least.min(v);
                        greatest = greatest.max(v);
                    });
                    if least > greatest {
                        return Some((0, 0));
                    }
                    let range = (greatest as i128).wrapping_sub(least as i128);
                    u64::try_from(range).ok().map(|range| (least, range))
                }
                #[inline(always)]
                fn above(self, base: Self) -> u64 {
                    // Differences of the range fit: higher bits are only sign.
                    (self as u64).wrapping_sub(base as u64)
                }
                #[inline(always)]
                fn add(base: Self, difference: u64) -> Self {
                    base.wrapping_add(difference as $native)
                }
            }
        )*}
    };
}

macro_rules! wire_floats {
    ($($native:ty, $size:literal);*) => {
        wire! {$(
            $native, $size, {
                fn range(_: impl Iterator<Item = Self>) -> Option<(Self, u64)> {
                    None
                }
                fn above(self, _: Self) -> u64 {
                    0
                }
                fn add(base: Self, _: u64) -> Self {
                    base
                }
            }
        )*}
    };
}

wire_integers!(i8, 1; i16, 2; i32, 4; i64, 8; i128, 16);
wire_floats!(f32, 4; f64, 8);

/// Writes payloads, one after the other, into reused memory.
#[derive(Debug, Default)]
pub struct PayloadEncoder {
    out: Vec<u8>,
}

impl PayloadEncoder {
    /// An encoder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a payload; its columns follow.
    pub fn begin(&mut self, rows: usize, columns: usize) {
        self.out.clear();
        put_varint(&mut self.out, rows as u64);
        put_varint(&mut self.out, columns as u64);
    }

    /// Appends a column of as many rows as the payload has.
    pub fn column(&mut self, column: &Column) {
        put_column(&mut self.out, column, Level::Top);
    }

    /// Appends a column of fixed-width values.
    pub(crate) fn fixed<T: Wire>(&mut self, values: &[T], validity: Option<&NullBuffer>) {
        put_fixed(&mut self.out, values, validity, Level::Top);
    }

    /// Appends a column of booleans.
    pub(crate) fn booleans(&mut self, values: &BooleanBuffer, validity: Option<&NullBuffer>) {
        put_booleans(&mut self.out, values, validity);
    }

    /// Appends a column of byte strings; those at NULL rows are empty.
    pub(crate) fn strings<'a>(
        &mut self,
        strings: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
        validity: Option<&NullBuffer>,
    ) {
        put_strings(&mut self.out, strings, validity, Level::Top);
    }

    /// Appends a column of codes into `values`, byte strings without NULL.
    pub(crate) fn codes(&mut self, codes: &[u32], values: &Column, validity: Option<&NullBuffer>) {
        put_codes(&mut self.out, codes, values, validity, Level::Top);
    }

    /// The payload so far.
    pub fn payload(&self) -> &[u8] {
        &self.out
    }
}

/// Where a column stands. Only top-level columns may be constants: their row count is bounded,
/// whereas every nested value must be paid for in bytes, so that damage cannot ask for memory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Top,
    Nested,
}

pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_bits(out: &mut Vec<u8>, bits: &BooleanBuffer) {
    let end = out.len() + bits.len().div_ceil(8);
    for word in bits.bit_chunks().iter_padded() {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.truncate(end);
}

fn put_head(out: &mut Vec<u8>, encoding: u8, physical: Physical, validity: Option<&NullBuffer>) {
    out.extend_from_slice(&[
        encoding,
        physical_code(physical),
        u8::from(validity.is_some()),
    ]);
    if let Some(validity) = validity {
        put_bits(out, validity.inner());
    }
}

/// Bits a value and the values packed; at least one bit each, see [`Level`].
fn put_packed(out: &mut Vec<u8>, greatest: u64, values: impl ExactSizeIterator<Item = u64>) {
    let bits = bits_for(greatest).max(1);
    out.push(bits as u8);
    pack(out, bits, values);
}

fn all_null(validity: Option<&NullBuffer>) -> bool {
    validity.is_some_and(|v| v.null_count() == v.len())
}

fn put_column(out: &mut Vec<u8>, column: &Column, level: Level) {
    if level == Level::Nested {
        let flat = column.flatten();
        if let Some(values) = flat.as_flat() {
            put_values(out, &flat, values, level);
        }
        return;
    }
    match column.data() {
        Data::Flat(values) => put_values(out, column, values, level),
        Data::Constant(value) => put_constant(out, value),
        Data::Dictionary { codes, values } if values.as_bytes().is_some() => {
            put_codes(out, codes, values, column.validity(), level);
        }
        Data::Dictionary { .. } => {
            let flat = column.flatten();
            if let Some(values) = flat.as_flat() {
                put_values(out, &flat, values, level);
            }
        }
    }
}

/// A constant of a column of length 1.
fn put_constant(out: &mut Vec<u8>, value: &Column) {
    let physical = value.as_flat().map_or(Physical::Null, Values::physical);
    put_head(out, CONSTANT, physical, None);
    put_column(out, value, Level::Nested);
}

fn put_values(out: &mut Vec<u8>, column: &Column, values: &Values, level: Level) {
    let validity = column.validity();
    match values {
        Values::Null => put_head(out, PLAIN, Physical::Null, None),
        Values::Boolean(v) => put_booleans(out, v, validity),
        Values::Int8(v) => put_fixed(out, v, validity, level),
        Values::Int16(v) => put_fixed(out, v, validity, level),
        Values::Int32(v) => put_fixed(out, v, validity, level),
        Values::Int64(v) => put_fixed(out, v, validity, level),
        Values::Int128(v) => put_fixed(out, v, validity, level),
        Values::Float32(v) => put_fixed(out, v, validity, level),
        Values::Float64(v) => put_fixed(out, v, validity, level),
        Values::Bytes(v) => {
            let value = |row: usize| match validity {
                Some(validity) if validity.is_null(row) => &b""[..],
                _ => v.value(row),
            };
            put_strings(out, (0..v.len()).map(value), validity, level);
        }
        Values::Struct(children) => {
            put_head(out, STRUCT, Physical::Struct, validity);
            put_varint(out, children.len() as u64);
            for child in children {
                put_column(out, child, Level::Nested);
            }
        }
        Values::List { offsets, elements } => {
            put_head(out, LIST, Physical::List, validity);
            let lengths = offsets.windows(2).map(|w| (w[1] - w[0]) as u64);
            put_packed(out, lengths.clone().max().unwrap_or(0), lengths);
            let first = offsets.first().map_or(0, |&o| o as usize);
            let total = offsets.last().map_or(0, |&o| o as usize) - first;
            put_varint(out, total as u64);
            put_column(out, &elements.slice(first, total), Level::Nested);
        }
    }
}

fn put_booleans(out: &mut Vec<u8>, values: &BooleanBuffer, validity: Option<&NullBuffer>) {
    put_head(out, PLAIN, Physical::Boolean, validity);
    put_bits(out, values);
}

fn put_fixed<T: Wire>(
    out: &mut Vec<u8>,
    values: &[T],
    validity: Option<&NullBuffer>,
    level: Level,
) {
    if let (Level::Top, [first, rest @ ..]) = (level, values) {
        let same = validity.is_none() && rest.iter().all(|v| v.same(*first));
        if same || all_null(validity) {
            put_head(out, CONSTANT, T::PHYSICAL, None);
            let null = all_null(validity).then(|| NullBuffer::new_null(1));
            put_fixed(out, &values[..1], null.as_ref(), Level::Nested);
            return;
        }
    }
    let range = match validity {
        None => T::range(values.iter().copied()),
        Some(validity) => T::range(validity.valid_indices().map(|i| values[i])),
    };
    // Above 7/8 of the width, packing costs more than it saves.
    let packed = range
        .filter(|&(_, range)| bits_for(range) <= MAX_BITS.min(7 * T::SIZE as u32))
        .filter(|_| !values.is_empty());
    match packed {
        None => {
            put_head(out, PLAIN, T::PHYSICAL, validity);
            out.reserve(T::SIZE * values.len());
            values.iter().for_each(|&v| v.put(out));
        }
        Some((base, range)) => {
            put_head(out, PACKED, T::PHYSICAL, validity);
            base.put(out);
            match validity {
                None => put_packed(out, range, values.iter().map(|&v| v.above(base))),
                Some(validity) => {
                    let above = |(i, v): (usize, &T)| match validity.is_valid(i) {
                        true => v.above(base),
                        false => 0,
                    };
                    put_packed(out, range, values.iter().enumerate().map(above));
                }
            }
        }
    }
}

/// The distinct strings and each row's code, if there are few distinct ones.
fn dictionary<'a>(
    strings: impl ExactSizeIterator<Item = &'a [u8]>,
) -> Option<(Vec<u32>, Vec<&'a [u8]>)> {
    let rows = strings.len();
    if rows < MIN_DICTIONARY_ROWS {
        return None;
    }
    let mut codes = Vec::with_capacity(rows);
    let mut distinct: Vec<&[u8]> = Vec::new();
    let mut positions: HashMap<&[u8], u32, ahash::RandomState> = HashMap::default();
    for (row, string) in strings.enumerate() {
        let next = distinct.len() as u32;
        let code = *positions.entry(string).or_insert(next);
        if code == next {
            distinct.push(string);
            if row >= DICTIONARY_TRIAL.min(rows / 2) && distinct.len() > row / 2 {
                return None;
            }
        }
        codes.push(code);
    }
    (2 * distinct.len() <= rows).then_some((codes, distinct))
}

fn put_strings<'a>(
    out: &mut Vec<u8>,
    strings: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    validity: Option<&NullBuffer>,
    level: Level,
) {
    if level == Level::Top {
        if all_null(validity) {
            put_head(out, CONSTANT, Physical::Bytes, None);
            let null = NullBuffer::new_null(1);
            put_plain_strings(out, std::iter::once(&b""[..]), Some(&null));
            return;
        }
        if let Some((codes, distinct)) = dictionary(strings.clone()) {
            put_dictionary(out, &codes, &distinct, validity);
            return;
        }
    }
    put_distinct_strings(out, strings, validity);
}

/// Strings of which hardly any are equal.
fn put_distinct_strings<'a>(
    out: &mut Vec<u8>,
    strings: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    validity: Option<&NullBuffer>,
) {
    match Pattern::of(strings.clone(), validity) {
        Some(pattern) => {
            put_head(out, DIGITS, Physical::Bytes, validity);
            pattern.pack(out, strings);
        }
        None => put_plain_strings(out, strings, validity),
    }
}

fn put_plain_strings<'a>(
    out: &mut Vec<u8>,
    strings: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    validity: Option<&NullBuffer>,
) {
    put_head(out, STRINGS, Physical::Bytes, validity);
    let (mut total, mut longest) = (0, 0);
    strings.clone().for_each(|s| {
        total += s.len();
        longest = longest.max(s.len());
    });
    put_packed(out, longest as u64, strings.clone().map(|s| s.len() as u64));
    put_varint(out, total as u64);
    out.reserve(total);
    strings.for_each(|s| out.extend_from_slice(s));
}

fn put_dictionary(
    out: &mut Vec<u8>,
    codes: &[u32],
    distinct: &[&[u8]],
    validity: Option<&NullBuffer>,
) {
    if let (None, [only]) = (validity, distinct) {
        put_head(out, CONSTANT, Physical::Bytes, None);
        put_plain_strings(out, std::iter::once(*only), None);
        return;
    }
    put_head(out, DICTIONARY, Physical::Bytes, validity);
    put_varint(out, distinct.len() as u64);
    let greatest = distinct.len().saturating_sub(1) as u64;
    put_packed(out, greatest, codes.iter().map(|&c| u64::from(c)));
    put_distinct_strings(out, distinct.iter().copied(), None);
}

/// A dictionary column: the values in use and codes into them, or strings if that is no shorter.
fn put_codes(
    out: &mut Vec<u8>,
    codes: &[u32],
    values: &Column,
    validity: Option<&NullBuffer>,
    level: Level,
) {
    let Some(strings) = values.as_bytes() else {
        return put_head(out, PLAIN, Physical::Null, None);
    };
    let is_null = |row: usize| validity.is_some_and(|v| v.is_null(row));
    // Looking through a dictionary far larger than the frame costs more than hashing its strings.
    if strings.len() <= 4 * codes.len() && !all_null(validity) {
        let mut renamed = vec![u32::MAX; strings.len()];
        let mut used: Vec<&[u8]> = Vec::new();
        let mut short = Vec::with_capacity(codes.len());
        for (row, &code) in codes.iter().enumerate() {
            if is_null(row) {
                short.push(0);
                continue;
            }
            let name = &mut renamed[code as usize];
            if *name == u32::MAX {
                *name = used.len() as u32;
                used.push(strings.value(code as usize));
            }
            short.push(*name);
        }
        if level == Level::Top && 2 * used.len() <= codes.len() {
            return put_dictionary(out, &short, &used, validity);
        }
    }
    let value = |row: usize| match is_null(row) {
        true => &b""[..],
        false => strings.value(codes[row] as usize),
    };
    put_strings(out, (0..codes.len()).map(value), validity, level);
}
