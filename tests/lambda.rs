//! The Lambda function as a gateway's calls meet it: the real process, between a stub of the Lambda Runtime API and
//! its log.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should panic"
)]
#![expect(dead_code, reason = "the stub and the cases have more than is used here")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value as Json;
use stub::{Event, Function, Stub};
use toolgate::internal::config::check_headers;
use toolgate::internal::policy::build::{Beside, make};
use toolgate::internal::policy::bundle::Contents;
use toolgate::internal::policy::load::load_text;
use toolgate::internal::source::Source;
use toolgate::{Context, DecisionId, Engine, PolicySet, Scratch, Settings};

#[path = "../benches/cases.rs"]
mod cases;
#[path = "gateway/case.rs"]
mod gateway;
#[path = "lambda/secret.rs"]
mod secret;
#[path = "lambda/start.rs"]
mod start;
#[path = "lambda/stub.rs"]
mod stub;

const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");

/// The program, or another build of it that the variable `BOOTSTRAP` names.
fn program() -> PathBuf {
    let other = std::env::var_os("BOOTSTRAP").map(PathBuf::from);
    other.unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_bootstrap")))
}

fn bootstrap(stub: &Stub, settings: &[(&str, &str)]) -> Function {
    stub.function(&program(), settings)
}

/// A directory for one test's files.
fn directory(test: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("lambda").join(test);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// The answers that the library gives to `events` by the shipped policies, in decisions of the ids in `records`, and
/// whether they are denials.
fn expected(events: &[Vec<u8>], records: &[Json]) -> Vec<(String, bool)> {
    assert_eq!(records.len(), events.len());
    let ids: Vec<&str> = records.iter().map(|record| record["decisionId"].as_str().unwrap()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an id came twice");
    let mut ids =
        ids.into_iter().map(|id| u128::from_str_radix(id, 16).unwrap()).collect::<Vec<_>>().into_iter();
    let (set, _) = PolicySet::from_dir(POLICIES).unwrap();
    let engine = Engine::new(set, Settings::default()).unwrap();
    let mut scratch = Scratch::with_ids(move || DecisionId::from(ids.next().unwrap()));
    let answer = |event: &Vec<u8>| {
        let decision = engine.decide(&mut scratch, event, &Context::at(0));
        (String::from_utf8(decision.answer.to_vec()).unwrap(), !decision.is_allowed())
    };
    events.iter().map(answer).collect()
}

/// The records among what a function wrote.
fn records(out: &str) -> Vec<Json> {
    out.lines()
        .map(|line| {
            assert!(line.len() <= toolgate::internal::audit::MAX_LINE, "{} bytes", line.len());
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        })
        .collect()
}

/// Whether the answer to a request keeps it from its target.
fn is_denial(answer: &str) -> bool {
    let json: Json = serde_json::from_str(answer).unwrap();
    // An answer of the target that comes by has the same key, and no error.
    json["http"]["transformedGatewayResponse"].is_object()
        || json["mcp"]["transformedGatewayResponse"]["body"]["error"].is_object()
}

fn event_files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/events");
    let mut files: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_event_gets_the_engines_answer_and_one_record() {
    let events: Vec<Vec<u8>> = event_files().iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(events.len() > 10);
    let stub = Stub::start();
    let function = bootstrap(&stub, &[("TOOLGATE_POLICIES", POLICIES)]);
    let answers: Vec<String> = events.iter().map(|event| stub.ask(event.clone()).response()).collect();
    let ended = function.terminate();
    assert!(ended.status.success(), "{ended:?}");
    let records = records(&ended.out);
    let expected = expected(&events, &records);
    for ((event, answer), (expected, _)) in events.iter().zip(&answers).zip(&expected) {
        assert_eq!(answer, expected, "{}", String::from_utf8_lossy(event));
    }
    for (index, (record, (answer, denied))) in records.iter().zip(&expected).enumerate() {
        assert_eq!(record["effect"], if *denied { "deny" } else { "allow" }, "{answer}");
        assert_eq!(record["Deny"], u8::from(*denied));
        assert_eq!(record["requestId"], format!("00000000-0000-4000-8000-{:012}", index + 1));
        let id = record["decisionId"].as_str().unwrap();
        assert!(!denied || answer.contains(id) || answer.contains("\"http\""), "{answer}");
    }
    assert!(ended.log.starts_with(&format!("toolgate {}: ", env!("CARGO_PKG_VERSION"))), "{}", ended.log);
}

/// Every file of `testdata/gateway/`, by the real process: one for each deployment that a case asks for.
#[test]
fn every_shape_of_event_gets_the_answer_in_its_file() {
    let mut deployments: BTreeMap<(String, String), Vec<gateway::Case>> = BTreeMap::new();
    for case in gateway::cases() {
        // The process has the real time.
        let settings: Json = serde_json::from_str(&case.settings()).unwrap();
        if settings["identity"]["checkExpiry"] == true && case.now() != 0 {
            continue;
        }
        deployments.entry((case.policies(), settings.to_string())).or_default().push(case);
    }
    let place = directory("shapes");
    let mut answered = 0;
    for (index, ((policies, settings), cases)) in deployments.iter().enumerate() {
        let (policies_file, config_file) =
            (place.join(format!("{index}-policies.yaml")), place.join(format!("{index}-config.json")));
        fs::write(&policies_file, policies).unwrap();
        let mut config: Json = serde_json::from_str(settings).unwrap();
        config["apiVersion"] = "toolgate.dev/v1".into();
        config["kind"] = "Configuration".into();
        fs::write(&config_file, config.to_string()).unwrap();
        let stub = Stub::start();
        let settings = [
            ("TOOLGATE_POLICIES", policies_file.to_str().unwrap()),
            ("TOOLGATE_CONFIG", config_file.to_str().unwrap()),
        ];
        let function = bootstrap(&stub, &settings);
        let mut answers = Vec::new();
        for case in cases {
            let mut event = Event::new(case.event());
            let file = fs::read(gateway::folder().join(format!("{}.json", case.name))).unwrap();
            let context = serde_json::from_slice::<Json>(&file).unwrap()["clientContext"].take();
            if !context.is_null() {
                event = event.header("Lambda-Runtime-Client-Context", &context.to_string());
            }
            answers.push(stub.outcome(&stub.send(event)).response());
        }
        let ended = function.terminate();
        assert!(ended.status.success(), "{ended:?}");
        let records = records(&ended.out);
        assert_eq!(records.len(), cases.len());
        for ((record, case), answer) in records.iter().zip(cases).zip(&answers) {
            let expected = case.expected();
            let id = record["decisionId"].as_str().unwrap();
            assert_eq!(answer, &case.answer(id), "{}", case.name);
            let text = |name: &str| record.get(name).and_then(Json::as_str);
            assert_eq!(text("effect"), Some(expected.effect.as_str()), "{}", case.name);
            assert_eq!(text("decision"), Some(expected.outcome.as_str()), "{}", case.name);
            assert_eq!(text("refusal"), expected.refusal.as_deref(), "{}", case.name);
            assert_eq!(text("user"), expected.user.as_deref(), "{}", case.name);
            assert_eq!(text("client"), expected.client.as_deref(), "{}", case.name);
            answered += 1;
        }
    }
    println!("{answered} shapes, {} processes", deployments.len());
    assert!(answered > 100, "{answered}");
}

#[test]
fn what_is_no_event_is_denied_and_not_an_error_of_the_function() {
    let stub = Stub::start();
    let function = bootstrap(&stub, &[("TOOLGATE_POLICIES", POLICIES)]);
    let long = vec![b'['; 1_000_000];
    let odd: [&[u8]; 12] = [
        b"",
        b" ",
        b"null",
        b"[]",
        b"{}",
        b"{",
        b"{}{}",
        b"tools/call",
        b"\xff\xfe",
        b"\"\\ud800\"",
        b"1e999",
        &long,
    ];
    for event in odd {
        let answer = stub.ask(event).response();
        assert!(is_denial(&answer), "{answer}");
        assert!(answer.contains("\"id\":null"), "{answer}");
    }
    let mut trailing = cases::EVENT.to_vec();
    trailing.extend_from_slice(b"{}");
    assert!(is_denial(&stub.ask(trailing).response()));
    assert_eq!(records(&function.terminate().out).len(), odd.len() + 1);
}

#[test]
fn a_burst_of_a_thousand_calls_is_answered_in_full() {
    let events: Vec<Vec<u8>> = (0..1_000)
        .map(|index| {
            let (name, environment) = match index % 3 {
                0 => ("kubernetes___deletePod", "production"),
                1 => ("kubernetes___deletePod", "staging"),
                _ => ("kubernetes___listPods", "production"),
            };
            let message = serde_json::json!({"jsonrpc": "2.0", "id": index, "method": "tools/call",
                "params": {"name": name, "arguments": {"environment": environment, "pod": format!("cart-{index}")}}});
            let request = serde_json::json!({"path": "/mcp", "httpMethod": "POST", "headers": {}, "body": message});
            serde_json::json!({"interceptorInputVersion": "1.0", "mcp": {"gatewayRequest": request}})
                .to_string()
                .into_bytes()
        })
        .collect();
    let stub = Stub::start();
    let function = bootstrap(&stub, &[("TOOLGATE_POLICIES", POLICIES)]);
    let begin = Instant::now();
    let ids: Vec<String> = events.iter().map(|event| stub.send(Event::new(event.clone()))).collect();
    let answers: Vec<String> = ids.iter().map(|id| stub.outcome(id).response()).collect();
    println!("1,000 calls in {:?}", begin.elapsed());
    let records = records(&function.terminate().out);
    let expected = expected(&events, &records);
    assert_eq!(expected.iter().filter(|(_, denied)| *denied).count(), 334);
    for (answer, (expected, _)) in answers.iter().zip(&expected) {
        assert_eq!(answer, expected);
    }
    for ((record, id), (_, denied)) in records.iter().zip(&ids).zip(&expected) {
        assert_eq!(record["requestId"], id.as_str());
        assert_eq!(record["effect"] == "deny", *denied);
    }
}

#[test]
fn a_client_context_that_the_runtime_cannot_read_gives_no_answer_and_the_next_process_goes_on() {
    let settings = [("TOOLGATE_POLICIES", POLICIES)];
    let fine = fs::read(
        event_files().into_iter().find(|file| file.ends_with("list-pods-in-production.json")).unwrap(),
    );
    let fine = fine.unwrap();
    for malformed in [
        "swordfish",
        r#"{"client":null}"#,
        r#"{"custom":{"swordfish":null}}"#,
        r#"{"custom":{"a":{"b":"swordfish"}}}"#,
    ] {
        let stub = Stub::start();
        let function = bootstrap(&stub, &settings);
        let event = Event::new(fine.clone()).header("Lambda-Runtime-Client-Context", malformed);
        let id = stub.send(event);
        let ended = function.end();
        assert_eq!(ended.status.code(), Some(1), "{malformed}: {ended:?}");
        assert_eq!(stub.posted(&id), None, "{malformed}");
        assert_eq!(ended.out, "", "{malformed}");
        assert!(ended.log.contains("client context") && !ended.log.contains("swordfish"), "{}", ended.log);
        // Lambda starts another process.
        let next = bootstrap(&stub, &settings);
        assert!(!is_denial(&stub.ask(fine.clone()).response()));
        assert!(next.terminate().status.success());
        assert_eq!(stub.posted(&id), None, "{malformed}");
    }
    let stub = Stub::start();
    let _function = bootstrap(&stub, &settings);
    for readable in ["", "{}", r#"{"custom":{"GATEWAY_ARN":"arn","REQUEST_ID":"r"}}"#] {
        let event = Event::new(fine.clone()).header("Lambda-Runtime-Client-Context", readable);
        assert!(!is_denial(&stub.outcome(&stub.send(event)).response()), "{readable}");
    }
}

#[test]
fn other_headers_that_the_runtime_cannot_read_give_no_answer_either() {
    for (name, value) in [
        ("Lambda-Runtime-Cognito-Identity", "swordfish"),
        ("Lambda-Runtime-Cognito-Identity", "{}"),
        ("Lambda-Runtime-Client-Context", "\u{e9}"),
    ] {
        let stub = Stub::start();
        let function = bootstrap(&stub, &[("TOOLGATE_POLICIES", POLICIES)]);
        let id = stub.send(Event::new(cases::EVENT).header(name, value));
        let ended = function.end();
        assert_eq!(ended.status.code(), Some(1), "{name}: {ended:?}");
        assert_eq!((stub.posted(&id), ended.out.as_str()), (None, ""), "{name}");
        assert!(!ended.log.contains("swordfish"), "{}", ended.log);
    }
}

/// A process whose Runtime API fails ends by itself with one line that says so, and the next one answers.
#[test]
fn a_runtime_api_that_gives_no_invocation_ends_the_process_with_one_line() {
    let id = "Lambda-Runtime-Aws-Request-Id: 0\r\n";
    let deadline = "Lambda-Runtime-Deadline-Ms: 4102444800000\r\n";
    let body = "Content-Length: 28\r\n\r\n{\"errorMessage\":\"swordfish\"}";
    for (status, headers) in [
        ("500 Internal Server Error", String::new()),
        ("403 Forbidden", String::new()),
        ("404 Not Found", String::new()),
        ("301 Moved Permanently", "Location: /\r\n".to_owned()),
        // All headers of an invocation do not make it one.
        ("500 Internal Server Error", format!("{id}{deadline}")),
        ("302 Found", format!("{id}{deadline}")),
        ("200 OK", String::new()),
        ("200 OK", id.to_owned()),
        ("200 OK", deadline.to_owned()),
        ("200 OK", format!("{id}Lambda-Runtime-Deadline-Ms: swordfish\r\n")),
        ("200 OK", format!("{id}Lambda-Runtime-Deadline-Ms: -1\r\n")),
        ("200 OK", format!("Lambda-Runtime-Aws-Request-Id: \u{e9}\r\n{deadline}")),
    ] {
        let line = ends_with_one_line(Event::raw(format!("HTTP/1.1 {status}\r\n{headers}{body}")));
        // The runtime's own words for a deadline that is no number do not say of what they speak.
        let is_deadline = headers.contains("Ms: swordfish") || headers.contains("Ms: -1");
        assert_eq!(line.contains("Lambda-Runtime-Deadline-Ms"), is_deadline, "{headers}: {line}");
        assert!(line.contains("Runtime API"), "{line}");
    }
    for bytes in
        ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "swordfish\r\n\r\n"]
    {
        ends_with_one_line(Event::raw(bytes));
    }
}

/// Returns the line.
fn ends_with_one_line(answer: Event) -> String {
    let settings = [("TOOLGATE_POLICIES", POLICIES), ("RUST_BACKTRACE", "full")];
    let stub = Stub::start();
    let function = bootstrap(&stub, &settings);
    stub.send(answer.clone());
    let ended = function.end();
    assert_eq!((ended.status.code(), ended.out.as_str()), (Some(1), ""), "{answer:?}: {ended:?}");
    let lines: Vec<&str> = ended.log.lines().skip_while(|line| !line.starts_with("toolgate ")).collect();
    assert_eq!(lines.len(), 2, "the start and the end: {answer:?}: {}", ended.log);
    assert!(!ended.log.contains("panic") && !ended.log.contains("swordfish"), "{answer:?}: {}", ended.log);
    let next = bootstrap(&stub, &settings);
    assert!(is_denial(&stub.ask(cases::EVENT).response()));
    assert!(next.terminate().status.success());
    lines.last().map(|line| (*line).to_owned()).unwrap()
}

#[test]
fn a_runtime_api_that_is_not_there_ends_the_process_with_one_line() {
    let run = |api: &str, memory: &str| {
        let output = std::process::Command::new(program())
            .env_clear()
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", api),
                ("AWS_LAMBDA_FUNCTION_NAME", "toolgate"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("TOOLGATE_POLICIES", POLICIES),
            ])
            .output()
            .unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{api}: {log}");
        assert!(log.lines().count() == 2 && !log.contains("panic"), "{api}: {log}");
        log
    };
    // Port 1 is nobody's.
    assert!(
        run("127.0.0.1:1", "128")
            .contains("the Lambda runtime ended over a request to the Runtime API, or over its answer: ")
    );
    assert!(run("127.0.0.1:1", "swordfish").contains("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"));
    for api in ["not an address", "127.0.0.1:99999", "[::"] {
        run(api, "128");
    }
}

