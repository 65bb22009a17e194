//! What one decision may use: steps and arena bytes. A spent budget is a [`Fault`], never a CEL error.

use std::fmt;

/// Ends a decision in a denial. No operator absorbs a fault and `failurePolicy` does not apply to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// More steps than the budget has.
    Steps,
    /// More memory than the budget has.
    Memory,
    /// Values nested deeper than the engine follows.
    Depth,
    /// A JSON text nested deeper than this many levels, which the engine follows.
    JsonDepth(usize),
    /// Bytes that are no UTF-8 where Kyverno has a text of them.
    NotUtf8,
    /// A text in YAML that does not read, or that Kyverno's reader might take differently.
    Yaml,
    /// What Kyverno gives a value of and the engine does not. An error instead could let a call pass: operators absorb
    /// errors, and `failurePolicy: Ignore` drops them.
    Unlike(&'static str),
    /// What Kyverno would have asked or waited for outside of the call, and the engine does not.
    Unanswered(&'static str),
    /// An expression that Kyverno ends in an error for what it costs there, or may: the engine counts no less.
    Units,
    /// An invariant of the engine does not hold; a bug, reported as one.
    Internal(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Steps => {
                f.write_str("the decision needs more steps than its budget allows (`budget.steps`)")
            }
            Fault::Memory => {
                f.write_str("the decision needs more memory than its budget allows (`budget.bytes`)")
            }
            Fault::Depth => f.write_str("a value is nested deeper than the engine follows"),
            Fault::JsonDepth(limit) => {
                write!(f, "a JSON text, such as the body, is nested deeper than the limit of {limit} levels")
            }
            Fault::NotUtf8 => {
                f.write_str("a text that is not UTF-8 was asked for, which the engine does not hold")
            }
            Fault::Yaml => {
                f.write_str("a text is no YAML, or such that Kyverno's reader might take it differently")
            }
            Fault::Unanswered(why) => f.write_str(why),
            Fault::Units => f.write_str(
                "an expression of mode JSON may cost more than the 1,000,000 units after which Kyverno ends it in an error",
            ),
            Fault::Unlike(what) => write!(f, "{what}: Kyverno takes it, and the engine does not"),
            Fault::Internal(what) => write!(f, "internal error: {what}"),
        }
    }
}

/// The units after which Kyverno ends an expression of mode JSON: `PerCallLimit` of Kubernetes.
pub const MAX_UNITS: u64 = 1_000_000;

/// The default number of steps of one decision. A step is a node evaluated, an element visited or about sixteen
/// bytes looked at: measured, this many end within 50 ms on one core of a small machine.
pub const DEFAULT_STEPS: u64 = 1_000_000;

/// The default number of arena bytes of one decision.
///
/// An arena takes its memory in blocks, each twice as large as the one before, so that it may hold twice what was asked for.
pub const DEFAULT_BYTES: u64 = 24 * 1024 * 1024;

/// What is left of a decision's steps and bytes.
///
/// ```
/// use toolgate::Settings;
/// use toolgate::settings::Budget;
///
/// let mut settings = Settings::default();
/// settings.budget = Budget { steps: 500_000, bytes: 16 * 1024 * 1024 };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Steps left.
    pub steps: u64,
    /// Arena bytes left.
    pub bytes: u64,
}

/// What something took of a budget, and what Kyverno's counter may take for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost {
    /// Steps.
    pub steps: u64,
    /// Arena bytes.
    pub bytes: u64,
    /// Units of Kyverno's counter.
    pub units: u64,
}

impl Cost {
    /// This and `times` times another.
    #[must_use]
    pub fn and(self, other: Cost, times: u64) -> Cost {
        Cost {
            steps: self.steps.saturating_add(other.steps.saturating_mul(times)),
            bytes: self.bytes.saturating_add(other.bytes.saturating_mul(times)),
            units: self.units.saturating_add(other.units.saturating_mul(times)),
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Budget { steps: DEFAULT_STEPS, bytes: DEFAULT_BYTES }
    }
}

impl Budget {
    /// Takes what something is known to cost, and gives true; takes nothing if there is not enough of both. Which of the two is
    /// spent first, only doing it tells.
    #[doc(hidden)]
    #[inline]
    pub fn take(&mut self, cost: Cost) -> bool {
        match (self.steps.checked_sub(cost.steps), self.bytes.checked_sub(cost.bytes)) {
            (Some(steps), Some(bytes)) => {
                *self = Budget { steps, bytes };
                true
            }
            _ => false,
        }
    }

    /// Takes `steps`.
    ///
    /// # Errors
    /// [`Fault::Steps`] when fewer are left; then none are left.
    #[doc(hidden)]
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

    /// Takes the steps of looking at `bytes` bytes once: one for sixteen.
    ///
    /// # Errors
    /// [`Fault::Steps`] when fewer are left; then none are left.
    #[doc(hidden)]
    #[inline]
    pub fn charge_scan(&mut self, bytes: usize) -> Result<(), Fault> {
        self.charge(u64::try_from(bytes >> 4).unwrap_or(u64::MAX).saturating_add(1))
    }

    /// Takes `bytes` of arena memory.
    ///
    /// # Errors
    /// [`Fault::Memory`] when fewer are left; then none are left.
    #[doc(hidden)]
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
