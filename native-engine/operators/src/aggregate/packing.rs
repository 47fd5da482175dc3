//! How keys of fixed width lie in words of 64 bits.

use arclight_columns::{
    BooleanBuffer, Column, FixedWidth, NullBuffer, Physical, Selection, SparkType, Values,
};
use arclight_expressions::EvalError;
use arclight_expressions::value_bytes::{normalize_double, normalize_float};

const WORD_BITS: u32 = u64::BITS;

/// Bits of a key's words, its lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    word: usize,
    shift: u32,
}

/// Where a key lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// The value; one of 128 bits goes on in the word behind.
    value: Place,
    /// A bit that says NULL; without one NULL looks like any value.
    null: Option<Place>,
}

/// The places of several keys: equal keys (NULL equals NULL, NaN equals NaN, -0.0 equals 0.0) give
/// equal words.
#[derive(Debug)]
pub(super) struct Packing {
    parts: Vec<Part>,
    width: usize,
}

fn bits(data_type: &SparkType) -> Option<u32> {
    Some(match data_type.physical() {
        Physical::Boolean => 1,
        Physical::Int8 => 8,
        Physical::Int16 => 16,
        Physical::Int32 | Physical::Float32 => 32,
        Physical::Int64 | Physical::Float64 => 64,
        Physical::Int128 => 128,
        _ => return None,
    })
}

/// Whether values of the type lie in words.
pub(super) fn fits(data_type: &SparkType) -> bool {
    bits(data_type).is_some()
}

impl Packing {
    /// Places for keys of these types, if all have a fixed width: each in the first word with room.
    /// `nulls` is whether NULL is told apart.
    pub(super) fn new(types: &[SparkType], nulls: bool) -> Option<Self> {
        let mut used: Vec<u32> = Vec::new();
        let mut place = |bits: u32| {
            let room = |used: &u32| used + bits <= WORD_BITS;
            let word = used.iter().position(room).unwrap_or(used.len());
            if word == used.len() {
                used.resize(word + bits.div_ceil(WORD_BITS) as usize, 0);
            }
            let shift = used[word];
            for used in &mut used[word..word + bits.div_ceil(WORD_BITS) as usize] {
                *used += bits.min(WORD_BITS);
            }
            Place { word, shift }
        };
        let values = types
            .iter()
            .map(|data_type| bits(data_type).map(&mut place))
            .collect::<Option<Vec<Place>>>()?;
        let parts = values
            .into_iter()
            .map(|value| Part {
                value,
                null: nulls.then(|| place(1)),
            })
            .collect();
        Some(Packing {
            parts,
            width: used.len(),
        })
    }

    /// The number of words.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The places of the keys, in order.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

/// The words of many rows: the first word of all rows, then the second of all, and so on.
#[derive(Debug, Default)]
pub(super) struct Words {
    words: Vec<u64>,
    rows: usize,
}

impl Words {
    /// Zeros for so many rows.
    pub(super) fn reset(&mut self, rows: usize, width: usize) {
        self.rows = rows;
        self.words.clear();
        self.words.resize(rows * width, 0);
    }

    /// One word of all rows.
    pub(super) fn word(&self, word: usize) -> &[u64] {
        &self.words[word * self.rows..][..self.rows]
    }

    /// The word of a row.
    #[inline]
    pub(super) fn get(&self, word: usize, row: usize) -> u64 {
        self.words[word * self.rows + row]
    }

    /// The number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn memory_size(&self) -> usize {
        8 * self.words.capacity()
    }

    fn word_mut(&mut self, word: usize) -> &mut [u64] {
        &mut self.words[word * self.rows..][..self.rows]
    }

    /// Puts numbers into the words, one for each row.
    pub(super) fn pack_numbers(&mut self, numbers: &[u32], part: Part) {
        let Place { word, shift } = part.value;
        for (word, &number) in self.word_mut(word).iter_mut().zip(numbers) {
            *word |= u64::from(number) << shift;
        }
    }

