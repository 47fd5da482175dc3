//! Cryptographic digests of binaries, as hexadecimal text: MD5, SHA-1, SHA-2.

use std::sync::OnceLock;

use arclight_columns::SparkType;
use arrow_buffer::i256;

use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, one, two};
use crate::kernel::{Input, Outcome, input};
use crate::registry::{BuildError, Entry, FunctionCall};
use crate::strings::rows::{Text, any_null, function, text_rows};

/// This family's functions.
pub(crate) const FUNCTIONS: &[Entry] = &[
    ("md5", |call| digest(call, md5)),
    ("sha1", |call| digest(call, sha1)),
    ("sha2", sha2),
];

/// `Md5`, `Sha1`: binary → string. Never fails.
fn digest(call: &FunctionCall, f: fn(&[u8]) -> Vec<u8>) -> Result<ExpressionRef, BuildError> {
    if *one(call)?.data_type() != SparkType::Binary || call.output != SparkType::String {
        return Err(call.unsupported());
    }
    Ok(function(
        call,
        Failing::Never,
        move |arguments, rows, output| {
            let [column] = arguments else {
                return Err(EvalError::Internal("expected one argument".into()));
            };
            let values = Text::of(column)?;
            text_rows(rows, output, any_null(arguments), |row, out| {
                push_hex(out, &f(values.get(row)));
                Outcome::Value(())
            })
        },
    ))
}

/// `Sha2`: binary, number of bits (int; 0 is 256) → string, NULL of other numbers than 224, 256, 384
/// and 512. Never fails.
fn sha2(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    let (bytes, bits) = two(call)?;
    let types = (bytes.data_type(), bits.data_type(), &call.output);
    if types != (&SparkType::Binary, &SparkType::Int, &SparkType::String) {
        return Err(call.unsupported());
    }
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let [bytes, bits] = arguments else {
            return Err(EvalError::Internal("expected two arguments".into()));
        };
        let values = Text::of(bytes)?;
        let bits = match bits.as_constant() {
            Some(value) if value.is_null(0) => Input::Constant(0),
            _ => input::<i32>(bits)?,
        };
        text_rows(rows, output, any_null(arguments), |row, out| {
            let value = values.get(row);
            let digest = match bits.get(row) {
                224 => sha256(value, true),
                0 | 256 => sha256(value, false),
                384 => sha512(value, true),
                512 => sha512(value, false),
                _ => return Outcome::Null,
            };
            push_hex(out, &digest);
            Outcome::Value(())
        })
    }))
}

fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// A message with the bit behind it, zeros, and its length in bits, in blocks of `N` bytes.
fn padded<const N: usize>(message: &[u8], length: &[u8]) -> Vec<u8> {
    let mut text = message.to_vec();
    text.push(0x80);
    while !(text.len() + length.len()).is_multiple_of(N) {
        text.push(0);
    }
    text.extend_from_slice(length);
    text
}

/// The length of a message in bits.
fn bits(message: &[u8]) -> u64 {
    (message.len() as u64).wrapping_mul(8)
}

/// The big-endian words of a block.
fn words<const N: usize>(block: &[u8]) -> [u32; N] {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes
            .iter()
            .fold(0, |word, &byte| word << 8 | u32::from(byte));
    }
    words
}

fn md5(message: &[u8]) -> Vec<u8> {
    const SHIFTS: [[u32; 4]; 4] = [
        [7, 12, 17, 22],
        [5, 9, 14, 20],
        [4, 11, 16, 23],
        [6, 10, 15, 21],
    ];
    static SINES: OnceLock<[u32; 64]> = OnceLock::new();
    // 32 of a double's 53 bits: whichever way its last is rounded.
    let sines = SINES.get_or_init(|| {
        std::array::from_fn(|i| (((i + 1) as f64).sin().abs() * 4_294_967_296.0) as u32)
    });
    let mut state = [0x6745_2301u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded::<64>(message, &bits(message).to_le_bytes()).chunks_exact(64) {
        let words = words::<16>(block).map(u32::swap_bytes);
        let [mut a, mut b, mut c, mut d] = state;
        for i in 0..64 {
            let (mixed, word) = match i / 16 {
                0 => ((b & c) | (!b & d), i),
                1 => ((d & b) | (!d & c), (5 * i + 1) % 16),
                2 => (b ^ c ^ d, (3 * i + 5) % 16),
                _ => (c ^ (b | !d), 7 * i % 16),
            };
            let sum = a
                .wrapping_add(mixed)
                .wrapping_add(sines[i])
                .wrapping_add(words[word]);
            (a, d, c) = (d, c, b);
            b = b.wrapping_add(sum.rotate_left(SHIFTS[i / 16][i % 4]));
        }
        for (value, part) in state.iter_mut().zip([a, b, c, d]) {
            *value = value.wrapping_add(part);
        }
    }
    state.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn sha1(message: &[u8]) -> Vec<u8> {
    let mut state = [
        0x6745_2301u32,
        0xefcd_ab89,
        0x98ba_dcfe,
        0x1032_5476,
        0xc3d2_e1f0,
    ];
    for block in padded::<64>(message, &bits(message).to_be_bytes()).chunks_exact(64) {
        let mut words = words::<80>(block);
        for i in 16..80 {
            words[i] = (words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16]).rotate_left(1);
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (i, word) in words.iter().enumerate() {
            let (mixed, constant) = match i / 20 {
                0 => ((b & c) | (!b & d), 0x5a82_7999u32),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6),
            };
            let sum = a
                .rotate_left(5)
                .wrapping_add(mixed)
                .wrapping_add(e)
                .wrapping_add(constant)
                .wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, sum);
        }
        for (value, part) in state.iter_mut().zip([a, b, c, d, e]) {
            *value = value.wrapping_add(part);
        }
    }
    state.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// What SHA-2 is made of: 64 bits behind the point of roots of the first primes.
struct Roots {
    /// Square roots of the first 16.
    square: [u64; 16],
    /// Cube roots of the first 80.
    cube: [u64; 80],
}

fn roots() -> &'static Roots {
    static ROOTS: OnceLock<Roots> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut primes: Vec<i128> = Vec::with_capacity(80);
        let mut candidate = 2;
        while primes.len() < 80 {
            if primes.iter().all(|prime| candidate % prime != 0) {
                primes.push(candidate);
            }
            candidate += 1;
        }
        Roots {
            square: std::array::from_fn(|i| root(primes[i], 2)),
            cube: std::array::from_fn(|i| root(primes[i], 3)),
        }
    })
}

