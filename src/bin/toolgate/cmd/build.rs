//! `toolgate build`: a set of policies and its settings as one file that starts fast.

use std::fs;
use std::io;
use std::path::Path;

use toolgate::internal::config::{check_headers, unfit, unopened};
use toolgate::internal::outside::ungranted;
use toolgate::internal::policy::build::{Beside, make};
use toolgate::internal::policy::bundle::is_bundle;
use toolgate::internal::policy::load::load_sources;
use toolgate::internal::policy::set::compiled;
use toolgate::internal::visible::printable;
use toolgate::{Code, Diagnostic, PolicySet, Settings, Severity};

use super::config;
use crate::args::Build;
use crate::report::{GREEN, Report, Status};

/// Makes the bundle. The environment of the process does not count: the same files make the same bytes.
pub(crate) fn run(arguments: &Build) -> Report {
    let mut report = Report::default();
    let Build { path, output, config: file } = arguments;
    let name = output.display().to_string();
    if !is_bundle(output) {
        report.error(&format!("the name of a bundle ends in `.bundle`, and `{name}` does not"));
        return report;
    }
    let paths = [path.clone()];
    let settings = Settings::file_beside(&paths, file.as_deref());
    let source = settings.as_ref().ok().and_then(|(_, source, _)| source.clone());
    let headers =
        settings.as_ref().map(|(settings, ..)| check_headers(&settings.headers)).unwrap_or_default();
    let beside = Beside { settings: source.as_deref(), headers, left_out: None };
    let mut loaded = load_sources(&paths, file.as_deref());
    // What an earlier build wrote among the policies is no file that is left out of them.
    let real = |name: &Path| fs::canonicalize(name).ok();
    let is_output = |name: &str| real(Path::new(name)).is_some_and(|name| Some(name) == real(output));
    loaded
        .diagnostics
        .retain(|told| told.code != Code::OtherFile || !told.file_name().is_some_and(is_output));
    let made = make(loaded, path, &beside);
    let (bytes, told) = match made {
        Ok((bytes, warnings)) => (Some(bytes), warnings.to_vec()),
        Err(wrong) => (None, wrong.to_vec()),
    };
    let settings = settings.map(|(settings, _, warnings)| (settings, warnings));
    let mut diagnostics = config::together(&settings, told);
    let (Some(bytes), Ok((settings, _))) = (bytes, settings) else {
        report.refuse(&diagnostics);
        report.raise(Status::BadPolicies);
        return report;
    };
    // What is written must load, in every respect: it is asked of what was written.
    let (set, wrong) = loads(&name, &bytes, source.is_some().then_some(&settings));
    diagnostics.extend(wrong);
    if let Some(set) = &set {
        diagnostics.extend(unfit(set, &settings));
    }
    if !diagnostics.is_empty() {
        report.refuse(&diagnostics);
    }
    let Some(set) = set else {
        report.raise(Status::BadPolicies);
        return report;
    };
    if let Err(error) = write(output, &bytes) {
        report.error(&format!("the bundle `{name}` cannot be written: {error}"));
        return report;
    }
    let missing = missing(output, &set);
    if !missing.is_empty() {
        report.refuse(&missing);
    }
    let noun = if set.len() == 1 { "policy" } else { "policies" };
    let with = if source.is_some() { "with settings" } else { "without settings" };
    report.text(format!(
        "{GREEN}{}{GREEN:#}: {} {noun} {with}, {} bytes, {}\n",
        printable(&name),
        set.len(),
        bytes.len(),
        set.digest()
    ));
    report
}

/// The set of a bundle if it loads and the settings in it, if there are any, grant what it asks.
fn loads(name: &str, bytes: &[u8], settings: Option<&Settings>) -> (Option<PolicySet>, Vec<Diagnostic>) {
    match PolicySet::from_bundle(name, bytes) {
        Err(wrong) => (None, wrong.to_vec()),
        Ok((set, _)) => {
            let asks = settings.map(|settings| ungranted(&compiled(&set).asks, &settings.capabilities));
            match asks.unwrap_or_default() {
                wrong if wrong.is_empty() => (Some(set), wrong),
                wrong => (None, wrong),
            }
        }
    }
}

/// Warns of files that the settings in a bundle name and that cannot be read from where it was written: they are no part of
/// it.
fn missing(bundle: &Path, set: &PolicySet) -> Vec<Diagnostic> {
    // With other settings beside it a bundle does not start, and that is told when it is.
    let Ok((settings, ..)) = Settings::file_beside(&[bundle.to_owned()], None) else { return Vec::new() };
    let mut told = unopened(&compiled(set).asks, &settings);
    // What is left out of a folder is told when the bundle starts.
    told.retain(|diagnostic| diagnostic.severity == Severity::Error);
    for diagnostic in &mut told {
        diagnostic.severity = Severity::Warning;
        let help = "it is not in the bundle, and must be there when the bundle starts; its way counts from the bundle's folder";
        diagnostic.help = Some(help.to_owned());
    }
    told
}

/// Writes beside the file first, so that whoever reads it finds the old one or the new one.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("bundle.{}", std::process::id()));
    fs::write(&beside, bytes)
        .and_then(|()| fs::rename(&beside, path))
        .inspect_err(|_| drop(fs::remove_file(&beside)))
}
