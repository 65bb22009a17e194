//! `toolgate check`

use std::fs;

use crate::{Scratch, keys, policy, root, toolgate};

#[test]
fn the_shipped_policies_load() {
    let run = toolgate(&["check", "policies"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_eq!(run.out, "the policies load: 6 policies, 0 errors, 0 warnings\n");
    let run = toolgate(&["check", "policies", "--output", "json"]);
    assert_eq!((run.code, run.out.as_str()), (0, "[]\n"));
}

/// `testdata/check/*.yaml` beside what the terminal shows. `TOOLGATE_UPDATE=1` records it.
#[test]
fn every_file_of_testdata_gives_its_recorded_output() {
    let folder = root().join("testdata/check");
    let mut checked = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "yaml") {
            continue;
        }
        let name = format!("testdata/check/{}", path.file_name().unwrap().to_str().unwrap());
        let run = toolgate(&["check", &name]);
        assert_eq!((run.code, run.err.as_str()), (3, ""), "{name}");
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
