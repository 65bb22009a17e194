//! Policies from the paths that the user names, with everything that is wrong with them.

use std::path::PathBuf;

use toolgate::cel::plan::Arena;
use toolgate::diag::{self, Diagnostic, Severity};
use toolgate::policy::compile::{CompiledSet, compile};
use toolgate::policy::load::load;

/// What became of the policies.
pub(crate) struct Policies<'p> {
    /// The compiled policies; `None` if anything is wrong, because then the set must not be served.
    pub(crate) set: Option<CompiledSet<'p>>,
    /// Everything that is wrong and every warning, by file and place.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// How many policies were read.
    pub(crate) count: usize,
}

/// Loads and compiles. A policy whose document is well is compiled even if another's is not, so that all mistakes
/// are reported together.
pub(crate) fn read<'p>(paths: &[PathBuf], arena: &'p Arena) -> Policies<'p> {
    let loaded = load(paths);
    let broken = loaded.has_errors();
    let count = loaded.policies.len();
    let mut diagnostics = loaded.diagnostics;
    let set = match compile(&loaded.policies, arena) {
        Ok(set) => Some(set).filter(|_| !broken),
        Err(mistakes) => {
            diagnostics.extend(mistakes);
            None
        }
    };
    diag::sort(&mut diagnostics);
    Policies { set, diagnostics, count }
}

/// The number of errors and of warnings.
pub(crate) fn tally(diagnostics: &[Diagnostic]) -> (usize, usize) {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    (errors, diagnostics.len().saturating_sub(errors))
}
