//! What is left out of the folders that are read, of policies as of what they may ask, and is told.

use std::path::Path;

use super::{Code, Diagnostic};
use crate::source::Source;

/// How files end that are read, in letters of either case: Kyverno passes over `A.YAML`, and with it over what its author
/// meant to forbid.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// The note on an entry that is hidden: a mounted ConfigMap keeps its files in `..data` and links to them.
pub fn hidden(entry: &Path) -> Option<Diagnostic> {
    let is_hidden = entry.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    is_hidden.then(|| note(Code::HiddenPath, entry, "its name starts with a point, so it is left out"))
}

/// Whether a file is called as those that are read.
pub fn is_read(file: &Path) -> bool {
    let ending = file.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending)))
}

/// The note on a file that is called otherwise.
pub fn other(file: &Path) -> Option<Diagnostic> {
    let message = "its name does not end in `.yaml`, `.yml` or `.json`, so it is left out";
    (!is_read(file)).then(|| note(Code::OtherFile, file, message))
}

fn note(code: Code, path: &Path, message: &str) -> Diagnostic {
    Diagnostic::note(code, message).file(&Source::without_text(path.display().to_string()))
}
