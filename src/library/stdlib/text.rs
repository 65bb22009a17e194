//! The standard library's functions on texts: `size` (of texts, bytes, lists and maps), `contains`, `startsWith`,
//! `endsWith`, `matches`.
//!
//! cel-go has one body for all overloads of each and checks no argument types before it calls them, so these look
//! at their arguments themselves. An argument of a wrong type gives the bare `no such overload`; for `size` and
//! `matches`, which ask for a trait, a receiver without it gives `no such overload: size`.

use crate::error::{ErrorKind, Raise};
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation, Library, Row, Shared};
use crate::value::{Value, ValueKind};

// Durations and timestamps are asked as receivers, which answer the bare text.
static SIZE: Shared = Shared {
    body: size,
    receivers: &[
        ValueKind::String,
        ValueKind::Bytes,
        ValueKind::List,
        ValueKind::Map,
        ValueKind::Duration,
        ValueKind::Timestamp,
    ],
    pattern: None,
};
static CONTAINS: Shared = Shared { body: contains, receivers: &[], pattern: None };
static ENDS_WITH: Shared = Shared { body: ends_with, receivers: &[], pattern: None };
static STARTS_WITH: Shared = Shared { body: starts_with, receivers: &[], pattern: None };
static MATCHES: Shared = Shared {
    body: matches,
    receivers: &[ValueKind::String, ValueKind::Duration, ValueKind::Timestamp],
    pattern: Some(1),
};

/// The functions on texts of cel-go's standard library.
pub static LIBRARY: Library = Library {
    name: "cel.lib.std",
    version: 0,
    types: &[],
    rows: &[
        Row {
            id: "size_bytes",
            signature: "size(bytes) -> int",
            implementation: Implementation::Shared(&SIZE),
            doc: "The number of bytes.",
            examples: &["size(b'123') == 3", "size(b'é') == 2"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "bytes_size",
            signature: "bytes.size() -> int",
            implementation: Implementation::Shared(&SIZE),
            doc: "The number of bytes.",
            examples: &["b'123'.size() == 3"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "size_list",
            signature: "size(list(A)) -> int",
            implementation: Implementation::Shared(&SIZE),
            doc: "The number of elements.",
            examples: &["size([1, 2, 3]) == 3"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "list_size",
            signature: "list(A).size() -> int",
            implementation: Implementation::Shared(&SIZE),
            doc: "The number of elements.",
            examples: &["[1, 2, 3].size() == 3"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "size_map",
            signature: "size(map(A, B)) -> int",
            implementation: Implementation::Shared(&SIZE),
            doc: "The number of entries.",
            examples: &["size({'a': 1, 'b': 2}) == 2"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "map_size",
            signature: "map(A, B).size() -> int",
            implementation: Implementation::Shared(&SIZE),
            doc: "The number of entries.",
            examples: &["{'a': 1, 'b': 2}.size() == 2"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "size_string",
            signature: "size(string) -> int",
            implementation: Implementation::Shared(&SIZE),
            doc: "The number of code points.",
            examples: &["size('hello') == 5", "size('é') == 1"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "string_size",
            signature: "string.size() -> int",
            implementation: Implementation::Shared(&SIZE),
            doc: "The number of code points.",
            examples: &["'hello'.size() == 5"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "contains_string",
            signature: "string.contains(string) -> bool",
            implementation: Implementation::Shared(&CONTAINS),
            doc: "True if the text occurs in the receiver.",
            examples: &["'hello world'.contains('o w')", "!'hello world'.contains('goodbye')"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "ends_with_string",
            signature: "string.endsWith(string) -> bool",
            implementation: Implementation::Shared(&ENDS_WITH),
            doc: "True if the receiver ends with the text.",
            examples: &["'hello world'.endsWith('world')", "!'hello world'.endsWith('hello')"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "starts_with_string",
            signature: "string.startsWith(string) -> bool",
            implementation: Implementation::Shared(&STARTS_WITH),
            doc: "True if the receiver starts with the text.",
            examples: &["'hello world'.startsWith('hello')", "!'hello world'.startsWith('world')"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "matches",
            signature: "matches(string, string) -> bool",
            implementation: Implementation::Shared(&MATCHES),
            doc: "True if the regular expression (RE2) matches some part of the text.",
            examples: &["matches('123-456', '^[0-9]+(-[0-9]+)?$')", "matches('hello', '^h.*o$')"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "matches_string",
            signature: "string.matches(string) -> bool",
            implementation: Implementation::Shared(&MATCHES),
            doc: "True if the regular expression (RE2) matches some part of the receiver.",
            examples: &["'123-456'.matches('^[0-9]+(-[0-9]+)?$')", "'hello'.matches('l{2}')"],
            since: 0,
            total: true,
            json: false,
        },
    ],
};

fn size<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [value] = args else { return Err(ErrorKind::NoSuchOverload.into()) };
    let size = match value {
        Value::String(text) => {
            rt.charge_scan(text.len())?;
            text.chars().count()
        }
        Value::Bytes(bytes) => bytes.len(),
        Value::List(elements) => elements.len(),
        Value::Map(map) => map.len(),
        Value::Duration(_) | Value::Timestamp(_) => return Err(ErrorKind::NoSuchOverload.into()),
        _ => return Err(ErrorKind::NoSuchFunction("size").into()),
    };
    Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
}

/// Both texts, charged; or the bare error.
fn texts<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Result<(&'a str, &'a str), Raise<'a>> {
    let [Value::String(text), Value::String(other)] = *args else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    rt.charge_scan(text.len().saturating_add(other.len()))?;
    Ok((text, other))
}

fn contains<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    texts(rt, args).map(|(text, wanted)| Value::Bool(text.contains(wanted)))
}

fn ends_with<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    // Only as much as the suffix is long is looked at.
    let [Value::String(text), Value::String(suffix)] = *args else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    rt.charge_scan(suffix.len())?;
    Ok(Value::Bool(text.ends_with(suffix)))
}

fn starts_with<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text), Value::String(prefix)] = *args else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    rt.charge_scan(prefix.len())?;
    Ok(Value::Bool(text.starts_with(prefix)))
}

/// What Go holds as a string, which is all that cel-go's optimised calls of regular expressions look at: the name of a type,
/// and what is in an optional, too.
pub fn go_text(value: Value<'_>) -> Option<&str> {
    if let Value::String(text) | Value::Type(text) = within(value) { Some(text) } else { None }
}

/// What is in optionals.
pub fn within(value: Value<'_>) -> Value<'_> {
    let mut inner = value;
    while let Value::Optional(Some(value)) = inner {
        inner = *value;
    }
    inner
}

fn matches<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [text, Value::String(pattern)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    let text = go_text(text).ok_or(ErrorKind::NoSuchOverload)?;
    let regex = rt.compiled(pattern, "")?;
    Ok(Value::Bool(regex.is_match(&mut rt.budget, text)?))
}

#[cfg(test)]
mod tests;
