//! The decimal digits Java prints a double with, where every supported Java agrees on them.
//!
//! From Java 19 on, `Double.toString` gives the shortest decimal that reads back as the double,
//! and of those the nearest. Before, it generated the digits of the exact value until they told
//! the double from its neighbours, with two flaws: it took the neighbours of a power of two to be
//! nearer than they are, and did not count a decimal halfway between two doubles as reading back
//! as the even one. Such a half has, below 2^53, more digits than any shortest decimal; so the two
//! agree on all normal numbers below 2^53 that are not powers of two, and on those powers of two
//! that are short decimals themselves.

/// A double in decimal: `digits * 10^exponent`, not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digits {
    /// At most 17 digits.
    pub digits: u64,
    /// The power of ten of the last digit.
    pub exponent: i32,
    /// Whether all supported Java versions print these digits; otherwise they are the shortest.
    pub certain: bool,
}

/// From here on a double is an integer, and may be halfway from a shorter decimal.
const INTEGERS: f64 = 9_007_199_254_740_992.0;

/// The digits of the magnitude of a finite number.
pub(crate) fn digits(value: f64) -> Digits {
    let value = value.abs();
    if value == 0.0 {
        return Digits {
            digits: 0,
            exponent: 0,
            certain: true,
        };
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (mut digits, mut count) = (0u64, 0i32);
    for byte in mantissa.bytes().filter(u8::is_ascii_digit) {
        digits = digits * 10 + u64::from(byte - b'0');
        count += 1;
    }
    let exponent = exponent.parse::<i32>().unwrap_or(0) - (count - 1);
    let power_of_two = value.to_bits() << 12 == 0;
    // 2^-20 has 14 digits; 15 always tell doubles apart.
    let short_power = (1.0 / f64::from(1 << 20)..INTEGERS).contains(&value);
    Digits {
        digits,
        exponent,
        certain: value.is_normal() && value < INTEGERS && (!power_of_two || short_power),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: f64, expected: (u64, i32), certain: bool) {
        let found = digits(value);
        assert_eq!((found.digits, found.exponent), expected);
        assert_eq!(found.certain, certain);
    }

    #[test]
    fn ordinary_numbers_are_certain() {
        check(1.005, (1005, -3), true);
        check(-0.1, (1, -1), true);
        check(f64::from(1.1f32), (1100000023841858, -15), true);
        check(123456.0, (123456, 0), true);
        check(0.5, (5, -1), true);
        check(0.0, (0, 0), true);
        check(1e-300, (1, -300), true);
    }

    #[test]
    fn disputed_numbers_are_not() {
        // Java 17 prints 1.9999999999999998E23.
        check(2e23, (2, 23), false);
        // 2^-44: Java 17 prints 5.6843418860808015E-14.
        check(2f64.powi(-44), (5684341886080802, -29), false);
        check(f64::from_bits(1), (5, -324), false);
    }
}
