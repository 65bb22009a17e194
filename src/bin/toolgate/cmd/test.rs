//! `toolgate test`: fixtures and Kyverno's test files, run in parallel, reported in order.

mod json;
mod junit;
mod markdown;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use toolgate::internal::yaml::write::Tree;
use toolgate::{Code, Diagnostic, Severity};

use crate::args::{Test, TestFormat};
use crate::report::{Progress, Report, Status};
use crate::suite::filter::{Filter, Selector, Wanted};
use crate::suite::find::{self, File, Found};
use crate::suite::kyverno::Failure;
use crate::suite::sets::Sets;
use crate::suite::{self, Outcome};

/// How often `--watch` looks at the files.
const POLL: Duration = Duration::from_millis(300);

/// The stack of a thread that runs tests: policies may nest deeply.
const STACK: usize = 8 * 1024 * 1024;

/// Runs all tests once.
pub(crate) fn run(arguments: &Test) -> Report {
    let report = match wanted(arguments) {
        Ok(wanted) => run_and_list(arguments, &wanted).0,
        Err(report) => report,
    };
    report.plain(arguments.look.remove_color)
}

/// What is to be run, or what is wrong with how that is said: without it all would run, which is not what was asked for.
fn wanted(arguments: &Test) -> Result<Wanted, Report> {
    let wrong = |wrong: String| {
        let mut report = Report::default();
        report.error(&wrong);
        report
    };
    Ok(Wanted {
        filter: Filter::new(arguments.filter.as_deref()).map_err(wrong)?,
        selector: arguments.test_case_selector.as_deref().map(Selector::new).transpose().map_err(wrong)?,
        fail_fast: arguments.fail_fast,
    })
}

/// Runs all tests, and again whenever a file that they came from has changed; returns only if what is wanted is wrong.
pub(crate) fn watch(arguments: &Test, print: &mut dyn FnMut(&Report)) -> Report {
    let wanted = match wanted(arguments) {
        Ok(wanted) => wanted,
        Err(report) => return report.plain(arguments.look.remove_color),
    };
    loop {
        let (mut report, used) = run_and_list(arguments, &wanted);
        let before = times(&used);
        report.note(format!("watching {} paths; stop with Ctrl-C\n", used.len()));
        print(&report.plain(arguments.look.remove_color));
        while times(&used) == before {
            thread::sleep(POLL);
        }
    }
}

/// What tells one state of a file from another.
type State = Option<(SystemTime, u64)>;

/// The state of each file, and of every file below each directory that can be a test, a policy or an event: a report
/// that is written there must not start the next run.
fn times(paths: &BTreeSet<PathBuf>) -> BTreeMap<PathBuf, State> {
    let mut found = BTreeMap::new();
    for path in paths {
        look(path, &mut found, 0);
    }
    found
}

fn look(path: &Path, found: &mut BTreeMap<PathBuf, State>, depth: usize) {
    const MAX_DEPTH: usize = 32;
    let metadata = fs::metadata(path).ok();
    if !metadata.as_ref().is_some_and(fs::Metadata::is_dir) {
        found.insert(
            path.to_owned(),
            metadata.and_then(|metadata| Some((metadata.modified().ok()?, metadata.len()))),
        );
        return;
    }
    // A directory that was seen is there without a state.
    if depth > MAX_DEPTH || found.insert(path.to_owned(), None).is_some() {
        return;
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let can_matter = path.is_dir()
            || path.extension().is_some_and(|ending| ["yaml", "yml", "json"].iter().any(|it| ending == *it));
        if can_matter && !name.as_encoded_bytes().starts_with(b".") {
            look(&path, found, depth.saturating_add(1));
        }
    }
}

/// The report, and the files on which it depends.
fn run_and_list(arguments: &Test, wanted: &Wanted) -> (Report, BTreeSet<PathBuf>) {
    let mut report = Report::default();
    let started = Instant::now();
    let Found { files, errors, mut directories } = find::find(&arguments.paths, &arguments.file_name);
    errors.iter().for_each(|error| report.error(error));
    if files.is_empty() && errors.is_empty() {
        report.error(&format!(
            "there is no test: neither a document with `apiVersion: toolgate.dev/v1` and `kind: Fixture` nor a `{}`",
            arguments.file_name
        ));
    }
    let outcomes = all(&files, wanted);
    for outcome in &outcomes {
        directories.insert(PathBuf::from(&outcome.file));
        directories.extend(outcome.used.iter().cloned());
    }
    directories.extend(arguments.paths.iter().filter(|path| !path.is_dir()).cloned());
    let mut run =
        Run { outcomes, took: started.elapsed(), counts: Counts::default(), fail_only: arguments.fail_only };
    if run.is_empty() && !files.is_empty() {
        report.error("no case is wanted: nothing matches the filter");
    }
    run.counts = run.count();
    run.raise(&mut report);
    let left_out = run.left_out();
    if !left_out.is_empty() {
        report.refuse(&left_out);
    }
    if run.fail_only {
        run.forget_what_is_well();
    }
    match arguments.output {
        TestFormat::Text => text::write(&run, &mut report),
        TestFormat::Json => report.json(&json::document(&run)),
        TestFormat::Yaml => report.bytes(Tree::from(&json::document(&run)).to_string().into_bytes()),
        TestFormat::Markdown => markdown::write(&run, &mut report),
        TestFormat::Junit => junit::write(&run, &mut report),
    }
    (report, directories)
}

