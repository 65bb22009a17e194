//! `toolgate apply`, beside what `kyverno apply` 1.19.1 answered (`testdata/kyverno/apply`, recorded by `oracle/`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use toolgate::internal::outside::value;
use toolgate::internal::source::Source;
use toolgate::internal::yaml::documents;

use crate::{Run, Scratch, binary, finish, keys, policy, root, toolgate};

/// Where Toolgate is to differ from Kyverno's command line, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    (
        "empty-response",
        "Kyverno's row has no result; its server answers 403 without a reason, and so says the row",
    ),
    ("schema-error", "Kyverno skips the broken policy and opens the door that it kept shut"),
    ("unknown-field", "Kyverno skips the broken policy and opens the door that it kept shut"),
    ("yaml-error", "Kyverno skips the broken policy and opens the door that it kept shut"),
];

/// The folder of a recorded case's files; Kyverno's own are in the Go module cache, if that is there.
fn files(case: &Path, expected: &Json) -> Option<PathBuf> {
    let Some(source) = expected["source"].as_str() else { return Some(case.to_owned()) };
    let cache = std::env::var_os("GOMODCACHE").map(PathBuf::from).or_else(|| {
        let home = std::env::var_os("GOPATH").map(PathBuf::from);
        Some(home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join("go")))?.join("pkg/mod"))
    })?;
    Some(cache.join(source)).filter(|folder| folder.is_dir())
}

fn run_in(folder: &Path, arguments: &[&str]) -> Run {
    finish(binary(folder).args(arguments), b"")
}

/// The rows as (payload, policy, result, message).
fn rows(lines: &[Json]) -> Vec<Json> {
    let mut rows = Vec::new();
    for line in lines {
        for row in line["policies"].as_array().unwrap() {
            rows.push(json!({"payload": line["payload"], "policy": row["policy"], "result": row["result"],
                "message": row["message"]}));
        }
    }
    rows
}

/// In one order: Kyverno's is that of the files, ours that of the names.
fn sorted(mut rows: Vec<Json>) -> Vec<Json> {
    rows.sort_by_key(|row| (row["payload"].to_string(), row["policy"].to_string()));
    rows
}

