//! The rows, the exit code and the summary of `kyverno test`, in every folder of `testdata/kyverno-test`.

use std::fs;

use serde_json::Value as Json;

use crate::{directories, root, run};

/// A row without its number, which is random with Kyverno.
fn row(json: &Json) -> Vec<String> {
    let text = |upper: &str| json[upper].as_str().unwrap_or_default().to_owned();
    ["POLICY", "RULE", "RESOURCE", "RESULT", "REASON", "Message"].map(text).to_vec()
}

fn recorded(json: &Json) -> Vec<String> {
    ["policy", "rule", "resource", "result", "reason", "message"]
        .map(|name| json[name].as_str().unwrap().to_owned())
        .to_vec()
}

#[test]
fn kyverno_s_rows_exit_codes_and_summaries_are_ours() {
    let folders = directories(&root().join("testdata/kyverno-test"));
    assert!(folders.len() >= 30, "{}", folders.len());
    let mut wrong = Vec::new();
    for folder in folders {
        let text = fs::read_to_string(folder.join("expected.json")).unwrap();
        let expected: Json = serde_json::from_str(&text).unwrap();
        let ran = run(&folder, &["--output", "json", "."]);
        let got = ran.json();
        let tests = got["kyverno"].as_array().unwrap();
        let mut rows: Vec<_> =
            tests.iter().flat_map(|test| test["rows"].as_array().unwrap()).map(row).collect();
        let mut expected_rows: Vec<_> = expected["rows"].as_array().unwrap().iter().map(recorded).collect();
        rows.sort();
        expected_rows.sort();
        let text = run(&folder, &["."]);
        let summary = text.out.lines().find(|line| line.starts_with("Test Summary")).unwrap_or_default();
        let same = rows == expected_rows
            && i64::from(ran.code) == expected["exit"].as_i64().unwrap()
            && ran.code == text.code
            && summary == expected["summary"].as_str().unwrap();
        if !same {
            wrong.push(format!(
                "{}: exit {} ({}), {summary:?} ({})\n  got      {rows:?}\n  expected {expected_rows:?}\n{}{}",
                folder.display(),
                ran.code,
                expected["exit"],
                expected["summary"],
                text.err,
                ran.out
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn json_payloads_have_the_same_names_from_every_directory() {
    let (mut compared, folders) = (0, directories(&root().join("testdata/kyverno-test")));
    for folder in folders {
        let test = fs::read_to_string(folder.join("kyverno-test.yaml")).unwrap();
        if !test.contains("jsonPayload") || test.contains("httpPayloads") || test.contains("envoyPayloads") {
            continue;
        }
        let rows = |directory, path: &str| {
            let tests = run(directory, &["--output", "json", path]).json();
            let tests = tests["kyverno"].as_array().unwrap().clone();
            tests.iter().flat_map(|test| test["rows"].as_array().unwrap()).map(row).collect::<Vec<_>>()
        };
        let (inside, outside) = (rows(&folder, "."), rows(root(), folder.to_str().unwrap()));
        assert_eq!(inside, outside, "{}", folder.display());
        compared += usize::from(!inside.is_empty());
    }
    assert!(compared >= 3, "{compared}");
}

#[test]
fn rows_of_one_document_are_counted_from_one() {
    let folder = root().join("testdata/kyverno-test/25-several-documents");
    let got = run(&folder, &["--output", "json", "."]).json();
    let ids: Vec<Vec<i64>> = got["kyverno"]
        .as_array()
        .unwrap()
        .iter()
        .map(|test| test["rows"].as_array().unwrap().iter().map(|row| row["ID"].as_i64().unwrap()).collect())
        .collect();
    assert_eq!(ids, [vec![1, 2], vec![1]]);
}

#[test]
fn an_expectation_that_cannot_fail_gets_a_warning() {
    let ran = run(&root().join("testdata/kyverno-test/19-operation"), &["."]);
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("has no rows and cannot fail"), "{}", ran.err);
}

/// The rows of the tests in a folder, as `POLICY RESOURCE RESULT`.
fn short(folder: &str, arguments: &[&str]) -> Vec<String> {
    let folder = root().join("testdata/kyverno-test").join(folder);
    let got = run(&folder, &[&["--output-format", "json", "."][..], arguments].concat()).json();
    let tests = got["kyverno"].as_array().unwrap().clone();
    let rows = tests.iter().flat_map(|test| test["rows"].as_array().unwrap().clone());
    let shown = |row: Json| {
        ["POLICY", "RESOURCE", "RESULT"].map(|column| row[column].as_str().unwrap().to_owned()).join(" ")
    };
    rows.map(shown).collect()
}

#[test]
fn kyverno_s_selector_chooses_expectations() {
    let of_small = ["small /small.json Pass", "small /large.json Pass", "small /none.json Pass"];
    assert_eq!(short("42-json", &["-t", "policy=sm*l"]), of_small);
    assert_eq!(short("42-json", &["--test-case-selector", "policy=small,resource=l*e.json"]).len(), 4);
    assert_eq!(short("42-json", &["-t", "policy=small,resource=large.json"]), of_small[1..2]);
    assert_eq!(short("42-json", &["-t", "policy=no-such"]), [""; 0]);
    let folder = root().join("testdata/kyverno-test/42-json");
    let nothing = run(&folder, &["-t", "policy=no-such", "."]);
    assert_eq!(nothing.code, 0, "{}", nothing.err);
    assert!(nothing.out.ends_with("Test Summary: 0 tests passed and 0 tests failed\n"), "{}", nothing.out);
    let wrong = run(&folder, &["-t", "policies=small", "."]);
    assert_eq!(wrong.code, 2, "{}", wrong.err);
    let fixtures = run(root(), &["-t", "policy=*", "testdata/policies"]);
    assert_eq!(fixtures.code, 2, "{}", fixtures.out);
    assert!(fixtures.err.contains("nothing matches the filter"), "{}", fixtures.err);
}

#[test]
fn only_failures_are_shown_if_the_user_asks_so() {
    let failing: Vec<String> =
        short("42-json", &[]).into_iter().filter(|row| row.ends_with(" Fail")).collect();
    assert_eq!(failing.len(), 2);
    assert_eq!(short("42-json", &["--fail-only"]), failing);
    let folder = root().join("testdata/kyverno-test/42-json");
    let ran = run(&folder, &["--fail-only", "--detailed-results", "--require-tests", "--remove-color", "."]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.ends_with("\nTest Summary: 2 out of 11 tests failed\n"), "{}", ran.out);
    let fixtures = run(root(), &["--fail-only", "testdata/policies"]);
    assert_eq!(fixtures.code, 0, "{}", fixtures.err);
    assert!(fixtures.out.starts_with('\n') && fixtures.out.contains(" cases passed in "), "{}", fixtures.out);
}

#[test]
fn test_files_may_have_another_name() {
    let folder = root().join("testdata/kyverno-test/02-allowed");
    for name in ["-f", "--file-name"] {
        let ran = run(&folder, &[name, "policy.yaml", "."]);
        assert_eq!(ran.code, 1, "{}", ran.out);
        assert!(ran.err.contains("policy.yaml: line"), "{}", ran.err);
        let ran = run(&folder, &[name, "no-such.yaml", "."]);
        assert_eq!(ran.code, 2, "{}", ran.out);
        assert!(ran.err.contains("nor a `no-such.yaml`"), "{}", ran.err);
    }
}
