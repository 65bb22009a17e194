//! A text that grows in the arena and charges the budget before it grows.
//!
//! For results whose length is not known before they are built (`format`, `json.encode`). Knows nothing of values.

use std::fmt;

use bumpalo::collections::String as BumpString;

use super::Runtime;
use crate::budget::Fault;
use crate::error::Raise;

/// A growing text.
#[derive(Debug)]
pub(crate) struct TextBuilder<'a> {
    text: BumpString<'a>,
}

impl<'a> TextBuilder<'a> {
    /// An empty text; nothing is charged yet.
    pub(crate) fn new(rt: &Runtime<'a>) -> TextBuilder<'a> {
        TextBuilder { text: BumpString::new_in(rt.arena) }
    }

    /// Makes room for `more` bytes.
    fn reserve(&mut self, rt: &mut Runtime<'a>, more: usize) -> Result<(), Raise<'a>> {
        let needed = self.text.len().saturating_add(more);
        if needed > self.text.capacity() {
            // A bump arena does not take back the old buffer, so growing costs the new one whole.
            let capacity = self.text.capacity().saturating_mul(2).max(needed).max(32);
            rt.budget.charge_bytes(capacity)?;
            self.text.reserve_exact(capacity.saturating_sub(self.text.len()));
        }
        Ok(())
    }

    /// Appends `piece`: one step for sixteen bytes.
    ///
    /// # Errors
    /// The budget is spent.
    pub(crate) fn push(&mut self, rt: &mut Runtime<'a>, piece: &str) -> Result<(), Raise<'a>> {
        rt.charge_scan(piece.len())?;
        self.reserve(rt, piece.len())?;
        self.text.push_str(piece);
        Ok(())
    }

    /// Appends what `text` prints, which is at most `longest` bytes.
    ///
    /// # Errors
    /// The budget is spent.
    pub(crate) fn push_fmt(
        &mut self,
        rt: &mut Runtime<'a>,
        longest: usize,
        text: fmt::Arguments<'_>,
    ) -> Result<(), Raise<'a>> {
        rt.charge_scan(longest)?;
        self.reserve(rt, longest)?;
        fmt::write(&mut self.text, text).map_err(|_| Fault::Internal("a value that does not print").into())
    }

    /// The finished text.
    pub(crate) fn finish(self) -> &'a str {
        self.text.into_bump_str()
    }
}