#[test]
fn an_answer_that_the_runtime_api_refuses_is_logged_and_the_process_goes_on() {
    let stub = Stub::start();
    let function = bootstrap(&stub, &[("TOOLGATE_POLICIES", POLICIES)]);
    for status in ["500 Internal Server Error", "400 Bad Request", "413 Payload Too Large", "410 Gone"] {
        let id = stub.send(Event { accepted: Some(status), ..Event::new(cases::EVENT) });
        assert!(is_denial(&stub.outcome(&id).response()), "{status}");
        assert!(is_denial(&stub.ask(cases::EVENT).response()), "{status}");
    }
    let ended = function.terminate();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(records(&ended.out).len(), 8);
    for status in ["500", "400", "413", "410"] {
        assert!(ended.log.contains(&format!("status={status}")), "{}", ended.log);
    }
    assert!(!ended.log.contains("panic"), "{}", ended.log);
}

#[test]
fn sigterm_ends_the_process_cleanly_after_the_answer_that_is_under_way() {
    let stub = Stub::start();
    let function = bootstrap(&stub, &[("TOOLGATE_POLICIES", POLICIES)]);
    stub.wait_for_polls(1);
    let ended = function.terminate();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!((ended.out.as_str(), stub.init_errors().len()), ("", 0));
    // With a signal somewhere within a row of calls, each call that was taken is answered.
    let stub = Stub::start();
    let function = bootstrap(&stub, &[("TOOLGATE_POLICIES", POLICIES)]);
    let ids: Vec<String> = (0..5_000).map(|_| stub.send(Event::new(cases::items_event(2_000)))).collect();
    stub.wait_for_delivery(3);
    let ended = function.terminate();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let answered = ids.iter().filter(|id| stub.posted(id).is_some()).count();
    let recorded = records(&ended.out).len();
    assert!(answered >= 2 && answered < ids.len(), "{answered}");
    assert_eq!(answered, recorded);
}

