//! Kyverno's own test files, as far as they test payloads: the rows of `kyverno test` (docs/kyverno.md §12).
//!
//! What Kyverno does is done, also where it is odd; [`TestResult::warnings`] says where a test cannot fail.

mod mocks;
mod policies;
mod read;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bumpalo::Bump;
use toolgate::internal::budget::Budget;
use toolgate::internal::diag::Diagnostic;
use toolgate::internal::gateway::json::Form;
use toolgate::internal::gateway::payload::payload;
use toolgate::internal::gateway::{envoy, json};
use toolgate::internal::policy::ask::{ask_alone, rule};
use toolgate::internal::policy::model::{Exception, Mode, Policy};
use toolgate::internal::policy::set::{compile, compiled};
use toolgate::internal::source::Source;
use toolgate::internal::value::Value;
use toolgate::{Capabilities, PolicySet};

use self::policies::{Policies, exceptions, load};
use self::read::{Expected, Payload, Test};
use super::filter::Wanted;
use crate::cmd::apply::words;
use crate::cmd::policies::live;

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

impl Failure {
    /// What is wrong.
    pub(crate) fn text(&self) -> &str {
        let (Failure::Unreadable(text) | Failure::Stop(text) | Failure::Crash(text)) = self;
        text
    }
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
    /// The policy's name again, but in mode JSON what Kyverno's engine calls the rule.
    rule: String,
    /// `pass`, `fail`, `warn`, `skip`, `error`, or nothing.
    result: &'static str,
    message: String,
}

/// The responses to each payload, under the name that Kyverno keeps it by.
type Responses = Vec<(String, Vec<Response>)>;

