use std::fs;

use super::*;
use crate::diag::MAX_FAULTS;
use crate::diag::report::{Palette, render};

const GOOD: &str = "apiVersion: policies.kyverno.io/v1
kind: ValidatingPolicy
metadata:
  name: NAME
spec:
  evaluation:
    mode: HTTP
  validations:
  - expression: 'null'
";

fn good(name: &str) -> String {
    GOOD.replace("NAME", name)
}

/// What a case of `testdata/load` is compared by: the report, then the policies that are left.
fn outcome(loaded: &Loaded) -> String {
    let mut text = render(&loaded.diagnostics, &Palette::PLAIN);
    for policy in &loaded.policies {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!(
            "policy {} ({}, {:?})\n",
            policy.name.value, policy.api_version, policy.failure_policy
        ));
        let conditions = policy.match_conditions.iter().map(|item| &item.expression);
        let variables = policy.variables.iter().map(|item| &item.expression);
        for expression in conditions.chain(variables).chain(&policy.validations) {
            let place = policy.source.position(expression.span.start);
            let path = &expression.path;
            text.push_str(&format!("  {path} at {}:{}: {:?}\n", place.line, place.column, expression.text));
        }
    }
    text
}

#[test]
fn every_file_of_testdata_gives_its_recorded_report() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/load");
    let update = std::env::var_os("TOOLGATE_UPDATE").is_some();
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut wrong = Vec::new();
    for name in names.iter().filter(|name| !name.ends_with(".txt")) {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let loaded = load_text(name, &text);
        for diagnostic in &loaded.diagnostics {
            assert_style(name, &diagnostic.message);
            diagnostic.help.iter().for_each(|help| assert_style(name, help));
        }
        let actual = outcome(&loaded);
        let expected = folder.join(format!("{}.txt", name.split_once('.').unwrap().0));
        if update {
            fs::write(&expected, &actual).unwrap();
        }
        match fs::read_to_string(&expected) {
            Ok(expected) if expected == actual => {}
            Ok(expected) => wrong.push(format!("{name}: expected\n{expected}\nbut got\n{actual}")),
            Err(_) => wrong.push(format!("{name} has no recorded report; record it with TOOLGATE_UPDATE=1")),
        }
    }
    for name in names.iter().filter(|name| name.ends_with(".txt")) {
        let stem = name.trim_end_matches(".txt");
        let has_input = names.iter().any(|other| other != name && other.split('.').next() == Some(stem));
        assert!(has_input, "{name} has no input");
    }
    assert!(names.len() > 120, "cases are missing: {}", names.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// House style: lower case first, no period at the end, no line break.
fn assert_style(case: &str, message: &str) {
    assert!(!message.contains('\n') && !message.ends_with('.'), "{case}: {message}");
    let first = message.chars().next().unwrap();
    let name = ["Kyverno", "Toolgate"].iter().any(|name| message.starts_with(name));
    assert!(!first.is_uppercase() || name, "{case}: {message}");
}

/// A directory of its own for one test, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("toolgate-load-{name}-{}", std::process::id()));
        fs::remove_dir_all(&path).ok();
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn load(&self, names: &[&str]) -> Loaded {
        load(&names.iter().map(|name| self.0.join(name)).collect::<Vec<_>>(), None)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn names(loaded: &Loaded) -> Vec<&str> {
    loaded.policies.iter().map(|policy| policy.name.value.as_str()).collect()
}

fn codes(loaded: &Loaded) -> Vec<Code> {
    loaded.diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

fn errors(loaded: &Loaded) -> Vec<Code> {
    let errors = loaded.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    errors.map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn directories_are_read_with_all_below_them_and_policies_are_sorted_by_name() {
    let scratch = Scratch::new("walk");
    scratch.write("b.yaml", good("m") + "---\n" + &good("a"));
    scratch.write("sub/deep/x.yml", good("k"));
    scratch.write("sub/y.json", r#"{"apiVersion":"policies.kyverno.io/v1","kind":"ValidatingPolicy","metadata":{"name":"z"},"spec":{"evaluation":{"mode":"HTTP"},"validations":[{"expression":"null"}]}}"#);
    scratch.write(".hidden/x.yaml", "not: [a policy");
    scratch.write("sub/.x.yaml", "not: [a policy");
    scratch.write("README.md", "not: [a policy");
    scratch.write("socket", "not: [a policy");
    let loaded = scratch.load(&[""]);
    assert_eq!(errors(&loaded), []);
    assert_eq!(names(&loaded), ["a", "k", "m", "z"]);
    assert_eq!(loaded.sources.len(), 3);
    let twice = scratch.load(&["", "b.yaml", "sub/deep", "sub"]);
    assert_eq!((errors(&twice), names(&twice)), (vec![], vec!["a", "k", "m", "z"]));
    // Nothing is left out in silence.
    let left_out: Vec<(Code, &str)> = loaded
        .diagnostics
        .iter()
        .map(|note| (note.code, note.file_name().unwrap().rsplit_once('/').unwrap().1))
        .collect();
    assert_eq!(
        left_out,
        [
            (Code::HiddenPath, ".hidden"),
            (Code::OtherFile, "README.md"),
            (Code::OtherFile, "socket"),
            (Code::HiddenPath, ".x.yaml"),
        ]
    );
}

#[test]
fn endings_count_in_any_case() {
    let scratch = Scratch::new("endings");
    for (index, ending) in ["YAML", "Yaml", "yMl", "YML"].iter().enumerate() {
        scratch.write(&format!("p{index}.{ending}"), good(&format!("p{index}")));
    }
    let json = r#"{"apiVersion":"policies.kyverno.io/v1","kind":"ValidatingPolicy","metadata":{"name":"j"},"spec":{"evaluation":{"mode":"HTTP"},"validations":[{"expression":"null"}]}}"#;
    scratch.write("j.Json", json);
    let loaded = scratch.load(&[""]);
    assert_eq!((codes(&loaded), names(&loaded)), (vec![], vec!["j", "p0", "p1", "p2", "p3"]));
    let alone = scratch.load(&["p0.YAML"]);
    assert_eq!((codes(&alone), names(&alone)), (vec![], vec!["p0"]));
}

#[test]
fn a_policy_under_a_foreign_api_version_is_an_error_and_no_foreign_document() {
    for api_version in [
        "cli.kyverno.io/v1alpha1",
        "cli.kyverno.io/v1",
        "toolgate.dev/v1",
        "kyverno.io/v1",
        "policies.kyverno.io/v2",
        "Policies.kyverno.io/v1",
        "policies.kyverno.io",
        "policies.example.com/v1",
        "admissionregistration.k8s.io/v1",
        "v1",
    ] {
        for kind in [
            "ValidatingPolicy",
            "ClusterPolicy",
            "Policy",
            "PolicyException",
            "NamespacedValidatingPolicy",
            "MutatingPolicy",
            "ImageValidatingPolicy",
            "validatingpolicy",
            "ValidatingPolices",
            "ValidatinPolcy",
        ] {
            let foreign =
                good("b").replace("policies.kyverno.io/v1", api_version).replace("ValidatingPolicy", kind);
            let loaded = load_text("p.yaml", &(good("a") + "---\n" + &foreign));
            assert!(loaded.has_errors(), "{api_version} {kind}: {:?}", codes(&loaded));
        }
    }
    let beside = "---\napiVersion: cli.kyverno.io/v1alpha1\nkind: Test\n";
    let loaded = load_text("p.yaml", &(good("a") + beside));
    assert_eq!((codes(&loaded), names(&loaded)), (vec![Code::OtherDocument], vec!["a"]));
    assert!(loaded.diagnostics[0].message.contains("`Test` of `cli.kyverno.io/v1alpha1` in line 11"));
}

#[test]
fn each_path_that_the_user_names_gives_a_policy_or_is_an_error() {
    let scratch = Scratch::new("paths");
    scratch.write("good.yaml", good("a"));
    scratch.write("test.yaml", "apiVersion: cli.kyverno.io/v1alpha1\nkind: Test\n");
    scratch.write("comments.yaml", "# kind: ValidatingPolicy\n");
    scratch.write("empty/README.md", "");
    scratch.write("hidden/.a.yaml", good("b"));
    for other in ["test.yaml", "comments.yaml", "empty", "hidden"] {
        for paths in [["good.yaml", other], [other, "good.yaml"], ["", other]] {
            let loaded = scratch.load(&paths);
            assert_eq!(errors(&loaded), [Code::NoPolicies], "{paths:?}");
            let error = loaded.diagnostics.iter().find(|one| one.code == Code::NoPolicies).unwrap();
            assert!(error.file_name().unwrap().ends_with(other), "{paths:?}");
        }
    }
    // A path whose policies were reached by another one is no mistake.
    scratch.write("sub/b.yaml", good("b"));
    for paths in [["", "sub"], ["sub", ""], ["sub/b.yaml", "sub"], ["good.yaml", "good.yaml"]] {
        assert_eq!(errors(&scratch.load(&paths)), [], "{paths:?}");
    }
}

/// What closes something in a file that nobody reads would be lost.
#[test]
fn settings_that_nobody_reads_are_an_error_wherever_they_are() {
    let settings = "apiVersion: toolgate.dev/v1\nkind: Configuration\ndefaultDecision: deny\n";
    for name in [
        "Toolgate.yaml",
        "toolgate.YAML",
        "toolgate.YML",
        "Toolgate.json",
        "config.yaml",
        "toolgate.yaml.yaml",
        "sub/toolgate.yaml",
    ] {
        let scratch = Scratch::new("not-in-force");
        scratch.write("a.yaml", good("a"));
        let file = scratch.write(name, settings);
        let loaded = scratch.load(&[""]);
        assert_eq!(codes(&loaded), [Code::NotInForce], "{name}");
        let error = &loaded.diagnostics[0];
        assert!(error.file_name().unwrap().ends_with(name), "{name}");
        assert_eq!(error.position().map(|place| (place.line, place.column)), Some((1, 1)));
        let help = error.help.as_deref().unwrap();
        for way in ["`toolgate.yaml`", "`--config`", "`TOOLGATE_CONFIG`"] {
            assert!(help.contains(way), "{help}");
        }
        // Whoever names the file reads it, whatever it is called.
        let loaded = load(std::slice::from_ref(&scratch.0), Some(&file));
        assert_eq!(codes(&loaded), [Code::OtherDocument], "{name}");
        assert!(load(std::slice::from_ref(&scratch.0), Some(&scratch.0.join("a.yaml"))).has_errors());
    }
    let scratch = Scratch::new("in-force");
    scratch.write("a.yaml", good("a"));
    scratch.write("sub/b.yaml", good("b"));
    scratch.write("sub/toolgate.yaml", settings);
    for paths in [&["", "sub"][..], &["sub"], &["sub", ""], &["sub/b.yaml", ""]] {
        assert_eq!(codes(&scratch.load(paths)), [Code::OtherDocument], "{paths:?}");
    }
    // Beside policies in one file, or in a text, they are never read.
    assert_eq!(errors(&load_text("p.yaml", &(good("a") + "---\n" + settings))), [Code::NotInForce]);
    for (kind, help) in
        [("configuration", "`Configuration`?"), ("Config", "`Configuration`?"), ("Suite", "`Fixture`")]
    {
        let other = settings.replace("Configuration", kind);
        let loaded = load_text("p.yaml", &(good("a") + "---\n" + &other));
        assert_eq!(errors(&loaded), [Code::UnknownKind], "{kind}");
        let error = loaded.diagnostics.iter().find(|one| one.code == Code::UnknownKind).unwrap();
        assert!(error.help.as_deref().unwrap().contains(help), "{error}");
    }
}

#[test]
fn notes_do_not_hide_errors_nor_become_some() {
    let beside = "---\napiVersion: cli.kyverno.io/v1alpha1\nkind: Test\n".repeat(MAX_FAULTS + 50);
    let loaded = load_text("p.yaml", &(good("a") + &beside));
    assert_eq!((errors(&loaded), loaded.diagnostics.len()), (vec![], MAX_FAULTS + 1));
    let loaded = load_text("p.yaml", &(beside + "---\n" + &good("a").replace("Valid", "Invalid")));
    assert_eq!(errors(&loaded), [Code::UnknownKind]);
}

#[test]
fn a_name_that_is_used_twice_is_an_error_also_when_one_of_the_policies_is_broken() {
    let scratch = Scratch::new("twice");
    scratch.write("a.yaml", good("x"));
    scratch.write("b.yaml", good("x").replace("validations", "validation"));
    let loaded = scratch.load(&[""]);
    assert_eq!(codes(&loaded), [Code::DuplicatePolicy, Code::UnknownField]);
    assert!(loaded.diagnostics[0].labels[0].source.name().ends_with("a.yaml"));
    assert!(loaded.has_errors());
}

#[test]
fn faults_of_files_are_errors() {
    let scratch = Scratch::new("faults");
    scratch.write("latin.yaml", b"# caf\xe9\n");
    scratch.write("policy.txt", good("a"));
    scratch.write("empty/README.md", "");
    scratch.write("comments.yaml", "# nothing\n---\n");
    assert_eq!(codes(&scratch.load(&["none.yaml"])), [Code::NoSuchPath]);
    assert_eq!(codes(&scratch.load(&["policy.txt"])), [Code::NotAPolicyFile]);
    assert_eq!(codes(&scratch.load(&["empty"])), [Code::NoPolicies, Code::OtherFile]);
    assert_eq!(codes(&scratch.load(&["comments.yaml"])), [Code::NoPolicies, Code::EmptyFile]);
    assert_eq!(codes(&load(&[], None)), [Code::NoPolicies]);
    let latin = scratch.load(&["latin.yaml", "none.yaml"]);
    assert_eq!(codes(&latin), [Code::NotUtf8, Code::NoSuchPath]);
    let place = latin.diagnostics[0].position().unwrap();
    assert_eq!((place.line, place.column), (1, 6));
    scratch.write("large.yaml", vec![b'#'; MAX_FILE_BYTES + 1]);
    assert_eq!(codes(&scratch.load(&["large.yaml"])), [Code::FileTooLarge]);
}

#[test]
fn a_file_full_of_faults_is_cut_short_and_says_so() {
    let faults: String = (0..5000).map(|index| format!("\"x{index}\":1,")).collect();
    let loaded = load_text(
        "a.json",
        &format!("{{{faults}\"apiVersion\":\"policies.kyverno.io/v1\",\"kind\":\"ValidatingPolicy\"}}"),
    );
    assert_eq!(loaded.diagnostics.len(), MAX_FAULTS + 1);
    assert_eq!(loaded.diagnostics[0].code, Code::TooManyFaults);
    assert_eq!(loaded.diagnostics[0].message, "there are 4802 more errors of this file");
}

#[cfg(unix)]
#[test]
fn links_are_followed_once_and_loops_end() {
    let scratch = Scratch::new("links");
    scratch.write("a/p.yaml", good("p"));
    std::os::unix::fs::symlink(&scratch.0, scratch.0.join("a/up")).unwrap();
    std::os::unix::fs::symlink("../a/p.yaml", scratch.0.join("a/same.yaml")).unwrap();
    let loaded = scratch.load(&[""]);
    assert_eq!((codes(&loaded), names(&loaded)), (vec![], vec!["p"]));
    std::os::unix::fs::symlink("nowhere.yaml", scratch.0.join("lost.yaml")).unwrap();
    assert_eq!(codes(&scratch.load(&[""])), [Code::UnreadablePath]);
}

#[test]
fn an_expression_leads_to_its_place_in_every_style_of_scalar() {
    for (scalar, expected) in [
        ("a.wrong == 'x'", "wrong"),
        ("\"a.wrong == \\\"x\\\"\"", "wrong"),
        ("'a.wrong == ''x'''", "wrong"),
        ("|\n      a == b &&\n      a.wrong", "wrong"),
        (">-\n      a == b &&\n\n      a.wrong\n      && b", "wrong"),
    ] {
        let loaded = load_text("p.yaml", &good("a").replace("'null'", scalar));
        assert_eq!(codes(&loaded), [], "{scalar}");
        let policy = &loaded.policies[0];
        let expression = &policy.validations[0];
        let at = expression.text.find("wrong").unwrap();
        assert_eq!(policy.source.slice(expression.locate(at, at + 5)), expected, "{scalar}");
    }
}

/// Faults that only Toolgate reports: Kyverno loads the file, and then compiles nothing, or loses a policy.
const OURS_ALONE: [Code; 4] =
    [Code::UnsupportedMode, Code::UnknownMode, Code::DuplicatePolicy, Code::NoPolicies];

#[test]
fn what_kyvernos_loader_refuses_is_refused_and_what_it_loads_is_loaded() {
    // The oracle records this file; a checkout without it has nothing to compare with.
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/kyverno/loader.jsonl");
    let Ok(recorded) = fs::read_to_string(recorded) else { return };
    let mut compared = 0;
    for line in recorded.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let Some(files) = case["files"].as_object() else { continue };
        let scratch = Scratch::new("kyverno");
        for (name, text) in files {
            scratch.write(name, text.as_str().unwrap());
        }
        let loaded = scratch.load(&[""]);
        let theirs = case["answer"]["policies"].as_array().unwrap();
        let skipped = case["answer"]["skipped"].as_array().unwrap();
        // Kyverno looks for the files of sub-directories in the root; we read them where they are.
        // Documents that may stand beside policies are passed over here, and named in Kyverno's log.
        // Exceptions, which Kyverno's file source has no schema for, are applied as its cluster's source does.
        let other = ["skipping entry", "GV: cli.kyverno.io", "GV: toolgate.dev", "kind PolicyException"];
        let counts = |error: &str| !other.iter().any(|words| error.contains(words));
        let nothing = theirs.is_empty() && errors(&loaded) != [Code::NoPolicies];
        let refuses = nothing || skipped.iter().any(|one| counts(one["error"].as_str().unwrap()));
        let faults: Vec<Code> =
            errors(&loaded).into_iter().filter(|code| !OURS_ALONE.contains(code)).collect();
        if !files.keys().any(|name| name.contains('/')) {
            assert_eq!(!faults.is_empty(), refuses, "{}: {faults:?}, Kyverno: {skipped:?}", case["id"]);
        }
        compared += 1;
    }
    assert!(compared > 10, "{compared}");
}

#[test]
fn annotations_have_a_limit_together_as_in_kubernetes() {
    for (length, expected) in [(262_143, vec![]), (262_144, vec![Code::BadFormat])] {
        let annotations = format!("name: a\n  annotations: {{k: {}}}", "x".repeat(length));
        let loaded = load_text("a.yaml", &GOOD.replace("name: NAME", &annotations));
        assert_eq!(errors(&loaded), expected, "{length}");
    }
}

#[test]
fn no_text_makes_the_loader_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/load");
    let pieces = [
        "", "---\n", "\t", "{", "]", "\"", "'", ": ", "- ", "|\n", ">2-\n", "&a ", "*a", "<<: ", "\\", "\r",
        "é", "#", "\u{feff}", "!!int ",
    ];
    let mut state: u64 = 42;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        usize::try_from(state >> 33).unwrap() % below.max(1)
    };
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "txt") {
            continue;
        }
        let text: Vec<char> = fs::read_to_string(&path).unwrap().chars().collect();
        for _ in 0..ROUNDS {
            let (from, length) = (random(text.len()), random(6));
            let to = (from + length).min(text.len());
            let mutant: String = text[..from]
                .iter()
                .chain(&pieces[random(pieces.len())].chars().collect::<Vec<_>>())
                .chain(&text[to..])
                .collect();
            let loaded = load_text("a.yaml", &mutant);
            render(&loaded.diagnostics, &Palette::PLAIN);
            for policy in &loaded.policies {
                for expression in &policy.validations {
                    let place = expression.locate(0, expression.text.len());
                    assert!(
                        policy.source.text().get(place.start as usize..place.end as usize).is_some(),
                        "{mutant}"
                    );
                }
            }
        }
    }
}

/// Mutants of each file; raise it for a longer search.
const ROUNDS: usize = 20;
