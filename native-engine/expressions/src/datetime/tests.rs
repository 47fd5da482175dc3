//! Functions of dates and timestamps against Spark's results.

use crate::spark_results::{check_file, los_angeles};

#[test]
fn dates_as_spark_has_them() {
    let declined = check_file(include_str!("../../testdata/dates.tsv"), None);
    for line in &declined {
        assert!(line.contains("2147483"), "left to Spark: {line}");
    }
}

#[test]
fn timestamps_as_spark_has_them() {
    let zone = los_angeles();
    let declined = check_file(include_str!("../../testdata/timestamps.tsv"), Some(&zone));
    assert_eq!(declined, Vec::<String>::new());
}

/// Far times are Spark's: dates that an `i64` of microseconds does not count, and, in zones whose
/// rules go on, those behind the year 2300.
fn is_far(line: &str) -> bool {
    const DAY_MICROS: i64 = 86_400_000_000;
    let number = |field: &str| match field.strip_prefix("date=") {
        Some(days) => days
            .parse::<i64>()
            .ok()
            .map(|d| d.saturating_mul(DAY_MICROS)),
        None => field.rsplit(['=', ':']).next()?.parse().ok(),
    };
    line.split('\t')
        .filter_map(number)
        .any(|n| n.unsigned_abs() > 10_413_000_000_000_000)
}

#[test]
fn more_dates_as_spark_has_them() {
    let content = include_str!("../../testdata/more_dates.tsv");
    assert_eq!(check_file(content, None), Vec::<String>::new());
}

#[test]
fn more_timestamps_as_spark_has_them() {
    let zone = los_angeles();
    let content = include_str!("../../testdata/more_timestamps.tsv");
    let mut left = check_file(content, Some(&zone));
    left.retain(|line| !is_far(line));
    assert_eq!(left, Vec::<String>::new());
}
