//! Every shape of event that a gateway is known or feared to send, with the exact answer: `testdata/gateway/`.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should panic"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;
use toolgate::cel::plan::Arena;
use toolgate::config::{Config, DenialForm, EnvironmentSource, Provider};
use toolgate::interceptor::{Interceptor, Scratch};
use toolgate::policy::compile::compile;
use toolgate::policy::decide::{DefaultDecision, Effect};
use toolgate::policy::load::load_text;

mod gateway {
    pub(crate) mod case;
}

use gateway::case::{Case, cases, minified};

/// Lambda's quota for an answer.
const LARGEST_ANSWER: usize = 6 * 1024 * 1024;

/// Calls `then` with the interceptor of these policies.
fn with_interceptor(policies: &str, config: Config, then: impl FnOnce(&Interceptor<'_>)) {
    let loaded = load_text("policies.yaml", policies);
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let arena = Arena::new();
    let set = compile(&loaded.policies, &arena).unwrap();
    then(&Interceptor::new(set, &arena, config).unwrap());
}

/// The configuration that a case's settings make.
fn config(settings: &Json) -> Config {
    let mut config = Config::default();
    let texts = |value: &Json| -> Vec<String> { Vec::deserialize(value).unwrap() };
    let mut paths = Vec::new();
    flatten("", settings, &mut paths);
    for (path, value) in paths {
        let flag = || value.as_bool().unwrap();
        let word = || value.as_str().unwrap();
        match path.as_str() {
            "defaultDecision" => {
                config.default_decision = match word() {
                    "allow" => DefaultDecision::Allow,
                    "deny" => DefaultDecision::Deny,
                    other => panic!("{other}"),
                }
            }
            "environment.value" => config.environment = EnvironmentSource::Fixed(word().to_owned()),
            "environment.targets" => {
                let row = |row: &Json| {
                    (
                        row["target"].as_str().unwrap().to_owned(),
                        row["environment"].as_str().unwrap().to_owned(),
                    )
                };
                config.environment =
                    EnvironmentSource::Targets(value.as_array().unwrap().iter().map(row).collect());
            }
            "denial.form" => {
                config.denial.form = match word() {
                    "httpStatus" => DenialForm::Status,
                    "jsonRpcError" => DenialForm::OkError,
                    "toolResult" => DenialForm::OkResult,
                    other => panic!("{other}"),
                }
            }
            "denial.status" => config.denial.status = value.as_u64().unwrap().try_into().unwrap(),
            "denial.code" => config.denial.code = value.as_i64().unwrap().try_into().unwrap(),
            "judging.passMethods" => config.judging.pass_methods = texts(value),
            "judging.judgeMethods" => config.judging.judge_methods = texts(value),
            "judging.passTools" => config.judging.pass_tools = texts(value),
            "identity.trustJwt" => config.identity.trust_jwt = flag(),
            "identity.required" => config.identity.required = flag(),
            "identity.iamPrincipal" => config.identity.iam_principal = flag(),
            "identity.checkExpiry" => config.identity.check_expiry = flag(),
            "identity.issuers" => config.identity.issuers = texts(value),
            "identity.audiences" => config.identity.audiences = texts(value),
            "identity.clients" => config.identity.clients = texts(value),
            "identity.claims.groups" => config.identity.claims.groups = Some(word().to_owned()),
            "identity.provider" => {
                config.identity.provider = match word() {
                    "okta" => Provider::Okta,
                    other => panic!("{other}"),
                }
            }
            "forwardHeaders" => config.forward_headers = texts(value),
            other => panic!("no case needs the setting {other} yet"),
        }
    }
    config
}

/// The settings by their whole names.
fn flatten<'j>(prefix: &str, settings: &'j Json, paths: &mut Vec<(String, &'j Json)>) {
    for (name, value) in settings.as_object().unwrap() {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        if value.is_object() { flatten(&path, value, paths) } else { paths.push((path, value)) }
    }
}

/// The text of the value at `path` in a JSON text.
fn raw<'t>(text: &'t str, path: &[&str]) -> Option<&'t str> {
    path.iter().try_fold(text, |text, name| {
        // Members one by one: a map would refuse the texts with two of one name.
        let members: BTreeMap<String, &'t RawValue> = serde_json::from_str(text).ok()?;
        members.get(*name).map(|value| value.get())
    })
}

