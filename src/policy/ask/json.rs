//! Mode JSON: the algorithm of Kyverno's own engine, which is not that of its authz server (docs/kyverno.md §15).
//!
//! Each policy that fails counts, and the first of them ends a decision. A policy is a list of things that must be true, so one without
//! any passes. `failurePolicy` says what an error among conditions means, and nothing of validations.

use bumpalo::collections::Vec as BumpVec;

use crate::budget::Fault;
use crate::cel::eval::Frame;
use crate::error::{CelError, ErrorKind, Raise};
use crate::policy::compiled::{CompiledException, CompiledMessage, CompiledPolicy};
use crate::policy::environment::{exceptions, json_inputs};
use crate::policy::model::FailurePolicy;
use crate::value::Value;

use super::{ErrorText, Opinion, Verdict, alloc_error, conditions};

/// What one policy says of the object.
pub(super) fn ask<'a>(policy: &'a CompiledPolicy<'a>, frame: &mut Frame<'a>) -> Result<Verdict<'a>, Fault> {
    if policy.exceptions.is_empty() {
        return judge(policy, frame);
    }
    let arena = frame.runtime.arena;
    let mut matched = BumpVec::new_in(arena);
    let (mut images, mut values) = (BumpVec::new_in(arena), BumpVec::new_in(arena));
    let mut exempt = false;
    for (index, exception) in policy.exceptions.iter().enumerate() {
        match meets(policy, conditions(&exception.conditions, frame)?) {
            Ok(true) => matched.push(index),
            Ok(false) => continue,
            // What is exempt already stays so.
            Err(_) if exempt => continue,
            Err(errors) => return Ok(Verdict::of(Opinion::Error(errors))),
        }
        if exception.allowed.is_empty() {
            exempt = true;
        } else if !exempt {
            for (all, more) in
                [(&mut images, &exception.allowed.images), (&mut values, &exception.allowed.values)]
            {
                frame.runtime.budget.charge_bytes(more.len().saturating_mul(size_of::<Value<'_>>()))?;
                all.extend(more.iter().map(|text| Value::String(text)));
            }
        }
    }
    if exempt {
        return Ok(Verdict { exceptions: matched.into_bump_slice(), ..Verdict::of(Opinion::Nothing) });
    }
    let before = frame.inputs();
    // Without a request nothing is known of any.
    let Some(object) = before.first().copied() else { return judge(policy, frame) };
    let allowed = exceptions(images.into_bump_slice(), values.into_bump_slice(), arena);
    frame.set_inputs(json_inputs(object, allowed, arena));
    // An expression that reads what is allowed has another value in another policy.
    let verdict = frame.unshared(|frame| judge(policy, frame));
    frame.set_inputs(before);
    Ok(Verdict { allowances: matched.into_bump_slice(), ..verdict? })
}

/// The conditions, then the validations: the first that is false fails the policy.
fn judge<'a>(policy: &'a CompiledPolicy<'a>, frame: &mut Frame<'a>) -> Result<Verdict<'a>, Fault> {
    match meets(policy, conditions(&policy.conditions, frame)?) {
        Ok(true) => {}
        Ok(false) => return Ok(Verdict::of(Opinion::Nothing)),
        Err(errors) => return Ok(Verdict::of(Opinion::Error(errors))),
    }
    frame.set_variables(&policy.variables);
    for (index, validation) in policy.validations.iter().enumerate() {
        let opinion = match frame.evaluate(validation) {
            Ok(Value::Bool(true)) => continue,
            Ok(Value::Bool(false)) => Opinion::Deny(message(policy.messages.get(index), index, frame)?),
            // The checker lets nothing else through.
            Ok(_) => {
                let kind = ErrorKind::Message("rule result is expected to be a bool");
                Opinion::Error(alloc_error(frame, CelError { kind, node: 0 }))
            }
            Err(Raise::Error(error)) => Opinion::Error(alloc_error(frame, error)),
            Err(Raise::Fault(fault)) => return Err(fault),
        };
        return Ok(Verdict { validation: Some(index), ..Verdict::of(opinion) });
    }
    Ok(Verdict::of(Opinion::Allow))
}

/// Whether conditions are met; the errors that count.
fn meets<'a>(
    policy: &CompiledPolicy<'_>,
    answer: Option<BumpVec<'a, CelError<'a>>>,
) -> Result<bool, &'a [CelError<'a>]> {
    match answer {
        None => Ok(false),
        Some(errors) if errors.is_empty() => Ok(true),
        Some(_) if policy.failure_policy == FailurePolicy::Ignore => Ok(false),
        Some(errors) => Err(errors.into_bump_slice()),
    }
}

/// What is said of the validation number `index` that was false.
fn message<'a>(
    message: Option<&'a CompiledMessage<'a>>,
    index: usize,
    frame: &mut Frame<'a>,
) -> Result<&'a str, Fault> {
    let said = match message.map(|message| (&message.program, message.text.as_str())) {
        Some((Some(program), _)) => match frame.evaluate(program) {
            Ok(Value::String(text)) => Ok(text),
            // The checker lets nothing else through.
            Ok(_) => Ok("failed to convert message expression to string"),
            Err(Raise::Error(error)) => {
                frame.runtime.format(format_args!("failed to evaluate message expression: {error}"))
            }
            Err(raise) => Err(raise),
        },
        Some((None, text)) => Ok(text),
        None => Ok(""),
    };
    let said = match said {
        Ok("") => frame.runtime.format(format_args!("CEL expression validation failed at index {index}")),
        said => said,
    };
    said.map_err(|raise| match raise {
        Raise::Fault(fault) => fault,
        Raise::Error(_) => Fault::Internal("a text that does not print"),
    })
}

/// What Kyverno's engine reports of a policy: one rule response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `pass`, `fail`, `skip` or `error`.
    pub status: &'static str,
    /// The name that it gives what is no validation's.
    pub name: &'static str,
    /// Its words.
    pub message: String,
}

/// What Kyverno's engine reports of a policy of mode JSON that said `verdict`.
pub fn rule(policy: &CompiledPolicy<'_>, verdict: &Verdict<'_>) -> Rule {
    let (status, name, message) = match verdict.opinion {
        Opinion::Allow => ("pass", "", "success".to_owned()),
        Opinion::Deny(message) => ("fail", "", message.to_owned()),
        Opinion::Nothing if verdict.exceptions.is_empty() => ("skip", "", "skip".to_owned()),
        Opinion::Nothing => return exemption(policy, verdict.exceptions),
        Opinion::Error(errors) if verdict.validation.is_some() => {
            ("error", "", format!("error: {}", ErrorText(errors)))
        }
        Opinion::Error(errors) => {
            ("error", "evaluation", format!("failed to load context: {}", ErrorText(errors)))
        }
    };
    Rule { status, name, message }
}

/// Of the exceptions that matched, the one with the highest priority has the word.
fn exemption(policy: &CompiledPolicy<'_>, matched: &[usize]) -> Rule {
    let mut selected: Option<&CompiledException<'_>> = None;
    let mut names = Vec::with_capacity(matched.len());
    for exception in matched.iter().filter_map(|index| policy.exceptions.get(*index)) {
        names.push(exception.qualified.as_str());
        if selected.is_none_or(|selected| exception.priority > selected.priority.max(0)) {
            selected = Some(exception);
        }
    }
    let (status, word) = match selected.is_some_and(|exception| exception.passes) {
        true => ("pass", "passed"),
        false => ("skip", "skipped"),
    };
    let message = format!("rule is {word} due to policy exception: {}", names.join(", "));
    Rule { status, name: "exception", message }
}
