//! What a text may be: the values that the mapping of headers gives (docs/configuration.md), the names under which
//! headers stand in their map, and what is left of a text that went through `lowerAscii()`, `upperAscii()` or `trim()`.
//!
//! The mapping writes environments and operations in lower case, the names of tools have few characters, and what looks
//! like a method of MCP and is none is refused before any policy is asked.

use std::rc::Rc;

use bumpalo::Bump;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look};

use crate::diag::Code;
use crate::library::kyverno::http::{canonical_key, is_token};
use crate::library::regex;
use crate::methods::{Known as KnownMethod, METHODS, known};

use super::near;

/// Where names of headers are the keys of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// `object.attributes.header` of mode HTTP, in canonical form.
    Http,
    /// `object.attributes.request.http.headers` of mode Envoy, in lower case.
    Envoy,
    /// `object.headers` of mode JSON, in canonical form.
    Json,
    /// `call.headers` of the settings: the caller's own, in lower case.
    Caller,
}

impl Keys {
    pub(super) fn is_canonical(self) -> bool {
        matches!(self, Keys::Http | Keys::Json)
    }
}

/// A header's name in the form in which Go keeps it.
pub(super) fn canonical(name: &str) -> String {
    canonical_key(name, &Bump::new()).to_owned()
}

/// What the name of a tool is called, and its two parts.
pub(super) const WHOLE: &str = "name of a tool";
pub(super) const TARGET: &str = "target";
pub(super) const TOOL: &str = "tool";

/// Where policies find the parts.
const IN_TARGET: &str = "`X-Tool-Target` (in mode JSON `object.target`)";
const IN_TOOL: &str = "`X-Tool-Name` (in mode JSON `object.tool`)";

/// Texts of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// An environment.
    Environment,
    /// A method of MCP.
    Method,
    /// A method of HTTP.
    HttpMethod,
    /// An operation.
    Operation,
    /// The name of what this word says.
    Name(&'static str),
    /// A key of a map of headers.
    Key(Keys),
    /// A header's value.
    Value,
    /// Any text.
    Any,
    /// One of these, which the settings give; true if they are environments. Policies may be for other settings too, so that
    /// others are no mistake unless they are nearly these.
    OneOf(bool, Rc<[String]>),
}

/// Which part of a text another is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Start,
    End,
    Inside,
    /// The other is a regular expression.
    Pattern,
}

impl Part {
    fn starts(self) -> bool {
        matches!(self, Part::Whole | Part::Start)
    }

    fn ends(self) -> bool {
        matches!(self, Part::Whole | Part::End)
    }

    /// Whether `whole` has `text` in this part.
    pub(super) fn has(self, whole: &str, text: &str) -> bool {
        match self {
            Part::Whole => whole == text,
            Part::Start => whole.starts_with(text),
            Part::End => whole.ends_with(text),
            Part::Inside => whole.contains(text),
            Part::Pattern => true,
        }
    }

    /// What a name does that is not impossible.
    fn hardly_does(self) -> &'static str {
        match self {
            Part::Whole => "is",
            Part::Start => "begins with",
            Part::End => "ends with",
            Part::Inside => "contains",
            Part::Pattern => "matches",
        }
    }

    fn does(self) -> &'static str {
        match self {
            Part::Whole => "is ever",
            Part::Start => "ever begins with",
            Part::End => "ever ends with",
            Part::Inside => "ever contains",
            Part::Pattern => "ever matches",
        }
    }
}

/// The case into which a text was brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    AsIs,
    Lower,
    Upper,
}

impl Case {
    fn fits(self, text: &str) -> bool {
        match self {
            Case::AsIs => true,
            Case::Lower => !text.bytes().any(|byte| byte.is_ascii_uppercase()),
            Case::Upper => !text.bytes().any(|byte| byte.is_ascii_lowercase()),
        }
    }

    pub(super) fn of(self, text: &str) -> String {
        match self {
            Case::AsIs => text.to_owned(),
            Case::Lower => text.to_ascii_lowercase(),
            Case::Upper => text.to_ascii_uppercase(),
        }
    }
}

