//! The text of JSON strings: escapes undone, what is not Unicode replaced by U+FFFD, as Go does.

use bumpalo::Bump;
use bumpalo::collections::String as BumpString;

use super::charge_scan;
use crate::cel::budget::{Budget, Fault};

/// What undoing the escapes of a string found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unescaped<'a> {
    pub(super) text: &'a str,
    /// True if a `\u` escape was half of a surrogate pair without the other half.
    pub(super) lone_surrogate: bool,
}

/// The value of the string whose text between the quotes is `raw`, for strings with escapes or bytes that are
/// not UTF-8. The syntax has been checked.
pub(super) fn unescape<'a>(raw: &[u8], arena: &'a Bump, budget: &mut Budget) -> Result<Unescaped<'a>, Fault> {
    charge_scan(budget, raw.len())?;
    // Undoing an escape never makes a text longer.
    if let Ok(text) = std::str::from_utf8(raw) {
        budget.charge_bytes(raw.len())?;
        let mut out = BumpString::with_capacity_in(raw.len(), arena);
        let lone_surrogate = undo(text, &mut out);
        return Ok(Unescaped { text: out.into_bump_str(), lone_surrogate });
    }
    // A byte that is not UTF-8 becomes three.
    let capacity = raw.len().saturating_mul(3);
    budget.charge_bytes(capacity)?;
    let mut out = BumpString::with_capacity_in(capacity, arena);
    let mut lone_surrogate = false;
    for chunk in raw.utf8_chunks() {
        lone_surrogate |= undo(chunk.valid(), &mut out);
        // Go replaces each byte that is not UTF-8, not each run of them.
        for _ in chunk.invalid() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
    Ok(Unescaped { text: out.into_bump_str(), lone_surrogate })
}

/// Appends `text` with its escapes undone; true if there is half of a surrogate pair.
fn undo(text: &str, out: &mut BumpString<'_>) -> bool {
    let (mut rest, mut lone_surrogate) = (text, false);
    // Runs are short in JSON inside JSON: a search built for long texts would cost more than it saves.
    while let Some((plain, escaped)) =
        rest.bytes().position(|c| c == b'\\').and_then(|at| rest.split_at_checked(at))
    {
        out.push_str(plain);
        let (c, after) = escape(escaped.get(1..).unwrap_or_default());
        lone_surrogate |= c.is_none();
        out.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
        rest = after;
    }
    out.push_str(rest);
    lone_surrogate
}

/// The character of the escape that begins `text` (after the backslash) and what follows it; none for half of a
/// surrogate pair.
fn escape(text: &str) -> (Option<char>, &str) {
    let mut rest = text.chars();
    let c = match rest.next() {
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('u') => return unicode(rest.as_str()),
        Some(c) => c,
        None => return (None, ""),
    };
    (Some(c), rest.as_str())
}

fn unicode(text: &str) -> (Option<char>, &str) {
    let Some((first, rest)) = hex(text) else { return (None, text) };
    if let Some(c) = char::from_u32(first) {
        return (Some(c), rest);
    }
    // A high half counts only with a low half right behind it; otherwise what follows stands for itself.
    if let (0xd800..=0xdbff, Some(second)) = (first, rest.strip_prefix("\\u"))
        && let Some((low @ 0xdc00..=0xdfff, rest)) = hex(second)
    {
        let c = (first & 0x3ff) << 10 | (low & 0x3ff);
        return (char::from_u32(c.saturating_add(0x10000)), rest);
    }
    (None, rest)
}

fn hex(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(raw: &[u8]) -> (String, bool) {
        let arena = Bump::new();
        let out = unescape(raw, &arena, &mut Budget::default()).unwrap();
        (out.text.to_owned(), out.lone_surrogate)
    }

    #[test]
    fn escapes_and_broken_bytes_read_as_in_go() {
        // Recorded from Go 1.26.8.
        for (raw, expected, lone) in [
            (&br#"a\"\\\/\b\f\n\r\t"#[..], "a\"\\/\u{8}\u{c}\n\r\t", false),
            (br"\u00e9\u20AC", "é€", false),
            (br"\ud83d\ude00!", "😀!", false),
            (br"\ud800", "\u{fffd}", true),
            (br"\udc00x", "\u{fffd}x", true),
            (br"\ud800\u0041", "\u{fffd}A", true),
            (br"\ud800\ud83d\ude00", "\u{fffd}😀", true),
            (b"a\xffb", "a\u{fffd}b", false),
            (b"\xe2\x82", "\u{fffd}\u{fffd}", false),
            (b"\xed\xa0\x80", "\u{fffd}\u{fffd}\u{fffd}", false),
            (b"\xf0\x9f\x98\\n", "\u{fffd}\u{fffd}\u{fffd}\n", false),
        ] {
            assert_eq!(text(raw), (expected.to_owned(), lone), "{raw:?}");
        }
    }
}
