//! One request against the compiled policies: Kyverno's algorithm (docs/kyverno.md §5 to §7).
//!
//! Pure: the request, the arena and the budget come in, a [`Decision`] goes out. A policy answers allow, deny or
//! nothing, or it errs; [`Decision::effect`] is the only place that turns "nothing" and "error" into an effect.

use std::fmt;
use std::ops::Range;

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use crate::budget::{Budget, Cost, Fault};
use crate::cel::error::{CelError, ErrorKind, Raise};
use crate::cel::eval::Frame;
use crate::cel::program::Program;
use crate::library::table::Context;
use crate::value::{Object, Value};

mod json;

pub use json::{Rule, rule};

use super::compile::{CompiledPolicy, CompiledSet};
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

/// What all policies together say.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// The opinion of the policy that decided, or nothing; the fault for which the engine could not decide is always a
    /// denial.
    pub opinion: Result<Opinion<'a>, Fault>,
    /// The index of the policy that decided.
    pub policy: Option<usize>,
    /// The index of its validation that decided.
    pub validation: Option<usize>,
    /// What is left of the budget.
    pub budget: Budget,
    /// The HTTP status that a denial of mode Envoy names.
    pub status: Option<i64>,
}

/// What no policy's answer means.
///
/// ```
/// let mut settings = toolgate::Settings::default();
/// settings.default_decision = toolgate::settings::DefaultDecision::Deny;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DefaultDecision {
    /// As Kyverno.
    #[default]
    Allow,
    /// Only what a policy allows passes.
    Deny,
}

/// What happens to the call.
///
/// ```
/// assert_eq!(toolgate::Effect::Deny.as_str(), "deny");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It goes on to the tool.
    Allow,
    /// It does not.
    Deny,
}

impl Effect {
    /// `allow` or `deny`, as in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::Allow => "allow",
            Effect::Deny => "deny",
        }
    }
}

impl Decision<'_> {
    /// The effect of the decision.
    pub fn effect(&self, default: DefaultDecision) -> Effect {
        match (&self.opinion, default) {
            (Ok(Opinion::Allow), _) | (Ok(Opinion::Nothing), DefaultDecision::Allow) => Effect::Allow,
            (Ok(Opinion::Deny(_) | Opinion::Error(_)) | Err(_), _) => Effect::Deny,
            (Ok(Opinion::Nothing), DefaultDecision::Deny) => Effect::Deny,
        }
    }

    /// True if both say the same, for the same reason, and leave the same of the budget.
    pub fn is_like(&self, other: &Decision<'_>) -> bool {
        // Errors hold values, which are compared as they would be printed. This is for who looks for a fault, and not for every call.
        format!("{self:?}") == format!("{other:?}")
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

/// Asks the policies of the request's mode in order. In modes HTTP and Envoy the earliest with an answer or an error decides; an error
/// lets the later ones be asked too, but none can override it, so they are not. In mode JSON the earliest that fails decides. Policies
/// that are known to say nothing are passed over, and equal expressions evaluated once; the decision is that of
/// [`decide_one_by_one`], and so is what is left of the budget.
///
/// `observe` is told what each policy that was asked said.
pub fn decide<'a>(
    set: &'a CompiledSet<'a>,
    request: Value<'a>,
    context: Context<'a>,
    observe: &mut dyn FnMut(usize, &Verdict<'a>),
) -> Decision<'a> {
    let mut hearing = match Hearing::new(set, request, context, observe) {
        Ok(hearing) => hearing,
        Err(nobody) => return nobody,
    };
    hearing.frame.share(set.index.places());
    let Some(selection) = set.index.select(hearing.mode, &mut hearing.frame) else {
        return hearing.one_by_one(0..set.policies.len()).unwrap_or_else(|| hearing.ended());
    };
    let mut next = 0;
    for number in selection.asks.iter().copied().chain([set.policies.len()]) {
        let silent = next..number;
        // Where there is too little left for them, they end as they must. A function that changed a message changed what
        // others read, and what reading costs.
        if (hearing.frame.context.is_changed() || !hearing.frame.context.budget.take(selection.cost(&silent)))
            && let Some(decision) = hearing.one_by_one(silent)
        {
            return decision;
        }
        next = number.saturating_add(1);
        if let Some(decision) = hearing.one_by_one(number..next) {
            return decision;
        }
    }
    hearing.ended()
}

/// The same without index, each policy asked and each expression evaluated where it stands: tells what each of them says, and
/// is what [`decide`] is measured by. It answers no call.
pub fn decide_one_by_one<'a>(
    set: &'a CompiledSet<'a>,
    request: Value<'a>,
    context: Context<'a>,
    observe: &mut dyn FnMut(usize, &Verdict<'a>),
) -> Decision<'a> {
    match Hearing::new(set, request, context, observe) {
        Ok(mut hearing) => hearing.one_by_one(0..set.policies.len()).unwrap_or_else(|| hearing.ended()),
        Err(nobody) => nobody,
    }
}

