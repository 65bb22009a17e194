//! Finds and reads policy files, and gathers everything that is wrong with them.
//!
//! Knows files, directories, the order of policies and duplicates. Kyverno skips what it cannot load and serves the
//! rest, which opens the door that the lost policy kept shut; here each fault is an error of the whole set.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diag::{self, Code, Diagnostic, Severity};
use crate::policy::model::{self, Policy};
use crate::policy::yaml;
use crate::source::{Located, MAX_FILE_BYTES, Source, Span};

/// The deepest directory that is read below a path that the user names.
const MAX_DIRECTORY_DEPTH: usize = 32;
/// The most files of one set.
const MAX_FILES: usize = 10_000;
/// The most faults of one file that are reported one by one: the first ones, by place.
const MAX_FAULTS: usize = 200;
/// The endings of policy files; capitals matter, as they do for Kyverno.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// What was found.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The policies by name (byte order), then in the order of files and documents. Policies with faults that do not
    /// concern their expressions are among them, so that faults of expressions can be reported together with those.
    pub policies: Vec<Policy>,
    /// Everything that is wrong, by file and place. With an error among them the set must not be served.
    pub diagnostics: Vec<Diagnostic>,
    /// Every file that was read, in the order in which it was read.
    pub sources: Vec<Arc<Source>>,
}

impl Loaded {
    /// Whether the set must not be served.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Loads files and directories. Directories are read with all below them, in byte order of names; names that
/// start with a point are passed over, and so are files that do not end in `.yaml`, `.yml` or `.json`. A file that
/// is reached twice is loaded once.
///
/// # Errors
/// All faults of all documents of all files are in [`Loaded::diagnostics`].
pub fn load(paths: &[PathBuf]) -> Loaded {
    let mut loader = Loader::default();
    for path in paths {
        loader.path(path);
    }
    loader.finish(match paths {
        [only] => Some(only.display().to_string()),
        _ => None,
    })
}

/// Loads one text as if it were the file `name`.
///
/// # Errors
/// As [`load`].
pub fn load_text(name: &str, text: &str) -> Loaded {
    let mut loader = Loader::default();
    loader.text(name, text.to_owned());
    loader.finish(Some(name.to_owned()))
}

#[derive(Default)]
struct Loader {
    loaded: Loaded,
    /// The first use of each name.
    names: HashMap<String, (Arc<Source>, Span)>,
    /// Files and directories that were visited, by their real place.
    visited: HashSet<PathBuf>,
    files: usize,
}

impl Loader {
    fn fault(&mut self, code: Code, path: &Path, message: impl Into<String>, help: &str) {
        let source = Source::without_text(path.display().to_string());
        let diagnostic = Diagnostic::error(code, message).file(&source);
        self.loaded.diagnostics.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
    }

    /// A path that the user names.
    fn path(&mut self, path: &Path) {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.directory(path, 0),
            Ok(_) if !is_policy_file(path) => {
                let help = "policy files end in `.yaml`, `.yml` or `.json`";
                self.fault(Code::NotAPolicyFile, path, "this is not a policy file", help);
            }
            Ok(_) => self.file(path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.fault(Code::NoSuchPath, path, "there is no such file or directory", "");
            }
            Err(error) => self.unreadable(path, &error),
        }
    }

    fn unreadable(&mut self, path: &Path, error: &std::io::Error) {
        let reason = match error.kind() {
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            std::io::ErrorKind::NotFound => "the link leads nowhere".to_owned(),
            _ => error.to_string().to_lowercase(),
        };
        self.fault(Code::UnreadablePath, path, format!("this cannot be read: {reason}"), "");
    }

    /// Whether a file or directory is new; a link that leads back up is not.
    fn is_new(&mut self, path: &Path) -> bool {
        match fs::canonicalize(path) {
            Ok(real) => self.visited.insert(real),
            Err(error) => {
                self.unreadable(path, &error);
                false
            }
        }
    }

    fn directory(&mut self, path: &Path, depth: usize) {
        if !self.is_new(path) {
            return;
        }
        if depth > MAX_DIRECTORY_DEPTH {
            let message = format!("this directory is more than {MAX_DIRECTORY_DEPTH} levels deep");
            self.fault(Code::TooManyFiles, path, message, "");
            return;
        }
        let mut entries = Vec::new();
        match fs::read_dir(path) {
            Ok(found) => {
                for entry in found {
                    match entry {
                        Ok(entry) => entries.push(entry.file_name()),
                        Err(error) => self.unreadable(path, &error),
                    }
                }
            }
            Err(error) => self.unreadable(path, &error),
        }
        entries.sort();
        for name in entries {
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let entry = path.join(&name);
            match fs::metadata(&entry) {
                Ok(metadata) if metadata.is_dir() => self.directory(&entry, depth.saturating_add(1)),
                Ok(_) if is_policy_file(&entry) => self.file(&entry),
                Err(error) if is_policy_file(&entry) => self.unreadable(&entry, &error),
                _ => {}
            }
        }
    }

