//! cel-go's `ext.Regex`, version 1: replacing and extracting what a regular expression matches.

use regex_automata::Span;

use crate::error::{ErrorKind, Raise};
use crate::library::regex::Pattern;
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime, TextBuilder};
use crate::library::table::{Implementation::Groups, Library};
use crate::value::{GoQuoted, Value};

const REPLACE_DOC: &str = "The text with every match of a regular expression (RE2) replaced; `\\\\1` to `\\\\9` in the \
                           replacement stand for its groups, `\\\\0` for the whole match.";

/// `cel.lib.ext.regex`
pub static LIBRARY: Library = Library {
    name: "cel.lib.ext.regex",
    version: 1,
    types: &[],
    rows: &[
        row(
            "regex_extract_string_string",
            "regex.extract(string, string) -> optional(string)",
            Groups(extract, 1),
            "The first match of a regular expression (RE2), or of its one group; none if there is no match or the group \
             is empty.",
            &[
                "regex.extract('item-A, item-B', 'item-(\\\\w+)') == optional.of('A')",
                "!regex.extract('HELLO', 'hello').hasValue()",
            ],
        ),
        row(
            "regex_extractAll_string_string",
            "regex.extractAll(string, string) -> list(string)",
            Groups(extract_all, 1),
            "All matches of a regular expression (RE2), or of its one group where that is not empty.",
            &["regex.extractAll('id:123, id:456', 'id:(\\\\d+)') == ['123', '456']"],
        ),
        row(
            "regex_replace_string_string_string",
            "regex.replace(string, string, string) -> string",
            Groups(replace, 1),
            REPLACE_DOC,
            &["regex.replace('foo bar', '(fo)o (ba)r', r'\\2 \\1') == 'ba fo'"],
        ),
        row(
            "regex_replace_string_string_string_int",
            "regex.replace(string, string, string, int) -> string",
            Groups(replace, 1),
            "The same with the first matches alone, as many as given; negative: all.",
            &["regex.replace('banana', 'a', 'x', 2) == 'bxnxna'"],
        ),
    ],
};

/// The pattern, unless it has more groups than one could be answered of.
fn with_one_group<'a>(rt: &mut Runtime<'a>, pattern: &str) -> Result<Pattern<'a>, Raise<'a>> {
    let regex = rt.compiled_with_groups(pattern)?;
    if regex.groups() > 1 {
        let quoted = GoQuoted(pattern);
        return Err(rt.error(format_args!("regular expression has more than one capturing group: {quoted}")));
    }
    Ok(regex)
}

/// What the one group of a match matches, or all of the match if there is no group.
fn wanted<'a>(
    rt: &mut Runtime<'a>,
    regex: &Pattern<'a>,
    text: &'a str,
    found: Span,
) -> Result<Option<&'a str>, Raise<'a>> {
    if regex.groups() == 0 {
        return Ok(text.get(found.range()));
    }
    let group = regex.parts(&mut rt.budget, text, found)?.get(1);
    Ok(group.filter(|group| !group.is_empty()))
}

fn extract<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text), Value::String(pattern)] = *args else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    let regex = with_one_group(rt, pattern)?;
    let Some(found) = regex.find(&mut rt.budget, text)? else { return Ok(Value::Optional(None)) };
    match wanted(rt, &regex, text, found)? {
        Some(part) => rt.some(Value::String(part)),
        None => Ok(Value::Optional(None)),
    }
}

fn extract_all<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text), Value::String(pattern)] = *args else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    let regex = with_one_group(rt, pattern)?;
    let mut parts = rt.list_builder(0)?;
    let mut matches = regex.matches(text);
    while let Some(found) = matches.next(&mut rt.budget)? {
        if let Some(part) = wanted(rt, &regex, text, found)? {
            rt.push(&mut parts, Value::String(part))?;
        }
    }
    Ok(rt.finish_list(parts))
}

fn replace<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let (text, pattern, replacement, count) = match *args {
        [Value::String(text), Value::String(pattern), Value::String(replacement)] => {
            (text, pattern, replacement, -1)
        }
        [Value::String(text), Value::String(pattern), Value::String(replacement), Value::Int(count)] => {
            (text, pattern, replacement, count)
        }
        _ => return Err(ErrorKind::NoSuchOverload.into()),
    };
    // Before the pattern is looked at: it may be none.
    if count == 0 {
        return Ok(Value::String(text));
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let regex = rt.compiled_with_groups(pattern)?;
    let mut out = TextBuilder::new(rt);
    let mut last = 0;
    let mut matches = regex.matches(text);
    for _ in 0..count {
        let Some(found) = matches.next(&mut rt.budget)? else { break };
        out.push(rt, text.get(last..found.start).unwrap_or_default())?;
        push_replacement(rt, &mut out, &regex, text, found, replacement)?;
        last = found.end;
    }
    out.push(rt, text.get(last..).unwrap_or_default())?;
    Ok(Value::String(out.finish()))
}

/// Appends the replacement with what stands behind its backslashes put in place.
fn push_replacement<'a>(
    rt: &mut Runtime<'a>,
    out: &mut TextBuilder<'a>,
    regex: &Pattern<'a>,
    text: &'a str,
    found: Span,
    replacement: &str,
) -> Result<(), Raise<'a>> {
    let mut parts = None;
    let mut rest = replacement;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push(rt, plain)?;
        let mut after = escape.chars();
        let Some(escaped) = after.next() else {
            return Err(
                rt.error(format_args!("invalid replacement string: '{replacement}' \\ not allowed at end"))
            );
        };
        rest = after.as_str();
        if escaped == '\\' {
            out.push(rt, "\\")?;
            continue;
        }
        let Some(group) = escaped.to_digit(10).and_then(|digit| usize::try_from(digit).ok()) else {
            return Err(rt.error(format_args!(
                "invalid replacement string: '{replacement}' \\ must be followed by a digit or \\"
            )));
        };
        if group > regex.groups() {
            let groups = regex.groups();
            return Err(rt.error(format_args!(
                "replacement string references group {group} but regex has only {groups} group(s)"
            )));
        }
        if group == 0 {
            out.push(rt, text.get(found.range()).unwrap_or_default())?;
            continue;
        }
        let known = match parts.take() {
            Some(known) => known,
            None => regex.parts(&mut rt.budget, text, found)?,
        };
        out.push(rt, known.get(group).unwrap_or_default())?;
        parts = Some(known);
    }
    out.push(rt, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::assert_table;

    #[test]
    fn every_row_is_complete() {
        assert_table(&LIBRARY);
    }
}
