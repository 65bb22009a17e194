//! `toolgate decide`

use std::fs;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use crate::{DENIES, Run, SILENT, Scratch, binary, finish, keys, policy, root, toolgate};

const REASON: &str =
    "Deletes are not allowed in production. Use another environment, or ask the platform team.";

/// An event or an answer, as far as the body's bytes need it.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    mcp: Mcp<'a>,
}

#[derive(Deserialize)]
struct Mcp<'a> {
    #[serde(borrow, alias = "gatewayRequest")]
    #[serde(rename = "transformedGatewayRequest")]
    request: Body<'a>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    body: &'a RawValue,
}

/// The bytes of the message in an event or in an answer that allows.
fn body(text: &str) -> &str {
    serde_json::from_str::<Envelope<'_>>(text).unwrap().mcp.request.body.get()
}

fn event(name: &str) -> String {
    format!("testdata/events/{name}.json")
}

fn decide(name: &str) -> Run {
    let run = toolgate(&["decide", &event(name)]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{name}");
    run
}

/// An answer without what is another in each decision.
fn without_ids(text: &str) -> String {
    let mut parts = text.split("\"decisionId\":\"");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |all, part| {
        let (id, rest) = part.split_at(32);
        assert!(id.bytes().all(|c| c.is_ascii_hexdigit()), "{part}");
        all + "\"decisionId\":\"@" + rest
    })
}

/// The JSON-RPC error of an answer that denies and does nothing else.
fn denial(answer: &Json) -> &Json {
    assert_eq!(keys(answer), ["interceptorOutputVersion", "mcp"]);
    assert_eq!(keys(&answer["mcp"]), ["transformedGatewayResponse"], "{answer}");
    let response = &answer["mcp"]["transformedGatewayResponse"];
    assert_eq!(response["statusCode"], 403);
    assert_eq!(response["body"]["jsonrpc"], "2.0");
    &response["body"]
}

#[test]
fn a_delete_in_production_is_denied_with_the_policys_reason() {
    let answer = decide("delete-pod-in-production").json();
    let body = denial(&answer);
    assert_eq!(body["id"], 7);
    assert_eq!(body["error"]["message"], REASON);
}

#[test]
fn what_is_allowed_is_forwarded_byte_for_byte() {
    let names = [
        "delete-pod-in-staging",
        "list-pods-in-production",
        "initialize",
        "initialized-notification",
        "tools-list",
        "elicitation-answer",
        "prompts-get",
    ];
    for name in names {
        let run = decide(name);
        let answer = run.json();
        assert_eq!(keys(&answer), ["interceptorOutputVersion", "mcp"], "{name}");
        assert_eq!(keys(&answer["mcp"]), ["transformedGatewayRequest"], "{name}: {answer}");
        assert_eq!(keys(&answer["mcp"]["transformedGatewayRequest"]), ["body"], "{name}");
    }
}

#[test]
fn the_body_of_an_answer_has_the_bytes_of_the_events_body() {
    for name in ["delete-pod-in-staging", "initialize", "prompts-get"] {
        let input = fs::read_to_string(root().join(event(name))).unwrap();
        // The answer is one document, of which the body may take several lines.
        let run = toolgate(&["decide", &event(name)]);
        assert_eq!(body(&run.out), body(&input), "{name}");
    }
}

#[test]
fn what_two_parsers_could_read_in_two_ways_is_refused() {
    for (name, id) in [("batch", Json::Null), ("duplicate-member", json!(11)), ("deep", json!(12))] {
        let answer = decide(name).json();
        let body = denial(&answer);
        assert!(body["id"] == id || body["id"].is_null(), "{name}: {body}");
        assert!(!body["error"]["message"].as_str().unwrap().is_empty());
    }
}

#[test]
fn garbage_gets_its_denial() {
    let answer = decide("garbage").json();
    assert_eq!(denial(&answer)["id"], Json::Null);
    let empty = finish(binary(root()).args(["decide", "-"]), b"");
    assert_eq!(empty.code, 0);
    denial(&empty.json());
}

#[test]
fn an_event_of_an_http_target_is_denied_in_its_own_envelope() {
    let answer = decide("http-target").json();
    assert_eq!(keys(&answer), ["http", "interceptorOutputVersion"]);
    assert_eq!(keys(&answer["http"]), ["transformedGatewayResponse"]);
    assert_eq!(answer["http"]["transformedGatewayResponse"]["statusCode"], 403);
}

