//! `toolgate config`: the settings that are in force, and how every command finds them.

use std::path::{Path, PathBuf};

use toolgate::internal::config::{in_force, process_environment};
use toolgate::internal::diag;
use toolgate::{Diagnostic, Diagnostics, Settings, Severity, Warnings};

use crate::args::{self, ConfigFile, Format, POLICIES};
use crate::report::{Report, Status};

/// A configuration and what may be wrong with it, or what is.
pub(crate) type Loaded = Result<(Settings, Warnings), Diagnostics>;

/// Prints the effective configuration.
pub(crate) fn run(arguments: &args::Config) -> Report {
    let mut report = Report::default();
    // The settings beside what is not there would be the built-in ones, and not those that are in force.
    let named = |path: &&PathBuf| path.as_path() != Path::new(POLICIES);
    if let Some(path) = arguments.policies.iter().filter(named).find(|path| !path.exists()) {
        report.error(&format!("`{}`: there is no such file or directory", path.display()));
        return report;
    }
    match (load(&arguments.config, &arguments.policies), arguments.output) {
        (Ok((config, warnings)), format) => {
            if !warnings.is_empty() {
                report.refuse(&warnings);
            }
            match format {
                Format::Json => report.json(&config.effective()),
                Format::Text => report.text(config.effective().to_string()),
            }
        }
        (Err(diagnostics), _) => {
            report.refuse(&diagnostics);
            report.raise(Status::BadPolicies);
        }
    }
    report
}

/// The configuration of a command that works with `policies`: its file, then the environment of the process.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn load(file: &ConfigFile, policies: &[PathBuf]) -> Loaded {
    Settings::load_beside(policies, file.config.as_deref(), process_environment())
}

/// The configuration file that the user names.
pub(crate) fn named(file: &ConfigFile) -> Option<PathBuf> {
    Settings::named_file(file.config.as_deref(), process_environment())
}

/// What is wrong with the configuration and with the policies around it. The configuration file may lie among those,
/// and then what is wrong with it is told once.
pub(crate) fn together(config: &Loaded, policies: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut all = match config {
        Ok((_, warnings)) => warnings.to_vec(),
        Err(wrong) => wrong.to_vec(),
    };
    // A warning does not say what an error says.
    let told = |diagnostic: &Diagnostic, all: &[Diagnostic]| {
        (config.is_err() || diagnostic.severity != Severity::Error)
            && diagnostic
                .file_name()
                .is_some_and(|name| all.iter().any(|other| other.file_name() == Some(name)))
    };
    let mut rest: Vec<Diagnostic> =
        policies.into_iter().filter(|diagnostic| !told(diagnostic, &all)).collect();
    if let Ok((settings, _)) = config {
        in_force(settings, &mut rest);
    }
    all.extend(rest);
    diag::sort(&mut all);
    all
}
