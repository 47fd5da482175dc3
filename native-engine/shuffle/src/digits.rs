//! Strings of one length that are digits but for some characters that are the same in all, such as
//! UUIDs, checksums and numbers behind a prefix: four bits a digit.

use arclight_columns::NullBuffer;

use crate::encode::put_varint;

/// Fewer strings are not worth a pattern.
const MIN_ROWS: usize = 16;
/// Rows after which strings that have no pattern are given up.
const TRIAL_ROWS: usize = 32;
/// The longest strings that have a pattern.
pub(crate) const MAX_LENGTH: usize = 64;
/// Of so many characters one at least is a digit: what is decoded is paid for in bytes.
const LENGTH_PER_DIGIT: usize = 4;

/// What is known of a character's position.
const SAME: u8 = 0;
/// It is one of 0–9 and a–f.
const LOWER: u8 = 1;
/// It is one of 0–9 and A–F.
const UPPER: u8 = 2;

/// For each byte the alphabets that it is of.
const ALPHABETS: [u8; 256] = {
    let mut alphabets = [0; 256];
    let mut digit = 0;
    while digit < 16 {
        alphabets[LOWER_DIGITS[digit] as usize] |= LOWER;
        alphabets[UPPER_DIGITS[digit] as usize] |= UPPER;
        digit += 1;
    }
    alphabets
};