impl Form {
    /// What a text is called.
    fn what(&self) -> &'static str {
        match self {
            Form::Environment | Form::OneOf(true, _) => "environment",
            Form::Method => "method",
            Form::HttpMethod => "method of HTTP",
            Form::Operation => "operation",
            Form::Name(what) => what,
            Form::Key(_) => "name of a header",
            Form::Value | Form::OneOf(false, _) => "value of a header",
            Form::Any => "text",
        }
    }

    /// Whether a text of this form may have `text` there.
    fn may_have(&self, text: &str, part: Part) -> bool {
        let blank = |c: char| c == ' ' || c == '\t';
        match self {
            Form::Environment | Form::OneOf(true, _) => {
                text.chars().flat_map(char::to_lowercase).eq(text.chars())
                    && (!part.starts() || text.trim_start().len() == text.len())
                    && (!part.ends() || text.trim_end().len() == text.len())
            }
            // A part of a look-alike may be part of a method that nobody has published.
            Form::Method => part != Part::Whole || meant(text).is_none(),
            Form::HttpMethod => text.bytes().all(is_token),
            Form::Operation => text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
            // A tool's target ends where the first `___` begins.
            Form::Name(TARGET) if text.contains("___") => false,
            Form::Name(_) => text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_./-".contains(&byte)),
            Form::Key(keys) if keys.is_canonical() => is_canonical(text, part),
            Form::Key(_) => Case::Lower.fits(text),
            Form::Value | Form::OneOf(false, _) => {
                let has_blank =
                    part.starts() && text.starts_with(blank) || part.ends() && text.ends_with(blank);
                let has_control = text.chars().any(|c| c.is_ascii_control() && c != '\t');
                !has_blank && !has_control
            }
            Form::Any => true,
        }
    }

    /// The same where ASCII letters of either case are the same.
    fn may_have_folded(&self, text: &str, part: Part) -> bool {
        match self {
            Form::Environment | Form::OneOf(true, _) | Form::Operation => {
                self.may_have(&text.to_ascii_lowercase(), part)
            }
            Form::Method => {
                self.may_have(text, part) || METHODS.iter().any(|method| method.eq_ignore_ascii_case(text))
            }
            Form::Key(_) | Form::Any => true,
            Form::HttpMethod | Form::Name(_) | Form::Value | Form::OneOf(false, _) => {
                self.may_have(text, part)
            }
        }
    }

    /// The ASCII characters that a text of this form may have; of the others every form has some.
    fn ascii(&self, byte: u8) -> bool {
        match self {
            Form::Environment | Form::OneOf(true, _) => !byte.is_ascii_uppercase(),
            Form::Key(keys) => keys.is_canonical() || !byte.is_ascii_uppercase(),
            Form::Operation => byte.is_ascii_lowercase() || byte.is_ascii_digit(),
            Form::Name(_) => byte.is_ascii_alphanumeric() || b"_./-".contains(&byte),
            Form::HttpMethod => is_token(byte),
            Form::Method | Form::Value | Form::Any | Form::OneOf(false, _) => true,
        }
    }

    fn is_ascii(&self) -> bool {
        matches!(self, Form::Operation | Form::HttpMethod | Form::Name(_))
    }
}

/// Whether the canonical name of a header may have `text` there: behind its beginning, or in a word of it.
fn is_canonical(text: &str, part: Part) -> bool {
    let is_beginning = || canonical(text) == text;
    // A small letter keeps its place behind another.
    let is_behind = || canonical(&format!("X{text}")).strip_prefix('X') == Some(text);
    match part {
        Part::Whole | Part::Start => is_beginning(),
        Part::End | Part::Inside => is_beginning() || is_behind(),
        Part::Pattern => true,
    }
}

/// The method of MCP that a text is taken for and is not.
fn meant(text: &str) -> Option<&'static str> {
    if let KnownMethod::LookAlike(method) = known(text) { Some(method) } else { None }
}

/// Texts of one form, and what became of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) form: Form,
    pub(super) case: Case,
    pub(super) is_trimmed: bool,
}

impl From<Form> for Given {
    fn from(form: Form) -> Given {
        Given { form, case: Case::AsIs, is_trimmed: false }
    }
}

