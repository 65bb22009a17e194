//! Finds and reads policy files, and gathers everything that is wrong with them.
//!
//! Knows files, directories, the order of policies and duplicates. Kyverno skips what it cannot load and serves the
//! rest, which opens the door that the lost policy kept shut; here each fault is an error of the whole set.

use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::Arc;

use crate::diag::{self, Cap, Code, Diagnostic, Severity, entry};
use crate::limit::over;
use crate::policy::attach::concerned;
use crate::policy::bundle::{BundleError, Contents, MAX_BUNDLE_BYTES, Written, is_bundle};
use crate::policy::model::{self, Content, Exception, Policy, Unpacked};
use crate::source::{Located, MAX_FILE_BYTES, Source, Span, read_file, why_unread};
use crate::yaml::{self, Document};

/// The deepest directory that is read below a path that the user names.
const MAX_DIRECTORY_DEPTH: usize = 32;
/// The most files of one set.
const MAX_FILES: usize = 10_000;
/// The most policies of one set, and the most exceptions.
const MAX_POLICIES: usize = 10_000;
/// The most bytes of the files of one set together.
const MAX_SET_BYTES: usize = 64 * 1024 * 1024;
/// The names under which a file of settings beside policies is read.
pub const SETTINGS_NAMES: [&str; 3] = ["toolgate.yaml", "toolgate.yml", "toolgate.json"];

/// What was found.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The policies by name (byte order), then in the order of files and documents. Policies with faults that do not
    /// concern their expressions are among them, so that faults of expressions can be reported together with those.
    pub policies: Vec<Policy>,
    /// The exceptions, in the same order.
    pub exceptions: Vec<Exception>,
    /// Everything that is wrong, and what was left out, by file and place. With an error among them the set must not
    /// be served.
    pub diagnostics: Vec<Diagnostic>,
    /// Every file that was read, in the order in which it was read.
    pub sources: Vec<Arc<Source>>,
    /// What the expressions of the documents checked to, if they come from a bundle of this build.
    pub written: Option<Written>,
}

impl Loaded {
    /// Whether the set must not be served.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Loads a bundle, or as [`load_sources`].
///
/// # Errors
/// As [`load_sources`].
pub fn load(paths: &[PathBuf], config: Option<&Path>) -> Loaded {
    match paths {
        [path] if is_bundle(path) && path.is_file() => match read_file(path, MAX_BUNDLE_BYTES) {
            Ok(bytes) => load_bundle(&path.display().to_string(), &bytes),
            Err(_) => load_sources(paths, config),
        },
        _ => load_sources(paths, config),
    }
}

/// Loads a bundle as if it were the file `name`: as it was checked if this build made it, else its texts.
///
/// # Errors
/// It is none, or damaged; as [`load_sources`].
pub fn load_bundle(name: &str, bytes: &[u8]) -> Loaded {
    let mut loader = Loader::default();
    loader.bundle(name, bytes, true);
    loader.finish()
}

/// Loads files and directories. Of a bundle its texts are loaded. Directories are read with all below them, in byte order of names; names that
/// start with a point (a mounted ConfigMap keeps its files in `..data` and links to them) are left out, and so are
/// files that do not end in `.yaml`, `.yml` or `.json`, each with a note. A file that is reached twice is loaded once.
/// A path that holds neither a policy nor an exception is an error, and so is a set without a policy.
///
/// The settings are not read here. They are looked for under [`SETTINGS_NAMES`] beside these paths, unless the user names the
/// file `config`; in any other file they would be lost, so that they are an error there.
///
/// # Errors
/// All faults of all documents of all files are in [`Loaded::diagnostics`].
pub fn load_sources(paths: &[PathBuf], config: Option<&Path>) -> Loaded {
    let mut loader = Loader::default();
    let beside = paths.iter().flat_map(|path| {
        let directory = directory_of(path);
        SETTINGS_NAMES.map(|name| directory.join(name))
    });
    let settings = beside.chain(config.map(Path::to_path_buf));
    loader.settings = settings.filter_map(|file| fs::canonicalize(file).ok()).collect();
    for path in paths {
        loader.path(path);
    }
    loader.finish()
}

/// Loads one text as if it were the file `name`.
///
/// # Errors
/// As [`load`].
pub fn load_text(name: &str, text: &str) -> Loaded {
    let mut loader = Loader::default();
    loader.text(name, text.to_owned(), false);
    if loader.is_well(0) && loader.loaded.policies.is_empty() {
        loader.without_policy(name, None);
    }
    loader.finish()
}

#[derive(Default)]
struct Loader {
    loaded: Loaded,
    /// The first use of each name.
    names: HashMap<String, (Arc<Source>, Span)>,
    /// Files and directories that were visited, by their real place.
    visited: HashSet<PathBuf>,
    /// The real places of the files that may hold the settings.
    settings: HashSet<PathBuf>,
    /// The real places of the files in which there was a policy, or something that is wrong.
    speaking: HashSet<PathBuf>,
    files: usize,
    /// How many documents were policies, or meant to be.
    candidates: usize,
    /// The bytes of the files that were read.
    read: usize,
    /// Of which files there are too many documents.
    limits: Vec<Diagnostic>,
}

impl Loader {
    fn fault(&mut self, code: Code, path: &Path, message: impl Into<String>, help: &str) {
        let source = Source::without_text(path.display().to_string());
        let diagnostic = Diagnostic::error(code, message).file(&source);
        self.loaded.diagnostics.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
    }

