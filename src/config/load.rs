//! A configuration from its parts: the defaults, then the file, then the environment, then what must hold together.
//!
//! Knows which file is read and where settings contradict each other. Reading the process's own environment is one
//! function here, which callers may leave.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::headers::{self, HEADERS};
use super::open::Origin;
use super::places::Places;
use super::read::{self, Found};
use super::slips::slips;
use super::{Settings, variables};
use crate::diag::{Cap, Code, Diagnostic, Diagnostics, Severity, Warnings, did_you_mean};
use crate::limit::over;
use crate::outside::CapabilityConfig;
use crate::policy::bundle::{CheckedHeaders, Contents, MAX_BUNDLE_BYTES, is_bundle};
use crate::policy::load::{SETTINGS_NAMES, directory_of};
use crate::source::{MAX_FILE_BYTES, Source, read_file, why_unread};
use crate::yaml::{self, Document, Mapping, Node, NodeKind};

/// The variable that names the file.
const CONFIG: &str = "TOOLGATE_CONFIG";

/// The variables of this process that are Toolgate's, for [`Settings::load`].
pub fn process_environment() -> impl Iterator<Item = (String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
}

impl Settings {
    /// The configuration of `file`, else of the file that the variable `TOOLGATE_CONFIG` names, else the defaults; each
    /// overridden by the other variables `TOOLGATE_*` of `environment`.
    ///
    /// # Errors
    /// Everything that is wrong with the file and the variables: then nothing must be decided.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<(Settings, Warnings), Diagnostics> {
        Settings::load_beside(&[], file, environment)
    }

    /// As [`Settings::load`]; where neither names a file, it is the `toolgate.yaml` in one of the directories of
    /// `policies`, or beside one of its files, if there is one.
    ///
    /// # Errors
    /// As [`Settings::load`]; two configuration files; one whose name has other capitals.
    pub fn load_beside(
        policies: &[PathBuf],
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<(Settings, Warnings), Diagnostics> {
        let variables = variables::ours(environment);
        let mut diagnostics = Vec::new();
        let file = find(policies, named(file, &variables), &mut diagnostics);
        finish(file.as_ref(), &variables, diagnostics)
    }

    /// The file that [`Settings::load_beside`] reads because it is named: `file`, else by the variable.
    #[doc(hidden)]
    pub fn named_file(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Option<PathBuf> {
        named(file, &variables::ours(environment))
    }

    /// The text of the file that [`Settings::load_beside`] reads where no variable is set, if there is one, and that it is well.
    ///
    /// # Errors
    /// As [`Settings::load_beside`].
    #[doc(hidden)]
    pub fn file_beside(
        policies: &[PathBuf],
        file: Option<&Path>,
    ) -> Result<(Settings, Option<Arc<Source>>, Warnings), Diagnostics> {
        let mut diagnostics = Vec::new();
        let file = find(policies, file.map(Path::to_path_buf), &mut diagnostics);
        let (config, warnings) = finish(file.as_ref(), &BTreeMap::new(), diagnostics)?;
        Ok((config, file.map(|file| file.source), warnings))
    }

    /// The configuration of one text as if it were the file `name`.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn load_text(
        name: &str,
        text: &str,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<(Settings, Warnings), Diagnostics> {
        let mut diagnostics = Vec::new();
        let file = text_source(name, text.to_owned(), &mut diagnostics).map(File::new);
        finish(file.as_ref(), &variables::ours(environment), diagnostics)
    }

    /// The settings of `mapping`, a part of another document, over those of `base`; variables do not count. For fixtures.
    ///
    /// # Errors
    /// As [`Settings::load`].
    #[doc(hidden)]
    pub fn load_mapping(
        source: &Arc<Source>,
        mapping: &Mapping,
        base: Settings,
    ) -> Result<(Settings, Warnings), Diagnostics> {
        let (mut config, mut diagnostics) = (base, Vec::new());
        let found = read::read_mapping(source, mapping, &mut config, &mut diagnostics);
        beside_file(&mut config.capabilities, &File::new(Arc::clone(source)).directory, &found);
        settle(config, Some((source, &CheckedHeaders::new())), found, &BTreeMap::new(), diagnostics)
    }
}

/// A file of settings.
struct File {
    source: Arc<Source>,
    /// From which the paths in it count.
    directory: PathBuf,
    /// The expressions of its headers, if they are known to be well.
    headers: CheckedHeaders,
}

impl File {
    fn new(source: Arc<Source>) -> File {
        let directory = Path::new(source.name()).parent().unwrap_or(Path::new("")).to_path_buf();
        File { source, directory, headers: CheckedHeaders::new() }
    }
}

fn named(file: Option<&Path>, variables: &BTreeMap<String, String>) -> Option<PathBuf> {
    let variable = || variables.get(CONFIG).filter(|path| !path.is_empty()).map(PathBuf::from);
    file.map(Path::to_path_buf).or_else(variable)
}

fn finish(
    file: Option<&File>,
    variables: &BTreeMap<String, String>,
    mut diagnostics: Vec<Diagnostic>,
) -> Result<(Settings, Warnings), Diagnostics> {
    let mut config = Settings::default();
    let Some(File { source, directory, headers }) = file else {
        return settle(config, None, Found::default(), variables, diagnostics);
    };
    let found = read::read(source, &mut config, &mut diagnostics);
    beside_file(&mut config.capabilities, directory, &found);
    settle(config, Some((source, headers)), found, variables, diagnostics)
}

/// What a file's headers say, then the variables, then what must hold of all settings together. With the file come the
/// expressions of headers that were checked before.
fn settle(
    mut config: Settings,
    file: Option<(&Arc<Source>, &CheckedHeaders)>,
    mut found: Found,
    variables: &BTreeMap<String, String>,
    mut diagnostics: Vec<Diagnostic>,
) -> Result<(Settings, Warnings), Diagnostics> {
    if let Some((source, checked)) = file {
        let overrides = std::mem::take(&mut found.headers);
        headers::apply(&mut config.headers, overrides, checked, source, &mut diagnostics);
        // Each limit is the mapping's, and a file adds to the built-in one.
        if let (Some(wrong), Some(place)) = (headers::too_many(&config.headers), found.places.get(HEADERS)) {
            let wrong = Diagnostic::error(Code::ConfigBadValue, wrong);
            diagnostics.push(wrong.at(source, *place).path(HEADERS));
        }
    }
    let source = file.map(|(source, _)| source);
    let places = Places { source, found };
    both_environments(&places, &mut diagnostics);
    variables::apply(&mut config, variables, &mut diagnostics);
    // What a broken file would say is not known, so nothing is said about how its settings fit.
    if diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error) {
        together(&mut config, &places, &mut diagnostics);
        slips(&config, &places, variables, &mut diagnostics);
    }
    let in_file = places.found.places.iter().map(|(path, span)| (path.as_str(), *span));
    let quoted = || source.map(|it| if may_hold_a_key(it) { it.veiled() } else { Arc::clone(it) });
    config.origin = Origin::new(source.map(AsRef::as_ref), in_file, quoted, variables);
    Cap::cut(&mut diagnostics);
    if let Some(source) = source {
        veil(source, &mut diagnostics);
    }
    Diagnostics::from(diagnostics).into_warnings().map(|warnings| (config, warnings))
}

