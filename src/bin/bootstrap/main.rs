//! The Lambda function: the process that a gateway's events come to.
//!
//! Knows the environment, the Lambda runtime and the log. Decides nothing: every answer is the engine's.
//! A start that fails says why in the log and to Lambda, and answers no event.

use std::io::Write as _;
use std::process::ExitCode;

use toolgate::internal::visible::printable_lines;
use toolgate::{Capabilities, Engine};

mod init;
mod secret;
mod serve;

/// In place of musl's, which makes every start longer.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// The stack of the thread that loads policies and decides. The checker, the planner and the evaluator follow what
/// authors write as deep as the parser lets it nest. Measured without optimisation, the deepest expressions of twenty
/// kinds need up to 4.5 MiB (245 nested `optMap`); a thread of Rust's has 2 MiB. Only pages that are touched take
/// memory.
const STACK: usize = 64 * 1024 * 1024;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        if serve::in_runtime() {
            return;
        }
        // The text of a panic may quote what was being read.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        log(&format!("panic at {place}"));
    }));
    let worker = std::thread::Builder::new().name("toolgate".to_owned()).stack_size(STACK).spawn(run);
    match worker.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        Ok(Err(_)) => ExitCode::FAILURE,
        Err(error) => {
            log(&format!("there is no thread to run on: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// The whole life of the process.
fn run() -> ExitCode {
    let Some(api) = init::runtime_api() else {
        log(
            "this is an AWS Lambda function, and there is no Lambda here; `toolgate decide` answers event files",
        );
        return ExitCode::FAILURE;
    };
    let (engine, capabilities) = match start() {
        Ok(started) => started,
        Err(failure) => {
            log(&failure.text);
            init::post_error(&api, &failure);
            return ExitCode::FAILURE;
        }
    };
    match serve::serve(&engine, &capabilities) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log(&error);
            ExitCode::FAILURE
        }
    }
}

/// What answers events, and what answers the policies.
fn start() -> Result<(Engine, Capabilities), init::Failure> {
    let mut settings = init::configuration()?;
    init::digest_key(&mut settings)?;
    let set = init::policies(&settings)?;
    let engine = Engine::new(set, settings).map_err(|diagnostics| {
        init::Failure::diagnosed("Toolgate.Configuration", "the configuration", &diagnostics)
    })?;
    let capabilities = engine.capabilities().map_err(|diagnostics| {
        init::Failure::diagnosed("Toolgate.Capabilities", "what policies may ask", &diagnostics)
    })?;
    init::tell(capabilities.left_out());
    let version = env!("CARGO_PKG_VERSION");
    let set = engine.policies();
    let noun = if set.len() == 1 { "policy" } else { "policies" };
    log(&format!("toolgate {version}: {} {noun}, {}", set.len(), engine.digest()));
    Ok((engine, capabilities))
}

/// Writes a line, or lines, to the log. There is nowhere to say that the log cannot be written.
fn log(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", printable_lines(text));
}
