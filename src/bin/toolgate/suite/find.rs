//! The test files below the paths that the user names.
//!
//! A Kyverno test is a file of the name `kyverno-test.yaml`, or what the user calls them; a fixture is a YAML document of our own API group, in a
//! file of any name. Other YAML files of a directory are passed over.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toolgate::internal::policy::bundle::is_bundle;
use toolgate::internal::source::{Source, read_text};

/// The name of Kyverno's test files.
pub(crate) const KYVERNO_TEST: &str = "kyverno-test.yaml";
/// The API group that a file with fixtures names.
const GROUP: &str = "toolgate.dev/";
/// The deepest directory that is searched.
const MAX_DEPTH: usize = 32;
/// A directory with this file holds nothing but what a tool can make again.
const CACHE: &str = "CACHEDIR.TAG";

/// A test file.
#[derive(Debug)]
pub(crate) struct File {
    /// Its text.
    pub(crate) source: Arc<Source>,
    /// What it holds.
    pub(crate) kind: Kind,
}

/// What a test file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Fixtures.
    Fixtures,
    /// Kyverno's tests.
    Kyverno,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The files, in the order of the paths, and of names below a directory.
    pub(crate) files: Vec<File>,
    /// What cannot be read.
    pub(crate) errors: Vec<String>,
    /// The directories that were searched, for `--watch`.
    pub(crate) directories: BTreeSet<PathBuf>,
}

/// Finds the test files, of which Kyverno's are called `kyverno_test`. A file that is reached twice is there once.
pub(crate) fn find(paths: &[PathBuf], kyverno_test: &str) -> Found {
    let mut finder = Finder { kyverno_test, found: Found::default(), seen: BTreeSet::new() };
    for path in paths {
        finder.path(path);
    }
    finder.found
}

struct Finder<'n> {
    kyverno_test: &'n str,
    found: Found,
    seen: BTreeSet<PathBuf>,
}

impl Finder<'_> {
    fn path(&mut self, path: &Path) {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.directory(&super::read::clean(path), 0),
            Ok(_) if is_bundle(path) => self.found.errors.push(format!(
                "`{}` is a bundle and has no tests; name it in the `policies` of a fixture",
                path.display()
            )),
            Ok(_) => self.file(path, true),
            Err(error) => self.error(path, &error),
        }
    }

    fn error(&mut self, path: &Path, error: &io::Error) {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file or directory".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        self.found.errors.push(format!("`{}` cannot be read: {reason}", path.display()));
    }

    fn directory(&mut self, path: &Path, depth: usize) {
        if depth > MAX_DEPTH || path.join(CACHE).exists() {
            return;
        }
        self.found.directories.insert(path.to_owned());
        let mut names = Vec::new();
        match fs::read_dir(path) {
            Ok(entries) => {
                for entry in entries {
                    match entry {
                        Ok(entry) => names.push(entry.file_name()),
                        Err(error) => self.error(path, &error),
                    }
                }
            }
            Err(error) => self.error(path, &error),
        }
        names.sort();
        for name in names {
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let entry = if path == Path::new(".") { PathBuf::from(&name) } else { path.join(&name) };
            match fs::metadata(&entry) {
                Ok(metadata) if metadata.is_dir() => self.directory(&entry, depth.saturating_add(1)),
                Ok(metadata) if metadata.is_file() && (is_yaml(&entry) || self.is_kyverno(&entry)) => {
                    self.file(&entry, false);
                }
                _ => {}
            }
        }
    }

    fn is_kyverno(&self, path: &Path) -> bool {
        path.file_name().is_some_and(|name| name == self.kyverno_test)
    }

    /// A file that the user `named` must be a test; one that was come across may be anything.
    fn file(&mut self, path: &Path, named: bool) {
        let identity = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if !self.seen.insert(identity) {
            return;
        }
        let kyverno = self.is_kyverno(path);
        let text = match read_text(path) {
            Ok(text) => text,
            Err(error) => {
                // What else lies in a directory is not our concern, unless it may be a test.
                if named || kyverno {
                    self.error(path, &error);
                }
                return;
            }
        };
        if !kyverno && !text.contains(GROUP) {
            if named {
                let name = path.display();
                self.found.errors.push(format!(
                    "`{name}` is no test: it has no document with `apiVersion: toolgate.dev/v1`, and its name is not \
                     `{}`",
                    self.kyverno_test
                ));
            }
            return;
        }
        match Source::new(path.display().to_string(), text) {
            Ok(source) => {
                let kind = if kyverno { Kind::Kyverno } else { Kind::Fixtures };
                self.found.files.push(File { source, kind });
            }
            Err(error) => self.found.errors.push(format!("`{}` cannot be read: {error}", path.display())),
        }
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
}
