//! `toolgate check`

use std::fs;

use serde_json::Value as Json;

use crate::{SILENT, Scratch, keys, policy, root, toolgate};

#[test]
fn the_shipped_policies_load() {
    let run = toolgate(&["check", "policies"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_eq!(run.out, "the policies load: 6 policies, 0 errors, 0 warnings\n");
    let run = toolgate(&["check", "policies", "--output", "json"]);
    assert_eq!((run.code, run.out.as_str()), (0, "[]\n"));
}

/// `testdata/check/*.yaml`, and folders of policies with settings, beside what the terminal shows. `TOOLGATE_UPDATE=1`
/// records it.
#[test]
fn every_file_of_testdata_gives_its_recorded_output() {
    let folder = root().join("testdata/check");
    let mut checked = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() && path.extension().is_none_or(|ending| ending != "yaml") {
            continue;
        }
        let name = format!("testdata/check/{}", path.file_name().unwrap().to_str().unwrap());
        let run = toolgate(&["check", &name]);
        // Warnings alone change no exit code.
        let code = if run.out.contains(": error[") { 3 } else { 0 };
        assert_eq!((run.code, run.err.as_str()), (code, ""), "{name}");
        let recorded = path.with_extension("txt");
        if std::env::var_os("TOOLGATE_UPDATE").is_some() {
            fs::write(&recorded, &run.out).unwrap();
        }
        let due = fs::read_to_string(&recorded).expect("record it with TOOLGATE_UPDATE=1");
        assert_eq!(run.out, due, "{name}");
        checked += 1;
    }
    assert!(checked > 0);
}

#[test]
fn twenty_mistakes_are_reported_together_each_in_its_line() {
    let name = "testdata/check/twenty-mistakes.yaml";
    let run = toolgate(&["check", name, "--output", "json"]);
    assert_eq!(run.code, 3);
    let json = run.json();
    let found: Vec<u64> =
        json.as_array().unwrap().iter().map(|diagnostic| diagnostic["line"].as_u64().unwrap()).collect();
    let text = fs::read_to_string(root().join(name)).unwrap();
    // Each mistake stands after its comment and before the next one.
    let comments: Vec<u64> = (1..)
        .zip(text.lines())
        .filter(|(_, line)| {
            line.trim_start()
                .strip_prefix("# ")
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        })
        .map(|(number, _)| number)
        .collect();
    assert_eq!(comments.len(), 20);
    for (index, from) in comments.iter().enumerate() {
        let to = comments.get(index + 1).copied().unwrap_or(u64::MAX);
        let here = found.iter().filter(|line| (from + 1..=to).contains(line)).count();
        assert_eq!(here, 1, "mistake {} in lines {from} to {to}: {found:?}", index + 1);
    }
}

/// Files and documents that are left out are named, as text and as JSON; they change no exit code.
#[test]
fn what_is_left_out_is_named() {
    let scratch = Scratch::new("left-out");
    let test = "---\napiVersion: cli.kyverno.io/v1alpha1\nkind: Test\n";
    scratch.write("a.YAML", &(policy("a", SILENT) + test));
    scratch.write("notes.txt", "");
    scratch.write("empty.yml", "# nothing\n");
    fs::create_dir(scratch.0.join("..data")).unwrap();
    scratch.write("..data/b.yaml", &policy("b", SILENT));
    let folder = &scratch.0;
    let folder = folder.to_str().unwrap();
    let run = toolgate(&["check", folder]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    for name in [
        "..data: note[TG1401]: ",
        "notes.txt: note[TG1402]: ",
        "a.YAML: note[TG1403]: ",
        "empty.yml: note[TG1404]: ",
    ] {
        assert!(run.out.contains(name), "{name}: {}", run.out);
    }
    let end = "the policies load: 1 policy, 0 errors, 0 warnings\n4 notes name what was left out\n";
    assert!(run.out.ends_with(end), "{}", run.out);
    let run = toolgate(&["check", folder, "--output", "json"]);
    let codes: Vec<Json> = run.json().as_array().unwrap().iter().map(|note| note["code"].clone()).collect();
    assert_eq!(
        (run.code, codes),
        (0, vec!["TG1401".into(), "TG1403".into(), "TG1404".into(), "TG1402".into()])
    );
}

#[test]
fn a_path_without_a_policy_is_an_error_and_so_is_a_policy_of_a_foreign_version() {
    let scratch = Scratch::new("without");
    scratch.write("a.yaml", &policy("a", SILENT));
    scratch.write("empty.yaml", "# kind: ValidatingPolicy\n");
    scratch
        .write("foreign.yaml", &policy("b", SILENT).replace("policies.kyverno.io/v1", "cli.kyverno.io/v1"));
    let path = |name: &str| scratch.0.join(name).to_str().unwrap().to_owned();
    let run = toolgate(&["check", &path("a.yaml"), &path("empty.yaml")]);
    assert_eq!(run.code, 3);
    assert!(run.out.contains("empty.yaml: error[TG1302]: there is no policy in it"), "{}", run.out);
    let run = toolgate(&["check", &path("a.yaml"), &path("foreign.yaml")]);
    assert_eq!(run.code, 3);
    assert!(run.out.contains("error[TG1211]: `cli.kyverno.io/v1` is not a version"), "{}", run.out);
}

#[test]
fn the_json_form_has_the_documented_members() {
    let run = toolgate(&["check", "testdata/check/twenty-mistakes.yaml", "-o", "json"]);
    for diagnostic in run.json().as_array().unwrap() {
        let mut members = keys(diagnostic);
        members.sort_unstable();
        assert_eq!(members, ["code", "column", "file", "help", "line", "message", "policy", "severity"]);
        assert_eq!(diagnostic["severity"], "error");
        assert_eq!(diagnostic["file"], "testdata/check/twenty-mistakes.yaml");
    }
}

#[test]
fn the_configuration_beside_the_policies_is_checked_too() {
    let scratch = Scratch::new("check-config");
    scratch.write("a.yaml", &policy("a", SILENT));
    let folder = scratch.0.to_str().unwrap();
    let head = "apiVersion: toolgate.dev/v1\nkind: Configuration\n";
    scratch.write(
        "toolgate.yaml",
        &format!("{head}identity: {{trustJwt: true, claims: {{roles: realm_access.roles}}}}\n"),
    );
    let run = toolgate(&["check", folder]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(
        run.out.contains("toolgate.yaml:3:44: warning[TG3011]: `realm_access.roles` is the claim"),
        "{}",
        run.out
    );
    assert!(run.out.contains("write the JSON Pointer `/realm_access/roles`"), "{}", run.out);
    assert!(run.out.contains("the policies load: 1 policy, 0 errors, 1 warning\n"), "{}", run.out);
    // Every command that reads the settings says so.
    let run = toolgate(&["config", "--policies", folder]);
    assert_eq!(run.code, 0);
    assert!(
        run.err.contains("warning[TG3011]") && run.out.contains("roles: 'realm_access.roles'"),
        "{}",
        run.err
    );
    let run = toolgate(&["decide", "--policies", folder, "testdata/events/tools-list.json"]);
    assert!(run.code == 0 && run.err.contains("warning[TG3011]"), "{}", run.err);
    scratch.write("toolgate.yaml", &format!("{head}hots: a\n"));
    let run = toolgate(&["check", folder]);
    assert_eq!((run.code, run.err.as_str()), (3, ""));
    assert!(run.out.contains("the policies do not load: 1 policy, 1 error, 0 warnings\n"), "{}", run.out);
    let run = toolgate(&["check", folder, "-o", "json"]);
    let codes: Vec<Json> = run.json().as_array().unwrap().iter().map(|found| found["code"].clone()).collect();
    assert_eq!((run.code, codes), (3, vec!["TG3004".into()]));
    let other = scratch.write("other.conf", head);
    assert_eq!(toolgate(&["check", folder, "--config", &other]).code, 0);
}

#[test]
fn warnings_fail_only_who_asks_for_it() {
    let scratch = Scratch::new("check-warn");
    let rule = |environment: &str| {
        format!(
            "object.attributes.Header(\"X-Environment\").exists(e, e == \"{environment}\") ? http.Denied(\"no\").Response() : null"
        )
    };
    let file = scratch.write("a.yaml", &policy("a", &rule("Production")));
    assert_eq!(toolgate(&["check", &file]).code, 0);
    let run = toolgate(&["check", "--fail-on-warn", &file]);
    assert_eq!((run.code, run.err.as_str()), (1, ""));
    assert!(run.out.contains("warning[TG2303]: no environment is ever `Production`"), "{}", run.out);
    let run = toolgate(&["check", "--fail-on-warn", &file, "--output", "json"]);
    assert_eq!((run.code, run.json()[0]["code"].as_str()), (1, Some("TG2303")));
    // An error is graver, and a note is no warning.
    let broken = scratch.write("b.yaml", &policy("b", "nothing"));
    assert_eq!(toolgate(&["check", "--fail-on-warn", &file, &broken]).code, 3);
    fs::remove_file(broken).unwrap();
    scratch.write("a.yaml", &policy("a", &rule("production")));
    scratch.write("notes.txt", "");
    let run = toolgate(&["check", "--fail-on-warn", scratch.0.to_str().unwrap()]);
    assert_eq!(run.code, 0);
    assert!(run.out.contains("notes.txt: note[TG1402]"), "{}", run.out);
}

/// Nothing that the mapping does give is warned of: of each tool and environment here, what policies see of it.
#[test]
fn no_value_that_a_header_has_is_called_impossible() {
    use toolgate::internal::gateway::{attributes::operation, environment::Environment};
    let arena = bumpalo::Bump::new();
    let mut cases = Vec::new();
    for tool in ["deletePod", "DELETE_POD", "x2.y", "__a", "Ab", "-9", "crm/v1.2-Get", "a___b"] {
        cases.push(("X-Operation", operation(tool, &arena).unwrap_or_default().to_owned()));
        cases.push(("X-Tool-Name", tool.to_owned()));
    }
    for name in [
        " Production ",
        "PRÉ PROD",
        "İstanbul",
        "ΣΑΣ",
        "ﬁN",
        "ǅ",
        "a,b",
        "\u{3000}x",
        "ß",
        "K",
        "true",
        "1.0",
    ] {
        cases.push(("X-Environment", Environment::new(name).unwrap().as_str().to_owned()));
    }
    assert!(cases.len() > 25);
    for (header, value) in cases {
        let rule = format!(
            "object.attributes.Header(\"{header}\").exists(x, x == \"{value}\") ? http.Allowed().Response() : null"
        );
        let (_, warnings) = toolgate::PolicySet::from_text("a.yaml", &policy("a", &rule)).unwrap();
        // The name of a tool whose own name has `___` is doubted, and not called impossible.
        let is_doubted = value.contains("___") && warnings.to_string().contains("hardly ever");
        assert!(warnings.is_empty() || is_doubted, "{header}: {value:?}: {warnings}");
    }
}

#[test]
fn nothing_to_load_is_refused() {
    let scratch = Scratch::new("check-empty");
    let directory = scratch.0.to_str().unwrap();
    let run = toolgate(&["check", directory]);
    assert_eq!(run.code, 3);
    assert!(run.out.contains("error[TG1302]: there is no policy"), "{}", run.out);
    let missing = format!("{directory}/missing.yaml");
    let run = toolgate(&["check", &missing]);
    assert_eq!(run.code, 3);
    assert!(run.out.contains("error[TG1001]: there is no such file or directory"), "{}", run.out);
    let run = toolgate(&["check", "README.md"]);
    assert_eq!(run.code, 3);
    assert!(run.out.contains("error[TG1004]"), "{}", run.out);
}

#[test]
fn a_syntax_error_in_one_file_does_not_hide_one_in_another() {
    let scratch = Scratch::new("check-files");
    scratch.write("a.yaml", &policy("a", "http.Allowed(.Response()"));
    scratch.write("b.yaml", &policy("b", "object.attributes.nothing"));
    scratch.write("c.yaml", "kind: [");
    let run = toolgate(&["check", scratch.0.to_str().unwrap(), "--output", "json"]);
    assert_eq!(run.code, 3);
    let json = run.json();
    for (file, code) in [("a.yaml", "TG2001"), ("b.yaml", "TG2102"), ("c.yaml", "TG1101")] {
        let hit = json.as_array().unwrap().iter().any(|diagnostic| {
            diagnostic["file"].as_str().unwrap().ends_with(file) && diagnostic["code"] == code
        });
        assert!(hit, "{file}: {json}");
    }
}

#[test]
fn expressions_without_measure_are_errors_and_no_crash() {
    let scratch = Scratch::new("check-limits");
    let chain = scratch.write("chain.yaml", &policy("chain", &format!("1 {}== 1", "+ 1 ".repeat(10_000))));
    let long = scratch.write("long.yaml", &policy("long", &format!("\"{}\" == \"\"", "x".repeat(1 << 20))));
    let deep =
        scratch.write("deep.yaml", &policy("deep", &format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000))));
    for file in [chain, long, deep] {
        let run = toolgate(&["check", &file]);
        assert_eq!(run.code, 3, "{}", run.err);
        assert!(run.out.contains("error[TG"), "{}", run.out);
        assert!(run.out.len() < 10_000, "{} bytes", run.out.len());
    }
}

/// A policy that asks outside of the call loads only where the configuration grants it, for every command alike.
#[test]
fn what_is_asked_outside_of_the_call_must_be_granted() {
    let scratch = Scratch::new("check-granted");
    let fetch = "jwks.Fetch('https://login.example.com/keys') == null ? null : null";
    let text = policy("a", fetch).replace("== null ?", "== jwks.Fetch(object.attributes.host) ?");
    let file = scratch.write("a.yaml", &text);
    let event = scratch.write("event.json", "{}");
    let commands = [
        vec!["check", &file],
        vec!["decide", "--policies", &file, &event],
        vec!["apply", &file, "--http-payload", &event],
    ];
    let granting = |url: &str| {
        format!(
            "apiVersion: toolgate.dev/v1\nkind: Configuration\ncapabilities: {{keySets: {{urls: ['{url}']}}}}\n"
        )
    };
    let other = scratch.write("other.yaml.txt", &granting("https://other.example.com/"));
    let all = scratch.write("all.yaml.txt", &granting("https://login.example.com/"));
    for command in &commands {
        let run = toolgate(command);
        assert_eq!(run.code, 3, "{command:?}");
        let told = run.out + &run.err;
        let due = "error[TG2401]: `jwks.Fetch` asks outside of the call, and `capabilities.keySets.urls` does not grant it";
        assert_eq!(told.matches(due).count(), 2, "{told}");
        let run = toolgate(&[&command[..], &["--config", &other]].concat());
        assert_eq!(run.code, 3, "{command:?}");
        let told = run.out + &run.err;
        let due = "error[TG2401]: `jwks.Fetch` asks a URL that `capabilities.keySets.urls` does not grant";
        assert_eq!(told.matches(due).count(), 1, "{told}");
        let run = toolgate(&[&command[..], &["--config", &all]].concat());
        assert_eq!(run.code, 0, "{command:?} {}{}", run.out, run.err);
    }
}

#[test]
fn every_command_that_loads_policies_names_what_was_left_out() {
    let scratch = Scratch::new("left-out-everywhere");
    fs::create_dir(scratch.0.join("p")).unwrap();
    scratch
        .write("p/a.yaml", &(policy("a", SILENT) + "---\napiVersion: cli.kyverno.io/v1alpha1\nkind: Test\n"));
    scratch.write("p/.b.yaml", &policy("b", SILENT));
    scratch.write("p/notes.txt", "");
    scratch.write(
        "p/case.yaml",
        "apiVersion: toolgate.dev/v1\nkind: Fixture\nmetadata: {name: f}\npolicies: [.]\ncases:\n- name: c\n  call: {tool: t}\n  expect: {effect: allow}\n",
    );
    let folder = scratch.0.join("p");
    let folder = folder.to_str().unwrap();
    let payload = scratch.write("p.json", r#"{"attributes":{"method":"GET"}}"#);
    let event = "testdata/events/delete-pod-in-production.json";
    for (arguments, itself) in [
        (&["decide", "--policies", folder, event][..], 1),
        (&["apply", folder, "--http-payload", &payload], 1),
        // The fixture that is run is no surprise.
        (&["test", folder], 0),
        (&["test", folder, "--output", "json"], 0),
    ] {
        let run = toolgate(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}{}", run.out, run.err);
        for (says, times) in [
            ("/.b.yaml: note[TG1401]: ", 1),
            ("/notes.txt: note[TG1402]: ", 1),
            ("/a.yaml: note[TG1403]: the `Test` of `cli.kyverno.io/v1alpha1` in line ", 1),
            ("/case.yaml: note[TG1403]: the `Fixture` of ", itself),
        ] {
            assert_eq!(run.err.matches(says).count(), times, "{says} {arguments:?}: {}", run.err);
        }
        assert!(!run.out.contains("left out"), "{arguments:?}: {}", run.out);
    }
}