#[test]
fn several_events_give_one_line_each_in_order() {
    let names = ["delete-pod-in-production", "garbage", "delete-pod-in-production"].map(event);
    let run = toolgate(&["decide", "--output", "json", &names[0], &names[1], &names[2]]);
    assert_eq!(run.code, 0);
    let lines = run.lines();
    assert_eq!(lines.iter().map(|line| line["event"].as_str().unwrap()).collect::<Vec<_>>(), names);
    assert_eq!(lines[0]["effect"], "deny");
    assert_eq!(lines[0]["decision"], "deny");
    assert_eq!(lines[0]["status"], 403);
    assert_eq!(lines[0]["reason"], REASON);
    assert_eq!(lines[0]["policy"], "no-deletes-in-production");
    assert!(lines[0]["rule"].as_str().unwrap().starts_with("spec.validations[0]"));
    assert_eq!(lines[0]["decisionId"].as_str().unwrap().len(), 32);
    assert_eq!(lines[0]["method"], "tools/call");
    assert_eq!(lines[0]["target"], "kubernetes");
    assert_eq!(lines[0]["tool"], "deletePod");
    assert_eq!((&lines[1]["effect"], &lines[1]["decision"]), (&json!("deny"), &json!("refused")));
    assert_eq!(lines[1]["policy"], Json::Null);
}

#[test]
fn a_denial_fails_the_run_only_if_asked() {
    let (denied, allowed) = (event("delete-pod-in-production"), event("delete-pod-in-staging"));
    assert_eq!(toolgate(&["decide", &denied]).code, 0);
    assert_eq!(toolgate(&["decide", "--fail-on-deny", &denied]).code, 1);
    assert_eq!(toolgate(&["decide", "--fail-on-deny", &allowed]).code, 0);
    assert_eq!(toolgate(&["decide", "--fail-on-deny", &allowed, &event("garbage")]).code, 1);
}

#[test]
fn when_no_policy_speaks_the_default_decides() {
    let name = event("list-pods-in-production");
    let json = |run: &Run| (run.json()["effect"].clone(), run.json()["decision"].clone());
    let run = toolgate(&["decide", "--output", "json", &name]);
    assert_eq!(json(&run), (json!("allow"), json!("none")));
    assert_eq!(run.json()["status"], 200);
    let run = toolgate(&["decide", "--output", "json", "--default", "deny", &name]);
    assert_eq!(json(&run), (json!("deny"), json!("none")));
    assert_eq!(run.json()["status"], 403, "Kyverno's server would not deny, and this deployment does");
    let run = finish(
        binary(root()).args(["decide", "--output", "json", &name]).env("TOOLGATE_DEFAULT_DECISION", "deny"),
        b"",
    );
    assert_eq!(json(&run), (json!("deny"), json!("none")));
    let run = finish(binary(root()).args(["decide", &name]).env("TOOLGATE_DEFAULT_DECISION", "no"), b"");
    assert_eq!((run.code, run.out.as_str()), (3, ""));
    assert!(run.err.contains("`TOOLGATE_DEFAULT_DECISION` must be one of `allow`, `deny`"), "{}", run.err);
}

#[test]
fn the_trace_goes_to_standard_error_and_names_every_policy_that_was_asked() {
    let scratch = Scratch::new("decide-trace");
    scratch.write("a.yaml", &policy("a-silent", SILENT));
    scratch.write("b.yaml", &policy("b-denies", DENIES));
    scratch.write("c.yaml", &policy("c-not-asked", "http.Allowed().Response()"));
    let directory = scratch.0.to_str().unwrap();
    let name = event("list-pods-in-production");
    let plain = toolgate(&["decide", "--policies", directory, &name]);
    let traced = toolgate(&["decide", "--policies", directory, "--trace", &name]);
    assert_eq!(without_ids(&plain.out), without_ids(&traced.out));
    assert_eq!(plain.err, "");
    let lines: Vec<&str> = traced.err.lines().collect();
    assert_eq!(lines.len(), 3, "{}", traced.err);
    assert!(lines[0].contains("list-pods-in-production.json: deny"), "{}", lines[0]);
    assert!(lines[1].starts_with("  a-silent: ") && lines[2].starts_with("  b-denies: "), "{}", traced.err);
    assert!(!traced.err.contains("c-not-asked"));
}