impl Given {
    /// Whether one of the texts may have `text` there; of a pattern, whether one may match.
    pub(super) fn may_have(&self, text: &str, part: Part) -> bool {
        if part == Part::Pattern {
            return self.may_match(text);
        }
        self.is_trimmed(text, part)
            && self.case.fits(text)
            && match self.case {
                Case::AsIs => self.form.may_have(text, part),
                Case::Lower | Case::Upper => self.form.may_have_folded(text, part),
            }
    }

    fn is_trimmed(&self, text: &str, part: Part) -> bool {
        !self.is_trimmed
            || (!part.starts() || text.trim_start().len() == text.len())
                && (!part.ends() || text.trim_end().len() == text.len())
    }

    /// In which case all of its ASCII letters are.
    pub(super) fn case(&self) -> Case {
        match (self.case, &self.form) {
            (
                Case::AsIs,
                Form::Environment
                | Form::OneOf(true, _)
                | Form::Operation
                | Form::Key(Keys::Envoy | Keys::Caller),
            ) => Case::Lower,
            (case, _) => case,
        }
    }

    /// Whether a pattern may match one of the texts.
    fn may_match(&self, pattern: &str) -> bool {
        // Reading a pattern takes its time, and most say nothing of the case.
        let is_suspect = match (&self.form, self.case()) {
            (Form::Name(_) | Form::Operation | Form::Method | Form::HttpMethod, _) => true,
            (Form::Key(keys), _) if keys.is_canonical() => true,
            (_, Case::Lower) => pattern.bytes().any(|byte| byte.is_ascii_uppercase()),
            (_, Case::Upper) => pattern.bytes().any(|byte| byte.is_ascii_lowercase()),
            (_, Case::AsIs) => false,
        };
        let Some(Ok(pattern)) = is_suspect.then(|| regex::generated(pattern)) else { return true };
        let allowed = (0..=0x7f_u8).filter(|byte| {
            let fits = self.case.fits(std::str::from_utf8(&[*byte]).unwrap_or_default());
            let small = byte.to_ascii_lowercase();
            let from = self.form.ascii(*byte) || self.case == Case::Upper && self.form.ascii(small);
            fits && from
        });
        let ascii = allowed.map(|byte| ClassUnicodeRange::new(char::from(byte), char::from(byte)));
        let others = (!self.form.is_ascii()).then(|| ClassUnicodeRange::new('\u{80}', char::MAX));
        let characters = ClassUnicode::new(ascii.chain(others));
        Matching { given: self, characters }.may(&pattern, false, false)
    }

    /// What is wrong with a text that no text of these has there, and what to write instead.
    pub(super) fn words(&self, text: &str, part: Part) -> (Code, String, String) {
        let does = part.does();
        if let (Form::Key(keys), Case::AsIs) = (&self.form, self.case) {
            let (message, help) = key_words(*keys, text, part);
            return (Code::HeaderNeverFound, message, help);
        }
        let normal = self.case.of(text.trim());
        let what = self.form.what();
        let (what, rule) = if part != Part::Pattern && !self.is_trimmed(text, part) {
            (format!("trimmed {what}"), "`trim()` leaves no blanks at its ends".to_owned())
        } else if !self.case.fits(text) && (part == Part::Pattern || self.form.may_have(text, part)) {
            let (case, letters) = match self.case {
                Case::Upper => ("upper case", "small letters"),
                Case::Lower | Case::AsIs => ("lower case", "capitals"),
            };
            (format!("{what} in {case}"), format!("it has {letters}"))
        } else {
            (what.to_owned(), rule(&self.form, text).to_owned())
        };
        let message = format!("no {what} {does} `{text}`: {rule}");
        (Code::ValueNeverGiven, message, self.help(text, &normal, part))
    }

