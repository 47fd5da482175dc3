//! `Murmur3Hash` and `XxHash64`: Spark's hashes of rows, also what hash partitioning is made of.
//!
//! A row's hash starts at the seed and takes in one column after the other, each hash being the
//! next one's seed; NULL leaves it unchanged. Narrow integers, booleans and dates hash as ints;
//! zeros of either sign hash alike and all NaNs do; a decimal's *declared* precision decides
//! whether it hashes as a long or as its big-endian bytes.

use arclight_columns::{Column, FixedWidth, Selection, SparkType, Values};

use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, nary};
use crate::registry::{BuildError, Entry, FunctionCall};

/// This family's functions.
pub(crate) const FUNCTIONS: &[Entry] = &[("hash", hash), ("xxhash64", xxhash64)];

/// Spark's seed, of SQL functions and of hash partitioning.
pub const SEED: i32 = 42;

/// One of the two hash functions.
trait Hasher {
    /// The hash's width.
    type Hash: Copy;
    /// Hashes a 32-bit integer.
    fn int(value: i32, seed: Self::Hash) -> Self::Hash;
    /// Hashes a 64-bit integer.
    fn long(value: i64, seed: Self::Hash) -> Self::Hash;
    /// Hashes bytes.
    fn bytes(value: &[u8], seed: Self::Hash) -> Self::Hash;
}

/// Spark's variant of 32-bit Murmur3: each trailing byte is mixed alone, as a signed word.
struct Murmur3;

impl Murmur3 {
    #[inline(always)]
    fn mix(hash: i32, word: i32) -> i32 {
        let word = word
            .wrapping_mul(0xcc9e2d51u32 as i32)
            .rotate_left(15)
            .wrapping_mul(0x1b873593);
        (hash ^ word)
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe6546b64u32 as i32)
    }

    #[inline(always)]
    fn finish(hash: i32, length: u32) -> i32 {
        let mut hash = hash as u32 ^ length;
        hash ^= hash >> 16;
        hash = hash.wrapping_mul(0x85ebca6b);
        hash ^= hash >> 13;
        hash = hash.wrapping_mul(0xc2b2ae35);
        (hash ^ (hash >> 16)) as i32
    }
}

impl Hasher for Murmur3 {
    type Hash = i32;

    #[inline(always)]
    fn int(value: i32, seed: i32) -> i32 {
        Self::finish(Self::mix(seed, value), 4)
    }

    #[inline(always)]
    fn long(value: i64, seed: i32) -> i32 {
        let low = Self::mix(seed, value as i32);
        Self::finish(Self::mix(low, (value >> 32) as i32), 8)
    }

    #[inline]
    fn bytes(value: &[u8], seed: i32) -> i32 {
        let (words, tail) = value.as_chunks::<4>();
        let hash = words.iter().fold(seed, |hash, word| {
            Self::mix(hash, i32::from_le_bytes(*word))
        });
        let hash = tail
            .iter()
            .fold(hash, |hash, &byte| Self::mix(hash, i32::from(byte as i8)));
        Self::finish(hash, value.len() as u32)
    }
}

/// 64-bit xxHash.
struct XxHash64;

const PRIME_1: u64 = 0x9E37_79B1_85EB_CA87;
const PRIME_2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const PRIME_3: u64 = 0x1656_67B1_9E37_79F9;
const PRIME_4: u64 = 0x85EB_CA77_C2B2_AE63;
const PRIME_5: u64 = 0x27D4_EB2F_1656_67C5;

impl XxHash64 {
    #[inline(always)]
    fn round(state: u64, word: u64) -> u64 {
        state
            .wrapping_add(word.wrapping_mul(PRIME_2))
            .rotate_left(31)
            .wrapping_mul(PRIME_1)
    }

    #[inline(always)]
    fn mix_word(hash: u64, word: u64) -> u64 {
        (hash ^ Self::round(0, word))
            .rotate_left(27)
            .wrapping_mul(PRIME_1)
            .wrapping_add(PRIME_4)
    }

    #[inline(always)]
    fn mix_half(hash: u64, half: u32) -> u64 {
        (hash ^ u64::from(half).wrapping_mul(PRIME_1))
            .rotate_left(23)
            .wrapping_mul(PRIME_2)
            .wrapping_add(PRIME_3)
    }

    #[inline(always)]
    fn finish(mut hash: u64) -> i64 {
        hash ^= hash >> 33;
        hash = hash.wrapping_mul(PRIME_2);
        hash ^= hash >> 29;
        hash = hash.wrapping_mul(PRIME_3);
        (hash ^ (hash >> 32)) as i64
    }
}

impl Hasher for XxHash64 {
    type Hash = i64;

