//! Policies from the paths that the user names, with everything that is wrong with them.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bumpalo::Bump;
use serde_json::Value as Json;
use toolgate::internal::budget::Budget;
use toolgate::internal::config::{deployed, open, unfit, unopened};
use toolgate::internal::diag;
use toolgate::internal::library::capability::Session;
use toolgate::internal::library::runtime::Runtime;
use toolgate::internal::outside::{Fixed, ungranted, value};
use toolgate::internal::policy::bundle::is_bundle;
use toolgate::internal::policy::lint::Deployed;
use toolgate::internal::policy::load::{Loaded, load, load_sources};
use toolgate::internal::policy::model::Policy;
use toolgate::internal::policy::set::compiled;
use toolgate::internal::source::{Source, read_text};
use toolgate::internal::yaml::documents;
use toolgate::{Capabilities, Code, Diagnostic, PolicySet, Severity};

use super::config;
use crate::args::ConfigFile;

/// What became of the policies.
pub(crate) struct Policies {
    /// The compiled policies; `None` if anything is wrong, because then the set must not be served.
    pub(crate) set: Option<PolicySet>,
    /// Everything that is wrong, every warning and what was left out, by file and place.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Who answers what they ask outside of a payload.
    pub(crate) capabilities: Capabilities,
    /// How long they may take for one payload.
    pub(crate) limit: Duration,
    /// The policies that were read, in the order of their names.
    pub(crate) written: Vec<Policy>,
    /// How many exceptions were read.
    pub(crate) exceptions: usize,
}

/// Loads and compiles. What is in a bundle counts as it was checked.
pub(crate) fn read(paths: &[PathBuf], config: &ConfigFile) -> Policies {
    compile(load(paths, config::named(config).as_deref()), &Deployed::default())
}

/// The same with files that have exceptions and nothing else.
fn read_with(paths: &[PathBuf], exceptions: &[PathBuf], config: &ConfigFile) -> Policies {
    let all: Vec<PathBuf> = paths.iter().chain(exceptions).cloned().collect();
    let mut loaded = load(&all, config::named(config).as_deref());
    for policy in &loaded.policies {
        let name = policy.source.name();
        if exceptions.iter().any(|path| path.display().to_string() == name) {
            let message = format!("`{}` is a policy, and this file is for exceptions", policy.name.value);
            let wrong = Diagnostic::error(Code::UnknownKind, message).at(&policy.source, policy.name.span);
            loaded.diagnostics.push(wrong.help("name policies without an option before them"));
        }
    }
    compile(loaded, &Deployed::default())
}

/// Loads and compiles, with all warnings: of a bundle its texts, and what a start from it would say.
pub(crate) fn read_texts(paths: &[PathBuf], config: &ConfigFile) -> Policies {
    let loaded = load_sources(paths, config::named(config).as_deref());
    let Ok((settings, _)) = config::load(config, paths) else { return compile(loaded, &Deployed::default()) };
    let mut policies = compile(loaded, &deployed(&settings));
    if let Some(set) = &policies.set {
        policies.diagnostics.extend(unfit(set, &settings));
    }
    if paths.iter().any(|path| is_bundle(path)) {
        // A start takes the programs, which need not be those of the texts, nor of this build.
        let started = read(paths, config);
        policies.set = policies.set.filter(|_| started.set.is_some());
        let told = |told: &Diagnostic| told.severity == Severity::Error || told.code == Code::OtherPrograms;
        for told in started.diagnostics.into_iter().filter(told) {
            if !policies.diagnostics.contains(&told) {
                policies.diagnostics.push(told);
            }
        }
        diag::sort(&mut policies.diagnostics);
    }
    policies
}

fn compile(loaded: Loaded, deployed: &Deployed) -> Policies {
    let (written, exceptions) = (loaded.policies.clone(), loaded.exceptions.len());
    let (set, diagnostics) = loaded.lenient_for(deployed);
    let set = (!diagnostics.has_errors()).then_some(set);
    let capabilities = Capabilities::default();
    let limit = Duration::ZERO;
    Policies { set, capabilities, limit, diagnostics: diagnostics.into_iter().collect(), written, exceptions }
}

