//! One policy on one request: Kyverno's algorithm (docs/kyverno.md §5 to §7).
//!
//! A policy answers allow, deny or nothing, or it errs. What that means for the call is not known here, nor what other
//! policies say.

use std::fmt;

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use crate::budget::{Budget, Cost, Fault};
use crate::cel::eval::Frame;
use crate::cel::program::Program;
use crate::error::{CelError, ErrorKind, Raise};
use crate::library::runtime::Runtime;
use crate::value::{Object, Value};

mod json;

pub use json::{Rule, rule};

use super::compiled::CompiledPolicy;
use super::model::{FailurePolicy, Mode};

/// What one policy says of a request.
#[derive(Clone, Copy, Debug)]
pub enum Opinion<'a> {
    /// A response with its `ok` side set.
    Allow,
    /// A response without `ok`; the reason of its `denied` side, empty if there is none.
    Deny(&'a str),
    /// No validation answered, or a condition was false, or an error was ignored.
    Nothing,
    /// CEL errors: one, or those of several match conditions.
    Error(&'a [CelError<'a>]),
}

/// A policy's opinion and how it was formed.
#[derive(Clone, Copy, Debug)]
pub struct Verdict<'a> {
    /// The opinion.
    pub opinion: Opinion<'a>,
    /// The index of the validation that answered or erred.
    pub validation: Option<usize>,
    /// The indices of the exceptions that kept the policy from judging: in mode JSON there may be several.
    pub exceptions: &'a [usize],
    /// The indices of the exceptions with what they allow in sight of which the policy judged, in mode JSON.
    pub allowances: &'a [usize],
    /// The HTTP status that a denial of mode Envoy names.
    pub status: Option<i64>,
}

impl<'a> Verdict<'a> {
    /// An opinion that no validation formed.
    fn of(opinion: Opinion<'a>) -> Verdict<'a> {
        Verdict { opinion, validation: None, exceptions: &[], allowances: &[], status: None }
    }
}

/// The text of a policy's errors, joined as Kyverno joins them.
#[derive(Clone, Copy, Debug)]
pub struct ErrorText<'e, 'a>(pub &'e [CelError<'a>]);

impl fmt::Display for ErrorText<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if i == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// What a policy says without a request.
pub(super) struct Attempt<'a> {
    /// What it says; a fault if it needs a request.
    pub(super) verdict: Result<Verdict<'a>, Fault>,
    /// What it used of the budget.
    pub(super) cost: Cost,
    /// True if it changed a message, which others may read.
    pub(super) changes: bool,
    /// How often it asked for each of what is known.
    pub(super) asked: &'a [u64],
    /// The key of the first bool that it asked for and that is not known.
    pub(super) unknown: Option<&'a str>,
}

/// Asks one policy without a request; of its shared expressions, those with the keys `known` have these values and cost
/// nothing.
pub(super) fn attempt<'a>(
    policy: &'a CompiledPolicy<'a>,
    arena: &'a Bump,
    budget: Budget,
    known: &'a [(&'a str, bool)],
) -> Attempt<'a> {
    let mut frame = Frame::new(Runtime::new(arena, budget), &[]);
    frame.assume(known);
    let before = frame.runtime.mark();
    let verdict = ask(policy, &mut frame);
    let cost = frame.runtime.since(before);
    let (asked, unknown) = match frame.trial() {
        Some(trial) => (arena.alloc_slice_copy(trial.asked()) as &[u64], trial.unknown()),
        None => (&[] as &[u64], None),
    };
    Attempt { verdict, cost, changes: frame.runtime.is_changed(), asked, unknown }
}

/// Asks one policy alone, as Kyverno's command line does.
///
/// # Errors
/// The fault that kept the policy from answering.
pub fn ask_alone<'a>(
    policy: &'a CompiledPolicy<'a>,
    request: Value<'a>,
    runtime: Runtime<'a>,
) -> Result<Verdict<'a>, Fault> {
    ask(policy, &mut frame(policy.mode, request, runtime))
}

pub(super) fn frame<'a>(mode: Mode, request: Value<'a>, runtime: Runtime<'a>) -> Frame<'a> {
    let inputs = mode.inputs(request, runtime.arena);
    Frame::new(runtime, inputs)
}

/// Asks one policy.
///
/// # Errors
/// The fault that kept it from answering.
pub(super) fn ask<'a>(policy: &'a CompiledPolicy<'a>, frame: &mut Frame<'a>) -> Result<Verdict<'a>, Fault> {
    if policy.mode == Mode::Json {
        return json::ask(policy, frame);
    }
    let errors = match conditions(&policy.conditions, frame)? {
        Some(errors) => errors,
        None => return Ok(Verdict::of(Opinion::Nothing)),
    };
    if !errors.is_empty() {
        return Ok(Verdict::of(on_error(policy, errors.into_bump_slice())));
    }
    frame.set_variables(&policy.variables);
    if let Some(verdict) = exempt(policy, frame)? {
        return Ok(verdict);
    }
    for (index, validation) in policy.validations.iter().enumerate() {
        let (opinion, status) = match frame.evaluate(validation).map(response) {
            Ok(None) => continue,
            Ok(Some(value)) => match answer(policy.mode, value, frame) {
                Some(answer) => answer,
                None => {
                    let kind = ErrorKind::Message(match policy.mode {
                        Mode::Http => "rule result is expected to be *http.CheckResponse",
                        Mode::Envoy | Mode::Json => "rule result is expected to be *authv3.CheckResponse",
                    });
                    (on_error(policy, alloc_error(frame, CelError { kind, node: 0 })), None)
                }
            },
            Err(Raise::Error(error)) => (on_error(policy, alloc_error(frame, error)), None),
            Err(Raise::Fault(fault)) => return Err(fault),
        };
        return Ok(Verdict { validation: Some(index), status, ..Verdict::of(opinion) });
    }
    Ok(Verdict::of(Opinion::Nothing))
}

