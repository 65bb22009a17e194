//! Kyverno's own test files, as far as they test HTTP payloads: the rows of `kyverno test` (kyverno-semantics §6).
//!
//! What Kyverno does is done, also where it is odd; [`TestResult::warnings`] says where a test cannot fail.

mod policies;
mod read;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use bumpalo::Bump;
use toolgate::cel::budget::Budget;
use toolgate::cel::plan::Arena;
use toolgate::diag::Diagnostic;
use toolgate::gateway::payload::payload;
use toolgate::policy::compile::compile;
use toolgate::policy::decide::{ErrorText, Opinion, ask_alone};
use toolgate::source::Source;

use self::policies::{Policies, load};
use self::read::{Expected, Test};
use super::filter::Filter;

/// What came of one document.
#[derive(Debug, Default)]
pub(crate) struct TestResult {
    /// `metadata.name`
    pub(crate) name: String,
    /// Why it was not run, and Kyverno would run no later test either.
    pub(crate) failure: Option<Failure>,
    /// Policies that Kyverno passes over.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Expectations that cannot fail.
    pub(crate) warnings: Vec<String>,
    /// The rows, in the order of the expectations and of the payloads.
    pub(crate) rows: Vec<Row>,
}

/// Why a test was not run.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The document cannot be read: Kyverno runs no test at all.
    Unreadable(String),
    /// Something that it names is wrong: Kyverno ends here.
    Stop(String),
    /// Kyverno itself crashes on it.
    Crash(String),
}

/// A row of Kyverno's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Counted through the document, from 1.
    pub(crate) id: usize,
    pub(crate) policy: String,
    pub(crate) rule: String,
    pub(crate) resource: String,
    /// Whether it is `Pass`; else it is `Fail`.
    pub(crate) pass: bool,
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// What one policy says of one payload.
struct Response {
    policy: String,
    /// `pass`, `fail`, `warn`, `skip`, `error`, or nothing.
    result: &'static str,
    message: String,
}

/// The responses to each payload, under the name that Kyverno keeps it by.
type Responses = Vec<(String, Vec<Response>)>;

/// Runs the documents of a file.
pub(super) fn run(source: &Arc<Source>, filter: &Filter, used: &mut BTreeSet<PathBuf>) -> Vec<TestResult> {
    let mut results = Vec::new();
    for document in read::read(source) {
        match document {
            Ok(test) => {
                used.extend(test.policies.iter().chain(&test.payloads).cloned());
                results.extend(run_one(source, test, filter));
            }
            Err(error) => {
                let failure = Some(Failure::Unreadable(error));
                results.push(TestResult { failure, ..TestResult::default() });
                // Kyverno reads no further in this file.
                break;
            }
        }
    }
    results
}

/// None if the filter wants nothing of it, or nothing is expected.
fn run_one(source: &Arc<Source>, mut test: Test, filter: &Filter) -> Option<TestResult> {
    let mut result = TestResult { name: test.name.clone(), ..TestResult::default() };
    if test.deprecated {
        let message = format!(
            "test file {} uses a deprecated schema: `apiVersion`, `kind` or `metadata.name`",
            source.name()
        );
        result.failure = Some(Failure::Stop(message));
        return Some(result);
    }
    test.results.retain(|expected| filter.wants(source.name(), &test.name, &expected.policy));
    if test.results.is_empty() {
        // Kyverno runs no policies for a test that expects nothing.
        return None;
    }
    result.warnings = warnings(&test);
    match responses(&test, &mut result.diagnostics) {
        Ok(responses) => match rows(&test.results, &responses) {
            Ok(rows) => result.rows = rows,
            Err(failure) => result.failure = Some(failure),
        },
        Err(failure) => result.failure = Some(failure),
    }
    Some(result)
}

fn warnings(test: &Test) -> Vec<String> {
    let mut warnings: Vec<String> = test.ignored.clone();
    for expected in test.results.iter().filter(|expected| !expected.operation.is_empty()) {
        warnings.push(format!(
            "the expectation for the policy `{}` has an `operation`, so it has no rows and cannot fail",
            expected.policy
        ));
    }
    warnings
}

