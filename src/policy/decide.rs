//! One request against the compiled policies: Kyverno's algorithm (kyverno-semantics §2.8 to §2.10).
//!
//! Pure: the request, the arena and the budget come in, a [`Decision`] goes out. A policy answers allow, deny or
//! nothing, or it errs; [`Decision::effect`] is the only place that turns "nothing" and "error" into an effect.

use std::fmt;

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use crate::cel::budget::{Budget, Fault};
use crate::cel::error::{CelError, ErrorKind, Raise};
use crate::cel::eval::Frame;
use crate::library::table::Context;
use crate::value::Value;

use super::compile::{CompiledPolicy, CompiledSet, inputs};
use super::model::FailurePolicy;

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

/// A policy's opinion and the validation that formed it.
#[derive(Clone, Copy, Debug)]
pub struct Verdict<'a> {
    /// The opinion.
    pub opinion: Opinion<'a>,
    /// The index of the validation that answered or erred.
    pub validation: Option<usize>,
}

/// What all policies together say.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// The outcome.
    pub outcome: Outcome<'a>,
    /// The index of the policy that decided.
    pub policy: Option<usize>,
    /// The index of its validation that decided.
    pub validation: Option<usize>,
    /// What is left of the budget.
    pub budget: Budget,
}

/// The outcomes of a decision.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'a> {
    /// A policy allows. Kyverno answers 200.
    Allow,
    /// A policy denies with this reason. Kyverno answers 403 with it.
    Deny(&'a str),
    /// A policy erred before any other answered. Kyverno answers 500 with the errors' text.
    Error(&'a [CelError<'a>]),
    /// No policy answered. Kyverno answers 200.
    Nothing,
    /// The engine could not decide; always a denial (design decision 5).
    Fault(Fault),
}

/// What no policy's answer means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DefaultDecision {
    /// As Kyverno.
    #[default]
    Allow,
    /// Only what a policy allows passes.
    Deny,
}

/// What happens to the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It goes on to the tool.
    Allow,
    /// It does not.
    Deny,
}

impl Decision<'_> {
    /// The effect of the decision.
    pub fn effect(&self, default: DefaultDecision) -> Effect {
        match (&self.outcome, default) {
            (Outcome::Allow, _) | (Outcome::Nothing, DefaultDecision::Allow) => Effect::Allow,
            (Outcome::Deny(_) | Outcome::Error(_) | Outcome::Fault(_), _) => Effect::Deny,
            (Outcome::Nothing, DefaultDecision::Deny) => Effect::Deny,
        }
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

/// Asks the policies in order. The earliest with an answer or an error decides; an error lets the later ones be asked
/// too, but none can override it, so they are not.
///
/// `observe` is told what each policy that was asked said.
pub fn decide<'a>(
    set: &'a CompiledSet<'a>,
    request: Value<'a>,
    arena: &'a Bump,
    budget: Budget,
    observe: &mut dyn FnMut(usize, &Verdict<'a>),
) -> Decision<'a> {
    let mut frame = frame(request, arena, budget);
    let mut decision = (Outcome::Nothing, None, None);
    for (index, policy) in set.policies.iter().enumerate() {
        let verdict = match ask(policy, &mut frame) {
            Ok(verdict) => verdict,
            Err(fault) => {
                decision = (Outcome::Fault(fault), Some(index), None);
                break;
            }
        };
        observe(index, &verdict);
        let outcome = match verdict.opinion {
            Opinion::Nothing => continue,
            Opinion::Allow => Outcome::Allow,
            Opinion::Deny(reason) => Outcome::Deny(reason),
            Opinion::Error(errors) => Outcome::Error(errors),
        };
        decision = (outcome, Some(index), verdict.validation);
        break;
    }
    let (outcome, policy, validation) = decision;
    Decision { outcome, policy, validation, budget: frame.context.budget }
}

/// Asks one policy alone, as Kyverno's command line does.
///
/// # Errors
/// The fault that kept the policy from answering.
pub fn ask_alone<'a>(
    policy: &'a CompiledPolicy<'a>,
    request: Value<'a>,
    arena: &'a Bump,
    budget: Budget,
) -> Result<Verdict<'a>, Fault> {
    ask(policy, &mut frame(request, arena, budget))
}

fn frame<'a>(request: Value<'a>, arena: &'a Bump, budget: Budget) -> Frame<'a> {
    Frame::new(Context::new(arena, budget), arena.alloc(inputs(request)))
}

fn ask<'a>(policy: &'a CompiledPolicy<'a>, frame: &mut Frame<'a>) -> Result<Verdict<'a>, Fault> {
    let errors = match conditions(policy, frame)? {
        Some(errors) => errors,
        None => return Ok(Verdict { opinion: Opinion::Nothing, validation: None }),
    };
    if !errors.is_empty() {
        return Ok(Verdict { opinion: on_error(policy, errors.into_bump_slice()), validation: None });
    }
    frame.set_variables(&policy.variables);
    for (index, validation) in policy.validations.iter().enumerate() {
        let opinion = match frame.evaluate(validation) {
            Ok(Value::Null) => continue,
            Ok(Value::Object(response)) if response.ty.name == "http.CheckResponse" => {
                match response.fields {
                    [Some(_), ..] => Opinion::Allow,
                    [_, Some(Value::Object(denied)), ..] => match denied.get(0) {
                        Value::String(reason) => Opinion::Deny(reason),
                        _ => Opinion::Deny(""),
                    },
                    _ => Opinion::Deny(""),
                }
            }
            Ok(_) => {
                let kind = ErrorKind::Message("rule result is expected to be *http.CheckResponse");
                on_error(policy, alloc_error(frame, CelError { kind, node: 0 }))
            }
            Err(Raise::Error(error)) => on_error(policy, alloc_error(frame, error)),
            Err(Raise::Fault(fault)) => return Err(fault),
        };
        return Ok(Verdict { opinion, validation: Some(index) });
    }
    Ok(Verdict { opinion: Opinion::Nothing, validation: None })
}

/// Evaluates all match conditions: `None` if one is false, which wins over errors; else the errors.
fn conditions<'a>(
    policy: &'a CompiledPolicy<'a>,
    frame: &mut Frame<'a>,
) -> Result<Option<BumpVec<'a, CelError<'a>>>, Fault> {
    let mut errors = BumpVec::new_in(frame.context.arena);
    for condition in &policy.conditions {
        match frame.evaluate(condition) {
            Ok(Value::Bool(true)) => {}
            Ok(Value::Bool(false)) => return Ok(None),
            Ok(_) => errors.push(CelError { kind: ErrorKind::NoSuchOverload, node: 0 }),
            Err(Raise::Error(error)) => errors.push(error),
            Err(Raise::Fault(fault)) => return Err(fault),
        }
    }
    Ok(Some(errors))
}

fn alloc_error<'a>(frame: &Frame<'a>, error: CelError<'a>) -> &'a [CelError<'a>] {
    frame.context.arena.alloc_slice_copy(&[error])
}

/// `failurePolicy: Ignore` drops the whole policy, including rules that would have denied.
fn on_error<'a>(policy: &CompiledPolicy<'_>, errors: &'a [CelError<'a>]) -> Opinion<'a> {
    match policy.failure_policy {
        FailurePolicy::Fail => Opinion::Error(errors),
        FailurePolicy::Ignore => Opinion::Nothing,
    }
}
