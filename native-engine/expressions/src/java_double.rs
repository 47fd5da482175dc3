//! The decimal digits Java prints floats and doubles with, where every supported Java agrees on
//! them.
//!
//! From Java 19 on, `Double.toString` gives the shortest decimal that reads back as the double,
//! and of those the nearest. Before, it generated the digits of the exact value until they told
//! the double from its neighbours, with two flaws: it took the neighbours of a power of two to be
//! nearer than they are, and did not count a decimal halfway between two doubles as reading back
//! as the even one. Such a half has, below 2^53, more digits than any shortest decimal; so the two
//! agree on all normal numbers below 2^53 that are not powers of two, and on those powers of two
//! that are short decimals themselves. The same holds of floats below 2^24.

/// A number in decimal: `digits * 10^exponent`, not negative.
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
const DOUBLE_INTEGERS: f64 = 9_007_199_254_740_992.0;

/// The same of a float.
const FLOAT_INTEGERS: f32 = 16_777_216.0;

/// The shortest digits of a number. Of two that are equally near Java takes the even one, which it
/// has to be told from the larger one that `text` has.
fn shortest(value: f64, text: &str, certain: bool) -> Digits {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (mut digits, mut count) = (0u64, 0i32);
    for byte in mantissa.bytes().filter(u8::is_ascii_digit) {
        digits = digits * 10 + u64::from(byte - b'0');
        count += 1;
    }
    let exponent = exponent.parse::<i32>().unwrap_or(0) - (count - 1);
    if digits % 2 == 1 && is_half(value, digits - 1, exponent) {
        digits -= 1;
    }
    Digits {
        digits,
        exponent,
        certain,
    }
}

/// Whether a number is exactly `(digits + 1/2) * 10^exponent`.
fn is_half(value: f64, digits: u64, exponent: i32) -> bool {
    // Then it has one more digit, a 5, behind the point, and as many bits there as digits; of at
    // most 18 digits in all, no more than 25 can be there.
    const MOST: i32 = 25;
    let behind = 1 - exponent;
    if !(1..=MOST).contains(&behind) {
        return false;
    }
    let whole = value * f64::from(1 << behind);
    let power = 5u128.pow(behind.unsigned_abs());
    // A product beyond the digits is not looked at closely.
    whole.fract() == 0.0
        && whole < u64::MAX as f64
        && u128::from(whole as u64) * power == u128::from(digits) * 10 + 5
}

const ZERO: Digits = Digits {
    digits: 0,
    exponent: 0,
    certain: true,
};

/// The digits of the magnitude of a finite double.
pub(crate) fn digits(value: f64) -> Digits {
    let value = value.abs();
    if value == 0.0 {
        return ZERO;
    }
    let power_of_two = value.to_bits() << 12 == 0;
    // 2^-20 has 14 digits; 15 always tell doubles apart.
    let short_power = (1.0 / f64::from(1 << 20)..DOUBLE_INTEGERS).contains(&value);
    let certain = value.is_normal() && value < DOUBLE_INTEGERS && (!power_of_two || short_power);
    shortest(value, &format!("{value:e}"), certain)
}

/// The digits of the magnitude of a finite float.
pub(crate) fn float_digits(value: f32) -> Digits {
    let value = value.abs();
    if value == 0.0 {
        return ZERO;
    }
    let power_of_two = value.to_bits() << 9 == 0;
    // 2^-8 has 6 digits, which always tell floats apart.
    let short_power = (1.0 / 256.0..FLOAT_INTEGERS).contains(&value);
    let certain = value.is_normal() && value < FLOAT_INTEGERS && (!power_of_two || short_power);
    shortest(f64::from(value), &format!("{value:e}"), certain)
}

impl Digits {
    /// Appends the number as `Double.toString` lays it out: plain from 10^-3 up to 10^7, else
    /// with an exponent; at least one digit behind the point.
    pub fn write(&self, out: &mut Vec<u8>) {
        let text = self.digits.to_string();
        let text = text.as_bytes();
        let point = self.exponent + text.len() as i32;
        match point {
            -2..=0 => {
                out.extend_from_slice(b"0.");
                out.extend(std::iter::repeat_n(b'0', point.unsigned_abs() as usize));
                out.extend_from_slice(text);
            }
            1..=7 if text.len() <= point as usize => {
                out.extend_from_slice(text);
                out.extend(std::iter::repeat_n(b'0', point as usize - text.len()));
                out.extend_from_slice(b".0");
            }
            1..=7 => {
                let (whole, behind) = text.split_at(point as usize);
                out.extend_from_slice(whole);
                out.push(b'.');
                out.extend_from_slice(behind);
            }
            _ => {
                let (whole, behind) = text.split_at(1);
                out.extend_from_slice(whole);
                out.push(b'.');
                out.extend_from_slice(if behind.is_empty() { b"0" } else { behind });
                out.push(b'E');
                out.extend_from_slice((point - 1).to_string().as_bytes());
            }
        }
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

    #[track_caller]
    fn check_text(value: f64, expected: &str) {
        let mut out = Vec::new();
        digits(value).write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
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
    fn of_two_equally_near_the_even_one_is_taken() {
        check(3616678665934105.0 / 4.0, (9041696664835262, -1), true);
        check(3616678665934107.0 / 4.0, (9041696664835268, -1), true);
        assert_eq!(float_digits(1405.0 / 256.0).digits, 54882812);
        // Exact, not halfway.
        check(0.25, (25, -2), true);
        check(0.75, (75, -2), true);
        check(6.103515625e-5, (6103515625, -14), true);
    }

    #[test]
    fn disputed_numbers_are_not() {
        // Java 17 prints 1.9999999999999998E23.
        check(2e23, (2, 23), false);
        // 2^-44: Java 17 prints 5.6843418860808015E-14.
        check(2f64.powi(-44), (5684341886080802, -29), false);
        check(f64::from_bits(1), (5, -324), false);
    }

    #[test]
    fn floats_have_digits_of_their_own() {
        let found = float_digits(1.1);
        assert_eq!(
            (found.digits, found.exponent, found.certain),
            (11, -1, true)
        );
        assert!(float_digits(0.00390625).certain);
        assert!(!float_digits(2f32.powi(-9)).certain);
        assert!(!float_digits(16_777_216.0).certain);
    }

    #[test]
    fn numbers_are_laid_out_as_java_does() {
        check_text(0.0, "0.0");
        check_text(1.0, "1.0");
        check_text(120.0, "120.0");
        check_text(1.5, "1.5");
        check_text(1234567.25, "1234567.25");
        check_text(9999999.0, "9999999.0");
        check_text(1e7, "1.0E7");
        check_text(12345678.9, "1.23456789E7");
        check_text(0.001, "0.001");
        check_text(0.0123, "0.0123");
        check_text(9.99e-4, "9.99E-4");
        check_text(1e-300, "1.0E-300");
    }
}
