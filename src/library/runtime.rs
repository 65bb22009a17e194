//! What a function's body gets to work with: arena, budget, time, and who is asked outside.
//!
//! Knows no table and no function.

use std::collections::BTreeMap;
use std::fmt;

use bumpalo::Bump;
use bumpalo::collections::{String as BumpString, Vec as BumpVec};

use crate::budget::{Budget, Cost, Fault};
use crate::error::{ErrorKind, Raise};
use crate::library::capability::{NOBODY, Session, Unanswered};
use crate::library::regex::{CompiledPattern, Groups, MakeError, Pattern, make};
use crate::value::keys::KeySet;
use crate::value::{MapBuilder, Object, Sameness, Value};

mod text_builder;

pub(crate) use text_builder::TextBuilder;

/// What a function answers.
pub type Answer<'a> = Result<Value<'a>, Raise<'a>>;

/// What a body may use.
#[derive(Debug)]
pub struct Runtime<'a> {
    /// Where results live; use the methods below, which charge the budget.
    pub arena: &'a Bump,
    /// What is left of the decision's budget.
    pub budget: Budget,
    /// The time of the decision, in seconds since the Unix epoch.
    pub now: i64,
    /// Nanoseconds within that second.
    pub nanos: u32,
    /// What the decision asks outside; none where nothing can be asked.
    session: Option<&'a Session>,
    /// The compiled pattern of the call under way, when its pattern argument is constant.
    pub pattern: Option<&'a CompiledPattern>,
    /// What Kyverno's counter may have counted for the expression under way.
    pub units: u64,
    /// The messages that functions changed, by the address of the value that everybody holds.
    changes: BTreeMap<usize, &'a Object<'a>>,
}

/// A text that is formatted into the arena and charged before it grows.
struct Charged<'c, 'a> {
    runtime: &'c mut Runtime<'a>,
    text: TextBuilder<'a>,
    /// Why it could not grow.
    refused: Option<Raise<'a>>,
}

impl fmt::Write for Charged<'_, '_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.text.push(self.runtime, piece).map_err(|raise| {
            self.refused = Some(raise);
            fmt::Error
        })
    }
}

/// How deep values are looked through for changed messages.
const MAX_DEPTH: u32 = 250;

impl<'a> Runtime<'a> {
    /// All of it over `arena`, with `budget`.
    pub fn new(arena: &'a Bump, budget: Budget) -> Runtime<'a> {
        Runtime {
            arena,
            budget,
            now: 0,
            nanos: 0,
            session: None,
            pattern: None,
            units: 0,
            changes: BTreeMap::new(),
        }
    }

    /// What is taken now, for [`since`](Self::since).
    pub fn mark(&self) -> (Budget, u64) {
        (self.budget, self.units)
    }

    /// What was taken since the mark.
    pub fn since(&self, (before, units): (Budget, u64)) -> Cost {
        Cost {
            steps: before.steps.saturating_sub(self.budget.steps),
            bytes: before.bytes.saturating_sub(self.budget.bytes),
            units: self.units.saturating_sub(units),
        }
    }

    /// Takes what something is known to cost, and gives true; takes nothing if there is not enough in the budget.
    #[inline]
    pub fn take(&mut self, cost: Cost) -> bool {
        let taken = self.budget.take(cost);
        if taken {
            self.count(cost.units);
        }
        taken
    }

    /// Adds to what Kyverno's counter may have counted.
    #[inline]
    pub fn count(&mut self, units: u64) {
        self.units = self.units.saturating_add(units);
    }

    /// The same at the time `now`, in seconds since the Unix epoch.
    #[must_use]
    pub fn at(self, now: i64) -> Runtime<'a> {
        Runtime { now, ..self }
    }

