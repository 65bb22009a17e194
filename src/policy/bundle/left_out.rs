//! What was left out when a bundle was made: a start from it names what a start from the files would name.

use std::borrow::Cow;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{BundleError, way};
use crate::diag::{Code, Diagnostic, Severity};
use crate::limit::over;
use crate::source::Source;

/// The most files and documents that a bundle names as left out.
const MAX_NAMED: usize = 1_000;

/// The files and documents that were left out, by name, and how many more there were.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct LeftOut<'b> {
    /// The first of them.
    #[serde(borrow)]
    pub named: Vec<Omission<'b>>,
    /// How many more there were.
    pub more: u64,
}

/// One of them.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Omission<'b> {
    /// The way to the file from what was built.
    #[serde(borrow)]
    pub file: Cow<'b, str>,
    /// The number of the note's code.
    pub code: u16,
    /// Why it was left out, as a load of the files says it.
    #[serde(borrow)]
    pub why: Cow<'b, str>,
}

impl<'b> LeftOut<'b> {
    /// What the notes among `diagnostics` name, by its way from `root`; but for the file of the settings, which is in the
    /// bundle beside the policies.
    pub(in crate::policy) fn of(
        diagnostics: &[Diagnostic],
        root: &Path,
        settings: Option<&Source>,
    ) -> LeftOut<'static> {
        let notes = diagnostics.iter().filter(|told| told.severity == Severity::Note);
        let mut named: Vec<Omission<'static>> = notes
            .filter_map(|note| {
                let file = note.file_name().filter(|name| settings.is_none_or(|it| it.name() != *name))?;
                let why = note.message.clone().into();
                Some(Omission { file: way(root, file).into(), code: note.code.number(), why })
            })
            .collect();
        // By their ways: the names of what is built differ from machine to machine.
        named.sort();
        let more = named.len().saturating_sub(MAX_NAMED);
        named.truncate(MAX_NAMED);
        LeftOut { named, more: u64::try_from(more).unwrap_or(u64::MAX) }
    }

    /// The notes of a load of the bundle `name`.
    ///
    /// # Errors
    /// It names more than a bundle may.
    pub(in crate::policy) fn notes(
        &self,
        name: &str,
    ) -> Result<impl Iterator<Item = Diagnostic> + use<'_, 'b>, BundleError> {
        if self.named.len() > MAX_NAMED {
            let over = over(MAX_NAMED, "files that were left out");
            return Err(BundleError::from(format!("it names {over}")));
        }
        let more = (self.more > 0).then(|| {
            let message = format!("{} more files or documents were left out of it", self.more);
            Diagnostic::note(Code::TooManyFaults, message).file(&Source::without_text(name))
        });
        let name = name.to_owned();
        let named = self.named.iter().map(move |left_out| {
            let Omission { file, code, why } = left_out;
            let known = Code::ALL.iter().find(|known| known.number() == *code);
            // A later build may know one more reason.
            let code = known.copied().unwrap_or(Code::OtherFile);
            Diagnostic::note(code, why.as_ref()).file(&Source::without_text(format!("{name}/{file}")))
        });
        Ok(named.chain(more))
    }
}
