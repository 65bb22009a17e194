//! The searches of a pattern, each with its price.
//!
//! Which way a search goes, and what it pays, depends on the pattern and the text alone.
//!
//! - A short one goes to the engine that `regex` has, which is as fast as any, but on texts that are made for it as slow as
//!   following all that is under way, byte by byte. It pays that.
//! - A long one, for which that is much, follows the automaton here ([`super::walk`]), and pays what it finds out.

use regex_automata::{Anchored, Input, Span, util::captures::Captures};

use super::CompiledPattern;
use super::walk::Walk;
use crate::budget::{Budget, Fault};

/// The most that the searches of a text may look at in the worst case without following the automaton here: bytes, times
/// what can be under way at each. Beyond it, following costs fewer steps and hardly more time.
pub(super) const SHORT: usize = 1 << 11;

/// Charges for a search that may look at `worst` bytes times states. Measured: up to 4 ns for each.
fn charge_worst(budget: &mut Budget, worst: usize) -> Result<(), Fault> {
    budget.charge(u64::try_from(worst >> 2).unwrap_or(u64::MAX).saturating_add(1))
}

impl CompiledPattern {
    /// True if the pattern matches some part of `text`.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn is_match(&self, budget: &mut Budget, text: &str) -> Result<bool, Fault> {
        // An ASCII `\B` also holds between the bytes of a character. `find` skips such a match and goes on, `is_match` just
        // says no.
        if self.not_boundary {
            return Ok(self.find(budget, text)?.is_some());
        }
        let worst = text.len().saturating_mul(self.width);
        if worst <= self.short() {
            charge_worst(budget, worst)?;
            return Ok(self.regex.is_match(text));
        }
        Ok(Walks::new(self, budget)?.ends.end(budget, text.as_bytes(), 0, true)?.is_some())
    }

    /// The first match.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn find(&self, budget: &mut Budget, text: &str) -> Result<Option<Span>, Fault> {
        self.matches(text).next(budget)
    }

    /// All matches that do not overlap. An empty one next to the one before it does not count, here as in Go.
    pub fn matches<'p, 't>(&'p self, text: &'t str) -> Matches<'p, 't> {
        Matches { pattern: self, text, at: 0, last: None, short: self.short(), walks: None }
    }

    /// As [`SHORT`]; more where automata have to be made first, which costs more than it spares.
    fn short(&self) -> usize {
        usize::try_from(self.making).unwrap_or(usize::MAX).saturating_mul(4).max(SHORT)
    }

    /// What the groups of the match `found` of `text` match.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn parts<'t>(&self, budget: &mut Budget, text: &'t str, found: Span) -> Result<Parts<'t>, Fault> {
        // The engine that knows follows all states at once, for each byte.
        budget.charge_scan(found.len().saturating_add(16).saturating_mul(self.states.saturating_add(16)))?;
        let mut captures = self.regex.create_captures();
        // The match is known; what comes after it is not looked through again.
        let input = Input::new(text).span(found).anchored(Anchored::Yes);
        self.regex.search_captures(&input, &mut captures);
        Ok(Parts { text, captures })
    }
}

/// What the groups of a match match.
#[derive(Debug)]
pub struct Parts<'t> {
    text: &'t str,
    captures: Captures,
}

impl<'t> Parts<'t> {
    /// What a group matches, if it takes part; 0 is the whole match.
    pub fn get(&self, group: usize) -> Option<&'t str> {
        self.text.get(self.captures.get_group(group)?.range())
    }
}

/// The matches of a pattern in a text.
#[derive(Debug)]
pub struct Matches<'p, 't> {
    pattern: &'p CompiledPattern,
    text: &'t str,
    /// Where the next search begins.
    at: usize,
    /// Where the last match ended.
    last: Option<usize>,
    /// What is left of the [short](CompiledPattern::short) ones: each search may look at all of the rest.
    short: usize,
    walks: Option<Box<Walks<'p>>>,
}

impl Matches<'_, '_> {
    /// The next match; no longer asked when there was none.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn next(&mut self, budget: &mut Budget) -> Result<Option<Span>, Fault> {
        let mut found = self.search(budget)?;
        if let Some(again) = found
            && again.is_empty()
            && self.last == Some(again.end)
        {
            self.at = again.end.saturating_add(1);
            found = self.search(budget)?;
        }
        if let Some(found) = found {
            self.at = found.end;
            self.last = Some(found.end);
        }
        Ok(found)
    }

    fn search(&mut self, budget: &mut Budget) -> Result<Option<Span>, Fault> {
        let Some(rest) = self.text.len().checked_sub(self.at) else { return Ok(None) };
        let worst = rest.saturating_mul(self.pattern.width);
        if let Some(left) = self.short.checked_sub(worst) {
            self.short = left;
            charge_worst(budget, worst)?;
            let found = self.pattern.regex.find(Input::new(self.text).range(self.at..));
            return Ok(found.map(|found| found.span()));
        }
        // From here on the rest of the text goes one way.
        self.short = 0;
        let walks = match self.walks.take() {
            Some(walks) => walks,
            None => Box::new(Walks::new(self.pattern, budget)?),
        };
        self.walks.insert(walks).find(budget, self.text, self.at)
    }
}

/// A search that follows the automata.
#[derive(Debug)]
struct Walks<'p> {
    pattern: &'p CompiledPattern,
    ends: Walk<'p>,
    begins: Option<Walk<'p>>,
}

impl<'p> Walks<'p> {
    fn new(pattern: &'p CompiledPattern, budget: &mut Budget) -> Result<Walks<'p>, Fault> {
        budget.charge(pattern.making)?;
        let ends = pattern.forward().ok_or(Fault::Memory)?.walk(budget)?;
        Ok(Walks { pattern, ends, begins: None })
    }

    fn find(&mut self, budget: &mut Budget, text: &str, from: usize) -> Result<Option<Span>, Fault> {
        let mut from = from;
        let end = loop {
            let Some(end) = self.ends.end(budget, text.as_bytes(), from, false)? else { return Ok(None) };
            if text.is_char_boundary(end) {
                break end;
            }
            // A match between the bytes of a character is empty, and none.
            from = end.saturating_add(1);
        };
        if end == from {
            return Ok(Some(Span { start: end, end }));
        }
        let mut begins = match self.begins.take() {
            Some(begins) => begins,
            None => {
                budget.charge(self.pattern.making)?;
                self.pattern.backward().ok_or(Fault::Memory)?.walk(budget)?
            }
        };
        let begin = begins.begin(budget, text.as_bytes(), from, end)?;
        self.begins = Some(begins);
        let start = begin.ok_or(Fault::Internal("a match ends that does not begin"))?;
        Ok(Some(Span { start, end }))
    }
}

#[cfg(test)]
mod tests;
