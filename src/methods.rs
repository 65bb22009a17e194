//! MCP's methods, and the texts that one reader takes for one of them and another does not.

use unicode_normalization::UnicodeNormalization;

use crate::visible::is_unseen;

/// The methods of MCP that have ever been published: the revisions 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25 with
/// its tasks, and 2026-07-28 with its extension for tasks. Those of either side, since messages of both pass.
pub(crate) const METHODS: &[&str] = &[
    "tools/call",
    "tools/list",
    "initialize",
    "ping",
    "completion/complete",
    "elicitation/create",
    "logging/setLevel",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "resources/templates/list",
    "resources/unsubscribe",
    "roots/list",
    "sampling/createMessage",
    "server/discover",
    "subscriptions/listen",
    "tasks/cancel",
    "tasks/get",
    "tasks/list",
    "tasks/result",
    "tasks/update",
    "notifications/cancelled",
    "notifications/elicitation/complete",
    "notifications/initialized",
    "notifications/message",
    "notifications/progress",
    "notifications/prompts/list_changed",
    "notifications/resources/list_changed",
    "notifications/resources/updated",
    "notifications/roots/list_changed",
    "notifications/subscriptions/acknowledged",
    "notifications/tasks",
    "notifications/tasks/status",
    "notifications/tools/list_changed",
];

/// Those of [`METHODS`] that are notifications.
pub(crate) fn notifications() -> impl Iterator<Item = &'static str> {
    METHODS.iter().copied().filter(|method| method.starts_with("notifications/"))
}

/// More than the letters of the longest method, [`METHODS`].
const LETTERS: usize = 48;

/// What a text is beside [`METHODS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// One of them.
    Method,
    /// None of them, but this one for a reader who trims, folds case, normalises or is generous with slashes.
    LookAlike(&'static str),
    /// Something else.
    No,
}

/// Whether `method` is one of [`METHODS`], or what a sloppy reader would take for one.
pub(crate) fn known(method: &str) -> Known {
    if METHODS.contains(&method) {
        return Known::Method;
    }
    // What readers drop goes first, so that a long text of it costs no more than to be read. Every other character
    // leaves at least one letter; of what is no method there are soon too many.
    let mut letters = [0_u8; LETTERS];
    let mut used = 0_usize;
    for letter in method.chars().filter(|c| !is_dropped(*c)).take(LETTERS).nfkc().flat_map(fold) {
        if is_dropped(letter) {
            continue;
        }
        let (Ok(letter), Some(place)) = (u8::try_from(letter), letters.get_mut(used)) else {
            return Known::No;
        };
        *place = letter;
        used = used.saturating_add(1);
    }
    let letters = letters.get(..used).unwrap_or_default();
    let same = |known: &&'static str| {
        known.bytes().filter(|c| *c != b'/').map(|c| c.to_ascii_lowercase()).eq(letters.iter().copied())
    };
    METHODS.iter().copied().find(same).map_or(Known::No, Known::LookAlike)
}

/// Blanks, what is not seen, and slashes of all kinds: with or without them a text is the same to somebody.
fn is_dropped(character: char) -> bool {
    let slash = matches!(character, '/' | '\\' | '⁄' | '∕' | '⧵' | '⧸' | '⧹' | '﹨' | '／' | '＼');
    slash || character.is_whitespace() || is_unseen(character)
}

/// The character without its case. By way of the upper case, because only there `ı` and `ſ` meet `i` and `s`; the dot
/// that `İ` leaves above its `i` is dropped as a Turkish reader drops it.
fn fold(character: char) -> impl Iterator<Item = char> {
    character.to_uppercase().flat_map(char::to_lowercase).filter(|c| *c != '\u{307}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_known_and_every_spelling_of_it_is_a_look_alike() {
        let wide = |text: &str| -> String {
            text.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect()
        };
        for method in METHODS {
            assert!(method.len() < LETTERS, "{method}");
            assert_eq!(known(method), Known::Method);
            for other in [
                method.to_uppercase(),
                method.replace('i', "I").replace('s', "ſ") + " ",
                format!(" {method}"),
                format!("{method}\u{a0}\u{200b}\n"),
                format!("\0{method}\u{feff}"),
                format!("/{method}"),
                format!("{method}//"),
                format!("\\{method}"),
                wide(method),
                format!("\u{3000}／{}／", wide(&method.to_uppercase())),
                method.chars().flat_map(|c| [c, '\u{200d}']).collect(),
                method.chars().flat_map(|c| ['/', c]).collect(),
                format!("{}{method}", "/ \u{200b}".repeat(10_000)),
            ] {
                assert_eq!(known(&other), Known::LookAlike(method), "{other:.80}");
            }
            for other in [
                format!("{method}x"),
                format!("x{method}"),
                format!("{method}.x"),
                format!("{method}{}", "\u{301}".repeat(100_000)),
                "a".repeat(1_000_000),
            ] {
                assert_eq!(known(&other), Known::No, "{other:.80}");
            }
        }
        for (text, expected) in [
            ("Tools/Call", Known::LookAlike("tools/call")),
            ("tools/call ", Known::LookAlike("tools/call")),
            ("/tools/call", Known::LookAlike("tools/call")),
            ("tools//call", Known::LookAlike("tools/call")),
            ("tools\\call", Known::LookAlike("tools/call")),
            ("ｔｏｏｌｓ/call", Known::LookAlike("tools/call")),
            ("tooⅼs/call", Known::LookAlike("tools/call")),
            ("\u{212a}", Known::No),
            ("prompts/l\u{131}st", Known::LookAlike("prompts/list")),
            ("PROMPTS/L\u{130}ST", Known::LookAlike("prompts/list")),
            ("logging/setlevel", Known::LookAlike("logging/setLevel")),
            ("ta\u{17f}k\u{17f}/get", Known::LookAlike("tasks/get")),
            ("", Known::No),
            (" ", Known::No),
            ("/", Known::No),
            ("foo/bar", Known::No),
            ("tools/calls", Known::No),
            ("tool/call", Known::No),
            ("tооls/call", Known::No),
        ] {
            assert_eq!(known(text), expected, "{text}");
        }
    }
}
