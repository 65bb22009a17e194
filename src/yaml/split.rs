//! The documents of a file, as the `YAMLReader` of Kubernetes' apimachinery splits them: by lines, before any YAML
//! is read.

use std::sync::Arc;

use super::MAX_DOCUMENTS;
use crate::diag::{Code, Diagnostic};
use crate::limit::over;
use crate::source::{Source, Span};

/// The text between two separators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Its place.
    pub(super) span: Span,
    /// False when the separator before it is wrong, so that its text cannot be judged.
    pub(super) readable: bool,
}

impl Chunk {
    /// The whole file as one document.
    pub(super) fn whole(source: &Source) -> Chunk {
        Chunk { span: Span::new(0, source.text().len()), readable: true }
    }
}

/// Splits at the lines that start with `---`. Kyverno drops a whole file in which such a line goes on with
/// anything but blanks and a comment; here that is an error, and the other documents are still read.
pub(super) fn chunks(source: &Arc<Source>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let (mut start, mut readable, mut offset) = (0_usize, true, 0_usize);
    for line in source.text().split_inclusive('\n') {
        let after = offset.saturating_add(line.len());
        if let Some(rest) = line.strip_prefix("---") {
            let comment = rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#');
            chunks.push(Chunk { span: Span::new(start, offset), readable });
            if chunks.len() > MAX_DOCUMENTS {
                let message = format!("the file has {}", over(MAX_DOCUMENTS, "documents"));
                let place = Span::new(offset, after);
                diagnostics.push(
                    Diagnostic::error(Code::TooManyNodes, message).at(source, place).help("split the file"),
                );
                return Vec::new();
            }
            start = after;
            readable = rest.trim().is_empty() || comment;
            if !readable {
                let end = offset.saturating_add(line.trim_end().len());
                diagnostics.push(
                    Diagnostic::error(Code::BadDocumentSeparator, "a line that starts with `---` must have nothing else on it, except a comment")
                        .at(source, Span::new(offset, end))
                        .help("put what comes after `---` on a line of its own; Kyverno drops the whole file otherwise"),
                );
            }
        }
        offset = after;
    }
    chunks.push(Chunk { span: Span::new(start, offset), readable });
    chunks
}

/// Whether a document has only blank lines and comments.
pub(super) fn is_empty(source: &Source, span: Span) -> bool {
    let text = source.slice(span);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

/// A document without the blank lines around it.
pub(super) fn trimmed(source: &Source, span: Span) -> Span {
    let text = source.slice(span);
    let lead = text.len().saturating_sub(text.trim_start().len());
    let start = usize::try_from(span.start).unwrap_or(usize::MAX).saturating_add(lead);
    Span::new(start, start.saturating_add(text.trim().len()))
}
