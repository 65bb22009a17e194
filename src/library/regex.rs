//! Go's regular expressions on the engine of Rust's `regex`: what a pattern means, which patterns are refused, in Go's words.
//!
//! A pattern is read as Go's `regexp/syntax` reads it (the submodule `parse`) and written again in a small part of
//! Rust's syntax that leaves nothing to interpretation: every class as its ranges. Both engines then prefer
//! the leftmost match and among those the first alternative, in linear time. What Go accepts and we would not run
//! (too deep, too large) is a fault and no CEL error, because Kyverno would have raised none. Every search pays for the
//! work it makes (the submodule `search`).

use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

use regex_automata::meta::Regex;
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::util::syntax;

use crate::budget::{Budget, Fault};

mod any;
mod class;
mod parse;
mod search;
mod walk;

pub use any::AnyOf;
pub use search::{Matches, Parts};
use walk::Automaton;

/// The longest pattern in bytes.
const MAX_PATTERN: usize = 64 * 1024;

/// The longest translation in bytes of a constant pattern; `\pL` is 13 KB.
const CONSTANT_TRANSLATION: usize = 2 * 1024 * 1024;

/// The longest translation in bytes of a pattern that is made at run time.
const RUN_TIME_TRANSLATION: usize = 256 * 1024;

/// The size in bytes of a constant pattern's automaton.
const CONSTANT_SIZE: usize = 10 * 1024 * 1024;

/// The size in bytes of the automaton of a pattern that is made at run time.
const RUN_TIME_SIZE: usize = 1024 * 1024;

/// The states of a pattern from which on its automata are made when it is compiled: in the call that is the first to need
/// them that would take more than about 2 ms.
const LARGE: usize = 4_096;

/// The size in bytes of what following the groups of a pattern takes.
const GROUPS_SIZE: usize = 16 * 1024 * 1024;

/// The bytes that the engine keeps of a pattern's automaton at most, in each direction, beside what its states take.
const ENGINE_CACHE: usize = 256 * 1024;

/// The nesting of the translation; the parser keeps a pattern's own depth far below.
const TRANSLATION_NESTING: u32 = 2_000;

/// Why a pattern is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// Go refuses it: the kind of mistake and the part of the pattern that Go shows.
    Syntax(&'static str, String),
    /// Go takes it, but it is longer, deeper or larger than we compile.
    TooLarge,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PatternError::Syntax(code, part) => write!(f, "error parsing regexp: {code}: `{part}`"),
            PatternError::TooLarge => write!(
                f,
                "the regular expression is larger than Toolgate compiles: {MAX_PATTERN} bytes, {} levels, a table of \
                 {CONSTANT_SIZE} bytes (fixed)",
                parse::MAX_DEPTH
            ),
        }
    }
}

impl std::error::Error for PatternError {}

/// A pattern in Rust's syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Translation {
    text: String,
    /// About how many states its automaton has.
    weight: usize,
    /// About how many of them can be under way at once.
    width: usize,
    /// What reading it took, in bytes of a translation.
    cost: usize,
    /// How many groups capture.
    groups: usize,
}

/// Whether anybody asks what the groups of a pattern match. Who does not is faster without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Groups {
    /// Groups only hold together.
    Dropped,
    /// Groups capture.
    Kept,
}

/// A pattern that can be matched, with what matching it costs.
#[derive(Debug)]
pub struct CompiledPattern {
    regex: Regex,
    /// In Rust's syntax, for the automata.
    text: Box<str>,
    /// About how many states its automaton has: what it takes in memory and to compile grows with them.
    states: usize,
    /// About how many of them can be under way at once: what the slowest search takes for each byte grows with them.
    width: usize,
    /// Steps that making its automata costs a call: none if they stay for other calls.
    making: u64,
    /// Finds where matches end; made when it is first needed.
    forward: OnceLock<Option<Automaton>>,
    /// Finds where matches begin, from their ends.
    backward: OnceLock<Option<Automaton>>,
    /// The pattern holds an ASCII `\B`.
    not_boundary: bool,
    /// How many groups capture.
    groups: usize,
}

/// Compiles a constant pattern.
///
/// # Errors
/// Go refuses the pattern, or it is larger than we compile.
pub fn compile(pattern: &str, groups: Groups) -> Result<CompiledPattern, PatternError> {
    build(translate(pattern, CONSTANT_TRANSLATION, groups)?, CONSTANT_SIZE)
}

/// Whether a constant pattern reads, and is not known to be too large before it is compiled.
pub fn reads(pattern: &str) -> bool {
    let translation = translate(pattern, CONSTANT_TRANSLATION, Groups::Dropped);
    translation.is_ok_and(|translation| translation.weight.saturating_mul(4) <= CONSTANT_SIZE)
}

/// What a pattern means, for those who make a text that it matches.
///
/// # Errors
/// As [`compile`].
pub fn generated(pattern: &str) -> Result<regex_syntax::hir::Hir, PatternError> {
    let translation = translate(pattern, CONSTANT_TRANSLATION, Groups::Dropped)?;
    regex_syntax::ParserBuilder::new()
        .nest_limit(TRANSLATION_NESTING)
        .build()
        .parse(&translation.text)
        .map_err(|_| PatternError::TooLarge)
}