/// Runs the files on all processors; the outcomes are in the order of the files.
fn all(files: &[File], wanted: &Wanted) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes: Mutex<Vec<(usize, Outcome)>> = Mutex::new(Vec::with_capacity(files.len()));
    let progress = Progress::new("files", files.len());
    let sets = Sets::default();
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(index) else { return };
            let outcome = suite::run(file, wanted, &sets);
            if let Ok(mut outcomes) = outcomes.lock() {
                outcomes.push((index, outcome));
                progress.step(outcomes.len());
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(files.len());
    thread::scope(|scope| {
        for _ in 0..threads {
            // Where no thread can be had, the work is done below.
            drop(thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work));
        }
    });
    work();
    progress.end();
    let mut outcomes = outcomes.into_inner().unwrap_or_default();
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// What came of all tests.
struct Run {
    outcomes: Vec<Outcome>,
    took: Duration,
    /// Of all that was run, also of what is not shown.
    counts: Counts,
    /// Whether only what fails is shown.
    fail_only: bool,
}

/// How many of what.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    /// Fixtures of which anything was run.
    fixtures: usize,
    /// Cases of fixtures that are as expected.
    passed: usize,
    /// Cases that are not.
    failed: usize,
    /// Rows of Kyverno tests that are as expected.
    kyverno_passed: usize,
    /// Rows that are not.
    kyverno_failed: usize,
}

impl Run {
    /// Nothing was run, and nothing is wrong either.
    fn is_empty(&self) -> bool {
        self.outcomes.iter().all(|outcome| {
            outcome.fixtures.is_empty()
                && outcome.diagnostics.is_empty()
                && outcome.kyverno.is_empty()
                && !outcome.is_kyverno
        })
    }

    /// What was left out of the policies of fixtures, each told once: many fixtures name the same. The fixtures that were
    /// run are not told, which stand beside their policies.
    fn left_out(&self) -> Vec<Diagnostic> {
        let is_run: BTreeSet<&str> = self.outcomes.iter().map(|outcome| outcome.file.as_str()).collect();
        let runs = |note: &Diagnostic| {
            note.code == Code::OtherDocument && note.file_name().is_some_and(|name| is_run.contains(name))
        };
        let (mut told, mut left_out) = (BTreeSet::new(), Vec::new());
        let fixtures = self.outcomes.iter().flat_map(|outcome| &outcome.fixtures);
        for note in fixtures.flat_map(|fixture| &fixture.left_out).filter(|note| !runs(note)) {
            if told.insert((note.file_name(), &note.message)) {
                left_out.push(note.clone());
            }
        }
        left_out
    }

    /// Whether there is a Kyverno test file, be it one that expects nothing.
    fn has_kyverno(&self) -> bool {
        self.outcomes.iter().any(|outcome| outcome.is_kyverno)
    }

    /// Kyverno's tests as far as Kyverno would go: not at all if one cannot be read, else to the first that fails to
    /// run. Each with its file.
    fn kyverno(&self) -> Vec<(&str, &suite::kyverno::TestResult)> {
        let all = || {
            self.outcomes
                .iter()
                .flat_map(|outcome| outcome.kyverno.iter().map(|test| (outcome.file.as_str(), test)))
        };
        let unreadable =
            |test: &suite::kyverno::TestResult| matches!(test.failure, Some(Failure::Unreadable(_)));
        if all().any(|(_, test)| unreadable(test)) {
            return all().filter(|(_, test)| unreadable(test)).collect();
        }
        let end = all().position(|(_, test)| test.failure.is_some());
        all().take(end.map_or(usize::MAX, |end| end.saturating_add(1))).collect()
    }

    fn count(&self) -> Counts {
        let mut counts = Counts::default();
        let add = |count: &mut usize| *count = count.saturating_add(1);
        let fixtures = self.outcomes.iter().flat_map(|outcome| &outcome.fixtures);
        counts.fixtures = fixtures.clone().count();
        for case in fixtures.flat_map(|fixture| &fixture.cases) {
            add(if case.mismatches.is_empty() { &mut counts.passed } else { &mut counts.failed });
        }
        for row in self.kyverno().iter().flat_map(|(_, test)| &test.rows) {
            add(if row.pass { &mut counts.kyverno_passed } else { &mut counts.kyverno_failed });
        }
        counts
    }

    /// Leaves what is to be shown of a run of which only failures are.
    fn forget_what_is_well(&mut self) {
        for outcome in &mut self.outcomes {
            for fixture in &mut outcome.fixtures {
                fixture.cases.retain(|case| !case.mismatches.is_empty());
            }
            outcome.fixtures.retain(|fixture| !fixture.loads || !fixture.cases.is_empty());
            outcome.kyverno.iter_mut().for_each(|test| test.rows.retain(|row| !row.pass));
            outcome.kyverno.retain(|test| test.failure.is_some() || !test.rows.is_empty());
        }
    }

    /// Raises the exit code of the report to what the run found.
    fn raise(&self, report: &mut Report) {
        for outcome in &self.outcomes {
            if outcome.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
                report.raise(Status::Usage);
            }
            if outcome.fixtures.iter().any(|fixture| !fixture.loads) {
                report.raise(Status::BadPolicies);
            }
        }
        let counts = self.counts;
        if counts.failed > 0 || counts.kyverno_failed > 0 {
            report.raise(Status::Failed);
        }
        for (_, test) in self.kyverno() {
            match test.failure {
                Some(Failure::Crash(_)) => report.raise(Status::Usage),
                Some(_) => report.raise(Status::Failed),
                None => {}
            }
        }
    }
}