#[test]
fn policies_that_do_not_load_end_the_start_with_all_that_is_wrong() {
    let place = directory("bad-policies");
    let bad = cases::policies(cases::Shape::AllMatch, 2)
        .replacen("object.attributes.Header", "object.attributes.Haeder", 1)
        .replacen("variables.deletes &&", "variables.deltes &&", 1);
    fs::write(place.join("bad.yaml"), bad).unwrap();
    fs::write(place.join("worse.yaml"), "spec: [\n").unwrap();
    let lost = directory("lost-settings");
    fs::write(lost.join("a.yaml"), cases::policies(cases::Shape::AllMatch, 1)).unwrap();
    fs::write(
        lost.join("config.yaml"),
        "apiVersion: toolgate.dev/v1\nkind: Configuration\ndefaultDecision: deny\n",
    )
    .unwrap();
    let empty = directory("no-policies");
    let missing = place.join("missing");
    for (path, says) in [
        (&place, &["bad.yaml:", "worse.yaml:", "Haeder", "deltes", "error["][..]),
        (&lost, &["config.yaml:1:1: error[TG3012]", "not in force", "`TOOLGATE_CONFIG`"]),
        (&empty, &["there is no policy"]),
        (&missing, &["there is no such file or directory"]),
    ] {
        let stub = Stub::start();
        let ended = bootstrap(&stub, &[("TOOLGATE_POLICIES", path.to_str().unwrap())]).end();
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert_eq!((ended.out.as_str(), stub.polls()), ("", 0));
        for text in says {
            assert!(ended.log.contains(text), "{text}: {}", ended.log);
        }
        let errors = stub.init_errors();
        let [error] = errors.as_slice() else { panic!("{errors:?}") };
        let error: Json = serde_json::from_str(error).unwrap();
        assert_eq!(error["errorType"], "Toolgate.Policies");
        let message = error["errorMessage"].as_str().unwrap();
        assert!(
            message.starts_with("the policies cannot be served, ") && !message.contains('\n'),
            "{message}"
        );
        assert!(ended.log.contains(message), "{message}: {}", ended.log);
    }
}

