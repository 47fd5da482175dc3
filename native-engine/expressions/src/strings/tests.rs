//! String functions against Spark's results.

use crate::spark_results::check_file;

#[test]
fn as_spark_has_it() {
    let declined = check_file(include_str!("../../testdata/strings.tsv"), None);
    for line in &declined {
        let name = line.split('\t').next().unwrap();
        let odd = !line.is_ascii() || line.contains("\\x");
        let expected = matches!(
            name,
            "ascii"
                | "like"
                | "lower"
                | "ltrim"
                | "lpad"
                | "replace"
                | "reverse"
                | "rpad"
                | "rtrim"
                | "substring"
                | "translate"
                | "trim"
                | "upper"
        );
        assert!(odd && expected, "left to Spark: {line}");
    }
}
