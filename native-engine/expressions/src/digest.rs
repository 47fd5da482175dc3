//! Cryptographic digests of binaries, as hexadecimal text: MD5, SHA-1, SHA-2.

use arclight_columns::SparkType;
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use crate::expression::{EvalError, ExpressionRef};
use crate::function::{Failing, one, two};
use crate::kernel::{Input, Outcome, input};
use crate::registry::{BuildError, Entry, FunctionCall};
use crate::strings::rows::{Text, any_null, function, text_rows};

/// This family's functions.
pub(crate) const FUNCTIONS: &[Entry] = &[
    ("md5", digest::<Md5>),
    ("sha1", digest::<Sha1>),
    ("sha2", sha2),
];

/// `Md5`, `Sha1`: binary → string. Never fails.
fn digest<D: Digest>(call: &FunctionCall) -> Result<ExpressionRef, BuildError> {
    if *one(call)?.data_type() != SparkType::Binary || call.output != SparkType::String {
        return Err(call.unsupported());
    }
    Ok(function(call, Failing::Never, |arguments, rows, output| {
        let [column] = arguments else {
            return Err(EvalError::Internal("expected one argument".into()));
        };
        let values = Text::of(column)?;
        text_rows(rows, output, any_null(arguments), |row, out| {
            push_hex(out, &D::digest(values.get(row)));
            Outcome::Value(())
        })
    }))
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
            match bits.get(row) {
                224 => push_hex(out, &Sha224::digest(value)),
                0 | 256 => push_hex(out, &Sha256::digest(value)),
                384 => push_hex(out, &Sha384::digest(value)),
                512 => push_hex(out, &Sha512::digest(value)),
                _ => return Outcome::Null,
            }
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
