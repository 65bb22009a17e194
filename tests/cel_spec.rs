//! The CEL specification's simple tests and cel-go's checker tests, in the environment of Kyverno's HTTP policies.
//!
//! The data are fetched and converted by `.ci/cel-spec`; without them there is nothing to run, and that is said.
//! `testdata/cel/conformance-skips.json` lists what does not apply to Kyverno, with reasons: a listed case that
//! passes fails the run, as does one that is not listed and fails.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::panic_in_result_fn,
    clippy::string_slice,
    clippy::unwrap_in_result,
    clippy::unwrap_used,
    reason = "the lints against panics are for code that runs on requests; a test that cannot go on should panic"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

mod cel_spec {
    pub(crate) mod case;
    pub(crate) mod skips;
    pub(crate) mod types;
    pub(crate) mod values;
}

use cel_spec::case;
use cel_spec::skips::Skips;

/// Where the converted data are.
fn folder() -> PathBuf {
    let target = || {
        let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
        std::env::var_os("CARGO_TARGET_DIR").map_or(default, PathBuf::from).join("cel-spec")
    };
    std::env::var_os("CEL_SPEC_DATA").map_or_else(target, PathBuf::from)
}

/// The cases of a file; `None`, said on standard error, if it is not there.
fn cases(file: &str) -> Option<Vec<Json>> {
    let path = folder().join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        say(&format!("cel-spec: SKIPPED, {} is not there; run .ci/cel-spec\n", path.display()));
        return None;
    };
    let mut data: Json = serde_json::from_str(&text).unwrap();
    match data["tests"].take() {
        Json::Array(cases) => Some(cases),
        _ => panic!("{} has no tests", path.display()),
    }
}

/// Writes past the capture of the test harness: a skipped suite must not look like one that passed.
fn say(text: &str) {
    std::io::stderr().lock().write_all(text.as_bytes()).unwrap();
}

/// What a section's cases came to.
#[derive(Default)]
struct Tally {
    passed: usize,
    skipped: BTreeMap<String, usize>,
}

/// Runs the cases of `file` and prints the table; every case that differs from what is listed is reported.
fn run(file: &str, least: usize, run: impl Fn(&Json) -> Result<(), String>) {
    let Some(cases) = cases(file) else { return };
    assert!(cases.len() >= least, "only {} cases in {file}", cases.len());
    let skips = Skips::read();
    let mut sections: BTreeMap<String, Tally> = BTreeMap::new();
    let (mut failed, mut report) = (0, String::new());
    for case in &cases {
        let id = case["id"].as_str().unwrap();
        let tally = sections.entry(id.split('/').next().unwrap().to_owned()).or_default();
        match (run(case), skips.reason(id)) {
            (Ok(()), None) => tally.passed += 1,
            (Err(_), Some(reason)) => *tally.skipped.entry(reason.to_owned()).or_default() += 1,
            (Ok(()), Some(reason)) => {
                failed += 1;
                writeln!(report, "{id}: passes, but is listed ({reason})").unwrap();
            }
            (Err(difference), None) => {
                failed += 1;
                writeln!(report, "{id}: `{}`\n    {difference}", case["expr"].as_str().unwrap()).unwrap();
            }
        }
    }
    say(&table(&sections));
    assert!(failed == 0, "{failed} of {} cases:\n{report}", cases.len());
}

fn table(sections: &BTreeMap<String, Tally>) -> String {
    let mut text = format!("{:<16} {:>6}  skipped, by reason\n", "section", "passed");
    let (mut passed, mut skipped) = (0, 0);
    for (section, tally) in sections {
        let reasons: Vec<String> =
            tally.skipped.iter().map(|(why, count)| format!("{count} {why}")).collect();
        writeln!(text, "{section:<16} {:>6}  {}", tally.passed, reasons.join(", ")).unwrap();
        passed += tally.passed;
        skipped += tally.skipped.values().sum::<usize>();
    }
    writeln!(text, "{:<16} {passed:>6}  {skipped}", "all").unwrap();
    text
}

#[test]
fn the_simple_tests_of_the_specification_pass_where_they_apply() {
    run("simple.json", 2_000, case::simple);
}

#[test]
fn the_checker_agrees_with_cel_go_on_its_own_tests() {
    run("checker.json", 100, case::checker);
}

#[test]
fn everything_listed_as_not_applicable_is_a_test() {
    // Only both sources together have all the tests that are listed.
    let sources = std::fs::read_to_string(folder().join("stamp.json")).unwrap_or_default();
    let (Some(simple), Some(checker)) = (cases("simple.json"), cases("checker.json")) else { return };
    if sources.contains("null") {
        return;
    }
    let ids: Vec<&str> = simple.iter().chain(&checker).map(|case| case["id"].as_str().unwrap()).collect();
    let skips = Skips::read();
    let stale = skips.without_test(&ids);
    assert!(stale.is_empty(), "listed, but no test: {stale:?}");
}

#[test]
fn a_rooted_name_that_a_comprehension_variable_hides_has_no_value_as_in_cel_go() {
    for (expression, hidden) in [
        (".y == 'v'", false),
        ("['c'].all(x, .y == 'v')", false),
        ("cel.bind(y, .y, y) == 'v'", false),
        (".y + ['c'].map(y, y)[0] == 'vc'", false),
        ("['c'].exists(y, .y == 'v')", true),
        ("['c'].map(y, .y) == ['v']", true),
        ("cel.bind(y, 'c', .y) == 'v'", true),
        ("[['c']].map(y, y.map(x, .y)) == [['v']]", true),
    ] {
        let case = json!({
            "expr": expression,
            "declarations": [{"variable": "y", "type": ["string"]}],
            "bindings": {"y": {"string": "v"}},
            "value": {"bool": true},
        });
        let error = "fails with `no such attribute(s): y`, expected {\"bool\":true}".to_owned();
        assert_eq!(case::simple(&case), if hidden { Err(error) } else { Ok(()) }, "{expression}");
    }
}
