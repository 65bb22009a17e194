//! Bits to bytes, the lowest bit first.

use super::output::Output;
use crate::budget::{Budget, Fault};

/// A code and how many bits it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) bits: u16,
    pub(super) length: u32,
}

/// What is written bit by bit.
#[derive(Debug)]
pub(super) struct BitWriter<'o, 'a> {
    out: &'o mut Output<'a>,
    bits: u64,
    count: u32,
}

impl<'o, 'a> BitWriter<'o, 'a> {
    pub(super) fn new(out: &'o mut Output<'a>) -> BitWriter<'o, 'a> {
        BitWriter { out, bits: 0, count: 0 }
    }

    /// Writes the lowest `count` bits of `bits`, at most 16.
    pub(super) fn bits(&mut self, budget: &mut Budget, bits: u32, count: u32) -> Result<(), Fault> {
        self.bits |= u64::from(bits).wrapping_shl(self.count);
        self.count = self.count.saturating_add(count);
        while self.count >= 8 {
            self.out.push(budget, self.bits as u8)?;
            self.bits >>= 8;
            self.count = self.count.saturating_sub(8);
        }
        Ok(())
    }

    pub(super) fn code(&mut self, budget: &mut Budget, code: Code) -> Result<(), Fault> {
        self.bits(budget, u32::from(code.bits), code.length)
    }

    /// Fills the last byte.
    pub(super) fn flush(&mut self, budget: &mut Budget) -> Result<(), Fault> {
        match self.count {
            0 => Ok(()),
            count => self.bits(budget, 0, 8_u32.saturating_sub(count)),
        }
    }

    /// Writes bytes; the last byte before them is full.
    pub(super) fn bytes(&mut self, budget: &mut Budget, bytes: &[u8]) -> Result<(), Fault> {
        self.out.extend(budget, bytes)
    }
}