/// The policies of these paths, and what the configuration must grant for them to load. What a `given` file answers is
/// granted.
pub(crate) fn granted(
    mut policies: Policies,
    paths: &[PathBuf],
    config: &ConfigFile,
    given: Option<Fixed>,
) -> Policies {
    let mut config = config::load(config, paths);
    if let (Some(given), Ok((settings, _))) = (given, &mut config) {
        given.grant(&mut settings.capabilities);
        policies.capabilities = Capabilities::of(given);
    }
    if let (Some(set), Ok((settings, _))) = (&policies.set, &config) {
        policies.diagnostics.extend(ungranted(&compiled(set).asks, &settings.capabilities));
        policies.limit = Duration::from_millis(settings.capabilities.time_limit);
    }
    policies.diagnostics = config::together(&config, policies.diagnostics);
    if policies.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        policies.set = None;
    }
    policies
}

/// The same, and whether what they ask of files can be read: `check` opens nothing, and tells what would keep them from a
/// start.
pub(crate) fn openable(mut policies: Policies, paths: &[PathBuf], config: &ConfigFile) -> Policies {
    policies = granted(policies, paths, config, None);
    if let (Some(set), Ok((settings, _))) = (&policies.set, config::load(config, paths)) {
        let told = unopened(&compiled(set).asks, &settings);
        if told.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
            policies.set = None;
        }
        policies.diagnostics.extend(told);
        diag::sort(&mut policies.diagnostics);
    }
    policies
}

/// The same as decisions need them, with more `exceptions` and with everything opened that the policies ask and no file
/// answers.
pub(crate) fn opened(
    paths: &[PathBuf],
    exceptions: &[PathBuf],
    config: &ConfigFile,
    given: Option<Fixed>,
) -> Policies {
    let answered = given.is_some();
    let mut policies = granted(read_with(paths, exceptions, config), paths, config, given);
    if let (Some(set), Ok((settings, _)), false) = (&policies.set, config::load(config, paths), answered) {
        match open(&compiled(set).asks, &settings) {
            Ok(capabilities) => {
                policies.diagnostics.extend_from_slice(capabilities.left_out());
                policies.capabilities = capabilities;
            }
            Err(wrong) => {
                policies.diagnostics.extend(wrong);
                policies.set = None;
            }
        }
    }
    policies
}

/// The answers of a context file.
///
/// # Errors
/// Why they cannot be read, for people.
pub(crate) fn context_file(path: &Path) -> Result<Fixed, String> {
    let wrong = |why: String| format!("the context file `{}` cannot be read: {why}", path.display());
    let text = read_text(path).map_err(|error| wrong(error.to_string()))?;
    let source = Source::new(path.display().to_string(), text).map_err(|error| wrong(error.to_string()))?;
    let mut diagnostics = Vec::new();
    let documents = documents(&source, &mut diagnostics);
    if let Some(diagnostic) = diagnostics.first() {
        return Err(wrong(diagnostic.message.clone()));
    }
    // Kyverno's reader takes the first document, and nothing for an empty file.
    let first = documents.first().and_then(|document| document.root.as_ref());
    Fixed::read(&first.map_or(Json::Null, value)).map_err(wrong)
}

impl Policies {
    /// What one payload's decision asks.
    pub(crate) fn session(&self) -> Session {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.capabilities.session(elapsed.as_nanos(), self.limit)
    }
}

/// How many diagnostics are of this severity.
pub(crate) fn count(diagnostics: &[Diagnostic], severity: Severity) -> usize {
    diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
}

/// What functions may ask while a payload is decided: the time is now.
pub(crate) fn live<'a>(arena: &'a Bump, session: &'a Session) -> Runtime<'a> {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Runtime::new(arena, Budget::default())
        .at(i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX))
        .asking(session)
}
