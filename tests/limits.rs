//! What a caller or an author sends to break the engine: it ends, in time, in a denial or an error.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the lints against panics are for code that runs on requests; a test that cannot go on should panic"
)]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bumpalo::Bump;
use toolgate::cel::budget::Budget;
use toolgate::cel::front;
use toolgate::cel::plan::Arena;
use toolgate::policy::compile::compile;
use toolgate::policy::decide::{DefaultDecision, Effect, Outcome, decide};
use toolgate::policy::load::load_text;
use toolgate::types::object_type;
use toolgate::value::{Object, Value};

/// An HTTP policy with one validation.
fn policy(expression: &str, failure_policy: &str) -> String {
    let mut text =
        String::from("apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata:\n  name: p\n");
    write!(
        text,
        "spec:\n  evaluation:\n    mode: HTTP\n  failurePolicy: {failure_policy}\n  validations:\n  - expression: |-\n      {expression}\n"
    )
    .unwrap();
    text
}

/// What the policy answers to a request whose body is `body`, and how long it takes.
fn answer(expression: &str, failure_policy: &str, body: &str) -> (String, Effect, Duration, usize) {
    let loaded = load_text("p.yaml", &policy(expression, failure_policy));
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    let arena = Arena::new();
    let set = compile(&loaded.policies, &arena).unwrap();
    let bump = Bump::new();
    let attributes = object_type("http.CheckRequestAttributes").unwrap();
    let mut fields = vec![None; attributes.fields.len()];
    fields[attributes.field("body").unwrap().0] = Some(Value::Bytes(body.as_bytes()));
    let attributes = Object { ty: attributes, fields: &fields, tagged: false };
    let fields = [Some(Value::Object(&attributes))];
    let request = Object { ty: object_type("http.CheckRequest").unwrap(), fields: &fields, tagged: false };
    let start = Instant::now();
    let decision = decide(&set, Value::Object(&request), &bump, Budget::default(), &mut |_, _| {});
    let outcome = match decision.outcome {
        Outcome::Fault(fault) => format!("fault: {fault:?}"),
        other => format!("{other:?}"),
    };
    (outcome, decision.effect(DefaultDecision::Allow), start.elapsed(), bump.allocated_bytes())
}

/// A JSON list of `n` numbers.
fn list(n: usize) -> String {
    let numbers: Vec<String> = (0..n).map(|i| i.to_string()).collect();
    format!("[{}]", numbers.join(","))
}

#[test]
fn work_that_grows_with_the_request_ends_in_a_denial_whatever_the_failure_policy_says() {
    let body = list(100_000);
    let list = "json.Unmarshal(string(object.attributes.body))";
    let deny = "? http.Denied('no').Response() : null";
    let greedy = [
        format!("cel.bind(l, {list}, l.all(a, l.all(b, l.all(c, a + b + c >= 0.0)))) {deny}"),
        format!("cel.bind(l, {list}, l.map(a, l.map(b, a + b)).size() > 0) {deny}"),
        format!("cel.bind(l, {list}, l.filter(a, a in l.filter(b, b > a)).size() > 0) {deny}"),
        format!("cel.bind(l, {list}, (l + l + l + l).map(a, l).flatten().size() > 0) {deny}"),
        format!("cel.bind(l, {list}, l.map(a, string(a)).join('x').replace('', 'yyyyyyyy').size() > 0) {deny}"),
        format!("cel.bind(l, {list}, l.exists(a, l == l.map(b, b) && false)) {deny}"),
        format!("cel.bind(l, {list}, l.map(a, l.distinct()).size() > 0) {deny}"),
        "cel.bind(s, string(object.attributes.body), s.matches('(.*)(.*)(.*)(.*)(.*)x$') || s.replace(',', s).size() > 0)
          ? http.Denied('no').Response() : null"
            .replace('\n', " "),
    ];
    for expression in &greedy {
        for failure_policy in ["Fail", "Ignore"] {
            let (outcome, effect, took, bytes) = answer(expression, failure_policy, &body);
            assert!(outcome == "fault: Steps" || outcome == "fault: Memory", "{expression}: {outcome}");
            assert_eq!(effect, Effect::Deny, "{expression}");
            assert!(bytes <= 64 * 1024 * 1024, "{expression}: {bytes} bytes");
            // The promise is about an optimised build; this only catches work that is not charged at all.
            assert!(took < Duration::from_secs(20), "{expression}: {took:?}");
            println!("{took:?} {bytes} {outcome} {expression}");
        }
    }
}

#[test]
fn nothing_absorbs_a_spent_budget() {
    let (outcome, effect, ..) = answer(
        "lists.range(1000000).all(a, lists.range(1000000).all(b, b >= 0)) || true ? null : null",
        "Ignore",
        "",
    );
    assert_eq!((outcome.as_str(), effect), ("fault: Steps", Effect::Deny));
}

#[test]
fn json_nested_deeper_than_the_engine_follows_is_a_fault_and_not_a_crash() {
    for depth in [100, 900, 5_000, 9_999] {
        let body = "[".repeat(depth) + &"]".repeat(depth);
        let list = "json.Unmarshal(string(object.attributes.body))";
        let expression = format!(
            "cel.bind(l, {list}, l == l || json.encode(l) == '' || '%s'.format([l]) == '') ? null : null"
        );
        let (outcome, ..) = answer(&expression, "Fail", &body);
        assert!(outcome == "Nothing" || outcome.starts_with("fault"), "{depth}: {outcome}");
    }
    let body = "[".repeat(10_001) + &"]".repeat(10_001);
    let (outcome, ..) =
        answer("json.Unmarshal(string(object.attributes.body)) == null ? null : null", "Fail", &body);
    assert!(outcome.contains("exceeded max depth"), "{outcome}");
}

#[test]
fn expressions_beyond_the_limits_are_errors_and_not_crashes() {
    let chain = vec!["1"; 10_000].join(" + ");
    let member = format!("a{}", ".b".repeat(5_000));
    let equal = vec!["a"; 5_000].join(" == ");
    let long = format!("'{}'", "x".repeat(1_000_000));
    let parentheses = "(".repeat(100_000) + "1" + &")".repeat(100_000);
    for text in [
        chain,
        member,
        equal,
        long,
        parentheses,
        "[".repeat(100_000),
        "!".repeat(100_000),
        "-".repeat(99_999),
    ] {
        assert!(front::parse(&text).is_err(), "{}", text.chars().take(20).collect::<String>());
    }
}