/// What every policy says of every payload.
fn responses(test: &Test, diagnostics: &mut Vec<Diagnostic>) -> Result<Responses, Failure> {
    let Policies { policies, scored } = load(&test.policies, diagnostics)?;
    let mut payloads: Vec<(String, Vec<u8>)> = Vec::new();
    for path in &test.payloads {
        let key = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| {
            Failure::Stop(format!("failed to load HTTP payloads from path {key} ({error})"))
        })?;
        payload(&bytes, &Bump::new(), &mut Budget::default()).map_err(|error| {
            Failure::Stop(format!("failed to load HTTP payloads from path {key} ({error})"))
        })?;
        // The later of two with one name stands for both.
        payloads.retain(|(other, _)| *other != key);
        payloads.push((key, bytes));
    }
    if let Some(wrong) = test.results.iter().find(|expected| !is_operation(&expected.operation)) {
        return Err(Failure::Stop(format!(
            "invalid test result for policy {}: invalid operation \"{}\", must be one of CREATE, UPDATE, DELETE",
            wrong.policy, wrong.operation
        )));
    }
    if payloads.is_empty() {
        return Ok(Vec::new());
    }
    let arena = Arena::new();
    // One by one, because several may have one name.
    let mut compiled = Vec::with_capacity(policies.len());
    for policy in &policies {
        let set = compile(std::slice::from_ref(policy), &arena).map_err(|mistakes| {
            let texts: Vec<String> = mistakes.into_iter().map(|mistake| mistake.message).collect();
            let name = &policy.name.value;
            let texts = texts.join("; ");
            Failure::Stop(format!(
                "failed to apply policies on HTTP payload (failed to compile HTTP policy {name}: {texts})"
            ))
        })?;
        compiled.push(set);
    }
    let mut responses = Vec::with_capacity(payloads.len());
    for (key, bytes) in payloads {
        let mut said = Vec::with_capacity(compiled.len());
        for (policy, scored) in compiled.iter().flat_map(|set| &set.policies).zip(&scored) {
            let arena = Bump::new();
            let request = payload(&bytes, &arena, &mut Budget::default())
                .map_err(|error| Failure::Stop(error.to_string()))?
                .request;
            let (result, message) = match ask_alone(policy, request, &arena, Budget::default()) {
                Ok(verdict) => match verdict.opinion {
                    Opinion::Allow => ("pass", "request allowed".to_owned()),
                    Opinion::Deny(reason) => {
                        let result = if *scored { "fail" } else { "warn" };
                        (result, format!("request denied, reason: {reason}"))
                    }
                    Opinion::Nothing => ("skip", "request does not match".to_owned()),
                    Opinion::Error(errors) => ("error", ErrorText(errors).to_string()),
                },
                Err(fault) => ("error", fault.to_string()),
            };
            said.push(Response { policy: policy.name.clone(), result, message });
        }
        responses.push((key, said));
    }
    Ok(responses)
}

fn is_operation(text: &str) -> bool {
    matches!(text, "" | "CREATE" | "UPDATE" | "DELETE")
}

/// The rows: for each expectation, one for each response of its policy to each payload that it selects.
fn rows(expected: &[Expected], responses: &Responses) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    // With an operation the payloads' run is not consulted, and the other one has no keys.
    for expected in expected.iter().filter(|expected| expected.operation.is_empty()) {
        for (key, responses) in selected(expected, responses)? {
            let policy = expected.policy.rsplit('/').next().unwrap_or_default();
            let before = rows.len();
            for response in responses.iter().filter(|response| response.policy == policy) {
                let pass = response.result == expected.result;
                let reason = if pass {
                    "Ok".to_owned()
                } else {
                    format!("Want {}, got {}", expected.result, response.result)
                };
                let (rule, message) = (response.policy.clone(), response.message.clone());
                rows.push(row(rows.len(), expected, rule, key, pass, reason, message));
            }
            if rows.len() == before {
                let missing = "Not found".to_owned();
                rows.push(row(
                    rows.len(),
                    expected,
                    expected.rule.clone(),
                    key,
                    false,
                    missing.clone(),
                    missing,
                ));
            }
        }
    }
    Ok(rows)
}

fn row(
    before: usize,
    expected: &Expected,
    rule: String,
    key: &str,
    pass: bool,
    reason: String,
    message: String,
) -> Row {
    let resource = key.replace(',', "/");
    let (directory, name) = resource.rsplit_once('/').unwrap_or(("", &resource));
    // Of a name with several slashes Kyverno shows the first two parts.
    let mut parts = expected.policy.split('/');
    let policy = match (parts.next(), parts.next()) {
        (Some(""), Some(name)) => name.to_owned(),
        (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
        _ => expected.policy.clone(),
    };
    Row {
        id: before.saturating_add(1),
        policy,
        rule,
        resource: format!("{directory}/{name}"),
        pass,
        reason,
        message,
    }
}

/// The payloads whose key ends in one of the expectation's `resources`; all of them if none does.
fn selected<'r>(
    expected: &Expected,
    responses: &'r Responses,
) -> Result<Vec<(&'r str, &'r [Response])>, Failure> {
    let mut selected = Vec::new();
    for resource in expected.resources.iter().flatten() {
        let parts: Vec<&str> = resource.split('/').collect();
        for (key, responses) in responses {
            let mut names = key.rsplit(',');
            let (last, before) = (names.next(), names.next());
            let matches = match parts.as_slice() {
                [name] => last == Some(name),
                [namespace, name] => match before {
                    Some(before) => before == *namespace && last == Some(name),
                    None => return Err(crash(resource)),
                },
                _ => false,
            };
            if matches {
                selected.push((key.as_str(), responses.as_slice()));
            }
        }
    }
    if selected.is_empty() {
        selected.extend(responses.iter().map(|(key, responses)| (key.as_str(), responses.as_slice())));
    }
    Ok(selected)
}

fn crash(resource: &str) -> Failure {
    Failure::Crash(format!(
        "the entry `{resource}` of `resources` names a namespace and a resource, and Kyverno crashes when it looks for \
         it among payloads; write the payload's file name alone"
    ))
}