#[test]
fn an_event_comes_from_standard_input_too() {
    let input = fs::read(root().join(event("delete-pod-in-production"))).unwrap();
    let run = finish(binary(root()).args(["decide", "-"]), &input);
    assert_eq!(without_ids(&run.out), without_ids(&decide("delete-pod-in-production").out));
    assert_ne!(run.out, decide("delete-pod-in-production").out, "the id is random");
    assert_eq!(toolgate(&["decide", "-", "-"]).code, 2);
}

#[test]
fn an_event_that_cannot_be_read_is_an_error_of_usage_and_nothing_is_decided() {
    let run = toolgate(&["decide", &event("delete-pod-in-production"), "no-such-event.json", "policies"]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(
        run.err.contains("error: `no-such-event.json` cannot be read: there is no such file\n"),
        "{}",
        run.err
    );
    assert!(run.err.contains("error: `policies` cannot be read: it is a directory\n"), "{}", run.err);
}

/// A device has no end, and a pipe waits for its writer.
#[cfg(unix)]
#[test]
fn only_files_are_read_and_standard_input() {
    let name = event("list-pods-in-production");
    let run = toolgate(&["decide", "/dev/zero"]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.contains("`/dev/zero` cannot be read: it is not a file"), "{}", run.err);
    let run = toolgate(&["decide", "--context-file", "/dev/zero", &name]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.contains("`/dev/zero` cannot be read: it is not a file"), "{}", run.err);
    let run = toolgate(&["decide", "--context-file", "/dev/zero", "--config", "/dev/zero", &name]);
    assert!(run.err.contains("it is not a file"), "{}", run.err);
    for command in ["inspect", "test", "apply"] {
        let payload = if command == "apply" {
            &["policies", "--http-payload", "/dev/zero"][..]
        } else {
            &["/dev/zero"]
        };
        let run = toolgate(&[&[command], payload].concat());
        assert_eq!(run.code, 2, "{command}: {}{}", run.out, run.err);
        assert!(run.err.contains("it is not a file"), "{command}: {}", run.err);
    }
}

#[test]
fn policies_that_do_not_load_decide_nothing() {
    let scratch = Scratch::new("decide-broken");
    scratch.write("good.yaml", &policy("good", "http.Allowed().Response()"));
    scratch.write(
        "bad.yaml",
        &policy("bad", "object.atributes.method == \"\" ? null : http.Allowed().Response()"),
    );
    let name = event("list-pods-in-production");
    let run = toolgate(&["decide", "--policies", scratch.0.to_str().unwrap(), &name]);
    assert_eq!((run.code, run.out.as_str()), (3, ""));
    assert!(run.err.contains("error[TG2102]: undefined field 'atributes'"), "{}", run.err);
    assert!(run.err.contains("did you mean `attributes`?"), "{}", run.err);
    let nowhere = finish(binary(&scratch.0).args(["decide", root().join(&name).to_str().unwrap()]), b"");
    assert_eq!((nowhere.code, nowhere.out.as_str()), (3, ""));
    assert!(nowhere.err.starts_with("policies: error[TG1001]"), "{}", nowhere.err);
}

#[test]
fn a_comprehension_without_measure_ends_in_a_denial_also_where_errors_are_ignored() {
    let scratch = Scratch::new("decide-budget");
    let loops = "dyn(mcp.Parse(string(object.attributes.body))).ToolCall.Arguments.items.all(a, \
                 dyn(mcp.Parse(string(object.attributes.body))).ToolCall.Arguments.items.all(b, \
                 dyn(mcp.Parse(string(object.attributes.body))).ToolCall.Arguments.items.all(c, a + b + c > -1.0))) \
                 ? http.Allowed().Response() : null";
    let text = policy("loops", loops).replace("mode: HTTP\n", "mode: HTTP\n  failurePolicy: Ignore\n");
    let policies = scratch.write("loops.yaml", &text);
    let items: Vec<u32> = (0..100_000).collect();
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "orders___sum", "arguments": {"items": items}}});
    let envelope = json!({"interceptorInputVersion": "1.0", "mcp": {"gatewayRequest":
        {"path": "/mcp", "httpMethod": "POST", "headers": {}, "body": message}}});
    let file = scratch.write("event.json", &envelope.to_string());
    let started = Instant::now();
    let run = toolgate(&["decide", "--policies", &policies, "--output", "json", &file]);
    // The bound of a release build is about 50 ms; a debug build on a busy machine has more time.
    assert!(started.elapsed() < Duration::from_secs(20));
    let line = run.json();
    assert_eq!(
        (run.code, &line["effect"], &line["decision"]),
        (0, &json!("deny"), &json!("fault")),
        "{line}"
    );
    denial(&toolgate(&["decide", "--policies", &policies, &file]).json());
}

