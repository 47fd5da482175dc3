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
