//! The memory of decisions.

use std::fmt;
use std::time::Duration;

use bumpalo::Bump;

use super::context::Context;
use crate::decision_id::{DecisionId, DecisionIds, random_ids};
use crate::library::capability::Session;
use crate::outside::CapabilityConfig;

/// An arena larger than this is given back after the call that needed it.
const KEPT_ARENA: usize = 4 * 1024 * 1024;

/// Memory that decisions use one after the other, and where their ids come from; one for each thread.
///
/// ```
/// let mut scratch = toolgate::Scratch::default();
/// ```
pub struct Scratch {
    arena: Bump,
    out: Vec<u8>,
    ids: DecisionIds,
    session: Session,
}

/// What one decision works with.
pub(super) struct Fresh<'a> {
    pub(super) arena: &'a Bump,
    pub(super) out: &'a mut Vec<u8>,
    /// The decision's id.
    pub(super) id: &'a str,
    pub(super) session: &'a Session,
}

impl Scratch {
    /// Memory whose decisions have these ids and no random ones: for tests, and for records that are run again.
    pub fn with_ids(ids: impl FnMut() -> DecisionId + Send + 'static) -> Scratch {
        let session = Session::new(None, 0, Duration::ZERO);
        Scratch { arena: Bump::new(), out: Vec::new(), ids: Box::new(ids), session }
    }

    /// Memory without anything of the call before, for the next decision.
    pub(super) fn fresh(&mut self, context: &Context, limits: &CapabilityConfig) -> Fresh<'_> {
        if self.arena.allocated_bytes() > KEPT_ARENA {
            self.arena = Bump::new();
        }
        self.arena.reset();
        self.out.clear();
        let id = (self.ids)();
        self.session = context.session(id.number(), Duration::from_millis(limits.time_limit));
        let id = id.text(&self.arena);
        Fresh { arena: &self.arena, out: &mut self.out, id, session: &self.session }
    }
}

impl Default for Scratch {
    /// With random ids.
    fn default() -> Self {
        Scratch::with_ids(random_ids())
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").field("arena", &self.arena).finish_non_exhaustive()
    }
}
