//! What a caller or an author sends to break the engine: it ends, in time, in a denial or an error.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the lints against panics are for code that runs on requests; a test that cannot go on should panic"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bumpalo::Bump;
use toolgate::internal::budget::Budget;
use toolgate::internal::cel::{Macros, front};
use toolgate::internal::library::runtime::Runtime;
use toolgate::internal::policy::decide::decide;
use toolgate::internal::policy::load::{load, load_text};
use toolgate::internal::policy::set::compiled;
use toolgate::settings::DefaultDecision;
use toolgate::{Effect, PolicySet, Severity};

mod limits {
    pub(crate) mod request;
}

use limits::request::with_body;

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
    let (set, _) = PolicySet::from_text("p.yaml", &policy(expression, failure_policy)).unwrap();
    with_body(body, |request| {
        let bump = Bump::new();
        let start = Instant::now();
        let decision =
            decide(compiled(&set), request, Runtime::new(&bump, Budget::default()), &mut |_, _| {});
        let outcome = match decision.opinion {
            Err(fault) => format!("fault: {fault:?}"),
            Ok(opinion) => format!("{opinion:?}"),
        };
        (outcome, decision.effect(DefaultDecision::Allow), start.elapsed(), bump.allocated_bytes())
    })
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
        "lists.range(100000).all(a, lists.range(10000).all(b, b >= 0)) || true ? null : null",
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
        assert!(
            front::parse(&text, Macros::TwoVariables).is_err(),
            "{}",
            text.chars().take(20).collect::<String>()
        );
    }
}

#[test]
fn finding_all_with_a_constant_pattern_that_looks_far_ahead_is_charged() {
    let body = "a".repeat(400_000);
    let expression = "string(object.attributes.body).findAll('a(a*b)?').size() > 0 ? null : null";
    assert_eq!(answer(expression, "Ignore", &body).0, "fault: Steps");
}

#[test]
fn texts_of_errors_are_charged_while_they_grow() {
    let body = "a".repeat(4_000_000);
    let expression = "lists.range(100).all(i, {string(object.attributes.body): i}[string(object.attributes.body) + 'b'] == 1) ? null : null";
    let (outcome, effect, _, bytes) = answer(expression, "Ignore", &body);
    assert!(outcome.starts_with("fault") && effect == Effect::Deny, "{outcome}");
    assert!(bytes <= 56 * 1024 * 1024, "{bytes}");
}

#[test]
fn map_literals_are_charged_for_what_sorting_them_takes() {
    let expression = "lists.range(200000).map(i, {'c': 1, 'b': i, 'a': 3}).size() > 0 ? null : null";
    let (outcome, _, _, bytes) = answer(expression, "Fail", "");
    assert!(outcome.starts_with("fault"), "{outcome}");
    assert!(bytes <= 56 * 1024 * 1024, "{bytes}");
}

/// Suggestions are made for mistakes that are told, and not for each of thousands over thousands of names.
#[test]
fn thousands_of_variables_that_do_not_exist_are_told_quickly() {
    let variables: String =
        (0..12_000).map(|n| format!("  - {{name: v{n}, expression: variables.w{n}}}\n")).collect();
    let text =
        policy("null", "Fail").replace("  validations:", &format!("  variables:\n{variables}  validations:"));
    let start = Instant::now();
    let wrong = PolicySet::from_text("p.yaml", &text).map(drop).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(wrong.len() < 210, "200 errors, how many more there are, and warnings: {}", wrong.len());
    assert!(wrong.to_string().contains("did you mean `v"), "the first have their suggestions");
}

#[test]
fn a_file_of_two_million_documents_is_refused_with_the_limit() {
    let loaded = load_text("p.yaml", &"---\n".repeat(2_000_000));
    let messages: Vec<_> = loaded.diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
    assert_eq!(messages, ["the file has more than 10000 documents, the limit (fixed)"]);
}

