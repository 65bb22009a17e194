//! Diagnostics: what is wrong with the user's files, in the words of a policy author.
//!
//! Knows codes, severity, places, help and the JSON form. Does not know terminals or colours, nor which stage
//! raised a diagnostic.
//!
//! A message starts in lower case, has no final period and no line break, and puts the user's text into
//! backticks. It says what is wrong; how to repair it is the help.

mod cap;
pub mod code;
pub mod entry;
mod list;
pub mod report;

use std::cmp::Ordering;
use std::sync::Arc;

pub use self::cap::{Cap, MAX_FAULTS};
pub use self::code::{Code, Severity};
pub use self::list::{Diagnostics, Warnings};
use crate::source::{Position, Source, Span};

/// A second place that a diagnostic speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The file of the place.
    pub source: Arc<Source>,
    /// The place.
    pub span: Span,
    /// What is there: `first set here`.
    pub message: String,
}

/// One thing that is wrong, or that the user should know. Displayed as text of one or several lines, with its place;
/// serialised as `toolgate check --output json` writes it.
///
/// ```
/// let wrong = toolgate::PolicySet::from_text("policies.yaml", "kind: 1").unwrap_err();
/// assert_eq!(wrong[1].code.to_string(), "TG1202");
/// assert_eq!(wrong[1].message, "`kind` must be text");
/// assert_eq!(wrong[1].position().map(|place| (place.line, place.column)), Some((1, 7)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// Its kind.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// How to repair it.
    pub help: Option<String>,
    /// The name of the policy, when it is known.
    pub policy: Option<String>,
    /// The file.
    pub source: Option<Arc<Source>>,
    /// The place in the file.
    pub span: Option<Span>,
    /// The field: `spec.validations[0].expression`.
    pub path: Option<String>,
    /// Other places.
    pub labels: Vec<Label>,
}

impl Diagnostic {
    /// An error.
    pub fn error(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            message: message.into(),
            help: None,
            policy: None,
            source: None,
            span: None,
            path: None,
            labels: Vec::new(),
        }
    }

    /// A warning.
    pub fn warning(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message) }
    }

    /// Something that is as it may be, and that the user should know.
    pub fn note(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Note, ..Diagnostic::error(code, message) }
    }

    /// With the way to repair it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// With the help `did you mean …`, if there is a candidate near `word`.
    #[must_use]
    pub fn suggest<'a>(self, word: &str, candidates: impl Iterator<Item = &'a str>) -> Diagnostic {
        match did_you_mean(word, candidates) {
            Some(candidate) => self.help(format!("did you mean `{candidate}`?")),
            None => self,
        }
    }

    /// With the name of the policy.
    #[must_use]
    pub fn policy(mut self, name: impl Into<String>) -> Diagnostic {
        self.policy = Some(name.into());
        self
    }

    /// In a file as a whole.
    #[must_use]
    pub fn file(mut self, source: &Arc<Source>) -> Diagnostic {
        self.source = Some(Arc::clone(source));
        self
    }

    /// At a place.
    #[must_use]
    pub fn at(mut self, source: &Arc<Source>, span: Span) -> Diagnostic {
        self.source = Some(Arc::clone(source));
        self.span = Some(span);
        self
    }

    /// At a field of the document.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Diagnostic {
        self.path = Some(path.into());
        self
    }

    /// With another place.
    #[must_use]
    pub fn label(mut self, source: &Arc<Source>, span: Span, message: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { source: Arc::clone(source), span, message: message.into() });
        self
    }

    /// Without quoting `source`: in reports stands where it is, and not what is there.
    pub fn veil(&mut self, source: &Arc<Source>, veiled: &Arc<Source>) {
        let labels = self.labels.iter_mut().map(|label| &mut label.source);
        for place in self.source.iter_mut().chain(labels).filter(|place| Arc::ptr_eq(place, source)) {
            *place = Arc::clone(veiled);
        }
    }

    /// The name of the file.
    pub fn file_name(&self) -> Option<&str> {
        self.source.as_ref().map(|source| source.name())
    }

    /// Line and column.
    pub fn position(&self) -> Option<Position> {
        Some(self.source.as_ref()?.position(self.span?.start))
    }
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = report::render(std::slice::from_ref(self), &report::Palette::PLAIN);
        f.write_str(text.trim_end())
    }
}

