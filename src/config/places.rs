//! Where the settings of a file stand, for who says something of them.

use std::sync::Arc;

use super::read::Found;
use crate::diag::Diagnostic;
use crate::source::Source;

/// Where the file's settings stand.
pub(super) struct Places<'a> {
    pub(super) source: Option<&'a Arc<Source>>,
    pub(super) found: Found,
}

impl Places<'_> {
    /// A diagnostic about a setting, at its place if the file has it.
    pub(super) fn at(&self, path: &str, diagnostic: Diagnostic) -> Diagnostic {
        let diagnostic = diagnostic.path(path);
        match (self.source, self.found.places.get(path)) {
            (Some(source), Some(span)) => diagnostic.at(source, *span),
            _ => diagnostic,
        }
    }
}