#[test]
fn the_regular_expressions_of_a_set_have_a_limit_together() {
    let pattern = "[a-z]{1000}".repeat(20);
    let validations: String = (0..40)
        .map(|n| {
            format!("  - expression: 'object.attributes.path.matches(\"{pattern}{n}\") ? null : null'\n")
        })
        .collect();
    let text = format!(
        "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata: {{name: p}}\nspec:\n  evaluation: {{mode: HTTP}}\n  validations:\n{validations}"
    );
    let diagnostics = PolicySet::from_text("p.yaml", &text).unwrap_err().to_string();
    assert!(diagnostics.contains("more than 400000 states together, the limit"), "{diagnostics}");
}

#[test]
fn a_set_has_a_limit_of_policies_and_of_bytes() {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("limits-of-a-set");
    let _ = fs::remove_dir_all(&place);
    for folder in ["policies", "bytes"] {
        fs::create_dir_all(place.join(folder)).unwrap();
    }
    let policy = |n: usize| {
        format!(
            "---\napiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata: {{name: p{n}}}\nspec: {{evaluation: {{mode: HTTP}}}}\n"
        )
    };
    for file in 0..2 {
        let text: String = (0..5_001).map(|n| policy(file * 10_000 + n)).collect();
        fs::write(place.join(format!("policies/{file}.yaml")), text).unwrap();
    }
    for file in 0..6 {
        let text = policy(file) + &"#".repeat(12 * 1024 * 1024);
        fs::write(place.join(format!("bytes/{file}.yaml")), text).unwrap();
    }
    for (folder, limit) in [
        ("policies", "there are more than 10000 policies, the limit"),
        ("bytes", "67108864 bytes together, the limit"),
    ] {
        let loaded = load(&[place.join(folder)], None);
        let errors: Vec<_> = loaded.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
        assert_eq!(errors.len(), 1, "{folder}: {errors:?}");
        assert!(errors[0].message.contains(limit), "{errors:?}");
    }
}

/// Who meets a limit must learn its value, and whether a setting changes it.
#[test]
fn a_file_over_a_limit_is_told_the_limit_and_that_it_is_fixed() {
    let value = "a, ".repeat(250_001);
    let aliases = format!("a: &a [{}]\nb: [{}]\n", "1, ".repeat(1_000), "*a, ".repeat(251));
    for (text, code, due) in [
        ("#".repeat((16 << 20) + 1), "TG4001", "this file has more than 16777216 bytes, the limit (fixed)"),
        ("[".repeat(129), "TG4002", "the document is nested more than 128 levels deep, the limit (fixed)"),
        (format!("[{value}]"), "TG4003", "the document has more than 250000 values, the limit (fixed)"),
        (aliases, "TG4003", "the document has more than 250000 values, the limit (fixed)"),
    ] {
        let wrong = PolicySet::from_text("p.yaml", &text).unwrap_err();
        let told = wrong.iter().find(|wrong| wrong.code.to_string() == code).unwrap();
        assert_eq!(told.message, due);
    }
}

/// What a limit says is worded in one place. (`cel` and its patterns have words of their own, with value and "fixed".)
#[test]
fn every_limit_is_told_in_the_same_words() {
    fn look(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.display().to_string();
            if path.is_dir() {
                look(&path, found);
            } else if !name.ends_with("/limit.rs") && !name.contains("/src/cel/") && !name.contains("/tests")
            {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap();
                // The text of a fault is a constant.
                let made = |line: &&str| !line.starts_with("const ") && !line.contains("Withheld(\"");
                let code: String = code.lines().filter(made).collect();
                let own = [
                    "the limit (fixed)",
                    "is larger than {",
                    "more than {MAX",
                    "deeper than {MAX",
                    "it is too large",
                ];
                let words = own.iter().filter(|words| code.contains(**words));
                found.extend(words.map(|words| format!("{name}: {words}")));
            }
        }
    }
    let mut found = Vec::new();
    look(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert_eq!(found, [""; 0], "use `crate::limit`");
}
