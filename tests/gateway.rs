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
use toolgate::internal::config::{EnvironmentSource, Settings};
use toolgate::internal::gateway::environment::Environment;
use toolgate::{Context, DecisionId, Engine, PolicySet, Scratch};

mod gateway {
    pub(crate) mod case;
}

use gateway::case::{Case, cases, minified};

/// Lambda's quota for an answer.
const LARGEST_ANSWER: usize = 6 * 1024 * 1024;

/// The engine of these policies.
fn engine(policies: &str, config: Settings) -> Engine {
    let (set, warnings) = PolicySet::from_text("policies.yaml", policies).unwrap();
    assert!(warnings.is_empty(), "{warnings}");
    Engine::new(set, config).unwrap()
}

/// The configuration that a case's settings make.
fn config(case: &Case) -> Settings {
    let nothing = std::iter::empty::<(String, String)>();
    Settings::load_text("toolgate.yaml", &case.settings(), nothing)
        .unwrap_or_else(|diagnostics| panic!("{}: {diagnostics:?}", case.name))
        .0
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
    let engine = engine(&case.policies(), config(case));
    // One id for all: an answer that is not the same has another reason.
    let mut scratch = Scratch::with_ids(|| DecisionId::from(0xfeed));
    let mut answers = Vec::new();
    // A gateway may repeat any event: the memory of the last call must not show.
    for _ in 0..2 {
        let answer = engine.decide(&mut scratch, &event, &Context::at(case.now()));
        let record = &answer.record;
        let bytes = String::from_utf8(answer.answer.to_vec()).unwrap();
        let short: String = bytes.chars().take(2_000).collect();
        assert_eq!(
            (record.effect.as_str(), record.outcome.as_str()),
            (expected.effect.as_str(), expected.outcome.as_str()),
            "{name}: {short}"
        );
        assert_eq!(record.refusal.as_deref(), expected.refusal.as_deref(), "{name}");
        assert_eq!(record.user.as_deref(), expected.user.as_deref(), "{name}: user");
        assert_eq!(record.client.as_deref(), expected.client.as_deref(), "{name}: client");
        assert!(
            record.tool.as_deref().is_none_or(|tool| tool.len() <= 256),
            "{name}: a record grows with the event"
        );
        for token in case.tokens() {
            let payload = token.split('.').nth(1).unwrap();
            assert!(!bytes.contains(payload), "{name}: the token is in the answer");
            assert!(!format!("{record:?}").contains(payload), "{name}: the token is in the record");
        }
        answers.push(bytes);
    }
    assert_eq!(answers[0], answers[1], "{name}: the same event, another answer");
    let (answer, due) = (minified(&answers[0]), case.answer(&DecisionId::from(0xfeed).to_string()));
    assert!(answer == due, "{name}:\n got {answer:.2000}\n due {due:.2000}");
    check_contract(case, std::str::from_utf8(&event).unwrap(), &answers[0]);
    check_summary(case, &answers[0]);
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
    assert_eq!(rows, (1..=67).collect());
}

