//! When two answers are the same, and what kind of difference it is when they are not.

use serde_json::Value as Json;

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
    if due["decision"] == "badrequest" {
        return Verdict::Passed("Kyverno cannot read the request");
    }
    if got.to_string().contains("not supported yet") {
        return Verdict::Passed("not supported yet");
    }
    if got["error"].as_str().is_some_and(|text| text.starts_with("the decision needs more")) {
        return Verdict::Passed("more than the budget");
    }
    if due.to_string().contains("operation cancelled: actual cost limit exceeded") {
        return Verdict::Passed("more than Kyverno's limit of cost");
    }
    if due.to_string().contains("allow-with-denied") {
        return Verdict::Passed("a side that denies with a status of 0 (known-differences.json)");
    }
    let names = ["duration", "timestamp"].map(|name| format!("reference to undefined type: {name}"));
    let undeclared = ["duration", "timestamp"].map(|name| format!("undeclared reference to '{name}'"));
    if got["decision"] == "compile-error"
        && (names.iter().any(|text| due["error"] == text.as_str())
            || due["decision"] == "compile-error"
                && undeclared.iter().any(|it| text(got, "error").contains(it.as_str())))
    {
        return Verdict::Passed("`duration` and `timestamp` as names of types (known-differences.json)");
    }
    if let (Some(due), Some(got)) = (without_key(due), without_key(got))
        && due == got
    {
        return Verdict::Passed("Kyverno's answer is random");
    }
    if print_maps(due, got) {
        return Verdict::Passed("Kyverno's answer is random");
    }
    // The Go type of a message, where the text of an error names it (known-differences.json).
    let converted = |answer: &Json| {
        Some(
            text(answer, "error")
                .strip_prefix("type conversion error from '*")?
                .split_once('\'')?
                .1
                .to_owned(),
        )
    };
    if got["error"].as_str().is_some_and(|text| text.contains("*dynamicpb.Message"))
        && converted(due) == converted(got)
    {
        return Verdict::Same;
    }
    // What Go calls a message, a map of one or a time (known-differences.json).
    const OF_MESSAGES: [&str; 5] =
        ["*types.protoMap", "*pb.Map", "*structpb.Struct", "time.Time", "*authv3."];
    let qualifier =
        |answer: &Json, of: &str| answer.to_string().contains(&format!("invalid qualifier type: {of}"));
    if OF_MESSAGES.iter().any(|of| qualifier(due, of)) && qualifier(got, "") {
        return Verdict::Passed("the Go type of a value in a text (known-differences.json)");
    }
    let printed = |answer: &Json| {
        ["from non-optional value", "is not optional"].iter().any(|text| answer.to_string().contains(text))
    };
    if printed(due) && printed(got) {
        return Verdict::Passed("a value in a text, as Go prints it (known-differences.json)");
    }
    if text(got, "error").ends_with("is structpb.NullValue, not map[interface {}]interface {}")
        && due["decision"] == "error"
    {
        return Verdict::Passed("the Go type of a value in a text (known-differences.json)");
    }
    if text(due, "error") == "type conversion error from map to 'string'" && got["decision"] == "error" {
        return Verdict::Passed("a map or a text in a text (known-differences.json)");
    }
    let words = ["'*dynamicpb.Message'", "'*structpb.ListValue'", "'string'"];
    let from_map = |to: &str| got.to_string().contains(&format!("type conversion error from map to {to}"));
    if words.into_iter().any(from_map) && !due.to_string().contains("type conversion error from map") {
        return Verdict::Passed("a map in place of a message or a text (known-differences.json)");
    }
    if got.to_string().contains("`json.encode` of what costs nothing") {
        return Verdict::Passed("`json.encode` of a constant (known-differences.json)");
    }
    // The whole answer is a fault, or what one policy says.
    let of_policies = got["policies"].as_array().into_iter().flatten();
    let fault = std::iter::once(got)
        .chain(of_policies)
        .find(|it| it["decision"] == "fault" || it["result"] == "fault");
    if let Some(fault) = fault.filter(|_| due["decision"] != "panic") {
        let refused = [
            ("internal error: google.protobuf.Any", "google.protobuf.Any (known-differences.json)"),
            ("a text is no YAML", "YAML that is not read (known-differences.json)"),
            ("a text that is not UTF-8", "text that is not UTF-8"),
            ("internal error: the JSON of", "`json.marshal` of a quantity, a URL or a format"),
        ];
        let error = text(fault, "error");
        if error.ends_with(": Kyverno takes it, and the engine does not") {
            return Verdict::Passed("a fault, where Kyverno has a value (known-differences.json)");
        }
        if let Some((_, reason)) = refused.iter().find(|(begins, _)| error.starts_with(begins)) {
            return Verdict::Passed(reason);
        }
    }
    // The helper `mcp` has nothing inside here (known-differences.json).
    const HELPER: &str = r#"{"struct":{"fields":{"MCPImpl":{"opaque":"impl.MCPImpl"}},"type":"mcp.MCP"}}"#;
    if due.to_string().replace(HELPER, r#"{"opaque":"mcp.MCP"}"#) == *got.to_string() {
        return Verdict::Same;
    }
    if got.to_string().contains(r#"{"opaque":"kyverno.variables"}"#) {
        return Verdict::Passed("`variables` as a whole (known-differences.json)");
    }
    if got["error"]
        .as_str()
        .is_some_and(|text| text.ends_with("bytes that are not UTF-8 were formatted as text"))
    {
        return Verdict::Passed("text that is not UTF-8");
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

/// Whether both are errors that print a map, whose entries Go prints in any order: the same letters in another one.
fn print_maps(due: &Json, got: &Json) -> bool {
    let letters = |answer: &Json| {
        let text = text(answer, "error");
        let map = text.starts_with("join: invalid input: {");
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        map.then_some(letters)
    };
    letters(due).is_some_and(|due| Some(due) == letters(got))
}

/// An answer without the key that stands twice in the entries of maps: it is the first in Go's order.
fn without_key(answer: &Json) -> Option<String> {
    let answer = answer.to_string();
    let (before, rest) = answer.split_once("insert failed: key ")?;
    let (_, rest) = rest.split_once(" already exists")?;
    Some(format!("{before}{rest}"))
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

fn text<'j>(answer: &'j Json, field: &str) -> &'j str {
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
