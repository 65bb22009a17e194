//! cel-go's `ext.Strings`, newest version (5): the table and all bodies but that of `format`.
//!
//! Indices count code points. The rules are those of cel-go's `ext/strings.go` and Go's `strings` package.

use super::format::{format, print_string};
use crate::error::{ErrorKind, Raise};
use crate::library::runtime::{Answer, Runtime, TextBuilder};
use crate::library::table::{Implementation::Own, Library, Row};
use crate::value::{ShortestDouble, Value};

/// `cel.lib.ext.strings`
pub static LIBRARY: Library = Library { name: "cel.lib.ext.strings", version: 5, types: &[], rows: ROWS };

/// The version that Kubernetes' environments have; its `format` is [another](super::format::OLDER).
pub static VERSION_2: Library = Library { version: 2, ..LIBRARY };

const ROWS: &[Row] = &[
    Row {
        id: "string_char_at_int",
        signature: "string.charAt(int) -> string",
        implementation: Own(char_at),
        doc: "The character at an index; the empty string at the end.",
        examples: &["'hello'.charAt(4) == 'o'", "'hello'.charAt(5) == ''", "'héllo'.charAt(1) == 'é'"],
        since: 0,
        total: false,
        json: false,
    },
    Row {
        id: "string_index_of_string",
        signature: "string.indexOf(string) -> int",
        implementation: Own(index_of),
        doc: "The index of the first occurrence of a text, or -1.",
        examples: &["'hello mellow'.indexOf('ello') == 1", "'hello'.indexOf('jello') == -1"],
        since: 0,
        total: true,
        json: false,
    },
    Row {
        id: "string_index_of_string_int",
        signature: "string.indexOf(string, int) -> int",
        implementation: Own(index_of_from),
        doc: "The index of the first occurrence of a text at or after an index, or -1.",
        examples: &["'hello mellow'.indexOf('ello', 2) == 7", "'hello'.indexOf('', 9) == 5"],
        since: 0,
        total: false,
        json: false,
    },
    Row {
        id: "string_last_index_of_string",
        signature: "string.lastIndexOf(string) -> int",
        implementation: Own(last_index_of),
        doc: "The index of the last occurrence of a text, or -1.",
        examples: &["'hello mellow'.lastIndexOf('ello') == 7", "'hello'.lastIndexOf('') == 5"],
        since: 0,
        total: true,
        json: false,
    },
    Row {
        id: "string_last_index_of_string_int",
        signature: "string.lastIndexOf(string, int) -> int",
        implementation: Own(last_index_of_from),
        doc: "The index of the last occurrence of a text that starts at or before an index, or -1.",
        examples: &["'hello mellow'.lastIndexOf('ello', 6) == 1", "'hello'.lastIndexOf('o', 9) == -1"],
        since: 0,
        total: false,
        json: false,
    },
    Row {
        id: "string_lower_ascii",
        signature: "string.lowerAscii() -> string",
        implementation: Own(lower_ascii),
        doc: "The text with its ASCII letters in lower case; other letters stay.",
        examples: &["'TacoCÆt'.lowerAscii() == 'tacocÆt'"],
        since: 0,
        total: true,
        json: false,
    },
    Row {
        id: "string_replace_string_string",
        signature: "string.replace(string, string) -> string",
        implementation: Own(replace),
        doc: "The text with every occurrence of one text replaced by another.",
        examples: &["'hello hello'.replace('he', 'we') == 'wello wello'", "'ab'.replace('', '-') == '-a-b-'"],
        since: 0,
        total: true,
        json: false,
    },
    Row {
        id: "string_replace_string_string_int",
        signature: "string.replace(string, string, int) -> string",
        implementation: Own(replace),
        doc: "The text with the first occurrences replaced, at most as many as given; negative: all.",
        examples: &["'aaa'.replace('a', 'b', 2) == 'bba'", "'aaa'.replace('a', 'b', -1) == 'bbb'"],
        since: 0,
        total: true,
        json: false,
    },
    Row {
        id: "string_split_string",
        signature: "string.split(string) -> list(string)",
        implementation: Own(split),
        doc: "The parts of a text between the occurrences of a separator; an empty one splits characters.",
        examples: &[
            "'a,b'.split(',') == ['a', 'b']",
            "'ab'.split('') == ['a', 'b']",
            "''.split(',') == ['']",
        ],
        since: 0,
        total: true,
        json: false,
    },
    Row {
        id: "string_split_string_int",
        signature: "string.split(string, int) -> list(string)",
        implementation: Own(split),
        doc: "The parts of a text, at most as many as given, the last with the rest; negative: all.",
        examples: &["'a,b,c'.split(',', 2) == ['a', 'b,c']", "'a,b'.split(',', 0) == []"],
        since: 0,
        total: true,
        json: false,
    },
    Row {
        id: "string_substring_int",
        signature: "string.substring(int) -> string",
        implementation: Own(substring),
        doc: "The text from an index to the end.",
        examples: &["'tacocat'.substring(4) == 'cat'", "'abc'.substring(3) == ''"],
        since: 0,
        total: false,
        json: false,
    },
    Row {
        id: "string_substring_int_int",
        signature: "string.substring(int, int) -> string",
        implementation: Own(substring_range),
        doc: "The text from an index up to, not including, another.",
        examples: &["'tacocat'.substring(0, 4) == 'taco'"],
        since: 0,
        total: false,
        json: false,
    },
    Row {
        id: "string_trim",
        signature: "string.trim() -> string",
        implementation: Own(trim),
        doc: "The text without the white space (as Unicode defines it) at both ends.",
        examples: &["'  \\ttrim\\n    '.trim() == 'trim'"],
        since: 0,
        total: true,
        json: false,
    },
    Row {
        id: "string_upper_ascii",
        signature: "string.upperAscii() -> string",
        implementation: Own(upper_ascii),
        doc: "The text with its ASCII letters in upper case; other letters stay.",
        examples: &["'tacoCæt'.upperAscii() == 'TACOCæT'"],
        since: 0,
        total: true,
        json: false,
    },
    Row {
        id: "string_format",
        signature: "string.format(list(dyn)) -> string",
        implementation: Own(format),
        doc: "The text with its clauses (%s %d %f %e %b %o %x %X) replaced by the list's values, formatted.",
        examples: &["'%s is %d'.format(['one', 1]) == 'one is 1'", "'%.2f'.format([2.5]) == '2.50'"],
        since: 4,
        total: false,
        json: false,
    },
    Row {
        id: "strings_quote",
        signature: "strings.quote(string) -> string",
        implementation: Own(quote),
        doc: "The text in double quotes, with CEL's escapes.",
        examples: &["strings.quote('a\\n\"b\"') == '\"a\\\\n\\\\\"b\\\\\"\"'"],
        since: 1,
        total: true,
        json: false,
    },
    Row {
        id: "list_join",
        signature: "list(string).join() -> string",
        implementation: Own(join),
        doc: "The texts of a list, one after the other.",
        examples: &["['hello', 'mellow'].join() == 'hellomellow'", "[].join() == ''"],
        since: 0,
        total: true,
        json: false,
    },
    Row {
        id: "list_join_string",
        signature: "list(string).join(string) -> string",
        implementation: Own(join),
        doc: "The texts of a list with a separator between them.",
        examples: &["['hello', 'mellow'].join(' ') == 'hello mellow'"],
        since: 0,
        total: true,
        json: false,
    },
    Row {
        id: "string_reverse",
        signature: "string.reverse() -> string",
        implementation: Own(reverse),
        doc: "The text with its code points in reverse order.",
        examples: &["'gums'.reverse() == 'smug'"],
        since: 3,
        total: true,
        json: false,
    },
];