/// Translates `pattern` to at most `longest` bytes.
fn translate(pattern: &str, longest: usize, groups: Groups) -> Result<Translation, PatternError> {
    if pattern.len() > MAX_PATTERN {
        return Err(PatternError::TooLarge);
    }
    parse::parse(pattern, longest, groups)
}

fn build(translation: Translation, size: usize) -> Result<CompiledPattern, PatternError> {
    // The slowest engine keeps the places of all groups for each state, twice.
    let kept = translation.groups.saturating_add(1).saturating_mul(32);
    if translation.weight.saturating_mul(4) > size || translation.weight.saturating_mul(kept) > GROUPS_SIZE {
        return Err(PatternError::TooLarge);
    }
    // The translation is well formed, so what can go wrong is its size.
    // What it keeps of short searches stays with it: two megabytes for each pattern are what callers could fill.
    let kept = translation.weight.saturating_mul(64).saturating_add(ENGINE_CACHE).min(8 * ENGINE_CACHE);
    let regex = Regex::builder()
        .configure(Regex::config().nfa_size_limit(Some(size)).hybrid_cache_capacity(kept))
        .syntax(syntax::Config::new().nest_limit(TRANSLATION_NESTING))
        .build(&translation.text)
        .map_err(|_| PatternError::TooLarge)?;
    let pattern = CompiledPattern {
        regex,
        states: translation.weight,
        width: translation.width,
        making: 0,
        forward: OnceLock::new(),
        backward: OnceLock::new(),
        not_boundary: translation.text.contains(r"\B"),
        groups: translation.groups,
        text: translation.text.into_boxed_str(),
    };
    if pattern.states > LARGE && size == CONSTANT_SIZE {
        // What does not come about is a fault of the search that needs it.
        let _both = (pattern.forward(), pattern.backward());
    }
    Ok(pattern)
}

/// The pattern of a call: compiled when the program was planned, or just now.
#[derive(Debug)]
pub enum Pattern<'a> {
    /// Constant in the policy.
    Constant(&'a CompiledPattern),
    /// Made at run time.
    Made(Box<CompiledPattern>),
}

impl Deref for Pattern<'_> {
    type Target = CompiledPattern;

    fn deref(&self) -> &CompiledPattern {
        match self {
            Pattern::Constant(pattern) => pattern,
            Pattern::Made(pattern) => pattern,
        }
    }
}

impl CompiledPattern {
    /// About how many states its automaton has.
    pub fn states(&self) -> usize {
        self.states
    }

    /// How many groups capture: those of a pattern whose groups were [kept](Groups::Kept).
    pub fn groups(&self) -> usize {
        self.groups
    }

    fn forward(&self) -> Option<&Automaton> {
        self.forward.get_or_init(|| Automaton::forward(nfa(&self.text, false)?, self.width)).as_ref()
    }

    fn backward(&self) -> Option<&Automaton> {
        self.backward.get_or_init(|| Automaton::backward(nfa(&self.text, true)?, self.width)).as_ref()
    }
}

/// The automaton of a translation, not yet deterministic.
fn nfa(translation: &str, reverse: bool) -> Option<NFA> {
    thompson::Compiler::new()
        .syntax(syntax::Config::new().nest_limit(TRANSLATION_NESTING))
        .configure(thompson::Config::new().reverse(reverse).which_captures(WhichCaptures::None))
        .build(translation)
        .ok()
}

/// Why a pattern of a call cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MakeError {
    /// Go refuses it.
    Pattern(PatternError),
    /// It is larger than we compile at run time, or the budget is spent.
    Fault(Fault),
}

impl From<Fault> for MakeError {
    fn from(fault: Fault) -> MakeError {
        MakeError::Fault(fault)
    }
}

/// Compiles a pattern that is made at run time.
///
/// # Errors
/// See [`MakeError`].
pub fn make(pattern: &str, groups: Groups, budget: &mut Budget) -> Result<CompiledPattern, MakeError> {
    let steps = |steps: usize| u64::try_from(steps).unwrap_or(u64::MAX);
    budget.charge(steps(pattern.len().saturating_add(100)))?;
    let translation = match translate(pattern, RUN_TIME_TRANSLATION, groups) {
        Ok(translation) => translation,
        Err(PatternError::TooLarge) => return Err(Fault::Memory.into()),
        Err(error) => return Err(MakeError::Pattern(error)),
    };
    // Measured: building takes about a step for each byte of the translation and four to six for each state.
    let states = translation.weight.saturating_mul(4);
    let building = translation.weight.saturating_mul(6);
    budget.charge(steps(translation.cost.saturating_add(building).saturating_add(1_500)))?;
    // Measured: up to about 512 bytes for each state. They are given back at the end of the call, so there must be room for
    // them, and they are not taken.
    if steps(translation.weight.saturating_mul(512)) > budget.bytes {
        return Err(Fault::Memory.into());
    }
    let pattern = build(translation, RUN_TIME_SIZE).map_err(|_| Fault::Memory)?;
    // Measured: four times as much for each direction of an automaton, which is read from the translation again.
    Ok(CompiledPattern { making: steps(states.saturating_add(1_000).saturating_mul(4)), ..pattern })
}

#[cfg(test)]
mod tests;
