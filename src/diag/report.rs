//! Two forms of a diagnostic: text for people, and JSON for programs.
//!
//! Renders into a `String` and knows no terminal: the caller chooses the escape sequences of its [`Palette`].

use serde::Serialize;
use serde::ser::Serializer;

use super::{Diagnostic, Label, Severity};
use crate::source::{Source, Span};
use crate::visible::{printable, shown};

/// The widest source line that is shown, in terminal cells; a longer one is cut to what is around the place.
const MAX_LINE_CELLS: usize = 110;

/// How many bytes of a line are looked at on each side of a place.
const WINDOW_BYTES: usize = 1024;

/// Stands where a line is cut.
const CUT: &str = "…";

/// What is written before and after each part of a report: empty, or the caller's escape sequences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Palette<'a> {
    /// Before `error[…]` and its underline.
    pub error: &'a str,
    /// Before `warning[…]` and its underline.
    pub warning: &'a str,
    /// Before `note[…]` and its underline.
    pub note: &'a str,
    /// Before the message.
    pub message: &'a str,
    /// Before line numbers and bars.
    pub gutter: &'a str,
    /// Before `help:` and `note:`.
    pub help: &'a str,
    /// After each of these.
    pub reset: &'a str,
}

impl Palette<'static> {
    /// No colours.
    pub const PLAIN: Palette<'static> =
        Palette { error: "", warning: "", note: "", message: "", gutter: "", help: "", reset: "" };
}

/// All diagnostics as text, a blank line between two of them.
pub fn render(diagnostics: &[Diagnostic], palette: &Palette<'_>) -> String {
    let mut out = String::new();
    for (index, diagnostic) in diagnostics.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        render_one(diagnostic, palette, &mut out);
    }
    out
}

fn render_one(diagnostic: &Diagnostic, palette: &Palette<'_>, out: &mut String) {
    let Palette { gutter, help, message, reset, .. } = palette;
    let colour = match diagnostic.severity {
        Severity::Error => palette.error,
        Severity::Warning => palette.warning,
        Severity::Note => palette.note,
    };
    if let Some(file) = diagnostic.file_name() {
        let file = printable(file);
        match diagnostic.position() {
            Some(place) => out.push_str(&format!("{file}:{}:{}: ", place.line, place.column)),
            None => out.push_str(&format!("{file}: ")),
        }
    }
    let severity = diagnostic.severity.as_str();
    let text = printable(&diagnostic.message);
    out.push_str(&format!("{colour}{severity}[{}]{reset}: {message}{text}{reset}\n", diagnostic.code));
    let mut margin = 0;
    let quoted = diagnostic.source.as_ref().filter(|source| source.is_shown());
    if let (Some(source), Some(span)) = (quoted, diagnostic.span) {
        let line = source.position(span.start).line;
        let number = line.to_string();
        margin = number.len();
        let snippet = Snippet::new(source, span);
        let indent = " ".repeat(snippet.before);
        let underline = "^".repeat(snippet.width);
        out.push_str(&format!("{gutter}{:margin$} |{reset}\n", ""));
        out.push_str(&format!("{gutter}{number} |{reset} {}\n", snippet.text));
        out.push_str(&format!("{gutter}{:margin$} |{reset} {indent}{colour}{underline}{reset}\n", ""));
    }
    for Label { source, span, message } in &diagnostic.labels {
        let place = source.position(span.start);
        let file = printable(source.name());
        let text = printable(message);
        let note = format!("note:{reset} {text}: {file}:{}:{}", place.line, place.column);
        out.push_str(&format!("{gutter}{:margin$} ={reset} {help}{note}\n", ""));
    }
    if let Some(text) = &diagnostic.help {
        out.push_str(&format!("{gutter}{:margin$} ={reset} {help}help:{reset} {}\n", "", printable(text)));
    }
}

/// One line of source, ready to print, and the cells to underline.
struct Snippet {
    text: String,
    before: usize,
    width: usize,
}