    /// Puts the active rows' values of a key into the words.
    pub(super) fn pack(
        &mut self,
        key: &Column,
        rows: &Selection,
        part: Part,
    ) -> Result<(), EvalError> {
        let key = key.flatten();
        let validity = key.logical_validity();
        let valid = validity.as_ref();
        if let (Some(Place { word, shift }), Some(valid)) = (part.null, valid) {
            for (word, row) in self.word_mut(word).iter_mut().zip(rows.iter()) {
                *word |= u64::from(valid.is_null(row)) << shift;
            }
        }
        let Place { word, shift } = part.value;
        let wide = key.data_type().physical() == Physical::Int128;
        let (low, high) = self.words[word * self.rows..].split_at_mut(self.rows);
        let low = Fill {
            words: low,
            rows,
            valid,
            shift,
        };
        match key.as_flat() {
            Some(Values::Boolean(v)) => low.with(|r| u64::from(v.value(r))),
            Some(Values::Int8(v)) => low.with(|r| u64::from(v[r] as u8)),
            Some(Values::Int16(v)) => low.with(|r| u64::from(v[r] as u16)),
            Some(Values::Int32(v)) => low.with(|r| u64::from(v[r] as u32)),
            Some(Values::Int64(v)) if !wide => low.with(|r| v[r] as u64),
            Some(Values::Float32(v)) => low.with(|r| u64::from(normalize_float(v[r]).to_bits())),
            Some(Values::Float64(v)) => low.with(|r| normalize_double(v[r]).to_bits()),
            Some(values) if wide => {
                let high = Fill {
                    words: &mut high[..self.rows],
                    rows,
                    valid,
                    shift: 0,
                };
                match values {
                    Values::Int64(v) => {
                        low.with(|r| v[r] as u64);
                        high.with(|r| (v[r] >> 63) as u64);
                    }
                    Values::Int128(v) => {
                        low.with(|r| v[r] as u64);
                        high.with(|r| (v[r] >> 64) as u64);
                    }
                    _ => return Err(misplaced(key.data_type())),
                }
            }
            _ => return Err(misplaced(key.data_type())),
        }
        Ok(())
    }
}

fn misplaced(data_type: &SparkType) -> EvalError {
    EvalError::Internal(format!("a group key of type {data_type}"))
}

/// A word of all active rows that takes in a key.
struct Fill<'a> {
    words: &'a mut [u64],
    rows: &'a Selection,
    valid: Option<&'a NullBuffer>,
    shift: u32,
}

impl Fill<'_> {
    /// Puts in the values that are not NULL.
    #[inline]
    fn with(self, value: impl Fn(usize) -> u64) {
        let Fill {
            words,
            rows,
            valid,
            shift,
        } = self;
        match (rows.rows(), valid) {
            (None, None) => {
                for (row, word) in words.iter_mut().enumerate() {
                    *word |= value(row) << shift;
                }
            }
            (Some(active), None) => {
                for (word, &row) in words.iter_mut().zip(active) {
                    *word |= value(row as usize) << shift;
                }
            }
            (_, Some(valid)) => {
                for (word, row) in words.iter_mut().zip(rows.iter()) {
                    if valid.is_valid(row) {
                        *word |= value(row) << shift;
                    }
                }
            }
        }
    }
}

/// The words of groups, all words of one group after those of the one before.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a> {
    pub(super) words: &'a [u64],
    pub(super) width: usize,
}

impl<'a> Packed<'a> {
    /// What lies at a place, and all bits above it in the word.
    fn at(self, place: Place) -> impl ExactSizeIterator<Item = u64> + 'a {
        let groups = self.words.chunks_exact(self.width);
        groups.map(move |words| words[place.word] >> place.shift)
    }

    /// The lowest bit there.
    fn bits(self, place: Place) -> BooleanBuffer {
        BooleanBuffer::collect_bool(self.words.len() / self.width, |group| {
            (self.words[group * self.width + place.word] >> place.shift) & 1 == 1
        })
    }

    /// The numbers that were packed there.
    pub(super) fn numbers(self, part: Part) -> Vec<u32> {
        self.at(part.value).map(|word| word as u32).collect()
    }

    /// The key that was packed there; `valid` says where it is not NULL, if its place doesn't.
    pub(super) fn column(
        self,
        part: Part,
        data_type: &SparkType,
        valid: Option<NullBuffer>,
    ) -> Column {
        let valid = match part.null {
            None => valid,
            Some(place) => Some(NullBuffer::new(!&self.bits(place))),
        };
        let fixed = Fixed {
            words: self,
            place: part.value,
            data_type,
        };
        match data_type.physical() {
            Physical::Boolean => Column::boolean(self.bits(part.value), valid),
            Physical::Int8 => fixed.column(valid, |word| word as i8),
            Physical::Int16 => fixed.column(valid, |word| word as i16),
            Physical::Int32 => fixed.column(valid, |word| word as i32),
            Physical::Float32 => fixed.column(valid, |word| f32::from_bits(word as u32)),
            Physical::Float64 => fixed.column(valid, f64::from_bits),
            Physical::Int128 => {
                let high = Place {
                    word: part.value.word + 1,
                    shift: 0,
                };
                let halves = self.at(part.value).zip(self.at(high));
                let values = halves
                    .map(|(low, high)| i128::from(high as i64) << 64 | i128::from(low))
                    .collect();
                Column::fixed::<i128>(data_type.clone(), values, valid)
            }
            _ => fixed.column(valid, |word| word as i64),
        }
    }
}

struct Fixed<'a> {
    words: Packed<'a>,
    place: Place,
    data_type: &'a SparkType,
}

impl Fixed<'_> {
    fn column<T: FixedWidth>(&self, valid: Option<NullBuffer>, value: impl Fn(u64) -> T) -> Column {
        let values = self.words.at(self.place).map(value).collect();
        Column::fixed::<T>(self.data_type.clone(), values, valid)
    }
}
