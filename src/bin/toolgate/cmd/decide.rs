//! `toolgate decide`: the interceptor's answers to events.

use serde::Serialize;
use toolgate::cel::plan::Arena;
use toolgate::diag::report::printable;
use toolgate::interceptor::{Interceptor, Record, Scratch};
use toolgate::policy::decide::Effect;

use super::{config, input, policies};
use crate::args::{Decide, DecideFormat};
use crate::report::{GREEN, RED, Report, Status};

/// Answers every event with the function that the Lambda calls.
pub(crate) fn run(arguments: &Decide) -> Report {
    let mut report = Report::default();
    let inputs = input::read(&arguments.events, &mut report);
    let arena = Arena::new();
    let policies = policies::read(&arguments.policies, &arena);
    let config = config::load(&arguments.config, &arguments.policies);
    let diagnostics = config::together(&config, policies.diagnostics);
    if !diagnostics.is_empty() {
        report.refuse(&diagnostics);
    }
    let (Some(set), Ok(mut config)) = (policies.set, config) else {
        report.raise(Status::BadPolicies);
        return report;
    };
    if let Some(default) = arguments.default {
        config.default_decision = default.into();
    }
    let interceptor = match Interceptor::new(set, &arena, config) {
        Ok(interceptor) => interceptor.with_trace(arguments.trace),
        Err(diagnostics) => {
            report.refuse(&diagnostics);
            report.raise(Status::BadPolicies);
            return report;
        }
    };
    let mut scratch = Scratch::default();
    let now = now();
    for event in inputs.iter().flatten() {
        let answer = interceptor.intercept(&mut scratch, &event.bytes, now);
        if arguments.trace {
            report.note(trace(&event.name, &answer.record));
        }
        match arguments.output {
            DecideFormat::Answer => report.line(answer.bytes.to_vec()),
            DecideFormat::Json => report.json(&Line::new(&event.name, &answer.record)),
        }
        if arguments.fail_on_deny && answer.record.effect == Effect::Deny {
            report.raise(Status::Denied);
        }
    }
    report
}

/// The decision of one event as a line of JSON; what there is not is null.
#[derive(Serialize)]
struct Line<'a> {
    /// The event file as the user wrote it.
    event: &'a str,
    /// `allow` or `deny`.
    effect: &'static str,
    /// `allow`, `deny`, `error`, `none` (no policy spoke), `fault`, `refused` or `pass` (not judged).
    decision: &'a str,
    /// What Kyverno's server would answer.
    status: u16,
    reason: Option<&'a str>,
    policy: Option<&'a str>,
    /// `spec.validations[0]`
    rule: Option<&'a str>,
    /// The text of a CEL error or a fault; it may carry values of the call.
    error: Option<&'a str>,
    /// Why the message was refused without asking a policy.
    refusal: Option<&'a str>,
    /// What the agent was given to ask about.
    #[serde(rename = "decisionId")]
    decision_id: Option<&'a str>,
    method: Option<&'a str>,
    target: Option<&'a str>,
    tool: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn new(event: &'a str, record: &'a Record<'_>) -> Line<'a> {
        Line {
            event,
            effect: effect(record.effect),
            decision: record.outcome,
            status: record.status,
            reason: record.reason,
            policy: record.policy,
            rule: record.rule,
            error: record.error.as_deref(),
            refusal: record.refusal,
            decision_id: record.decision_id,
            method: record.method,
            target: record.target,
            tool: record.tool,
        }
    }
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
    }
}

/// One line for the event, then one for each policy that was asked.
fn trace(event: &str, record: &Record<'_>) -> String {
    let style = if record.effect == Effect::Allow { GREEN } else { RED };
    let mut text = format!("{}: {style}{}{style:#}", printable(event), effect(record.effect));
    if let Some(method) = record.method {
        text.push_str(&format!(", {}", printable(method)));
        if let Some(tool) = record.tool {
            text.push_str(&format!(" `{}`", printable(tool)));
        }
    }
    text.push_str(match record.outcome {
        "none" => ": no policy spoke",
        "pass" => ": not judged",
        _ => "",
    });
    if let Some(refusal) = record.refusal {
        text.push_str(&format!(": refused, {}", printable(refusal)));
    }
    if let Some(policy) = record.policy {
        text.push_str(&format!(": `{}`", printable(policy)));
        if let Some(rule) = record.rule {
            text.push_str(&format!(", {rule}"));
        }
    }
    text.push('\n');
    for (policy, verdict) in &record.verdicts {
        text.push_str(&format!("  {}: {}\n", printable(policy), printable(verdict)));
    }
    text
}

/// Seconds since the Unix epoch.
fn now() -> i64 {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}
