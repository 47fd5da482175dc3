//! Keys of any types as bytes, a row at a time: the general form of the keys of hash tables.

use std::hash::{BuildHasher, Hasher};

use arclight_columns::{Column, ColumnBuilder, Physical, Selection, SparkType, Values};
use arclight_expressions::EvalError;
use arclight_expressions::value_bytes::{
    Floats, decode_value, encode_value, normalize_double, normalize_float,
};

/// Keys that a loop looks up at a time, so that their cache misses overlap.
pub(crate) const GROUP: usize = 128;

/// The encoded keys of rows, one after the other. Equal keys (NULL equals NULL, NaN equals NaN,
/// -0.0 equals 0.0) have equal bytes.
#[derive(Default)]
pub(crate) struct EncodedKeys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Where the next value of a row goes, while encoding.
    cursors: Vec<usize>,
}

impl EncodedKeys {
    /// Encodes the active rows' keys, replacing what was there.
    pub(crate) fn encode(&mut self, keys: &[Column], rows: &Selection) {
        let count = rows.count();
        self.cursors.clear();
        self.cursors.resize(count, 0);
        let mut scratch = Vec::new();
        let keys: Vec<Column> = keys.iter().map(|key| nearby(key, count)).collect();
        for key in &keys {
            add_lengths(key, rows, &mut self.cursors, &mut scratch);
        }
        self.ends.clear();
        let mut end = 0;
        for cursor in &mut self.cursors {
            let length = *cursor;
            *cursor = end;
            end += length;
            self.ends.push(end);
        }
        self.bytes.clear();
        self.bytes.resize(end, 0);
        for key in &keys {
            fill(key, rows, &mut self.cursors, &mut self.bytes, &mut scratch);
        }
    }

    /// The number of rows.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of memory behind the keys.
    pub(crate) fn memory_size(&self) -> usize {
        self.bytes.capacity()
            + size_of::<usize>() * (self.ends.capacity() + self.cursors.capacity())
    }

    /// The key of the `index`-th active row.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }
}

/// The width of values that are encoded as they lie.
fn plain_width(values: &Values, data_type: &SparkType) -> Option<usize> {
    Some(match values {
        Values::Int8(_) => 1,
        Values::Int16(_) => 2,
        Values::Int32(_) | Values::Float32(_) => 4,
        Values::Int64(_) if data_type.physical() == Physical::Int64 => 8,
        Values::Float64(_) => 8,
        Values::Int128(_) => 16,
        _ => return None,
    })
}

/// The column, flat if it is codes into many values and most rows are wanted: each value is fetched
/// from afar once then.
fn nearby(key: &Column, rows: usize) -> Column {
    match key.as_dictionary() {
        Some((_, values)) if values.len() > key.len() && 2 * rows > key.len() => key.flatten(),
        _ => key.clone(),
    }
}

fn each_row(rows: &Selection, mut f: impl FnMut(usize, usize)) {
    let mut index = 0;
    rows.for_each(|row| {
        f(index, row);
        index += 1;
    });
}

fn add_lengths(key: &Column, rows: &Selection, lengths: &mut [usize], scratch: &mut Vec<u8>) {
    if let Some(values) = key.as_flat()
        && let Some(width) = plain_width(values, key.data_type())
    {
        match key.validity() {
            None => lengths.iter_mut().for_each(|l| *l += 1 + width),
            Some(valid) => each_row(rows, |i, row| {
                lengths[i] += 1 + if valid.is_valid(row) { width } else { 0 };
            }),
        }
        return;
    }
    if let Some(value) = key.as_constant() {
        scratch.clear();
        encode_value(value, 0, Floats::Normalize, scratch);
        return lengths.iter_mut().for_each(|l| *l += scratch.len());
    }
    if key.data_type().physical() == Physical::Bytes {
        return each_row(rows, |i, row| {
            lengths[i] += 1;
            if !key.is_null(row) {
                lengths[i] += 4 + key.bytes_value(row).map_or(0, <[u8]>::len);
            }
        });
    }
    each_row(rows, |i, row| {
        scratch.clear();
        encode_value(key, row, Floats::Normalize, scratch);
        lengths[i] += scratch.len();
    });
}

fn put(out: &mut [u8], cursor: &mut usize, bytes: &[u8]) {
    out[*cursor..*cursor + bytes.len()].copy_from_slice(bytes);
    *cursor += bytes.len();
}