#[test]
fn the_environment_of_a_variable_is_normalised_as_the_caller_s_is() {
    let staging = event("delete-pod-in-staging");
    let decided = |name: &str, value: &str| {
        let mut command = binary(root());
        finish(command.args(["decide", "--output", "json", &staging]).env(name, value), b"")
    };
    for (name, value, effect) in [
        ("TOOLGATE_ENVIRONMENT", "Production", "deny"),
        ("TOOLGATE_ENVIRONMENT", " PRODUCTION\u{a0}", "deny"),
        ("TOOLGATE_ENVIRONMENT", "staging", "allow"),
        ("TOOLGATE_ENVIRONMENT_TARGETS", "KUBERNETES=Production", "deny"),
        ("TOOLGATE_ENVIRONMENT_TARGETS", "kuber* = PRODUCTION ,*=staging", "deny"),
    ] {
        let run = decided(name, value);
        assert_eq!(run.json()["effect"], effect, "{name}={value}: {}", run.err);
    }
    for (name, value) in [
        ("TOOLGATE_ENVIRONMENT", ""),
        ("TOOLGATE_ENVIRONMENT", " \u{3000}"),
        ("TOOLGATE_ENVIRONMENT_TARGETS", "*= "),
        ("TOOLGATE_HOST", " "),
        ("TOOLGATE_DEFAULT_DECISION", ""),
    ] {
        let run = decided(name, value);
        assert_eq!((run.code, run.out.as_str()), (3, ""), "{name}={value}");
        assert!(run.err.contains(name), "{name}={value}: {}", run.err);
    }
}

/// Answers of a file are granted and used, nothing is asked, and the decision says what was answered.
#[test]
fn a_context_file_answers_what_policies_ask() {
    let scratch = Scratch::new("decide-context");
    let ask = "http.Get('https://inventory.example.com/a').owner == 'alice' && \
               resource.Get('v1', 'configmaps', 'tools', 'limits').data.max == '5' \
               ? null : http.Denied('not alice').Response()";
    let policy = scratch.write("a.yaml", &policy("a", ask));
    let context = |owner: &str| {
        format!(
            "http: [{{url: 'https://inventory.example.com/a', body: {{owner: {owner}}}}}]\nresources:\n- {{apiVersion: v1, \
             kind: ConfigMap, metadata: {{name: limits, namespace: tools}}, data: {{max: '5'}}}}\n"
        )
    };
    let event = "testdata/events/delete-pod-in-production.json";
    let decide = |context: &str| {
        toolgate(&["decide", "--policies", &policy, "--context-file", context, "--output", "json", event])
    };
    let run = toolgate(&["decide", "--policies", &policy, event]);
    assert_eq!((run.code, run.err.matches("TG2401").count()), (3, 2), "{}", run.err);
    let mut digests = Vec::new();
    for (owner, due) in [("alice", "none"), ("bob", "deny")] {
        let run = decide(&scratch.write("context.txt", &context(owner)));
        assert_eq!((run.code, run.err.as_str()), (0, ""));
        let line = run.json();
        assert_eq!(line["decision"], due, "{line}");
        assert_eq!(line["answers"][0][0], "http");
        assert_eq!(line["answers"][0][1], "GET https://inventory.example.com/a");
        digests.push(line["answers"][0][2].clone());
    }
    assert_ne!(digests.first(), digests.last());
    let run = decide(&scratch.write("context.txt", "http: []"));
    assert_eq!(run.code, 3, "what it does not answer is not granted: {}", run.err);
    let run = decide(&scratch.write("context.txt", "nope: []"));
    assert_eq!(run.code, 2);
    assert!(run.err.contains("there is no `nope`"), "{}", run.err);
    let payload = scratch.write("payload.json", "{}");
    let context = scratch.write("context.txt", &context("alice"));
    let run = toolgate(&["apply", &policy, "--context-file", &context, "--http-payload", &payload]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("none 200"), "{}", run.out);
}
