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
