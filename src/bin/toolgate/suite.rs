//! Tests of policies: what a fixture and a Kyverno test file say, and what comes of running them.
//!
//! | Module | Does |
//! |---|---|
//! | [`find`] | the test files below the paths that the user names |
//! | `read` | strict reading of YAML mappings, every mistake with its place |
//! | [`fixture`] | the `Fixture` document |
//! | `settings` | its `config` |
//! | `event` | a call of a fixture as the gateway's event |
//! | [`run`] | a fixture's cases through the interceptor |
//! | [`sets`] | the policies of fixtures, loaded once for a run |
//! | [`kyverno`] | Kyverno's own test files |
//! | [`filter`] | which cases the user wants |
//!
//! Knows files and the library; prints nothing.

mod event;
pub(crate) mod filter;
pub(crate) mod find;
pub(crate) mod fixture;
pub(crate) mod kyverno;
mod read;
pub(crate) mod run;
pub(crate) mod sets;
mod settings;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use toolgate::internal::diag::Diagnostic;
use toolgate::internal::source::Source;

use self::filter::Wanted;
use self::find::{File, Kind};
use self::sets::Sets;

/// What came of one test file.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Its name as the user reaches it.
    pub(crate) file: String,
    /// What is wrong with the file itself.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Its fixtures.
    pub(crate) fixtures: Vec<run::FixtureResult>,
    /// Whether it is a Kyverno test file.
    pub(crate) is_kyverno: bool,
    /// Its Kyverno tests, in the order of the file.
    pub(crate) kyverno: Vec<kyverno::TestResult>,
    /// The files that it names, for `--watch`.
    pub(crate) used: BTreeSet<PathBuf>,
}

/// Reads and runs one file.
pub(crate) fn run(file: &File, wanted: &Wanted, sets: &Sets) -> Outcome {
    let mut outcome = Outcome {
        file: file.source.name().to_owned(),
        is_kyverno: file.kind == Kind::Kyverno,
        ..Outcome::default()
    };
    match file.kind {
        // The selector chooses among policies and resources, of which a fixture has none.
        Kind::Fixtures if wanted.selector.is_some() => {}
        Kind::Fixtures => fixtures(&file.source, wanted, sets, &mut outcome),
        Kind::Kyverno => outcome.kyverno = kyverno::run(&file.source, wanted, &mut outcome.used),
    }
    outcome
}

fn fixtures(source: &Arc<Source>, wanted: &Wanted, sets: &Sets, outcome: &mut Outcome) {
    for fixture in fixture::read(source, &mut outcome.diagnostics) {
        outcome.used.extend(fixture.policies.iter().map(|path| path.value.clone()));
        outcome.used.extend(fixture.files());
        if let Some(result) = run::run(source, &fixture, wanted, sets) {
            outcome.fixtures.push(result);
        }
    }
}