impl std::error::Error for Diagnostic {}

/// Sorts by file, then place, then code; what has no place comes first.
pub fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by(|left, right| match left.file_name().cmp(&right.file_name()) {
        Ordering::Equal => (left.span, left.code).cmp(&(right.span, right.code)),
        other => other,
    });
}

/// Longer words get no suggestion: the search costs the product of the lengths.
const MAX_WORD: usize = 64;

/// The candidate that `word` was probably meant to be: one that differs only in case, else the one with
/// the fewest edits, at most one for every three characters and four in all, else one that `word` abbreviates.
pub fn did_you_mean<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = word.to_lowercase().chars().collect();
    if letters.is_empty() || letters.len() > MAX_WORD {
        return None;
    }
    let allowed = letters.len().div_ceil(3).min(4);
    let mut best: Option<(usize, &'a str)> = None;
    let mut other: Vec<char> = Vec::new();
    for candidate in candidates {
        if candidate.len() > MAX_WORD || candidate == word {
            continue;
        }
        other.clear();
        other.extend(candidate.chars().flat_map(char::to_lowercase));
        let abbreviated = letters.len() >= 3 && other.starts_with(&letters);
        // There are hundreds of candidates for each mistake, and most are too long or too short to be looked at closely.
        if !abbreviated && other.len().abs_diff(letters.len()) > allowed {
            continue;
        }
        let distance = edits_of(&letters, &other);
        let distance = if abbreviated { distance.min(allowed) } else { distance };
        // A word of which nothing remains is another word, not a misspelling.
        let related = distance <= allowed && distance < letters.len().max(other.len());
        if related && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `left` into `right`; the search costs the product
/// of the lengths.
pub fn edits(left: &str, right: &str) -> usize {
    edits_of(&left.chars().collect::<Vec<char>>(), &right.chars().collect::<Vec<char>>())
}

fn edits_of(left: &[char], right: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    let mut previous_left = None;
    for (index, &from) in left.iter().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(index.saturating_add(1));
        let mut previous_right = None;
        for (column, &to) in right.iter().enumerate() {
            let diagonal = at(&row, column).saturating_add(usize::from(from != to));
            let above = at(&row, column.saturating_add(1)).saturating_add(1);
            let mut least = diagonal.min(above).min(at(&next, column).saturating_add(1));
            if from != to && previous_left == Some(to) && previous_right == Some(from) {
                least = least.min(at(&before, column.saturating_sub(1)).saturating_add(1));
            }
            next.push(least);
            previous_right = Some(to);
        }
        previous_left = Some(from);
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(usize::MAX)
}

fn at(row: &[usize], column: usize) -> usize {
    row.get(column).copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggestion_is_near_and_never_a_different_word() {
        let fields = ["validations", "variables", "matchConditions", "failurePolicy", "http"];
        let cases = [
            ("validation", Some("validations")),
            ("Validations", Some("validations")),
            ("valdiations", Some("validations")),
            ("matchCondition", Some("matchConditions")),
            ("failure_policy", Some("failurePolicy")),
            ("htpt", Some("http")),
            ("match", Some("matchConditions")),
            ("rules", None),
            ("x", None),
            ("", None),
        ];
        for (word, expected) in cases {
            assert_eq!(did_you_mean(word, fields.into_iter()), expected, "{word}");
        }
    }

    #[test]
    fn a_swap_of_neighbours_is_one_edit() {
        assert_eq!(edits("abcd", "acbd"), 1);
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "ab"), 2);
    }

    #[test]
    fn diagnostics_sort_by_file_then_place() {
        let a = Source::new("a.yaml", "x\ny").unwrap();
        let b = Source::new("b.yaml", "x").unwrap();
        let mut all = vec![
            Diagnostic::error(Code::WrongType, "four").at(&b, Span::new(0, 1)),
            Diagnostic::error(Code::WrongType, "three").at(&a, Span::new(2, 3)),
            Diagnostic::error(Code::WrongType, "two").at(&a, Span::new(0, 1)),
            Diagnostic::error(Code::NoPolicies, "one"),
        ];
        sort(&mut all);
        let order: Vec<_> = all.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
        assert_eq!(order, ["one", "two", "three", "four"]);
    }
}
