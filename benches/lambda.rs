//! The Lambda function as a process: from its start to its first answer, its memory, its size; beside a function
//! that does nothing, measured in the same run. Prints a table.
//!
//! The variables `BOOTSTRAP` and `EMPTY_HANDLER` name other builds to measure; `make measure` takes those that are
//! deployed. `BASE` names one of an older commit, which is started beside it, from texts alone.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench that cannot go on should panic, and prints its table"
)]
#![expect(dead_code, reason = "the stub and the cases have more than is measured here")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use stub::{Event, Stub};
use toolgate::Settings;
use toolgate::internal::config::check_headers;
use toolgate::internal::policy::build::{Beside, make};
use toolgate::internal::policy::load::load_text;

mod cases;
#[path = "../tests/lambda/stub.rs"]
mod stub;

/// How many processes are started for a row.
const STARTS: usize = 20;
/// How many calls one process answers for the time of a call.
const CALLS: usize = 1_000;

struct Measured {
    /// From the start of the process to its first question for an event.
    ready: Duration,
    /// From the start of the process to its first answer.
    first: Duration,
    /// Resident memory after the first answer, in KiB.
    memory: u64,
}

fn main() {
    let bootstrap = named("BOOTSTRAP").unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_bootstrap")));
    let empty = named("EMPTY_HANDLER").unwrap_or_else(build_empty_handler);
    let base = named("BASE");
    let directory = std::env::temp_dir().join(format!("toolgate-bench-{}", std::process::id()));
    println!(
        "| function | to the first poll, ms | to the first answer, ms (median; worst of {STARTS}) | VmRSS, MiB \
         | after {CALLS} calls, MiB | a call over loopback, µs | size, MiB |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    row("empty handler", &empty, &[]);
    fs::create_dir_all(&directory).expect("the directory for temporary files can be written");
    for (name, shape) in cases::SHAPES {
        for count in [1, 100, 1_000] {
            let text = cases::policies(shape, count);
            for (file, bytes) in [("policies.yaml", text.as_bytes()), ("policies.bundle", &bundle(&text))] {
                let place = directory.join(file);
                fs::write(&place, bytes).expect("the directory is there");
                let place = place.to_str().expect("the path is UTF-8");
                if let Some(base) = base.as_ref().filter(|_| file.ends_with(".yaml")) {
                    row(
                        &format!("base, {count} policies, {name}, {file}"),
                        base,
                        &[("TOOLGATE_POLICIES", place)],
                    );
                }
                let what = format!("bootstrap, {count} policies, {name}, {file}");
                row(&what, &bootstrap, &[("TOOLGATE_POLICIES", place)]);
            }
        }
    }
    let _ = fs::remove_dir_all(directory);
}

/// The bundle of these policies and of the default settings, as the sources make it that this bench is made of.
fn bundle(text: &str) -> Vec<u8> {
    let beside =
        Beside { settings: None, headers: check_headers(&Settings::default().headers), left_out: None };
    make(load_text("policies.yaml", text), Path::new(""), &beside).expect("the policies are well").0
}

/// The program that a variable names.
fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Another package's program is no dependency of a bench, so that it has to be asked for.
fn build_empty_handler() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "-p", "toolgate-tools", "--bin", "empty_handler"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.expect("cargo runs").success(), "the empty handler does not build");
    let release = Path::new(env!("CARGO_BIN_EXE_bootstrap")).parent().expect("a file has a directory");
    release.join("empty_handler")
}

fn row(name: &str, program: &Path, settings: &[(&str, &str)]) {
    let mut starts: Vec<Measured> = (0..STARTS).map(|_| start(program, settings)).collect();
    starts.sort_by_key(|start| start.ready);
    let ready = starts[STARTS / 2].ready;
    starts.sort_by_key(|start| start.first);
    let (median, worst) = (&starts[STARTS / 2], &starts[STARTS - 1]);
    let (call, memory) = calls(program, settings);
    let size = fs::metadata(program).expect("the program is there").len();
    println!(
        "| {name} | {:.1} | {:.1}; {:.1} | {:.1} | {:.1} | {:.0} | {:.2} |",
        milliseconds(ready),
        milliseconds(median.first),
        milliseconds(worst.first),
        mebibytes(median.memory * 1024),
        mebibytes(memory * 1024),
        milliseconds(call) * 1000.0,
        mebibytes(size),
    );
}

/// Starts a process for which an event waits already.
fn start(program: &Path, settings: &[(&str, &str)]) -> Measured {
    let stub = Stub::start();
    let id = stub.send(Event::new(cases::EVENT));
    let begin = Instant::now();
    let function = stub.function(program, settings);
    stub.wait_for_polls(1);
    let ready = begin.elapsed();
    stub.outcome(&id).response();
    let first = begin.elapsed();
    Measured { ready, first, memory: resident(function.id()) }
}

/// The time of one call of many, and the memory after them.
fn calls(program: &Path, settings: &[(&str, &str)]) -> (Duration, u64) {
    let stub = Stub::start();
    let function = stub.function(program, settings);
    stub.ask(cases::EVENT).response();
    let begin = Instant::now();
    for _ in 0..CALLS {
        stub.ask(cases::EVENT).response();
    }
    let call = begin.elapsed() / u32::try_from(CALLS).expect("it is small");
    (call, resident(function.id()))
}

/// The resident memory of a process in KiB.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process lives, on Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says so");
    line.trim().trim_end_matches(" kB").parse().expect("it is a number")
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "a table shows two digits")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}
