//! A fixture's cases through the function that answers the gateway.

use std::fs;
use std::sync::Arc;

use toolgate::cel::plan::Arena;
use toolgate::diag::{self, Code, Diagnostic};
use toolgate::interceptor::{Answer, Interceptor, Record, Scratch};
use toolgate::policy::compile::compile;
use toolgate::policy::decide::Effect;
use toolgate::policy::load::load;
use toolgate::source::Source;

use super::event;
use super::filter::Filter;
use super::fixture::{Case, Expect, Fixture, Message, shown};

/// What came of a fixture.
#[derive(Debug)]
pub(crate) struct FixtureResult {
    /// Its name.
    pub(crate) name: String,
    /// What is wrong with its policies, or only warnings.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Whether the policies load; if not, no case was run.
    pub(crate) loads: bool,
    /// Its cases, one for each call of a table.
    pub(crate) cases: Vec<CaseResult>,
}

/// What came of one message.
#[derive(Debug)]
pub(crate) struct CaseResult {
    /// The case's name; in a table, with the number of the call.
    pub(crate) name: String,
    /// The line of the message in the fixture's file.
    pub(crate) line: usize,
    /// The call or the event's file, for people.
    pub(crate) message: String,
    /// What is not as expected.
    pub(crate) mismatches: Vec<Mismatch>,
    /// What was decided.
    pub(crate) got: Got,
    /// What each policy that was asked said.
    pub(crate) verdicts: Vec<(String, String)>,
}

/// One part of an expectation that does not hold.
#[derive(Debug)]
pub(crate) struct Mismatch {
    /// The field of `expect`.
    pub(crate) what: &'static str,
    /// What the fixture says.
    pub(crate) expected: String,
    /// What came.
    pub(crate) got: String,
}

/// What was decided, in the words of `toolgate decide --output json`.
#[derive(Debug, Default)]
pub(crate) struct Got {
    /// `allow` or `deny`
    pub(crate) effect: &'static str,
    /// `allow`, `deny`, `error`, `none`, `fault`, `refused` or `pass`
    pub(crate) decision: &'static str,
    pub(crate) reason: Option<String>,
    pub(crate) policy: Option<String>,
    pub(crate) rule: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) refusal: Option<String>,
}

/// Runs the cases that `filter` wants; none if it wants none.
pub(super) fn run(source: &Arc<Source>, fixture: &Fixture, filter: &Filter) -> Option<FixtureResult> {
    let wanted: Vec<&Case> =
        fixture.cases.iter().filter(|case| filter.wants(source.name(), &fixture.name, &case.name)).collect();
    if wanted.is_empty() {
        return None;
    }
    let mut result = FixtureResult {
        name: fixture.name.clone(),
        diagnostics: Vec::new(),
        loads: false,
        cases: Vec::new(),
    };
    let arena = Arena::new();
    let Some(interceptor) = interceptor(source, fixture, &arena, &mut result.diagnostics) else {
        return Some(result);
    };
    result.loads = true;
    let mut scratch = Scratch::default();
    let now = fixture.time.unwrap_or_else(|| jiff::Timestamp::now().as_second());
    for case in wanted {
        for (index, message) in case.messages.iter().enumerate() {
            let line = source.position(message.span.start).line;
            let name = if case.table {
                format!("{}, {}", case.name, index.saturating_add(1))
            } else {
                case.name.clone()
            };
            let (bytes, summary) = match &message.value {
                Message::Call(call) => (Ok(event::event(call)), event::summary(call)),
                Message::Event(path) => (fs::read(path), shown(source, path)),
            };
            let mut outcome = CaseResult {
                name,
                line,
                message: summary,
                mismatches: Vec::new(),
                got: Got::default(),
                verdicts: Vec::new(),
            };
            match bytes {
                Ok(bytes) => {
                    let answer = interceptor.intercept(&mut scratch, &bytes, now);
                    outcome.got = Got::new(&answer.record);
                    outcome.verdicts = verdicts(&answer.record);
                    outcome.mismatches = compare(source, &case.expect, &outcome.got, &answer);
                }
                Err(error) => outcome.mismatches.push(Mismatch {
                    what: "event",
                    expected: format!("the file `{}`", outcome.message),
                    got: error.to_string(),
                }),
            }
            result.cases.push(outcome);
        }
    }
    Some(result)
}

