//! The keys of a join's rows: which rows may match at all, and keys as 64-bit words.

use std::borrow::Cow;

use arclight_columns::{Column, NullBuffer, Physical, Selection, SparkType, Values};
use arclight_expressions::value_bytes::{normalize_double, normalize_float};

use crate::operator::EngineError;

/// The rows of `rows` whose keys are all not NULL: the others match nothing.
pub(crate) fn rows_with_keys(keys: &[Column], rows: &Selection) -> Selection {
    let valid =
        keys.iter()
            .filter(|key| key.has_nulls())
            .fold(None, |valid: Option<NullBuffer>, key| {
                NullBuffer::union(valid.as_ref(), key.logical_validity().as_ref())
            });
    match valid {
        None => rows.clone(),
        Some(valid) => Selection::from_predicate(valid.inner(), None, rows),
    }
}

/// Whether values of the type are told apart by 64 bits.
pub(crate) fn is_word(data_type: &SparkType) -> bool {
    matches!(
        data_type.physical(),
        Physical::Boolean
            | Physical::Int8
            | Physical::Int16
            | Physical::Int32
            | Physical::Int64
            | Physical::Float32
            | Physical::Float64
    )
}

/// One integer per row of `rows`, equal just where the values are (floats: their normalised bits).
/// None of the rows may be NULL.
pub(crate) fn integers<'a>(
    key: &'a Column,
    rows: &Selection,
) -> Result<Cow<'a, [i64]>, EngineError> {
    fn each(rows: &Selection, value: impl Fn(usize) -> i64) -> Cow<'static, [i64]> {
        Cow::Owned(match rows.rows() {
            None => (0..rows.len()).map(value).collect(),
            Some(rows) => rows.iter().map(|&row| value(row as usize)).collect(),
        })
    }
    let Some(values) = key.as_flat() else {
        let flat = key.flatten();
        return Ok(Cow::Owned(integers(&flat, rows)?.into_owned()));
    };
    Ok(match values {
        Values::Boolean(v) => each(rows, |row| i64::from(v.value(row))),
        Values::Int8(v) => each(rows, |row| i64::from(v[row])),
        Values::Int16(v) => each(rows, |row| i64::from(v[row])),
        Values::Int32(v) => {
            let v = &v[..];
            each(rows, |row| i64::from(v[row]))
        }
        Values::Int64(v) if rows.is_all() => Cow::Borrowed(&v[..]),
        Values::Int64(v) => {
            let v = &v[..];
            each(rows, |row| v[row])
        }
        Values::Float32(v) => each(rows, |row| i64::from(normalize_float(v[row]).to_bits())),
        Values::Float64(v) => each(rows, |row| normalize_double(v[row]).to_bits() as i64),
        _ => {
            return Err(EngineError::Internal(format!(
                "a join key of type {} as an integer",
                key.data_type()
            )));
        }
    })
}

/// One key within the word: its distance from the smallest value of the build side.
#[derive(Debug, Clone, Copy)]
struct Part {
    smallest: i64,
    /// The largest value's distance.
    range: u64,
    shift: u32,
}

/// Keys packed into a word, each in as many bits as the build side's values need. Values beyond
/// them match nothing.
#[derive(Debug, Clone)]
pub(super) struct WordForm {
    parts: Vec<Part>,
}

impl WordForm {
    /// The form for the build side's keys at `rows`, of which there is at least one; `None` if
    /// they do not fit a word.
    pub(super) fn of(keys: &[Column], rows: &Selection) -> Result<Option<Self>, EngineError> {
        if keys.is_empty() || !keys.iter().all(|key| is_word(key.data_type())) {
            return Ok(None);
        }
        let mut shift = 0;
        let mut parts = Vec::with_capacity(keys.len());
        for key in keys {
            let values = integers(key, rows)?;
            let (smallest, largest) =
                values.iter().fold((i64::MAX, i64::MIN), |(low, high), &v| {
                    (low.min(v), high.max(v))
                });
            let range = (largest as u64).wrapping_sub(smallest as u64);
            let bits = 64 - range.leading_zeros();
            if shift + bits > 64 {
                return Ok(None);
            }
            // A shift by 64 is only reached by keys of one value, which take no bits.
            parts.push(Part {
                smallest,
                range,
                shift: shift.min(63),
            });
            shift += bits;
        }
        Ok(Some(WordForm { parts }))
    }

    /// The largest word there may be.
    pub(super) fn largest(&self) -> u64 {
        self.parts
            .iter()
            .fold(0, |word, part| word | (part.range << part.shift))
    }

    /// The words of the keys at `rows`. `known[i]` says whether all values of the `i`-th row are
    /// within the build side's; the words of others mean nothing.
    pub(super) fn words(
        &self,
        keys: &[Column],
        rows: &Selection,
        words: &mut Vec<u64>,
        known: &mut Vec<bool>,
    ) -> Result<(), EngineError> {
        words.clear();
        known.clear();
        for (index, (key, part)) in keys.iter().zip(&self.parts).enumerate() {
            let values = integers(key, rows)?;
            let smallest = part.smallest as u64;
            if index == 0 {
                words.extend(values.iter().map(|&v| (v as u64).wrapping_sub(smallest)));
                known.extend(words.iter().map(|&word| word <= part.range));
                continue;
            }
            for ((word, known), &value) in words.iter_mut().zip(known.iter_mut()).zip(&values[..]) {
                let offset = (value as u64).wrapping_sub(smallest);
                *known &= offset <= part.range;
                *word |= offset << part.shift;
            }
        }
        Ok(())
    }
}