/// A policy that denies all and says what it sees of these headers.
fn show(names: &[&str]) -> String {
    let values: Vec<String> =
        names.iter().map(|name| format!(r#"object.attributes.Header("{name}").join("|")"#)).collect();
    format!(
        "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata:\n  name: show\nspec:\n  evaluation:\n    mode: HTTP\n  validations:\n  - expression: >-\n      http.Denied([{}].join(\", \")).Response()\n",
        values.join(", ")
    )
}

/// What the policy of `show` says to a call with these headers.
fn shown(names: &[&str], config: Settings, tool: &str, headers: &str) -> String {
    let event = format!(
        r#"{{"interceptorInputVersion":"1.0","mcp":{{"gatewayRequest":{{"headers":{headers},"body":{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{{"env":"dev"}}}}}}}}}}}}"#
    );
    let engine = engine(&show(names), config);
    let mut scratch = Scratch::default();
    let record = engine.decide(&mut scratch, event.as_bytes(), &Context::at(0)).record;
    record.reason.or(record.refusal).unwrap().into_owned()
}

#[test]
fn the_callers_own_headers_are_seen_only_if_wanted_and_never_in_place_of_computed_ones() {
    let names = ["X-Dept", "X-User", "X-Tool-Name", "X-Query"];
    // That a computed header is forwarded is a mistake in the settings.
    let forwarding = || {
        let mut config = Settings::default();
        config.forward_headers = vec!["x-dept".to_owned()];
        config
    };
    let headers = r#"{"X-DEPT":" a, b ","x-user":"root","x-tool-name":"other","X-Query":"q"}"#;
    assert_eq!(shown(&names, Settings::default(), "t___get", headers), ", , get, ");
    assert_eq!(shown(&names, forwarding(), "t___get", headers), "a, b, , get, ");
    assert_eq!(shown(&names, forwarding(), "t___get", r#"{"x-dept":["a","b"]}"#), "a|b, , get, ");
    assert_eq!(shown(&names, forwarding(), "t___get", r#"{"x-dept":"a","X-Dept":"b"}"#), "header-value");
    assert_eq!(shown(&names, forwarding(), "t___get", r#"{"x-dept":"a\nb"}"#), "header-value");
    // What no policy reads is not looked at.
    assert_eq!(shown(&["X-User"], forwarding(), "t___get", r#"{"x-dept":5}"#), "");
}

/// Fields of settings can be set without a file that checks them, so an engine checks them again.
#[test]
fn settings_that_break_their_rules_make_no_engine() {
    type Setter = fn(&mut Settings);
    let breaks: [(&str, Setter); 19] = [
        ("`identity.claims.roles`: `/a~` is not a JSON Pointer", |config| {
            config.identity.claims.roles = Some("/a~".to_owned());
        }),
        ("`identity.claims.user`: ` ` must not be empty", |config| {
            config.identity.claims.user = Some(" ".to_owned());
        }),
        ("`host`: `a b` is not the name of a host", |config| config.host = "a b".to_owned()),
        ("`forwardHeaders`: `a:` is not the name", |config| config.forward_headers = vec!["a:".to_owned()]),
        ("`denial.status` must be a whole number from 400 to 599, not `200`", |config| {
            config.denial.status = 200;
        }),
        ("`budget.steps` must be a whole number from 1000", |config| config.budget.steps = 0),
        ("`budget.steps` must be a whole number from 1000", |config| config.budget.steps = u64::MAX),
        ("`budget.bytes` must be a whole number from 65536", |config| config.budget.bytes = 1),
        ("`capabilities.timeLimit` must be", |config| config.capabilities.time_limit = 0),
        ("`audit.digestKey` must have at least 16 bytes", |config| {
            config.audit.digest_key = Some(b"x".to_vec());
        }),
        ("`audit.digestKey` must not be empty", |config| config.audit.digest_key = Some(vec![b' '; 32])),
        ("`<set>` is not a key", |config| config.audit.digest_key = Some(b"<set>".to_vec())),
        ("nobody has fetched it", |config| {
            let arn = "arn:aws:ssm:eu-central-1:111122223333:parameter/key";
            config.audit.digest_key_arn = Some(arn.to_owned());
        }),
        ("`identity.required` without a trusted identity", |config| config.identity.required = true),
        ("`X-User` is computed", |config| config.forward_headers = vec!["x-user".to_owned()]),
        ("looks like it: write `tools/list`", |config| {
            config.judging.judge_methods = vec!["Tools/List".to_owned()];
        }),
        ("`identity.issuers`: `` must not be empty", |config| {
            config.identity.issuers = vec![String::new()];
        }),
        ("`capabilities.http.urls`: `a` ", |config| config.capabilities.http.urls = vec!["a".to_owned()]),
        ("`environment.targets` is empty", |config| {
            config.environment = EnvironmentSource::Targets(Vec::new());
        }),
    ];
    let (set, _) = PolicySet::from_text("policies.yaml", &show(&["X-User"])).unwrap();
    assert!(Engine::new(set.clone(), Settings::default()).is_ok());
    for (message, set_it) in breaks {
        let mut config = Settings::default();
        set_it(&mut config);
        let wrong = Engine::new(set.clone(), config).unwrap_err();
        assert_eq!(wrong.len(), 1, "{wrong}");
        assert!(wrong.to_string().contains(message), "{wrong}");
    }
    // Who has fetched the key may say where from.
    let mut config = Settings::default();
    config.audit.digest_key_arn = Some("arn:aws:ssm:eu-central-1:111122223333:parameter/key".to_owned());
    config.audit.digest_key = Some(b"at least sixteen bytes".to_vec());
    assert!(Engine::new(set, config).is_ok());
}

#[test]
fn the_environment_is_the_deployments_word_if_it_gives_one() {
    let named = |text: &str| Environment::new(text).unwrap();
    let row = |target: &str, environment: &str| (target.to_owned(), named(environment));
    let seen = |source: EnvironmentSource, tool: &str| {
        let mut config = Settings::default();
        config.environment = source;
        shown(&["X-Environment"], config, tool, "{}")
    };
    let table = || EnvironmentSource::Targets(vec![row("prod-*", "production"), row("stage", "staging")]);
    assert_eq!(seen(EnvironmentSource::Argument, "prod-a___get"), "dev");
    assert_eq!(seen(EnvironmentSource::Fixed(named(" Production\u{a0}")), "a___get"), "production");
    assert_eq!(seen(table(), "prod-a___get"), "production");
    assert_eq!(seen(table(), "PROD-a___get"), "production");
    assert_eq!(seen(table(), "stage___get"), "staging");
    assert_eq!(seen(table(), "other___get"), "");
    assert_eq!(seen(table(), "get"), "");
}

#[test]
fn settings_that_cannot_hold_are_refused_at_the_start() {
    let (set, _) = PolicySet::from_text("policies.yaml", &show(&["X-Environment"])).unwrap();
    let mut broken = [Settings::default(), Settings::default(), Settings::default()];
    broken[0].denial.status = 200;
    broken[1].judging.pass_tools = vec!["a[".to_owned()];
    broken[2].environment =
        EnvironmentSource::Targets(vec![("{".to_owned(), Environment::new("x").unwrap())]);
    for config in broken {
        assert_eq!(Engine::new(set.clone(), config).unwrap_err().len(), 1);
    }
}