    #[inline(always)]
    fn int(value: i32, seed: i64) -> i64 {
        let start = (seed as u64).wrapping_add(PRIME_5).wrapping_add(4);
        Self::finish(Self::mix_half(start, value as u32))
    }

    #[inline(always)]
    fn long(value: i64, seed: i64) -> i64 {
        let start = (seed as u64).wrapping_add(PRIME_5).wrapping_add(8);
        Self::finish(Self::mix_word(start, value as u64))
    }

    fn bytes(value: &[u8], seed: i64) -> i64 {
        let seed = seed as u64;
        let (stripes, rest) = value.as_chunks::<32>();
        let mut hash = if stripes.is_empty() {
            seed.wrapping_add(PRIME_5)
        } else {
            let mut lanes = [
                seed.wrapping_add(PRIME_1).wrapping_add(PRIME_2),
                seed.wrapping_add(PRIME_2),
                seed,
                seed.wrapping_sub(PRIME_1),
            ];
            for stripe in stripes {
                let (words, _) = stripe.as_chunks::<8>();
                for (lane, word) in lanes.iter_mut().zip(words) {
                    *lane = Self::round(*lane, u64::from_le_bytes(*word));
                }
            }
            let joined = lanes
                .iter()
                .zip([1, 7, 12, 18])
                .fold(0u64, |sum, (lane, bits)| {
                    sum.wrapping_add(lane.rotate_left(bits))
                });
            lanes.iter().fold(joined, |hash, &lane| {
                (hash ^ Self::round(0, lane))
                    .wrapping_mul(PRIME_1)
                    .wrapping_add(PRIME_4)
            })
        };
        hash = hash.wrapping_add(value.len() as u64);
        let (words, rest) = rest.as_chunks::<8>();
        for word in words {
            hash = Self::mix_word(hash, u64::from_le_bytes(*word));
        }
        let (halves, tail) = rest.as_chunks::<4>();
        for half in halves {
            hash = Self::mix_half(hash, u32::from_le_bytes(*half));
        }
        for &byte in tail {
            hash = (hash ^ u64::from(byte).wrapping_mul(PRIME_5))
                .rotate_left(11)
                .wrapping_mul(PRIME_1);
        }
        Self::finish(hash)
    }
}

/// The Murmur3 hashes of the active rows, in their order, as Spark's `Murmur3Hash` gives them.
/// A row's partition under hash partitioning is the hash modulo the number of partitions, made
/// non-negative. Map columns hash as the list of their keys and values (Spark refuses maps unless
/// `spark.sql.legacy.allowHashOnMapType`).
pub fn murmur3(columns: &[Column], rows: &Selection, seed: i32) -> Vec<i32> {
    hash_rows::<Murmur3>(columns, rows, seed)
}

/// The 64-bit xxHashes of the active rows, in their order, as Spark's `XxHash64` gives them.
pub fn xxhash(columns: &[Column], rows: &Selection, seed: i64) -> Vec<i64> {
    hash_rows::<XxHash64>(columns, rows, seed)
}

fn hash_rows<H: Hasher>(columns: &[Column], rows: &Selection, seed: H::Hash) -> Vec<H::Hash> {
    let mut hashes = vec![seed; rows.count()];
    for column in columns {
        hash_column::<H>(column, rows, &mut hashes);
    }
    hashes
}

/// Takes `column` into `hashes`, which are aligned to the active rows.
fn hash_column<H: Hasher>(column: &Column, rows: &Selection, hashes: &mut [H::Hash]) {
    let values = match column.as_flat() {
        Some(values) => values,
        None => {
            for (hash, row) in hashes.iter_mut().zip(rows.iter()) {
                *hash = hash_value::<H>(column, row, *hash);
            }
            return;
        }
    };
    match (values, column.data_type()) {
        (Values::Int32(v), _) => each(column, v, rows, hashes, |x, h| H::int(x, h)),
        (Values::Int64(v), SparkType::Decimal { precision, .. }) if *precision > 18 => {
            each(column, v, rows, hashes, |x, h| {
                hash_decimal::<H>(i128::from(x), h)
            });
        }
        (Values::Int64(v), _) => each(column, v, rows, hashes, |x, h| H::long(x, h)),
        _ => {
            for (hash, row) in hashes.iter_mut().zip(rows.iter()) {
                *hash = hash_value::<H>(column, row, *hash);
            }
        }
    }
}