    /// A path that the user names. It must give a policy, or say why it does not.
    fn path(&mut self, path: &Path) {
        let before = self.loaded.diagnostics.len();
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.directory(path, 0),
            Ok(_) if is_bundle(path) => self.bundle_file(path),
            Ok(_) if !entry::is_read(path) => {
                let help = "policy files end in `.yaml`, `.yml` or `.json`, bundles in `.bundle`";
                self.fault(Code::NotAPolicyFile, path, "this is not a policy file", help);
            }
            Ok(_) => self.file(path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.fault(Code::NoSuchPath, path, "there is no such file or directory", "");
            }
            Err(error) => self.unreadable(path, &error),
        }
        // What was reached by an earlier path is not read again.
        let speaks = |real: PathBuf| self.speaking.iter().any(|file| file.starts_with(&real));
        if self.is_well(before) && !fs::canonicalize(path).is_ok_and(speaks) {
            let mut since = self.loaded.diagnostics.iter().skip(before).filter_map(Diagnostic::file_name);
            let bundle = since.find(|file| is_bundle(Path::new(file))).map(ToOwned::to_owned);
            self.without_policy(&path.display().to_string(), bundle.as_deref());
        }
    }

    /// Whether nothing was found wrong since there were `before` diagnostics.
    fn is_well(&self, before: usize) -> bool {
        let mut since = self.loaded.diagnostics.iter().skip(before);
        since.all(|diagnostic| diagnostic.severity != Severity::Error)
    }

    /// There is none; but there may be a `bundle` that was left out.
    fn without_policy(&mut self, name: &str, bundle: Option<&str>) {
        let message = "there is no policy in it";
        let diagnostic = Diagnostic::error(Code::NoPolicies, message).file(&Source::without_text(name));
        let help = "a set without policies would allow everything, so it is refused";
        let help = match bundle {
            Some(bundle) => format!("{help}; a bundle is read when it is named itself: `{bundle}`"),
            None => help.to_owned(),
        };
        self.loaded.diagnostics.push(diagnostic.help(help));
    }