/// The interceptor that decides the fixture's cases; none if its policies do not load.
fn interceptor<'p>(
    source: &Arc<Source>,
    fixture: &Fixture,
    arena: &'p Arena,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Interceptor<'p>> {
    let mut missing = false;
    for path in fixture.policies.iter().filter(|path| !path.value.exists()) {
        let message = format!("there is no `{}`", path.value.display());
        diagnostics.push(Diagnostic::error(Code::NoSuchPath, message).at(source, path.span).path("policies"));
        missing = true;
    }
    if missing {
        return None;
    }
    let paths: Vec<_> = fixture.policies.iter().map(|path| path.value.clone()).collect();
    let loaded = load(&paths);
    let broken = loaded.has_errors();
    diagnostics.extend(loaded.diagnostics);
    let set = compile(&loaded.policies, arena);
    let made = match set {
        Ok(set) if !broken => Interceptor::new(set, arena, fixture.config.clone()),
        Ok(_) => Err(Vec::new()),
        Err(mistakes) => Err(mistakes),
    };
    match made {
        Ok(interceptor) => Some(interceptor.with_trace(true)),
        Err(mistakes) => {
            diagnostics.extend(mistakes);
            diag::sort(diagnostics);
            None
        }
    }
}

impl Got {
    fn new(record: &Record<'_>) -> Got {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Got {
            effect: match record.effect {
                Effect::Allow => "allow",
                Effect::Deny => "deny",
            },
            decision: record.outcome,
            reason: owned(record.reason),
            policy: owned(record.policy),
            // The validation, whether its path is told with or without its field.
            rule: owned(record.rule.map(|rule| rule.strip_suffix(".expression").unwrap_or(rule))),
            error: record.error.clone(),
            refusal: owned(record.refusal),
        }
    }

    /// `deny by no-deletes, spec.validations[0]: the reason`
    pub(crate) fn sentence(&self) -> String {
        let mut text = match self.decision {
            "none" => format!("{}: no policy spoke", self.effect),
            "pass" => format!("{}: not judged", self.effect),
            decision if decision == self.effect => decision.to_owned(),
            decision => format!("{}: {decision}", self.effect),
        };
        if let Some(policy) = &self.policy {
            text.push_str(&format!(" by {policy}"));
        }
        if let Some(rule) = &self.rule {
            text.push_str(&format!(", {rule}"));
        }
        for why in [&self.reason, &self.error, &self.refusal].into_iter().flatten() {
            text.push_str(&format!(": {why}"));
        }
        text
    }
}

fn verdicts(record: &Record<'_>) -> Vec<(String, String)> {
    record.verdicts.iter().map(|(policy, said)| ((*policy).to_owned(), said.clone())).collect()
}

/// Every part of the expectation that does not hold.
fn compare(source: &Source, expect: &Expect, got: &Got, answer: &Answer<'_>) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    let mut check = |what, expected: Option<&str>, got: Option<&str>| {
        if let Some(expected) = expected.filter(|expected| got != Some(*expected)) {
            let got = got.unwrap_or("none").to_owned();
            mismatches.push(Mismatch { what, expected: expected.to_owned(), got });
        }
    };
    check("effect", expect.effect, Some(got.effect));
    check("decision", expect.decision, Some(got.decision));
    check("reason", expect.reason.as_deref(), got.reason.as_deref());
    check("policy", expect.policy.as_deref(), got.policy.as_deref());
    check("rule", expect.rule.as_deref(), got.rule.as_deref());
    check("error", expect.error.as_deref(), got.error.as_deref());
    check("refusal", expect.refusal.as_deref(), got.refusal.as_deref());
    if let Some(path) = &expect.answer {
        let got = String::from_utf8_lossy(answer.bytes);
        let mismatch = match fs::read_to_string(&path.value) {
            Ok(expected) if compact(&expected) == compact(&got) => None,
            Ok(expected) => Some((compact(&expected), got.into_owned())),
            Err(error) => Some((format!("the file `{}`", shown(source, &path.value)), error.to_string())),
        };
        mismatches.extend(mismatch.map(|(expected, got)| Mismatch { what: "answer", expected, got }));
    }
    mismatches
}

/// JSON without the white space between its tokens.
fn compact(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    json.chars()
        .filter(|&character| {
            if quoted {
                quoted = character != '"' || escaped;
                escaped = character == '\\' && !escaped;
                return true;
            }
            quoted = character == '"';
            !matches!(character, ' ' | '\t' | '\n' | '\r')
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_between_tokens_does_not_count() {
        assert_eq!(compact("{ \"a b\" : \"\\\" \\\\\" ,\n\t\"c\": 1.0 }\n"), r#"{"a b":"\" \\","c":1.0}"#);
    }
}
