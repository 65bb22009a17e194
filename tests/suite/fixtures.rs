//! What the fixture runner reports, and what it refuses.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value as Json;

use crate::{Run, Scratch, run};

const POLICY: &str = r#"
apiVersion: policies.kyverno.io/v1
kind: ValidatingPolicy
metadata: {name: no-drops}
spec:
  evaluation: {mode: HTTP}
  validations:
    - expression: >-
        object.attributes.Header("X-Operation").exists(o, o == "drop") ? http.Denied("no drops").Response() : null
"#;

const HEAD: &str =
    "apiVersion: toolgate.dev/v1\nkind: Fixture\nmetadata: {name: drops}\npolicies: [policy.yaml]\n";

/// Runs one fixture beside the policy.
fn fixture(name: &str, rest: &str, arguments: &[&str]) -> Run {
    let scratch = Scratch::new(name);
    scratch.write("policy.yaml", POLICY);
    scratch.write("drops.yaml", &format!("{HEAD}{rest}"));
    run(&scratch.0, &[arguments, &["drops.yaml"]].concat())
}

const FAILING: &str = "\
cases:
  - name: a drop is denied
    call: {tool: db___dropTable}
    expect: {decision: deny, reason: no drops, policy: no-drops, rule: 'spec.validations[0]'}
  - name: others too
    calls:
      - {tool: db___getRow, arguments: {id: 1}}
      - {tool: db___drop}
    expect: {decision: deny, reason: none at all}
";

