//! Asks Toolgate what nobody would think of asking: inputs of the corpus, changed at random, one after the other.
//!
//! `toolgate-fuzz --target event --seconds 60 --seed 1` runs a target; with the same seed it asks the same questions.
//! `toolgate-fuzz --target event FILE...` asks about these inputs and no others. A finding is written to
//! `fuzz/findings/`, and the exit code is 1. An input that ends the process, as a full stack does, is left there as well:
//! as `TARGET-current`.

#[path = "../../tools/src/bin/differential/rng.rs"]
mod rng;

mod mutate;
mod targets;

use std::fs;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rng::Rng;
use targets::{TARGETS, Target, bundles, words};

/// No input takes longer, on any machine: the budget of a decision ends within a fraction of a second.
const LONGEST: Duration = Duration::from_secs(20);

/// What the last panic said, wherever it was caught.
static PANIC: Mutex<Option<String>> = Mutex::new(None);
/// How many inputs were begun.
static BEGUN: AtomicU64 = AtomicU64::new(0);

struct Arguments {
    target: String,
    seconds: u64,
    seed: u64,
    files: Vec<PathBuf>,
}

fn arguments() -> Result<Arguments, String> {
    let usage = || format!("toolgate-fuzz --target {} [--seconds N] [--seed N] [FILE...]", TARGETS.join("|"));
    let mut found = Arguments { target: String::new(), seconds: 60, seed: 1, files: Vec::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(usage);
        match word.as_str() {
            "--target" => found.target = value()?,
            "--seconds" => found.seconds = value()?.parse().map_err(|_| usage())?,
            "--seed" => found.seed = value()?.parse().map_err(|_| usage())?,
            _ if word.starts_with('-') => return Err(usage()),
            _ => found.files.push(PathBuf::from(word)),
        }
    }
    if TARGETS.contains(&found.target.as_str()) { Ok(found) } else { Err(usage()) }
}

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        if let Ok(mut last) = PANIC.lock() {
            *last = Some(panic.to_string());
        }
    }));
    // As deep as a Lambda's thread: what needs more is a finding.
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(run);
    match thread.map(std::thread::JoinHandle::join) {
        Ok(Ok(Ok(0))) => ExitCode::SUCCESS,
        Ok(Ok(Ok(_))) => ExitCode::FAILURE,
        Ok(Ok(Err(error))) => told(&error),
        _ => told("the harness itself failed"),
    }
}

fn told(error: &str) -> ExitCode {
    say(error);
    ExitCode::from(2)
}

fn say(line: &str) {
    // Nobody is left to tell if this fails.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Runs a target; the number of its findings.
fn run() -> Result<usize, String> {
    let arguments = arguments()?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let findings = here.join("findings");
    fs::create_dir_all(&findings).map_err(|error| error.to_string())?;
    let mut target = Target::new(&arguments.target, &here.join(".."))?;
    let current = findings.join(format!("{}-current", arguments.target));
    watch(arguments.target.clone());
    let mut count = 0_usize;
    let mut ask = |input: &[u8]| -> Result<(), String> {
        // Where it is found if this process does not live to tell.
        fs::write(&current, input).map_err(|error| error.to_string())?;
        BEGUN.fetch_add(1, Ordering::Relaxed);
        let asked = catch_unwind(AssertUnwindSafe(|| target.run(input)));
        let panic = PANIC.lock().ok().and_then(|mut panic| panic.take());
        let found = match (panic, asked) {
            (Some(panic), _) => panic,
            (None, Ok(Ok(()))) => return Ok(()),
            (None, Ok(Err(found))) => found,
            (None, Err(_)) => "a panic".to_owned(),
        };
        count = count.saturating_add(1);
        let file = findings.join(format!("{}-{}-{count}", arguments.target, arguments.seed));
        fs::write(&file, input).map_err(|error| error.to_string())?;
        say(&format!("{}: {found}", file.display()));
        // One mistake is found again and again.
        if count < 20 { Ok(()) } else { Err("there are twenty findings; that is enough".to_owned()) }
    };
    let start = Instant::now();
    if arguments.files.is_empty() {
        let corpus = match arguments.target.as_str() {
            // Those of the folder are another build's, whose texts are compiled; those that are made here are this build's.
            "bundle" => {
                let mut inputs = corpus(&here.join("corpus").join("bundle"))?;
                inputs.extend(bundles(&corpus(&here.join("corpus").join("policy"))?));
                inputs
            }
            target => corpus(&here.join("corpus").join(target))?,
        };
        corpus.iter().try_for_each(|input| ask(input))?;
        let (words, mut index) = (words(&arguments.target), 0_u64);
        while start.elapsed() < Duration::from_secs(arguments.seconds) {
            let mut rng = Rng::new(arguments.seed, index);
            let input = rng.pick(&corpus).cloned().unwrap_or_default();
            let other = rng.pick(&corpus).cloned().unwrap_or_default();
            ask(&mutate::mutate(&mut rng, &input, &other, words))?;
            index = index.wrapping_add(1);
        }
    } else {
        for file in &arguments.files {
            ask(&fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?)?;
        }
    }
    fs::remove_file(&current).map_err(|error| error.to_string())?;
    let asked = BEGUN.load(Ordering::Relaxed);
    say(&format!(
        "{}: {asked} inputs in {} s, {count} findings",
        arguments.target,
        start.elapsed().as_secs()
    ));
    Ok(count)
}

/// The inputs in a folder, by name.
fn corpus(folder: &Path) -> Result<Vec<Vec<u8>>, String> {
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut files = fs::read_dir(folder)
        .and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()
        })
        .map_err(told)?;
    files.sort();
    let inputs = files.iter().map(fs::read).collect::<Result<Vec<_>, _>>().map_err(told)?;
    if inputs.is_empty() { Err(format!("{}: no corpus", folder.display())) } else { Ok(inputs) }
}

/// Ends the process if one input takes too long: it is then the finding `TARGET-current`.
#[expect(clippy::exit, reason = "the thread that should come back to `main` is the one that does not")]
fn watch(target: String) {
    std::thread::spawn(move || {
        let (mut last, mut since) = (0, Instant::now());
        loop {
            std::thread::sleep(Duration::from_millis(500));
            let begun = BEGUN.load(Ordering::Relaxed);
            if begun != last {
                (last, since) = (begun, Instant::now());
            } else if begun > 0 && since.elapsed() > LONGEST {
                say(&format!("fuzz/findings/{target}-current: takes longer than {} s", LONGEST.as_secs()));
                std::process::exit(1);
            }
        }
    });
}