fn fill(
    key: &Column,
    rows: &Selection,
    cursors: &mut [usize],
    out: &mut [u8],
    scratch: &mut Vec<u8>,
) {
    fn plain<const N: usize>(
        key: &Column,
        rows: &Selection,
        cursors: &mut [usize],
        out: &mut [u8],
        value: impl Fn(usize) -> [u8; N],
    ) {
        let valid = key.validity();
        each_row(rows, |i, row| {
            let cursor = &mut cursors[i];
            if valid.is_some_and(|v| v.is_null(row)) {
                return put(out, cursor, &[0]);
            }
            put(out, cursor, &[1]);
            put(out, cursor, &value(row));
        });
    }
    match key.as_flat() {
        Some(Values::Int8(v)) => return plain(key, rows, cursors, out, |r| v[r].to_ne_bytes()),
        Some(Values::Int16(v)) => return plain(key, rows, cursors, out, |r| v[r].to_ne_bytes()),
        Some(Values::Int32(v)) => return plain(key, rows, cursors, out, |r| v[r].to_ne_bytes()),
        Some(Values::Int64(v)) if key.data_type().physical() == Physical::Int64 => {
            return plain(key, rows, cursors, out, |r| v[r].to_ne_bytes());
        }
        Some(Values::Int128(v)) => return plain(key, rows, cursors, out, |r| v[r].to_ne_bytes()),
        Some(Values::Float32(v)) => {
            return plain(key, rows, cursors, out, |r| {
                normalize_float(v[r]).to_bits().to_ne_bytes()
            });
        }
        Some(Values::Float64(v)) => {
            return plain(key, rows, cursors, out, |r| {
                normalize_double(v[r]).to_bits().to_ne_bytes()
            });
        }
        _ => {}
    }
    if let Some(value) = key.as_constant() {
        scratch.clear();
        encode_value(value, 0, Floats::Normalize, scratch);
        return cursors.iter_mut().for_each(|c| put(out, c, scratch));
    }
    if key.data_type().physical() == Physical::Bytes {
        return each_row(rows, |i, row| {
            let cursor = &mut cursors[i];
            if key.is_null(row) {
                return put(out, cursor, &[0]);
            }
            let value = key.bytes_value(row).unwrap_or_default();
            put(out, cursor, &[1]);
            put(out, cursor, &(value.len() as u32).to_ne_bytes());
            put(out, cursor, value);
        });
    }
    each_row(rows, |i, row| {
        scratch.clear();
        encode_value(key, row, Floats::Normalize, scratch);
        put(out, &mut cursors[i], scratch);
    });
}

/// The columns of encoded keys.
pub(crate) fn decode<'a>(
    keys: impl ExactSizeIterator<Item = &'a [u8]>,
    types: &[SparkType],
) -> Result<Vec<Column>, EvalError> {
    let mut builders: Vec<ColumnBuilder> = types
        .iter()
        .map(|t| ColumnBuilder::new(t.clone(), keys.len()))
        .collect();
    for mut key in keys {
        for builder in &mut builders {
            decode_value(&mut key, builder)?;
        }
    }
    Ok(builders.into_iter().map(ColumnBuilder::finish).collect())
}

/// Whether values of the type may be or hold floats.
fn has_floats(data_type: &SparkType) -> bool {
    match data_type {
        SparkType::Float | SparkType::Double => true,
        SparkType::Array(element) => has_floats(&element.data_type),
        SparkType::Map(key, value) => has_floats(&key.data_type) || has_floats(&value.data_type),
        SparkType::Struct(fields) => fields.iter().any(|f| has_floats(&f.data_type)),
        _ => false,
    }
}

/// The column with its floats normalised, of which all rows are given a value.
pub(crate) fn normalize(column: &Column) -> Result<Column, EvalError> {
    if !has_floats(column.data_type()) {
        return Ok(column.clone());
    }
    let flat = column.flatten();
    let valid = flat.validity().cloned();
    match flat.as_flat() {
        Some(Values::Float32(v)) => {
            let values = v.iter().map(|&v| normalize_float(v)).collect();
            Ok(Column::fixed::<f32>(
                column.data_type().clone(),
                values,
                valid,
            ))
        }
        Some(Values::Float64(v)) => {
            let values = v.iter().map(|&v| normalize_double(v)).collect();
            Ok(Column::fixed::<f64>(
                column.data_type().clone(),
                values,
                valid,
            ))
        }
        _ => {
            let mut keys = EncodedKeys::default();
            let columns = [flat];
            keys.encode(&columns, &Selection::all(column.len()));
            let keys = (0..keys.len()).map(|i| keys.get(i));
            let decoded = decode(keys, std::slice::from_ref(column.data_type()))?;
            decoded
                .into_iter()
                .next()
                .ok_or_else(|| EvalError::Internal("no column".to_string()))
        }
    }
}

/// Hashes of keys, independent of Spark's partitioning hash (which is constant within a task's
/// shuffle partition).
#[derive(Clone)]
pub(crate) struct KeyHasher {
    state: ahash::RandomState,
    equal: bool,
}

impl KeyHasher {
    /// A hasher; `equal` makes all hashes equal.
    pub(crate) fn new(equal: bool) -> Self {
        KeyHasher {
            state: ahash::RandomState::with_seeds(
                0x9ae1_6a3b_2f90_404f,
                0xc949_d7c7_509e_6557,
                0x3c6e_f372_fe94_f82b,
                0xa54f_f53a_5f1d_36f1,
            ),
            equal,
        }
    }

    /// The hash of a byte string.
    #[inline]
    pub(crate) fn bytes(&self, key: &[u8]) -> u64 {
        if self.equal {
            return 0;
        }
        let mut hasher = self.state.build_hasher();
        hasher.write(key);
        hasher.finish()
    }

    /// The hash of a word.
    #[inline]
    pub(crate) fn word(&self, key: u64) -> u64 {
        if self.equal {
            return 0;
        }
        let product = u128::from(key ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93_u128;
        (product as u64) ^ ((product >> 64) as u64)
    }
}
