//! Several patterns on one text: one automaton tells that none of them matches, in one pass.
//!
//! Policies forbid by long chains of patterns, `text.matches(a) || text.matches(b) || …`, and most calls match none of
//! them. Where one matches, the patterns are asked one by one as ever.

use std::sync::OnceLock;

use super::search::SHORT;
use super::walk::Automaton;
use super::{CompiledPattern, LARGE, nfa};
use crate::budget::{Budget, Fault};

/// Patterns that are asked of the same text.
#[derive(Debug)]
pub struct AnyOf {
    /// The alternatives in Rust's syntax.
    text: Box<str>,
    /// How many patterns they are.
    count: usize,
    /// About how many states can be under way at once.
    width: usize,
    /// Finds where a match ends; made when it is first needed.
    forward: OnceLock<Option<Automaton>>,
}

impl AnyOf {
    /// The most [states](CompiledPattern::states) of patterns whose automaton is made in the call that needs it first.
    pub const MOST: usize = LARGE;

    /// The patterns together.
    pub fn new(patterns: &[&CompiledPattern]) -> AnyOf {
        let sum = |of: fn(&CompiledPattern) -> usize| {
            patterns.iter().map(|pattern| of(pattern)).fold(0, usize::saturating_add)
        };
        let texts: Vec<String> = patterns.iter().map(|pattern| format!("(?:{})", pattern.text)).collect();
        AnyOf {
            text: texts.join("|").into_boxed_str(),
            count: patterns.len(),
            width: sum(|pattern| pattern.width),
            forward: OnceLock::new(),
        }
    }

    /// False if none of the patterns matches `text`. True if one may: on short texts, on which each costs little, and
    /// between the bytes of a character, where [`CompiledPattern::is_match`] knows better.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn may_match(&self, budget: &mut Budget, text: &str) -> Result<bool, Fault> {
        if text.len().saturating_mul(self.width) <= SHORT.saturating_mul(self.count) {
            return Ok(true);
        }
        let Some(automaton) = self.forward.get_or_init(|| {
            Automaton::forward(nfa(&self.text, false)?, self.width).map(|automaton| automaton.of(self.count))
        }) else {
            return Ok(true);
        };
        Ok(automaton.walk(budget)?.end(budget, text.as_bytes(), 0, true)?.is_some())
    }
}