#[test]
fn a_failure_says_what_was_expected_what_came_where_and_what_each_policy_said() {
    let ran = fixture("failure", FAILING, &[]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{}", ran.out);
    let out = ran.out.lines().filter(|line| !line.contains(" ms)")).collect::<Vec<_>>().join("\n");
    assert_eq!(
        out,
        r#"FAIL drops.yaml: drops: 2 of 3 cases failed
  drops.yaml:11: others too, 1
    decision: expected deny
                   got none
    reason: expected none at all
                 got none
    of: db___getRow {"id":1}
    decided: allow: no policy spoke
      no-drops: no opinion
  drops.yaml:12: others too, 2
    reason: expected none at all
                 got no drops
    of: db___drop
    decided: deny by no-drops, spec.validations[0]: no drops
      no-drops: deny: no drops
"#
    );
    assert!(ran.out.contains("2 of 3 cases failed in 1 fixture ("), "{}", ran.out);
}

#[test]
fn a_fixture_ends_at_its_first_failure_where_that_is_wanted() {
    let json = fixture("fast", FAILING, &["--fail-fast", "--output", "json"]).json();
    let cases = json["fixtures"][0]["cases"].as_array().unwrap();
    assert_eq!((cases.len(), &cases[1]["passed"]), (2, &Json::from(false)));
}

#[test]
fn the_json_report_has_every_case() {
    let json = fixture("json", FAILING, &["--output", "json"]).json();
    let cases = json["fixtures"][0]["cases"].as_array().unwrap();
    let passed: Vec<bool> = cases.iter().map(|case| case["passed"].as_bool().unwrap()).collect();
    assert_eq!(passed, [true, false, false]);
    assert_eq!(cases[2]["line"], 12);
    assert_eq!(cases[2]["got"]["reason"], "no drops");
    assert_eq!((&json["summary"]["passed"], &json["summary"]["failed"]), (&Json::from(1), &Json::from(2)));
}

#[test]
fn the_yaml_report_is_the_json_report() {
    let yaml = fixture("yaml", FAILING, &["--output", "yaml"]);
    assert_eq!(yaml.code, 1);
    for line in [
        "          decision: 'deny'",
        "          reason: 'no drops'",
        "summary:",
        "  failed: 2",
        "  passed: 1",
    ] {
        assert!(yaml.out.lines().any(|it| it == line), "{line}: {}", yaml.out);
    }
}

#[test]
fn the_markdown_report_has_a_table_for_each_fixture() {
    let ran = fixture("markdown", FAILING, &["-o", "markdown"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.starts_with(
            "### drops (drops.yaml)\n\n| CASE | RESULT | REASON |\n| --- | --- | --- |\n| a drop is denied | Pass |  |\n"
        ),
        "{}",
        ran.out
    );
    assert!(ran.out.contains(" | Fail | decision: expected deny, got none; reason: "), "{}", ran.out);
    assert!(ran.out.ends_with("\n3 cases, 2 failed\n"), "{}", ran.out);
}

#[test]
fn the_junit_report_counts_cases_and_failures() {
    let ran = fixture("junit", FAILING, &["--output", "junit"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"), "{}", ran.out);
    assert!(
        ran.out.contains(r#"<testsuite name="drops" file="drops.yaml" tests="3" failures="2">"#),
        "{}",
        ran.out
    );
    assert!(
        ran.out
            .contains(r#"<testcase classname="drops" name="a drop is denied" file="drops.yaml" line="7"/>"#),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("decision: expected deny, got none; reason: "), "{}", ran.out);
}

#[test]
fn a_filter_chooses_cases_and_must_choose_some() {
    assert_eq!(fixture("filter", FAILING, &["--filter", "a drop"]).code, 0);
    assert_eq!(fixture("glob", FAILING, &["--filter", "others*"]).code, 1);
    let nothing = fixture("nothing", FAILING, &["--filter", "no such case"]);
    assert_eq!(nothing.code, 2);
    assert!(nothing.err.contains("nothing matches the filter"), "{}", nothing.err);
}

/// Without the filter all would run, which is not what was asked for.
#[test]
fn a_filter_that_is_none_ends_the_run() {
    let nested = format!("{}a{}", "{".repeat(251), "}".repeat(251));
    for (name, filter, due) in [
        ("open-filter", "[", "error: the filter `[` is not a glob pattern: unclosed"),
        ("nested-filter", nested.as_str(), "its braces nest 251 deep, more than 8, the limit (fixed)"),
    ] {
        for more in [&["--filter", filter][..], &["--watch", "--filter", filter]] {
            let ran = fixture(name, FAILING, more);
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
            assert!(ran.err.contains(due), "{}", ran.err);
        }
    }
}

/// A device has no end, a pipe waits for its writer, and nobody writes an event of 65 MiB.
#[cfg(unix)]
#[test]
fn only_files_of_some_size_are_events_and_answers() {
    let scratch = Scratch::new("endless");
    scratch.write("policy.yaml", POLICY);
    std::fs::File::create(scratch.0.join("large.json")).unwrap().set_len(65 << 20).unwrap();
    assert!(Command::new("mkfifo").arg(scratch.0.join("pipe")).status().unwrap().success());
    let cases = "\
cases:
  - {name: device, event: /dev/zero, expect: {effect: allow}}
  - {name: pipe, event: pipe, expect: {effect: allow}}
  - {name: large, event: large.json, expect: {effect: allow}}
  - {name: endless answer, call: {tool: a}, expect: {answer: /dev/zero}}
  - {name: pipe of an answer, call: {tool: a}, expect: {answer: pipe}}
";
    scratch.write("drops.yaml", &format!("{HEAD}{cases}"));
    let ran = run(&scratch.0, &["drops.yaml"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert_eq!(ran.out.matches("got it is not a file\n").count(), 4, "{}", ran.out);
    assert!(ran.out.contains("got it has more than 67108864 bytes, the limit (fixed)\n"), "{}", ran.out);
}

/// The policies of a run are loaded once, and what many calls share is there once.
#[test]
fn many_fixtures_of_the_same_policies_and_large_calls_are_quick() {
    let scratch = Scratch::new("many");
    let policies: String =
        (0..200).map(|n| format!("{}---\n", POLICY.replace("no-drops", &format!("p{n}")))).collect();
    scratch.write("policy.yaml", &policies);
    let one = |n: usize| format!("{HEAD}cases: [{{name: 'c{n}', call: {{tool: a}}, expect: allow}}]\n");
    let fixtures: Vec<String> = (0..200).map(one).collect();
    scratch.write("drops.yaml", &fixtures.join("---\n"));
    let started = std::time::Instant::now();
    let ran = run(&scratch.0, &["drops.yaml"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    let calls = vec!["{tool: a}"; 200].join(", ");
    let defaults = format!("defaults: {{arguments: {{a: {}}}}}\n", "x".repeat(100_000));
    scratch.write(
        "drops.yaml",
        &format!("{HEAD}{defaults}cases: [{{name: c, calls: [{calls}], expect: deny}}]\n"),
    );
    let ran = run(&scratch.0, &["--output", "json", "drops.yaml"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.len() < 5_000_000, "a report says the beginning of a call: {}", ran.out.len());
}

#[test]
fn a_fixture_that_tests_nothing_is_refused() {
    for (rest, expected) in [
        ("", "the field `cases` is missing"),
        ("cases: []\n", "`cases` must not be empty"),
        ("cases:\n  - call: {tool: a}\n", "the field `cases[0].expect` is missing"),
        ("cases:\n  - expect: deny\n", "`cases[0]` has nothing to decide"),
        ("cases:\n  - {calls: [], expect: deny}\n", "`cases[0].calls` must not be empty"),
        ("cases:\n  - {call: {tool: a}, expect: {}}\n", "`cases[0].expect` does not say what is decided"),
        (
            "cases:\n  - {call: {tool: a}, expect: {policy: x}}\n",
            "`cases[0].expect` does not say what is decided",
        ),
    ] {
        let ran = fixture("tests-nothing", rest, &[]);
        assert_eq!(ran.code, 2, "{rest}{}", ran.out);
        assert!(ran.err.contains(expected), "{rest}{}", ran.err);
        assert!(ran.err.contains("drops.yaml:"), "{}", ran.err);
    }
}

#[test]
fn mistakes_in_a_fixture_are_reported_with_their_places() {
    let rest = "\
config: {defaultDecison: deny}
time: yesterday
cases:
  - name: a
    call: {tol: a, claims: 7}
    expect: {decision: denied}
  - name: a
    call: {params: {}, arguments: {}}
    expect: maybe
    skip: true
";
    let ran = fixture("mistakes", rest, &[]);
    assert_eq!(ran.code, 2);
    for expected in [
        "drops.yaml:5:10: ",
        "did you mean `defaultDecision`?",
        "`yesterday` is no point in time",
        "has no field `tol`",
        "did you mean `tool`?",
        "`cases[0].call.claims` must be a mapping, not the number `7`",
        "`cases[0].expect.decision` must be one of",
        "there are two cases of the name `a`",
        "`params` stands for all that `arguments` is a part of, so both cannot be given",
        "`cases[1].expect` must be one of `allow`, `deny`, not `maybe`",
        "`cases[1]` has no field `skip`",
    ] {
        assert!(ran.err.contains(expected), "{expected}\n{}", ran.err);
    }
}

#[test]
fn policies_that_do_not_load_are_exit_code_3() {
    let scratch = Scratch::new("bad-policies");
    scratch.write("policy.yaml", &POLICY.replace(".Response()", ""));
    scratch.write("drops.yaml", &format!("{HEAD}{FAILING}"));
    let ran = run(&scratch.0, &["."]);
    assert_eq!(ran.code, 3, "{}", ran.out);
    assert!(ran.out.contains("FAIL drops.yaml: drops: the policies do not load"), "{}", ran.out);
    scratch.write("drops.yaml", &format!("{}{FAILING}", HEAD.replace("policy.yaml", "other.yaml")));
    let ran = run(&scratch.0, &["."]);
    assert_eq!(ran.code, 3, "{}", ran.out);
    assert!(ran.err.contains("drops.yaml:4:12: "), "{}", ran.err);
}

#[test]
fn what_is_no_test_is_an_error_only_if_it_is_named() {
    let scratch = Scratch::new("no-test");
    scratch.write("policy.yaml", POLICY);
    for paths in [&["."][..], &["policy.yaml"], &["absent.yaml"]] {
        let ran = run(&scratch.0, paths);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{paths:?}");
        assert!(!ran.err.is_empty());
    }
    scratch.write("drops.yaml", &format!("{HEAD}{FAILING}"));
    scratch.write(".hidden.yaml", "toolgate.dev/ and no YAML: [");
    scratch.write("cache/CACHEDIR.TAG", "");
    scratch.write("cache/broken.yaml", "toolgate.dev/ and no YAML: [");
    assert_eq!(run(&scratch.0, &["."]).code, 1);
}

#[test]
fn settings_claims_time_and_raw_json_reach_the_interceptor() {
    let rest = r#"
config: {defaultDecision: deny}
cases:
  - name: the default
    call: {tool: db___get}
    expect: {decision: none, effect: deny}
  - name: raw JSON
    call: {tool: db___get, arguments: '{"a": 1, "a": 2}'}
    expect: {decision: refused}
  - name: a whole message
    calls:
      - {body: '[]'}
      - {body: {jsonrpc: "2.0", id: 1, method: tools/call}}
      - {body: 7}
    expect: {decision: refused}
  - name: a method that passes
    call: {method: tools/list}
    expect: {decision: pass, effect: allow}
"#;
    let ran = fixture("settings", rest, &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn watching_runs_again_when_a_policy_changes() {
    let scratch = Scratch::new("watch");
    scratch.write("policy.yaml", POLICY);
    scratch.write("drops.yaml", &format!("{HEAD}cases:\n  - {{call: {{tool: a___drop}}, expect: deny}}\n"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_toolgate"))
        .args(["test", "--watch", "."])
        .current_dir(&scratch.0)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.find(|line| line.contains(" cases "));
    // What is no test, policy or event starts nothing.
    scratch.write("report.txt", "x");
    scratch.write("policy.yaml", &POLICY.replace("\"drop\"", "\"purge\""));
    let second = lines.find(|line| line.contains(" cases "));
    child.kill().unwrap();
    child.wait().unwrap();
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(first.starts_with("1 of 1 cases passed"), "{first}");
    assert!(second.starts_with("1 of 1 cases failed") || second.starts_with("FAIL"), "{second}");
}

/// A fixture's answers are granted and used; what it does not answer is a fault, and nothing is asked.
#[test]
fn a_fixture_answers_what_policies_ask() {
    let scratch = Scratch::new("fixture-answers");
    let expression = "http.Get('https://a.example/' + object.mcp.request.ToolCall.Name).ok == true ? null : \
                      http.Denied('not ok').Response()";
    let text = POLICY.replace(POLICY.split_once(">-\n").unwrap().1.trim(), expression);
    scratch.write("policy.yaml", &text);
    let cases = "answers:\n  http:\n  - {url: 'https://a.example/db___get', body: {ok: true}}\n  \
                 - {url: 'https://a.example/db___drop', status: 404, body: {ok: false}}\ncases:\n\
                 - {name: a, call: {tool: db___get}, expect: {decision: none}}\n\
                 - {name: b, call: {tool: db___drop}, expect: {decision: deny, reason: not ok}}\n\
                 - {name: c, call: {tool: db___else}, expect: {decision: fault, \
                 error: 'a policy sends a request, and no answer is given for its method and URL'}}\n";
    scratch.write("drops.yaml", &format!("{HEAD}{cases}"));
    let run_it = || run(&scratch.0, &["drops.yaml"]);
    let report = run_it();
    assert_eq!(report.code, 0, "{}{}", report.out, report.err);
    scratch.write("drops.yaml", &format!("{HEAD}{}", cases.replace("  http:", "  htp:")));
    let report = run_it();
    assert_eq!(report.code, 2);
    assert!((report.out + &report.err).contains("there is no `htp`"));
}
