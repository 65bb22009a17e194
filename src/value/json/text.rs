//! The text of JSON strings: escapes undone, what is not Unicode replaced by U+FFFD, as Go does.

use std::slice::IterMut;

use bumpalo::Bump;

use super::charge_scan;
use crate::budget::{Budget, Fault};

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
    // Undoing an escape never makes a text longer; a byte that is not UTF-8 becomes three.
    let text = std::str::from_utf8(raw);
    let capacity = if text.is_ok() { raw.len() } else { raw.len().saturating_mul(3) };
    budget.charge_bytes(capacity)?;
    let out = arena.alloc_slice_fill_copy(capacity, 0);
    let mut places = out.iter_mut();
    let mut lone_surrogate = false;
    match text {
        Ok(text) => lone_surrogate = undo(text, &mut places),
        Err(_) => {
            for chunk in raw.utf8_chunks() {
                lone_surrogate |= undo(chunk.valid(), &mut places);
                // Go replaces each byte that is not UTF-8, not each run of them.
                for _ in chunk.invalid() {
                    put(char::REPLACEMENT_CHARACTER, &mut places);
                }
            }
        }
    }
    let length = capacity.saturating_sub(places.len());
    let text = out.get(..length).and_then(|out| std::str::from_utf8(out).ok());
    let text = text.ok_or(Fault::Internal("a text without its escapes is no text"))?;
    Ok(Unescaped { text, lone_surrogate })
}

/// True if a `\u` escape of the string whose text between the quotes is `raw` is half of a surrogate pair without the other
/// half. The syntax has been checked.
pub(super) fn has_lone_surrogate(raw: &[u8]) -> bool {
    let mut rest = raw;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            continue;
        }
        let Some((escaped, after)) = rest.split_first() else { return false };
        rest = after;
        if *escaped == b'u' {
            let (c, after) = unicode(rest);
            if c.is_none() {
                return true;
            }
            rest = after;
        }
    }
    false
}

/// Writes `text` with its escapes undone; true if there is half of a surrogate pair. Runs between escapes are short in JSON
/// inside JSON, so that bytes are looked at one by one.
fn undo(text: &str, places: &mut IterMut<'_, u8>) -> bool {
    let (mut rest, mut lone_surrogate) = (text.as_bytes(), false);
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let mut byte = *first;
        if byte == b'\\'
            && let Some((escaped, after)) = rest.split_first()
        {
            rest = after;
            byte = match escaped {
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'u' => {
                    let (c, after) = unicode(rest);
                    lone_surrogate |= c.is_none();
                    put(c.unwrap_or(char::REPLACEMENT_CHARACTER), places);
                    rest = after;
                    continue;
                }
                other => *other,
            };
        }
        if let Some(place) = places.next() {
            *place = byte;
        }
    }
    lone_surrogate
}

fn put(c: char, places: &mut IterMut<'_, u8>) {
    for (byte, place) in c.encode_utf8(&mut [0; 4]).bytes().zip(places) {
        *place = byte;
    }
}

/// The character of the escape `\u` that stands before `text`, and what follows it; none for half of a surrogate pair.
fn unicode(text: &[u8]) -> (Option<char>, &[u8]) {
    let Some((first, rest)) = hex(text) else { return (None, text) };
    if let Some(c) = char::from_u32(first) {
        return (Some(c), rest);
    }
    // A high half counts only with a low half right behind it; otherwise what follows stands for itself.
    if let (0xd800..=0xdbff, Some(second)) = (first, rest.strip_prefix(b"\\u"))
        && let Some((low @ 0xdc00..=0xdfff, rest)) = hex(second)
    {
        let c = (first & 0x3ff) << 10 | (low & 0x3ff);
        return (char::from_u32(c.saturating_add(0x10000)), rest);
    }
    (None, rest)
}

fn hex(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<4>()?;
    let digits = digits.iter().map(|digit| char::from(*digit).to_digit(16));
    Some((digits.into_iter().try_fold(0, |value, digit| Some(value << 4 | digit?))?, rest))
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