impl Snippet {
    fn new(source: &Source, span: Span) -> Snippet {
        let line = source.position(span.start).line;
        let (offset, whole) = (source.line_start(line), source.line(line));
        // Of a long line only what may be shown is looked at: it may be pointed at thousands of times.
        let at = usize::try_from(span.start).unwrap_or(usize::MAX).saturating_sub(offset);
        let boundary =
            |at: usize| (at..whole.len()).find(|at| whole.is_char_boundary(*at)).unwrap_or(whole.len());
        let start = boundary(at.saturating_sub(WINDOW_BYTES));
        let end = boundary(at.saturating_add(WINDOW_BYTES));
        let offset = offset.saturating_add(start);
        let text = whole.get(start..end).unwrap_or_default();
        let (mut cells, mut from, mut to) = (Vec::new(), None, None);
        let mut used: usize = 0;
        if start > 0 {
            cells.push((CUT.to_owned(), 1));
            used = 1;
        }
        for (at, character) in text.char_indices() {
            let at = u32::try_from(offset.saturating_add(at)).unwrap_or(u32::MAX);
            if at >= span.start && from.is_none() {
                from = Some(used);
            }
            if at >= span.end && to.is_none() {
                to = Some(used);
            }
            let shown = shown(character);
            let width = if shown.chars().count() == 1 { cell_width(character) } else { shown.len() };
            used = used.saturating_add(width);
            cells.push((shown, width));
        }
        if end < whole.len() {
            cells.push((CUT.to_owned(), 1));
            used = used.saturating_add(1);
        }
        let from = from.unwrap_or(used);
        let to = to.unwrap_or(used).max(from);
        clip(cells, used, from, to)
    }
}

/// Cuts a line that is too wide to a window that starts a little before the underlined part.
fn clip(cells: Vec<(String, usize)>, used: usize, from: usize, to: usize) -> Snippet {
    let shown_width = to.saturating_sub(from).max(1);
    if used <= MAX_LINE_CELLS {
        let text: String = cells.into_iter().map(|(shown, _)| shown).collect();
        return Snippet { text: text.trim_end().to_owned(), before: from, width: shown_width };
    }
    let lead = MAX_LINE_CELLS.saturating_sub(shown_width).min(MAX_LINE_CELLS / 3);
    let start = from.saturating_sub(lead);
    let end = start.saturating_add(MAX_LINE_CELLS);
    let mut text = String::new();
    let (mut at, mut first) = (0_usize, None);
    for (shown, width) in cells {
        if at >= start && at.saturating_add(width) <= end {
            first.get_or_insert(at);
            text.push_str(&shown);
        }
        at = at.saturating_add(width);
    }
    let first = first.unwrap_or(start);
    let cut_before = if first > 0 { CUT } else { "" };
    let cut_after = if used > end { CUT } else { "" };
    let before = from.saturating_sub(first).saturating_add(usize::from(first > 0));
    let width = to.min(end).saturating_sub(from).max(1);
    Snippet { text: format!("{cut_before}{}{cut_after}", text.trim_end()), before, width }
}

