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

#[test]
fn empty_strings_become_null() {
    use crate::testing::{run, strings};
    let column = [strings(&[
        Some(""),
        Some("a string that is not inline"),
        None,
    ])];
    let mode = crate::EvalMode::Legacy;
    let result = run(
        "empty_to_null",
        &column,
        &arclight_columns::SparkType::String,
        mode,
    )
    .unwrap();
    assert!(result.is_null(0) && result.is_null(2));
    let kept = result.bytes_value(1);
    assert_eq!(kept, Some(&b"a string that is not inline"[..]));
}