    fn file(&mut self, path: &Path) {
        if !self.is_new(path) {
            return;
        }
        self.files = self.files.saturating_add(1);
        if self.files > MAX_FILES {
            if self.files == MAX_FILES.saturating_add(1) {
                self.fault(
                    Code::TooManyFiles,
                    path,
                    format!("there are more than {MAX_FILES} policy files"),
                    "",
                );
            }
            return;
        }
        match read(path) {
            Ok(bytes) => self.bytes(&path.display().to_string(), bytes),
            Err(error) => self.unreadable(path, &error),
        }
    }

    fn bytes(&mut self, name: &str, bytes: Vec<u8>) {
        let error = match String::from_utf8(bytes) {
            Ok(text) => return self.text(name, text),
            Err(error) => error,
        };
        let valid = error.utf8_error().valid_up_to();
        let byte = error.as_bytes().get(valid).copied().unwrap_or_default();
        let before = error.as_bytes().get(..valid).unwrap_or_default();
        let text = String::from_utf8_lossy(before).into_owned();
        let message = format!("this file is not UTF-8 text: the byte 0x{byte:02x} cannot stand here");
        let diagnostic = Diagnostic::error(Code::NotUtf8, message).help("save the file as UTF-8");
        self.loaded.diagnostics.push(match Source::new(name, text) {
            Ok(source) => diagnostic.at(&source, Span::new(valid, valid)),
            Err(_) => diagnostic.file(&Source::without_text(name)),
        });
    }

    fn text(&mut self, name: &str, text: String) {
        match Source::new(name, text) {
            Ok(source) => self.source(&source),
            Err(_) => {
                let message = format!("this file is larger than {MAX_FILE_BYTES} bytes");
                self.fault(Code::FileTooLarge, Path::new(name), message, "");
            }
        }
    }

    fn source(&mut self, source: &Arc<Source>) {
        self.loaded.sources.push(Arc::clone(source));
        for document in yaml::documents(source, &mut self.loaded.diagnostics) {
            let Some(candidate) = model::read(source, &document, &mut self.loaded.diagnostics) else {
                continue;
            };
            if let Some(name) = candidate.name {
                self.name(source, name);
            }
            self.loaded.policies.extend(candidate.policy);
        }
    }

    fn name(&mut self, source: &Arc<Source>, name: Located<String>) {
        if let Some((first, place)) = self.names.get(&name.value) {
            self.loaded.diagnostics.push(
                Diagnostic::error(
                    Code::DuplicatePolicy,
                    format!("there are two policies of the name `{}`", name.value),
                )
                .at(source, name.span)
                .path("metadata.name")
                .policy(&name.value)
                .label(first, *place, "first used here"),
            );
        } else {
            self.names.insert(name.value, (Arc::clone(source), name.span));
        }
    }

    fn finish(mut self, path: Option<String>) -> Loaded {
        if self.loaded.policies.is_empty() && self.loaded.diagnostics.is_empty() {
            let diagnostic = Diagnostic::error(Code::NoPolicies, "there is no policy")
                .help("a set without policies would allow everything, so it is refused");
            self.loaded.diagnostics.push(match path {
                Some(path) => diagnostic.file(&Source::without_text(path)),
                None => diagnostic,
            });
        }
        diag::sort(&mut self.loaded.diagnostics);
        cap(&mut self.loaded.diagnostics);
        self.loaded.policies.sort_by(|left, right| left.name.value.cmp(&right.name.value));
        self.loaded
    }
}

/// Leaves the first [`MAX_FAULTS`] diagnostics of each file and says how many more there are.
fn cap(diagnostics: &mut Vec<Diagnostic>) {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut surplus: Vec<(Arc<Source>, usize)> = Vec::new();
    diagnostics.retain(|diagnostic| {
        let Some(source) = &diagnostic.source else { return true };
        let count = counts.entry(source.name().to_owned()).or_default();
        *count = count.saturating_add(1);
        if *count <= MAX_FAULTS {
            return true;
        }
        match surplus.last_mut().filter(|(last, _)| last.name() == source.name()) {
            Some((_, more)) => *more = more.saturating_add(1),
            None => surplus.push((Arc::clone(source), 1)),
        }
        false
    });
    for (source, more) in surplus {
        let message = format!("there are {more} more errors in this file");
        diagnostics.push(Diagnostic::error(Code::TooManyFaults, message).file(&source));
    }
    diag::sort(diagnostics);
}

fn is_policy_file(path: &Path) -> bool {
    path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| ENDINGS.contains(&ending))
}

/// The bytes of a regular file, at most one more than the limit.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    // Asked before the file is opened, because to open a pipe would wait for its writer.
    if !fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    let file = fs::File::open(path)?;
    let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