/// The policies of one mode on one request.
struct Hearing<'o, 'a> {
    set: &'a CompiledSet<'a>,
    mode: Mode,
    frame: Frame<'a>,
    /// The first policy of mode JSON that passed: all must, so it is no last word.
    passed: Option<usize>,
    observe: &'o mut dyn FnMut(usize, &Verdict<'a>),
}

impl<'o, 'a> Hearing<'o, 'a> {
    /// # Errors
    /// Nobody would be asked about the request.
    fn new(
        set: &'a CompiledSet<'a>,
        request: Value<'a>,
        context: Context<'a>,
        observe: &'o mut dyn FnMut(usize, &Verdict<'a>),
    ) -> Result<Hearing<'o, 'a>, Decision<'a>> {
        match Mode::ALL.into_iter().find(|mode| mode.request() == request.type_name()) {
            Some(mode) => {
                Ok(Hearing { set, mode, frame: frame(mode, request, context), passed: None, observe })
            }
            None => {
                let opinion = Err(Fault::Internal("a request of no mode"));
                Err(Decision { opinion, ..nothing(context.budget) })
            }
        }
    }

    /// Asks the policies with these numbers, up to the first that decides.
    fn one_by_one(&mut self, numbers: Range<usize>) -> Option<Decision<'a>> {
        let policies = self.set.policies.get(numbers.clone()).unwrap_or_default();
        for (number, policy) in numbers.zip(policies).filter(|(_, policy)| policy.mode == self.mode) {
            let verdict = match ask(policy, &mut self.frame) {
                Ok(verdict) => verdict,
                Err(fault) => {
                    return Some(Decision { opinion: Err(fault), policy: Some(number), ..self.ended() });
                }
            };
            (self.observe)(number, &verdict);
            let decides = match (self.mode, verdict.opinion) {
                (_, Opinion::Nothing) => false,
                (Mode::Json, Opinion::Allow) => {
                    self.passed = self.passed.or(Some(number));
                    false
                }
                (Mode::Json, Opinion::Deny(_) | Opinion::Error(_)) => policy.denies,
                (Mode::Http | Mode::Envoy, _) => true,
            };
            if decides {
                let Verdict { opinion, validation, status, .. } = verdict;
                let ended = self.ended();
                return Some(Decision {
                    opinion: Ok(opinion),
                    policy: Some(number),
                    validation,
                    status,
                    ..ended
                });
            }
        }
        None
    }

    /// No policy had a last word.
    fn ended(&self) -> Decision<'a> {
        let ended = nothing(self.frame.context.budget);
        match self.passed {
            Some(_) => Decision { opinion: Ok(Opinion::Allow), policy: self.passed, ..ended },
            None => ended,
        }
    }
}

fn nothing<'a>(budget: Budget) -> Decision<'a> {
    Decision { opinion: Ok(Opinion::Nothing), policy: None, validation: None, budget, status: None }
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
    let mut frame = Frame::new(Context::new(arena, budget), &[]);
    frame.assume(known);
    let verdict = ask(policy, &mut frame);
    let cost = frame.context.budget.since(&budget);
    let (asked, unknown) = match frame.trial() {
        Some(trial) => (arena.alloc_slice_copy(trial.asked()) as &[u64], trial.unknown()),
        None => (&[] as &[u64], None),
    };
    Attempt { verdict, cost, changes: frame.context.is_changed(), asked, unknown }
}

/// What several modes together say: each decides for itself, and a denial of any of them, or an error, denies. The
/// earliest denial counts; without one, an answer counts more than none.
pub fn together<'a>(decisions: impl IntoIterator<Item = Decision<'a>>) -> Option<Decision<'a>> {
    let weight = |decision: &Decision<'a>| match decision.opinion {
        Ok(Opinion::Deny(_) | Opinion::Error(_)) | Err(_) => 2,
        Ok(Opinion::Allow) => 1,
        Ok(Opinion::Nothing) => 0,
    };
    decisions.into_iter().reduce(|first, next| if weight(&next) > weight(&first) { next } else { first })
}

/// Asks one policy alone, as Kyverno's command line does.
///
/// # Errors
/// The fault that kept the policy from answering.
pub fn ask_alone<'a>(
    policy: &'a CompiledPolicy<'a>,
    request: Value<'a>,
    context: Context<'a>,
) -> Result<Verdict<'a>, Fault> {
    ask(policy, &mut frame(policy.mode, request, context))
}

fn frame<'a>(mode: Mode, request: Value<'a>, context: Context<'a>) -> Frame<'a> {
    let inputs = mode.inputs(request, context.arena);
    Frame::new(context, inputs)
}

fn ask<'a>(policy: &'a CompiledPolicy<'a>, frame: &mut Frame<'a>) -> Result<Verdict<'a>, Fault> {
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
        let (opinion, status) = match frame.evaluate(validation) {
            Ok(Value::Null) => continue,
            Ok(value) => match answer(policy.mode, value, frame) {
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
            let exceptions = frame.context.arena.alloc_slice_copy(&[index]);
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
        let object = frame.context.current(object);
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
    let mut errors = BumpVec::new_in(frame.context.arena);
    for condition in conditions {
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
