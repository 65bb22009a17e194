//! When two answers are the same, and what kind of difference it is when they are not.

use serde_json::Value as Json;

use super::known::known;

/// What a comparison says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The answers are the same.
    Same,
    /// They cannot be compared, for this reason.
    Passed(&'static str),
    /// They differ; the text is the kind of difference.
    Differs(String),
}

/// Compares Kyverno's answer with Toolgate's.
pub(crate) fn compare(due: &Json, got: &Json) -> Verdict {
    if let Some(verdict) = known(due, got) {
        return verdict;
    }
    let (due, got) = (&settled(due), &settled(got));
    let same = if due["broken"].is_array() || got["broken"].is_array() {
        same_refusal(due, got)
    } else if due["policies"].is_array() || got["policies"].is_array() {
        same_decision(due, got)
    } else {
        same_value(due, got)
    };
    if same { Verdict::Same } else { Verdict::Differs(format!("{} | {}", shape(due), shape(got))) }
}

/// An answer without what cel-go leaves to chance or to its implementation: it numbers the type variables of a function
/// in Go's map order, and names the Go type of a list by how it was made.
fn settled(answer: &Json) -> Json {
    let text = answer.to_string();
    if !text.contains("_var") && !text.contains("*types.concatList") {
        return answer.clone();
    }
    let text = text.replace("*types.concatList", "*types.baseList");
    let mut parts = text.split("_var");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("_var");
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    serde_json::from_str(&out).unwrap_or(Json::Null)
}

fn same_value(due: &Json, got: &Json) -> bool {
    match due["decision"].as_str() {
        // Kyverno's process panics: no portable answer exists, and Toolgate refuses the expression.
        Some("panic") => got["decision"] != "value" && got["decision"] != "crash",
        Some("value") => due == got,
        Some("compile-error") if got["syntax"] == true => {
            due["error"].as_str().is_some_and(|error| error.starts_with("ERROR: "))
        }
        _ => due["decision"] == got["decision"] && due["error"] == got["error"],
    }
}

pub(super) fn text<'j>(answer: &'j Json, field: &str) -> &'j str {
    answer[field].as_str().unwrap_or_default()
}

/// Envoy and Kyverno go by more than this; see the oracle.
fn plain(result: &str) -> &str {
    match result {
        "empty" | "deny-without-denied" => "deny",
        "allow-without-ok" | "allow-with-denied" => "allow",
        result => result,
    }
}

/// What is told of a denial: the body, or else the message of Envoy's status.
fn reason(answer: &Json) -> &str {
    let result = if answer["decision"].is_string() { "decision" } else { "result" };
    match text(answer, "reason") {
        "" if plain(text(answer, result)) == "deny" => text(answer, "message"),
        reason => reason,
    }
}

fn same_decision(due: &Json, got: &Json) -> bool {
    // Mode JSON has reports of policies, and no decision.
    if due["decision"].is_null() {
        return due == got;
    }
    let same = |field: &str| text(due, field) == text(got, field);
    if plain(text(due, "decision")) != text(got, "decision")
        || reason(due) != reason(got)
        || !same("error")
        || !same("policy")
        || due["status"] != got["status"]
    {
        return false;
    }
    let empty = Vec::new();
    let (due, got) =
        (due["policies"].as_array().unwrap_or(&empty), got["policies"].as_array().unwrap_or(&empty));
    due.len() == got.len()
        && due.iter().zip(got).all(|(due, got)| {
            plain(text(due, "result")) == text(got, "result")
                && reason(due) == reason(got)
                && ["policy", "error"].iter().all(|field| text(due, field) == text(got, field))
        })
}

/// Kyverno stops at a policy's first faulty expression, Toolgate reports all: what Kyverno says has to be among it.
fn same_refusal(due: &Json, got: &Json) -> bool {
    let (Some(due), Some(got)) = (due["broken"].as_array(), got["broken"].as_array()) else { return false };
    due.iter().all(|broken| {
        let error = text(broken, "error");
        if broken["stage"] != "compile" || error.contains("Syntax error") {
            return true;
        }
        // Of the expressions behind the first some are broken because that is.
        let error = error.split(", spec.").next().unwrap_or(error);
        let messages: Vec<&str> = if error.contains("ERROR: <input>") {
            error
                .lines()
                .filter_map(|line| line.split_once("ERROR: <input>:"))
                .filter_map(|(_, rest)| rest.splitn(3, ':').nth(2))
                .map(str::trim)
                .collect()
        } else {
            vec![error]
        };
        // Kyverno's engine puts its errors in brackets.
        let said = |due: &str| got.iter().filter_map(Json::as_str).any(|got| due.ends_with(got));
        messages.iter().all(|due| said(due) || due.strip_suffix(')').is_some_and(said))
    })
}

/// An answer without what differs from case to case.
pub(crate) fn shape(answer: &Json) -> String {
    if let Some(broken) = answer["broken"].as_array() {
        let first = broken.first().map(|b| b["error"].as_str().or(b.as_str()).unwrap_or_default());
        return format!("broken: {}", words(first.unwrap_or_default()));
    }
    let decision = text(answer, "decision");
    if let Some(error) = answer["error"].as_str() {
        return format!("{decision}: {}", words(error));
    }
    if let Some(policies) = answer["policies"].as_array() {
        let results: Vec<String> = policies
            .iter()
            .map(|p| {
                let told = p["error"].as_str().or_else(|| p["status"].as_str().and(p["message"].as_str()));
                let result = p["result"].as_str().or(p["status"].as_str()).unwrap_or_default();
                format!("{result}{}", told.map(words).unwrap_or_default())
            })
            .collect();
        return format!("{decision} [{}]", results.join(","));
    }
    let kind = answer["value"].as_object().and_then(|value| value.keys().next().cloned()).unwrap_or_default();
    format!("{decision} {kind} {}", text(answer, "type"))
}

/// The first line of an error without numbers, quoted texts and positions.
fn words(error: &str) -> String {
    let line = error.split_once("ERROR: <input>:").map_or(error, |(_, rest)| rest);
    let line = line.lines().next().unwrap_or_default();
    let mut out = String::new();
    let (mut quoted, mut escaped) = (None, false);
    for c in line.chars() {
        match (quoted, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(quote), c) if c == quote => quoted = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => {
                quoted = Some(c);
                out.push('…');
            }
            (None, c) if c.is_ascii_digit() => {
                if !out.ends_with('0') {
                    out.push('0');
                }
            }
            (None, c) => out.push(c),
        }
    }
    out.chars().take(140).collect()
}
