//! What callers and authors write shows what is in it wherever a person reads it, and means the same to programs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use toolgate::internal::visible::is_unseen;

use crate::{Run, binary, finish};

/// ESC and a colour, right-to-left override, zero-width space, byte order mark, DEL, C1's CSI, a line separator, a tag.
const MARKS: &str = "\u{1b}[31m\u{202e}\u{200b}\u{feff}\u{7f}\u{9b}2J\u{2028}\u{e0041}";

/// A directory whose policy, call and file names hold [`MARKS`].
fn place(name: &str) -> PathBuf {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("visible").join(name);
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(place.join(format!("p{MARKS}"))).unwrap();
    // In double quotes, with the escapes that YAML wants for what it does not take as it is.
    let text = |text: &str| {
        let quoted = serde_json::to_string(text).unwrap();
        let raw = |c: char| !is_unseen(c) || matches!(c, '\u{202e}' | '\u{200b}');
        quoted
            .chars()
            .map(|c| if raw(c) { c.to_string() } else { format!("\\U{:08x}", u32::from(c)) })
            .collect::<String>()
    };
    let reason = text(&format!("'no {MARKS}'"));
    let policy = |name: &str, expression: &str| {
        format!(
            "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata: {{name: {}}}\nspec:\n  evaluation: \
             {{mode: HTTP}}\n  variables: [{{name: why, expression: {reason}}}]\n  validations:\n  - expression: {}\n",
            text(name),
            text(expression),
        )
    };
    let denies = "http.Denied(variables.why).Response()";
    fs::write(place.join(format!("p{MARKS}/policy.yaml")), policy("denies", denies)).unwrap();
    fs::write(place.join("named.yaml"), policy(&format!("deny-{MARKS}"), denies)).unwrap();
    fs::write(place.join("bad.yaml"), policy("bad", "'\u{202e}\u{200b}日' + nothing")).unwrap();
    let event = |method: &str, name: &str| {
        let params = json!({"name": name, "arguments": {}});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let request = json!({"path": "/mcp", "httpMethod": "POST", "headers": {}, "body": body});
        json!({"interceptorInputVersion": "1.0", "mcp": {"gatewayRequest": request}}).to_string()
    };
    fs::write(place.join(format!("e{MARKS}.json")), event("tools/call", "pods___get")).unwrap();
    fs::write(place.join("method.json"), event(&format!("x/{MARKS}"), "")).unwrap();
    fs::write(place.join("tool.json"), event("tools/call", &format!("pods___{MARKS}"))).unwrap();
    fs::write(place.join("payload.json"), r#"{"method":"GET","path":"/"}"#).unwrap();
    place
}

fn run(place: &Path, arguments: &[String]) -> Run {
    finish(binary(place).args(arguments), b"")
}

fn arguments(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| word.replace("MARKS", MARKS)).collect()
}

/// Nothing but line breaks is left of what is not seen.
fn assert_visible(text: &str) {
    let left: Vec<char> = text.chars().filter(|c| *c != '\n' && is_unseen(*c)).collect();
    assert!(left.is_empty(), "{left:?} in {text:?}");
}

#[test]
fn nothing_that_is_printed_steers_the_terminal_or_hides() {
    let place = place("printed");
    for words in [
        &["check", "pMARKS", "bad.yaml", "named.yaml"][..],
        &["check", "noneMARKS"],
        &["check", "--output", "json", "pMARKS", "bad.yaml", "named.yaml", "noneMARKS"],
        &[
            "decide",
            "--trace",
            "--output",
            "json",
            "--policies",
            "pMARKS",
            "--",
            "eMARKS.json",
            "method.json",
            "tool.json",
        ],
        &["decide", "--policies", "pMARKS", "--", "missingMARKS.json"],
        &["apply", "pMARKS", "--payload", "payload.json"],
        &["apply", "pMARKS", "--payload", "payload.json", "--output", "json"],
        &["config", "--policies", "pMARKS"],
        &["test", "pMARKS"],
        &["no-such-MARKS"],
        &["check", "--no-such-MARKS"],
    ] {
        let run = run(&place, &arguments(words));
        assert!(!(run.out.is_empty() && run.err.is_empty()), "{words:?}");
        assert_visible(&run.out);
        assert_visible(&run.err);
    }
}

#[test]
fn programs_read_the_true_value() {
    let place = place("programs");
    let words = ["decide", "--output", "json", "--policies", "pMARKS", "--", "eMARKS.json"];
    let run = run(&place, &arguments(&words));
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let line: Json = serde_json::from_str(run.out.trim_end()).unwrap();
    assert_eq!(line["event"], format!("e{MARKS}.json"), "{line}");
    assert_eq!(line["reason"], format!("no {MARKS}"), "{line}");
    assert!(run.out.contains(r"\u001b[31m\u202e\u200b\ufeff\u007f\u009b2J\u2028\udb40\udc41"), "{}", run.out);
}

#[test]
fn the_underline_of_a_diagnostic_stands_under_its_place() {
    let place = place("underline");
    let run = run(&place, &arguments(&["check", "bad.yaml"]));
    let lines: Vec<&str> = run.out.lines().collect();
    let caret = lines.iter().position(|line| line.contains('^')).unwrap();
    let (before, _) = lines[caret.saturating_sub(1)].split_once("nothing").unwrap();
    // The ideograph takes two cells.
    assert_eq!(lines[caret].find('^').unwrap(), before.chars().count().saturating_add(1), "{}", run.out);
    assert!(before.ends_with(r"\u{202e}\u{200b}日' + "), "{before}");
}
