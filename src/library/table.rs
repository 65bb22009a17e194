//! What a row of a function table is, and what a function's body gets to work with.
//!
//! A body is a pure function of its arguments and a [`Context`] (arena, budget, the compiled pattern of a constant
//! regular expression). It may assume the argument types of its signature: the evaluator checks values that were
//! dynamic at compile time before it calls, as cel-go's guards do.

use std::fmt;

use bumpalo::Bump;
use bumpalo::collections::{String as BumpString, Vec as BumpVec};

use crate::cel::budget::{Budget, Fault};
use crate::cel::error::{ErrorKind, Raise};
use crate::library::regex::CompiledPattern;
use crate::value::{Value, ValueKind};

/// What a function answers.
pub type Answer<'a> = Result<Value<'a>, Raise<'a>>;

/// A function's body.
pub type Body = for<'a> fn(&mut Context<'a>, &[Value<'a>]) -> Answer<'a>;

/// Functions that come together, at the version that Kyverno's environment has.
#[derive(Debug)]
pub struct Library {
    /// `cel.lib.ext.strings`, `kubernetes.regex`, `kyverno.authz.http` …: the name in Kyverno.
    pub name: &'static str,
    /// The version in Kyverno's HTTP environment; rows with a later `since` are not declared.
    pub version: u8,
    /// One row per overload, in the order in which cel-go declares them.
    pub rows: &'static [Row],
}

/// One overload.
#[derive(Debug)]
pub struct Row {
    /// cel-go's overload id.
    pub id: &'static str,
    /// The signature, in the language of [`Signature`](crate::types::Signature).
    pub signature: &'static str,
    /// How it is evaluated.
    pub implementation: Implementation,
    /// One line for the reference documentation.
    pub doc: &'static str,
    /// CEL expressions that are true; the test suite runs them.
    pub examples: &'static [&'static str],
    /// The library version that introduced it.
    pub since: u8,
}

/// How an overload is evaluated.
#[derive(Clone, Copy, Debug)]
pub enum Implementation {
    /// A body of its own. When the argument types were dynamic at compile time, the overloads of the function are
    /// tried in order; if none fits: `no such overload: f(int, string)`.
    Own(Body),
    /// As `Own`, for a function whose argument number `.1` (0 is the receiver) is a regular expression: when
    /// it is constant, the planner compiles it once and the body finds it in [`Context::pattern`].
    Pattern(Body, usize),
    /// One body for all overloads of the function, which looks at its arguments itself, as cel-go's singletons.
    Shared(&'static Shared),
    /// The planner makes a node of its own: `&&`, `||`, `?:`, `==`, `!=`, `_[_]`, `_?._`, `_[?_]`, `or`, `orValue`.
    Planned,
}

/// The one body of a function with several overloads.
#[derive(Debug)]
pub struct Shared {
    /// The body. It answers [`ErrorKind::NoSuchOverload`] for arguments that it cannot take.
    pub body: Body,
    /// The kinds of first arguments whose type has the trait that cel-go asks for; others are answered
    /// `no such overload: f`. Empty: any.
    pub receivers: &'static [ValueKind],
    /// The index of the argument that is a regular expression, as in [`Implementation::Pattern`].
    pub pattern: Option<usize>,
}

/// What a body may use.
#[derive(Debug)]
pub struct Context<'a> {
    /// Where results live; use the methods below, which charge the budget.
    pub arena: &'a Bump,
    /// What is left of the decision's budget.
    pub budget: Budget,
    /// The compiled pattern of the call under way, when its pattern argument is constant.
    pub pattern: Option<&'a CompiledPattern>,
}

impl<'a> Context<'a> {
    /// A context over `arena` with `budget`.
    pub fn new(arena: &'a Bump, budget: Budget) -> Context<'a> {
        Context { arena, budget, pattern: None }
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
        self.charge((bytes >> 4).saturating_add(1))
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

    /// Formats into the arena; for texts whose length does not depend on the caller's data, or is small.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn format(&mut self, text: fmt::Arguments<'_>) -> Result<&'a str, Raise<'a>> {
        let mut out = BumpString::new_in(self.arena);
        if fmt::write(&mut out, text).is_err() {
            return Err(Fault::Internal("a value that does not print").into());
        }
        self.charge_scan(out.len())?;
        self.budget.charge_bytes(out.len())?;
        Ok(out.into_bump_str())
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

    /// CEL's `==`, charged.
    ///
    /// # Errors
    /// The budget is spent, or the values are nested too deep.
    pub fn equal(&mut self, a: &Value<'a>, b: &Value<'a>) -> Result<bool, Raise<'a>> {
        let mut steps = self.budget.steps;
        let equal = crate::value::equal(a, b, &mut steps);
        let used = self.budget.steps.saturating_sub(steps);
        self.budget.charge(used)?;
        match equal {
            Some(equal) => Ok(equal),
            None if steps == 0 => Err(Fault::Steps.into()),
            None => Err(Fault::Depth.into()),
        }
    }

    /// `no such overload: function(types…)`, for a body that looks at its arguments itself.
    pub fn no_overload(&mut self, function: &'static str, arguments: &[Value<'a>]) -> Raise<'a> {
        match self.budget.charge_bytes(size_of_val(arguments)) {
            Ok(()) => ErrorKind::NoMatchingOverload(function, self.arena.alloc_slice_copy(arguments)).into(),
            Err(fault) => fault.into(),
        }
    }
}