/// The paths that a file names count from its directory.
fn beside_file(capabilities: &mut CapabilityConfig, directory: &Path, found: &Found) {
    let rebase = |path: &mut String| *path = directory.join(&*path).display().to_string();
    let CapabilityConfig { resources, global_context, images, certificates, .. } = capabilities;
    for (setting, paths) in [
        ("capabilities.resources", resources),
        ("capabilities.globalContext", global_context),
        ("capabilities.images", images),
    ] {
        if found.places.contains_key(setting) {
            paths.iter_mut().for_each(rebase);
        }
    }
    if found.places.contains_key("capabilities.certificates") {
        certificates.iter_mut().for_each(rebase);
    }
}

/// The environment of all calls and a table of environments are one too many.
fn both_environments(places: &Places<'_>, out: &mut Vec<Diagnostic>) {
    let (value, targets) = ("environment.value", "environment.targets");
    if let (Some(source), Some(value), Some(_)) =
        (places.source, places.found.places.get(value), places.found.places.get(targets))
    {
        let message = "`environment.value` and `environment.targets` cannot both be set";
        let diagnostic = Diagnostic::error(Code::ConfigConflict, message)
            .label(source, *value, "the one environment of all calls")
            .help("for all other targets, end `targets` with `{target: \"*\", environment: …}`");
        out.push(places.at(targets, diagnostic));
    }
}

/// What must hold of settings wherever they come from.
fn together(config: &mut Settings, places: &Places<'_>, out: &mut Vec<Diagnostic>) {
    for name in &mut config.forward_headers {
        *name = headers::canonical(name);
    }
    out.extend(config.contradictions().into_iter().map(|(path, wrong)| places.at(path, wrong)));
    // Only here: what is set from Rust may be the key that was fetched from there.
    if config.audit.digest_key.is_some() && config.audit.digest_key_arn.is_some() {
        let message = "`audit.digestKey` and `audit.digestKeyArn` cannot both be set";
        out.push(places.at("audit.digestKeyArn", Diagnostic::error(Code::ConfigConflict, message)));
    }
}

/// The file that is `named`, else the one in the directories of `policies`, or in one of them that is a bundle.
fn find(policies: &[PathBuf], named: Option<PathBuf>, out: &mut Vec<Diagnostic>) -> Option<File> {
    if let Some(named) = named {
        return source(&named, out).map(File::new);
    }
    let mut found: Vec<PathBuf> = Vec::new();
    let mut bundled = Vec::new();
    for path in policies {
        if is_bundle(path) && path.is_file() {
            bundled.extend(in_bundle(path, out));
        }
        let directory = directory_of(path);
        for name in SETTINGS_NAMES {
            let file = directory.join(name);
            if file.exists() && !found.contains(&file) {
                found.push(file);
            }
        }
        misspelt(directory, out);
    }
    let bundles = bundled.iter().map(|file| file.source.name().to_owned());
    let names: Vec<String> = found.iter().map(|file| file.display().to_string()).chain(bundles).collect();
    if let [first, second, ..] = names.as_slice() {
        let message = format!("there is another configuration file, `{first}`");
        let help = "name the one that counts with `--config` or `TOOLGATE_CONFIG`";
        let source = Source::without_text(second);
        out.push(Diagnostic::error(Code::ConfigConflict, message).file(&source).help(help));
    }
    let file = found.into_iter().next().and_then(|file| source(&file, out)).map(File::new);
    file.or_else(|| bundled.into_iter().next())
}

