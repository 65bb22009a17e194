//! What is not compared, or compared with less: what the list of known differences explains, what Kyverno answers at
//! random, and what goes beyond a budget. Where Kyverno has a value, only a fault or a refusal is passed over here, never an error.

use serde_json::Value as Json;
use toolgate::internal::budget::Fault;

use super::compare::{Verdict, text};

/// The verdict on two answers that are not compared as they stand.
pub(super) fn known(due: &Json, got: &Json) -> Option<Verdict> {
    if due["decision"] == "badrequest" {
        return Some(Verdict::Passed("Kyverno cannot read the request"));
    }
    if got.to_string().contains("not supported yet") {
        return Some(Verdict::Passed("not supported yet"));
    }
    if got["error"].as_str().is_some_and(|text| text.starts_with("the decision needs more")) {
        return Some(Verdict::Passed("more than the budget"));
    }
    // What is over Kyverno's limit of cost is a fault, and so is what comes near it.
    let fault = Fault::Units.to_string();
    let over = due.to_string().contains("operation cancelled: actual cost limit exceeded");
    if got.to_string().contains(&fault) {
        return Some(if over { Verdict::Same } else { Verdict::Passed("near Kyverno's limit of cost") });
    }
    if due.to_string().contains("allow-with-denied") {
        return Some(Verdict::Passed("a side that denies with a status of 0 (known-differences.json)"));
    }
    let names = ["duration", "timestamp"].map(|name| format!("reference to undefined type: {name}"));
    let undeclared = ["duration", "timestamp"].map(|name| format!("undeclared reference to '{name}'"));
    if got["decision"] == "compile-error"
        && (names.iter().any(|text| due["error"] == text.as_str())
            || due["decision"] == "compile-error"
                && undeclared.iter().any(|it| text(got, "error").contains(it.as_str())))
    {
        return Some(Verdict::Passed(
            "`duration` and `timestamp` as names of types (known-differences.json)",
        ));
    }
    if let (Some(due), Some(got)) = (without_key(due), without_key(got))
        && due == got
    {
        return Some(Verdict::Passed("Kyverno's answer is random"));
    }
    // Of several fields that are wrong, cel-go names the first in Go's order of a map.
    if bad_field(due).is_some_and(|due| bad_field(got).is_some_and(|got| due != got)) {
        return Some(Verdict::Passed("Kyverno's answer is random"));
    }
    if print_maps(due, got) {
        return Some(Verdict::Passed("Kyverno's answer is random"));
    }
    // The Go type of a message, where the text of an error names it (known-differences.json).
    if converted(due).is_some_and(|(_, to)| converted(got) == Some(("dynamicpb.Message", to))) {
        return Some(Verdict::Same);
    }
    // What Go calls a message, a map of one or a time (known-differences.json).
    const OF_MESSAGES: [&str; 5] =
        ["*types.protoMap", "*pb.Map", "*structpb.Struct", "time.Time", "*authv3."];
    let qualifier =
        |answer: &Json, of: &str| answer.to_string().contains(&format!("invalid qualifier type: {of}"));
    if OF_MESSAGES.iter().any(|of| qualifier(due, of)) && qualifier(got, "") {
        return Some(Verdict::Passed("the Go type of a value in a text (known-differences.json)"));
    }
    let printed = |answer: &Json| {
        ["from non-optional value", "is not optional"].iter().any(|text| answer.to_string().contains(text))
    };
    if printed(due) && printed(got) {
        return Some(Verdict::Passed("a value in a text, as Go prints it (known-differences.json)"));
    }
    if text(got, "error").ends_with("is structpb.NullValue, not map[interface {}]interface {}")
        && due["decision"] == "error"
    {
        return Some(Verdict::Passed("the Go type of a value in a text (known-differences.json)"));
    }
    if text(due, "error") == "type conversion error from map to 'string'" && got["decision"] == "error" {
        return Some(Verdict::Passed("a map or a text in a text (known-differences.json)"));
    }
    if got.to_string().contains("type conversion error from map to ")
        && ["unsupported type conversion: ", "type conversion error, no such field "]
            .iter()
            .any(|text| due.to_string().contains(text))
    {
        return Some(Verdict::Passed("a map in place of a message or a text (known-differences.json)"));
    }
    if got.to_string().contains("`json.encode` of what costs nothing") {
        return Some(Verdict::Passed("`json.encode` of a constant (known-differences.json)"));
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
            return Some(Verdict::Passed("a fault, where Kyverno has a value (known-differences.json)"));
        }
        if let Some((_, reason)) = refused.iter().find(|(begins, _)| error.starts_with(begins)) {
            return Some(Verdict::Passed(reason));
        }
    }
    // The helper `mcp` has nothing inside here (known-differences.json).
    const HELPER: &str = r#"{"struct":{"fields":{"MCPImpl":{"opaque":"impl.MCPImpl"}},"type":"mcp.MCP"}}"#;
    if due.to_string().replace(HELPER, r#"{"opaque":"mcp.MCP"}"#) == *got.to_string() {
        return Some(Verdict::Same);
    }
    if got.to_string().contains(r#"{"opaque":"kyverno.variables"}"#) {
        return Some(Verdict::Passed("`variables` as a whole (known-differences.json)"));
    }
    None
}

/// The field of a literal that an error names.
fn bad_field(answer: &Json) -> Option<&str> {
    let error = text(answer, "error");
    let rest = error
        .strip_prefix("field type conversion error for ")
        .or_else(|| error.strip_prefix("unsupported field type for "))?;
    rest.split([' ', ':']).next()
}

/// The Go types of an error of conversion from a pointer: from which to which.
fn converted(answer: &Json) -> Option<(&str, &str)> {
    text(answer, "error").strip_prefix("type conversion error from '*")?.split_once("' to ")
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
