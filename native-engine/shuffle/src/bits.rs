//! Packing integers into a fixed number of bits each, least significant bit first.

/// The widest packing: one unaligned 8-byte read then holds any value at any bit offset.
pub(crate) const MAX_BITS: u32 = 56;

/// Bits needed for `range` and everything below.
pub(crate) fn bits_for(range: u64) -> u32 {
    64 - range.leading_zeros()
}

/// Bytes of `count` values of `bits` bits; `None` if not addressable.
pub(crate) fn packed_bytes(count: usize, bits: u32) -> Option<usize> {
    Some(count.checked_mul(bits as usize)?.div_ceil(8))
}

/// Appends `values`, each below `2^bits`, `bits ≤ MAX_BITS`.
pub(crate) fn pack(out: &mut Vec<u8>, bits: u32, values: impl ExactSizeIterator<Item = u64>) {
    debug_assert!(bits <= MAX_BITS);
    if bits == 0 {
        return;
    }
    let start = out.len();
    let bytes = (values.len() * bits as usize).div_ceil(8);
    out.resize(start + bytes + 8, 0);
    let target = &mut out[start..];
    let (mut word, mut filled, mut at) = (0u64, 0u32, 0usize);
    for value in values {
        word |= value << filled;
        filled += bits;
        if filled >= 64 {
            target[at..at + 8].copy_from_slice(&word.to_le_bytes());
            at += 8;
            filled -= 64;
            word = value >> (bits - filled);
        }
    }
    target[at..at + 8].copy_from_slice(&word.to_le_bytes());
    out.truncate(start + bytes);
}

/// `count` values of `bits ≤ MAX_BITS` bits; `bytes` has [`packed_bytes`].
pub(crate) fn unpack<T>(bytes: &[u8], bits: u32, count: usize, f: impl Fn(u64) -> T) -> Vec<T> {
    debug_assert!(bits <= MAX_BITS && packed_bytes(count, bits) == Some(bytes.len()));
    let width = bits as usize;
    let mask = (1u64 << bits) - 1;
    // Values whose 8-byte read stays inside.
    let fast = match bytes.len().checked_sub(8) {
        Some(last) if width > 0 => ((8 * last + 7) / width + 1).min(count),
        _ => 0,
    };
    let mut values = Vec::with_capacity(count);
    values.extend((0..fast).map(|i| {
        let (at, shift) = (i * width / 8, i * width % 8);
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[at..at + 8]);
        f(u64::from_le_bytes(word) >> shift & mask)
    }));
    values.extend((fast..count).map(|i| {
        let (at, shift) = (i * width / 8, i * width % 8);
        let rest = &bytes[at.min(bytes.len())..];
        let rest = &rest[..rest.len().min(8)];
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        f(u64::from_le_bytes(word) >> shift & mask)
    }));
    values
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn unpacks_what_was_packed(bits in 0u32..=MAX_BITS, values: Vec<u64>) {
            let mask = (1u64 << bits) - 1;
            let values: Vec<u64> = values.into_iter().map(|v| v & mask).collect();
            let mut packed = vec![7];
            pack(&mut packed, bits, values.iter().copied());
            prop_assert_eq!(packed.len() - 1, packed_bytes(values.len(), bits).unwrap());
            prop_assert_eq!(unpack(&packed[1..], bits, values.len(), |v| v), values);
        }
    }
}
