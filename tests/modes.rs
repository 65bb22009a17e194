//! Sets of several evaluation modes, and exceptions, through the engine: what happens to a call, and what is told of it.

#![expect(
    clippy::unwrap_used,
    reason = "the lints against panics are for code that runs on requests; a test that cannot go on should panic"
)]

use toolgate::{Context, Effect, Engine, HttpRequest, Outcome, PolicySet, Record, Scratch, Settings};

/// A policy that answers with one validation.
fn policy(name: &str, mode: &str, validation: &str) -> String {
    format!(
        "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata:\n  name: {name}\nspec:\n  evaluation:\n    \
         mode: {mode}\n  validations:\n  - expression: |\n      {validation}\n---\n"
    )
}

fn exception(name: &str, mode: &str, policy: &str, condition: &str) -> String {
    format!(
        "apiVersion: policies.kyverno.io/v1\nkind: PolicyException\nmetadata:\n  name: {name}\nspec:\n  evaluationMode: \
         {mode}\n  policyRefs:\n  - name: {policy}\n    kind: ValidatingPolicy\n  matchConditions:\n  - name: c\n    \
         expression: |\n      {condition}\n---\n"
    )
}

const EVENT: &[u8] =
    br#"{"interceptorInputVersion":"1.0","mcp":{"gatewayRequest":{"path":"/mcp?a=%20b","httpMethod":"POST",
    "headers":{},"body":{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"shop___delete_order",
    "arguments":{"env":"Prod"}}}}}}"#;

fn engine(documents: &[String]) -> Engine {
    let (set, _) = PolicySet::from_text("policies.yaml", &documents.concat()).unwrap();
    Engine::new(set, Settings::default()).unwrap()
}

fn decide(documents: &[String]) -> Record<'static> {
    let engine = engine(documents);
    let mut scratch = Scratch::default();
    let decision = engine.decide(&mut scratch, EVENT, &Context::at(1_764_000_000).traced());
    decision.record.into_owned()
}

const HTTP_ALLOW: &str = "http.Allowed().Response()";
const HTTP_DENY: &str = "http.Denied('http says no').Response()";
const ENVOY_ALLOW: &str = "envoy.Allowed().Response()";
const ENVOY_DENY: &str = "envoy.Denied(401).WithBody('envoy says no').Response()";

#[test]
fn a_denial_of_any_mode_denies_and_so_does_an_error() {
    for (http, envoy, outcome, reason) in [
        (HTTP_ALLOW, ENVOY_ALLOW, Outcome::Allow, None),
        (HTTP_ALLOW, "null", Outcome::Allow, None),
        ("null", ENVOY_ALLOW, Outcome::Allow, None),
        ("null", "null", Outcome::NoOpinion, None),
        (HTTP_DENY, ENVOY_ALLOW, Outcome::Deny, Some("http says no")),
        (HTTP_ALLOW, ENVOY_DENY, Outcome::Deny, Some("envoy says no")),
        ("null", ENVOY_DENY, Outcome::Deny, Some("envoy says no")),
        (HTTP_DENY, ENVOY_DENY, Outcome::Deny, Some("http says no")),
        (HTTP_ALLOW, "1/0 == 1 ? null : null", Outcome::Error, None),
        ("1/0 == 1 ? null : null", ENVOY_ALLOW, Outcome::Error, None),
    ] {
        // The policy that allows comes first by name, and in its own mode nothing could override it.
        let record = decide(&[policy("a", "HTTP", http), policy("b", "Envoy", envoy)]);
        assert_eq!((record.outcome, record.reason.as_deref()), (outcome, reason), "{http} with {envoy}");
        let allowed = matches!(outcome, Outcome::Allow | Outcome::NoOpinion);
        assert_eq!(record.effect == Effect::Allow, allowed, "{http} with {envoy}");
    }
}