/// The kinds of expressions that take most stack for their depth, as deep as the parser lets them be.
#[test]
fn policies_that_nest_as_deep_as_they_may_do_not_overflow_the_stack() {
    let nested = |depth: usize, open: &dyn Fn(usize) -> String, middle: &str, end: &str| {
        let opened: String = (0..depth).map(open).collect();
        format!("{opened}{middle}{}{end}", ")".repeat(depth))
    };
    let value = "object.attributes.method";
    for expression in [
        nested(95, &|level| format!("optional.of({value}).optMap(v{level}, "), "1", ".hasValue()"),
        nested(246, &|level| format!("[{value}].map(v{level}, "), "1", " == dyn([])"),
        nested(247, &|level| format!("[{value}].all(v{level}, "), "true", ""),
        format!("{value}{} == 'POST'", ".lowerAscii()".repeat(246)),
    ] {
        let place = directory("deep-policies");
        let file = place.join("deep.yaml");
        let policy = cases::policies(cases::Shape::AllMatch, 1);
        let (head, _) = policy.split_once("  validations:").unwrap();
        fs::write(
            &file,
            format!("{head}  validations:\n    - expression: |-\n        {expression} ? null : http.Denied('no').Response()\n"),
        )
        .unwrap();
        let stub = Stub::start();
        let function = bootstrap(&stub, &[("TOOLGATE_POLICIES", file.to_str().unwrap())]);
        stub.ask(cases::EVENT).response();
        let ended = function.terminate();
        assert!(ended.status.success(), "{ended:?}");
        let record = &records(&ended.out)[0];
        assert!(record["decision"] == "none" || record["decision"] == "deny", "{record}");
    }
}

