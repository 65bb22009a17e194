//! Go's regular expressions on Rust's `regex`: what a pattern means, which patterns are refused, in Go's words.
//!
//! A pattern is read as Go's `regexp/syntax` reads it (the submodule `parse`) and written again in a small part of
//! Rust's syntax that leaves nothing to interpretation: every class as its ranges. Both engines then prefer
//! the leftmost match and among those the first alternative, in linear time. What Go accepts and we would not run
//! (too deep, too large) is a fault and no CEL error, because Kyverno would have raised none.

use std::fmt;
use std::ops::Deref;

use regex::{Regex, RegexBuilder};

use crate::budget::{Budget, Fault};

mod class;
mod parse;

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
    /// About how many states its automaton has: what it takes in memory and to compile grows with them.
    states: usize,
    /// Steps for sixteen bytes of a text.
    price: usize,
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
    build(&translate(pattern, CONSTANT_TRANSLATION, groups)?, CONSTANT_SIZE)
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

fn build(translation: &Translation, size: usize) -> Result<CompiledPattern, PatternError> {
    if translation.weight.saturating_mul(4) > size {
        return Err(PatternError::TooLarge);
    }
    // The translation is well formed, so what can go wrong is its size.
    let regex = RegexBuilder::new(&translation.text)
        .size_limit(size)
        .nest_limit(TRANSLATION_NESTING)
        .build()
        .map_err(|_| PatternError::TooLarge)?;
    let price = copies(&translation.text).saturating_mul(4).saturating_add(1);
    Ok(CompiledPattern {
        regex,
        states: translation.weight,
        price,
        not_boundary: translation.text.contains(r"\B"),
        groups: translation.groups,
    })
}

/// The pattern of a call: compiled when the program was planned, or just now.
#[derive(Debug)]
pub enum Pattern<'a> {
    /// Constant in the policy.
    Constant(&'a CompiledPattern),
    /// Made at run time.
    Made(CompiledPattern),
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

impl Deref for CompiledPattern {
    type Target = Regex;

    fn deref(&self) -> &Regex {
        &self.regex
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

    /// Charges for finding out what the groups of a match of `length` bytes match.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn charge_groups(&self, budget: &mut Budget, length: usize) -> Result<(), Fault> {
        // The engine that knows follows all states at once, for each byte.
        budget.charge_scan(length.saturating_add(16).saturating_mul(self.states.saturating_add(16)))
    }

    /// Charges for a search through all of `text`.
    ///
    /// Texts exist for which the engine follows all copies of a counted repetition one by one, so those cost more:
    /// the worst that was measured.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn charge(&self, budget: &mut Budget, text: &str) -> Result<(), Fault> {
        budget.charge_scan(text.len().saturating_mul(self.price))
    }

    /// True if the pattern matches some part of `text`.
    pub fn is_match(&self, text: &str) -> bool {
        // An ASCII `\B` also holds between the bytes of a character. Rust's `find` skips such a match and goes on,
        // its `is_match` just says no.
        if self.not_boundary { self.regex.find(text).is_some() } else { self.regex.is_match(text) }
    }
}

impl Pattern<'_> {
    /// Charges for looking for another match in `rest`, the text after the last one.
    ///
    /// A search may look at all of the rest only to find that a short match is the right one (`a(a*b)?`), again and
    /// again. Patterns made at run time pay for all of it. Those that an author wrote rarely look further than the match, and
    /// pay for what a search of the rest takes at its fastest, so that even the worst of them ends in time.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn charge_next(&self, budget: &mut Budget, rest: usize) -> Result<(), Fault> {
        match self {
            Pattern::Constant(_) => {
                budget.charge(u64::try_from(rest >> 6).unwrap_or(u64::MAX).saturating_add(1))
            }
            Pattern::Made(pattern) => budget.charge_scan(rest.saturating_mul(pattern.price)),
        }
    }
}

/// The sum of the upper bounds of a translation's counted repetitions: about how many copies of a piece can be
/// under way at once.
fn copies(translation: &str) -> usize {
    let mut sum = 0_usize;
    let mut before = "";
    for part in translation.split('{') {
        // `\x{…}` is a character.
        if !before.is_empty() && !before.ends_with(r"\x") {
            let (counts, _) = part.split_once('}').unwrap_or_default();
            let (min, max) = counts.split_once(',').unwrap_or((counts, ""));
            let bound: usize = if max.is_empty() { min } else { max }.parse().unwrap_or(0);
            sum = sum.saturating_add(bound);
        }
        before = part;
    }
    sum
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
    // Measured: building takes about a step for each byte of the translation and four for each state.
    let states = translation.weight.saturating_mul(4);
    budget.charge(steps(translation.cost.saturating_add(states).saturating_add(1_000)))?;
    // Measured: up to about 512 bytes for each state. They are given back at the end of the call, so there must be room for
    // them, and they are not taken.
    if steps(translation.weight.saturating_mul(512)) > budget.bytes {
        return Err(Fault::Memory.into());
    }
    let pattern = build(&translation, RUN_TIME_SIZE).map_err(|_| Fault::Memory)?;
    // Who makes a pattern of what a caller sent may make one for which the engine follows all states at each byte: a
    // text that the pattern repeats is enough. An author's own is not like that.
    let price = pattern.price.max(pattern.states.saturating_mul(4));
    Ok(CompiledPattern { price, ..pattern })
}

#[cfg(test)]
mod tests;