/// How many cells a character takes in a terminal: none for combining marks, two for East Asian wide
/// characters and emoji, else one. Coarse on purpose: only the underline depends on it.
fn cell_width(character: char) -> usize {
    match u32::from(character) {
        0x300..=0x36f
        | 0x483..=0x489
        | 0x591..=0x5bd
        | 0x1ab0..=0x1aff
        | 0x1dc0..=0x1dff
        | 0x20d0..=0x20ff
        | 0xfe00..=0xfe0f
        | 0xfe20..=0xfe2f
        | 0xe0100..=0xe01ef => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0x33ff
        | 0x3400..=0x4dbf
        | 0x4e00..=0x9fff
        | 0xa000..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// The JSON form of a diagnostic; what is not known is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JsonDiagnostic<'a> {
    /// The path as the user gave it.
    pub file: Option<&'a str>,
    /// From 1.
    pub line: Option<usize>,
    /// From 1, in characters.
    pub column: Option<usize>,
    /// `TG1203`
    pub code: String,
    /// `error`, `warning` or `note`
    pub severity: &'static str,
    /// The name of the policy.
    pub policy: Option<&'a str>,
    /// What is wrong.
    pub message: &'a str,
    /// How to repair it.
    pub help: Option<&'a str>,
}

impl<'a> From<&'a Diagnostic> for JsonDiagnostic<'a> {
    fn from(diagnostic: &'a Diagnostic) -> JsonDiagnostic<'a> {
        let place = diagnostic.position();
        JsonDiagnostic {
            file: diagnostic.file_name(),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            code: diagnostic.code.to_string(),
            severity: diagnostic.severity.as_str(),
            policy: diagnostic.policy.as_deref(),
            message: &diagnostic.message,
            help: diagnostic.help.as_deref(),
        }
    }
}

impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        JsonDiagnostic::from(self).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Code;
    use super::*;

    fn report(text: &str, start: usize, end: usize) -> String {
        let source = Source::new("p.yaml", text).unwrap();
        let diagnostic = Diagnostic::error(Code::UnknownField, "wrong").at(&source, Span::new(start, end));
        render(&[diagnostic], &Palette::PLAIN)
    }

    #[test]
    fn the_underline_stands_under_the_place() {
        assert_eq!(
            report("a: 1\nspec: x\n", 5, 9),
            "p.yaml:2:1: error[TG1203]: wrong\n  |\n2 | spec: x\n  | ^^^^\n"
        );
    }

    #[test]
    fn tabs_and_wide_characters_keep_the_underline_in_place() {
        assert_eq!(
            report("\t日本: x", 9, 10),
            "p.yaml:1:6: error[TG1203]: wrong\n  |\n1 |     日本: x\n  |           ^\n"
        );
    }

    #[test]
    fn control_and_bidirectional_characters_are_escaped() {
        let text = report("a\u{1b}[31m\u{202e}b", 8, 9);
        assert!(text.contains("a\\u{1b}[31m\\u{202e}b\n"), "{text}");
        let source = Source::without_text("a\u{7}.yaml");
        let diagnostic = Diagnostic::warning(Code::NoSuchPath, "no `\u{1b}`").file(&source);
        assert_eq!(render(&[diagnostic], &Palette::PLAIN), "a\\u{7}.yaml: warning[TG1001]: no `\\u{1b}`\n");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = report(&format!("{}HERE{}", "a".repeat(500), "b".repeat(500)), 500, 504);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[2].chars().count(), 4 + MAX_LINE_CELLS + 2);
        let at = lines[3].find('^').unwrap();
        let under: String = lines[2].chars().skip(at).take(4).collect();
        assert_eq!((under.as_str(), lines[3].matches('^').count()), ("HERE", 4));
        let wide = report(&"x".repeat(400), 0, 400);
        assert!(wide.lines().all(|line| line.chars().count() <= MAX_LINE_CELLS + 6), "{wide}");
    }

    #[test]
    fn many_places_in_one_long_line_are_told_without_reading_it_again_for_each() {
        let text = "é ".repeat(500_000);
        let source = Source::new("p.yaml", text.as_str()).unwrap();
        let at = |place: usize| {
            Diagnostic::error(Code::UnknownField, "wrong").at(&source, Span::new(place * 3, place * 3 + 2))
        };
        let diagnostics: Vec<Diagnostic> = (0..2_000).map(|n| at(n * 250)).collect();
        let told = render(&diagnostics, &Palette::PLAIN);
        let last = told.lines().rev().take(4).collect::<Vec<_>>();
        assert_eq!(last[3], "p.yaml:1:999501: error[TG1203]: wrong");
        let under: String = last[1].chars().skip(last[0].find('^').unwrap()).take(2).collect();
        assert_eq!((under.as_str(), last[1].chars().count()), ("é ", 4 + MAX_LINE_CELLS + 2 - 1));
    }

    #[test]
    fn a_place_over_several_lines_is_underlined_to_the_end_of_the_first() {
        assert!(report("abc\ndef", 1, 7).ends_with("1 | abc\n  |  ^^\n"));
        assert!(report("abc", 3, 3).ends_with("1 | abc\n  |    ^\n"));
    }

    #[test]
    fn the_json_form_has_the_documented_members() {
        let source = Source::new("p.yaml", "a").unwrap();
        let diagnostic =
            Diagnostic::error(Code::UnknownField, "m").at(&source, Span::new(0, 1)).help("h").policy("n");
        assert_eq!(
            serde_json::to_string(&diagnostic).unwrap(),
            r#"{"file":"p.yaml","line":1,"column":1,"code":"TG1203","severity":"error","policy":"n","message":"m","help":"h"}"#
        );
    }
}
