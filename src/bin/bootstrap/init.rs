//! What happens once, before the first event: settings, policies, and what to say if they are not well.

use std::env;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use toolgate::internal::audit::{self, KeySource};
use toolgate::internal::config::{in_force, process_environment, unfit};
use toolgate::internal::diag::report::{Palette, render};
use toolgate::internal::visible::printable;
use toolgate::{Diagnostic, PolicySet, Settings, Severity};

use crate::{log, secret};

/// The most of a report that goes to the log, in bytes.
const MAX_REPORT: usize = 64 * 1024;
/// How long to wait for Lambda to take the error of a start that failed.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why there is nothing to answer events with.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What Lambda is told as the type of the error.
    pub(crate) kind: &'static str,
    /// One line that names the first thing that is wrong.
    pub(crate) summary: String,
    /// All that is wrong, for the log.
    pub(crate) text: String,
}

impl Failure {
    /// What `diagnostics` say of `what`.
    pub(crate) fn diagnosed(kind: &'static str, what: &str, diagnostics: &[Diagnostic]) -> Failure {
        let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
        let first = errors.clone().next().map(|diagnostic| diagnostic.message.clone()).unwrap_or_default();
        let count = errors.count();
        let plural = if count == 1 { "" } else { "s" };
        let summary = format!("{what} cannot be served, {count} error{plural}; the first: {first}");
        Failure { kind, text: format!("{}{summary}", report(diagnostics)), summary }
    }
}

fn report(diagnostics: &[Diagnostic]) -> String {
    let mut text = render(diagnostics, &Palette::PLAIN);
    if text.len() > MAX_REPORT {
        let end = (0..=MAX_REPORT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
        text.push_str("…\n");
    }
    text
}

/// Writes what may be wrong, or was left out, to the log.
pub(crate) fn tell(warnings: &[Diagnostic]) {
    if !warnings.is_empty() {
        log(report(warnings).trim_end());
    }
}

/// The settings: the file that `TOOLGATE_CONFIG` names or that lies beside the policies, overridden by the other
/// variables.
pub(crate) fn configuration() -> Result<Settings, Failure> {
    let (settings, warnings) =
        Settings::load_beside(&policy_paths(), None, process_environment()).map_err(|diagnostics| {
            Failure::diagnosed("Toolgate.Configuration", "the configuration", &diagnostics)
        })?;
    tell(&warnings);
    Ok(settings)
}

/// Fetches the key of the records' digests if the configuration says where it is.
pub(crate) fn digest_key(config: &mut Settings) -> Result<(), Failure> {
    let Some(arn) = &config.audit.digest_key_arn else {
        if variable("TOOLGATE_AUDIT_KEY").is_some() {
            log(
                "warning: the key of the audit's digests is in a variable, which everybody can read who may read \
                 the function's configuration; name a secret in TOOLGATE_AUDIT_KEY_ARN",
            );
        }
        return Ok(());
    };
    let failure = |wrong: String| {
        let summary = format!("the key of the audit's digests cannot be had: {wrong}");
        Failure { kind: "Toolgate.AuditKey", text: summary.clone(), summary }
    };
    let source =
        KeySource::of(arn).ok_or_else(|| failure("`audit.digestKeyArn` names no secret".to_owned()))?;
    let text = secret::fetch(&source).map_err(failure)?;
    let key = audit::digest_key(&text).map_err(|wrong| failure(format!("the text of `{source}` {wrong}")))?;
    config.audit.digest_key = Some(key);
    Ok(())
}

/// Loads and compiles the policies. Warnings, what was left out, and headers of the settings that do not fit them go to the
/// log.
pub(crate) fn policies(settings: &Settings) -> Result<PolicySet, Failure> {
    let config = Settings::named_file(None, process_environment());
    let (set, warnings) = PolicySet::from_files_beside(policy_paths(), config.as_deref())
        .map_err(|diagnostics| Failure::diagnosed("Toolgate.Policies", "the policies", &diagnostics))?;
    let mut warnings = warnings.to_vec();
    in_force(settings, &mut warnings);
    tell(&warnings);
    tell(&unfit(&set, settings));
    Ok(set)
}

/// `TOOLGATE_POLICIES`, several paths with `:` between them; else what is beside the program of `policies` and
/// `policies.bundle`. Where both are, both are loaded, and policies that are in both are a mistake.
fn policy_paths() -> Vec<PathBuf> {
    if let Some(paths) = env::var_os("TOOLGATE_POLICIES").filter(|paths| !paths.is_empty()) {
        return env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()).collect();
    }
    let beside = env::current_exe().ok().and_then(|program| program.parent().map(PathBuf::from));
    let root = beside.or_else(|| variable("LAMBDA_TASK_ROOT").map(PathBuf::from)).unwrap_or_default();
    let (folder, bundle) = (root.join("policies"), root.join("policies.bundle"));
    match (folder.exists(), bundle.exists()) {
        (_, false) => vec![folder],
        (false, true) => vec![bundle],
        (true, true) => vec![folder, bundle],
    }
}

/// The value of a variable that is set and not empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Where Lambda listens: `host:port`.
pub(crate) fn runtime_api() -> Option<String> {
    variable("AWS_LAMBDA_RUNTIME_API")
}

/// Tells Lambda why the start failed. Without it the log would have to be read to know more than that it did.
pub(crate) fn post_error(api: &str, failure: &Failure) {
    if let Err(error) = try_post_error(api, failure) {
        log(&format!("the error could not be posted: {error}"));
    }
}

fn try_post_error(api: &str, failure: &Failure) -> io::Result<()> {
    // Emulators give a whole address, Lambda gives host and port.
    let address = api.strip_prefix("http://").unwrap_or(api);
    let (host, base) = address.split_once('/').unwrap_or((address, ""));
    let separator = if base.is_empty() { "" } else { "/" };
    let body = serde_json::json!({
        "errorMessage": printable(&failure.summary),
        "errorType": failure.kind,
        "stackTrace": [],
    })
    .to_string();
    let address = host.to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!(
        "POST {separator}{base}/2018-06-01/runtime/init/error HTTP/1.1\r\n\
         Host: {host}\r\n\
         Content-Type: application/json\r\n\
         Lambda-Runtime-Function-Error-Type: {}\r\n\
         Content-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        failure.kind,
        body.len(),
    );
    stream.write_all(request.as_bytes())?;
    // The process must not end before Lambda has read the request.
    let mut answer = [0; 64];
    stream.read(&mut answer).map(|_| ())
}
