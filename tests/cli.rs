//! The command line as its users meet it: the built binary, its output, its exit codes.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_in_result,
    clippy::unwrap_used,
    reason = "a test that cannot go on should panic"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value as Json;

mod cli {
    pub(crate) mod apply;
    pub(crate) mod bundle;
    pub(crate) mod check;
    pub(crate) mod config;
    pub(crate) mod decide;
    pub(crate) mod files;
    pub(crate) mod visible;
}

/// What a run left behind.
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    /// The lines of standard output as JSON.
    fn lines(&self) -> Vec<Json> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The only document on standard output.
    fn json(&self) -> Json {
        assert_eq!(self.out.lines().count(), 1, "{}", self.out);
        serde_json::from_str(&self.out).unwrap()
    }
}

/// The binary, to be run in `directory`, without settings from around the tests.
fn binary(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toolgate"));
    command.current_dir(directory);
    let ours = std::env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|name| name.to_string_lossy().starts_with("TOOLGATE_")) {
        command.env_remove(name);
    }
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command
}

fn finish(command: &mut Command, input: &[u8]) -> Run {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that does not read its input closes the pipe.
    child.stdin.take().unwrap().write_all(input).ok();
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code().expect("the process ended by itself"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs in the repository's root.
fn toolgate(arguments: &[&str]) -> Run {
    finish(binary(root()).args(arguments), b"")
}

fn keys(object: &Json) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// A directory of its own for one test, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("toolgate-cli-{name}-{}", std::process::id()));
        std::fs::remove_dir_all(&path).ok();
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    /// Writes a file and gives its path.
    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A validation that says nothing of any event here, and one that denies each.
const SILENT: &str = "object.attributes.method == \"PUT\" ? http.Allowed().Response() : null";
const DENIES: &str = "object.attributes.method == \"POST\" ? http.Denied(\"no\").Response() : null";

/// A policy with one validation.
fn policy(name: &str, expression: &str) -> String {
    format!(
        "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata:\n  name: {name}\nspec:\n  \
         evaluation:\n    mode: HTTP\n  validations:\n    - expression: |-\n        {expression}\n"
    )
}

#[test]
fn every_help_goes_to_standard_output_with_examples_and_exit_codes() {
    for arguments in [
        &["--help"][..],
        &["check", "--help"],
        &["decide", "--help"],
        &["apply", "--help"],
        &["build", "--help"],
        &["inspect", "--help"],
    ] {
        let run = toolgate(arguments);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{arguments:?}");
        assert!(run.out.contains("\nExamples:\n  toolgate "), "{}", run.out);
        assert!(run.out.contains("\nExit codes:\n  0  "), "{}", run.out);
    }
}

#[test]
fn a_wrong_command_line_is_an_error_of_usage() {
    let cases = [
        &[][..],
        &["chek"],
        &["check"],
        &["decide"],
        &["apply", "policies"],
        &["apply", "--http-payload", "testdata/payloads/delete-pod-in-staging.json"],
        &["decide", "--output", "xml", "testdata/events/tools-list.json"],
        &["decide", "--default", "maybe", "testdata/events/tools-list.json"],
    ];
    for arguments in cases {
        let run = toolgate(arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}");
        assert!(run.err.contains("Usage: toolgate") || run.err.contains("possible values"), "{}", run.err);
    }
}

#[test]
fn colours_are_only_for_terminals_and_for_those_who_ask() {
    let broken = ["check", "testdata/check/twenty-mistakes.yaml"];
    assert!(!toolgate(&broken).out.contains('\u{1b}'));
    let forced = finish(binary(root()).args(broken).env("CLICOLOR_FORCE", "1"), b"");
    assert!(forced.out.contains("\u{1b}["), "{}", forced.out);
    let refused = finish(binary(root()).args(broken).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1"), b"");
    assert!(!refused.out.contains('\u{1b}'), "{}", refused.out);
}

#[test]
fn who_stops_reading_is_no_failure() {
    let mut child = binary(root())
        .args(["check", "testdata/check/twenty-mistakes.yaml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(3), &b""[..]));
}

#[test]
fn the_readme_has_every_command_and_the_kinds_of_payloads() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let help = toolgate(&["--help"]).out;
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let commands: Vec<&str> = commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() >= 7, "{commands:?}");
    for command in commands {
        assert!(
            readme.contains(&format!("| `toolgate {command} "))
                || readme.contains(&format!("| `toolgate {command}`")),
            "{command}"
        );
    }
    for option in ["--http-payload", "--envoy-payload", "--json-payload"] {
        assert!(readme.contains(option) && toolgate(&["apply", "--help"]).out.contains(option), "{option}");
    }
}
