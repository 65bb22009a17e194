//! Bytes that grow in the arena and charge the budget before they grow.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use crate::budget::{Budget, Fault};

/// Growing bytes.
#[derive(Debug)]
pub(super) struct Output<'a> {
    bytes: BumpVec<'a, u8>,
}

impl<'a> Output<'a> {
    /// No bytes yet.
    pub(super) fn new(arena: &'a Bump) -> Output<'a> {
        Output { bytes: BumpVec::new_in(arena) }
    }

    /// Makes room for `more` bytes.
    fn reserve(&mut self, budget: &mut Budget, more: usize) -> Result<(), Fault> {
        let needed = self.bytes.len().saturating_add(more);
        if needed > self.bytes.capacity() {
            // A bump arena does not take back the old buffer, so growing costs the new one whole, and copying it.
            let capacity = self.bytes.capacity().saturating_mul(2).max(needed).max(64);
            budget.charge_bytes(capacity)?;
            budget.charge_scan(capacity)?;
            self.bytes.reserve_exact(capacity.saturating_sub(self.bytes.len()));
        }
        Ok(())
    }

    /// Appends a byte.
    pub(super) fn push(&mut self, budget: &mut Budget, byte: u8) -> Result<(), Fault> {
        self.reserve(budget, 1)?;
        self.bytes.push(byte);
        Ok(())
    }

    /// Appends bytes.
    pub(super) fn extend(&mut self, budget: &mut Budget, bytes: &[u8]) -> Result<(), Fault> {
        self.reserve(budget, bytes.len())?;
        self.bytes.extend_from_slice_copy(bytes);
        Ok(())
    }

    /// Appends `length` of its own bytes, from `distance` before its end on; those just appended count.
    pub(super) fn repeat(
        &mut self,
        budget: &mut Budget,
        distance: usize,
        length: usize,
    ) -> Result<(), Fault> {
        self.reserve(budget, length)?;
        let start = self.bytes.len().saturating_sub(distance);
        for from in start..start.saturating_add(length) {
            let Some(byte) = self.bytes.get(from).copied() else { break };
            self.bytes.push(byte);
        }
        Ok(())
    }

    /// The bytes so far.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All bytes.
    pub(super) fn finish(self) -> &'a [u8] {
        self.bytes.into_bump_slice()
    }
}