#[test]
fn settings_that_make_no_sense_end_the_start() {
    let place = directory("bad-settings");
    let file = place.join("toolgate.yaml");
    let head = "apiVersion: toolgate.dev/v1\nkind: Configuration\n";
    fs::write(&file, format!("{head}audit: {{digestKey: swordfish}}\nhots: gateway\n")).unwrap();
    for (variable, value, says) in [
        ("TOOLGATE_DEFAULT_DECISION", "maybe", "TOOLGATE_DEFAULT_DECISION"),
        ("TOOLGATE_DEFUALT_DECISION", "deny", "TOOLGATE_DEFUALT_DECISION"),
        ("TOOLGATE_DEFAULT_DECISION", "", "TOOLGATE_DEFAULT_DECISION"),
        ("TOOLGATE_ENVIRONMENT", " \u{a0}", "TOOLGATE_ENVIRONMENT"),
        ("TOOLGATE_CONFIG", file.to_str().unwrap(), "hots"),
        ("TOOLGATE_CONFIG", "/nowhere/toolgate.yaml", "there is no such file"),
    ] {
        let stub = Stub::start();
        let ended = bootstrap(&stub, &[("TOOLGATE_POLICIES", POLICIES), (variable, value)]).end();
        assert_eq!((ended.status.code(), stub.polls()), (Some(1), 0), "{ended:?}");
        assert!(ended.log.contains(says) && !ended.log.contains("swordfish"), "{}", ended.log);
        let error = &stub.init_errors()[0];
        assert!(error.contains("Toolgate.Configuration") && !error.contains("swordfish"), "{error}");
    }
}

