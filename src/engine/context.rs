//! What a decision is given beside the call: time, and what the caller wants to be told.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bumpalo::Bump;

use crate::budget::Budget;
use crate::library::capability::Session;
use crate::library::runtime::Runtime;
use crate::outside::Capabilities;

/// The circumstances of one decision. The engine has no clock of its own, so that the same event gets the same answer
/// whenever it is asked about again.
///
/// ```
/// use std::time::SystemTime;
/// use toolgate::Context;
///
/// let live = Context::from(SystemTime::now());
/// let again = Context::at(1_764_000_000).traced();
/// ```
#[derive(Clone, Debug)]
pub struct Context {
    now: i64,
    /// Whole milliseconds, as records have them.
    nanos: u32,
    trace: bool,
    capabilities: Capabilities,
}

/// The circumstances, for those who decide.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given<'a> {
    pub(super) now: i64,
    nanos: u32,
    pub(super) trace: bool,
    pub(super) session: &'a Session,
}

impl<'a> Given<'a> {
    /// What functions may use.
    pub(super) fn runtime(&self, arena: &'a Bump, budget: Budget) -> Runtime<'a> {
        Runtime::new(arena, budget).at(self.now).and_nanos(self.nanos).asking(self.session)
    }
}

impl Context {
    /// A decision on a call that came at this time, in seconds since the Unix epoch. The expiry of a token is compared
    /// with it.
    pub fn at(seconds: i64) -> Context {
        Context { now: seconds, nanos: 0, trace: false, capabilities: Capabilities::default() }
    }

    /// The same, with what each policy that was asked said noted in [`Record::trace`](crate::Record::trace).
    #[must_use]
    pub fn traced(self) -> Context {
        Context { trace: true, ..self }
    }

    /// The same, with `capabilities` to answer what policies ask outside of the call. Without, nobody does, and asking
    /// is an error.
    #[must_use]
    pub fn with(self, capabilities: &Capabilities) -> Context {
        Context { capabilities: capabilities.clone(), ..self }
    }

    /// What the decision with the id `seed` asks.
    pub(super) fn session(&self, seed: u128, limit: Duration) -> Session {
        self.capabilities.session(seed, limit)
    }

    pub(super) fn given<'a>(&self, session: &'a Session) -> Given<'a> {
        Given { now: self.now, nanos: self.nanos, trace: self.trace, session }
    }
}

impl From<SystemTime> for Context {
    fn from(time: SystemTime) -> Context {
        let elapsed = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let nanos = elapsed.subsec_millis().saturating_mul(1_000_000);
        Context { nanos, ..Context::at(i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)) }
    }
}
