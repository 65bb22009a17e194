//! Kyverno's recorded answers, case by case: `testdata/kyverno/*.jsonl`, written by `oracle/`.
//!
//! A case that differs fails, unless `testdata/kyverno/known-differences.json` lists it with a reason; a listed
//! case that agrees fails too.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the lints against panics are for code that runs on requests; a test that cannot go on should panic"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::Value as Json;

mod kyverno {
    pub(crate) mod answers;
    pub(crate) mod canonical;
    pub(crate) mod check_request;
    pub(crate) mod expression;
    pub(crate) mod opinion;
    pub(crate) mod policy;
    pub(crate) mod request;
}

/// The folder with the recorded cases.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/kyverno")
}

/// The cases of all files whose name starts with `prefix`.
fn cases(prefix: &str) -> Vec<Json> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(prefix) && name.ends_with(".jsonl")
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no recorded cases `{prefix}*.jsonl`");
    let mut cases = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut lines = text.lines().map(|line| {
            // Some recorded values are nested deeper than serde_json reads by default.
            let mut reader = serde_json::Deserializer::from_str(line);
            reader.disable_recursion_limit();
            Json::deserialize(&mut reader).unwrap()
        });
        assert!(lines.next().unwrap()["header"]["kyverno"].is_string(), "{} has no header", file.display());
        cases.extend(lines);
    }
    cases
}

/// Case id to the reason why it may differ.
fn known_differences() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(folder().join("known-differences.json")).unwrap();
    let groups: Vec<Json> = serde_json::from_str(&text).unwrap();
    let mut known = BTreeMap::new();
    for group in groups {
        let why = group["why"].as_str().unwrap().to_owned();
        for id in group["cases"].as_array().unwrap() {
            known.insert(id.as_str().unwrap().to_owned(), why.clone());
        }
    }
    known
}

/// Runs every case and reports all differences at once.
fn run(prefix: &str, least: usize, compare: impl Fn(&Json) -> Result<(), String>) {
    let known = known_differences();
    let cases = cases(prefix);
    assert!(cases.len() >= least, "only {} cases `{prefix}`", cases.len());
    let mut report = String::new();
    let (mut failed, mut seen) = (0, BTreeSet::new());
    for case in &cases {
        let id = case["id"].as_str().unwrap();
        assert!(seen.insert(id.to_owned()), "two cases are called {id}");
        match (compare(case), known.get(id)) {
            (Ok(()), None) | (Err(_), Some(_)) => {}
            (Ok(()), Some(why)) => {
                failed += 1;
                writeln!(report, "{id}: agrees, but is listed as a known difference ({why})").unwrap();
            }
            (Err(difference), None) => {
                failed += 1;
                writeln!(report, "{id}: {difference}").unwrap();
            }
        }
    }
    assert!(failed == 0, "{failed} of {} cases differ:\n{report}", cases.len());
}

/// Compares Toolgate with itself on every case.
fn compare_all(prefix: &str, compare: impl Fn(&Json) -> Result<(), String>) {
    let differences: Vec<String> = cases(prefix)
        .iter()
        .filter_map(|case| compare(case).err().map(|difference| format!("{}: {difference}", case["id"])))
        .collect();
    assert!(differences.is_empty(), "{} cases differ:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn expressions_answer_as_kyverno_does() {
    run("expressions-", 800, kyverno::expression::compare);
}

#[test]
fn policies_answer_as_kyverno_does() {
    run("policies-", 400, kyverno::policy::compare);
}

#[test]
fn policies_of_many_cases_together_say_the_same_one_by_one() {
    for mode in ["HTTP", "Envoy", "JSON"] {
        let mut cases = cases("policies-");
        cases.retain(|case| case["mode"].as_str().unwrap_or("HTTP") == mode);
        let mut policies = 0;
        for together in cases.chunks(16) {
            policies += kyverno::policy::same_together(together).unwrap();
        }
        assert!(policies > 100, "{mode}: {policies}");
    }
}

#[test]
fn expressions_answer_the_same_from_a_bundle() {
    compare_all("expressions-", kyverno::expression::same_from_bundle);
}

#[test]
fn policies_say_the_same_from_a_bundle() {
    compare_all("policies-", kyverno::policy::same_from_bundle);
}

#[test]
fn what_is_not_supported_yet_says_so() {
    run("later-", 1, kyverno::policy::refused);
}

#[test]
fn every_known_difference_is_a_recorded_case() {
    let ids: BTreeSet<String> = ["expressions-", "policies-", "later-"]
        .iter()
        .flat_map(|prefix| cases(prefix))
        .map(|case| case["id"].as_str().unwrap().to_owned())
        .collect();
    for id in known_differences().keys() {
        assert!(ids.contains(id), "the known difference {id} is no case");
    }
}