#[test]
fn the_settings_beside_the_policies_say_what_records_hold() {
    let place = directory("settings");
    fs::write(place.join("policies.yaml"), cases::policies(cases::Shape::FirstDenies, 1)).unwrap();
    let settings = "apiVersion: toolgate.dev/v1\nkind: Configuration\naudit:\n  digestKey: a key of twenty bytes\n  \
         reasons: false\n  metricTargets: [kubernetes]\n  metricNamespace: Gate\n";
    fs::write(place.join("toolgate.yaml"), settings).unwrap();
    let stub = Stub::start();
    let function = bootstrap(&stub, &[("TOOLGATE_POLICIES", place.to_str().unwrap())]);
    let answer = stub.ask(cases::EVENT).response();
    assert!(answer.contains("Deletes are not allowed in production."), "{answer}");
    let ended = function.terminate();
    let record = &records(&ended.out)[0];
    let digest = record["arguments"].as_str().unwrap();
    assert!(digest.starts_with("hmac-sha256:") && digest.len() == 76, "{digest}");
    assert_eq!((record.get("reason"), &record["Target"]), (None, &"kubernetes".into()));
    assert_eq!(record["_aws"]["CloudWatchMetrics"][0]["Namespace"], "Gate");
    assert!(ended.log.contains(": 1 policy, ") && !ended.log.contains("twenty"), "{}", ended.log);
}

