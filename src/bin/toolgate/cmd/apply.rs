//! `toolgate apply`: what policies say of payloads of their mode, with the rows of `kyverno apply` and what Kyverno's server
//! would answer.

mod report;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use bumpalo::Bump;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use toolgate::Outcome;
use toolgate::internal::budget::Budget;
use toolgate::internal::gateway::json::Form;
use toolgate::internal::gateway::payload::payload;
use toolgate::internal::gateway::{envoy, json};
use toolgate::internal::library::capability::Session;
use toolgate::internal::policy::ask::{ErrorText, Opinion, Verdict, ask_alone, rule};
use toolgate::internal::policy::compile::CompiledSet;
use toolgate::internal::policy::compiled::CompiledPolicy;
use toolgate::internal::policy::decide::{Ruling, decide};
use toolgate::internal::policy::model::{Mode, Policy};
use toolgate::internal::policy::set::compiled;
use toolgate::internal::value::Value;
use toolgate::internal::visible::printable;

use super::input::{self, Input};
use super::policies::{self, live};
use crate::args::{Apply, Format, ReportFormat};
use crate::document::{Documents, is_scored};
use crate::report::{BOLD, GREEN, RED, Report, Status, YELLOW};
use crate::table::{self, Cell};

/// Asks each policy alone, and all together.
pub(crate) fn run(arguments: &Apply) -> Report {
    all(arguments).plain(arguments.look.remove_color)
}

fn all(arguments: &Apply) -> Report {
    let mut report = Report::default();
    let json: Vec<PathBuf> = arguments.json_payload.iter().chain(&arguments.json).cloned().collect();
    let payloads =
        [(Mode::Http, &arguments.http_payload), (Mode::Envoy, &arguments.envoy_payload), (Mode::Json, &json)];
    for path in payloads.iter().filter(|(mode, _)| *mode != Mode::Json).flat_map(|(_, paths)| *paths) {
        if Form::of(path) == Some(Form::Yaml) {
            report.error(&format!(
                "`{}` is no payload: only payloads of mode JSON may be YAML, and policies stand before `--http-payload` and `--envoy-payload`",
                path.display()
            ));
            return report;
        }
    }
    let inputs = payloads.map(|(mode, paths)| (mode, input::read(paths, &mut report)));
    // `--json-payload` takes all that follows it, and a policy is YAML as a payload may be.
    let greedy =
        |input: &&Input| arguments.json_payload.iter().any(|path| path.display().to_string() == input.name);
    let payloads =
        inputs.iter().filter(|(mode, _)| *mode == Mode::Json).flat_map(|(_, inputs)| inputs).flatten();
    if let Some(policy) = payloads.filter(greedy).find(|input| is_policy(input)) {
        report.error(&format!(
            "`{}` is a policy, and policies stand before `--json-payload`; `--json` takes one file, of any kind",
            policy.name
        ));
        return report;
    }
    let given = match arguments.context_file.as_deref().map(policies::context_file).transpose() {
        Ok(given) => given,
        Err(error) => {
            report.error(&error);
            return report;
        }
    };
    let policies = policies::opened(&arguments.paths, &arguments.exception, &arguments.config, given);
    if !policies.diagnostics.is_empty() {
        report.refuse(&policies.diagnostics);
    }
    let Some(set) = policies.set.clone() else {
        report.raise(Status::BadPolicies);
        return report;
    };
    let mut lines = Vec::new();
    for (mode, inputs) in &inputs {
        if inputs.iter().flatten().next().is_some()
            && compiled(&set).policies.iter().all(|policy| policy.mode != *mode)
        {
            let mode = mode.as_str();
            report.warning(&format!(
                "no policy is of mode {mode}: nobody is asked about the payloads of that mode"
            ));
        }
        for input in inputs.iter().flatten() {
            let session = policies.session();
            lines.extend(apply(compiled(&set), *mode, input, &session, &mut report));
        }
    }
    let documents = Documents::of(&policies.written);
    let unscored = policies.written.iter().filter(|policy| !is_scored(documents.get(policy)));
    let unscored: BTreeSet<&str> = unscored.map(|policy| policy.name.value.as_str()).collect();
    for row in lines.iter_mut().flat_map(|line| &mut line.policies) {
        if row.result == "fail" && (arguments.audit_warn || unscored.contains(row.policy.as_str())) {
            row.result = "warn";
        }
    }
    if arguments.fail_on_deny && !lines.iter().all(Line::passes) {
        report.raise(Status::Failed);
    }
    match arguments.output {
        _ if arguments.policy_report => {
            reports(arguments.output_format, &lines, &policies.written, &documents, &mut report);
        }
        Format::Json => lines.iter().for_each(|line| report.json(line)),
        Format::Text => text(&lines, &mut report),
    }
    if is_worth_a_warning(arguments, &lines) {
        report.exit_with(arguments.warn_exit_code);
    }
    report
}

