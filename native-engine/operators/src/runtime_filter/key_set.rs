//! Keys on their way from one stage to another: ascending integers as the steps between them, each
//! in as many groups of 7 bits as it needs (LEB128).

/// Bytes that are not a key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key set ends in the middle of a key or has a step of more than 64 bits")]
pub struct KeySetError;

/// The bytes of ascending keys without repetition. The first step is from the smallest 64-bit
/// integer.
pub(super) fn encode(keys: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2 * keys.len() + 10);
    let mut before = i64::MIN;
    for &key in keys {
        let mut step = (key as u64).wrapping_sub(before as u64);
        before = key;
        while step >= 0x80 {
            bytes.push(step as u8 | 0x80);
            step >>= 7;
        }
        bytes.push(step as u8);
    }
    bytes
}

/// Appends the keys of a set.
pub(super) fn decode(bytes: &[u8], keys: &mut Vec<i64>) -> Result<(), KeySetError> {
    let mut key = i64::MIN as u64;
    let mut bytes = bytes.iter();
    while let Some(&first) = bytes.next() {
        let mut step = u64::from(first & 0x7f);
        let mut byte = first;
        let mut shift = 7;
        while byte & 0x80 != 0 {
            byte = *bytes.next().ok_or(KeySetError)?;
            let bits = u64::from(byte & 0x7f);
            if shift > 63 || bits << shift >> shift != bits {
                return Err(KeySetError);
            }
            step |= bits << shift;
            shift += 7;
        }
        key = key.wrapping_add(step);
        keys.push(key as i64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_no_key_set() {
        let mut keys = Vec::new();
        assert_eq!(decode(&[0x80], &mut keys), Err(KeySetError));
        assert_eq!(decode(&[0xff; 11], &mut keys), Err(KeySetError));
        let mut too_wide = [0xff; 10];
        too_wide[9] = 2;
        assert_eq!(decode(&too_wide, &mut keys), Err(KeySetError));
    }

    #[test]
    fn neighbours_take_a_byte_each() {
        let keys: Vec<i64> = (1..=1000).collect();
        assert!(encode(&keys).len() < 1020);
    }

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(
            keys in proptest::collection::btree_set(any::<i64>(), 0..50),
            ends in any::<bool>(),
        ) {
            let mut keys: Vec<i64> = keys.into_iter().collect();
            if ends {
                keys.extend([i64::MIN, i64::MAX]);
                keys.sort_unstable();
                keys.dedup();
            }
            let mut back = vec![7];
            decode(&encode(&keys), &mut back).unwrap();
            prop_assert_eq!(&back[1..], &keys[..]);
        }

        #[test]
        fn bytes_of_any_kind_are_keys_or_an_error(bytes in any::<Vec<u8>>()) {
            let mut keys = Vec::new();
            let _ = decode(&bytes, &mut keys);
            prop_assert!(keys.len() <= bytes.len());
        }
    }
}