/// The loops of the common widths: with and without NULLs, with all or some rows active.
#[inline(always)]
fn each<T: FixedWidth, S: Copy>(
    column: &Column,
    values: &[T],
    rows: &Selection,
    hashes: &mut [S],
    f: impl Fn(T, S) -> S,
) {
    match (rows.rows(), column.validity()) {
        (None, None) => {
            for (hash, &value) in hashes.iter_mut().zip(values) {
                *hash = f(value, *hash);
            }
        }
        (Some(active), None) => {
            for (hash, &row) in hashes.iter_mut().zip(active) {
                *hash = f(values[row as usize], *hash);
            }
        }
        (_, Some(validity)) => {
            for (hash, row) in hashes.iter_mut().zip(rows.iter()) {
                if validity.is_valid(row) {
                    *hash = f(values[row], *hash);
                }
            }
        }
    }
}

fn hash_decimal<H: Hasher>(value: i128, seed: H::Hash) -> H::Hash {
    // BigInteger.toByteArray: the shortest two's complement, big-endian, at least one byte.
    let bits = 129 - (value ^ (value >> 127)).leading_zeros();
    let length = bits.div_ceil(8) as usize;
    H::bytes(&value.to_be_bytes()[16 - length..], seed)
}

/// Takes one value into a hash, nested values depth first.
fn hash_value<H: Hasher>(column: &Column, row: usize, seed: H::Hash) -> H::Hash {
    if column.is_null(row) {
        return seed;
    }
    let (base, position) = column.locate(row);
    let Some(values) = base.as_flat() else {
        return seed;
    };
    match values {
        Values::Null => seed,
        Values::Boolean(v) => H::int(i32::from(v.value(position)), seed),
        Values::Int8(v) => H::int(i32::from(v[position]), seed),
        Values::Int16(v) => H::int(i32::from(v[position]), seed),
        Values::Int32(v) => H::int(v[position], seed),
        Values::Int64(v) => match column.data_type() {
            SparkType::Decimal { precision, .. } if *precision > 18 => {
                hash_decimal::<H>(i128::from(v[position]), seed)
            }
            _ => H::long(v[position], seed),
        },
        Values::Int128(v) => match column.data_type() {
            SparkType::Decimal { precision, .. } if *precision <= 18 => {
                H::long(v[position] as i64, seed)
            }
            _ => hash_decimal::<H>(v[position], seed),
        },
        Values::Float32(v) => H::int(float_bits(v[position]), seed),
        Values::Float64(v) => H::long(double_bits(v[position]), seed),
        Values::Bytes(v) => H::bytes(v.value(position), seed),
        Values::Struct(children) => children
            .iter()
            .fold(seed, |hash, child| hash_value::<H>(child, position, hash)),
        Values::List { offsets, elements } => (offsets[position]..offsets[position + 1])
            .fold(seed, |hash, i| hash_value::<H>(elements, i as usize, hash)),
    }
}

/// `Float.floatToIntBits`, with zeros of either sign alike.
fn float_bits(value: f32) -> i32 {
    if value == 0.0 {
        0
    } else if value.is_nan() {
        0x7fc0_0000
    } else {
        value.to_bits() as i32
    }
}

/// `Double.doubleToLongBits`, with zeros of either sign alike.
fn double_bits(value: f64) -> i64 {
    if value == 0.0 {
        0
    } else if value.is_nan() {
        0x7ff8_0000_0000_0000
    } else {
        value.to_bits() as i64
    }
}

fn has_map(data_type: &SparkType) -> bool {
    match data_type {
        SparkType::Map(..) => true,
        SparkType::Array(element) => has_map(&element.data_type),
        SparkType::Struct(fields) => fields.iter().any(|f| has_map(&f.data_type)),
        _ => false,
    }
}

/// `Murmur3Hash` with seed 42: any types but maps → int. Never NULL, never fails.
fn hash(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    if call.output != SparkType::Int || call.arguments.iter().any(|a| has_map(a.data_type())) {
        return Err(call.unsupported());
    }
    Ok(nary(call, Failing::Never, |columns, rows| {
        from_active(SparkType::Int, murmur3(columns, rows, SEED), rows)
    }))
}

/// `XxHash64` with seed 42: any types but maps → bigint. Never NULL, never fails.
fn xxhash64(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    if call.output != SparkType::Long || call.arguments.iter().any(|a| has_map(a.data_type())) {
        return Err(call.unsupported());
    }
    Ok(nary(call, Failing::Never, |columns, rows| {
        from_active(
            SparkType::Long,
            xxhash(columns, rows, i64::from(SEED)),
            rows,
        )
    }))
}

/// A column with one value per active row, placed at the rows.
fn from_active<T: FixedWidth>(
    data_type: SparkType,
    values: Vec<T>,
    rows: &Selection,
) -> Result<Column, EvalError> {
    if rows.is_all() {
        return Ok(Column::fixed(data_type, values, None));
    }
    let mut result = vec![T::default(); rows.len()];
    for (value, row) in values.into_iter().zip(rows.iter()) {
        result[row] = value;
    }
    Ok(Column::fixed(data_type, result, None))
}

#[cfg(test)]
mod tests;
