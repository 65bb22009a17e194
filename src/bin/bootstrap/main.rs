//! The Lambda function: the process that a gateway's events come to.
//!
//! Knows the environment, the Lambda runtime and the log. Decides nothing: every answer is the interceptor's.
//! A start that fails says why in the log and to Lambda, and answers no event.

use std::io::Write as _;
use std::process::ExitCode;

use toolgate::audit::Audit;
use toolgate::cel::plan::Arena;
use toolgate::config::DenialConfig;
use toolgate::interceptor::Interceptor;

mod init;
mod serve;

/// The stack of the thread that loads policies and decides. The checker, the planner and the evaluator follow what
/// authors write as deep as the parser lets it nest. Measured without optimisation, the deepest expressions of twenty
/// kinds need up to 4.5 MiB (245 nested `optMap`); a thread of Rust's has 2 MiB. Only pages that are touched take
/// memory.
const STACK: usize = 64 * 1024 * 1024;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
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
    let arena = Arena::new();
    let started = match start(&arena) {
        Ok(started) => started,
        Err(failure) => {
            log(&failure.text);
            init::post_error(&api, &failure);
            return ExitCode::FAILURE;
        }
    };
    match serve::serve(&started.interceptor, &started.audit, started.denial) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log(&error);
            ExitCode::FAILURE
        }
    }
}

/// What answers events.
struct Started<'p> {
    interceptor: Interceptor<'p>,
    audit: Audit,
    denial: DenialConfig,
}

fn start(arena: &Arena) -> Result<Started<'_>, init::Failure> {
    let config = init::configuration()?;
    let policies = init::policies(arena)?;
    let denial = config.denial;
    let audit = Audit::new(&config.audit, &policies.digest);
    let count = policies.set.policies.len();
    let interceptor = Interceptor::new(policies.set, arena, config).map_err(|diagnostics| {
        init::Failure::diagnosed("Toolgate.Configuration", "the configuration", &diagnostics)
    })?;
    let version = env!("CARGO_PKG_VERSION");
    let noun = if count == 1 { "policy" } else { "policies" };
    log(&format!("toolgate {version}: {count} {noun}, {}", policies.digest));
    Ok(Started { interceptor, audit, denial })
}

/// Writes a line, or lines, to the log. There is nowhere to say that the log cannot be written.
fn log(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