    /// The same, so many nanoseconds later within the second.
    #[must_use]
    pub fn and_nanos(self, nanos: u32) -> Runtime<'a> {
        Runtime { nanos, ..self }
    }

    /// The same, which asks outside as part of `session`.
    #[must_use]
    pub fn asking(self, session: &'a Session) -> Runtime<'a> {
        Runtime { session: Some(session), ..self }
    }

    /// The session, for a function that asks outside.
    ///
    /// # Errors
    /// There is none, where Kyverno would ask.
    pub fn session(&mut self) -> Result<&'a Session, Raise<'a>> {
        match self.session {
            Some(session) => Ok(session),
            None => Err(self.unanswered("", &NOBODY)),
        }
    }

    /// What a function raises that got no answer; the text of an error stands behind `what`.
    pub fn unanswered(&mut self, what: &str, why: &Unanswered) -> Raise<'a> {
        match why {
            Unanswered::Failed(text) => self.error(format_args!("{what}{text}")),
            Unanswered::Withheld(text) => Fault::Unanswered(text).into(),
        }
    }

    /// Says that a token names a key that `set` does not have: it may be a new one.
    pub fn missing_key(&self, set: &KeySet) {
        if let Some(session) = self.session {
            session.missing_key(set);
        }
    }

    /// The message as functions left it. Go's functions change messages that other values hold too; values here are
    /// never changed, so who reads a message asks for what became of it.
    #[inline]
    pub fn current(&self, object: &'a Object<'a>) -> &'a Object<'a> {
        if self.changes.is_empty() {
            return object;
        }
        self.changes.get(&address(object)).copied().unwrap_or(object)
    }

    /// True if functions changed a message: what was read before may read otherwise now.
    #[inline]
    pub fn is_changed(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Undoes what functions changed, and tells whether they did.
    pub fn undo_changes(&mut self) -> bool {
        !std::mem::take(&mut self.changes).is_empty()
    }

    /// Sets a field of a message for everybody who holds it.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn change(
        &mut self,
        object: &'a Object<'a>,
        field: usize,
        value: Value<'a>,
    ) -> Result<(), Raise<'a>> {
        let now = self.current(object);
        let count = object.ty.fields.len();
        self.charge(count)?;
        let size = count.saturating_mul(size_of::<Option<Value<'_>>>());
        self.budget.charge_bytes(size.saturating_add(size_of::<Object<'_>>().saturating_mul(2)))?;
        let fields = self.arena.alloc_slice_fill_iter((0..count).map(|index| match index == field {
            true => Some(value),
            false => now.fields.get(index).copied().flatten(),
        }));
        let changed = Object { ty: object.ty, fields, tagged: object.tagged };
        self.changes.insert(address(object), self.arena.alloc(changed));
        Ok(())
    }

    /// The value with every message in it as functions left it, for those who look into values without it.
    ///
    /// # Errors
    /// The budget is spent, or the value is nested too deep.
    pub fn settled(&mut self, value: Value<'a>) -> Answer<'a> {
        if self.changes.is_empty() { Ok(value) } else { self.settled_at(value, 0) }
    }

    fn settled_at(&mut self, value: Value<'a>, depth: u32) -> Answer<'a> {
        if depth > MAX_DEPTH {
            return Err(Fault::Depth.into());
        }
        self.charge(1)?;
        let deeper = depth.saturating_add(1);
        match value {
            Value::Object(object) => {
                let now = self.current(object);
                self.budget.charge_bytes(size_of_val(now.fields).saturating_add(size_of::<Object<'_>>()))?;
                let fields = self.arena.alloc_slice_copy(now.fields);
                for field in fields.iter_mut().flatten() {
                    *field = self.settled_at(*field, deeper)?;
                }
                Ok(Value::Object(self.arena.alloc(Object { ty: now.ty, fields, tagged: now.tagged })))
            }
            Value::List(list) => {
                let mut out = self.list_builder(list.len())?;
                for element in list {
                    out.push(self.settled_at(*element, deeper)?);
                }
                Ok(self.finish_list(out))
            }
            Value::Map(map) => {
                let size = map.len().saturating_mul(size_of::<(Value<'_>, Value<'_>)>());
                self.budget.charge_bytes(size)?;
                let mut out = MapBuilder::with_capacity(self.arena, map.len());
                for (key, value) in map.entries() {
                    out.insert(*key, self.settled_at(*value, deeper)?);
                }
                Ok(Value::Map(out.finish()))
            }
            Value::Optional(Some(held)) => {
                let held = self.settled_at(*held, deeper)?;
                self.some(held)
            }
            other => Ok(other),
        }
    }

    /// Charges `steps`; a loop charges its length before it runs or one step per turn.
    ///
    /// # Errors
    /// The budget is spent.
    #[inline]
    pub fn charge(&mut self, steps: usize) -> Result<(), Raise<'a>> {
        Ok(self.budget.charge(u64::try_from(steps).unwrap_or(u64::MAX))?)
    }

    /// Charges for looking at `bytes` bytes once: one step for sixteen.
    ///
    /// # Errors
    /// The budget is spent.
    #[inline]
    pub fn charge_scan(&mut self, bytes: usize) -> Result<(), Raise<'a>> {
        Ok(self.budget.charge_scan(bytes)?)
    }

    /// An empty list with room for `capacity` elements, charged.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn list_builder(&mut self, capacity: usize) -> Result<BumpVec<'a, Value<'a>>, Raise<'a>> {
        self.charge(capacity >> 2)?;
        self.budget.charge_bytes(capacity.saturating_mul(size_of::<Value<'_>>()))?;
        Ok(BumpVec::with_capacity_in(capacity, self.arena))
    }

    /// Appends to a list of unknown length, charged for its growth.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn push(&mut self, list: &mut BumpVec<'a, Value<'a>>, value: Value<'a>) -> Result<(), Raise<'a>> {
        self.charge(1)?;
        if list.len() == list.capacity() {
            // A bump arena does not take back the old buffer, so growing costs the new one whole.
            let capacity = list.capacity().saturating_mul(2).max(4);
            self.budget.charge_bytes(capacity.saturating_mul(size_of::<Value<'_>>()))?;
            list.reserve_exact(capacity.saturating_sub(list.len()));
        }
        list.push(value);
        Ok(())
    }

    /// A finished list.
    pub fn finish_list(&mut self, list: BumpVec<'a, Value<'a>>) -> Value<'a> {
        Value::List(list.into_bump_slice())
    }

    /// A copy of `values` as a list.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn list(&mut self, values: &[Value<'a>]) -> Answer<'a> {
        let mut list = self.list_builder(values.len())?;
        list.extend_from_slice(values);
        Ok(self.finish_list(list))
    }

    /// A copy of `text` as a string.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn string(&mut self, text: &str) -> Answer<'a> {
        Ok(Value::String(self.str(text)?))
    }

    /// A copy of `text` in the arena.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn str(&mut self, text: &str) -> Result<&'a str, Raise<'a>> {
        self.charge_scan(text.len())?;
        self.budget.charge_bytes(text.len())?;
        Ok(self.arena.alloc_str(text))
    }

    /// A copy of `bytes` as a byte string.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn bytes(&mut self, bytes: &[u8]) -> Answer<'a> {
        self.charge_scan(bytes.len())?;
        self.budget.charge_bytes(bytes.len())?;
        Ok(Value::Bytes(self.arena.alloc_slice_copy(bytes)))
    }

    /// An empty text with room for `capacity` bytes, charged. Never let it grow beyond its capacity: that memory is
    /// not charged. When the length is not known, count it first or collect in a checked way.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn string_builder(&mut self, capacity: usize) -> Result<BumpString<'a>, Raise<'a>> {
        self.charge_scan(capacity)?;
        self.budget.charge_bytes(capacity)?;
        Ok(BumpString::with_capacity_in(capacity, self.arena))
    }

    /// Formats into the arena, charged while the text grows.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn format(&mut self, text: fmt::Arguments<'_>) -> Result<&'a str, Raise<'a>> {
        let mut out = Charged { text: TextBuilder::new(self), runtime: self, refused: None };
        let written = fmt::write(&mut out, text);
        match (written, out.refused) {
            (Ok(()), _) => Ok(out.text.finish()),
            (Err(_), Some(raise)) => Err(raise),
            (Err(_), None) => Err(Fault::Internal("a value that does not print").into()),
        }
    }

    /// A value in the arena, as the inside of an optional.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn some(&mut self, value: Value<'a>) -> Answer<'a> {
        self.budget.charge_bytes(size_of::<Value<'_>>())?;
        Ok(Value::Optional(Some(self.arena.alloc(value))))
    }

    /// A CEL error with a text made here.
    pub fn error(&mut self, text: fmt::Arguments<'_>) -> Raise<'a> {
        match self.format(text) {
            Ok(text) => ErrorKind::Message(text).into(),
            Err(raise) => raise,
        }
    }

    /// The compiled form of `pattern`, the pattern argument of the call under way. `prefix` stands before Go's text
    /// when the pattern is refused.
    ///
    /// # Errors
    /// Go refuses the pattern: a CEL error. The pattern is larger than we compile at run time, or the budget is
    /// spent: a fault.
    pub fn compiled(&mut self, pattern: &str, prefix: &str) -> Result<Pattern<'a>, Raise<'a>> {
        self.compiled_as(pattern, prefix, Groups::Dropped)
    }

    /// The same of a function that asks what the groups match.
    ///
    /// # Errors
    /// As [`compiled`](Self::compiled).
    pub fn compiled_with_groups(&mut self, pattern: &str) -> Result<Pattern<'a>, Raise<'a>> {
        self.compiled_as(pattern, "", Groups::Kept)
    }

    fn compiled_as(&mut self, pattern: &str, prefix: &str, groups: Groups) -> Result<Pattern<'a>, Raise<'a>> {
        if let Some(pattern) = self.pattern {
            return Ok(Pattern::Constant(pattern));
        }
        match make(pattern, groups, &mut self.budget) {
            Ok(pattern) => Ok(Pattern::Made(Box::new(pattern))),
            Err(MakeError::Fault(fault)) => Err(fault.into()),
            Err(MakeError::Pattern(error)) => Err(self.error(format_args!("{prefix}{error}"))),
        }
    }

    /// What CEL's `==` finds, charged.
    ///
    /// # Errors
    /// The budget is spent, or the values are nested too deep.
    pub fn sameness(&mut self, a: &Value<'a>, b: &Value<'a>) -> Result<Sameness, Raise<'a>> {
        let (a, b) = (&self.settled(*a)?, &self.settled(*b)?);
        let mut steps = self.budget.steps;
        let sameness = crate::value::equal(a, b, &mut steps);
        let used = self.budget.steps.saturating_sub(steps);
        self.budget.charge(used)?;
        Ok(sameness?)
    }

    /// True if CEL's `==` is, charged; for searches, where an error of `==` finds nothing.
    ///
    /// # Errors
    /// The budget is spent, or the values are nested too deep.
    pub fn equal(&mut self, a: &Value<'a>, b: &Value<'a>) -> Result<bool, Raise<'a>> {
        Ok(self.sameness(a, b)? == Sameness::Equal)
    }

    /// `no such overload: function(types…)`, for a body that looks at its arguments itself.
    pub fn no_overload(&mut self, function: &'static str, arguments: &[Value<'a>]) -> Raise<'a> {
        match self.budget.charge_bytes(size_of_val(arguments)) {
            Ok(()) => ErrorKind::NoMatchingOverload(function, self.arena.alloc_slice_copy(arguments)).into(),
            Err(fault) => fault.into(),
        }
    }
}

/// What tells one message from another: where it is. The arena moves nothing and reuses nothing during a decision.
fn address(object: &Object<'_>) -> usize {
    std::ptr::from_ref(object).addr()
}