/// For each byte its value as a digit.
const DIGITS: [u8; 256] = {
    let mut values = [0; 256];
    let mut digit = 0;
    while digit < 16 {
        values[LOWER_DIGITS[digit] as usize] = digit as u8;
        values[UPPER_DIGITS[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};

const LOWER_DIGITS: [u8; 16] = *b"0123456789abcdef";
const UPPER_DIGITS: [u8; 16] = *b"0123456789ABCDEF";

/// What strings have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// [`SAME`], [`LOWER`] or [`UPPER`] for each position.
    kinds: Vec<u8>,
    /// The characters that are the same in all strings; 0 where there are digits.
    characters: Vec<u8>,
    /// The positions of the digits.
    digits: Vec<usize>,
}

impl Pattern {
    /// A pattern with these kinds and characters, if it may be one.
    pub(crate) fn new(kinds: Vec<u8>, characters: Vec<u8>) -> Option<Self> {
        let digits: Vec<usize> = (0..kinds.len()).filter(|&at| kinds[at] != SAME).collect();
        let fits = kinds.len() == characters.len()
            && kinds.len() <= MAX_LENGTH
            && kinds.iter().all(|&kind| kind <= UPPER)
            && !digits.is_empty()
            && digits.len() * LENGTH_PER_DIGIT >= kinds.len();
        fits.then_some(Pattern {
            kinds,
            characters,
            digits,
        })
    }

    /// The pattern of strings, those at NULL rows apart, if they have one.
    pub(crate) fn of<'a>(
        strings: impl ExactSizeIterator<Item = &'a [u8]>,
        validity: Option<&NullBuffer>,
    ) -> Option<Self> {
        if strings.len() < MIN_ROWS {
            return None;
        }
        let rows = strings.len();
        let mut valid_rows = 0;
        let mut first: &[u8] = &[];
        let (mut alphabets, mut differ) = ([LOWER | UPPER; MAX_LENGTH], [0u8; MAX_LENGTH]);
        let has_pattern = |alphabets: &[u8], differ: &[u8]| {
            alphabets
                .iter()
                .zip(differ)
                .all(|(&a, &d)| a != 0 || d == 0)
        };
        for (row, string) in strings.enumerate() {
            if validity.is_some_and(|valid| valid.is_null(row)) {
                continue;
            }
            valid_rows += 1;
            if first.is_empty() {
                first = string;
            }
            let length = first.len();
            if string.is_empty() || string.len() != length || length > MAX_LENGTH {
                return None;
            }
            for at in 0..length {
                alphabets[at] &= ALPHABETS[string[at] as usize];
                differ[at] |= string[at] ^ first[at];
            }
            if row == TRIAL_ROWS && !has_pattern(&alphabets[..length], &differ) {
                return None;
            }
        }
        let length = first.len();
        if !has_pattern(&alphabets[..length], &differ) {
            return None;
        }
        let kind = |at: usize| match (differ[at], alphabets[at] & LOWER) {
            (0, _) => SAME,
            (_, LOWER) => LOWER,
            _ => UPPER,
        };
        let kinds: Vec<u8> = (0..length).map(kind).collect();
        let character = |at: usize| if kinds[at] == SAME { first[at] } else { 0 };
        let characters = (0..length).map(character).collect();
        // NULL rows have digits too, and no characters.
        Pattern::new(kinds, characters)
            .filter(|pattern| rows * pattern.packed_length() < valid_rows * length)
    }

    /// Characters of a string.
    pub(crate) fn length(&self) -> usize {
        self.kinds.len()
    }

    /// Bytes of a packed string.
    pub(crate) fn packed_length(&self) -> usize {
        self.digits.len().div_ceil(2)
    }

    /// Appends the pattern, then the strings' digits; of NULL rows zeros.
    pub(crate) fn pack<'a>(
        &self,
        out: &mut Vec<u8>,
        strings: impl ExactSizeIterator<Item = &'a [u8]>,
    ) {
        put_varint(out, self.length() as u64);
        out.extend_from_slice(&self.kinds);
        out.extend_from_slice(&self.characters);
        out.reserve(strings.len() * self.packed_length());
        for string in strings {
            if string.len() != self.length() {
                out.resize(out.len() + self.packed_length(), 0);
                continue;
            }
            for pair in self.digits.chunks(2) {
                let digit = |at: usize| DIGITS[string[at] as usize];
                out.push(digit(pair[0]) | pair.get(1).map_or(0, |&at| digit(at) << 4));
            }
        }
    }

    /// The strings, one after the other, of their digits: [`Pattern::packed_length`] bytes each.
    pub(crate) fn unpack(&self, packed: &[u8]) -> Vec<u8> {
        let (length, width) = (self.length(), self.packed_length());
        let rows = packed.len() / width;
        let mut strings = Vec::with_capacity(rows * length);
        for digits in packed.chunks_exact(width) {
            let start = strings.len();
            strings.extend_from_slice(&self.characters);
            let string = &mut strings[start..];
            for (index, &at) in self.digits.iter().enumerate() {
                let digit = usize::from(digits[index / 2] >> (index % 2 * 4) & 15);
                string[at] = match self.kinds[at] {
                    LOWER => LOWER_DIGITS[digit],
                    _ => UPPER_DIGITS[digit],
                };
            }
        }
        strings
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(strings: &[&str]) -> Option<Pattern> {
        let repeated: Vec<&[u8]> = strings
            .iter()
            .map(|s| s.as_bytes())
            .cycle()
            .take(64)
            .collect();
        Pattern::of(repeated.iter().copied(), None)
    }

    #[test]
    fn digits_are_found_among_what_is_the_same() {
        let uuids = pattern(&[
            "7d444840-9dc0-11d1-b245-5ffdce74fad2",
            "e902893a-9d22-3c7e-a7b8-d6e313b71d9f",
        ]);
        assert!(uuids.unwrap().packed_length() <= 16);
        let numbers = pattern(&["Customer#000012345", "Customer#000067890"]).unwrap();
        // Zeros are the same in all.
        assert_eq!((numbers.length(), numbers.packed_length()), (18, 3));
        assert!(pattern(&["DEADBEEF", "01234567"]).is_some());
    }

    #[test]
    fn other_strings_have_no_pattern() {
        for strings in [
            ["12", "123"],
            ["", ""],
            ["", "12"],
            ["1g", "2h"],
            // Upper and lower case in one position.
            ["a1", "B2"],
            // Nothing differs.
            ["12", "12"],
            // Too few digits to pay for the rest.
            ["a long text with 1", "a long text with 2"],
            ["1é", "2è"],
        ] {
            assert_eq!(pattern(&strings), None, "{strings:?}");
        }
        let long = ["1".repeat(65), "2".repeat(65)];
        assert_eq!(pattern(&[&long[0], &long[1]]), None);
        assert_eq!(Pattern::of([&b"12"[..], b"34"].into_iter(), None), None);
    }

    proptest! {
        #[test]
        fn unpacks_what_was_packed(
            strings in prop_oneof![
                prop::collection::vec("[0-9a-f]{4}-[0-9A-F]{3}#[0-9]", 16..80),
                prop::collection::vec("[0-9]{1,2}", 16..40),
            ],
            nulls in prop::collection::vec(any::<bool>(), 80),
        ) {
            let valid = NullBuffer::from(nulls[..strings.len()].to_vec());
            let bytes = |row: usize| match valid.is_valid(row) {
                true => strings[row].as_bytes(),
                false => b"",
            };
            let rows = (0..strings.len()).map(bytes);
            if let Some(pattern) = Pattern::of(rows.clone(), Some(&valid)) {
                let mut packed = Vec::new();
                pattern.pack(&mut packed, rows.clone());
                let head = 1 + 2 * pattern.length();
                prop_assert_eq!(packed.len(), head + strings.len() * pattern.packed_length());
                let unpacked = pattern.unpack(&packed[head..]);
                for (row, found) in unpacked.chunks_exact(pattern.length()).enumerate() {
                    if valid.is_valid(row) {
                        prop_assert_eq!(found, strings[row].as_bytes());
                    }
                }
            }
        }
    }
}
