//! A request's target as Go's server reads it: the path decoded once and never cleaned, the query's odd pieces
//! dropped without a word (docs/kyverno.md §8). Only the form that gateways send: a path.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use super::refusal::Refusal;

/// With more pieces than this Go gives an empty query.
const MAX_PIECES: usize = 10_000;

/// The URL of a request line: a path and a query.
#[derive(Clone, Copy, Debug)]
pub struct Url<'a> {
    /// The path, percent-decoded.
    pub path: &'a str,
    /// The text after the first `?`; empty if there is none.
    pub raw_query: &'a str,
}

/// Reads the target of a request line.
pub(super) fn read<'a>(text: &'a str, arena: &'a Bump) -> Result<Url<'a>, Refusal> {
    if !text.starts_with('/') || text.bytes().any(|c| c <= b' ' || c == 0x7f) {
        return Err(Refusal::Target);
    }
    let (path, raw_query) = text.split_once('?').unwrap_or((text, ""));
    let path = unescape(path, false, arena).ok_or(Refusal::Target)?;
    Ok(Url { path, raw_query })
}

/// The names and values of a query, in order.
pub(super) fn query<'a>(text: &'a str, arena: &'a Bump) -> Result<BumpVec<'a, (&'a str, &'a str)>, Refusal> {
    let mut pairs = BumpVec::new_in(arena);
    if text.bytes().filter(|c| *c == b'&').count() >= MAX_PIECES {
        return Ok(pairs);
    }
    for piece in text.split('&').filter(|piece| !piece.is_empty() && !piece.contains(';')) {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        if !is_escaped(name) || !is_escaped(value) {
            continue;
        }
        // What is left to fail is text that is not UTF-8: policies could not see it.
        let name = unescape(name, true, arena).ok_or(Refusal::Target)?;
        let value = unescape(value, true, arena).ok_or(Refusal::Target)?;
        pairs.push((name, value));
    }
    Ok(pairs)
}

/// True if two hexadecimal digits follow every `%`.
fn is_escaped(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| {
        rest.as_bytes().first_chunk::<2>().is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

/// Undoes percent escapes, and `+` in a query. None for a bad escape or a result that is not UTF-8.
fn unescape<'a>(text: &'a str, form: bool, arena: &'a Bump) -> Option<&'a str> {
    if !(text.contains('%') || form && text.contains('+')) {
        return Some(text);
    }
    let mut out = BumpVec::with_capacity_in(text.len(), arena);
    let mut rest = text.bytes();
    while let Some(c) = rest.next() {
        out.push(match c {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high << 4 | low).ok()?
            }
            b'+' if form => b' ',
            c => c,
        });
    }
    std::str::from_utf8(out.into_bump_slice()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_as_in_go() {
        let arena = Bump::new();
        for (text, expected) in [
            ("/mcp", Some("/mcp")),
            ("/admin%2Fx", Some("/admin/x")),
            ("/a/../b//c", Some("/a/../b//c")),
            ("//x", Some("//x")),
            ("/a+b#c", Some("/a+b#c")),
            ("/a%20b?x", Some("/a b")),
            ("/é", Some("/é")),
            ("/%zz", None),
            ("/%e", None),
            ("/%ff", None),
            ("/a b", None),
            ("/a\u{7f}", None),
            ("mcp", None),
            ("http://h/mcp", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(read(text, &arena).ok().map(|url| url.path), expected, "{text}");
        }
    }

    #[test]
    fn queries_read_as_in_go() {
        let arena = Bump::new();
        let read = |text: &'static str| {
            query(text, &arena).unwrap().iter().map(|(k, v)| format!("{k}:{v}")).collect::<Vec<_>>()
        };
        assert_eq!(read("x=1&x=2&y=%zz&z=a;b&w=%20q"), ["x:1", "x:2", "w: q"]);
        assert_eq!(read("a&=h&&b=c=d&p=1+2"), ["a:", ":h", "b:c=d", "p:1 2"]);
        assert_eq!(read(""), [""; 0]);
        let many: &str = arena.alloc_str(&"a&".repeat(MAX_PIECES));
        assert!(query(many, &arena).unwrap().is_empty());
        assert!(query("a=%ff", &arena).is_err());
    }
}
