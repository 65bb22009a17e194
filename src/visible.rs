//! Texts of callers and authors, so that a person sees what is in them.
//!
//! Characters that steer a terminal, that are not seen, or that move the text around them are escaped: the one list of
//! them, for what is printed, for records and for JSON. What an agent is told is not printed, and stays as it is.

use std::fmt::Write as _;

/// True for controls, characters that are rendered as nothing or as a blank of their own, line and paragraph
/// separators, and marks of direction. Ordinary blanks are seen.
pub fn is_unseen(character: char) -> bool {
    match u32::from(character) {
        0x20..=0x7e => false,
        0..=0x1f | 0x7f..=0x9f => true,
        // Unicode's Default_Ignorable_Code_Point, which has the zero-width characters, variation selectors, tags and all
        // marks of direction.
        0xad
        | 0x34f
        | 0x61c
        | 0x115f..=0x1160
        | 0x17b4..=0x17b5
        | 0x180b..=0x180f
        | 0x200b..=0x200f
        | 0x202a..=0x202e
        | 0x2060..=0x206f
        | 0x3164
        | 0xfe00..=0xfe0f
        | 0xfeff
        | 0xffa0
        | 0xfff0..=0xfff8
        | 0x1bca0..=0x1bca3
        | 0x1d173..=0x1d17a
        | 0xe0000..=0xe0fff => true,
        // Separators of lines and paragraphs, the blank of Braille, and marks of annotations and hieroglyphs.
        0x2028..=0x2029 | 0x2800 | 0xfff9..=0xfffb | 0x13430..=0x1343f => true,
        _ => false,
    }
}

/// One character of a text for people: `\u{202e}` for one that is not seen, blanks for a tab.
pub(crate) fn shown(character: char) -> String {
    match character {
        '\t' => "    ".to_owned(),
        _ if is_unseen(character) => character.escape_unicode().to_string(),
        _ => character.to_string(),
    }
}

/// A text for people, on one line.
pub fn printable(text: &str) -> String {
    text.chars().map(shown).collect()
}

/// A text for people of as many lines as it has.
pub fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// JSON that means the same and shows what is in it: a character that is not seen stands as `\u202e`. Outside of
/// strings JSON has no such characters but line breaks, which stay.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unseen(character) && !matches!(character, '\n' | '\r' | '\t') {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNSEEN: &str = "\0\u{7}\u{1b}\u{7f}\u{80}\u{9b}\u{ad}\u{61c}\u{180e}\u{200b}\u{200d}\u{200e}\u{2028}\u{2029}\u{202e}\u{2066}\u{2069}\u{3164}\u{fe0f}\u{feff}\u{fff9}\u{e0041}\u{e0100}";

    #[test]
    fn nothing_unseen_is_left_and_all_else_stays() {
        assert!(UNSEEN.chars().all(is_unseen));
        let printed = printable(&format!("a{UNSEEN}é日😀 \u{301}"));
        assert!(!printed.chars().any(is_unseen), "{printed:?}");
        assert!(
            printed.starts_with("a\\u{0}\\u{7}\\u{1b}") && printed.ends_with("é日😀 \u{301}"),
            "{printed}"
        );
        assert_eq!(printable("a\nb\tc"), "a\\u{a}b    c");
        assert_eq!(printable_lines("a\nb\u{202e}"), "a\nb\\u{202e}");
    }

    #[test]
    fn json_keeps_its_value_and_shows_what_is_in_it() {
        let value = serde_json::json!({ UNSEEN: [format!("é😀{UNSEEN}\n"), 1] });
        let written = json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(written.chars().all(|character| character == '\n' || !is_unseen(character)), "{written:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), value);
        assert!(written.contains(r"\udb40\udc41"), "{written}");
    }

    #[test]
    fn everything_that_unicode_calls_ignorable_control_or_a_mark_of_direction_is_unseen() {
        // The marks of direction have no property of their own in the crate; they are among the formats.
        let unseen = regex::Regex::new(r"[\p{Cc}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]").unwrap();
        let format = regex::Regex::new(r"\p{Cf}").unwrap();
        // Formats that are seen: signs that stand around the digits after them.
        let seen = ['\u{6dd}', '\u{70f}', '\u{8e2}', '\u{110bd}', '\u{110cd}', '\u{890}', '\u{891}'];
        let mut text = String::new();
        for character in '\0'..=char::MAX {
            text.clear();
            text.push(character);
            let due = unseen.is_match(&text)
                || character == '\u{2800}'
                || format.is_match(&text)
                    && !seen.contains(&character)
                    && !('\u{600}'..='\u{605}').contains(&character);
            let found = is_unseen(character);
            assert_eq!(found, due, "{character:?}");
        }
    }

    #[test]
    fn what_people_write_is_seen() {
        for text in ["a b\u{a0}c", "ärzte", "日本語", "עברית", "العربية", "e\u{301}", "🦀"]
        {
            assert!(!text.chars().any(is_unseen), "{text}");
        }
    }
}