#[test]
fn an_envoy_policy_sees_the_call_as_a_check_request() {
    for condition in [
        "object.attributes.request.http.method == 'POST'",
        "object.attributes.request.http.path == '/mcp?a=%20b'",
        "object.attributes.request.http.query == ''",
        "object.attributes.request.http.host == 'gateway'",
        "object.attributes.request.http.scheme == 'https'",
        "object.attributes.request.http.protocol == 'HTTP/1.1'",
        "object.attributes.request.http.size == size(bytes(object.attributes.request.http.body))",
        "object.attributes.request.http.headers['x-tool-name'] == 'delete_order'",
        "object.attributes.request.http.headers[?'x-operation'].orValue('') == 'delete'",
        "'x-environment' in object.attributes.request.http.headers",
        "object.attributes.request.http.headers.exists(name, name == 'x-tool-target')",
        "dyn(object).attributes.request.http.headers['x-environment'] == 'prod'",
        "object.attributes.request.http.headers[':path'] == '/mcp?a=%20b'",
        "!('X-Tool-Name' in object.attributes.request.http.headers)",
        "mcp.Parse(object.attributes.request.http.body).ToolCall.Name == 'shop___delete_order'",
        "object.attributes.request.time == timestamp('2025-11-24T16:00:00Z')",
        "!has(object.attributes.source)",
        "!has(object.attributes.request.http.raw_body)",
    ] {
        let record = decide(&[policy("a", "Envoy", &format!("{condition} ? {ENVOY_DENY} : null"))]);
        assert_eq!(record.outcome, Outcome::Deny, "{condition}: {:?}", record.error);
    }
}

#[test]
fn the_reason_of_an_envoy_denial_is_its_body_or_the_message_of_its_status() {
    for (response, reason) in [
        ("envoy.Denied(403).WithBody('body').Response().WithMessage('message')", "body"),
        ("envoy.Denied(403).Response().WithMessage('message')", "message"),
        ("envoy.Denied(403).Response()", ""),
        ("envoy.Denied(200).WithBody('odd').Response()", "odd"),
    ] {
        let record = decide(&[policy("a", "Envoy", response)]);
        assert_eq!((record.outcome, record.reason.as_deref()), (Outcome::Deny, Some(reason)), "{response}");
    }
}

#[test]
fn a_request_that_did_not_come_through_a_gateway_is_judged_by_policies_of_both_modes() {
    let rule = "object.attributes.request.http.headers[?'x-secret'].orValue('') == 'a,b' ? envoy.Denied(403).WithBody(\
                object.attributes.request.http.path).Response() : null";
    let engine = engine(&[policy("a", "HTTP", HTTP_ALLOW), policy("b", "Envoy", rule)]);
    let request = HttpRequest::new("GET", "/a%20b?c=1", b"").header("X-Secret", "a").header("X-SECRET", "b");
    let mut scratch = Scratch::default();
    let decision = engine.decide_http(&mut scratch, &request, &Context::at(0));
    assert_eq!(decision.record.reason.as_deref(), Some("/a%20b?c=1"));
}

#[test]
fn an_exception_keeps_its_policy_from_judging_and_is_in_trace_and_record() {
    for (mode, deny, condition) in [
        ("HTTP", HTTP_DENY, "object.attributes.Header('X-Operation') == ['delete']"),
        ("Envoy", ENVOY_DENY, "object.attributes.request.http.headers['x-operation'] == 'delete'"),
    ] {
        let judged = policy("judged", mode, deny);
        assert_eq!(decide(std::slice::from_ref(&judged)).outcome, Outcome::Deny);
        let record = decide(&[judged.clone(), exception("deletes", mode, "judged", condition)]);
        assert_eq!(record.outcome, Outcome::NoOpinion, "{mode}");
        assert_eq!(record.exemptions, [("judged".into(), "deletes".into())]);
        let said = "no opinion: exempt by the exception deletes".to_owned();
        assert_eq!(record.trace, [("judged".into(), said)]);

        // It concerns nothing else: not another call, not another policy.
        let record =
            decide(&[judged.clone(), exception("reads", mode, "judged", &format!("!({condition})"))]);
        assert_eq!((record.outcome, record.exemptions.len()), (Outcome::Deny, 0), "{mode}");
        let other = policy("other", mode, deny);
        let record = decide(&[judged.clone(), other, exception("deletes", mode, "judged", condition)]);
        assert_eq!((record.outcome, record.policy.as_deref()), (Outcome::Deny, Some("other")), "{mode}");

        // One that fails makes its policy fail.
        let record = decide(&[judged, exception("fails", mode, "judged", "1/0 == 1")]);
        assert_eq!((record.outcome, record.error.as_deref()), (Outcome::Error, Some("division by zero")));
    }
}

