//! Policies as Kyverno's command line loads them for a test: what does not parse or fit the schema is passed over, but
//! an unknown field, an unknown kind or a missing file ends the run.

use std::path::{Path, PathBuf};

use toolgate::internal::diag::{Code, Diagnostic, Severity};
use toolgate::internal::policy::load;
use toolgate::internal::policy::model::{Exception, Policy};

use super::Failure;
use crate::document::{Documents, is_scored, is_within};

/// What Kyverno would apply.
pub(super) struct Policies {
    /// The policies of all modes.
    pub(super) policies: Vec<Policy>,
    /// For each, whether its failures count as such, or as warnings.
    pub(super) scored: Vec<bool>,
}

/// Loads every path for itself: what is reached twice counts twice.
pub(super) fn load(paths: &[PathBuf], diagnostics: &mut Vec<Diagnostic>) -> Result<Policies, Failure> {
    let mut found = Policies { policies: Vec::new(), scored: Vec::new() };
    for path in paths {
        if !path.exists() {
            return Err(stop(&format!("{}: there is no such file or directory", path.display())));
        }
        if path.is_file() && !is_yaml(&path.display().to_string()) {
            // Kyverno reads other files as YAML only if they have the ending.
            continue;
        }
        let loaded = load::load(std::slice::from_ref(path), None);
        for diagnostic in loaded.diagnostics {
            if diagnostic.severity == Severity::Warning || !counts(&diagnostic) {
                continue;
            }
            if is_fatal(diagnostic.code) {
                return Err(stop(&diagnostic.message));
            }
            diagnostics.push(diagnostic);
        }
        let documents = Documents::of(&loaded.policies);
        for policy in loaded.policies {
            let name = policy.source.name();
            let document = documents.get(&policy);
            let root = document.and_then(|document| document.root.as_ref());
            let faulty = document.is_none_or(|document| document.faulty)
                || diagnostics.iter().any(|diagnostic| {
                    diagnostic.source.as_ref().is_some_and(|other| other.name() == name)
                        && root.zip(diagnostic.span).is_none_or(|(root, span)| is_within(span, root.span))
                });
            if !faulty && is_yaml(name) {
                found.scored.push(is_scored(document));
                found.policies.push(policy);
            }
        }
    }
    Ok(found)
}

/// Loads the files of exceptions; anything that is wrong with one ends the run.
pub(super) fn exceptions(
    paths: &[PathBuf],
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Vec<Exception>, Failure> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let loaded = load::load(paths, None);
    // The policies are in other files, so that an exception is idle says nothing.
    let mistakes = loaded.diagnostics.into_iter().filter(|diagnostic| diagnostic.code != Code::IdleException);
    for diagnostic in mistakes.filter(counts) {
        if diagnostic.severity == Severity::Error {
            return Err(Failure::Stop(format!("failed to load exceptions ({})", diagnostic.message)));
        }
        diagnostics.push(diagnostic);
    }
    match loaded.policies.first() {
        Some(policy) => {
            let what = format!("policy exception type not supported: `{}` is a policy", policy.name.value);
            Err(Failure::Stop(format!("failed to load exceptions ({what})")))
        }
        None => Ok(loaded.exceptions),
    }
}

fn stop(reason: &str) -> Failure {
    Failure::Stop(format!("failed to load policies ({reason})"))
}

fn is_yaml(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
}

/// Whether Kyverno, too, takes it for a mistake: it applies two policies of one name, none at all, and policies of
/// other modes.
fn counts(diagnostic: &Diagnostic) -> bool {
    let file = diagnostic.file_name();
    !matches!(
        diagnostic.code,
        Code::DuplicatePolicy | Code::NoPolicies | Code::UnsupportedMode | Code::UnknownMode
    ) && file.is_none_or(is_yaml)
}

fn is_fatal(code: Code) -> bool {
    matches!(
        code,
        Code::UnknownField
            | Code::NoSuchPath
            | Code::UnreadablePath
            | Code::FileTooLarge
            | Code::TooManyFiles
    )
}
