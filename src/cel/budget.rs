//! What one decision may use: steps and arena bytes. A spent budget is a [`Fault`], never a CEL error.

use std::fmt;

/// Ends a decision in a denial. No operator absorbs a fault and `failurePolicy` does not apply to it
/// (design decision 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// More steps than the budget has.
    Steps,
    /// More memory than the budget has.
    Memory,
    /// Values nested deeper than the engine follows.
    Depth,
    /// An invariant of the engine does not hold; a bug, reported as one.
    Internal(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Steps => f.write_str("the decision needs more steps than its budget allows"),
            Fault::Memory => f.write_str("the decision needs more memory than its budget allows"),
            Fault::Depth => f.write_str("a value is nested deeper than the engine follows"),
            Fault::Internal(what) => write!(f, "internal error: {what}"),
        }
    }
}

/// The default number of steps of one decision. A step is a node evaluated, an element visited or about sixteen
/// bytes looked at: measured, this many end within 100 ms on one core of a small machine.
pub const DEFAULT_STEPS: u64 = 2_000_000;

/// The default number of arena bytes of one decision.
pub const DEFAULT_BYTES: u64 = 48 * 1024 * 1024;

/// What is left of a decision's steps and bytes.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Steps left.
    pub steps: u64,
    /// Arena bytes left.
    pub bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { steps: DEFAULT_STEPS, bytes: DEFAULT_BYTES }
    }
}

impl Budget {
    /// Takes `steps`.
    ///
    /// # Errors
    /// [`Fault::Steps`] when fewer are left; then none are left.
    #[inline]
    pub fn charge(&mut self, steps: u64) -> Result<(), Fault> {
        match self.steps.checked_sub(steps) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => {
                self.steps = 0;
                Err(Fault::Steps)
            }
        }
    }

    /// Takes `bytes` of arena memory.
    ///
    /// # Errors
    /// [`Fault::Memory`] when fewer are left; then none are left.
    #[inline]
    pub fn charge_bytes(&mut self, bytes: usize) -> Result<(), Fault> {
        match u64::try_from(bytes).ok().and_then(|bytes| self.bytes.checked_sub(bytes)) {
            Some(left) => {
                self.bytes = left;
                Ok(())
            }
            None => {
                self.bytes = 0;
                Err(Fault::Memory)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_budget_stays_spent() {
        let mut budget = Budget { steps: 3, bytes: 10 };
        assert_eq!(budget.charge(2), Ok(()));
        assert_eq!(budget.charge(2), Err(Fault::Steps));
        assert_eq!(budget.charge(1), Err(Fault::Steps));
        assert_eq!(budget.charge_bytes(11), Err(Fault::Memory));
        assert_eq!(budget.charge_bytes(1), Err(Fault::Memory));
    }
}