/// Compares one case with its record; says what differs.
fn compare(case: &Path) -> Result<(), String> {
    let expected: Json =
        serde_json::from_str(&fs::read_to_string(case.join("expected.json")).unwrap()).unwrap();
    let Some(folder) = files(case, &expected) else { return Ok(()) };
    let asked: Vec<&str> =
        expected["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let run = run_in(&folder, &[&asked[..], &["--output", "json"]].concat());
    let refusal = expected["stderr"].as_str().unwrap();
    if let Some((_, why)) = refusal
        .strip_prefix("Error: failed to parse HTTP payload from ")
        .and_then(|rest| rest.trim_end().split_once(": "))
    {
        let told = run.code == 2 && run.err.contains(why);
        return told.then_some(()).ok_or(format!("payload: expected {why}, got {} {}", run.code, run.err));
    }
    if !refusal.is_empty() {
        let told = run.code == 3 && run.out.is_empty();
        return told.then_some(()).ok_or(format!("expected {refusal}, got {} {}", run.code, run.out));
    }
    if run.code != 0 {
        return Err(format!("exit code {}: {}", run.code, run.err));
    }
    let mut due = expected["rows"].as_array().unwrap().clone();
    for row in &mut due {
        // Kyverno puts the namespace before the name. Here a name is one policy's.
        let name = row["policy"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        row["policy"] = name.into();
    }
    let (got, due) = (sorted(rows(&run.lines())), sorted(due));
    if got != due {
        return Err(format!("expected {due:#?}\ngot {got:#?}"));
    }
    let reported = [&asked[..], &["--policy-report", "--output-format", "json"]].concat();
    let (got, due) = (reports(&run_in(&folder, &reported).lines()), expected["reports"].clone());
    if got == due { Ok(()) } else { Err(format!("expected the reports {due:#}\ngot {got:#}")) }
}

/// Reports as they are recorded: without their time, the results in order of policy, message and result.
fn reports(documents: &[Json]) -> Json {
    let mut documents = documents.to_vec();
    for results in documents.iter_mut().filter_map(|document| document["results"].as_array_mut()) {
        for result in &mut *results {
            let timestamp = result.as_object_mut().unwrap().remove("timestamp").unwrap();
            assert!(timestamp["seconds"].as_u64() > Some(1_790_000_000), "{timestamp}");
        }
        let key = |result: &Json| ["policy", "message", "result"].map(|name| result[name].to_string());
        results.sort_by_key(key);
    }
    documents.into()
}

#[test]
fn every_recorded_run_of_kyverno_apply_has_the_same_rows() {
    let mut differences: BTreeMap<&str, &str> = DIFFERENCES.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut cases = 0;
    for entry in fs::read_dir(root().join("testdata/kyverno/apply")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        cases += 1;
        match (compare(&path), differences.remove(name.as_str())) {
            (Ok(()), None) | (Err(_), Some(_)) => {}
            (Err(difference), None) => wrong.push(format!("{name}: {difference}")),
            (Ok(()), Some(why)) => wrong.push(format!("{name} agrees, but is listed as different: {why}")),
        }
    }
    assert!(differences.is_empty(), "listed, but not recorded: {differences:?}");
    assert!(cases >= 30, "{cases}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_shipped_policy_judges_payloads() {
    let run = toolgate(&[
        "apply",
        "policies/no-deletes-in-production.yaml",
        "--output",
        "json",
        "--http-payload",
        "testdata/payloads/delete-pod-in-production.json",
        "testdata/payloads/delete-pod-in-staging.json",
    ]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let reason = "Deletes are not allowed in production. Use another environment, or ask the platform team.";
    let lines = run.lines();
    assert_eq!(
        lines[0],
        json!({
            "payload": "testdata/payloads/delete-pod-in-production.json",
            "decision": "deny",
            "status": 403,
            "reason": reason,
            "policy": "no-deletes-in-production",
            "rule": lines[0]["rule"],
            "error": null,
            "policies": [{"policy": "no-deletes-in-production", "result": "fail",
                "message": format!("request denied, reason: {reason}")}],
        })
    );
    assert!(lines[0]["rule"].as_str().unwrap().starts_with("spec.validations[0]"));
    assert_eq!((&lines[1]["decision"], &lines[1]["status"]), (&json!("none"), &json!(200)));
    assert_eq!((&lines[1]["policy"], &lines[1]["rule"]), (&Json::Null, &Json::Null));
    assert_eq!(lines.len(), 2);
}

#[test]
fn the_decision_is_that_of_the_first_policy_with_an_answer_or_an_error() {
    let scratch = Scratch::new("apply-decision");
    scratch.write(
        "p.yaml",
        &policy("b-errs", "1 / (object.attributes.path == \"\" ? 0 : 1) == 1 ? null : null"),
    );
    scratch.write("q.yaml", &policy("c-allows", "http.Allowed().Response()"));
    scratch.write(
        "r.yaml",
        &policy("a-denies", "object.attributes.method == \"PUT\" ? http.Denied(\"no\").Response() : null"),
    );
    let directory = scratch.0.to_str().unwrap();
    let payloads = Scratch::new("apply-decision-payloads");
    let empty = payloads.write("empty.json", "{}");
    let put = payloads.write("put.json", "{\"attributes\": {\"method\": \"PUT\", \"path\": \"/\"}}");
    let get = payloads.write("get.json", "{\"attributes\": {\"method\": \"GET\", \"path\": \"/\"}}");
    let all = format!("{empty},{put},{get}");
    let run = toolgate(&["apply", directory, "--http-payload", &all, "-o", "json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let lines = run.lines();
    let short = |line: &Json| {
        json!([line["decision"], line["status"], line["policy"], line["error"], line["reason"]])
    };
    assert_eq!(short(&lines[0]), json!(["error", 500, "b-errs", "division by zero", null]));
    assert_eq!(short(&lines[1]), json!(["deny", 403, "a-denies", null, "no"]));
    assert_eq!(short(&lines[2]), json!(["allow", 200, "c-allows", null, null]));
    assert_eq!(
        keys(&lines[0]),
        ["payload", "decision", "status", "reason", "policy", "rule", "error", "policies"].sorted()
    );
    let fails = |payload: &str| {
        toolgate(&["apply", directory, "--fail-on-deny", "--http-payload", payload, "-o", "json"]).code
    };
    assert_eq!((fails(&empty), fails(&put), fails(&get), fails(&all)), (1, 1, 0, 1));
}

/// `serde_json` gives the members of an object in byte order.
trait Sorted {
    fn sorted(self) -> Self;
}

impl<const N: usize> Sorted for [&str; N] {
    fn sorted(mut self) -> Self {
        self.sort_unstable();
        self
    }
}

#[test]
fn the_text_has_kyvernos_words_a_decision_and_the_numbers() {
    let run = toolgate(&[
        "apply",
        "policies/no-deletes-in-production.yaml",
        "--http-payload",
        "testdata/payloads/delete-pod-in-production.json",
        "--http-payload",
        "testdata/payloads/delete-pod-in-staging.json",
    ]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let lines: Vec<&str> = run.out.lines().collect();
    let cells: Vec<&str> = lines[3].split('│').map(str::trim).collect();
    assert_eq!(
        cells[1..5],
        ["1", "no-deletes-in-production", "testdata/payloads/delete-pod-in-production.json", "Fail"]
    );
    assert!(
        cells[5].starts_with("request denied, reason: Deletes are not allowed in production."),
        "{}",
        cells[5]
    );
    assert!(lines[4].contains("│ Skip   │ request does not match "), "{}", lines[4]);
    let decision = "testdata/payloads/delete-pod-in-production.json: deny 403, no-deletes-in-production, \
                    spec.validations[0]";
    assert!(run.out.contains(decision), "{}", run.out);
    assert!(run.out.contains("\ntestdata/payloads/delete-pod-in-staging.json: none 200\n"), "{}", run.out);
    assert!(run.out.ends_with("\npass: 0, fail: 1, warn: 0, error: 0, skip: 1\n"), "{}", run.out);
}

#[test]
fn a_payload_without_mcp_is_pointed_out_if_a_policy_reads_it() {
    let scratch = Scratch::new("apply-mcp");
    let policies = scratch.write(
        "mcp.yaml",
        &policy("mcp", "object.mcp.request.Method == \"tools/call\" ? http.Denied(\"no\").Response() : null"),
    );
    let without = scratch.write("without.json", "{\"attributes\": {\"method\": \"POST\"}}");
    let with = scratch.write("with.json", "{\"mcp\": {\"request\": {\"Method\": \"tools/call\"}}}");
    let run = toolgate(&["apply", &policies, "--http-payload", &without, "-o", "json"]);
    assert_eq!((run.code, &run.json()["decision"]), (0, &json!("none")));
    assert!(run.err.starts_with("warning: a policy reads `object.mcp`"), "{}", run.err);
    let run = toolgate(&["apply", &policies, "--http-payload", &with, "-o", "json"]);
    assert_eq!((run.err.as_str(), &run.json()["decision"]), ("", &json!("deny")));
}

#[test]
fn a_payload_that_cannot_be_read_is_an_error_of_usage() {
    let scratch = Scratch::new("apply-payload");
    let list = scratch.write("list.json", "[]");
    for (payload, why) in [
        ("no-such-payload.json", "`no-such-payload.json` cannot be read: there is no such file"),
        (&list, "json: cannot unmarshal array into Go value of type http.CheckRequest"),
        ("policies/no-deletes-in-production.yaml", "policies stand before `--http-payload`"),
    ] {
        let run = toolgate(&["apply", "policies", "--http-payload", payload]);
        assert_eq!(run.code, 2, "{payload}");
        assert!(run.err.contains(why), "{}", run.err);
    }
}

#[test]
fn an_event_of_the_gateway_is_no_payload_and_a_payload_must_be_there() {
    let event = "testdata/events/delete-pod-in-production.json";
    for payload in ["--http-payload", "--json-payload"] {
        let run = toolgate(&["apply", "policies", payload, event]);
        assert!(run.err.contains("looks like an event of the gateway"), "{}", run.err);
        assert!(run.err.contains("`toolgate decide` answers events"), "{}", run.err);
    }
    let run =
        toolgate(&["apply", "policies", "--http-payload", "testdata/payloads/delete-pod-in-production.json"]);
    assert!(!run.err.contains("event"), "{}", run.err);
    let run = toolgate(&["apply", "policies"]);
    assert_eq!(run.code, 2);
    for option in ["--http-payload", "--envoy-payload", "--json-payload"] {
        assert!(run.err.contains(option), "{}", run.err);
    }
}

#[test]
fn json_payloads_are_for_policies_of_mode_json() {
    let scratch = Scratch::new("apply-json");
    let rule = "object.tool != \"delete\"";
    scratch.write("a.yaml", &policy("a-json", rule).replace("mode: HTTP", "mode: JSON"));
    scratch.write("h.yaml", &policy("h-http", "http.Denied(\"http\").Response()"));
    let directory = scratch.0.to_str().unwrap();
    let payloads = Scratch::new("apply-json-payloads");
    let delete = payloads.write("delete.json", "{\"tool\": \"delete\"}");
    let read = payloads.write("read.json", "{\"tool\": \"read\"}");
    let run = toolgate(&["apply", directory, "--json-payload", &delete, "-o", "json"]);
    let message = "CEL expression validation failed at index 0";
    assert_eq!(run.json()["policies"], json!([{"policy": "a-json", "result": "fail", "message": message}]));
    assert_eq!((&run.json()["decision"], &run.json()["reason"]), (&json!("deny"), &json!(message)));
    let run = toolgate(&["apply", directory, "--json-payload", &read, "-o", "json"]);
    assert_eq!(run.json()["policies"], json!([{"policy": "a-json", "result": "pass", "message": "success"}]));
    let list = payloads.write("list.json", "[]");
    let run = toolgate(&["apply", directory, "--json-payload", &list]);
    assert!(run.err.contains("must be a top-level object (map)"), "{}", run.err);
}

#[test]
fn envoy_payloads_are_for_policies_of_mode_envoy_and_exceptions_count() {
    let scratch = Scratch::new("apply-envoy");
    let envoy = |name: &str, rule: &str| policy(name, rule).replace("mode: HTTP", "mode: Envoy");
    let rule = "object.attributes.request.http.headers[?\"x-operation\"].orValue(\"\") == \"delete\" ? \
                envoy.Denied(401).WithBody(\"no\").Response() : envoy.Allowed().Response()";
    scratch.write("a.yaml", &envoy("a-denies", rule));
    scratch.write("b.yaml", &envoy("b-odd", "envoy.Denied(200).Response().WithMessage(\"told\")"));
    scratch.write("h.yaml", &policy("h-http", "http.Denied(\"http\").Response()"));
    scratch.write(
        "x.yaml",
        "apiVersion: policies.kyverno.io/v1\nkind: PolicyException\nmetadata: {name: health}\nspec:\n  \
         evaluationMode: Envoy\n  policyRefs: [{name: a-denies, kind: ValidatingPolicy}, {name: b-odd, kind: V}]\n  \
         matchConditions: [{name: path, expression: 'object.attributes.request.http.path == \"/health\"'}]\n",
    );
    let directory = scratch.0.to_str().unwrap();
    let payloads = Scratch::new("apply-envoy-payloads");
    let with = |path: &str| {
        let http =
            json!({"path": path, "headers": {"x-operation": "delete"}, "rawBody": "aGk=", "size": "2"});
        json!({"attributes": {"request": {"http": http}}}).to_string()
    };
    let delete = payloads.write("delete.json", &with("/"));
    let health = payloads.write("health.json", &with("/health"));
    let http = payloads.write("http.json", "{}");
    let all = format!("{delete},{health}");
    let run = toolgate(&["apply", directory, "--envoy-payload", &all, "--http-payload", &http, "-o", "json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let lines = run.lines();
    assert_eq!(
        rows(&lines),
        rows(&[
            json!({"payload": http, "policies": [{"policy": "h-http", "result": "fail",
                "message": "request denied, reason: http"}]}),
            json!({"payload": delete, "policies": [
                {"policy": "a-denies", "result": "fail", "message": "request denied with status code 401"},
                {"policy": "b-odd", "result": "fail", "message": "request denied with status code 200"}]}),
            json!({"payload": health, "policies": [
                {"policy": "a-denies", "result": "skip", "message": "exempt by the exception health"},
                {"policy": "b-odd", "result": "skip", "message": "exempt by the exception health"}]}),
        ])
    );
    let short = |line: &Json| json!([line["decision"], line["status"], line["policy"], line["reason"]]);
    assert_eq!(short(&lines[1]), json!(["deny", 401, "a-denies", "no"]));
    assert_eq!(short(&lines[2]), json!(["none", 200, null, null]));

    // A denial with the status 200 is one all the same.
    let odd = scratch.write("b.yaml", &envoy("b-odd", "envoy.Denied(200).Response().WithMessage(\"told\")"));
    let run = toolgate(&["apply", &odd, "--fail-on-deny", "--envoy-payload", &delete, "-o", "json"]);
    assert_eq!((run.code, short(&run.lines()[0])), (1, json!(["deny", 200, "b-odd", "told"])));

    let wrong = payloads.write("wrong.json", "{\"attributes\": {\"requests\": {}}}");
    let run = toolgate(&["apply", &odd, "--envoy-payload", &wrong]);
    assert!(run.err.contains("proto: (line 1:17): unknown field \"requests\""), "{}", run.err);
}

#[test]
fn kyverno_s_flags_are_understood() {
    let scratch = Scratch::new("apply-flags");
    let json = policy("a-json", "object.tool != \"delete\"").replace("mode: HTTP", "mode: JSON");
    let policies = scratch.write("policy.yaml", &json);
    let payload = scratch.write("payload.json", "{\"tool\": \"delete\"}");
    let exceptions = scratch.write(
        "exceptions.yaml",
        "apiVersion: policies.kyverno.io/v1\nkind: PolicyException\nmetadata: {name: ours}\nspec:\n  \
         policyRefs: [{name: a-json, kind: ValidatingPolicy}]\n  matchConditions: [{name: has, expression: 'has(object.tool)'}]\n",
    );
    let look = ["--table", "-t", "--detailed-results", "--remove-color"];
    for (more, result, decision) in [
        (&[][..], "fail", "deny"),
        (&["--audit-warn"], "warn", "deny"),
        (&["-e", &exceptions], "skip", "none"),
        (&["--exception", &exceptions], "skip", "none"),
        (&["--exceptions", &exceptions], "skip", "none"),
        (&look[..1], "fail", "deny"),
        (&look[1..], "fail", "deny"),
    ] {
        // Kyverno's flags take one value, so that policies may stand behind them.
        let arguments = [&["apply", "--json", &payload][..], more, &[&policies, "-o", "json"]].concat();
        let run = toolgate(&arguments);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{more:?}");
        let line = run.json();
        assert_eq!((&line["policies"][0]["result"], &line["decision"]), (&json!(result), &json!(decision)));
    }
    let text = toolgate(&["apply", "--json", &payload, &policies, "--audit-warn"]);
    assert!(
        text.out.contains("│ Warn   │") && text.out.ends_with("fail: 0, warn: 1, error: 0, skip: 0\n"),
        "{}",
        text.out
    );
    let run = toolgate(&["apply", "--json", &payload, &policies, "-e", &policies]);
    assert_eq!(run.code, 3, "{}", run.out);
    assert!(run.err.contains("`a-json` is a policy, and this file is for exceptions"), "{}", run.err);
    let coloured = |more: &[&str]| {
        let arguments = [&["apply", "--json", &payload, &policies][..], more].concat();
        finish(binary(root()).args(arguments).env("CLICOLOR_FORCE", "1"), b"").out.contains('\u{1b}')
    };
    assert_eq!((coloured(&[]), coloured(&["--remove-color"])), (true, false));
}

#[test]
fn exit_codes_for_warnings() {
    let scratch = Scratch::new("apply-warnings");
    let policy = |name: &str, expression: &str, condition: &str| {
        format!(
            "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata: {{name: {name}}}\nspec:\n  evaluation: {{mode: JSON}}\n  \
             matchConditions: [{{name: c, expression: '{condition}'}}]\n  validations: [{{expression: '{expression}'}}]\n"
        )
    };
    scratch.write("fails.yaml", &policy("fails", "object.a == 2", "object.a == 1"));
    scratch.write("passes.yaml", &policy("passes", "object.a == 1", "object.a == 1"));
    scratch.write("skips.yaml", &policy("skips", "object.a == 1", "object.a == 2"));
    scratch.write("errs.yaml", &policy("errs", "object.b == 1", "object.a == 1"));
    scratch.write("payload.json", "{\"a\": 1}");
    // Recorded: `kyverno apply` exits with 1 where a row fails or errs, also beside `--audit-warn`, else with these.
    for (files, flags, code) in [
        ("skips.yaml", "--warn-no-pass --warn-exit-code 4", 4),
        ("skips.yaml", "--warn-no-pass --warn-exit-code 4 --policy-report", 4),
        ("skips.yaml", "--warn-no-pass", 0),
        ("skips.yaml", "--warn-exit-code 4", 0),
        ("passes.yaml", "--warn-no-pass --warn-exit-code 4", 0),
        ("skips.yaml passes.yaml", "--warn-no-pass --warn-exit-code 4", 0),
        ("skips.yaml errs.yaml", "--warn-no-pass --warn-exit-code 4", 0),
        ("fails.yaml", "--audit-warn --warn-exit-code 4", 4),
        ("fails.yaml", "--warn-exit-code 4", 0),
        ("fails.yaml errs.yaml", "--audit-warn --warn-exit-code 4", 0),
        ("fails.yaml", "--audit-warn --warn-exit-code 4 --fail-on-deny", 1),
        ("none.yaml", "--warn-no-pass --warn-exit-code 4", 3),
    ] {
        let arguments = files.split(' ').chain(["--json", "payload.json"]).chain(flags.split(' '));
        let arguments: Vec<&str> = ["apply"].into_iter().chain(arguments).collect();
        let run = run_in(&scratch.0, &arguments);
        assert_eq!(run.code, code, "{files} {flags}: {}{}", run.out, run.err);
    }
}

#[test]
fn a_policy_report_is_yaml_that_reads_back_to_its_json() {
    let folder = root().join("testdata/kyverno/apply/report-json");
    let run = |format: &str| {
        let arguments =
            ["apply", "policies.yaml", "--json", "payload-1.json", "-p", "--output-format", format];
        run_in(&folder, &arguments)
    };
    let (yaml, json) = (run("yaml"), run("json"));
    let source = Source::new("report.yaml", yaml.out).unwrap();
    let mut wrong = Vec::new();
    let read: Vec<Json> = documents(&source, &mut wrong)
        .iter()
        .map(|document| value(document.root.as_ref().unwrap()))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(reports(&read), reports(&json.lines()));
    assert_eq!(read.len(), 2);
}
