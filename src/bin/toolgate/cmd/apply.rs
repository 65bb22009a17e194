//! `toolgate apply`: what policies say of HTTP payloads, with the rows of `kyverno apply` and what Kyverno's server
//! would answer.

use std::path::Path;

use bumpalo::Bump;
use serde::Serialize;
use toolgate::cel::budget::Budget;
use toolgate::cel::plan::Arena;
use toolgate::diag::report::printable;
use toolgate::gateway::payload::{Payload, payload};
use toolgate::policy::compile::CompiledSet;
use toolgate::policy::decide::{Decision, ErrorText, Opinion, Outcome, ask_alone, decide};
use toolgate::value::Value;

use super::input::{self, Input};
use super::policies;
use crate::args::{Apply, Format};
use crate::report::{BOLD, GREEN, RED, Report, Status, YELLOW};
use crate::table::{self, Cell};

/// Asks each policy alone, and all together.
pub(crate) fn run(arguments: &Apply) -> Report {
    let mut report = Report::default();
    for path in &arguments.http_payload {
        if is_yaml(path) {
            report.error(&format!(
                "`{}` is no payload: payloads are JSON, and policies stand before `--http-payload`",
                path.display()
            ));
            return report;
        }
    }
    let inputs = input::read(&arguments.http_payload, &mut report);
    let arena = Arena::new();
    let policies = policies::read(&arguments.paths, &arena);
    if !policies.diagnostics.is_empty() {
        report.refuse(&policies.diagnostics);
    }
    let Some(set) = policies.set else {
        report.raise(Status::BadPolicies);
        return report;
    };
    let mut lines = Vec::new();
    for input in inputs.iter().flatten() {
        lines.extend(apply(&set, input, &mut report));
    }
    if arguments.fail_on_deny && lines.iter().any(|line| line.status != 200) {
        report.raise(Status::Denied);
    }
    match arguments.output {
        Format::Json => lines.iter().for_each(|line| report.json(line)),
        Format::Text => text(&lines, &mut report),
    }
    report
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
}

/// What came of one payload, as a line of JSON.
#[derive(Debug, Serialize)]
struct Line {
    /// The file as the user wrote it.
    payload: String,
    /// What the server would answer: `allow`, `deny`, `error`, or `none` if no policy spoke.
    decision: &'static str,
    /// With which HTTP status.
    status: u16,
    reason: Option<String>,
    /// The policy that decided.
    policy: Option<String>,
    /// Its rule that decided: `spec.validations[0]`.
    rule: Option<String>,
    error: Option<String>,
    /// What each policy alone says.
    policies: Vec<Row>,
}

/// What one policy alone says.
#[derive(Debug, Serialize)]
struct Row {
    policy: String,
    /// `pass`, `fail`, `skip` or `error`.
    result: &'static str,
    /// Kyverno's words.
    message: String,
}

/// A payload that does not decode is an error of usage.
fn apply(set: &CompiledSet<'_>, input: &Input, report: &mut Report) -> Option<Line> {
    let arena = Bump::new();
    let Payload { request, has_mcp } = match payload(&input.bytes, &arena, &mut Budget::default()) {
        Ok(payload) => payload,
        Err(error) => {
            report.error(&format!("`{}` is no HTTP payload: {error}", input.name));
            return None;
        }
    };
    if !has_mcp && set.reads.reads("mcp") {
        report.warning(&format!(
            "a policy reads `object.mcp`, and the payload `{}` has no `mcp`: the server would compute it from the \
             body, here it is empty",
            input.name
        ));
    }
    let policies = rows(set, request, &arena);
    let decision = decide(set, request, &arena, Budget::default(), &mut |_, _| {});
    Some(Line::new(&input.name, set, &decision, policies))
}

/// As Kyverno's command line words them (kyverno-semantics §6.2).
fn rows<'a>(set: &'a CompiledSet<'a>, request: Value<'a>, arena: &'a Bump) -> Vec<Row> {
    let asked = set.policies.iter().map(|policy| {
        let (result, message) = match ask_alone(policy, request, arena, Budget::default()) {
            Ok(verdict) => match verdict.opinion {
                Opinion::Allow => ("pass", "request allowed".to_owned()),
                Opinion::Deny(reason) => ("fail", format!("request denied, reason: {reason}")),
                Opinion::Nothing => ("skip", "request does not match".to_owned()),
                Opinion::Error(errors) => ("error", ErrorText(errors).to_string()),
            },
            Err(fault) => ("error", fault.to_string()),
        };
        Row { policy: policy.name.clone(), result, message }
    });
    asked.collect()
}

impl Line {
    fn new(payload: &str, set: &CompiledSet<'_>, decision: &Decision<'_>, policies: Vec<Row>) -> Line {
        let (outcome, status, reason, error) = match decision.outcome {
            Outcome::Allow => ("allow", 200, None, None),
            Outcome::Nothing => ("none", 200, None, None),
            Outcome::Deny(reason) => ("deny", 403, Some(reason.to_owned()), None),
            Outcome::Error(errors) => ("error", 500, None, Some(ErrorText(errors).to_string())),
            Outcome::Fault(fault) => ("error", 500, None, Some(fault.to_string())),
        };
        let policy = decision.policy.and_then(|index| set.policies.get(index));
        let rule = policy.zip(decision.validation).and_then(|(policy, index)| policy.paths.get(index));
        Line {
            payload: payload.to_owned(),
            decision: outcome,
            status,
            reason,
            policy: policy.map(|policy| policy.name.clone()),
            rule: rule.cloned(),
            error,
            policies,
        }
    }

    /// `request.json: deny 403, a-policy, spec.validations[0]: reason`
    fn summary(&self) -> String {
        let style = if self.status == 200 { GREEN } else { RED };
        let mut text = format!("{BOLD}{}{BOLD:#}: ", printable(&self.payload));
        text.push_str(&format!("{style}{} {}{style:#}", self.decision, self.status));
        for part in [&self.policy, &self.rule].into_iter().flatten() {
            text.push_str(&format!(", {part}"));
        }
        if let Some(why) = self.reason.as_ref().or(self.error.as_ref()) {
            text.push_str(&format!(": {}", printable(why)));
        }
        text.push('\n');
        text
    }
}

/// The table of rows, a line for each decision, and Kyverno's line of numbers.
fn text(lines: &[Line], report: &mut Report) {
    if lines.is_empty() {
        return;
    }
    let mut rows = Vec::new();
    let [mut pass, mut fail, mut error, mut skip] = [0_usize; 4];
    for (line, row) in lines.iter().flat_map(|line| line.policies.iter().map(move |row| (line, row))) {
        let (count, shown, style) = match row.result {
            "pass" => (&mut pass, "Pass", GREEN),
            "fail" => (&mut fail, "Fail", RED),
            "error" => (&mut error, "Error", RED),
            _ => (&mut skip, "Skip", YELLOW),
        };
        *count = count.saturating_add(1);
        rows.push([
            Cell::plain(&rows.len().saturating_add(1).to_string()),
            Cell::plain(&row.policy),
            Cell::plain(&line.payload),
            Cell::styled(shown, style),
            Cell::plain(&row.message),
        ]);
    }
    report.text(table::render(["ID", "POLICY", "RESOURCE", "RESULT", "MESSAGE"], &rows));
    report.text("\n");
    lines.iter().for_each(|line| report.text(line.summary()));
    report.text(format!("\npass: {pass}, fail: {fail}, warn: 0, error: {error}, skip: {skip}\n"));
}