/// In mode JSON an exception may allow something instead of exempting, and turn a denial into an allow: that leaves a mark.
#[test]
fn what_an_exception_allows_is_in_trace_and_record() {
    let head = "apiVersion: policies.kyverno.io/v1\nkind:";
    let policy = format!(
        "{head} ValidatingPolicy\nmetadata: {{name: p}}\nspec:\n  evaluation: {{mode: JSON}}\n  validations: [{{expression: \
         \"exceptions.allowedValues.exists(v, v == 'deletePod')\", message: refused}}]\n---\n"
    );
    let exception = |value: &str| {
        format!(
            "{head} PolicyException\nmetadata: {{name: e}}\nspec:\n  policyRefs: [{{name: p, kind: ValidatingPolicy}}]\n  \
             allowedValues: [{value}]\n---\n"
        )
    };
    for (value, said) in [("deletePod", "allow"), ("other", "deny: refused")] {
        let record = decide(&[policy.clone(), exception(value)]);
        assert_eq!(record.exemptions, [("p".into(), "e".into())]);
        let said = format!("{said}, with what the exception e allows");
        assert_eq!(record.trace, [("p".into(), said)]);
    }
    assert!(decide(&[policy]).exemptions.is_empty());
}

#[test]
fn an_exception_that_matches_no_policy_is_a_warning_and_one_that_does_not_compile_an_error() {
    let judged = policy("judged", "HTTP", HTTP_DENY);
    let idle = judged.clone() + &exception("idle", "Envoy", "judged", "true");
    let (set, warnings) = PolicySet::from_text("policies.yaml", &idle).unwrap();
    assert_eq!(set.exceptions().count(), 0);
    assert!(warnings.to_string().contains("the exception `idle` matches no policy"), "{warnings}");
    for wrong in ["1", "object.nope", "("] {
        let broken = judged.clone() + &exception("broken", "HTTP", "judged", wrong);
        assert!(PolicySet::from_text("policies.yaml", &broken).is_err(), "{wrong}");
    }
}

#[test]
fn a_json_policy_sees_the_call_as_one_object() {
    for condition in [
        "object.method == 'tools/call'",
        "object.target == 'shop' && object.tool == 'delete_order'",
        "object.arguments == {'env': 'Prod'}",
        "object.operation == 'delete'",
        "object.environment == ['prod']",
        "object.headers['X-Tool-Name'] == ['delete_order']",
        "!has(object.claims) && !has(object.uri)",
        "object.?user.orValue('nobody') == 'nobody'",
        "request == null && oldObject == null",
    ] {
        let record = decide(&[policy("a", "JSON", &format!("!({condition})"))]);
        assert_eq!(record.outcome, Outcome::Deny, "{condition}: {:?}", record.error);
        let record = decide(&[policy("a", "JSON", condition)]);
        assert_eq!(record.outcome, Outcome::Allow, "{condition}: {:?}", record.error);
    }
}

#[test]
fn in_mode_json_all_policies_count_and_a_denial_of_any_mode_denies() {
    let passes = policy("a", "JSON", "true");
    let fails = policy("b", "JSON", "false");
    let record = decide(&[passes.clone(), fails.clone()]);
    assert_eq!((record.outcome, record.policy.as_deref()), (Outcome::Deny, Some("b")));
    assert_eq!(record.reason.as_deref(), Some("CEL expression validation failed at index 0"));
    assert_eq!(decide(&[passes.clone(), policy("c", "HTTP", HTTP_DENY)]).outcome, Outcome::Deny);
    assert_eq!(decide(&[fails.clone(), policy("c", "HTTP", HTTP_ALLOW)]).outcome, Outcome::Deny);
    assert_eq!(decide(&[policy("a", "JSON", "1/0 == 1")]).outcome, Outcome::Error);
    let audits = fails.replace("  validations:", "  validationActions: [Audit]\n  validations:");
    let record = decide(&[passes, audits]);
    assert_eq!((record.outcome, record.policy.as_deref()), (Outcome::Allow, Some("a")));
    assert!(
        record.trace.iter().any(|(_, said)| said.starts_with("no denial, by its validationActions: deny"))
    );
}
