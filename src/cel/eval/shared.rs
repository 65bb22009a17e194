//! Expressions that stand in several programs are evaluated once for a request: their value is kept with what it cost,
//! and whoever meets them again is charged the same.

use super::Frame;
use crate::budget::{Cost, Fault};
use crate::cel::program::{Fact, Shared};
use crate::error::Raise;
use crate::library::runtime::Answer;
use crate::value::Value;

/// How many values are kept together: places are taken when the first of a row is needed, so that a request pays for
/// those that it meets.
const ROW: usize = 32;

/// A value and what it cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    value: Value<'a>,
    cost: Cost,
}

type Row<'a> = [Option<Known<'a>>; ROW];

/// What is known of shared expressions.
#[derive(Debug)]
pub(super) enum Memo<'a> {
    /// Nothing: each is evaluated where it stands.
    Off,
    /// The values of this request.
    Kept(&'a mut [Option<&'a mut Row<'a>>]),
    /// No request at all, but assumptions.
    Trial(Trial<'a>),
}

/// An evaluation without a request: what it needs of one is assumed, or ends it.
#[derive(Debug, Default)]
pub struct Trial<'a> {
    /// Expressions of type bool by their keys, and their values.
    known: &'a [(&'a str, bool)],
    /// How often each was asked for.
    asked: &'a mut [u64],
    /// The expression of type bool that was needed and is not known.
    unknown: Option<&'a str>,
}

impl<'a> Trial<'a> {
    /// How often each of the assumptions was asked for.
    pub fn asked(&self) -> &[u64] {
        self.asked
    }

    /// The key of the first expression of type bool that was needed and is not known.
    pub fn unknown(&self) -> Option<&'a str> {
        self.unknown
    }

    fn ask(&mut self, key: &'a str) -> Option<bool> {
        let Some(at) = self.known.iter().position(|(known, _)| *known == key) else {
            self.unknown = self.unknown.or(Some(key));
            return None;
        };
        if let Some(asked) = self.asked.get_mut(at) {
            *asked = asked.saturating_add(1);
        }
        self.known.get(at).map(|(_, value)| *value)
    }
}

impl<'a> Frame<'a> {
    /// Keeps the values of shared expressions, which have this many places.
    pub fn share(&mut self, places: usize) {
        let rows = self.runtime.arena.alloc_slice_fill_with(places.div_ceil(ROW), |_| None);
        self.memo = Memo::Kept(rows);
    }

    /// Turns the frame, which has no inputs, into one that tries what is said of any request for which the expressions with
    /// the keys `known` have these values; they cost nothing. Whatever else it needs of the request is a fault.
    pub fn assume(&mut self, known: &'a [(&'a str, bool)]) {
        let asked = self.runtime.arena.alloc_slice_fill_copy(known.len(), 0);
        self.memo = Memo::Trial(Trial { known, asked, unknown: None });
    }

    /// Keeps no values of shared expressions while `then` runs, and uses none.
    pub fn unshared<T>(&mut self, then: impl FnOnce(&mut Self) -> T) -> T {
        let memo = std::mem::replace(&mut self.memo, Memo::Off);
        let result = then(self);
        self.memo = memo;
        result
    }

    /// What a trial asked for.
    pub fn trial(&self) -> Option<&Trial<'a>> {
        match &self.memo {
            Memo::Trial(trial) => Some(trial),
            Memo::Off | Memo::Kept(_) => None,
        }
    }

    /// The value of a shared expression apart from any program, and what it costs.
    ///
    /// # Errors
    /// As [`Frame::evaluate`].
    pub fn weigh(&mut self, shared: &'a Shared<'a>) -> Result<(Value<'a>, Cost), Raise<'a>> {
        let before = self.runtime.mark();
        let value = self.apart(shared.slots, |frame| frame.shared(shared))?;
        Ok((value, self.runtime.since(before)))
    }

    /// The text that a fact is about, or the list of texts.
    ///
    /// # Errors
    /// As [`Frame::evaluate`].
    pub fn subject(&mut self, shared: &'a Shared<'a>, fact: &'a Fact<'a>) -> Answer<'a> {
        self.apart(shared.slots, |frame| frame.eval(fact.subject))
    }

    fn apart<T>(&mut self, slots: usize, then: impl FnOnce(&mut Self) -> T) -> T {
        let locals = self.runtime.arena.alloc_slice_fill_copy(slots, None);
        let outer = std::mem::replace(&mut self.locals, locals);
        let result = then(self);
        self.locals = outer;
        result
    }

    /// The value of a shared expression: the one that is kept, charged as if it were evaluated. Where there is not enough
    /// left for that it is evaluated, and so ends as it must. Errors are not kept, because they say where they arose.
    #[inline]
    pub(super) fn shared(&mut self, shared: &'a Shared<'a>) -> Answer<'a> {
        match &mut self.memo {
            Memo::Kept(rows) => {
                let Some(place) = shared.place.get().copied().filter(|_| !self.runtime.is_changed()) else {
                    return self.eval(&shared.node);
                };
                if let Some(Some(row)) = rows.get(place >> 5)
                    && let Some(Some(known)) = row.get(place & 31)
                    && self.runtime.take(known.cost)
                {
                    return Ok(known.value);
                }
                self.first(shared, place)
            }
            Memo::Off => self.eval(&shared.node),
            Memo::Trial(trial) if shared.is_bool => match trial.ask(shared.key) {
                Some(value) => Ok(Value::Bool(value)),
                None => Err(Fault::Internal("a trial needs more than is assumed").into()),
            },
            Memo::Trial(_) => self.eval(&shared.node),
        }
    }

    /// Evaluates a shared expression and keeps its value, unless that has an identity of its own or a message was
    /// changed meanwhile.
    fn first(&mut self, shared: &'a Shared<'a>, place: usize) -> Answer<'a> {
        let before = self.runtime.mark();
        let value = self.eval(&shared.node)?;
        let fits = match value {
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Uint(_)
            | Value::Double(_)
            | Value::String(_) => true,
            Value::List(_) | Value::Map(_) => shared.kept,
            _ => false,
        };
        if fits && !self.runtime.is_changed() {
            let cost = self.runtime.since(before);
            let arena = self.runtime.arena;
            if let Memo::Kept(rows) = &mut self.memo
                && let Some(row) = rows.get_mut(place >> 5)
                && let Some(kept) = row.get_or_insert_with(|| arena.alloc([None; ROW])).get_mut(place & 31)
            {
                *kept = Some(Known { value, cost });
            }
        }
        Ok(value)
    }
}