/// Files of `directory` whose names are those of settings but for their capitals: on one machine they are read, on another
/// they would be passed over.
fn misspelt(directory: &Path, out: &mut Vec<Diagnostic>) {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    // That it cannot be listed is told where the policies are read.
    let names = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<_> = names.map(|entry| entry.file_name()).collect();
    names.sort_unstable();
    for name in names {
        let is_one = |known: &&str| name.eq_ignore_ascii_case(known);
        let known = SETTINGS_NAMES.iter().find(|known| is_one(known)).filter(|known| name != **known);
        let file = directory.join(&name);
        if let Some(known) = known
            && !out.iter().any(|told| told.file_name() == file.to_str())
        {
            let message = "this is not in force: the name is that of a configuration but for its capitals";
            let wrong = Diagnostic::error(Code::NotInForce, message);
            let file = Source::without_text(file.display().to_string());
            out.push(wrong.file(&file).help(format!("call it `{known}`, or keep it elsewhere")));
        }
    }
}

/// The settings in a bundle. The paths in them count from the directory of the bundle.
fn in_bundle(path: &Path, out: &mut Vec<Diagnostic>) -> Option<File> {
    let name = path.display().to_string();
    let bytes = read_file(path, MAX_BUNDLE_BYTES).map_err(|error| why_unread(&error));
    let contents = match &bytes {
        Ok(bytes) => Contents::read(bytes),
        Err(error) => Err(error.clone().into()),
    };
    match contents {
        Ok(contents) => {
            let (file, text) = contents.settings?;
            let source = text_source(&format!("{name}/{file}"), text.to_owned(), out)?;
            let directory = path.parent().unwrap_or(Path::new("")).to_path_buf();
            Some(File { source, directory, headers: contents.checked_headers() })
        }
        Err(wrong) => {
            out.push(wrong.told(&name));
            None
        }
    }
}

fn source(path: &Path, out: &mut Vec<Diagnostic>) -> Option<Arc<Source>> {
    let name = path.display().to_string();
    let reason = match read_file(path, MAX_FILE_BYTES).map(String::from_utf8) {
        Ok(Ok(text)) => return text_source(&name, text, out),
        Ok(Err(_)) => "it is not UTF-8 text".to_owned(),
        Err(error) => why_unread(&error),
    };
    let message = format!("this configuration cannot be read: {reason}");
    out.push(Diagnostic::error(Code::ConfigUnreadable, message).file(&Source::without_text(name)));
    None
}

fn text_source(name: &str, text: String, out: &mut Vec<Diagnostic>) -> Option<Arc<Source>> {
    match Source::new(name, text) {
        Ok(source) => Some(source),
        Err(_) => {
            let message = format!("this file has {}", over(MAX_FILE_BYTES, "bytes"));
            out.push(Diagnostic::error(Code::FileTooLarge, message).file(&Source::without_text(name)));
            None
        }
    }
}

/// Keeps a text that may hold a key out of what `diagnostics` quote: a report ends in a terminal or a log. Where in the text
/// the key is would have to be found out, in any spelling, behind any anchor, and in what does not even parse; so nothing of
/// such a text is quoted.
fn veil(source: &Arc<Source>, diagnostics: &mut [Diagnostic]) {
    if !diagnostics.is_empty() && may_hold_a_key(source) {
        let veiled = source.veiled();
        diagnostics.iter_mut().for_each(|diagnostic| diagnostic.veil(source, &veiled));
    }
}

fn may_hold_a_key(source: &Arc<Source>) -> bool {
    if names_the_key(source.text()) {
        return true;
    }
    let mut wrong = Vec::new();
    let documents = yaml::documents(source, &mut wrong);
    let of_document = |document: &Document| document.root.as_ref().is_none_or(has_a_key);
    !wrong.is_empty() || documents.iter().any(of_document)
}

/// Whether a mapping in `node` has an entry of that name, or of one that was meant to be it.
fn has_a_key(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Scalar(_) => false,
        NodeKind::Broken => true,
        NodeKind::List(items) => items.iter().any(has_a_key),
        NodeKind::Mapping(mapping) => mapping.entries.iter().any(|entry| {
            names_the_key(&entry.key)
                || did_you_mean(&entry.key, ["digestKey"].into_iter()).is_some()
                || has_a_key(&entry.value)
        }),
    }
}

fn names_the_key(text: &str) -> bool {
    let lower = text.to_ascii_lowercase().replace(['_', '-'], "");
    ["digestkey", "auditkey"].iter().any(|name| lower.contains(name))
}

#[cfg(test)]
mod tests;