    /// What is doubtful about the name of a tool with its target: what is behind the first `___` rarely has another.
    pub(super) fn with_target(&self, text: &str, part: Part) -> Option<(Code, String, String)> {
        if !matches!(self.form, Form::Name(TOOL)) {
            return None;
        }
        let name = match part {
            Part::Pattern => {
                let begins = text.strip_prefix('^')?;
                let end = begins.bytes().position(|byte| !self.form.ascii(byte) || byte == b'.');
                begins.get(..end.unwrap_or(begins.len()))?
            }
            Part::Whole | Part::Start | Part::End | Part::Inside => text,
        };
        let (target, tool) =
            name.split_once("___").filter(|(target, tool)| !target.is_empty() || !tool.is_empty())?;
        let does = part.hardly_does();
        let message =
            format!("a tool's name hardly ever {does} `{text}`: the target and `___` are not in it");
        let help = match (target.is_empty(), tool.is_empty() || part == Part::Pattern) {
            (true, _) => format!("write `{tool}`"),
            (false, true) => format!("compare {IN_TARGET} with `{target}`"),
            (false, false) => format!("write `{tool}`, and compare {IN_TARGET} with `{target}`"),
        };
        Some((Code::ValueNeverGiven, message, help))
    }

    /// What is doubtful about a text that may be there by its form: it is none of those that the settings give, or of those
    /// that MCP or a gateway has.
    pub(super) fn doubt(&self, text: &str) -> Option<(Code, String, String)> {
        let texts = match &self.form {
            Form::OneOf(_, texts) => texts,
            Form::Method => return self.no_method(text),
            Form::Name(WHOLE) if !text.is_empty() && !text.contains("___") => {
                let message = format!(
                    "the name of a tool is hardly ever `{text}`: the gateway puts the target and `___` before it"
                );
                let help = format!("write `target___{text}`, or compare {IN_TOOL}");
                return Some((Code::ValueNeverGiven, message, help));
            }
            _ => return None,
        };
        let fold = |text: &str| self.case.of(text);
        if texts.iter().any(|own| fold(own) == text) || !self.may_have(text, Part::Whole) {
            return None;
        }
        let meant = texts.iter().find(|own| near::is_like(&text.to_lowercase(), &own.to_lowercase()))?;
        let some: Vec<String> = texts.iter().take(MAX_TOLD).map(|text| format!("`{text}`")).collect();
        let more = if texts.len() > MAX_TOLD { ", …" } else { "" };
        let what = self.form.what();
        let message = format!("no {what} is ever `{text}`: the settings give {}{more}", some.join(", "));
        Some((Code::ValueNeverGiven, message, format!("did you mean `{}`?", fold(meant))))
    }

    /// A misspelt method of MCP. A method that MCP does not have may be sent, but hardly one that is nearly so.
    fn no_method(&self, text: &str) -> Option<(Code, String, String)> {
        let fold = |text: &str| self.case.of(text);
        // What merely looks like a method is told of in other words.
        if meant(text).is_some() || METHODS.iter().any(|method| fold(method) == text) {
            return None;
        }
        let meant = METHODS.iter().find(|method| near::is_misspelt(text, &fold(method)))?;
        let message = format!("MCP has no method `{text}`");
        Some((Code::ValueNeverGiven, message, format!("did you mean `{}`?", fold(meant))))
    }

    fn help(&self, text: &str, normal: &str, part: Part) -> String {
        if part == Part::Pattern {
            return "write a pattern that can match; one that begins with `(?i)` takes either case"
                .to_owned();
        }
        if self.case != Case::AsIs || self.is_trimmed {
            return if normal != text && self.may_have(normal, part) {
                format!("write `{normal}`")
            } else {
                "compare with a text that can be there".to_owned()
            };
        }
        let small = normal.to_lowercase();
        match &self.form {
            Form::Operation
                if part == Part::Whole && near::words(text).len() > 1 && !text.contains("___") =>
            {
                let verb = near::words(text).swap_remove(0);
                format!("write `{verb}`, or compare {IN_TOOL} with `{text}`")
            }
            Form::Environment | Form::OneOf(true, _) | Form::Operation if self.may_have(&small, part) => {
                format!("write `{small}`")
            }
            Form::Environment | Form::OneOf(true, _) => "write it as the header has it".to_owned(),
            Form::Method => format!("write `{}`", meant(text).unwrap_or("the method as MCP has it")),
            Form::HttpMethod => "compare `X-Mcp-Method`, which is the method of MCP".to_owned(),
            Form::Operation => {
                format!("compare {IN_TOOL}, which is all of the tool's name without its target")
            }
            Form::Name(_) if text.contains(['*', '?', '[', '^', '$', '(']) => {
                "`==` and `in` know no patterns: use `startsWith`, `endsWith`, `contains` or `matches`"
                    .to_owned()
            }
            Form::Name(TARGET) => match text.split_once("___") {
                Some((target, tool)) if !target.is_empty() && !tool.is_empty() => {
                    format!("write `{target}`; the tool's name, `{tool}`, is {IN_TOOL}")
                }
                _ => format!(
                    "{IN_TARGET} is what is before the first `___` of the name that the gateway lists"
                ),
            },
            Form::Name(TOOL) => {
                format!("{IN_TOOL} is what is behind the first `___` of the name that the gateway lists")
            }
            Form::Name(_) => "write the name as the gateway lists it, `target___tool`".to_owned(),
            Form::Value | Form::Any | Form::Key(_) | Form::OneOf(false, _) => format!("write `{normal}`"),
        }
    }
}