    fn unreadable(&mut self, path: &Path, error: &std::io::Error) {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => "the link leads nowhere".to_owned(),
            _ => why_unread(error),
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
            let message = format!("this directory is {}", over(MAX_DIRECTORY_DEPTH, "levels deep"));
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
            let entry = path.join(&name);
            if let Some(note) = entry::hidden(&entry) {
                self.loaded.diagnostics.push(note);
                continue;
            }
            match fs::metadata(&entry) {
                Ok(metadata) if metadata.is_dir() => self.directory(&entry, depth.saturating_add(1)),
                Ok(_) => match entry::other(&entry) {
                    Some(note) => self.loaded.diagnostics.push(note),
                    None => self.file(&entry),
                },
                // It may be a link to a file or directory of policies, whatever it is called.
                Err(error) => self.unreadable(&entry, &error),
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
                let message = format!("there are {}", over(MAX_FILES, "policy files"));
                self.fault(Code::TooManyFiles, path, message, "");
            }
            return;
        }
        let (faults, candidates) = (self.loaded.diagnostics.len(), self.candidates);
        match read_file(path, MAX_FILE_BYTES) {
            Ok(bytes) if bytes.len() > MAX_SET_BYTES.saturating_sub(self.read) => {
                let message = format!("the files have {}", over(MAX_SET_BYTES, "bytes together"));
                self.fault(Code::TooManyFiles, path, message, "");
                // What comes after is not read either, and not reported one by one.
                self.files = MAX_FILES.saturating_add(1);
            }
            Ok(bytes) => {
                let in_force = fs::canonicalize(path).is_ok_and(|real| self.settings.contains(&real));
                self.bytes(&path.display().to_string(), bytes, in_force);
            }
            Err(error) => self.unreadable(path, &error),
        }
        if self.candidates > candidates || !self.is_well(faults) {
            self.speaking.extend(fs::canonicalize(path));
        }
    }

    fn bundle_file(&mut self, path: &Path) {
        if !self.is_new(path) {
            return;
        }
        match read_file(path, MAX_BUNDLE_BYTES) {
            Ok(bytes) => self.bundle(&path.display().to_string(), &bytes, false),
            Err(error) => self.unreadable(path, &error),
        }
        self.speaking.extend(fs::canonicalize(path));
    }

    /// The policies of a bundle: if nothing else is loaded (`alone`) and this build made it, as they were checked.
    fn bundle(&mut self, name: &str, bytes: &[u8], alone: bool) {
        let before = self.loaded.diagnostics.len();
        let contents = match Contents::read(bytes) {
            Ok(contents) => contents,
            Err(wrong) => return self.loaded.diagnostics.push(wrong.told(name)),
        };
        let texts = contents.sources.iter().map(|(file, text)| (format!("{name}/{file}"), *text));
        let compiles = !alone || !contents.is_of_this_build();
        if let Err(wrong) = self.left_out(&contents, name, compiles) {
            return self.loaded.diagnostics.push(wrong.told(name));
        }
        if !compiles {
            if let Err(wrong) = self.documents(&contents, texts) {
                self.loaded.diagnostics.push(wrong.told(name));
            }
        } else {
            if alone {
                self.loaded.diagnostics.push(contents.other_build(name));
            }
            let bytes = contents.sources.iter().map(|(_, text)| text.len()).fold(0, usize::saturating_add);
            self.files = self.files.saturating_add(contents.sources.len());
            let wrong = if self.files > MAX_FILES {
                Some(format!("there are {}", over(MAX_FILES, "policy files")))
            } else if bytes > MAX_SET_BYTES.saturating_sub(self.read) {
                Some(format!("the files have {}", over(MAX_SET_BYTES, "bytes together")))
            } else {
                None
            };
            if let Some(message) = wrong {
                return self.fault(Code::TooManyFiles, Path::new(name), message, "");
            }
            texts.for_each(|(file, text)| self.text(&file, text.to_owned(), false));
        }
        if self.is_well(before) && self.loaded.policies.is_empty() {
            self.without_policy(name, None);
        }
    }

    /// Names what was left out of a bundle. Of a text that is in it and that is read, reading tells.
    fn left_out(&mut self, contents: &Contents<'_>, name: &str, is_read: bool) -> Result<(), BundleError> {
        let read: HashSet<String> = match is_read {
            true => contents.sources.iter().map(|(file, _)| format!("{name}/{file}")).collect(),
            false => HashSet::new(),
        };
        let notes = contents.left_out.notes(name)?;
        let unread = notes.filter(|note| note.file_name().is_none_or(|file| !read.contains(file)));
        self.loaded.diagnostics.extend(unread);
        Ok(())
    }

    /// The documents of a bundle that this build made.
    fn documents<'t>(
        &mut self,
        contents: &Contents<'_>,
        texts: impl Iterator<Item = (String, &'t str)>,
    ) -> Result<(), BundleError> {
        let source = |(name, text): (String, &str)| Source::new(name, text);
        let sources = texts.map(source).collect::<Result<Vec<_>, _>>()?;
        let (policies, exceptions, written) = contents.documents(&sources)?;
        if policies.len().max(sources.len()) > MAX_POLICIES {
            let error = format!("there are {}", over(MAX_POLICIES, "policies or files"));
            return Err(BundleError::from(error));
        }
        for policy in &policies {
            self.name(&policy.source, policy.name.clone());
        }
        self.loaded.sources = sources;
        (self.loaded.policies, self.loaded.exceptions, self.loaded.written) =
            (policies, exceptions, Some(written));
        Ok(())
    }

    fn bytes(&mut self, name: &str, bytes: Vec<u8>, in_force: bool) {
        let error = match String::from_utf8(bytes) {
            Ok(text) => return self.text(name, text, in_force),
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

    fn text(&mut self, name: &str, mut text: String, in_force: bool) {
        // Kyverno reads lines and ends each with a line feed, which a block scalar at the end shows.
        if !text.ends_with('\n') && text.len() < MAX_FILE_BYTES {
            text.push('\n');
        }
        match Source::new(name, text) {
            Ok(source) => self.source(&source, in_force),
            Err(_) => {
                let message = format!("this file has {}", over(MAX_FILE_BYTES, "bytes"));
                self.fault(Code::FileTooLarge, Path::new(name), message, "");
            }
        }
    }

    /// The documents of a file; settings in it count if they are `in_force`.
    fn source(&mut self, source: &Arc<Source>, in_force: bool) {
        self.read = self.read.saturating_add(source.text().len());
        self.loaded.sources.push(Arc::clone(source));
        let before = self.loaded.diagnostics.len();
        let mut is_empty = true;
        for document in yaml::documents(source, &mut self.loaded.diagnostics) {
            match model::unpack(source, document, &mut self.loaded.diagnostics) {
                Unpacked::Single(document) => is_empty &= self.document(source, document, before, in_force),
                // Settings in a list are read by nobody.
                Unpacked::Items(items) => {
                    for item in items {
                        is_empty &= self.document(source, item, before, false);
                    }
                }
            }
        }
        if is_empty && self.loaded.diagnostics.len() == before {
            let message = "there is no document in this file";
            self.loaded.diagnostics.push(Diagnostic::note(Code::EmptyFile, message).file(source));
        }
        if may_hold_settings(source) {
            let veiled = source.veiled();
            self.loaded.diagnostics.iter_mut().skip(before).for_each(|told| told.veil(source, &veiled));
        }
    }

    /// One document of a file in which there were `before` diagnostics in advance; whether there is nothing in it.
    fn document(&mut self, source: &Arc<Source>, document: Document, before: usize, in_force: bool) -> bool {
        let content = model::read(source, &document, &mut self.loaded.diagnostics);
        let is_empty = content == Content::Nothing;
        match content {
            Content::Policy(candidate) => {
                self.candidates = self.candidates.saturating_add(1);
                if let Some(name) = candidate.name {
                    self.name(source, name);
                }
                self.whole(source, document.span, before, candidate.policy.is_some());
                if self.loaded.policies.len() < MAX_POLICIES {
                    self.loaded.policies.extend(candidate.policy);
                } else {
                    self.too_many("policies", source);
                }
            }
            Content::Exception(exception) => {
                self.candidates = self.candidates.saturating_add(1);
                self.whole(source, document.span, before, exception.is_some());
                if self.loaded.exceptions.len() < MAX_POLICIES {
                    self.loaded.exceptions.extend(exception);
                } else {
                    self.too_many("exceptions", source);
                }
            }
            Content::Other { settings: true, .. } if !in_force => {
                let place = document.root.map_or(document.span, |root| root.span);
                self.loaded.diagnostics.push(not_in_force(source, place));
            }
            Content::Other { what, .. } => {
                let place = document.root.map_or(document.span, |root| root.span);
                let line = source.position(place.start).line;
                let message = format!("the {what} in line {line} is not a policy, so it is left out");
                self.loaded.diagnostics.push(Diagnostic::note(Code::OtherDocument, message).file(source));
            }
            Content::Nothing | Content::Wrong => {}
        }
        is_empty
    }

    /// What is one too many and is left out is an error, told once for a file.
    fn too_many(&mut self, what: &str, source: &Arc<Source>) {
        let message = format!("there are {}", over(MAX_POLICIES, what));
        let diagnostic = Diagnostic::error(Code::TooManyFiles, message).file(source);
        // A file's policies, and its exceptions.
        if !self.limits.iter().rev().take(2).any(|told| *told == diagnostic) {
            self.limits.push(diagnostic);
        }
    }

    /// What gave neither a policy nor an error would be lost in silence: the reader must never come to that, and if it
    /// does, the set is not served.
    fn whole(&mut self, source: &Arc<Source>, span: Span, before: usize, is_there: bool) {
        if !is_there && self.is_well(before) {
            let diagnostic = Diagnostic::error(Code::NotAMapping, "this document cannot be read");
            self.loaded.diagnostics.push(diagnostic.at(source, span));
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

    /// Warns of exceptions that do nothing, or not what they seem to.
    fn exceptions(&mut self) {
        let Loaded { policies, exceptions, diagnostics, .. } = &mut self.loaded;
        let busy: HashSet<*const Exception> =
            concerned(policies, exceptions).into_iter().flatten().map(ptr::from_ref).collect();
        let mut seen = HashMap::new();
        for exception in exceptions.iter() {
            let name = &exception.name;
            match seen.entry((&exception.namespace, &name.value)) {
                Slot::Vacant(vacant) => drop(vacant.insert((&exception.source, name.span))),
                Slot::Occupied(first) => {
                    let (first, place) = first.get();
                    let message = format!("there are two exceptions of the name `{}`", name.value);
                    let help = "both count here; a cluster keeps the one that was applied last";
                    let warning = Diagnostic::warning(Code::DuplicateException, message).help(help);
                    let warning = warning.at(&exception.source, name.span).path("metadata.name");
                    diagnostics.push(warning.label(first, *place, "first used here"));
                }
            }
            if !busy.contains(&ptr::from_ref(exception)) {
                let names = exception.policies.iter().any(|of| self.names.contains_key(&of.name));
                let message = format!("the exception `{}` matches no policy", name.value);
                let help = match (&exception.mode, names) {
                    (_, false) => "no policy here has a name that `spec.policyRefs` lists",
                    (None, true) => "say in `spec.evaluationMode` which mode's policies it is for",
                    (Some(_), true) => "`spec.evaluationMode` is not the policy's evaluation mode",
                };
                let warning = Diagnostic::warning(Code::IdleException, message).help(help);
                diagnostics.push(warning.at(&exception.source, name.span));
                continue;
            }
            if exception.match_conditions.is_empty() && exception.allowed.is_empty() {
                let message = format!(
                    "the exception `{}` has no condition: the policies that it names say nothing of any call",
                    name.value
                );
                let warning = Diagnostic::warning(Code::IdleRule, message)
                    .help("say in `spec.matchConditions` for which calls it is");
                diagnostics.push(warning.at(&exception.source, name.span));
            }
            if let Some(span) = exception.expires_at {
                let message = "`expiresAt` does not end an exception in this evaluation mode, as in Kyverno";
                let warning = Diagnostic::warning(Code::IdleExpiry, message).path("spec.expiresAt");
                diagnostics
                    .push(warning.help("remove the exception when it is due").at(&exception.source, span));
            }
        }
    }

    fn finish(mut self) -> Loaded {
        if self.loaded.policies.is_empty() && self.is_well(0) {
            // No path was given.
            self.loaded.diagnostics.push(
                Diagnostic::error(Code::NoPolicies, "there is no policy")
                    .help("a set without policies would allow everything, so it is refused"),
            );
        }
        self.loaded.diagnostics.append(&mut self.limits);
        self.exceptions();
        // The first of each file, by place.
        diag::sort(&mut self.loaded.diagnostics);
        Cap::cut(&mut self.loaded.diagnostics);
        diag::sort(&mut self.loaded.diagnostics);
        self.loaded.policies.sort_by(|left, right| left.name.value.cmp(&right.name.value));
        self.loaded
    }
}

/// The directory of a path that the user names: itself, or the one in which the file lies.
pub fn directory_of(path: &Path) -> &Path {
    if path.is_dir() { path } else { path.parent().unwrap_or(path) }
}

/// Whether a file is one of settings, as far as can be told of one that may not be read: there may be a key in it, which no
/// report must quote.
fn may_hold_settings(source: &Source) -> bool {
    let name = Path::new(source.name()).file_name().unwrap_or_default();
    SETTINGS_NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
        || source.text().contains(model::OWN) && source.text().contains(model::SETTINGS)
}

/// What is told of settings that nobody reads: what they close would be open.
fn not_in_force(source: &Arc<Source>, place: Span) -> Diagnostic {
    let [name, ..] = SETTINGS_NAMES;
    let help = format!(
        "only `{name}` in a directory that is named for policies is read by itself; give the file that name, or name it \
         with `--config` or `TOOLGATE_CONFIG`, or keep it elsewhere"
    );
    let message = "this is a configuration that is not in force";
    Diagnostic::error(Code::NotInForce, message).at(source, place).help(help)
}

#[cfg(test)]
mod tests;
