//! Spark's ordering of floats.

use std::cmp::Ordering;

/// Compares doubles as Spark orders them: NaN is equal to NaN and above all else, -0.0 = 0.0.
#[inline]
pub fn compare_doubles(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right)
        .unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

/// Compares floats as Spark orders them: NaN is equal to NaN and above all else, -0.0 = 0.0.
#[inline]
pub fn compare_floats(left: f32, right: f32) -> Ordering {
    left.partial_cmp(&right)
        .unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_largest_and_zeros_are_equal() {
        assert_eq!(compare_doubles(f64::NAN, f64::INFINITY), Ordering::Greater);
        assert_eq!(compare_doubles(-f64::NAN, f64::NAN), Ordering::Equal);
        assert_eq!(compare_doubles(1.0, f64::NAN), Ordering::Less);
        assert_eq!(compare_doubles(-0.0, 0.0), Ordering::Equal);
    }
}