#[test]
fn a_hundred_policies_are_served_and_the_default_decision_is_the_deployments() {
    let place = directory("a-hundred-policies");
    let mut digests = BTreeSet::new();
    for (name, shape, denied_by_default) in [
        ("first-denies", cases::Shape::FirstDenies, true),
        ("all-match", cases::Shape::AllMatch, false),
        ("none-matches", cases::Shape::NoneMatches, false),
    ] {
        let file = place.join(format!("{name}.yaml"));
        fs::write(&file, cases::policies(shape, 100)).unwrap();
        for (default, denied) in [("", denied_by_default), ("allow", denied_by_default), ("deny", true)] {
            let stub = Stub::start();
            let mut settings = vec![("TOOLGATE_POLICIES", file.to_str().unwrap())];
            settings.extend((!default.is_empty()).then_some(("TOOLGATE_DEFAULT_DECISION", default)));
            let function = bootstrap(&stub, &settings);
            let answer = stub.ask(cases::EVENT).response();
            assert_eq!(is_denial(&answer), denied, "{name} {default}: {answer}");
            let ended = function.terminate();
            assert!(ended.log.contains(": 100 policies, sha256:"), "{}", ended.log);
            let record = &records(&ended.out)[0];
            let digest = record["policySet"].as_str().unwrap();
            assert!(ended.log.contains(digest), "{digest}: {}", ended.log);
            digests.insert(digest.to_owned());
        }
    }
    // `allow` is the default, so two of the three settings are one.
    assert_eq!(digests.len(), 6, "each set has its own digest, and so has each default: {digests:?}");
}

#[test]
fn the_policies_beside_the_program_are_served() {
    let place = directory("beside");
    fs::create_dir(place.join("policies")).unwrap();
    fs::write(place.join("policies/p.yaml"), cases::policies(cases::Shape::FirstDenies, 3)).unwrap();
    let copy = place.join("bootstrap");
    fs::copy(program(), &copy).unwrap();
    let stub = Stub::start();
    let function = stub.function(&copy, &[]);
    assert!(is_denial(&stub.ask(cases::EVENT).response()));
    assert!(function.terminate().log.contains(": 3 policies, "));
}

/// The bundle of these policies, and one that another build made.
fn bundles(text: &str, settings: &str) -> (Vec<u8>, Vec<u8>) {
    let settings = Source::new("toolgate.yaml", settings).unwrap();
    let headers = check_headers(&Settings::default().headers);
    let beside = Beside { settings: Some(&settings), headers, left_out: None };
    let (bytes, _) = make(load_text("policies.yaml", text), Path::new(""), &beside).unwrap();
    let contents = Contents::read(&bytes).unwrap();
    let other = Contents { engine: "0.0.1", programs: b"", ..contents }.encode().unwrap();
    (bytes, other)
}