/// Why no text of a form is as another, whose case and ends are well.
fn rule(form: &Form, text: &str) -> &'static str {
    match form {
        Form::Environment | Form::OneOf(true, _) => {
            "environments are in lower case, without blanks at their ends"
        }
        Form::Method => "a call whose method is written otherwise is refused before policies are asked",
        Form::HttpMethod => "it has letters, digits and a few signs only",
        Form::Operation => "an operation is the first word of the tool's name, in lower case",
        Form::Name(TARGET) if text.contains("___") => "a target ends where the first `___` begins",
        Form::Name(_) => "names have letters, digits and `_ . / -` only",
        Form::Key(_) => "names of headers are not written so",
        Form::Value | Form::Any | Form::OneOf(false, _) => {
            "headers have neither blanks at the ends of their values nor control characters"
        }
    }
}

/// How many of the texts that the settings give are told.
const MAX_TOLD: usize = 4;

/// What is wrong with a header's name that is no key of its map, and what to write instead.
fn key_words(keys: Keys, text: &str, part: Part) -> (String, String) {
    let subject = match part {
        Part::Whole => format!("no header is ever called `{text}`"),
        _ => format!("no name of a header {} `{text}`", part.does()),
    };
    let rule = match keys {
        Keys::Http => "the keys of `header` are canonical",
        Keys::Json => "the keys of `headers` are canonical",
        Keys::Envoy => "the keys of `headers` are in lower case",
        Keys::Caller => "the keys of `call.headers` are in lower case",
    };
    // Names of headers have `-` where those of other things have `_`.
    let text = &text.replace('_', "-");
    let normal = if keys.is_canonical() { canonical(text) } else { text.to_ascii_lowercase() };
    let help = match (keys, part) {
        (_, Part::Pattern) => {
            "write a pattern that can match; one that begins with `(?i)` takes either case".to_owned()
        }
        (Keys::Http, Part::Whole) => {
            format!("write `{normal}`, or `object.attributes.Header(\"{normal}\")`, which takes any case")
        }
        _ => format!("write `{normal}`"),
    };
    (format!("{subject}: {rule}"), help)
}

/// Whether a pattern may match: its literals are somewhere in the text, and it has these characters only.
struct Matching<'g> {
    given: &'g Given,
    characters: ClassUnicode,
}

