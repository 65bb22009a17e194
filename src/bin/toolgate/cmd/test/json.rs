//! The report of a test run for programs: one JSON document.

use serde_json::{Map, Value as Json, json};

use super::Run;
use crate::suite::kyverno::{Failure, Row, TestResult};
use crate::suite::run::{CaseResult, FixtureResult};

/// All of it.
pub(super) fn document(run: &Run) -> Json {
    let mut fixtures = Vec::new();
    let mut diagnostics = Vec::new();
    for outcome in &run.outcomes {
        diagnostics.extend(outcome.diagnostics.iter());
        for fixture in &outcome.fixtures {
            diagnostics.extend(fixture.diagnostics.iter());
            fixtures.push(fixture_json(&outcome.file, fixture));
        }
    }
    let tests: Vec<Json> = run.kyverno().into_iter().map(|(file, test)| kyverno_json(file, test)).collect();
    let diagnostics = serde_json::to_value(&diagnostics).unwrap_or_default();
    let counts = run.counts;
    json!({
        "fixtures": fixtures,
        "kyverno": tests,
        "diagnostics": diagnostics,
        "summary": {
            "passed": counts.passed,
            "failed": counts.failed,
            "kyvernoPassed": counts.kyverno_passed,
            "kyvernoFailed": counts.kyverno_failed,
            "milliseconds": u64::try_from(run.took.as_millis()).unwrap_or(u64::MAX),
        },
    })
}

fn fixture_json(file: &str, fixture: &FixtureResult) -> Json {
    let cases: Vec<Json> = fixture.cases.iter().map(case_json).collect();
    json!({"file": file, "name": fixture.name, "loads": fixture.loads, "cases": cases})
}

fn case_json(case: &CaseResult) -> Json {
    let mismatches: Vec<Json> = case
        .mismatches
        .iter()
        .map(|mismatch| json!({"what": mismatch.what, "expected": mismatch.expected, "got": mismatch.got}))
        .collect();
    let policies: Vec<Json> =
        case.trace().iter().map(|(policy, said)| json!({"policy": policy, "said": said})).collect();
    let got = case.got.as_ref().map(|got| {
        json!({
            "effect": got.effect,
            "decision": got.outcome,
            "reason": got.reason,
            "policy": got.policy,
            "rule": got.rule,
            "error": got.error,
            "refusal": got.refusal,
        })
    });
    json!({
        "name": case.name,
        "line": case.line,
        "passed": case.mismatches.is_empty(),
        "call": case.message,
        "mismatches": mismatches,
        "got": got,
        "policies": policies,
    })
}

fn kyverno_json(file: &str, test: &TestResult) -> Json {
    let error = test.failure.as_ref().map(Failure::text);
    let rows: Vec<Json> = test.rows.iter().map(row_json).collect();
    json!({"file": file, "name": test.name, "error": error, "warnings": test.warnings, "rows": rows})
}

/// Under the names that `kyverno test --output-format json` has.
fn row_json(row: &Row) -> Json {
    let result = if row.pass { "Pass" } else { "Fail" };
    let members = [
        ("ID", Json::from(row.id)),
        ("POLICY", Json::from(row.policy.as_str())),
        ("RULE", Json::from(row.rule.as_str())),
        ("RESOURCE", Json::from(row.resource.as_str())),
        ("RESULT", Json::from(result)),
        ("REASON", Json::from(row.reason.as_str())),
        ("Message", Json::from(row.message.as_str())),
    ];
    let members: Map<String, Json> =
        members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
    Json::Object(members)
}
