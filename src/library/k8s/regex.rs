//! Kubernetes' regular expressions (k8s.io/apiserver `pkg/cel/library/regex.go`): `find` and `findAll`.

use crate::error::ErrorKind;
use crate::library::runtime::{Answer, Runtime};
use crate::library::stdlib::text::{go_text, within};
use crate::library::table::{Implementation::Pattern, Library, Row};
use crate::value::Value;

/// What stands before a pattern's own error at run time.
const ILLEGAL: &str = "Illegal regex: ";

/// `kubernetes.regex`
pub static LIBRARY: Library = Library {
    name: "kubernetes.regex",
    version: 0,
    types: &[],
    rows: &[
        Row {
            id: "string_find_string",
            signature: "string.find(string) -> string",
            implementation: Pattern(find, 1),
            doc: "The first match of a regular expression (RE2), or the empty string.",
            examples: &["'abc 123'.find('[0-9]+') == '123'", "'abc'.find('[0-9]+') == ''"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "string_find_all_string",
            signature: "string.findAll(string) -> list(string)",
            implementation: Pattern(find_all, 1),
            doc: "All matches of a regular expression (RE2) that do not overlap.",
            examples: &["'123 abc 456'.findAll('[0-9]+') == ['123', '456']"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "string_find_all_string_int",
            signature: "string.findAll(string, int) -> list(string)",
            implementation: Pattern(find_all, 1),
            doc: "The first matches of a regular expression (RE2), at most as many as given; negative: all.",
            examples: &["'1 2 3'.findAll('[0-9]', 2) == ['1', '2']", "'1 2'.findAll('[0-9]', 0) == []"],
            since: 0,
            total: true,
            json: false,
        },
    ],
};

fn find<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [text, Value::String(pattern)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    let text = go_text(text).ok_or(ErrorKind::NoSuchOverload)?;
    let regex = rt.compiled(pattern, ILLEGAL)?;
    let found = regex.find(&mut rt.budget, text)?;
    Ok(Value::String(found.and_then(|found| text.get(found.range())).unwrap_or_default()))
}

fn find_all<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let (text, pattern, limit) = match *args {
        [text, Value::String(pattern)] => (text, pattern, Value::Int(-1)),
        [text, Value::String(pattern), limit] => (text, pattern, within(limit)),
        _ => return Err(ErrorKind::NoSuchOverload.into()),
    };
    let text = go_text(text).ok_or(ErrorKind::NoSuchOverload)?;
    let Value::Int(limit) = limit else { return Err(ErrorKind::NoSuchOverload.into()) };
    let regex = rt.compiled(pattern, ILLEGAL)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut parts = rt.list_builder(0)?;
    let mut matches = regex.matches(text);
    for _ in 0..limit {
        let Some(found) = matches.next(&mut rt.budget)? else { break };
        rt.push(&mut parts, Value::String(text.get(found.range()).unwrap_or_default()))?;
    }
    Ok(rt.finish_list(parts))
}

#[cfg(test)]
mod tests;
