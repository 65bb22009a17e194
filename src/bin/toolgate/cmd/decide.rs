//! `toolgate decide`: the interceptor's answers to events.

use serde::Serialize;
use toolgate::internal::visible::printable;
use toolgate::{Capabilities, Context, Effect, Engine, Outcome, Record, Scratch};

use super::{config, input, policies};
use crate::args::{Decide, DecideFormat};
use crate::report::{GREEN, RED, Report, Status};

/// Answers every event with the function that the Lambda calls.
pub(crate) fn run(arguments: &Decide) -> Report {
    let mut report = Report::default();
    let inputs = input::read(&arguments.events, &mut report);
    let policies = policies::read(&arguments.policies, &arguments.config);
    let config = config::load(&arguments.config, &arguments.policies);
    let diagnostics = config::together(&config, policies.diagnostics);
    if !diagnostics.is_empty() {
        report.refuse(&diagnostics);
    }
    let (Some(set), Ok((mut config, _))) = (policies.set, config) else {
        report.raise(Status::BadPolicies);
        return report;
    };
    if let Some(default) = arguments.default {
        config.default_decision = default.into();
    }
    let given = match arguments.context_file.as_deref().map(policies::context_file).transpose() {
        Ok(given) => given,
        Err(error) => {
            report.error(&error);
            return report;
        }
    };
    if let Some(given) = &given {
        given.grant(&mut config.capabilities);
    }
    // The key is the function's to fetch, and nothing is recorded here.
    config.audit.digest_key_arn = None;
    let engine = match Engine::new(set, config) {
        Ok(engine) => engine,
        Err(diagnostics) => {
            report.refuse(&diagnostics);
            report.raise(Status::BadPolicies);
            return report;
        }
    };
    let capabilities = match given.map_or_else(|| engine.capabilities(), |given| Ok(Capabilities::of(given)))
    {
        Ok(capabilities) => capabilities,
        Err(diagnostics) => {
            report.refuse(&diagnostics);
            report.raise(Status::BadPolicies);
            return report;
        }
    };
    report.refuse(capabilities.left_out());
    let mut scratch = Scratch::default();
    let now = Context::from(std::time::SystemTime::now()).with(&capabilities);
    let context = if arguments.trace { now.traced() } else { now };
    for event in inputs.iter().flatten() {
        let decision = engine.decide(&mut scratch, &event.bytes, &context);
        if arguments.trace {
            report.note(trace(&event.name, &decision.record));
        }
        match arguments.output {
            DecideFormat::Answer => report.line(decision.answer.to_vec()),
            DecideFormat::Json => report.json(&Line { event: &event.name, record: &decision.record }),
        }
        if arguments.fail_on_deny && decision.record.effect == Effect::Deny {
            report.raise(Status::Failed);
        }
    }
    report
}

/// The decision of one event as a line of JSON; what there is not is null.
#[derive(Serialize)]
struct Line<'a> {
    /// The event file as the user wrote it.
    event: &'a str,
    #[serde(flatten)]
    record: &'a Record<'a>,
}

/// One line for the event, then one for each policy that was asked.
fn trace(event: &str, record: &Record<'_>) -> String {
    let style = if record.effect == Effect::Allow { GREEN } else { RED };
    let mut text = format!("{}: {style}{}{style:#}", printable(event), record.effect.as_str());
    if let Some(method) = &record.method {
        text.push_str(&format!(", {}", printable(method)));
        if let Some(tool) = &record.tool {
            text.push_str(&format!(" `{}`", printable(tool)));
        }
    }
    text.push_str(match record.outcome {
        Outcome::NoOpinion => ": no policy spoke",
        Outcome::Pass => ": not judged",
        _ => "",
    });
    if let Some(refusal) = &record.refusal {
        text.push_str(&format!(": refused, {}", printable(refusal)));
    }
    if let Some(policy) = &record.policy {
        text.push_str(&format!(": `{}`", printable(policy)));
        if let Some(rule) = &record.rule {
            text.push_str(&format!(", {rule}"));
        }
    }
    text.push('\n');
    for (policy, said) in &record.trace {
        text.push_str(&format!("  {}: {}\n", printable(policy), printable(said)));
    }
    text
}