/// The byte offset of the code point at `index`; the length for the index one past the end.
fn offset_of(text: &str, index: i64) -> Option<usize> {
    let index = usize::try_from(index).ok()?;
    if text.is_ascii() {
        return (index <= text.len()).then_some(index);
    }
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(index)
}

/// The number of code points before the byte `offset`.
fn index_at(text: &str, offset: usize) -> i64 {
    let count = text.get(..offset).map_or(0, |before| before.chars().count());
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn out_of_range<'a>(rt: &mut Runtime<'a>, index: i64) -> Raise<'a> {
    rt.error(format_args!("index out of range: {index}"))
}

fn char_at<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text), Value::Int(index)] = *args else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    rt.charge_scan(text.len())?;
    let Some(rest) = offset_of(text, index).and_then(|at| text.get(at..)) else {
        return Err(out_of_range(rt, index));
    };
    let width = rest.chars().next().map_or(0, char::len_utf8);
    Ok(Value::String(rest.get(..width).unwrap_or_default()))
}

/// Charges for looking for `wanted` in `text`. Measured: up to 1.5 ns for a byte, twice what plain reading takes.
fn charge_search<'a>(rt: &mut Runtime<'a>, text: &str, wanted: &str) -> Result<(), Raise<'a>> {
    rt.charge_scan(text.len().saturating_mul(2).saturating_add(wanted.len()))
}