/// What a validation results in, if it is an opinion at all: null is none, and an optional is what it holds, which is then no null.
fn response(result: Value<'_>) -> Option<Value<'_>> {
    let mut value = match result {
        Value::Null => return None,
        value => value,
    };
    while let Value::Optional(held) = value {
        value = *held?;
    }
    Some(value)
}

/// Tries the exceptions in order: all conditions of one are evaluated, also after a false one, and the first exception
/// whose conditions are all true ends the policy.
fn exempt<'a>(policy: &'a CompiledPolicy<'a>, frame: &mut Frame<'a>) -> Result<Option<Verdict<'a>>, Fault> {
    for (index, exception) in policy.exceptions.iter().enumerate() {
        let mut matches = true;
        for condition in &exception.conditions {
            let error = match frame.evaluate(condition) {
                Ok(Value::Bool(met)) => {
                    matches &= met;
                    continue;
                }
                Ok(_) => {
                    let text = "got an output for the match condition that isn't bool";
                    CelError { kind: ErrorKind::Message(text), node: 0 }
                }
                Err(Raise::Error(error)) => error,
                Err(Raise::Fault(fault)) => return Err(fault),
            };
            return Ok(Some(Verdict::of(on_error(policy, alloc_error(frame, error)))));
        }
        if matches {
            let exceptions = frame.runtime.arena.alloc_slice_copy(&[index]);
            return Ok(Some(Verdict { exceptions, ..Verdict::of(Opinion::Nothing) }));
        }
    }
    Ok(None)
}

/// What a validation's response means, with the HTTP status that an Envoy denial names; none for what is no response.
fn answer<'a>(mode: Mode, value: Value<'a>, frame: &Frame<'a>) -> Option<(Opinion<'a>, Option<i64>)> {
    let Value::Object(response) = value else { return None };
    if response.ty.name != mode.response() {
        return None;
    }
    match mode {
        Mode::Http => {
            let opinion = match response.fields {
                [Some(_), ..] => Opinion::Allow,
                [_, Some(Value::Object(denied)), ..] => match denied.get(0) {
                    Value::String(reason) => Opinion::Deny(reason),
                    _ => Opinion::Deny(""),
                },
                _ => Opinion::Deny(""),
            };
            Some((opinion, None))
        }
        // A literal is a message of another Go type than the functions make.
        Mode::Envoy if response.tagged => None,
        Mode::Envoy | Mode::Json => Some(envoy_answer(response, frame)),
    }
}

/// Envoy goes by the status: code 0 allows, another denies. A response with code 0 and a side that denies is no allow
/// here, though Envoy would take it for one. The reason is the body, or else the status' message.
fn envoy_answer<'a>(response: &'a Object<'a>, frame: &Frame<'a>) -> (Opinion<'a>, Option<i64>) {
    let field = |object: &'a Object<'a>, name: &str| {
        let object = frame.runtime.current(object);
        object.ty.field(name).filter(|(index, _)| object.is_set(*index)).map(|(index, _)| object.get(index))
    };
    let part = |object, name| match field(object, name) {
        Some(Value::Object(part)) => Some(part),
        _ => None,
    };
    let text = |object, name| match field(object, name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let int = |object, name| match field(object, name) {
        Some(Value::Int(int)) => Some(int),
        _ => None,
    };
    let status = part(response, "status");
    let denied = part(response, "denied_response").or_else(|| part(response, "error_response"));
    if denied.is_none() && status.and_then(|status| int(status, "code")).unwrap_or(0) == 0 {
        return (Opinion::Allow, None);
    }
    let body = denied.and_then(|denied| text(denied, "body"));
    let reason = body.or_else(|| text(status?, "message")).unwrap_or_default();
    let code = denied.and_then(|denied| part(denied, "status")).and_then(|status| int(status, "code"));
    (Opinion::Deny(reason), code)
}

/// Evaluates conditions: `None` if one is false, which wins over errors; else the errors.
fn conditions<'a>(
    conditions: &'a [Program<'a>],
    frame: &mut Frame<'a>,
) -> Result<Option<BumpVec<'a, CelError<'a>>>, Fault> {
    let mut errors = BumpVec::new_in(frame.runtime.arena);
    for condition in conditions {
        match frame.evaluate(condition) {
            Ok(Value::Bool(true)) => {}
            Ok(Value::Bool(false)) => return Ok(None),
            // The checker lets a bool through and what wraps one, which may be null.
            Ok(_) => {
                let kind = ErrorKind::Message("type conversion error from 'null_type' to 'bool'");
                errors.push(CelError { kind, node: 0 });
            }
            Err(Raise::Error(error)) => errors.push(error),
            Err(Raise::Fault(fault)) => return Err(fault),
        }
    }
    Ok(Some(errors))
}

fn alloc_error<'a>(frame: &Frame<'a>, error: CelError<'a>) -> &'a [CelError<'a>] {
    frame.runtime.arena.alloc_slice_copy(&[error])
}

/// `failurePolicy: Ignore` drops the whole policy, including rules that would have denied.
fn on_error<'a>(policy: &CompiledPolicy<'_>, errors: &'a [CelError<'a>]) -> Opinion<'a> {
    match policy.failure_policy {
        FailurePolicy::Fail => Opinion::Error(errors),
        FailurePolicy::Ignore => Opinion::Nothing,
    }
}