impl Matching<'_> {
    /// Whether `pattern` may, where it stands behind the text's beginning or before its end.
    fn may(&self, pattern: &Hir, starts: bool, ends: bool) -> bool {
        match pattern.kind() {
            HirKind::Empty | HirKind::Look(_) | HirKind::Class(Class::Bytes(_)) => true,
            HirKind::Literal(literal) => {
                let part = match (starts, ends) {
                    (true, true) => Part::Whole,
                    (true, false) => Part::Start,
                    (false, true) => Part::End,
                    (false, false) => Part::Inside,
                };
                std::str::from_utf8(&literal.0).map_or(true, |text| self.given.may_have(text, part))
            }
            HirKind::Class(Class::Unicode(class)) => {
                let mut both = class.clone();
                both.intersect(&self.characters);
                !both.ranges().is_empty()
            }
            HirKind::Repetition(repetition) => repetition.min == 0 || self.may(&repetition.sub, false, false),
            HirKind::Capture(capture) => self.may(&capture.sub, starts, ends),
            HirKind::Alternation(parts) => parts.iter().any(|part| self.may(part, starts, ends)),
            HirKind::Concat(parts) => {
                let is = |at: Option<usize>, look: Look| {
                    at.and_then(|at| parts.get(at)).is_some_and(|part| *part.kind() == HirKind::Look(look))
                };
                let last = parts.len().saturating_sub(1);
                parts.iter().enumerate().all(|(at, part)| {
                    let starts = at == 0 && starts || is(at.checked_sub(1), Look::Start);
                    let ends = at == last && ends || is(at.checked_add(1), Look::End);
                    self.may(part, starts, ends)
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing that can be so is called impossible: every part of every text of a form, whatever became of it, and the patterns
    /// that match it.
    #[test]
    fn what_may_be_is_not_doubted() {
        let samples: [(Form, &[&str]); 13] = [
            (Form::HttpMethod, &["POST", "get", "M-SEARCH"]),
            (Form::Environment, &["production", "pré prod", "", "a-b_2"]),
            (Form::OneOf(true, Rc::from(["production".to_owned()])), &["production"]),
            (Form::OneOf(false, Rc::from(["Payments".to_owned()])), &["Payments"]),
            (
                Form::Method,
                &["tools/call", "logging/setLevel", "acme/Do", "notifications/roots/list_changed"],
            ),
            (Form::Operation, &["delete", "delete2", ""]),
            (Form::Name(TOOL), &["deletePod", "a_b.c/D-1", "a___b"]),
            (Form::Name(TARGET), &["shop", "Shop__2"]),
            (Form::Key(Keys::Http), &["X-Tool-Name", "Accept", "X-1a-B", "Etag"]),
            (Form::Key(Keys::Json), &["X-Tool-Name", "Www-Authenticate"]),
            (Form::Key(Keys::Envoy), &[":path", "x-tool-name"]),
            (Form::Value, &["Alice Liddell", "a\tb", "ÄÖ ß", ""]),
            (Form::Any, &[" \n Any ", ""]),
        ];
        for (form, texts) in samples {
            for (case, is_trimmed) in [Case::AsIs, Case::Lower, Case::Upper]
                .into_iter()
                .flat_map(|case| [(case, false), (case, true)])
            {
                let given = Given { form: form.clone(), case, is_trimmed };
                for text in texts {
                    let text = case.of(if is_trimmed { text.trim() } else { text });
                    assert!(given.may_have(&text, Part::Whole), "{given:?} {text}");
                    let escaped: String = text.chars().map(|c| format!("[{}]", regex_class(c))).collect();
                    let patterns =
                        [format!("^{escaped}$"), escaped, format!("(?i)^{}", quoted(&text)), quoted(&text)];
                    for pattern in patterns.into_iter().chain([format!("^{}$", quoted(&text))]) {
                        assert!(given.may_have(&pattern, Part::Pattern), "{given:?} {pattern}");
                    }
                    for (at, _) in text.char_indices() {
                        let (start, end) = text.split_at(at);
                        assert!(given.may_have(start, Part::Start), "{given:?} {start}");
                        assert!(given.may_have(end, Part::End), "{given:?} {end}");
                        for inside in [start, end] {
                            assert!(given.may_have(inside, Part::Inside), "{given:?} {inside}");
                        }
                        assert!(
                            given.may_have(&format!("^{}", quoted(start)), Part::Pattern),
                            "{given:?} ^{start}"
                        );
                        assert!(
                            given.may_have(&format!("{}$", quoted(end)), Part::Pattern),
                            "{given:?} {end}$"
                        );
                    }
                }
            }
        }
    }

    fn quoted(text: &str) -> String {
        text.chars()
            .map(|c| if c.is_ascii_punctuation() { format!("\\{c}") } else { c.to_string() })
            .collect()
    }

    fn regex_class(c: char) -> String {
        if c.is_ascii_punctuation() { format!("\\{c}") } else { c.to_string() }
    }
}
