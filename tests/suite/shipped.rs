//! The shipped policies and their fixtures.

use std::fs;

use serde_json::json;
use toolgate::internal::policy::load::load;

use crate::{Scratch, directories, root, run};

#[test]
fn the_fixtures_of_the_shipped_policies_pass() {
    let ran = run(root(), &["testdata/policies"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert!(ran.out.contains(" cases passed in "), "{}", ran.out);
}

#[test]
fn every_shipped_policy_has_fixtures() {
    let folders: Vec<String> = directories(&root().join("testdata/policies"))
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    for policy in load(&[root().join("policies")], None).policies {
        assert!(folders.contains(&policy.name.value), "{}", policy.name.value);
    }
}

#[test]
fn every_shipped_policy_has_at_least_forty_ways_in_and_fifteen_ordinary_calls() {
    let report = run(root(), &["--output", "json", "testdata/policies"]).json();
    for policy in load(&[root().join("policies")], None).policies {
        let name = policy.name.value.as_str();
        let fixtures = report["fixtures"].as_array().unwrap();
        let fixture = fixtures.iter().find(|fixture| fixture["name"] == name).expect(name);
        let count = |decision: &str| {
            let cases = fixture["cases"].as_array().unwrap();
            cases.iter().filter(|case| case["passed"] == true && case["got"]["decision"] == decision).count()
        };
        assert!(count("deny") >= 40, "{name} denies {}", count("deny"));
        assert!(count("none") >= 15, "{name} lets {} pass", count("none"));
    }
}

#[test]
fn both_policies_against_destruction_find_it_by_the_same_variables() {
    let [mild, strict] =
        ["no-deletes-in-production", "no-destruction-outside-safe-environments"].map(|name| {
            let text = fs::read_to_string(root().join(format!("policies/{name}.yaml"))).unwrap();
            let (_, rest) = text.split_once("    # The words of the tool's name").expect(name);
            rest.split_once("  validations:").expect(name).0.to_owned()
        });
    assert_eq!(mild, strict);
}

#[test]
fn ordinary_calls_with_long_arguments_are_within_the_budget_of_the_shipped_policies() {
    let policies = root().join("policies");
    let long = "SELECT name FROM users WHERE id > 3 AND city = 'Bern'; ".repeat(600);
    assert!(long.len() > 32_000);
    let scratch = Scratch::new("long-arguments");
    scratch.write(
        "long.fixture.yaml",
        &json!({
            "apiVersion": "toolgate.dev/v1", "kind": "Fixture", "metadata": {"name": "long"}, "policies": [policies],
            "cases": [{
                "name": "long",
                "calls": [
                    {"tool": "db___executeSql", "arguments": {"sql": long, "environment": "production"}},
                    {"tool": "tickets___createTicket", "arguments": {"text": long, "environment": "production"}},
                    {"tool": "crm___createCustomer", "arguments": {"name": "Ann", "note": long}},
                ],
                "expect": {"decision": "none"},
            }],
        })
        .to_string(),
    );
    let ran = run(&scratch.0, &["."]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
}