/// Prints Kyverno's policy report.
fn reports(
    format: ReportFormat,
    lines: &[Line],
    policies: &[Policy],
    documents: &Documents,
    report: &mut Report,
) {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    for (index, tree) in
        report::reports(lines, policies, documents, elapsed.as_secs()).into_iter().enumerate()
    {
        match format {
            ReportFormat::Json => report.json(&tree),
            ReportFormat::Yaml if index == 0 => report.text(tree.to_string()),
            ReportFormat::Yaml => report.text(format!("---\n{tree}")),
        }
    }
}

/// Whether the exit code for warnings is due: Kyverno gives its own for failures and errors before. It never counts a warning in
/// these modes, and so has that of `--warn-no-pass` alone.
fn is_worth_a_warning(arguments: &Apply, lines: &[Line]) -> bool {
    let any = |result| lines.iter().flat_map(|line| &line.policies).any(|row| row.result == result);
    !any("fail") && !any("error") && (any("warn") || (arguments.warn_no_pass && !any("pass")))
}

/// Whether this is YAML with a document of Kyverno's policies.
fn is_policy(input: &Input) -> bool {
    Form::of(Path::new(&input.name)) == Some(Form::Yaml)
        && String::from_utf8_lossy(&input.bytes)
            .lines()
            .any(|line| line.starts_with("apiVersion:") && line.contains("policies.kyverno.io/"))
}

