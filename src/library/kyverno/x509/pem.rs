//! The first block of a text in PEM, as Go's `encoding/pem` finds it.

use crate::value::base64::{self, Alphabet};
use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "\n-----END ";
const DASHES: &str = "-----";

/// The first line without blanks at its end, and what follows it.
fn line(text: &str) -> (&str, &str) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    // A carriage return belongs to a line break, and only there.
    let ended = text.len() > line.len();
    let line = line.strip_suffix('\r').filter(|_| ended).unwrap_or(line);
    (line.trim_end_matches([' ', '\t']), rest)
}

/// The type and the bytes of the first block. Whatever looks like a block and is none is passed over.
pub(super) fn first_block<'a>(arena: &'a Bump, text: &'a str) -> Option<(&'a str, &'a [u8])> {
    let mut rest = text;
    loop {
        let end = rest.find(END)?;
        let before = rest.get(..end)?;
        let begin = before
            .rfind(BEGIN)
            .filter(|at| *at == 0 || before.get(..*at).is_some_and(|before| before.ends_with('\n')));
        if let Some(begin) = begin {
            let block = rest.get(begin.saturating_add(BEGIN.len())..)?;
            match read(arena, block) {
                Read::Block(kind, bytes) => return Some((kind, bytes)),
                Read::Nothing => return None,
                Read::Other(after) => {
                    rest = after;
                    continue;
                }
            }
        }
        rest = rest.get(end.saturating_add(END.len())..)?;
    }
}

enum Read<'a> {
    Block(&'a str, &'a [u8]),
    /// There is nothing to be found in the whole text.
    Nothing,
    /// No block; the search goes on after its end line's beginning.
    Other(&'a str),
}

/// Reads what follows `-----BEGIN `, up to the next end line.
fn read<'a>(arena: &'a Bump, text: &'a str) -> Read<'a> {
    // Where the end line's type begins, counted from the end of the text: lines are taken from its front.
    let Some(end) = text.find(END) else { return Read::Nothing };
    let trailer = text.get(end.saturating_add(END.len())..).unwrap_or_default();
    let other = Read::Other(trailer);
    let (first, mut rest) = line(text);
    let Some(kind) = first.strip_suffix(DASHES) else { return other };
    let mut headers = false;
    loop {
        if rest.is_empty() {
            return Read::Nothing;
        }
        let (header, next) = line(rest);
        if !header.contains(':') {
            break;
        }
        (rest, headers) = (next, true);
    }
    // How much of the rest lies before the line break of the end line. The line break may be that of the last line read.
    let after_end = trailer.len().saturating_add(END.len());
    let body = rest.len().checked_sub(after_end);
    // After headers that swallowed the end line, Go stops looking.
    if rest.len() < trailer.len() {
        return Read::Nothing;
    }
    if headers && body.is_none() {
        return other;
    }
    let Some(after_kind) = trailer.strip_prefix(kind).and_then(|after| after.strip_prefix(DASHES)) else {
        return other;
    };
    if !line(after_kind).0.is_empty() {
        return other;
    }
    let body = body.and_then(|length| rest.get(..length)).unwrap_or_default();
    let mut packed = BumpVec::with_capacity_in(body.len(), arena);
    packed.extend(body.bytes().filter(|byte| !matches!(byte, b' ' | b'\t')));
    let mut bytes = BumpVec::with_capacity_in(packed.len(), arena);
    match base64::decode(&packed, Alphabet::Standard, true, &mut bytes) {
        Ok(()) => Read::Block(kind, bytes.into_bump_slice()),
        Err(_) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_found_wherever_it_stands() {
        let arena = Bump::new();
        for (text, expected) in [
            ("-----BEGIN A-----\nYWJj\n-----END A-----\n", Some(("A", &b"abc"[..]))),
            ("x\n-----BEGIN A-----\nk: v\n\nYW Jj\n-----END A-----  ", Some(("A", b"abc"))),
            ("-----BEGIN A-----\n-----END A-----", Some(("A", b""))),
            ("x-----BEGIN A-----\nYWJj\n-----END A-----\n", None),
            (
                "-----BEGIN A-----\nYWJj\n-----END B-----\n-----BEGIN C-----\nYQ==\n-----END C-----",
                Some(("C", b"a")),
            ),
            ("-----BEGIN A-----\n!\n-----END A-----\n", None),
            ("-----BEGIN A\nYWJj\n-----END A-----\n", None),
            ("", None),
        ] {
            assert_eq!(first_block(&arena, text), expected, "{text}");
        }
    }
}
