//! Texts in double quotes, as Go's `%q` prints them in error messages.

use std::fmt;

/// A text that displays as Go's `strconv.Quote` writes it.
#[derive(Clone, Copy, Debug)]
pub struct GoQuoted<'s>(pub &'s str);

impl GoQuoted<'_> {
    /// What stands between the quotes.
    pub(super) fn fmt_inside(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\x07' => f.write_str("\\a")?,
                '\x08' => f.write_str("\\b")?,
                '\x0c' => f.write_str("\\f")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '\x0b' => f.write_str("\\v")?,
                '\'' => f.write_str("'")?,
                _ if is_printable(c) => fmt::Write::write_char(f, c)?,
                '\0'..=' ' | '\x7f' => write!(f, "\\x{:02x}", u32::from(c))?,
                _ if u32::from(c) < 0x1_0000 => write!(f, "\\u{:04x}", u32::from(c))?,
                _ => write!(f, "\\U{:08x}", u32::from(c))?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for GoQuoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        self.fmt_inside(f)?;
        f.write_str("\"")
    }
}

/// Go's `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII space.
fn is_printable(c: char) -> bool {
    // The standard library's escaping draws the same line, but a combining mark that opens a text is escaped by
    // it; behind a letter it is not.
    let mut pair = [0_u8; 5];
    let Some((first, rest)) = pair.split_first_mut() else { return false };
    *first = b'a';
    let length = c.encode_utf8(rest).len().saturating_add(1);
    let text = pair.get(..length).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default();
    text.escape_debug().nth(1) == Some(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_in_go() {
        for (text, quoted) in [
            ("a b", r#""a b""#),
            ("é\n\"\\\u{301}\u{200b}\u{1F600}\u{a0}\x7f", "\"é\\n\\\"\\\\\u{301}\\u200b😀\\u00a0\\x7f\""),
            ("\0\x1b\x07", r#""\x00\x1b\a""#),
            ("\u{301}", "\"\u{301}\""),
            ("\u{e0001}", r#""\U000e0001""#),
            ("'", r#""'""#),
        ] {
            assert_eq!(GoQuoted(text).to_string(), quoted);
        }
    }
}