/// Whether this is an event of the gateway, by what no payload has.
fn is_event(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Event {
        interceptor_input_version: Option<IgnoredAny>,
        mcp: Option<Envelope>,
        http: Option<Envelope>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Envelope {
        gateway_request: Option<IgnoredAny>,
    }
    serde_json::from_slice::<Event>(bytes).is_ok_and(|event| {
        let envelopes = [event.mcp, event.http];
        event.interceptor_input_version.is_some()
            || envelopes.into_iter().flatten().any(|envelope| envelope.gateway_request.is_some())
    })
}

/// What came of one payload, as a line of JSON.
#[derive(Debug, Serialize)]
struct Line {
    /// The file as the user wrote it.
    payload: String,
    /// What the server would answer: `allow`, `deny`, `error`, or `none` if no policy spoke.
    decision: Outcome,
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
#[derive(Debug, Default, Serialize)]
struct Row {
    policy: String,
    /// `pass`, `fail`, `warn`, `skip` or `error`.
    result: &'static str,
    /// Kyverno's words.
    message: String,
    /// The name of the rule in mode JSON, if it has one.
    #[serde(skip)]
    rule: &'static str,
    /// The validation of mode JSON that failed.
    #[serde(skip)]
    validation: Option<usize>,
    /// The exceptions that exempt from it.
    #[serde(skip)]
    exceptions: Vec<String>,
}

/// A payload that does not decode is an error of usage.
fn apply(
    set: &CompiledSet<'_>,
    mode: Mode,
    input: &Input,
    session: &Session,
    report: &mut Report,
) -> Option<Line> {
    if is_event(&input.bytes) {
        report.warning(&format!(
            "`{}` looks like an event of the gateway, which is no payload: `toolgate decide` answers events",
            input.name
        ));
    }
    let arena = Bump::new();
    let mut budget = Budget::default();
    let request = match mode {
        Mode::Http => payload(&input.bytes, &arena, &mut budget).map(|payload| {
            if !payload.has_mcp && set.reads.reads("mcp") {
                report.warning(&format!(
                    "a policy reads `object.mcp`, and the payload `{}` has no `mcp`: the server would compute it from \
                     the body, here it is empty",
                    input.name
                ));
            }
            payload.request
        }),
        Mode::Envoy => envoy::payload(&input.bytes, &arena, &mut budget),
        Mode::Json => {
            // What comes through a pipe has no ending.
            let form = Form::of(Path::new(&input.name)).unwrap_or(Form::Json);
            json::payload(&input.bytes, form, &arena, &mut budget)
        }
    };
    let request = match request {
        Ok(request) => request,
        Err(error) => {
            report.error(&format!("`{}` is no {} payload: {error}", input.name, mode.as_str()));
            return None;
        }
    };
    let policies = rows(set, mode, request, &arena, session);
    let decision = decide(set, request, live(&arena, session), &mut |_, _| {});
    Some(Line::new(&input.name, mode, set, &decision, policies))
}

/// As Kyverno's command line words them (docs/kyverno.md §12); but it does not look at exceptions.
fn rows<'a>(
    set: &'a CompiledSet<'a>,
    mode: Mode,
    request: Value<'a>,
    arena: &'a Bump,
    session: &'a Session,
) -> Vec<Row> {
    let asked = set.policies.iter().filter(|policy| policy.mode == mode).map(|policy| {
        let mut row = Row { policy: policy.name.clone(), ..Row::default() };
        match ask_alone(policy, request, live(arena, session)) {
            Ok(verdict) => row.tell(policy, &verdict),
            Err(fault) => (row.result, row.message) = ("error", fault.to_string()),
        }
        row
    });
    asked.collect()
}

/// What a policy said, in Kyverno's words.
pub(crate) fn words(policy: &CompiledPolicy<'_>, verdict: &Verdict<'_>) -> (&'static str, String) {
    if policy.mode == Mode::Json {
        let rule = rule(policy, verdict);
        return (rule.status, rule.message);
    }
    match (verdict.opinion, policy.mode) {
        (Opinion::Allow, _) => ("pass", "request allowed".to_owned()),
        (Opinion::Deny(reason), Mode::Http) => ("fail", format!("request denied, reason: {reason}")),
        (Opinion::Deny(_), Mode::Envoy | Mode::Json) => {
            ("fail", format!("request denied with status code {}", verdict.status.unwrap_or_default()))
        }
        (Opinion::Nothing, _) => {
            match verdict.exceptions.first().and_then(|index| policy.exceptions.get(*index)) {
                Some(exception) => ("skip", format!("exempt by the exception {}", exception.name)),
                None => ("skip", "request does not match".to_owned()),
            }
        }
        (Opinion::Error(errors), _) => ("error", ErrorText(errors).to_string()),
    }
}

impl Row {
    fn tell(&mut self, policy: &CompiledPolicy<'_>, verdict: &Verdict<'_>) {
        (self.result, self.message) = words(policy, verdict);
        let exceptions = verdict.exceptions.iter().filter_map(|index| policy.exceptions.get(*index));
        self.exceptions = exceptions.map(|exception| exception.name.clone()).collect();
        if policy.mode == Mode::Json {
            self.rule = rule(policy, verdict).name;
            self.validation = verdict.validation.filter(|_| self.result != "pass");
        }
    }
}

impl Line {
    fn new(
        payload: &str,
        mode: Mode,
        set: &CompiledSet<'_>,
        ruling: &Ruling<'_>,
        policies: Vec<Row>,
    ) -> Line {
        // Envoy answers 403 where Kyverno's answer names no status, and where Kyverno fails.
        let named = ruling.status.and_then(|status| u16::try_from(status).ok());
        let named = named.filter(|status| (100..=599).contains(status)).unwrap_or(403);
        let failed = if mode == Mode::Envoy { 403 } else { 500 };
        let (outcome, status, reason, error) = match ruling.opinion {
            Ok(Opinion::Allow) => (Outcome::Allow, 200, None, None),
            Ok(Opinion::Nothing) => (Outcome::NoOpinion, 200, None, None),
            Ok(Opinion::Deny(reason)) => (Outcome::Deny, named, Some(reason.to_owned()), None),
            Ok(Opinion::Error(errors)) => (Outcome::Error, failed, None, Some(ErrorText(errors).to_string())),
            Err(fault) => (Outcome::Error, failed, None, Some(fault.to_string())),
        };
        let policy = ruling.policy.and_then(|index| set.policies.get(index));
        let rule = policy.zip(ruling.validation).and_then(|(policy, index)| policy.paths.get(index));
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

    /// Whether the request goes on.
    fn passes(&self) -> bool {
        matches!(self.decision, Outcome::Allow | Outcome::NoOpinion)
    }

    /// `request.json: deny 403, a-policy, spec.validations[0]: reason`
    fn summary(&self) -> String {
        let style = if self.passes() { GREEN } else { RED };
        let mut text = format!("{BOLD}{}{BOLD:#}: ", printable(&self.payload));
        text.push_str(&format!("{style}{} {}{style:#}", self.decision.as_str(), self.status));
        for part in [&self.policy, &self.rule].into_iter().flatten() {
            text.push_str(&format!(", {}", printable(part)));
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
    let [mut pass, mut fail, mut warn, mut error, mut skip] = [0_usize; 5];
    for (line, row) in lines.iter().flat_map(|line| line.policies.iter().map(move |row| (line, row))) {
        let (count, shown, style) = match row.result {
            "pass" => (&mut pass, "Pass", GREEN),
            "fail" => (&mut fail, "Fail", RED),
            "warn" => (&mut warn, "Warn", YELLOW),
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
    report.text(format!("\npass: {pass}, fail: {fail}, warn: {warn}, error: {error}, skip: {skip}\n"));
}
