//! What happens once, before the first event: settings, policies, and what to say if they are not well.

use std::env;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use toolgate::audit::policy_set_digest;
use toolgate::cel::plan::Arena;
use toolgate::config::{Config, process_environment};
use toolgate::diag::report::{Palette, render};
use toolgate::diag::{self, Diagnostic, Severity};
use toolgate::policy::compile::{CompiledSet, compile};
use toolgate::policy::load::load;

use crate::log;

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

/// The settings: the file that `TOOLGATE_CONFIG` names or that lies beside the policies, overridden by the other
/// variables.
pub(crate) fn configuration() -> Result<Config, Failure> {
    Config::load_beside(&policy_paths(), None, process_environment()).map_err(|diagnostics| {
        Failure::diagnosed("Toolgate.Configuration", "the configuration", &diagnostics)
    })
}

/// Policies that answer events.
pub(crate) struct Policies<'p> {
    /// The policies.
    pub(crate) set: CompiledSet<'p>,
    /// What records call the set.
    pub(crate) digest: String,
}

/// Loads and compiles the policies. Warnings go to the log.
pub(crate) fn policies(arena: &Arena) -> Result<Policies<'_>, Failure> {
    let loaded = load(&policy_paths());
    let broken = loaded.has_errors();
    let digest = policy_set_digest(loaded.policies.iter().map(|policy| policy.source.slice(policy.span)));
    let mut diagnostics = loaded.diagnostics;
    // Compiled even if a document is not well, so that all that is wrong is said at once.
    let set = match compile(&loaded.policies, arena) {
        Ok(set) => Some(set).filter(|_| !broken),
        Err(mistakes) => {
            diagnostics.extend(mistakes);
            None
        }
    };
    diag::sort(&mut diagnostics);
    let Some(set) = set else {
        return Err(Failure::diagnosed("Toolgate.Policies", "the policies", &diagnostics));
    };
    if !diagnostics.is_empty() {
        log(report(&diagnostics).trim_end());
    }
    Ok(Policies { set, digest })
}

/// `TOOLGATE_POLICIES`, several paths with `:` between them; else `policies` beside the program.
fn policy_paths() -> Vec<PathBuf> {
    if let Some(paths) = env::var_os("TOOLGATE_POLICIES").filter(|paths| !paths.is_empty()) {
        return env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()).collect();
    }
    let beside = env::current_exe().ok().and_then(|program| program.parent().map(PathBuf::from));
    let root = beside.or_else(|| variable("LAMBDA_TASK_ROOT").map(PathBuf::from)).unwrap_or_default();
    vec![root.join("policies")]
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
        "errorMessage": failure.summary,
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
