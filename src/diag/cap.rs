//! How much is told of one file: a report of a million lines helps nobody, and takes a minute to write.

use std::collections::HashMap;
use std::sync::Arc;

use crate::source::Source;

use super::{Code, Diagnostic, Severity};

/// The most errors of one file that are told one by one, and the most warnings and the most notes.
pub const MAX_FAULTS: usize = 200;

/// Counts what is told of each file.
#[derive(Debug, Default)]
pub struct Cap {
    counts: HashMap<String, (Arc<Source>, [usize; 3])>,
}

/// The severities, with their plurals, in the order in which they are counted.
const COUNTED: [(Severity, &str); 3] =
    [(Severity::Error, "errors"), (Severity::Warning, "warnings"), (Severity::Note, "notes")];

impl Cap {
    /// Leaves what is kept, and says how many more there are.
    pub fn cut(diagnostics: &mut Vec<Diagnostic>) {
        let mut cap = Cap::default();
        diagnostics.retain(|diagnostic| cap.keeps(diagnostic));
        diagnostics.extend(cap.finish());
    }

    /// Whether one more of this severity would be kept of this file: if not, it need not be made as well as one that is told.
    pub fn has_room(&self, source: &Source, severity: Severity) -> bool {
        let counts = self.counts.get(source.name()).map(|(_, counts)| counts);
        let at = COUNTED.iter().position(|(counted, _)| *counted == severity);
        let count = counts.zip(at).and_then(|(counts, at)| counts.get(at));
        count.is_none_or(|count| *count < MAX_FAULTS)
    }

    /// Whether this one is among the first of its kind in its file.
    pub fn keeps(&mut self, diagnostic: &Diagnostic) -> bool {
        let Some(source) = &diagnostic.source else { return true };
        if !self.counts.contains_key(source.name()) {
            self.counts.insert(source.name().to_owned(), (Arc::clone(source), [0; 3]));
        }
        let counts = self.counts.get_mut(source.name());
        let at = COUNTED.iter().position(|(severity, _)| *severity == diagnostic.severity);
        let count = counts.zip(at).and_then(|((_, counts), at)| counts.get_mut(at));
        count.is_none_or(|count| {
            *count = count.saturating_add(1);
            *count <= MAX_FAULTS
        })
    }

    /// Says of each file how many more there are.
    pub fn finish(self) -> impl Iterator<Item = Diagnostic> {
        self.counts.into_values().flat_map(|(source, counts)| {
            COUNTED.iter().zip(counts).filter_map(move |((severity, plural), count)| {
                let more = count.checked_sub(MAX_FAULTS).filter(|more| *more > 0)?;
                let message = format!("there are {more} more {plural} of this file");
                let diagnostic =
                    Diagnostic { severity: *severity, ..Diagnostic::error(Code::TooManyFaults, message) };
                Some(diagnostic.file(&source))
            })
        })
    }
}