/// What holds of every answer, whatever the case says.
fn check_contract(case: &Case, event: &str, answer: &str) {
    let name = &case.name;
    let envelope = case.expected().envelope.as_str();
    let mut reader = serde_json::Deserializer::from_str(answer);
    // A message may be nested deeper than serde_json reads by default.
    reader.disable_recursion_limit();
    let json = Json::deserialize(&mut reader).unwrap_or_else(|error| panic!("{name}: {error}"));
    reader.end().unwrap();
    let keys = |value: &Json| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(json["interceptorOutputVersion"], "1.0", "{name}");
    assert_eq!(json.as_object().unwrap().len(), 2, "{name}: {answer}");
    assert!(answer.len() <= LARGEST_ANSWER, "{name}: {} bytes", answer.len());
    let inner = &json[envelope];
    let body = |kind: &str| raw(answer, &[envelope, kind, "body"]);
    match (keys(inner).first().map(String::as_str), case.expected().effect.as_str()) {
        (Some("transformedGatewayRequest"), "allow") => {
            assert_eq!(keys(&inner["transformedGatewayRequest"]), ["body"], "{name}");
            let sent = raw(event, &["mcp", "gatewayRequest", "body"]);
            assert!(sent.is_some() && body("transformedGatewayRequest") == sent, "{name}: other bytes");
        }
        (Some("transformedGatewayResponse"), "allow") => {
            let sent = raw(event, &["mcp", "gatewayResponse", "body"]);
            assert!(sent.is_some() && body("transformedGatewayResponse") == sent, "{name}: other bytes");
        }
        (Some("transformedGatewayResponse"), "deny") => {
            let response = &inner["transformedGatewayResponse"];
            assert!(response["statusCode"].is_u64(), "{name}");
            assert!(envelope == "http" || response["body"]["jsonrpc"] == "2.0", "{name}");
        }
        (None, "allow") => assert_eq!(envelope, "http", "{name}: nothing leaves an MCP message alone"),
        (kind, effect) => panic!("{name}: {kind:?} for {effect}"),
    }
    assert!(keys(inner).len() <= 1, "{name}: both a request and a response");
}

/// What the case says of the answer beside its text agrees with the text.
fn check_summary(case: &Case, answer: &str) {
    let (name, expected) = (&case.name, case.expected());
    let response = [expected.envelope.as_str(), "transformedGatewayResponse"];
    let at = |path: &[&str]| raw(answer, &[&response[..], path].concat());
    let status = expected.status.map(|status| status.to_string());
    assert_eq!(at(&["statusCode"]), status.as_deref(), "{name}: status");
    if expected.envelope == "mcp" && expected.effect == "deny" {
        assert_eq!(at(&["body", "id"]), expected.id.as_ref().map(|id| id.get()), "{name}: id");
    }
}

fn run(case: &Case) {
    let (name, expected) = (&case.name, case.expected());
    let event = case.event();
    with_interceptor(&case.policies(), config(&case.settings()), |interceptor| {
        let mut scratch = Scratch::default();
        let mut answers = Vec::new();
        // A gateway may repeat any event: the memory of the last call must not show.
        for _ in 0..2 {
            let answer = interceptor.intercept(&mut scratch, &event, case.now());
            let record = &answer.record;
            let effect = if record.effect == Effect::Allow { "allow" } else { "deny" };
            let bytes = String::from_utf8(answer.bytes.to_vec()).unwrap();
            let short: String = bytes.chars().take(2_000).collect();
            assert_eq!(
                (effect, record.outcome),
                (expected.effect.as_str(), expected.outcome.as_str()),
                "{name}: {short}"
            );
            assert_eq!(record.refusal, expected.refusal.as_deref(), "{name}");
            assert_eq!(record.user, expected.user.as_deref(), "{name}: user");
            assert_eq!(record.client, expected.client.as_deref(), "{name}: client");
            assert!(
                record.tool.is_none_or(|tool| tool.len() <= 256),
                "{name}: a record grows with the event"
            );
            answers.push(bytes);
        }
        assert_eq!(answers[0], answers[1], "{name}: the same event, another answer");
        let (answer, due) = (minified(&answers[0]), case.answer());
        assert!(answer == due, "{name}:\n got {answer:.2000}\n due {due:.2000}");
        check_contract(case, std::str::from_utf8(&event).unwrap(), &answers[0]);
        check_summary(case, &answers[0]);
    });
}

#[test]
fn every_shape_gets_the_answer_of_its_file() {
    // All that fail are told, not the first one only.
    let fails = |case: &Case| std::panic::catch_unwind(AssertUnwindSafe(|| run(case))).is_err();
    let failed: Vec<String> =
        cases().iter().filter(|case| fails(case)).map(|case| case.name.clone()).collect();
    assert!(failed.is_empty(), "{} cases: {failed:#?}", failed.len());
}

#[test]
fn every_row_of_the_reference_has_a_file() {
    let rows: BTreeSet<usize> = cases().iter().map(Case::row).collect();
    assert!(rows.is_subset(&(1..=67).collect()) && rows.len() > 50, "{rows:?}");
}