/// The low 64 bits of `floor(2^64 · radicand^(1 / degree))`, by bisection.
fn root(radicand: i128, degree: u32) -> u64 {
    let power = |x: i128| {
        let x = i256::from_i128(x);
        (1..degree).fold(x, |product, _| product.wrapping_mul(x))
    };
    let shift = i256::from_i128(1 << 64);
    let target = (0..degree).fold(i256::from_i128(radicand), |value, _| {
        value.wrapping_mul(shift)
    });
    // Roots of 409 at most are below 32.
    let (mut low, mut high) = (0i128, 32i128 << 64);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if power(middle) <= target {
            low = middle;
        } else {
            high = middle;
        }
    }
    low as u64
}

fn sha256(message: &[u8], short: bool) -> Vec<u8> {
    let roots = roots();
    let mut state: [u32; 8] = std::array::from_fn(|i| match short {
        true => roots.square[8 + i] as u32,
        false => (roots.square[i] >> 32) as u32,
    });
    for block in padded::<64>(message, &bits(message).to_be_bytes()).chunks_exact(64) {
        let mut words = words::<64>(block);
        for i in 16..64 {
            let (x, y) = (words[i - 15], words[i - 2]);
            let one = x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3);
            let two = y.rotate_right(17) ^ y.rotate_right(19) ^ (y >> 10);
            words[i] = words[i - 16]
                .wrapping_add(one)
                .wrapping_add(words[i - 7])
                .wrapping_add(two);
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
        for (word, cube) in words.iter().zip(roots.cube) {
            let one = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let two = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let sum = h
                .wrapping_add(one)
                .wrapping_add((e & f) ^ (!e & g))
                .wrapping_add((cube >> 32) as u32)
                .wrapping_add(*word);
            let other = two.wrapping_add((a & b) ^ (a & c) ^ (b & c));
            (h, g, f, e) = (g, f, e, d.wrapping_add(sum));
            (d, c, b, a) = (c, b, a, sum.wrapping_add(other));
        }
        for (value, part) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *value = value.wrapping_add(part);
        }
    }
    let count = if short { 7 } else { 8 };
    let words = state.iter().take(count);
    words.flat_map(|word| word.to_be_bytes()).collect()
}

fn sha512(message: &[u8], short: bool) -> Vec<u8> {
    let roots = roots();
    let first = if short { 8 } else { 0 };
    let mut state: [u64; 8] = std::array::from_fn(|i| roots.square[first + i]);
    let length = u128::from(bits(message)).to_be_bytes();
    for block in padded::<128>(message, &length).chunks_exact(128) {
        let mut words = [0u64; 80];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(8)) {
            *word = bytes
                .iter()
                .fold(0, |word, &byte| word << 8 | u64::from(byte));
        }
        for i in 16..80 {
            let (x, y) = (words[i - 15], words[i - 2]);
            let one = x.rotate_right(1) ^ x.rotate_right(8) ^ (x >> 7);
            let two = y.rotate_right(19) ^ y.rotate_right(61) ^ (y >> 6);
            words[i] = words[i - 16]
                .wrapping_add(one)
                .wrapping_add(words[i - 7])
                .wrapping_add(two);
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
        for (word, cube) in words.iter().zip(roots.cube) {
            let one = e.rotate_right(14) ^ e.rotate_right(18) ^ e.rotate_right(41);
            let two = a.rotate_right(28) ^ a.rotate_right(34) ^ a.rotate_right(39);
            let sum = h
                .wrapping_add(one)
                .wrapping_add((e & f) ^ (!e & g))
                .wrapping_add(cube)
                .wrapping_add(*word);
            let other = two.wrapping_add((a & b) ^ (a & c) ^ (b & c));
            (h, g, f, e) = (g, f, e, d.wrapping_add(sum));
            (d, c, b, a) = (c, b, a, sum.wrapping_add(other));
        }
        for (value, part) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *value = value.wrapping_add(part);
        }
    }
    let count = if short { 6 } else { 8 };
    let words = state.iter().take(count);
    words.flat_map(|word| word.to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(digest: &[u8], expected: &str) {
        let mut out = Vec::new();
        push_hex(&mut out, digest);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn digests_of_abc() {
        check(&md5(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
        check(&sha1(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        check(
            &sha256(b"abc", true),
            "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
        );
        check(
            &sha256(b"abc", false),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        );
        check(
            &sha512(b"abc", true),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
             8086072ba1e7cc2358baeca134c825a7",
        );
        check(
            &sha512(b"abc", false),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        );
    }

    #[test]
    fn digests_of_nothing() {
        check(&md5(b""), "d41d8cd98f00b204e9800998ecf8427e");
        check(&sha1(b""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    }
}