fn index_of<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text), Value::String(wanted)] = *args else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    find_from(rt, text, wanted, 0)
}

fn index_of_from<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text), Value::String(wanted), Value::Int(from)] = *args else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    find_from(rt, text, wanted, from)
}

fn find_from<'a>(rt: &mut Runtime<'a>, text: &str, wanted: &str, from: i64) -> Answer<'a> {
    charge_search(rt, text, wanted)?;
    if from < 0 {
        return Err(out_of_range(rt, from));
    }
    let start = offset_of(text, from);
    if wanted.is_empty() {
        return Ok(Value::Int(if start.is_some() { from } else { index_at(text, text.len()) }));
    }
    let found = start.and_then(|start| Some(start.saturating_add(text.get(start..)?.find(wanted)?)));
    Ok(Value::Int(found.map_or(-1, |at| index_at(text, at))))
}

fn last_index_of<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text), Value::String(wanted)] = *args else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    charge_search(rt, text, wanted)?;
    Ok(Value::Int(text.rfind(wanted).map_or(-1, |at| index_at(text, at))))
}

fn last_index_of_from<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text), Value::String(wanted), Value::Int(until)] = *args else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    charge_search(rt, text, wanted)?;
    if until < 0 {
        return Err(out_of_range(rt, until));
    }
    let start = offset_of(text, until);
    if wanted.is_empty() {
        return Ok(Value::Int(if start.is_some() { until } else { index_at(text, text.len()) }));
    }
    // An index at or beyond the end finds nothing, although one just before the end looks at the whole text.
    let Some(start) = start.filter(|start| *start < text.len()) else { return Ok(Value::Int(-1)) };
    // An occurrence that starts at or before `until` ends within as many code points after it as it is long.
    let rest = text.get(start..).unwrap_or_default();
    let length = i64::try_from(wanted.chars().count()).unwrap_or(i64::MAX);
    let end = offset_of(rest, length).map_or(text.len(), |end| start.saturating_add(end));
    let found = text.get(..end).and_then(|head| head.rfind(wanted));
    Ok(Value::Int(found.map_or(-1, |at| index_at(text, at))))
}

fn lower_ascii<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    rt.charge_scan(text.len())?;
    if !text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Ok(Value::String(text));
    }
    let mut out = rt.string_builder(text.len())?;
    out.push_str(text);
    out.make_ascii_lowercase();
    Ok(Value::String(out.into_bump_str()))
}

fn upper_ascii<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    rt.charge_scan(text.len())?;
    if !text.bytes().any(|b| b.is_ascii_lowercase()) {
        return Ok(Value::String(text));
    }
    let mut out = rt.string_builder(text.len())?;
    out.push_str(text);
    out.make_ascii_uppercase();
    Ok(Value::String(out.into_bump_str()))
}

/// How many parts or replacements an argument asks for; negative, or none given: all.
fn limit_of(limit: Option<i64>) -> usize {
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

fn replace<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let (text, old, new, limit) = match *args {
        [Value::String(text), Value::String(old), Value::String(new)] => (text, old, new, None),
        [Value::String(text), Value::String(old), Value::String(new), Value::Int(n)] => {
            (text, old, new, Some(n))
        }
        _ => return Err(ErrorKind::NoSuchOverload.into()),
    };
    // Counting first gives the exact length, so the budget says no before anything is copied.
    charge_search(rt, text, old)?;
    let limit = limit_of(limit);
    if old == new || limit == 0 {
        return Ok(Value::String(text));
    }
    let count = if old.is_empty() {
        text.chars().count().saturating_add(1).min(limit)
    } else {
        text.matches(old).take(limit).count()
    };
    if count == 0 {
        return Ok(Value::String(text));
    }
    rt.charge(count)?;
    let length = text
        .len()
        .saturating_add(count.saturating_mul(new.len()))
        .saturating_sub(count.saturating_mul(old.len()));
    let mut out = rt.string_builder(length)?;
    let mut done = 0;
    for (at, found) in text.match_indices(old).take(count) {
        out.push_str(text.get(done..at).unwrap_or_default());
        out.push_str(new);
        done = at.saturating_add(found.len());
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Ok(Value::String(out.into_bump_str()))
}

fn split<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let (text, separator, limit) = match *args {
        [Value::String(text), Value::String(separator)] => (text, separator, None),
        [Value::String(text), Value::String(separator), Value::Int(n)] => (text, separator, Some(n)),
        _ => return Err(ErrorKind::NoSuchOverload.into()),
    };
    charge_search(rt, text, separator)?;
    let limit = limit_of(limit);
    if limit == 0 {
        return Ok(Value::List(&[]));
    }
    let mut parts = rt.list_builder(0)?;
    if separator.is_empty() {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let last = parts.len().saturating_add(1) >= limit;
            let width = if last { rest.len() } else { first.len_utf8() };
            let (part, after) = rest.split_at_checked(width).unwrap_or((rest, ""));
            rt.push(&mut parts, Value::String(part))?;
            rest = after;
        }
    } else {
        for part in text.splitn(limit, separator) {
            rt.push(&mut parts, Value::String(part))?;
        }
    }
    Ok(rt.finish_list(parts))
}