#[test]
fn a_bundle_beside_the_program_is_served_with_its_settings() {
    let text = cases::policies(cases::Shape::NoneMatches, 3);
    let settings = "apiVersion: toolgate.dev/v1\nkind: Configuration\ndefaultDecision: deny\n";
    let (bundle, other) = bundles(&text, settings);
    for (name, bundle, says) in
        [("bundle", &bundle, None), ("other-bundle", &other, Some("warning[TG1405]: "))]
    {
        let place = directory(name);
        fs::write(place.join("policies.bundle"), bundle).unwrap();
        let copy = place.join("bootstrap");
        fs::copy(program(), &copy).unwrap();
        for (variables, denied) in [(&[][..], true), (&[("TOOLGATE_DEFAULT_DECISION", "allow")], false)] {
            let stub = Stub::start();
            let function = stub.function(&copy, variables);
            assert_eq!(is_denial(&stub.ask(cases::EVENT).response()), denied);
            let log = function.terminate().log;
            assert!(log.contains(": 3 policies, "), "{log}");
            // The one that is deployed may be another build than this test.
            if std::env::var_os("BOOTSTRAP").is_none() {
                assert_eq!(
                    log.lines().next().map(|line| line.contains("TG1405")),
                    Some(says.is_some()),
                    "{log}"
                );
                assert!(says.is_none_or(|says| log.contains(says)), "{log}");
            }
        }
        // The same policies in a folder beside it are there twice.
        fs::create_dir(place.join("policies")).unwrap();
        fs::write(place.join("policies/p.yaml"), &text).unwrap();
        let log = Stub::start().function(&copy, &[]).end().log;
        assert!(log.contains("error[TG1301]: there are two policies of the name `policy-000`"), "{log}");
    }
}

#[test]
fn a_damaged_bundle_ends_the_start() {
    let (mut bundle, _) = bundles(
        &cases::policies(cases::Shape::FirstDenies, 1),
        "{apiVersion: toolgate.dev/v1, kind: Configuration}",
    );
    let last = bundle.len() - 1;
    bundle[last] ^= 1;
    let place = directory("damaged-bundle").join("p.bundle");
    fs::write(&place, bundle).unwrap();
    let stub = Stub::start();
    let ended = bootstrap(&stub, &[("TOOLGATE_POLICIES", place.to_str().unwrap())]).end();
    assert_eq!((ended.status.code(), stub.polls()), (Some(1), 0), "{ended:?}");
    assert!(ended.log.contains("error[TG1005]: this bundle cannot be read: it is damaged"), "{}", ended.log);
    assert_eq!(stub.init_errors().len(), 1);
}

#[test]
fn neither_tokens_nor_arguments_are_in_the_log() {
    let stub = Stub::start();
    let function = bootstrap(&stub, &[("TOOLGATE_POLICIES", POLICIES), ("RUST_LOG", "trace")]);
    let event = |arguments: &str| {
        format!(
            r#"{{"interceptorInputVersion":"1.0","mcp":{{"gatewayRequest":{{"path":"/mcp","httpMethod":"POST","headers":{{"authorization":"Bearer swordfish"}},"body":{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"orders___pay","arguments":{arguments}}}}}}}}}}}"#
        )
    };
    let sound = event(r#"{"card":"swordfish"}"#);
    for event in [sound.clone(), event(r#"{"card":"swordfish","card":1}"#), event(r#"["swordfish"]"#)] {
        stub.ask(event).response();
    }
    // Broken off in the middle.
    stub.ask(sound.split_at(sound.len() - 9).0).response();
    let ended = function.terminate();
    assert_eq!(records(&ended.out).len(), 4);
    assert!(!ended.out.contains("swordfish") && !ended.log.contains("swordfish"), "{ended:?}");
}

#[test]
fn without_lambda_the_program_says_so() {
    let run = std::process::Command::new(program()).env_clear().output().unwrap();
    assert_eq!(run.status.code(), Some(1));
    assert!(String::from_utf8(run.stderr).unwrap().contains("toolgate decide"));
}