/// Runs the documents of a file.
pub(super) fn run(source: &Arc<Source>, wanted: &Wanted, used: &mut BTreeSet<PathBuf>) -> Vec<TestResult> {
    let mut results = Vec::new();
    for document in read::read(source) {
        match document {
            Ok(test) => {
                let Test { policies, payloads, envoy_payloads, json_payloads, exceptions, .. } = &test;
                for files in [policies, exceptions] {
                    used.extend(files.iter().cloned());
                }
                for payload in payloads.iter().chain(envoy_payloads).chain(json_payloads) {
                    used.insert(payload.path.clone());
                }
                used.extend(test.mocks.context.clone());
                results.extend(run_one(source, test, wanted));
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

/// None if nothing of it is wanted, or nothing is expected.
fn run_one(source: &Arc<Source>, mut test: Test, wanted: &Wanted) -> Option<TestResult> {
    let mut result = TestResult { name: test.name.clone(), ..TestResult::default() };
    if test.deprecated {
        let message = format!(
            "test file {} uses a deprecated schema: `apiVersion`, `kind` or `metadata.name`",
            source.name()
        );
        result.failure = Some(Failure::Stop(message));
        return Some(result);
    }
    test.results.retain(|expected| wanted.filter.wants(source.name(), &test.name, &expected.policy));
    if let Some(selector) = &wanted.selector {
        test.results.retain(|expected| {
            selector.wants(
                &expected.policy,
                &expected.rule,
                expected.resources.as_deref().unwrap_or_default(),
            )
        });
        if let Some(resources) = selector.resources() {
            test.results.iter_mut().for_each(|expected| expected.resources = Some(resources.clone()));
        }
    }
    if test.results.is_empty() {
        // Kyverno runs no policies for a test that expects nothing.
        return None;
    }
    result.warnings = warnings(&test);
    match responses(source, &test, &mut result.diagnostics) {
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

/// Reads the payloads of a mode, each under its key.
fn read_payloads(mode: Mode, files: &[Payload]) -> Result<Vec<(String, Form, Vec<u8>)>, Failure> {
    let mut payloads: Vec<(String, Form, Vec<u8>)> = Vec::new();
    for Payload { key, path } in files {
        let fail = |error: &dyn std::fmt::Display| {
            Failure::Stop(format!("failed to load {} payloads from path {key} ({error})", mode.as_str()))
        };
        let bytes = crate::cmd::input::file(path).map_err(|error| fail(&error))?;
        let form = match Form::of(path) {
            Some(form) if mode == Mode::Json => form,
            None if mode == Mode::Json => {
                return Err(fail(&"unrecognized payload format, must be yaml or json"));
            }
            _ => Form::Json,
        };
        request(mode, form, &bytes, &Bump::new()).map_err(|error| fail(&error))?;
        // The later of two with one name stands for both.
        payloads.retain(|(other, ..)| other != key);
        payloads.push((key.clone(), form, bytes));
    }
    Ok(payloads)
}

/// What policies see of a payload; the error is for people.
fn request<'a>(mode: Mode, form: Form, bytes: &'a [u8], arena: &'a Bump) -> Result<Value<'a>, String> {
    let mut budget = Budget::default();
    let read = match mode {
        Mode::Http => payload(bytes, arena, &mut budget).map(|payload| payload.request),
        Mode::Envoy => envoy::payload(bytes, arena, &mut budget),
        Mode::Json => json::payload(bytes, form, arena, &mut budget),
    };
    read.map_err(|error| error.to_string())
}

/// What every policy says of every payload of its mode.
fn responses(source: &Source, test: &Test, diagnostics: &mut Vec<Diagnostic>) -> Result<Responses, Failure> {
    let Policies { policies, scored } = load(&test.policies, diagnostics)?;
    let exceptions = exceptions(&test.exceptions, diagnostics)?;
    let of_modes = [
        (Mode::Http, read_payloads(Mode::Http, &test.payloads)?),
        (Mode::Envoy, read_payloads(Mode::Envoy, &test.envoy_payloads)?),
        (Mode::Json, read_payloads(Mode::Json, &test.json_payloads)?),
    ];
    if let Some(wrong) = test.results.iter().find(|expected| !is_operation(&expected.operation)) {
        return Err(Failure::Stop(format!(
            "invalid test result for policy {}: invalid operation \"{}\", must be one of CREATE, UPDATE, DELETE",
            wrong.policy, wrong.operation
        )));
    }
    let mocks =
        Capabilities::of(test.mocks.answers(source, !test.json_payloads.is_empty()).map_err(Failure::Stop)?);
    let nothing = Capabilities::default();
    let mut responses: Responses = Vec::new();
    for (mode, payloads) in of_modes {
        if payloads.is_empty() {
            continue;
        }
        // Kyverno gives a test no exceptions for the other modes.
        let exceptions = if mode == Mode::Json { exceptions.as_slice() } else { &[] };
        // Nor the answers of a test file.
        let capabilities = if mode == Mode::Json { &mocks } else { &nothing };
        let sets = sets(mode, &policies, &scored, exceptions)?;
        for (key, form, bytes) in payloads {
            let mut said = Vec::with_capacity(sets.len());
            for (set, scored) in &sets {
                for policy in &compiled(set).policies {
                    let arena = Bump::new();
                    let session = capabilities.session(0, Duration::ZERO);
                    let request = request(mode, form, &bytes, &arena).map_err(Failure::Stop)?;
                    let verdict = ask_alone(policy, request, live(&arena, &session));
                    let rule = match &verdict {
                        Ok(verdict) if mode == Mode::Json => rule(policy, verdict).name.to_owned(),
                        _ => policy.name.clone(),
                    };
                    let (result, message) = match verdict {
                        Ok(verdict) => words(policy, &verdict),
                        Err(fault) => ("error", fault.to_string()),
                    };
                    let result = if result == "fail" && !scored { "warn" } else { result };
                    said.push(Response { policy: policy.name.clone(), rule, result, message });
                }
            }
            match responses.iter_mut().find(|(other, _)| *other == key) {
                Some((_, before)) => before.extend(said),
                None => responses.push((key, said)),
            }
        }
    }
    Ok(responses)
}

/// The policies of a mode, compiled one by one, because several may have one name; with whether they are scored.
fn sets(
    mode: Mode,
    policies: &[Policy],
    scored: &[bool],
    exceptions: &[Exception],
) -> Result<Vec<(PolicySet, bool)>, Failure> {
    let mut sets = Vec::with_capacity(policies.len());
    for (policy, scored) in policies.iter().zip(scored).filter(|(policy, _)| policy.mode == mode) {
        let set = compile(std::slice::from_ref(policy), exceptions).map_err(|mistakes| {
            let texts: Vec<String> = mistakes.into_iter().map(|mistake| mistake.message).collect();
            let (name, texts) = (&policy.name.value, texts.join("; "));
            let (of, to) = match mode {
                Mode::Http => ("HTTP", "HTTP"),
                Mode::Envoy => ("Envoy", "envoy"),
                Mode::Json => ("JSON", "JSON"),
            };
            Failure::Stop(format!(
                "failed to apply policies on {of} payload (failed to compile {to} policy {name}: {texts})"
            ))
        })?;
        sets.push((set, *scored));
    }
    Ok(sets)
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
                let (rule, message) = (response.rule.clone(), response.message.clone());
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
