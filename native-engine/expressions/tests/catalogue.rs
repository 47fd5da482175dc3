//! The catalogue `proto/functions/*.yaml` and the engine name the same functions. (The plugin's
//! `FunctionAgreementSuite` compares both with the plugin's registry.)

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What plans call beside functions with a kernel: Spark's own expressions.
const GUARDS: [&str; 2] = ["jvm_fallback", "jvm_expression"];

/// The names in a section of the catalogue's files.
fn declared(section: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto/functions");
    let mut names = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let mut inside = false;
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("  - name: ").filter(|_| inside) {
                assert!(
                    names.insert(name.trim().to_string()),
                    "{name} is declared twice"
                );
            } else if !line.starts_with([' ', '#']) {
                inside = line.trim_end() == format!("{section}:");
            }
        }
    }
    names
}

#[test]
fn scalar_functions_are_those_of_the_catalogue() {
    let mut expected = declared("scalar_functions");
    assert!(GUARDS.iter().all(|guard| expected.remove(*guard)));
    let kernels = arclight_expressions::scalar_functions();
    assert_eq!(
        kernels
            .keys()
            .map(|name| name.to_string())
            .collect::<BTreeSet<_>>(),
        expected
    );
}

#[test]
fn aggregate_functions_are_those_of_the_catalogue() {
    let functions = arclight_expressions::aggregates::aggregate_functions();
    let functions: BTreeSet<_> = functions.keys().map(|name| name.to_string()).collect();
    assert_eq!(functions, declared("aggregate_functions"));
}