fn substring<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text), Value::Int(start)] = *args else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    rt.charge_scan(text.len())?;
    match offset_of(text, start).and_then(|at| text.get(at..)) {
        Some(rest) => Ok(Value::String(rest)),
        None => Err(out_of_range(rt, start)),
    }
}

fn substring_range<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text), Value::Int(start), Value::Int(end)] = *args else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    rt.charge_scan(text.len())?;
    if start > end {
        return Err(rt.error(format_args!("invalid substring range. start: {start}, end: {end}")));
    }
    let Some(from) = offset_of(text, start) else { return Err(out_of_range(rt, start)) };
    let Some(to) = offset_of(text, end) else { return Err(out_of_range(rt, end)) };
    Ok(Value::String(text.get(from..to).unwrap_or_default()))
}

fn trim<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    rt.charge_scan(text.len())?;
    Ok(Value::String(text.trim()))
}

/// The escape of a character in a CEL string literal, if it needs one.
fn escape(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{b}' => "\\v",
        '\\' => "\\\\",
        '"' => "\\\"",
        _ => return None,
    })
}

fn quote<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    rt.charge_scan(text.len())?;
    let escapes = text.chars().filter(|c| escape(*c).is_some()).count();
    let mut out = rt.string_builder(text.len().saturating_add(escapes).saturating_add(2))?;
    out.push('"');
    for c in text.chars() {
        match escape(c) {
            Some(escaped) => out.push_str(escaped),
            None => out.push(c),
        }
    }
    out.push('"');
    Ok(Value::String(out.into_bump_str()))
}

fn join<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let (list, separator) = match *args {
        [Value::List(list)] => (list, ""),
        [Value::List(list), Value::String(separator)] => (list, separator),
        _ => return Err(ErrorKind::NoSuchOverload.into()),
    };
    rt.charge(list.len())?;
    let mut length = list.len().saturating_sub(1).saturating_mul(separator.len());
    for element in list {
        match element {
            Value::String(text) => length = length.saturating_add(text.len()),
            // Only the first element's type is checked when a dynamic list becomes a list of strings.
            other => return Err(invalid_input(rt, other)),
        }
    }
    let mut out = rt.string_builder(length)?;
    for (i, element) in list.iter().enumerate() {
        if i != 0 {
            out.push_str(separator);
        }
        if let Value::String(text) = element {
            out.push_str(text);
        }
    }
    Ok(Value::String(out.into_bump_str()))
}

/// The error about an element that is no string: the value as Go's `%v` prints cel-go's own type for it.
fn invalid_input<'a>(rt: &mut Runtime<'a>, element: &Value<'a>) -> Raise<'a> {
    match element {
        // cel-go's null is an enumeration's zero.
        Value::Null => rt.error(format_args!("join: invalid input: 0")),
        Value::Double(d) => rt.error(format_args!("join: invalid input: {}", ShortestDouble(*d))),
        Value::Bytes(bytes) if rt.charge(bytes.len()).is_ok() => {
            let numbers = format!("{bytes:?}").replace(',', "");
            rt.error(format_args!("join: invalid input: {numbers}"))
        }
        Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Type(_) | Value::List(_) | Value::Map(_) => {
            let mut text = TextBuilder::new(rt);
            match print_string(rt, &mut text, element, 0) {
                Ok(()) => rt.error(format_args!("join: invalid input: {}", text.finish())),
                Err(raise) => raise,
            }
        }
        other => rt.error(format_args!("join: invalid input: {}", other.type_name())),
    }
}

fn reverse<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    // Measured: up to 2 ns for each byte, character by character.
    rt.charge_scan(text.len().saturating_mul(2))?;
    let mut out = rt.string_builder(text.len())?;
    out.extend(text.chars().rev());
    Ok(Value::String(out.into_bump_str()))
}

#[cfg(test)]
mod tests;
